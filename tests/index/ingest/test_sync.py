"""An index is made to agree with files: what a text is known by, what goes with its files, what a kill leaves."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from index import Article, CitechatError, Index, LoadError, Origin, Passage, Skipped, Span, SyncReport
from index.ingest import pipeline
from index.ingest.loader import article_id
from index.storage.store import Store

FOX = "The fox crossed the river at night.\n"
OWL = "The owl sat in the old barn and watched.\n"
HEN = "The hen laid an egg.\n"
SLEEPER = "The fox slept all day.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    _write(folder, fox=FOX, owl=OWL)
    return folder


def _write(folder: Path, **texts: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)


def _counts(report: SyncReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed


def _embedded(index: Index) -> list[str]:
    """What the model was given since the last look."""
    texts = list(index.encoder.embedded)  # type: ignore[attr-defined]
    index.encoder.embedded.clear()  # type: ignore[attr-defined]
    return texts


def _places(index: Index) -> dict[str, list[str]]:
    """The texts that are indexed, each with the names of the files that it is known to be in."""
    return {article.text: [Path(origin.path).name for origin in article.origins] for article in index.articles()}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what is read next, in place of files: `path=text`, or `path=None` where it cannot be read."""

    def will_read(items: dict[str, str | None], source: str = "") -> None:
        def load() -> Iterator[Article | Skipped]:
            for path, text in items.items():
                if text is None:
                    yield Skipped(path, "it cannot be read")
                else:
                    yield Article(article_id(text), text.strip(), source or path, text, path=path)

        _reads(monkeypatch, load)

    return will_read


def _reads(monkeypatch: pytest.MonkeyPatch, made: Callable[[], Iterator[Article | Skipped]]) -> None:
    """Whatever is to be read, this is what is there."""
    monkeypatch.setattr("index.ingest.sync.sources", lambda _: ["anything"])
    monkeypatch.setattr("index.ingest.pipeline.read", lambda _, __: made())


# What a text is known by


def test_one_text_in_two_files_is_one_article_that_names_both_and_is_embedded_once(index: Index, folder: Path) -> None:
    _write(folder, vixen=FOX)
    report = index.sync([folder])
    assert (_counts(report), report.articles, report.passages) == ((3, 0, 0, 0), 2, 2)
    assert _places(index) == {FOX: ["fox.txt", "vixen.txt"], OWL: ["owl.txt"]}
    assert len(_embedded(index)) == 2
    assert _counts(index.sync([folder])) == (0, 0, 3, 0)


def test_a_file_with_a_text_that_is_indexed_already_adds_its_place_and_embeds_nothing(
    index: Index, folder: Path
) -> None:
    index.sync([folder])
    _embedded(index)
    _write(folder, vixen=FOX)
    report = index.sync([folder])
    assert (_counts(report), report.articles, report.passages) == ((1, 0, 2, 0), 2, 2)
    assert _places(index)[FOX] == ["fox.txt", "vixen.txt"]
    assert _embedded(index) == []
    assert [(article.title, count) for article, count in index.listing()] == [(FOX.strip(), 1), (OWL.strip(), 1)]
    assert index.search("Who crossed the river?")[0].also == ("vixen.txt",)


def test_a_copy_that_is_read_much_later_than_its_original_is_one_more_place(index: Index, tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:03}.txt").write_text(f"Report number {number} tells of ship {number}.\n")
    (tmp_path / "copy.txt").write_text((tmp_path / "000.txt").read_text())
    report = index.sync([tmp_path])
    assert (report.added, report.articles, len(_embedded(index))) == (201, 200, 200)
    assert _places(index)["Report number 0 tells of ship 0.\n"] == ["000.txt", "copy.txt"]


@pytest.mark.parametrize("changed", ["fox", "vixen"])
def test_of_two_files_with_one_text_either_may_change_and_the_other_keeps_it(
    changed: str, index: Index, folder: Path
) -> None:
    _write(folder, vixen=FOX)
    index.sync([folder])
    _write(folder, **{changed: SLEEPER})
    report = index.sync([folder])
    assert (_counts(report), report.articles) == ((0, 1, 2, 0), 3)
    kept = "vixen" if changed == "fox" else "fox"
    assert _places(index) == {FOX: [f"{kept}.txt"], OWL: ["owl.txt"], SLEEPER: [f"{changed}.txt"]}
    assert index.article(article_id(FOX)).source == f"{kept}.txt"  # type: ignore[union-attr]


