"""Articles in every format that is read, written by the programs' own libraries, and what is to be found in each.

The stories are made up. `write_all(folder)` writes them; a test may read the folder, or index it and ask.
"""

from __future__ import annotations

import html
import mailbox
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from books import chapter, ncx, write_book

_DATE_OF_EVERY_PDF = "2000-01-01T00:00:00+00:00"  # reportlab's own, where a file is to be the same at every run


@dataclass(frozen=True, slots=True)
class Expectation:
    """What reading a file must give. `answer` are words that the answer to `question` must have in it.

    None stands for what the format, or this file, does not say. `pages` is the number of pages.
    """

    title: str
    sentence: str
    question: str
    answer: tuple[str, ...]
    author: str | None = None
    published: str | None = None
    source: str | None = None
    language: str | None = None
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """An article before it is in any format."""

    title: str
    author: str
    day: str
    paragraphs: tuple[str, ...]


HARBOUR = Story(
    "Lindau’s harbour counts a record month",
    "Ann Lee",
    "2024-02-24",
    (
        "The harbour of Lindau handled 4,812 containers in March, more than in any month since it opened.",
        "“We had to send two ships away,” said the harbour master, Jonas Brandt. “There was no room at the quay.” "
        "A third crane is to be built by the autumn.",
        "Fishermen are less pleased. They say that the wake of the large ships tears their nets.",
    ),
)
BRIDGE = Story(
    "The Arve bridge: what the inspectors found",
    "Tomás Rey",
    "2024-02-24",
    (
        "Inspectors found 37 cracked bolts in the bridge over the Arve, the canton said on Tuesday.",
        "Lorries above 18 tonnes must take the road through Passy until the bolts are replaced. Buses may still cross.",
        "The engineer Clara Dubois, who led the inspection, blamed salt. Her report names no culprit.",
    ),
)
TIDAL = Story(
    "A turbine under the Sound of Islay",
    "Morag Sinclair",
    "2023-11-07",
    (
        "A turbine as tall as a church has been sunk in the Sound of Islay, where the tide runs at nine knots.",
        "Its builder, Calder Marine, says that it will supply 1,900 homes. “Nobody will hear it and nobody will see "
        "it,” said the company’s founder, Ewan Calder, at the pier in Port Askaig.",
        "Seals were the worry of those who objected. Divers will count them every spring for ten years, and the "
        "blades are to stand still for an hour whenever a seal comes nearer than 30 metres.",
    ),
)
TEA = Story(
    "云南古茶树迎来丰收",
    "李明",
    "2024-04-12",
    (
        "云南省临沧市的古茶树今年春季产茶八百六十吨，比去年增加一成。当地农民说，这是十年来最好的一季。",
        "“雨水来得正是时候，”茶农王秀兰说。她家有四十棵树龄超过三百年的茶树，全部由手工采摘。",
        "专家提醒，古茶树不可过度采摘。临沧市政府规定，每棵树每年只能采摘两次，违者将被罚款。",
    ),
)
ORCHARD = Story(
    "How the orchards of Kent came back",
    "Priya Nair",
    "2022-09-30",
    (
        "Kent lost nine in ten of its old orchards between 1950 and 2000. Most were grubbed up for wheat.",
        "The Weald Orchard Trust has planted 21,400 apple trees since 2009, half of them of kinds that no shop sells. "
        "Its nursery at Brenchley keeps the Maid of Kent, an apple that was thought to be lost until a postman found "
        "a tree behind a garage in 2011.",
        "Bees came back faster than anybody hoped. A count in 2021 found 64 kinds in a single orchard, among them the "
        "long-horned bee, which had not been seen in the county for thirty years.",
    ),
)
MUSEUM = Story(
    "泉州海港博物馆重新开放",
    "陈晓",
    "2024-05-18",
    (
        "泉州海港博物馆在关闭三年之后重新开放。馆内展出一艘宋代沉船，长二十四米，载有香料和瓷器。",
        "馆长林海峰说：“这艘船会讲故事。”修复工作由六十名专家完成，花费一亿两千万元。",
        "博物馆每周一闭馆，学生免费参观。",
    ),
)
LIGHTHOUSE = Story(
    "The last keeper of Skerry Light",
    "Hannah O’Neill",
    "2021-12-03",
    (
        "Donal Keane kept Skerry Light for 41 years and left it on Friday with a suitcase and a cat.",
        "The lamp has been run by a computer in Dublin since the summer. It needs 60 watts; the old one burned "
        "three litres of paraffin in an hour.",
        "“The dark is the same,” Mr Keane said. “You only notice it from the other side.”",
    ),
)
MARSH = Story(
    "The marsh that was given back",
    "Wilma Aart",
    "2018-10-02",
    (
        "The dyke of the Oostpolder was cut on the first of May, and the sea came in over 260 hectares of beet.",
        "Within a year the spoonbills had returned. The warden, Joris de Vries, counted 83 nests.",
    ),
)
TRAM = Story(
    "Night trams for Tampere",
    "Aino Salo",
    "2025-01-15",
    (
        "The trams of Tampere will run until three at night from September.",
        "Each night costs 11,500 euros",
        "Drivers get a free breakfast",
    ),
)
LIBRARY = Story(
    "A library that lends tools",
    "Femi Adeyemi",
    "2023-06-15",
    (
        "The public library of Halden lends drills, ladders and sewing machines as well as books.",
        "Last year 5,300 tools were lent and eleven were lost. The tool that is asked for most is the pressure washer.",
        "The idea came from the librarian Ingrid Moe, who could not find a plane to mend her own front door.",
    ),
)
OBSERVATORY = Story(
    "Night returns to the Atacama observatory",
    "José Muñoz",
    "2020-08-21",
    (
        "Astronomers at Cerro Alto have persuaded the town below them to change its 2,600 street lamps.",
        "The new lamps are amber and point downwards. The sky above the dome is now darker by a third, said the "
        "observatory’s director, Lucía Peña.",
        "The mayor, who paid for half of it, said that the town’s electricity bill had fallen as well.",
    ),
)
GLACIER = Story(
    "The Hintereis glacier, measured",
    "Alpine Bulletin",
    "2024-09-01T07:30:00+02:00",
    (
        "The Hintereis glacier lost 3.4 metres of its thickness this summer, the most since measuring began.",
        "Stakes that were driven into the ice in May lay on bare rock in August. The team of Eva Thaler had to walk "
        "for an hour longer than last year to reach the tongue.",
    ),
)
FERRY = Story(
    "The night ferry to Gozo stops",
    "Island Courier",
    "2024-10-02T18:05:00+02:00",
    (
        "The night ferry to Gozo will stop in November, after 62 years.",
        "Its owner, the Vella family, sold the ship to a company in Naples for 2.1 million euros.",
    ),
)
SCHOOL = Story(
    "A school without bells",
    "Island Courier",
    "2024-10-09T18:05:00+02:00",
    (
        "The primary school of Xlendi has switched off its bells, and pupils are late less often than before.",
        "The head teacher, Rita Camilleri, took the idea from a school in Turku.",
    ),
)
HARVEST = Story(
    "Saffron harvest begins in La Mancha",
    "Lola Vidal",
    "2023-10-28",
    (
        "The saffron harvest has begun in La Mancha, where 250 families still pick the flowers before dawn.",
        "It takes 150 flowers to make a gram. The price has risen to 6 euros, said Pedro Salas of the growers’ union, "
        "and he expects it to rise again before Christmas.",
        "Picking by machine has been tried and given up: the flower is too close to the ground.",
    ),
)
CLOCK = Story(
    "The clock of Brno runs again",
    "Petr Novák",
    "2023-01-09",
    (
        "The town clock of Brno runs again after a clockmaker found a wasps’ nest in its gears.",
        "Marek Dvořák needed 17 days to clean it. The clock now loses two seconds in a week.",
    ),
)


