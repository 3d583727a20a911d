"""Web pages, messages and books have the text that a browser shows of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from books import chapter, write_book

from index import LoadError
from index.parsers import extract
from index.parsers.archive import documents

BEFORE = "The harbour of Aldwick was founded in 1932 by Ann Miller, who owned ships and a warehouse near the town."
AFTER = "The last paragraph closes the report with words about the weather of the bay in the winter."
MORE = "<p>Another paragraph describes the harbours and the ships of this town, and many other things.</p>" * 3
HEADERS = (
    "From: Ann Miller <ann@example.org>\nSubject: Harbour\nDate: Tue, 4 Mar 2025 09:12:00 +0100\n"
    "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
)


def web(body: str, head: str = "") -> bytes:
    story = f"<article><h1>The harbour</h1>{head}<p>{BEFORE}</p>{body}<p>{AFTER}</p>{MORE}</article>"
    return f"<html><head><meta charset=utf-8><title>The harbour</title></head><body>{story}</body></html>".encode()


def of_page(body: str, _: Path) -> str:
    text = extract(web(body), ".html", "a.html").text
    return text.partition(BEFORE)[2].partition(AFTER)[0].strip()


def of_message(body: str, _: Path) -> str:
    return extract(f"{HEADERS}<html><body>{body}</body></html>".encode(), ".eml", "a.eml").text.strip()


def of_book(body: str, folder: Path) -> str:
    (found,) = documents(write_book(folder / "a.epub", {"a.xhtml": chapter(f"<h1>The harbour</h1>{body}")}))
    assert found.parsed is not None
    return found.parsed.text.partition("The harbour")[2].strip()


FORMATS = pytest.mark.parametrize("read", [of_page, of_message, of_book], ids=["page", "message", "book"])
Read = Callable[[str, Path], str]


@FORMATS
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("310<sup>1</sup> people", "310¹ people"),
        ('310<sup><a href="#fn1">1</a></sup> people', "310¹ people"),
        ("10<sup><span>6</span></sup> fish and 10<sup><b><i>-3</i></b></sup> bar", "10⁶ fish and 10⁻³ bar"),
        ("10<sup>2.5</sup> m, 45<sup>3,4</sup> ships", "10².⁵ m, 45³,⁴ ships"),
        ("10<sup>6n</sup> or 10<sup>n+1</sup> times", "10⁶ⁿ or 10ⁿ⁺¹ times"),
        ("10<sup>\u201312</sup> m, pages 3<sup>1\u20132</sup>", "10⁻¹² m, pages 3¹\u2013²"),
        ('10<span style="vertical-align: super">7</span> cats, CO<sub> <i>2</i></sub>', "10⁷ cats, CO₂"),
        ("10<sup>10<sup>2</sup></sup> atoms", "10¹⁰^² atoms"),
        ('45<sup><a href="#fn2">[2]</a></sup> ships on the 21<sup>st</sup>', "45[2] ships on the 21st"),
        ("5<sup>2 of them are at sea until March</sup>", "5 2 of them are at sea until March"),
    ],
)
def test_raised_and_lowered_digits_do_not_join_the_number_before_them(
    read: Read, written: str, shown: str, tmp_path: Path
) -> None:
    assert read(f"<p>The count is {written}.</p>", tmp_path) == f"The count is {shown}."


@FORMATS
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Budget <del>45</del>72 million", "Budget 72 million"),
        ("Budget <s>45</s><strike>46</strike> 72 million", "Budget 72 million"),
        ('Budget <span style="text-decoration: line-through">45</span>72 million', "Budget 72 million"),
        ('Budget <span style="Text-Decoration-Line:LINE-THROUGH!important">45</span> 72 million', "Budget 72 million"),
        ('Budget <span style="color:red;display: none">45</span>72 million', "Budget 72 million"),
        ('Budget <span hidden="">45</span><i style="visibility:hidden">46</i> 72 million', "Budget 72 million"),
        ('Budget <span class="price sr-only">45</span>72 million', "Budget 72 million"),
        ("Budget <template>45</template>72 million", "Budget 72 million"),
        ("Of 4<del>5</del>72 ships", "Of 4 72 ships"),
        ("Of 4<del>5</del><b>72</b> ships", "Of 4 72 ships"),
        ("Of 4<del>a</del><s>b</s>72 ships", "Of 4 72 ships"),
        ("The col<del>o</del>our", "The colour"),
        ('It has <span aria-hidden="true">72</span> rooms', "It has 72 rooms"),
        ('It is <i class="icon-home" aria-hidden="true">home</i>here', "It is here"),
        ("<q>We won 45 games</q>, said Ann", "“We won 45 games”, said Ann"),
    ],
)
def test_struck_and_hidden_text_is_not_read_and_numbers_stay_apart(
    read: Read, written: str, shown: str, tmp_path: Path
) -> None:
    assert read(f"<p>{written}.</p>", tmp_path) == f"{shown}."


@FORMATS
@pytest.mark.parametrize(
    "hidden",
    [
        '<p hidden="">Only 99 remain here.</p>',
        '<div style="display:none"><p>Only 99 remain here.</p></div>',
        '<p style="text-decoration:line-through">Only 99 remain here.</p>',
        "<dialog><p>Only 99 remain here.</p></dialog>",
        "<template><p>Only 99 remain here.</p></template>",
    ],
)
def test_hidden_paragraphs_are_not_read(read: Read, hidden: str, tmp_path: Path) -> None:
    assert read(f"<p>One ship left.</p>{hidden}<p>Two came.</p>", tmp_path) == "One ship left.\n\nTwo came."


@pytest.mark.parametrize("kind", ["role='doc-footnote'", "epub:type='footnote'", "epub:type='endnote'"])
def test_notes_of_a_book_that_appear_on_demand_are_read(kind: str, tmp_path: Path) -> None:
    note = f"<aside {kind} hidden='' style='display:none'><p>1. Measured in May.</p></aside>"
    assert of_book(f"<p>It is 410 metres long.</p>{note}", tmp_path).endswith("long.\n\n1. Measured in May.")


@pytest.mark.parametrize("style", ["display:none", "visibility:hidden"])
def test_a_page_that_hides_all_of_its_text_until_a_script_runs_is_read(style: str) -> None:
    page = f'<html><body><div style="{style}"><article><p>{BEFORE}</p><p>{AFTER}</p></article></div></body></html>'
    assert BEFORE in extract(page.encode(), ".html", "a.html").text


@FORMATS
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<msup><mn>10</mn><mn>9</mn></msup>", "10⁹"),
        ("<mfrac><mn>3</mn><mn>4</mn></mfrac>", "3/4"),
        ("<mn>45</mn>", "45"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", "√(x+1)"),
        (
            "<msub><mi>x</mi><mn>1</mn></msub><mo>=</mo><msup><mn>10</mn><mrow><mo>−</mo><mn>3</mn></mrow></msup>",
            "x₁ = 10⁻³",
        ),
        (
            "<semantics><mrow><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></mrow><annotation>mc^2</annotation></semantics>",
            "mc²",
        ),
    ],
)
def test_formulas_are_text(read: Read, written: str, shown: str, tmp_path: Path) -> None:
    assert read(f"<p>Energy is <math>{written}</math> joules.</p>", tmp_path) == f"Energy is {shown} joules."


@FORMATS
@pytest.mark.parametrize(
    "formula",
    [
        '<span><span class="katex-mathml">{}</span><span class="katex-html" aria-hidden="true">x 5</span></span>',
        '<span><span style="display: none;">{}</span><img alt="x 5" aria-hidden="true"/></span>',
        '<span><span aria-hidden="true">x 5</span><span role="presentation">{}</span></span>',
    ],
    ids=["KaTeX", "MediaWiki", "MathJax"],
)
def test_a_formula_that_is_written_twice_is_read_once(read: Read, formula: str, tmp_path: Path) -> None:
    math = "<math><mi>x</mi><mo>=</mo><mn>5</mn></math>"
    assert read(f"<p>Then {formula.format(math)} holds.</p>", tmp_path) == "Then x = 5 holds."


@FORMATS
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<ruby>BASE<rp>(</rp><rt>RT</rt><rp>)</rp></ruby>", "BASE(RT)"),
        ("<ruby>東<rt>とう</rt>京<rt>きょう</rt></ruby>", "東京(とうきょう)"),
        ("<ruby>北<rt>běi</rt>京<rt>jīng</rt></ruby>", "北京(běi jīng)"),
    ],
)
def test_the_reading_of_characters_follows_them(read: Read, written: str, shown: str, tmp_path: Path) -> None:
    assert read(f"<p>The name {written} is old.</p>", tmp_path) == f"The name {shown} is old."


HEAD = "<tr><th>Parish</th><th>2021</th><th>2022</th><th>2023</th></tr>"


@FORMATS
@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        (
            "<tr><td rowspan='2'>Combe</td><td>1</td><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td><td>6</td></tr>",
            "Parish: Combe | 2021: 1 | 2022: 2 | 2023: 3\nParish: Combe | 2021: 4 | 2022: 5 | 2023: 6",
        ),
        (
            "<tr><td colspan='2'>Burton</td><td>4</td><td>5</td></tr>"
            "<tr><td>Holm</td><td>6</td><td>7</td><td>8</td></tr>",
            "Parish: Burton | 2022: 4 | 2023: 5\nParish: Holm | 2021: 6 | 2022: 7 | 2023: 8",
        ),
        (
            "<tr><td>Combe</td><td>1</td><td>2</td><td rowspan='0'>none</td></tr><tr><td>Holm</td><td>3</td></tr>"
            "<tr><td>Vik</td><td>4</td><td>5</td></tr>",
            "Parish: Combe | 2021: 1 | 2022: 2 | 2023: none\nParish: Holm | 2021: 3 | 2023: none\n"
            "Parish: Vik | 2021: 4 | 2022: 5 | 2023: none",
        ),
        (
            "<tbody><tr><td rowspan='5'>Combe</td><td>1</td><td>2</td><td>3</td></tr></tbody>"
            "<tbody><tr><td>Holm</td><td>4</td><td>5</td><td>6</td></tr></tbody>",
            "Parish: Combe | 2021: 1 | 2022: 2 | 2023: 3\nParish: Holm | 2021: 4 | 2022: 5 | 2023: 6",
        ),
        (
            "<tr><td>Combe</td><td style='display:none'>99</td><td>1</td><td>2</td><td>3</td></tr>"
            "<tr hidden=''><td>Gone</td><td>4</td><td>5</td><td>6</td></tr>"
            "<tr><td>Holm</td><td hidden=''>98</td><td>4</td><td>5</td><td>6</td></tr>",
            "Parish: Combe | 2021: 1 | 2022: 2 | 2023: 3\nParish: Holm | 2021: 4 | 2022: 5 | 2023: 6",
        ),
        (
            "<tr><td>Combe</td><td style='text-decoration:line-through'>99</td><td>2</td><td><s>8</s>3</td></tr>"
            "<tr><td>Holm</td><td style='visibility:hidden'>99</td><td>5</td><td>6</td></tr>",
            "Parish: Combe | 2022: 2 | 2023: 3\nParish: Holm | 2022: 5 | 2023: 6",
        ),
        (
            "<tfoot><tr><td>Total</td><td>5</td><td>7</td><td>9</td></tr></tfoot>"
            "<tbody><tr><td>Combe</td><td>1</td><td>2</td><td>3</td></tr></tbody>",
            "Parish: Combe | 2021: 1 | 2022: 2 | 2023: 3\nParish: Total | 2021: 5 | 2022: 7 | 2023: 9",
        ),
    ],
    ids=["rows", "columns", "all rows", "groups", "hidden", "struck", "a foot above the body"],
)
def test_the_cells_of_a_table_are_under_their_columns(read: Read, rows: str, shown: str, tmp_path: Path) -> None:
    assert read(f"<p>Visitors.</p><table>{HEAD}{rows}</table>", tmp_path) == f"Visitors.\n\n{shown}"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<dl><dt>Tide</dt><dt>Ebb</dt><dd>both at 7</dd></dl>", "Tide, Ebb: both at 7"),
        ("<dl><dt>Tide<dt>Ebb<dd>both at 7</dl>", "Tide, Ebb: both at 7"),
        ("<dl><dt>2022</dt><dd>310</dd><dt>2023</dt><dd>420</dd></dl>", "2022: 310"),
        ("<dl><dt>Area<dd>48 km<sup>2</sup><dd>by sea<dt>Depth<dd>9 m</dl>", "Area: 48 km²"),
    ],
)
@pytest.mark.parametrize("read", [of_page, of_message])
def test_terms_are_named_with_what_is_said_of_them(read: Read, written: str, shown: str, tmp_path: Path) -> None:
    assert read(written, tmp_path).splitlines()[0].removeprefix("- ") == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (
            '<p>The strike began on <time datetime="1999-03-05">5 March 1999</time> in the harbour of the town.</p>',
            "The strike began on 5 March 1999 in the harbour of the town.",
        ),
        (
            "<p>The strike began on <time>1999-03-05</time> in the harbour.</p>",
            "The strike began on 1999-03-05 in the harbour.",
        ),
        (
            "<ul><li>Doors open at <time>19:30</time> and close at <time>23:00</time>.</li></ul>",
            "- Doors open at 19:30 and close at 23:00.",
        ),
        (
            '<p><time datetime="2021-05-05">5 May 2021</time>: The second bridge opened to the public at last.</p>',
            "5 May 2021: The second bridge opened to the public at last.",
        ),
        (
            '<div>The strike began on <time datetime="1999-03-05">5 March 1999</time> in the harbour of'
            " the town, and 45 ships waited outside.</div>",
            "The strike began on 5 March 1999 in the harbour of the town, and 45 ships waited outside.",
        ),
        (
            "<table><tr><th>Event<th>Day<th>No<tr><td>Fair<td><time>5 May</time><td>1<tr><td>Race<td>"
            '<time datetime="2001-05-06">6 May</time><td>2</table>',
            "Event: Fair | Day: 5 May | No: 1\nEvent: Race | Day: 6 May | No: 2",
        ),
    ],
)
def test_times_in_sentences_are_text_and_not_the_date_of_a_page(written: str, shown: str) -> None:
    found = extract(web(written), ".html", "a.html")
    assert shown in found.text
    assert found.published is None


def test_the_times_of_a_live_blog_are_text() -> None:
    blocks = [f"<div><time>{hour}:42</time><h2>News {hour}</h2><p>{AFTER}</p></div>" for hour in (18, 17, 15)]
    page = f"<html><body><article><h1>The storm</h1>{''.join(blocks)}</article></body></html>"
    text = extract(page.encode(), ".html", "a.html").text
    assert [line for line in text.splitlines() if ":" in line] == ["18:42", "17:42", "15:42"]


@pytest.mark.parametrize(
    "head",
    [
        '<time datetime="2024-02-24">24 February 2024</time>',
        '<p>By Ann Lee, <time itemprop="datePublished" datetime="2024-02-24">24 February 2024</time></p>',
        '<p class="byline">By Ann Lee, <time datetime="2024-02-24">24 February 2024</time></p>',
        '<div class="post-meta"><a href="/ann">Ann Lee</a> · <time datetime="2024-02-24">24 Feb</time></div>',
        '<header><p><time pubdate datetime="2024-02-24">24 Feb</time></p></header>',
        '<span class="entry-date"><time>2024-02-24</time></span>',
    ],
)
def test_the_date_of_a_page_is_the_one_that_it_marks(head: str) -> None:
    later = '<p>The strike began on <time datetime="2019-03-05">5 March 2019</time> in the harbour of the town.</p>'
    assert extract(web(later, head), ".html", "a.html").published == "2024-02-24"


@pytest.mark.parametrize("tag", ["<p {}>", "<!-- <p a=' --><script><p a='</script><p {}>", "<p b=\"'\" c='>' {} d>"])
@pytest.mark.parametrize(("suffix", "before"), [(".html", ""), (".eml", HEADERS)])
def test_a_tag_with_very_many_attributes_is_skipped_with_the_reason(tag: str, suffix: str, before: str) -> None:
    def page(count: int) -> bytes:
        names = " ".join(f"a{number}" for number in range(count))
        return f"{before}<html><body><p>{BEFORE}</p>{tag.format(names)}{AFTER}</p></body></html>".encode()

    with pytest.raises(LoadError, match="one of its tags has more than 1,000 attributes"):
        extract(page(1_001), suffix, f"a{suffix}")
    assert BEFORE in extract(page(900), suffix, f"a{suffix}").text


def test_a_chapter_with_such_a_tag_is_skipped_and_the_others_are_read(tmp_path: Path) -> None:
    names = " ".join(f"a{number}" for number in range(1_001))
    book = write_book(tmp_path / "a.epub", {"a.xhtml": chapter(f"<p {names}>A</p>"), "b.xhtml": chapter("<p>B</p>")})
    failed, read = documents(book)
    with pytest.raises(LoadError, match="one of its tags has more than 1,000 attributes"):
        failed.read()
    assert read.parsed is not None
    assert read.parsed.text == "B"