def test_an_article_goes_when_the_last_of_its_files_has_another_text(index: Index, folder: Path) -> None:
    _write(folder, vixen=FOX)
    index.sync([folder])
    _write(folder, fox=SLEEPER, vixen=HEN)
    report = index.sync([folder])
    assert (_counts(report), report.articles, report.passages) == ((0, 2, 1, 0), 3, 3)
    assert FOX not in _places(index)


def test_texts_that_change_places_are_not_embedded_again(index: Index, folder: Path) -> None:
    index.sync([folder])
    _embedded(index)
    _write(folder, fox=OWL, owl=FOX)
    assert _counts(index.sync([folder])) == (0, 2, 0, 0)
    assert _places(index) == {FOX: ["owl.txt"], OWL: ["fox.txt"]}
    assert _embedded(index) == []
    assert {hit.passage.text for hit in index.search("fox owl")} == {FOX.strip(), OWL.strip()}


@pytest.mark.parametrize("goes_to", ["ant", "zoo"])
def test_a_text_that_moves_to_another_file_is_not_embedded_again(goes_to: str, index: Index, folder: Path) -> None:
    index.sync([folder])
    _embedded(index)
    _write(folder, fox=SLEEPER, **{goes_to: FOX})
    assert _counts(index.sync([folder])) == (1, 1, 1, 0)
    assert _places(index)[FOX] == [f"{goes_to}.txt"]
    assert len(_embedded(index)) == 1


@pytest.mark.parametrize("moved_to", ["reynard.txt", "deep/down/fox.txt", "zoo.md"])
def test_a_renamed_file_is_moved_and_not_doubled(moved_to: str, index: Index, folder: Path) -> None:
    index.sync([folder])
    _embedded(index)
    (folder / moved_to).parent.mkdir(parents=True, exist_ok=True)
    (folder / "fox.txt").rename(folder / moved_to)
    report = index.sync([folder])
    assert (_counts(report), report.articles) == ((1, 0, 1, 0), 2)
    assert (report.moved, report.gone) == (((str(folder / "fox.txt"), str(folder / moved_to)),), ())
    assert _places(index)[FOX] == [Path(moved_to).name]
    assert index.article(article_id(FOX)).source == Path(moved_to).name  # type: ignore[union-attr]
    assert _embedded(index) == []
    assert _counts(index.sync([folder])) == (0, 0, 2, 0)


def test_a_renamed_folder_moves_its_articles(index: Index, folder: Path, tmp_path: Path) -> None:
    index.sync([folder])
    folder.rename(tmp_path / "archive")
    report = index.sync([tmp_path / "archive"])
    assert (report.articles, len(report.moved)) == (2, 2)
    assert _places(index) == {FOX: ["fox.txt"], OWL: ["owl.txt"]}


def test_a_copy_of_a_file_that_still_exists_is_one_more_place(index: Index, folder: Path) -> None:
    index.sync([folder])
    _write(folder, vixen=FOX)
    report = index.sync([folder])
    assert (report.moved, _places(index)[FOX]) == ((), ["fox.txt", "vixen.txt"])


def test_a_renamed_archive_is_moved_with_its_members(index: Index, folder: Path) -> None:
    with zipfile.ZipFile(folder / "news.zip", "w") as archive:
        archive.writestr("hen.txt", HEN)
    index.sync([folder])
    (folder / "news.zip").rename(folder / "old.zip")
    report = index.sync([folder])
    assert report.moved == ((f"{folder}/news.zip!hen.txt", f"{folder}/old.zip!hen.txt"),)
    assert _places(index)[HEN] == ["old.zip!hen.txt"]


def test_facts_that_are_put_right_are_stored_and_nothing_is_embedded(index: Index, read: Callable[..., None]) -> None:
    read({"https://news.example/fox": FOX}, source="Mews")
    index.sync([])
    _embedded(index)
    read({"https://news.example/fox": FOX}, source="News")
    assert _counts(index.sync([])) == (0, 1, 0, 0)
    ((article, passages),) = index.listing()
    assert (article.origins, passages) == ((Origin("News", "https://news.example/fox"),), 1)
    assert _counts(index.sync([])) == (0, 0, 1, 0)
    assert _embedded(index) == []


def test_one_text_from_two_sites_names_both(index: Index, read: Callable[..., None]) -> None:
    for outlet in ("one", "two"):
        read({f"https://{outlet}.example/fox": FOX}, source=outlet)
        index.sync([])
    (article,) = index.articles()
    assert article.origins == (Origin("one", "https://one.example/fox"), Origin("two", "https://two.example/fox"))
    (hit,) = index.search("Who crossed the river?")
    assert (hit.source, hit.also) == ("one", ("two",))