def page(story: Story, site: str, language: str, encoding: str = "utf-8") -> bytes:
    """A web page as newspapers make them: the article, and much that is not."""
    paragraphs = "\n".join(f"<p>{html.escape(text, quote=False)}</p>" for text in story.paragraphs)
    return f"""<!DOCTYPE html>
<html lang="{language}"><head><meta charset="{encoding}"><title>{story.title} | {site}</title>
<meta property="og:title" content="{story.title}"><meta property="og:site_name" content="{site}">
<meta name="author" content="{story.author}">
<meta property="article:published_time" content="{story.day}T08:00:00Z">
<script>window.tracking = {{"page": 1}};</script><style>p {{ margin: 0 }}</style></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<main><article><h1>{story.title}</h1>
{paragraphs}
</article></main>
<aside><h2>Most read</h2><ul><li><a href="/a">Ten ways to fold a towel</a></li></ul></aside>
<footer>All rights reserved. <a href="/cookies">Cookie settings</a></footer></body></html>""".encode(encoding)


def write_all(folder: Path) -> dict[str, Expectation]:
    """Write every article into `folder`; by the name of its file, or `archive!member`, what is to be found in it."""
    expected: dict[str, Expectation] = {}
    for write in _WRITERS:
        expected |= write(folder)
    return expected


