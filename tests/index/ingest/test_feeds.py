"""A feed or sitemap gives an article for each entry; the next run reads what is new or changed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import httpcore
import pytest
from pytest_httpserver import HTTPServer

from index import Article, Index, LoadError, Skipped, SyncReport, UploadBudget
from index.ingest import feeds, loader, public_addresses
from index.ingest.loader import load
from index.parsers.feeds import feed as parser
from index.parsers.feeds.feed import read_listing
from index.paths import is_same_server

PAGE = "<html><head><title>{0}</title></head><body><article><p>{1}</p></article></body></html>"
RSS = 'version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
KINDS = {"/feed": "application/rss+xml", "/atom": "application/atom+xml", "/json": "application/feed+json"}


def rss(*items: str) -> str:
    """A feed of RSS with these items."""
    about = "<title>Harbour &amp; Quay</title><link>https://quay.example/</link><language>en-gb</language>"
    return f'<?xml version="1.0"?><rss {RSS}><channel>{about}{"".join(items)}</channel></rss>'


def item(title: str, link: str = "", *, content: str = "", day: str = "", rest: str = "") -> str:
    """An item of RSS."""
    parts = [f"<title>{escape(title)}</title>" if title else "", f"<link>{escape(link)}</link>" if link else ""]
    parts += [f"<content:encoded>{escape(content)}</content:encoded>" if content else ""]
    parts += [f"<pubDate>{day}</pubDate>" if day else "", rest]
    return f"<item>{''.join(parts)}</item>"


def sitemap(*pages: tuple[str, str]) -> str:
    """A sitemap with addresses and the times of their last changes."""
    listed = "".join(f"<url><loc>{escape(page)}</loc><lastmod>{time}</lastmod></url>" for page, time in pages)
    return f'<?xml version="1.0"?><urlset {SITEMAP}>{listed}</urlset>'


def sitemap_index(places: Sequence[str]) -> str:
    """An index of sitemaps."""
    listed = "".join(f"<sitemap><loc>{place}</loc></sitemap>" for place in places)
    return f'<?xml version="1.0"?><sitemapindex {SITEMAP}>{listed}</sitemapindex>'


class Site:
    """A site whose files can be replaced, and the paths that were asked for since the last look."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server

    def put(self, path: str, data: str | bytes, kind: str = "text/html") -> str:
        self.server.expect_request(path).respond_with_data(data, content_type=kind)
        return self.server.url_for(path)

    def page(self, path: str, text: str) -> str:
        return self.put(path, PAGE.format(f"The page {path}", text))

    def replaced(self) -> None:
        self.server.clear_all_handlers()

    def asked(self) -> list[str]:
        paths = [request.path for request, _ in self.server.log]
        self.server.clear_log()
        return paths