def test_several_articles_of_one_path_are_all_kept_and_go_one_by_one(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def will_read(*texts: str) -> None:
        articles = [Article(article_id(text), text, "mail", text, path="/mail.mbox") for text in texts]
        _reads(monkeypatch, lambda: iter(articles))

    will_read(FOX, OWL, FOX)
    assert (_counts(index.sync([])), index.count()) == ((2, 0, 1, 0), (2, 2))
    will_read(OWL, HEN)
    assert _counts(index.sync([])) == (0, 1, 1, 0)
    assert set(_places(index)) == {OWL, HEN}


def test_every_path_of_every_article_is_told(index: Index, folder: Path) -> None:
    _write(folder, vixen=FOX)
    index.sync([folder])
    paths = {(article_id(FOX), "fox"), (article_id(FOX), "vixen"), (article_id(OWL), "owl")}
    listed = Store(index.path, index.url).article_metadata()
    assert {(article.id, Path(origin.path).stem) for article in listed for origin in article.origins} == paths


# What goes when files go


def test_without_prune_a_deleted_file_keeps_its_article(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "owl.txt").unlink()
    report = index.sync([folder])
    assert (_counts(report), index.count()) == ((0, 0, 1, 0), (2, 2))
    assert (report.gone, report.pruned) == ((str(folder / "owl.txt"),), ())


def test_pruning_removes_what_is_gone_under_the_given_paths_and_nothing_elsewhere(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    _write(tmp_path / "articles-of-others", hen=HEN)
    index.sync([folder, tmp_path / "articles-of-others"])
    (folder / "owl.txt").unlink()
    (tmp_path / "articles-of-others" / "hen.txt").unlink()
    report = index.sync([folder], prune=True)
    assert (_counts(report), report.pruned) == ((0, 0, 1, 1), (str(folder / "owl.txt"),))
    assert (report.articles, report.passages) == (2, 2)
    assert set(_places(index)) == {FOX, HEN}
    assert not [hit for hit in index.search("owl barn") if "owl" in hit.passage.text]


def test_pruning_one_of_two_files_with_one_text_keeps_the_article(index: Index, folder: Path) -> None:
    _write(folder, vixen=FOX)
    index.sync([folder])
    (folder / "fox.txt").unlink()
    report = index.sync([folder], prune=True)
    assert (_counts(report), report.articles) == ((0, 0, 2, 1), 2)
    assert _places(index)[FOX] == ["vixen.txt"]


def test_a_given_file_that_is_gone_is_pruned(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "fox.txt").unlink()
    assert index.sync([folder / "fox.txt"], prune=True).pruned == (str(folder / "fox.txt"),)
    assert set(_places(index)) == {OWL}


@pytest.mark.parametrize("given", ["articles", "articles/fox.txt"])
@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_folder_that_may_be_on_an_unmounted_disk_is_not_pruned(
    given: str, left: str, index: Index, folder: Path, tmp_path: Path
) -> None:
    index.sync([folder])
    shutil.rmtree(folder)
    if left == "an empty folder":
        folder.mkdir()
    with pytest.raises(LoadError, match="missing or empty"):
        index.sync([tmp_path / given], prune=True)
    assert index.count() == (2, 2)


def test_a_given_path_that_never_was_is_an_error_and_nothing_is_pruned(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "owl.txt").unlink()
    with pytest.raises(LoadError, match=r"nowhere\.txt"):
        index.sync([folder, folder / "nowhere.txt"], prune=True)
    assert index.count() == (2, 2)


def test_a_file_that_cannot_be_read_this_time_is_not_pruned_and_keeps_its_old_text(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "owl.txt").write_bytes(b"\x00\x01")
    report = index.sync([folder], prune=True)
    assert [Path(skipped.path).name for skipped in report.skipped] == ["owl.txt"]
    assert (_counts(report), set(_places(index))) == ((0, 0, 1, 0), {FOX, OWL})


def test_a_file_that_exists_but_is_not_listed_any_more_is_not_pruned(index: Index, folder: Path) -> None:
    index.sync([folder / "owl.txt", folder])
    (folder / ".hidden").mkdir()
    _write(folder / ".hidden", hen=HEN)
    index.sync([folder / ".hidden" / "hen.txt"])
    assert index.sync([folder], prune=True).removed == 0


def test_a_folder_in_place_of_a_file_means_that_the_file_is_gone(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "owl.txt").unlink()
    (folder / "owl.txt").mkdir()
    assert index.sync([folder], prune=True).removed == 1


def test_a_web_address_that_cannot_be_read_this_time_is_not_pruned(index: Index, read: Callable[..., None]) -> None:
    address = "https://news.example/fox"
    read({address: FOX})
    index.sync([address])
    read({address: None})
    assert _counts(index.sync([address], prune=True)) == (0, 0, 0, 0)
    assert _places(index) == {FOX: ["fox"]}


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ({"a.html": FOX}, {FOX}),  # opened, and no longer has the other one
        ({"a.html": FOX, "b.html": None}, {FOX, OWL}),  # has it, unreadable
        ({"": None}, {FOX, OWL}),  # cannot be opened this time
        (None, set()),  # is gone itself
    ],
)
def test_members_of_an_archive_go_with_it_or_when_it_no_longer_has_them(
    now: dict[str, str | None] | None, left: set[str], index: Index, read: Callable[..., None], tmp_path: Path
) -> None:
    archive = tmp_path / "news.zip"
    archive.touch()
    read({f"{archive}!a.html": FOX, f"{archive}!b.html": OWL})
    assert index.sync([tmp_path]).articles == 2
    if now is None:
        archive.unlink()
    read({f"{archive}!{name}" if name else str(archive): text for name, text in (now or {}).items()})
    index.sync([archive], prune=True)
    assert set(_places(index)) == left