def _expect(story: Story, sentence: str, question: str, *answer: str, **facts: str | int | None) -> Expectation:
    known = {"author": story.author, "published": story.day} | facts
    return Expectation(story.title, sentence, question, answer, **known)  # type: ignore[arg-type]


def _write_text(folder: Path) -> dict[str, Expectation]:
    (folder / "harbour.txt").write_text("\n\n".join([HARBOUR.title, *HARBOUR.paragraphs]), encoding="utf-8")
    question = "How many containers did the harbour of Lindau handle in March?"
    found = _expect(HARBOUR, "“There was no room at the quay.”", question, "4,812", author=None, published=None)
    return {"harbour.txt": found}


def _write_markdown(folder: Path) -> dict[str, Expectation]:
    head = f'---\ntitle: "{BRIDGE.title}"\nauthor: {BRIDGE.author}\ndate: 24 February 2024\nlanguage: en-GB\n---\n'
    (folder / "bridge.md").write_text(head + "\n" + "\n\n".join(BRIDGE.paragraphs) + "\n", encoding="utf-8")
    question = "How many cracked bolts did inspectors find in the bridge over the Arve?"
    return {"bridge.md": _expect(BRIDGE, "Buses may still cross.", question, "37", language="en")}


def _write_pages(folder: Path) -> dict[str, Expectation]:
    (folder / "tidal.html").write_bytes(page(TIDAL, "The Hebrides Herald", "en-GB"))
    (folder / "tea.htm").write_bytes(page(TEA, "云南日报", "zh-CN", "gb2312"))
    return {
        "tidal.html": _expect(
            TIDAL,
            "“Nobody will hear it and nobody will see it,” said the company’s founder, Ewan Calder",
            "How many homes will the turbine in the Sound of Islay supply?",
            "1,900",
            source="The Hebrides Herald",
            language="en",
        ),
        "tea.htm": _expect(
            TEA,
            "“雨水来得正是时候，”茶农王秀兰说。",
            "临沧市的古茶树今年春季产茶多少吨？",
            "八百六十吨",
            source="云南日报",
            language="zh",
        ),
    }