@pytest.fixture
def site(httpserver: HTTPServer) -> Site:
    return Site(httpserver)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give names public addresses, all of which lead to this machine."""
    names: dict[str, str] = {}
    resolve, connect = public_addresses._resolve, public_addresses._connect

    def lead_here(_: str, port: int, timeout: float) -> httpcore.NetworkStream:
        return connect("127.0.0.1", port, timeout)

    monkeypatch.setattr(
        public_addresses, "_resolve", lambda host, port: [names[host]] if host in names else resolve(host, port)
    )
    monkeypatch.setattr(public_addresses, "_connect", lead_here)
    return lambda *hosts: names.update(dict.fromkeys(hosts, "93.184.216.34"))


def _counts(report: SyncReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, len(report.skipped)


def _articles(address: str) -> list[Article]:
    return [each for each in load([address]) if isinstance(each, Article)]


def _reasons(address: str) -> list[str]:
    return [each.reason for each in load([address]) if isinstance(each, Skipped)]


# What an entry becomes


def test_the_content_in_the_feed_is_the_text_and_its_page_is_not_fetched(site: Site) -> None:
    when = "Tue, 04 Mar 2025 09:12:00 GMT"
    author = "<author>ann@quay.example (Ann Lee)</author><description>Short.</description>"
    content = "<p>The quay is 410 m &amp; wet.</p><ul><li>One</li></ul><table><tr><td>a</td><td>b</td></tr></table>"
    entry = item("AT&amp;T <b>wins</b>", "/a", content=content, day=when, rest=author)
    (article,) = _articles(site.put("/feed", rss(entry), KINDS["/feed"]))
    assert article.text == "The quay is 410 m & wet.\n\n- One\n\na | b"
    assert (article.title, article.author, article.source) == ("AT&T wins", "Ann Lee", "Harbour & Quay")
    assert (article.published, article.language) == ("2025-03-04T09:12:00+00:00", "en")
    assert article.path == site.server.url_for("/a")
    assert site.asked() == ["/feed"]


def test_atom_and_json_feeds_are_read_alike(site: Site) -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>Quay</title><entry>'
        '<title type="html">The &amp;lt;crane</title><link href="/b"/>'
        "<id>urn:b</id><updated>2025-03-05T08:00:00Z</updated><author><name>Jo</name></author>"
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>It is <b>tall</b>.</p></div></content>'
        "</entry></feed>"
    )
    entry = {
        "id": "b",
        "url": "/b",
        "title": "The <crane",
        "content_html": "<p>It is <b>tall</b>.</p>",
        "date_modified": "2025-03-05T08:00:00Z",
        "authors": [{"name": "Jo"}],
    }
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Quay", "items": [entry, "damaged", {"id": 7}]}
    for path, data in {"/atom": atom, "/json": json.dumps(feed)}.items():
        (article,) = _articles(site.put(path, data, KINDS[path]))
        assert (article.title, article.text, article.author) == ("The <crane", "It is tall.", "Jo"), path
        assert (article.source, article.published) == ("Quay", "2025-03-05T08:00:00+00:00")
        assert article.path == site.server.url_for("/b")


def test_of_an_entry_with_a_summary_the_page_is_fetched_and_the_feed_says_its_title_and_date(site: Site) -> None:
    page = site.page("/b", "The crane was bought in Gdańsk and stands on the quay.")
    summary = "<description>A summary.</description>"
    feed = site.put("/feed", rss(item("The crane", page, day="Wed, 05 Mar 2025", rest=summary)), "text/xml")
    (article,) = _articles(feed)
    assert article.text == "The crane was bought in Gdańsk and stands on the quay."
    assert (article.title, article.published, article.source) == ("The crane", "2025-03-05", "Harbour & Quay")


def test_an_entry_without_a_link_has_the_address_of_the_feed_and_its_own_id(site: Site) -> None:
    note = "<guid isPermaLink='false'>note 7</guid><description>The basin is &lt;i&gt;closed&lt;/i&gt;.</description>"
    feed = site.put("/feed", rss(item("", rest=note)), "application/xml")
    (article,) = _articles(feed)
    assert (article.text, article.path, article.title) == (
        "The basin is closed.",
        f"{feed}#note 7",
        "The basin is closed.",
    )


def test_a_sitemap_gives_its_pages_and_an_index_those_of_its_sitemaps(site: Site) -> None:
    pages = [site.page(f"/{name}", f"The text of page {name} is here.") for name in "abc"]
    site.put("/one.xml", sitemap((pages[0], "2024-01-01"), (pages[1], "2024-01-01")), "application/xml")
    packed = gzip.compress(sitemap((pages[1], ""), (pages[2], "")).encode())
    site.put("/two.xml.gz", packed, "application/gzip")
    index = site.put("/sitemap.xml", sitemap_index(["/one.xml", "/two.xml.gz"]), "text/xml")
    assert [each.path for each in _articles(index)] == pages
    assert [each.title for each in _articles(index)] == ["The page /a", "The page /b", "The page /c"]


@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8"])
def test_a_feed_that_its_server_calls_something_else_is_a_feed(site: Site, kind: str) -> None:
    feed = site.put("/feed", "\ufeff" + rss(item("The quay", "/a", content="It is long.")), kind)
    assert [each.text for each in _articles(feed)] == ["It is long."]


# The next run


def test_the_next_run_fetches_only_what_is_new_or_changed(index: Index, site: Site) -> None:
    def publish(*titles: str, version: str = "1") -> str:
        site.replaced()
        for title in titles:
            site.page(f"/{title}", f"The text of {title} in version {version} is about the harbour.")
        items = [item(title, f"/{title}", rest=f"<description>{version}</description>") for title in titles]
        return site.put("/feed", rss(*items), KINDS["/feed"])

    feed = publish("one", "two")
    assert _counts(index.sync([feed])) == (2, 0, 0, 0)
    assert site.asked() == ["/feed", "/one", "/two"]
    assert _counts(index.sync([feed])) == (0, 0, 2, 0)
    assert site.asked() == ["/feed"]
    publish("three", "one", "two")
    assert _counts(index.sync([feed])) == (1, 0, 2, 0)
    assert site.asked() == ["/feed", "/three"]
    publish("two", version="2")
    report = index.sync([feed], prune=True)
    assert _counts(report) == (0, 1, 0, 0)
    assert site.asked() == ["/feed", "/two"]
    assert report.pruned == (), "entries that left the feed stay"
    texts = {article.title: article.text for article in index.articles()}
    assert {title: "version 2" in text for title, text in texts.items()} == {"one": False, "two": True, "three": False}


def test_a_changed_content_replaces_the_old_one_and_an_equal_one_is_not_embedded_again(
    index: Index, site: Site
) -> None:
    feed = site.put("/feed", rss(item("The quay", "/a", content="It is 400 m long."), item("B", "/b", content="Old.")))
    index.sync([feed])
    site.replaced()
    site.put("/feed", rss(item("The quay", "/a", content="It is 410 m long."), item("B", "/b", content="Old.")))
    assert _counts(index.sync([feed])) == (0, 1, 1, 0)
    assert sorted(article.text for article in index.articles()) == ["It is 410 m long.", "Old."]


def test_a_page_of_a_sitemap_is_fetched_again_when_its_time_changes(index: Index, site: Site) -> None:
    one, two = site.page("/one", "The first page of the site."), site.page("/two", "The second page of the site.")
    address = site.put("/sitemap.xml", sitemap((one, "2024-01-01"), (two, "2024-01-01")), "text/xml")
    index.sync([address])
    site.asked()
    site.server.clear_all_handlers()
    site.page("/one", "The first page was rewritten.")
    site.put("/sitemap.xml", sitemap((one, "2024-02-01"), (two, "2024-01-01")), "text/xml")
    assert _counts(index.sync([address])) == (0, 1, 1, 0)
    assert site.asked() == ["/sitemap.xml", "/one"]


def test_an_entry_that_could_not_be_read_is_tried_again(index: Index, site: Site) -> None:
    feed = site.put("/feed", rss(item("The quay", "/late")))
    assert _counts(index.sync([feed])) == (0, 0, 0, 1)
    site.page("/late", "The page is there now, about the quay.")
    assert _counts(index.sync([feed])) == (1, 0, 0, 0)


def test_one_run_reads_a_bounded_number_of_new_entries_and_the_next_run_the_next(
    index: Index, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "MOST_NEW", 3)
    items = [item(f"Entry {n}", f"/{n}", content=f"Ship number {n} came in.") for n in range(5)]
    feed = site.put("/feed", rss(*items), KINDS["/feed"])
    report = index.sync([feed])
    assert _counts(report) == (3, 0, 0, 1)
    assert "2 new or changed entries are left" in report.skipped[0].reason
    assert _counts(index.sync([feed])) == (2, 0, 3, 0)


# Feeds that are damaged or mean harm


def test_a_bad_entry_is_skipped_with_its_reason_and_the_others_are_read(site: Site) -> None:
    site.put("/picture", b"\x89PNG", "image/png")
    site.put("/other-feed", rss(), KINDS["/feed"])
    bad = [item("Picture", "/picture"), item("Gone", "/gone"), item("Empty"), item("Feed", "/other-feed")]
    bad += [item("Odd", "http://[::1/"), item("Mail", "mailto:ann@quay.example")]
    feed = site.put("/feed", rss(*bad, item("The quay", "/a", content="It is long.")))
    assert [each.title for each in _articles(feed)] == ["The quay"]
    reasons = _reasons(feed)
    assert len(reasons) == 6
    for word in ("image/png", "the server answered", "neither a text nor a link", "a feed, not an article"):
        assert any(word in reason for reason in reasons), word


@pytest.mark.parametrize(
    "link", ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://localhost:1/", "http://127.0.0.1:2/"]
)
def test_a_link_to_a_private_server_is_not_followed_even_for_the_operator(site: Site, link: str) -> None:
    feed = site.put("/feed", rss(item("Secret", link), item("The quay", "/a", content="It is long.")))
    assert ["it is not a public web page" in reason for reason in _reasons(feed)] == [True]
    assert [each.title for each in _articles(feed)] == ["The quay"]


def test_a_redirect_of_the_feeds_server_to_a_private_one_is_not_followed(site: Site) -> None:
    site.page("/secret", "The secret page of this machine.")
    elsewhere = site.server.url_for("/secret").replace("127.0.0.1", "localhost")
    site.server.expect_request("/r").respond_with_data("", status=302, headers={"Location": elsewhere})
    site.server.expect_request("/own").respond_with_data("", status=302, headers={"Location": "/secret"})
    feed = site.put("/feed", rss(item("Away", "/r"), item("Here", "/own")))
    assert ["it is not a public web page" in reason for reason in _reasons(feed)] == [True]
    assert [each.path for each in _articles(feed)] == [site.server.url_for("/own")]


def test_a_feed_of_a_user_leads_only_to_public_servers(index: Index, site: Site, internet: Callable[..., None]) -> None:
    internet("quay.example", "other.example")
    port = site.server.port
    site.page("/a", "The page on the server of the feed.")
    site.page("/b", "The page on another server.")
    site.page("/secret", "The secret page of this machine.")
    links = ["/a", f"http://other.example:{port}/b", site.server.url_for("/secret"), f"http://localhost:{port}/secret"]
    site.put("/feed", rss(*(item(f"Entry {n}", link) for n, link in enumerate(links))))
    report = index.sync([f"http://quay.example:{port}/feed"], public_only=True, budget=UploadBudget())
    assert _counts(report) == (2, 0, 0, 2)
    assert all("it is not a public web page" in each.reason for each in report.skipped)
    assert "/secret" not in site.asked()


def test_a_feed_cannot_replace_the_article_of_another_server(
    index: Index, site: Site, internet: Callable[..., None]
) -> None:
    internet("quay.example", "other.example")
    port = site.server.port
    site.page("/b", "The crane was bought in Gdańsk.")
    page = f"http://other.example:{port}/b"
    index.sync([page], public_only=True)
    forged = item("A forged title", page, content="The crane was stolen.", rest="<author>Nobody</author>")
    site.put("/feed", rss(forged))
    index.sync([f"http://quay.example:{port}/feed"], public_only=True)
    (article,) = index.articles()
    assert (article.title, article.text) == ("The page /b", "The crane was bought in Gdańsk.")
    assert article.source == f"other.example:{port}"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("http://a.example/x", "https://a.example/feed", True),
        ("https://a.example:443/x", "https://A.example/feed", True),
        ("https://a.example:8443/x", "https://a.example/feed", False),
        ("https://b.a.example/x", "https://a.example/feed", False),
        ("https://a.example@b.example/x", "https://a.example/feed", False),
        ("https://a.example:x/x", "https://a.example/feed", False),
    ],
)
def test_the_server_of_an_address_is_its_host_and_port(one: str, other: str, is_same: bool) -> None:
    assert is_same_server(one, other) is is_same


def test_an_index_of_sitemaps_that_leads_in_a_circle_ends(site: Site) -> None:
    page = site.page("/a", "The only page of the site.")
    site.put("/one.xml", sitemap_index(["/two.xml", "/one.xml"]), "text/xml")
    site.put("/two.xml", sitemap_index(["/one.xml", "/three.xml"]), "text/xml")
    site.put("/three.xml", sitemap((page, "")), "text/xml")
    address = site.server.url_for("/one.xml")
    assert [each.path for each in load([address])] == [page]
    assert site.asked() == ["/one.xml", "/two.xml", "/three.xml", "/a"]


def test_an_index_of_too_many_sitemaps_is_read_in_part(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_SITEMAPS", 3)
    for n in range(6):
        site.put(f"/{n}.xml", sitemap((site.page(f"/{n}", f"Page number {n} of the site."), "")), "text/xml")
    address = site.put("/sitemap.xml", sitemap_index([f"/{n}.xml" for n in range(6)]), "text/xml")
    assert len(_articles(address)) == 2
    assert any("4 more sitemaps than the 3 that are read" in reason for reason in _reasons(address))


@pytest.mark.parametrize(("limit", "most"), [("MOST_ADDRESSES", 4), ("MOST_CHARACTERS", 150)])
def test_the_addresses_of_all_sitemaps_are_limited_together(
    site: Site, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(feeds, limit, most)
    for n in range(3):
        pages = [(site.page(f"/{n}-{i}", f"Page {i} of map {n} of the site."), "") for i in range(2)]
        site.put(f"/{n}.xml", sitemap(*pages), "text/xml")
    address = site.put("/sitemap.xml", sitemap_index([f"/{n}.xml" for n in range(3)]), "text/xml")
    assert 0 < len(_articles(address)) < 6
    assert any("its sitemaps have more than" in reason for reason in _reasons(address))


def test_entities_that_multiply_or_name_a_file_are_not_resolved(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    many = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    declared = f'<!DOCTYPE r [{many}<!ENTITY f SYSTEM "file://{secret}">]>'
    entry = "<item><title>The quay</title><description>It is &a11; &f; long.</description></item>"
    feed = site.put("/feed", f"{declared}<rss {RSS}><channel><title>T</title>{entry}</channel></rss>", "text/xml")
    pages = f"<url><loc>{site.page('/a', 'A page.')}&a11;&f;</loc></url>"
    urls = site.put("/sitemap.xml", f"{declared}<urlset {SITEMAP}>{pages}</urlset>", "text/xml")
    for address in (feed, urls):
        items = list(load([address]))
        assert all(len(str(each)) < 2_000 and "the secret" not in str(each) for each in items)


@pytest.mark.slow
def test_of_a_feed_of_a_hundred_thousand_entries_the_first_are_read() -> None:
    items = "".join(f"<item><link>https://quay.example/{n}</link></item>" for n in range(100_000))
    listing = read_listing(rss(items).encode(), "https://quay.example/feed")
    assert (len(listing.entries), listing.left_out) == (parser.MOST_ENTRIES, 100_000 - parser.MOST_ENTRIES)
    assert listing.entries[0].place == "https://quay.example/0"


def test_how_many_entries_of_a_feed_are_left_out_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [item("", f"/{n}", content=f"Ship {n}.") for n in range(parser.MOST_ENTRIES + 3)]
    monkeypatch.setattr(loader, "MOST_NEW", 1)
    reasons = _reasons(site.put("/feed", rss(*items)))
    assert any(f"it has 3 more entries than the {parser.MOST_ENTRIES:,} that are read" in each for each in reasons)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("<html><body>no feed</body></html>", "application/xml"),
        ('{"no": "feed"}', "application/json"),
        ("[" * 100_000, "application/json"),
        ("{", "application/feed+json"),
        ("", "application/rss+xml"),
        (b"\x1f\x8bno gzip", "application/gzip"),
        (gzip.compress(b"x" * 60_000_000), "application/gzip"),
        ("<urlset " + "<a>" * 100_000, "text/xml"),
    ],
    ids=["a page", "an object", "deep", "damaged", "empty", "no gzip", "a bomb", "nested"],
)
def test_what_is_no_feed_is_skipped_with_its_reason(site: Site, data: str | bytes, kind: str) -> None:
    address = site.put("/feed", data, kind)
    (reason,) = _reasons(address)
    assert address in reason


def test_an_upload_of_a_feed_stops_when_the_work_is_cancelled(site: Site, index: Index) -> None:
    budget = UploadBudget(articles=2)
    feed = site.put("/feed", rss(*(item(f"E{n}", f"/{n}", content=f"Ship {n} came in.") for n in range(9))))
    report = index.sync([feed], budget=budget)
    assert "One upload may contain at most 2 articles." in report.skipped[0].reason
    assert index.count()[0] <= 2


def test_the_worker_answers_are_checked() -> None:
    from index.parsers.sandbox_protocol import BrokenFrameError, parse_listing

    good: dict[str, Any] = {"title": None, "entries": [], "sitemaps": [], "left_out": 0}
    assert parse_listing(good).entries == ()
    for name, value in {"title": 1, "entries": [1], "sitemaps": [1], "left_out": "1"}.items():
        with pytest.raises(BrokenFrameError):
            parse_listing(good | {name: value})
    with pytest.raises(BrokenFrameError):
        parse_listing(good | {"entries": [{"place": "a", "has_link": 1, "revision": "", "found": {}}]})


def test_an_unknown_server_is_named() -> None:
    with pytest.raises(LoadError, match="neither a feed nor a sitemap"):
        read_listing(b"<html/>", "https://quay.example/feed")


@pytest.fixture(autouse=True)
def _no_log(httpserver: HTTPServer) -> Iterator[None]:
    """Ignore requests without a handler: they are answered with an error, which a test may want."""
    yield
    httpserver.clear()