def test_a_real_archive_is_listed_as_one_file_and_loses_the_member_that_it_no_longer_has(
    index: Index, folder: Path
) -> None:
    def pack(**texts: str) -> None:
        with zipfile.ZipFile(folder / "news.zip", "w") as archive:
            for name, text in texts.items():
                archive.writestr(f"{name}.txt", text)

    pack(vixen=FOX, hen=HEN)
    told: list[tuple[int, int]] = []
    report = index.sync([folder], progress=lambda _, done, total: told.append((done, total)))
    assert (_counts(report), report.articles) == ((4, 0, 0, 0), 3)
    assert told == [(1, 3), (2, 3), (2, 3), (3, 3)]
    assert _places(index)[FOX] == ["fox.txt", "news.zip!vixen.txt"]
    pack(moth="The moth flew into the lamp.\n")
    report = index.sync([folder], prune=True)
    assert report.pruned == (f"{folder}/news.zip!hen.txt", f"{folder}/news.zip!vixen.txt")
    assert _places(index)[FOX] == ["fox.txt"]
    assert HEN not in _places(index)


def test_a_file_whose_name_looks_like_a_member_is_a_file(index: Index, folder: Path) -> None:
    (folder / "wow").write_text("no format")
    _write(folder, **{"wow!": HEN})
    index.sync([folder])
    assert index.sync([folder], prune=True).removed == 0
    (folder / "wow").unlink()
    (folder / "wow!.txt").unlink()
    assert index.sync([folder], prune=True).pruned == (str(folder / "wow!.txt"),)


# What a kill leaves


class _Killed(BaseException):
    """The process ends here."""


_CHROMA_WRITES = ("upsert", "update", "delete")


