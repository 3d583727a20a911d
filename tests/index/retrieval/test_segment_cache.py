"""The BM25 index on disk: a change adds a segment, and nothing is lost when a process is killed meanwhile."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from index import Encoder, Index
from index.retrieval import segment_cache
from index.retrieval.bm25 import BM25Index
from index.retrieval.segment_cache import load_bm25, merge_segments
from index.retrieval.segments import Segment
from index.storage.store import Store

QUESTIONS = ("Which ferry was late?", "owl 7", "harbour of the captain", "ship 12")
WORDS = ["owl", "harbour", "captain", "storm", "whistle", "bridge", "cargo", "night", "timetable", "gull"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(12):
        write(folder, number)
    return folder


@pytest.fixture
def index(tmp_path: Path, hashing_encoder: Encoder) -> Iterator[Index]:
    """An empty index in a folder: where the index is makes no difference to the cache."""
    with closing(Index(tmp_path / "index", hashing_encoder)) as index:
        yield index


def write(folder: Path, number: int) -> None:
    words = " ".join(random.Random(number).choices(WORDS, k=5 + number % 7))
    (folder / f"{number}.txt").write_text(
        f"Report {number}\n\nFerry {number} was late. The {words} of ship {number}.\n"
    )


def answers(index: Index) -> list[list[tuple[str, float]]]:
    """The hits of some questions, by the text of their passages, with their scores."""
    opened = Index(index.path, index.encoder, index.url)
    return [
        [(hit.passage.text, pytest.approx(hit.score, abs=1e-4)) for hit in opened.search(question)]
        for question in QUESTIONS
    ]


def rebuilt(index: Index, folder: Path, tmp_path: Path) -> list[list[tuple[str, float]]]:
    """What an index that is built at once from the same folder answers."""
    other = Index(tmp_path / "other", index.encoder)
    other.sync([folder])
    return answers(other)


def segments(index: Index) -> list[Path]:
    return sorted(index.path.glob("keywords-*"))


def test_an_index_that_changed_many_times_answers_like_one_that_was_built_at_once(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.sync([folder])
    chosen = random.Random(5)
    for step in range(25):
        if step % 3 == 2:
            (folder / f"{chosen.choice(sorted(int(path.stem) for path in folder.iterdir()))}.txt").unlink()
        else:
            write(folder, 100 + step)
        index.sync([folder], prune=True)
        assert len(segments(index)) <= 4, "small segments are merged"
    assert answers(index) == rebuilt(index, folder, tmp_path)
    assert len(list(index.path.glob("vectors-*"))) == len(segments(index))


def test_only_new_articles_are_read(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index.sync([folder])
    read: list[Sequence[str] | None] = []
    original = Store.titled_passages

    def recorded(store: Store, articles: Sequence[str] | None = None) -> object:
        read.append(articles)
        return original(store, articles)

    monkeypatch.setattr(Store, "titled_passages", recorded)
    write(folder, 50)
    index.sync([folder])
    assert Index(index.path, index.encoder).search("Which ferry was late? 50")[0].passage.text.startswith("Report 50")
    (articles,) = read
    assert articles is not None
    assert len(articles) == 1


def test_a_removed_article_is_not_found_and_is_found_again_once_it_is_back(index: Index, folder: Path) -> None:
    index.sync([folder])
    before = answers(index)
    (folder / "7.txt").rename(folder.parent / "7.txt")
    index.sync([folder], prune=True)
    assert not [text for hits in answers(index) for text, _ in hits if "Ferry 7 " in text]
    (folder.parent / "7.txt").rename(folder / "7.txt")
    index.sync([folder])
    assert answers(index) == before


def broken(*_: object, **__: object) -> None:
    raise OSError("killed")


@pytest.mark.parametrize(
    ("target", "name", "replacement"),
    [
        (Segment, "save", broken),
        (shutil, "rmtree", lambda *_, **__: None),
        (segment_cache, "merge_segments", lambda _: None),
    ],
    ids=["before a segment is saved", "before the merged ones are removed", "before they are merged"],
)
def test_a_process_that_ends_midway_loses_and_doubles_nothing(
    target: object, name: str, replacement: Callable[..., None], index: Index, folder: Path, tmp_path: Path
) -> None:
    index.sync([folder])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, replacement)
        for number in range(200, 206):
            write(folder, number)
            index.sync([folder])
            (folder / f"{number - 199}.txt").unlink()
            index.sync([folder], prune=True)
        assert answers(index) == rebuilt(index, folder, tmp_path)
    write(folder, 300)
    index.sync([folder])
    shutil.rmtree(tmp_path / "other")
    assert answers(index) == rebuilt(index, folder, tmp_path)
    assert len(segments(index)) <= 4


@pytest.mark.parametrize("damage", ["truncated", "missing file", "empty folder"])
def test_a_damaged_segment_is_built_again(damage: str, index: Index, folder: Path) -> None:
    index.sync([folder])
    before = answers(index)
    (segment,) = segments(index)
    for file in list(segment.iterdir()):
        if damage == "truncated":
            file.write_bytes(file.read_bytes()[:40])
        elif damage == "empty folder" or file.stem == "counts":
            file.unlink()
    assert answers(index) == before
    write(folder, 60)
    index.sync([folder])
    assert sum(len(Segment.load(each).ids) for each in segments(index)) == 13


def test_an_index_whose_records_do_not_list_passages_is_read_too(index: Index, folder: Path) -> None:
    """Version 0.1 wrote such records."""
    index.sync([folder])
    before = answers(index)
    store = Store(index.path)
    ids = store.article_ids()
    store._articles.update(ids=ids, metadatas=[{"spans": None} for _ in ids])
    store.close()
    for path in segments(index):
        shutil.rmtree(path)
    assert answers(index) == before


def test_a_rebuilt_index_has_new_segments(index: Index, folder: Path) -> None:
    index.sync([folder])
    before, old = answers(index), segments(index)
    index.rebuild()
    assert answers(index) == before
    assert not set(segments(index)) & set(old)
    assert len(segments(index)) == 1


def test_segments_of_other_processes_may_be_merged_while_they_are_loaded(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.sync([folder])
    store = Store(index.path)
    before = load_bm25(store)
    load = Segment.load
    calls: list[Path] = []

    def vanishing(path: Path) -> Segment:
        calls.append(path)
        if len(calls) == 1:
            raise FileNotFoundError(path)
        return load(path)

    monkeypatch.setattr(Segment, "load", vanishing)
    again = load_bm25(store)
    assert len(calls) == 2
    assert isinstance(again, BM25Index)
    assert again.scores("ferry").tolist() == before.scores("ferry").tolist()
    merge_segments(store)
    store.close()