def _write_pdf(folder: Path) -> dict[str, Expectation]:
    pdf(folder / "orchard.pdf", ORCHARD, page_breaks=True)
    pdf(folder / "museum.pdf", MUSEUM, font="STSong-Light", language="zh-CN")
    return {
        "orchard.pdf": _expect(
            ORCHARD,
            "A count in 2021 found 64 kinds in a single orchard",
            "How many apple trees has the Weald Orchard Trust planted since 2009?",
            "21,400",
            published=_DATE_OF_EVERY_PDF,
            language="en",
            pages=3,
        ),
        "museum.pdf": _expect(
            MUSEUM,
            "“这艘船会讲故事。”",
            "宋代沉船长多少米？",
            "二十四米",
            published=_DATE_OF_EVERY_PDF,
            language="zh",
            pages=1,
        ),
    }


def pdf(
    path: Path,
    story: Story,
    *,
    font: str = "Times-Roman",
    language: str = "en-GB",
    page_breaks: bool = False,
    password: object = None,
) -> None:
    """A PDF with the story, each paragraph on a page of its own where there are page breaks."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    is_chinese = font == "STSong-Light"
    if is_chinese:
        pdfmetrics.registerFont(UnicodeCIDFont(font))
    wrap = {"wordWrap": "CJK"} if is_chinese else {}
    body = ParagraphStyle("body", fontName=font, fontSize=11, leading=14, spaceAfter=10, **wrap)
    heading = ParagraphStyle("heading", body, fontSize=18, leading=22)
    flow = [Paragraph(story.title, heading)]
    for text in story.paragraphs:
        flow += [Paragraph(text, body), *([PageBreak()] if page_breaks else [])]
    document = SimpleDocTemplate(
        str(path), title=story.title, author=story.author, lang=language, encrypt=password, invariant=1
    )
    document.build(flow)


def _write_word(folder: Path) -> dict[str, Expectation]:
    from docx import Document

    document = Document()
    document.core_properties.title = LIGHTHOUSE.title
    document.core_properties.author = LIGHTHOUSE.author
    document.core_properties.created = datetime.fromisoformat(LIGHTHOUSE.day)
    document.add_heading(LIGHTHOUSE.title, level=1)
    document.add_paragraph(LIGHTHOUSE.paragraphs[0])
    table = document.add_table(rows=0, cols=2)
    for cells in (("Lamp", "Range"), ("Skerry Light", "23 miles")):
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text
    for text in LIGHTHOUSE.paragraphs[1:]:
        document.add_paragraph(text)
    document.save(str(folder / "lighthouse.docx"))
    question = "For how many years did Donal Keane keep Skerry Light?"
    sentence = "“You only notice it from the other side.”"
    published = f"{LIGHTHOUSE.day}T00:00:00+00:00"
    return {"lighthouse.docx": _expect(LIGHTHOUSE, sentence, question, "41", published=published)}


def _write_open_document(folder: Path) -> dict[str, Expectation]:
    from odf.dc import Language, Title
    from odf.meta import CreationDate, InitialCreator
    from odf.opendocument import OpenDocumentText
    from odf.text import H, P

    document = OpenDocumentText()
    for kind, value in ((Title, LIBRARY.title), (InitialCreator, LIBRARY.author), (Language, "en-NG")):
        document.meta.addElement(kind(text=value))
    document.meta.addElement(CreationDate(text=LIBRARY.day))
    document.text.addElement(H(outlinelevel=1, text=LIBRARY.title))
    for text in LIBRARY.paragraphs:
        document.text.addElement(P(text=text))
    document.save(str(folder / "library.odt"))
    question = "Which tool is asked for most at the library of Halden?"
    sentence = "Last year 5,300 tools were lent and eleven were lost."
    return {"library.odt": _expect(LIBRARY, sentence, question, "pressure washer", language="en")}


def _write_separated(folder: Path) -> dict[str, Expectation]:
    rows = 'Ferry,Built,"Seats, in all"\nAstrid,1988,340\nBirgit,1994,"1,412"\nCecilie,2003,280\n'
    (folder / "ferries.csv").write_text(f"Ferries of the sound\n\n{rows}", encoding="utf-8")
    (folder / "puffins.tsv").write_text("Colony\tPairs\nNorth Stack\t420\nGull Rock\t88\nThe Skerry\t1200\n")
    sentence = "Ferry: Birgit | Built: 1994 | Seats, in all: 1,412"
    question = "When was the ferry Cecilie built?"
    birds = Expectation("puffins", "Colony: Gull Rock | Pairs: 88", "How many pairs does Gull Rock have?", ("88",))
    return {"ferries.csv": Expectation("Ferries of the sound", sentence, question, ("2003",)), "puffins.tsv": birds}


def _write_workbook(folder: Path) -> dict[str, Expectation]:
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.properties.title, workbook.properties.creator = "Viaducts of the county", "Hanna Dahl"
    workbook.properties.created = datetime(2024, 2, 24)
    sheet = workbook.active
    sheet.append(["Viaduct", "Opened", "Cost"])
    for name, opened, cost in (("Tarn", datetime(1967, 5, 4), 1_250_000), ("Skarv", datetime(1999, 9, 30), 880_000)):
        sheet.append([name, opened, cost])
        sheet.cell(sheet.max_row, 2).number_format, sheet.cell(sheet.max_row, 3).number_format = "dd/mm/yy", "#,##0"
    workbook.save(folder / "viaducts.xlsx")
    sentence = "Viaduct: Tarn | Opened: 4 May 1967 | Cost: 1,250,000"
    question, facts = "When was the Skarv viaduct opened?", ("30 September 1999",)
    title = "Viaducts of the county"
    found = Expectation(title, sentence, question, facts, author="Hanna Dahl", published="2024-02-24T00:00:00")
    return {"viaducts.xlsx": found}


def _write_rich_text(folder: Path) -> dict[str, Expectation]:
    def escaped(text: str) -> str:
        return "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in text)

    year, month, day = OBSERVATORY.day.split("-")
    info = f"{{\\info{{\\title {escaped(OBSERVATORY.title)}}}{{\\author {escaped(OBSERVATORY.author)}}}"
    created = f"{{\\creatim\\yr{year}\\mo{int(month)}\\dy{int(day)}\\hr9}}}}"
    body = "\\par\\par\n".join(escaped(text) for text in (OBSERVATORY.title, *OBSERVATORY.paragraphs))
    fonts = "{\\fonttbl{\\f0\\froman Times New Roman;}}"
    (folder / "observatory.rtf").write_text(
        f"{{\\rtf1\\ansi\\ansicpg1252\\deff0{fonts}\n{info}{created}\n{body}\\par}}"
    )
    question = "How many street lamps did the town below Cerro Alto change?"
    sentence = "said the observatory’s director, Lucía Peña."
    return {"observatory.rtf": _expect(OBSERVATORY, sentence, question, "2,600")}


def message(story: Story, *, with_page: bool = False, with_text: bool = True) -> EmailMessage:
    """A newsletter: text, the same as a page, or both."""
    mail = EmailMessage()
    mail["Subject"] = story.title
    mail["From"] = f"{story.author} <news@example.org>"
    mail["To"] = "reader@example.org"
    mail["Date"] = format_datetime(datetime.fromisoformat(story.day))
    if with_text:
        mail.set_content("\n\n".join(story.paragraphs) + "\n")
    if with_page:
        body = f"<html><body>{''.join(f'<p>{text}</p>' for text in story.paragraphs)}</body></html>"
        (mail.add_alternative if with_text else mail.set_content)(body, subtype="html")
    return mail


def _write_message(folder: Path) -> dict[str, Expectation]:
    (folder / "glacier.eml").write_bytes(message(GLACIER, with_page=True).as_bytes())
    question = "How much of its thickness did the Hintereis glacier lose this summer?"
    sentence = "Stakes that were driven into the ice in May lay on bare rock in August."
    return {"glacier.eml": _expect(GLACIER, sentence, question, "3.4 metres", source=GLACIER.author)}


def _write_mailbox(folder: Path) -> dict[str, Expectation]:
    box = mailbox.mbox(folder / "courier.mbox")
    box.add(message(FERRY))
    box.add(message(SCHOOL, with_page=True, with_text=False))
    box.close()
    price = "For how much did the Vella family sell the ship?"
    bells = "From where did Rita Camilleri take the idea to switch off the bells?"
    return {
        "courier.mbox!1": _expect(FERRY, FERRY.paragraphs[0], price, "2.1 million euros", source=FERRY.author),
        "courier.mbox!2": _expect(SCHOOL, SCHOOL.paragraphs[0], bells, "Turku", source=SCHOOL.author),
    }


def _write_book(folder: Path) -> dict[str, Expectation]:
    about = f"<dc:title>Dykes</dc:title><dc:creator>{MARSH.author}</dc:creator><dc:date>{MARSH.day}</dc:date>"
    text = "".join(f"<p>{html.escape(each)}</p>" for each in MARSH.paragraphs)
    files = {"one.xhtml": chapter(f"<h1>{MARSH.title}</h1>{text}")}
    metadata = f"{about}<dc:publisher>Delta Books</dc:publisher><dc:language>en</dc:language>"
    write_book(folder / "dykes.epub", files, contents=("toc.ncx", ncx([(MARSH.title, "one.xhtml")])), metadata=metadata)
    question = "How many nests of spoonbills did the warden Joris de Vries count?"
    found = _expect(MARSH, MARSH.paragraphs[0], question, "83", source="Delta Books", language="en")
    return {"dykes.epub!OEBPS/one.xhtml": replace(found, title=f"Dykes: {MARSH.title}")}


def _write_slides(folder: Path) -> dict[str, Expectation]:
    from pptx import Presentation

    deck = Presentation()
    deck.core_properties.title = TRAM.title
    deck.core_properties.author = TRAM.author
    deck.core_properties.created = datetime.fromisoformat(TRAM.day)
    for at, text in enumerate(TRAM.paragraphs):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"{TRAM.title}, part {at + 1}"
        slide.placeholders[1].text = text
    slide.notes_slide.notes_text_frame.text = "The first tram of the night is driven by Pekka Laine."
    deck.save(str(folder / "trams.pptx"))
    question = "Who drives the first tram of the night in Tampere?"
    published = f"{TRAM.day}T00:00:00"
    return {"trams.pptx": _expect(TRAM, TRAM.paragraphs[0], question, "Pekka Laine", published=published, pages=3)}


def _write_archive(folder: Path) -> dict[str, Expectation]:
    clock = f"# {CLOCK.title}\n\n" + "\n\n".join(CLOCK.paragraphs)
    with zipfile.ZipFile(folder / "week.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pages/harvest.html", page(HARVEST, "El Campo", "en"))
        archive.writestr("clock.md", f"---\nauthor: {CLOCK.author}\ndate: Jan. 9, 2023\n---\n{clock}\n")
        archive.writestr("__MACOSX/._clock.md", b"\x00\x05\x16\x07")
    flowers = "How many flowers does it take to make a gram of saffron?"
    nest = "What did the clockmaker find in the gears of the clock of Brno?"
    return {
        "week.zip!clock.md": _expect(CLOCK, "Marek Dvořák needed 17 days to clean it.", nest, "nest"),
        "week.zip!pages/harvest.html": _expect(
            HARVEST, "It takes 150 flowers to make a gram.", flowers, "150", source="El Campo", language="en"
        ),
    }


_WRITERS: tuple[Callable[[Path], dict[str, Expectation]], ...] = (
    _write_text,
    _write_markdown,
    _write_pages,
    _write_pdf,
    _write_word,
    _write_open_document,
    _write_rich_text,
    _write_separated,
    _write_workbook,
    _write_message,
    _write_mailbox,
    _write_book,
    _write_slides,
    _write_archive,
)