@pytest.mark.parametrize("survived", range(7))
def test_a_kill_between_two_writes_leaves_whole_articles_and_the_next_run_repairs_the_rest(
    survived: int, index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run that adds, changes, moves and prunes in six of Chroma's writes; it is killed after some of them."""
    _write(folder, moth="The moth flew into the lamp.\n", vixen=FOX)
    index.sync([folder])
    _write(folder, fox=SLEEPER, owl=HEN, zoo=OWL)
    (folder / "moth.txt").unlink()
    before = {FOX, OWL, "The moth flew into the lamp.\n"}
    after = {FOX: ["vixen.txt"], OWL: ["zoo.txt"], SLEEPER: ["fox.txt"], HEN: ["owl.txt"]}
    left = [survived]

    def killed(write: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: object, **named: object) -> None:
            if not left[0]:
                raise _Killed
            left[0] -= 1
            write(*given, **named)

        return counted

    with monkeypatch.context() as patched:
        from chromadb import Collection

        for name in _CHROMA_WRITES:
            patched.setattr(Collection, name, killed(getattr(Collection, name)))
        with pytest.raises(_Killed) if survived < 6 else nullcontext():
            index.sync([folder], prune=True)
        assert left == [0]

    again = Index(index.path, index.encoder, index.url)
    seen = _places(again)
    assert set(seen) <= before | set(after)
    assert set(seen) >= {FOX, OWL}
    for hit in again.search("fox owl hen moth", limit=10):
        assert again.article(hit.passage.article_id) is not None
    for article in again.articles():
        assert again.search(article.text)[0].passage.text == article.text.strip()
    report = again.sync([folder], prune=True)
    assert (_places(again), report.articles, report.passages) == (after, 4, 4)


# What is removed by name


def test_an_article_is_removed_by_the_beginning_of_its_id(index: Index, folder: Path) -> None:
    index.sync([folder])
    ((removed, passages),) = index.remove(article_id(FOX)[:4])
    assert (removed.id, removed.title, passages) == (article_id(FOX), FOX.strip(), 1)
    assert index.count() == (1, 1)
    assert [hit.passage.text for hit in index.search("fox river")] == [OWL.strip()]
    assert index.sync([folder]).added == 1, "its file is still there"


@pytest.mark.parametrize("wrong", ["ffffffff", article_id(FOX)[:3], ""])
def test_nothing_is_removed_where_one_id_is_wrong(wrong: str, index: Index, folder: Path) -> None:
    index.sync([folder])
    with pytest.raises(CitechatError, match=repr(wrong)) as refused:
        index.remove(article_id(OWL), wrong)
    assert refused.value.hint
    assert index.count() == (2, 2)


def test_a_beginning_that_several_ids_share_names_them(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    articles = [Article(f"abcd{end}", f"Title {end}", "s", text, path=end) for end, text in (("1", FOX), ("2", OWL))]
    _reads(monkeypatch, lambda: iter(articles))
    index.sync([])
    with pytest.raises(CitechatError, match="'abcd' matches 2 articles") as refused:
        index.remove("abcd")
    assert "abcd1 (Title 1), abcd2 (Title 2)" in refused.value.hint
    assert [article.id for article, _ in index.remove("abcd2", "abcd2")] == ["abcd2"]


# What it costs


class _SleepingEncoder:
    """A model that must not be woken."""

    fingerprint = "hashing"
    dimension = 256
    has_token_vectors = True

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the model was asked for {name}")


def test_where_nothing_is_to_be_embedded_the_model_is_not_asked_for_anything(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "owl.txt").unlink()
    _write(folder, vixen=FOX)
    sleeping = Index(index.path, _SleepingEncoder(), index.url)  # type: ignore[arg-type]
    assert _counts(sleeping.sync([folder], prune=True)) == (1, 0, 1, 1)
    sleeping.remove(article_id(FOX))
    assert sleeping.count() == (0, 0)


def test_progress_counts_the_files_done_and_in_total(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    _write(folder, b=HEN, **{".hidden": HEN})
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("1.txt", FOX)
        archive.writestr("2.txt", OWL)
    told: list[tuple[int, int]] = []
    index.sync([folder], progress=lambda _, done, total: told.append((done, total)))
    assert told == [(1, 2), (1, 2), (2, 2)]


def test_an_unexpected_error_while_an_article_is_split_skips_this_article(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline.chunk

    def failing(article: Article, *given: Any) -> list[Passage]:
        if article.text == FOX:
            raise KeyError("a bug")
        return real(article, *given)

    monkeypatch.setattr(pipeline, "chunk", failing)
    report = index.sync([folder])
    assert [each.reason for each in report.skipped] == [
        f"Cannot read {str(folder / 'fox.txt')!r}: an unexpected error occurred."
    ]
    assert _places(index) == {OWL: ["owl.txt"]}
    monkeypatch.setattr(pipeline, "chunk", lambda article, *given: real(article, "no tokenizer", *given[1:]))  # type: ignore[arg-type]
    with pytest.raises(CitechatError, match="unexpected error"):
        index.rebuild()
    monkeypatch.undo()
    assert _counts(index.sync([folder])) == (1, 0, 1, 0)


def test_lists_of_articles_have_no_boilerplate_and_changes_of_metadata_preserve_it(index: Index, folder: Path) -> None:
    text = f"{FOX}\nAdvertisement\n\nIt came back.\n"
    _write(folder, fox=text)
    index.sync([folder])
    spans = (Span(text.index("Adv"), text.index("Adv") + len("Advertisement")),)
    (fox,) = (article for article in index.articles() if article.text == text)
    assert fox.boilerplate == spans
    _write(folder, copy=text)
    index.sync([folder])
    (folder / "fox.txt").unlink()
    index.sync([folder], prune=True)
    listed = next(article for article, _ in index.listing() if article.id == fox.id)
    assert listed.origins == (Origin("copy.txt", str(folder / "copy.txt")),)
    assert (listed.text, listed.boilerplate) == ("", ())
    assert {article.boilerplate for article in index.article_metadata()} == {()}
    changed = index.article(fox.id)
    assert changed is not None
    assert changed.boilerplate == spans
