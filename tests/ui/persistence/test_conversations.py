"""Conversations come back as they were, to their owner alone, and every fault of the database is told in a sentence."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Hit, Passage, RequestFilter, Span
from rag import Answer, Sentence
from ui.conversation import Conversation, Exchange
from ui.persistence import conversations as module
from ui.persistence import database as database_module
from ui.persistence.conversations import ConversationStore, ConversationSummary, PersistenceError

NOBODY = 65534
TEXT = "The harbour reopened on Monday."
HIT = Hit(Passage("a1", 0, 31, TEXT), "The port", "The Daily", "2024-02-24", 0.1, {"dense": 1}, ("port",), pages=(0,))
ANSWER = Answer(
    "When?",
    f"{TEXT} [1]",
    sentences=(Sentence(0, 35, TEXT, (1,), (Span(0, 31),), "quoted", Span(24, 30)),),
    hits=(HIT,),
    confidence=0.7,
    timings={"search": 0.25},
    done=True,
)
SAID = Conversation((Exchange("When did it reopen?", ANSWER), Exchange("And why?", error=("it is down", "Wait."))))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "conversations.sqlite3"


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, file: Path) -> str:
    """The address of a database of the test's own: a file, or on a real PostgreSQL."""
    return f"sqlite:///{file}" if request.param == "file" else str(request.getfixturevalue("database"))


@pytest.fixture
def saved(url: str) -> Iterator[ConversationStore]:
    with closing(ConversationStore(url)) as saved:
        yield saved


@pytest.fixture
def in_file(file: Path) -> Iterator[ConversationStore]:
    with closing(ConversationStore(f"sqlite:///{file}")) as saved:
        yield saved


def change(saved: ConversationStore, statement: str, **values: object) -> None:
    from sqlalchemy import text

    assert saved._run(lambda connection: connection.execute(text(statement), values).rowcount)


# What is kept


def test_a_conversation_gets_an_id_and_a_title_and_comes_back_as_it_was(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    assert len(kept.id) == 32
    assert kept == replace(SAID, id=kept.id, title="When did it reopen?")
    assert saved.load("ann", kept.id) == kept


def test_it_comes_back_in_another_copy_too(saved: ConversationStore, url: str) -> None:
    kept = saved.save("ann", SAID)
    saved.close()
    with closing(ConversationStore(url)) as again:
        assert again.load("ann", kept.id) == kept


names = st.text(max_size=8)
numbers = st.floats(allow_nan=False)
spans = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: Span(min(pair), max(pair)))
places = st.lists(st.tuples(st.integers(1, 2), spans), max_size=3).map(
    lambda each: (tuple(number for number, _ in each), tuple(span for _, span in each))
)
passages = st.builds(Passage, names, st.integers(0, 50), st.integers(0, 50), st.text())
few_names = st.lists(names, max_size=2).map(tuple)
hits = st.builds(
    Hit, passages, names, names, st.none() | names, numbers, st.dictionaries(names, st.integers()), few_names,
    st.none() | names, st.none() | names, st.lists(st.integers(0, 99), max_size=3).map(tuple), few_names,
)  # fmt: skip
sentences = places.flatmap(
    lambda each: st.builds(
        Sentence, st.integers(0, 50), st.integers(0, 50), names, st.just(each[0]), st.just(each[1]),
        st.sampled_from(["quoted", "supported", "weak", "unsupported"]), st.none() | spans, st.booleans(), st.text(),
    )
)  # fmt: skip
answers = st.builds(
    Answer, names, st.text(), st.booleans(), names, names, st.lists(sentences, max_size=2).map(tuple),
    st.lists(hits, min_size=2, max_size=3).map(tuple), numbers, st.dictionaries(names, numbers, max_size=2),
    st.dictionaries(names, st.integers(-(2**63), 2**63), max_size=2), few_names, st.text(), st.booleans(),
    st.integers(0, 10**9),
)  # fmt: skip
choices = st.builds(RequestFilter, st.none() | st.just("2024-02"), st.none() | st.just("2024"), few_names, few_names)
exchanges = st.builds(
    Exchange, st.text(), st.none() | answers, st.none() | st.tuples(names, names), st.booleans(), choices,
    st.sampled_from(["good", "bad", None]),
)  # fmt: skip


@settings(max_examples=50)
@given(said=st.lists(exchanges, max_size=3).map(lambda each: Conversation(tuple(each))))
def test_whatever_was_said_comes_back_exactly(said: Conversation) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(ConversationStore(f"sqlite:///{folder}/c.sqlite3")) as saved:
        kept = saved.save("ann", said)
        assert saved.load("ann", kept.id) == replace(said, id=kept.id, title=kept.title)


def test_a_character_that_no_text_can_hold_is_replaced_by_one_of_the_same_length(saved: ConversationStore) -> None:
    broken = Exchange("a\ud800\udc00b\x00", replace(ANSWER, text="x\udfff" + ANSWER.text))
    kept = saved.save("ann", Conversation((broken,)))
    assert kept.title == "a\ufffd\ufffdb\ufffd"
    loaded = saved.load("ann", kept.id)
    assert loaded is not None
    assert loaded.exchanges[0].question == "a\ufffd\ufffdb\x00"
    assert loaded.exchanges[0].answer == replace(ANSWER, text="x\ufffd" + ANSWER.text)
    saved.record_feedback("ann", kept.id, 1, "bad", "\ud800")
    assert saved.rename("ann", kept.id, "\ud800 b")
    assert saved.load("ann", "\ud800") is None
    assert not saved.delete("ann", "\ud800")


def test_a_conversation_that_goes_on_is_kept_once_in_its_newest_state(saved: ConversationStore) -> None:
    first = saved.save("ann", replace(SAID, exchanges=SAID.exchanges[:1]))
    both = saved.save("ann", replace(first, exchanges=SAID.exchanges))
    assert both.id == first.id
    assert [(each.id, each.questions) for each in saved.listing("ann")] == [(first.id, 2)]
    assert saved.load("ann", first.id) == both


@pytest.mark.parametrize(
    ("questions", "title"),
    [
        (["Who\n  founded   it?"], "Who founded it?"),
        (["word " * 100], "word word word word word word word word word word word…"),
        (["字" * 100], "字" * 59 + "…"),
        (["  ", "Why?"], "Why?"),
        ([" "], ""),
        ([], ""),
    ],
)
def test_a_conversation_is_called_by_its_first_question_on_one_short_line(
    saved: ConversationStore, questions: list[str], title: str
) -> None:
    kept = saved.save("ann", Conversation(tuple(map(Exchange, questions))))
    assert kept.title == title
    assert len(title) <= 60


def test_a_conversation_without_a_title_gets_one_from_a_later_question(saved: ConversationStore) -> None:
    empty = saved.save("ann", Conversation())
    assert saved.save("ann", replace(empty, exchanges=(Exchange("Why?"),))).title == "Why?"


def test_a_title_that_was_given_is_kept_and_one_that_was_changed_outlives_an_older_state(
    saved: ConversationStore,
) -> None:
    kept = saved.save("ann", replace(SAID, title="The port"))
    assert kept.title == "The port"
    assert saved.rename("ann", kept.id, " Harbour\n news ")
    assert saved.save("ann", kept).title == "Harbour news", "another window still has the old title"
    assert [each.title for each in saved.listing("ann")] == ["Harbour news"]


def test_a_blank_title_changes_nothing(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    assert not saved.rename("ann", kept.id, " \n")
    assert saved.load("ann", kept.id) == kept


def test_the_list_has_the_newest_first_and_a_new_title_moves_nothing(saved: ConversationStore) -> None:
    one, two, three = (saved.save("ann", Conversation((Exchange(name),))) for name in ("one", "two", "three"))
    saved.save("ann", two)
    saved.rename("ann", one.id, "first")
    listed = saved.listing("ann")
    assert [each.title for each in listed] == ["two", "three", "first"]
    assert listed[1] == ConversationSummary(three.id, "three", listed[1].changed, 1)
    assert listed[0].changed > listed[1].changed > listed[2].changed
    assert listed[0].changed.endswith("+00:00")


def test_a_list_has_a_maximum_length(saved: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 2)
    for name in ("one", "two", "three"):
        saved.save("ann", Conversation((Exchange(name),)))
    assert [each.title for each in saved.listing("ann")] == ["three", "two"]


# Whose it is


def test_another_reader_sees_changes_and_judges_nothing(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    assert saved.listing("bob") == []
    assert saved.load("bob", kept.id) is None
    assert not saved.rename("bob", kept.id, "mine")
    assert not saved.delete("bob", kept.id)
    with pytest.raises(PersistenceError, match="cannot be rated"):
        saved.record_feedback("bob", kept.id, 1, "bad", "")
    with pytest.raises(PersistenceError, match="another user"):
        saved.save("bob", replace(kept, exchanges=()))
    assert saved.load("ann", kept.id) == kept
    assert list(saved.feedback()) == []


def test_an_unknown_conversation_is_none_and_cannot_be_changed(saved: ConversationStore) -> None:
    assert saved.load("ann", "x") is None
    assert not saved.rename("ann", "x", "title")
    assert not saved.delete("ann", "x")


def test_an_owner_whose_name_would_be_altered_is_refused(saved: ConversationStore) -> None:
    for name in ("a\x00", "a\ud800"):
        with pytest.raises(PersistenceError, match="cannot own"):
            saved.save(name, SAID)


# What readers thought


def test_a_verdict_is_kept_with_what_it_is_about_and_the_newest_of_a_turn_counts(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    saved.record_feedback("ann", kept.id, 1, "good", "")
    saved.record_feedback("ann", kept.id, 1, "bad", "wrong day")
    (judged,) = saved.feedback()
    assert judged.pop("judged").endswith("+00:00")
    assert judged == {
        "conversation": kept.id,
        "turn": 1,
        "question": "When did it reopen?",
        "answer": ANSWER.text,
        "citations": ANSWER.to_dict()["citations"],
        "verdict": "bad",
        "reason": "wrong day",
    }


def test_a_verdict_can_be_taken_back_and_goes_with_its_conversation(saved: ConversationStore) -> None:
    one, two = saved.save("ann", SAID), saved.save("bob", SAID)
    for owner, kept in (("ann", one), ("bob", two)):
        saved.record_feedback(owner, kept.id, 1, "good", "")
    saved.record_feedback("ann", one.id, 1, None)
    assert [each["conversation"] for each in saved.feedback()] == [two.id]
    assert saved.delete("bob", two.id)
    assert list(saved.feedback()) == []
    assert saved.listing("bob") == []
    assert saved.load("bob", two.id) is None


@pytest.mark.parametrize("turn", [0, -1, 2, 3, 10**30])
def test_only_an_answer_can_be_judged(saved: ConversationStore, turn: int) -> None:
    kept = saved.save("ann", SAID)
    with pytest.raises(PersistenceError, match="cannot be rated"):
        saved.record_feedback("ann", kept.id, turn, "good", "")
    with pytest.raises(PersistenceError, match="cannot be rated 'fine'"):
        saved.record_feedback("ann", kept.id, 1, "fine", "")  # type: ignore[arg-type]


# What can go wrong


def test_nobody_else_can_read_the_file(in_file: ConversationStore, file: Path) -> None:
    in_file.save("ann", SAID)
    assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "[" * 100_000,
        '{"exchanges": [{"said": "by an older version"}]}',
        '{"exchanges": [{"question": 7}]}',
        '{"exchanges": [{"question": "Q", "verdict": "fine"}]}',
        '{"exchanges": [{"question": "Q", "stopped": "yes"}]}',
        '{"exchanges": [{"question": "Q", "only": {"since": "spring"}}]}',
        '{"exchanges": [{"question": "Q", "answer": {"question": "Q", "sentences": [{"start": 0, "end": 9, "text": "",'
        ' "numbers": [1], "evidence": [{"start": 9, "end": 0}], "support": "weak"}]}}]}',
        '{"exchanges": [{"question": "Q", "answer": {"question": "Q", "sentences": [{"start": 0, "end": 9, "text": "",'
        ' "numbers": [1], "evidence": [], "support": "weak"}]}}]}',
        '{"exchanges": [{"question": "Q", "answer": {"question": "Q", "sentences": [{"start": 0, "end": 9, "text": "",'
        ' "numbers": [5], "evidence": [{"start": 0, "end": 9}], "support": "weak"}]}}]}',
    ],
)
def test_a_body_that_cannot_be_understood_is_told_by_name_and_harms_no_other(
    saved: ConversationStore, body: str
) -> None:
    bad, good = saved.save("ann", replace(SAID, title="Bad")), saved.save("ann", SAID)
    change(saved, "update conversations set body = :body where id = :id", body=body, id=bad.id)
    with pytest.raises(PersistenceError, match=rf"Cannot read the conversation 'Bad' \({bad.id}\): .+") as told:
        saved.load("ann", bad.id)
    assert "Another version" in told.value.hint
    assert [each.id for each in saved.listing("ann")] == [good.id, bad.id]
    assert saved.load("ann", good.id) == good
    assert saved.save("ann", replace(SAID, id=bad.id)).id == bad.id, "it can be written anew"
    assert saved.load("ann", bad.id) is not None
    assert saved.delete("ann", bad.id)


def test_a_field_that_a_newer_version_added_is_left_out(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    values = {"old": '"stopped"', "new": '"mood": [1], "stopped"'}
    change(saved, "update conversations set body = replace(body, :old, :new)", **values)
    assert saved.load("ann", kept.id) == kept


OLD_BODY = """{"exchanges": [{"question": "When?", "answer": {"question": "When?", "text": "The harbour reopened. [1]",
"found": true, "model": "extractive", "search_query": "", "sentences": [{"start": 0, "end": 25,
"text": "The harbour reopened.", "numbers": [1], "evidence": [{"start": 0, "end": 31}], "support": "supported",
"focus": null, "moved": true}], "hits": [{"passage": {"article_id": "a1", "start": 0, "end": 31,
"text": "The harbour reopened on Monday."}, "title": "The port", "source": "The Daily",
"published": "2024-02-24", "score": 0.1, "ranks": {"dense": 1}, "shared": ["port"], "author": null, "language": "en",
"pages": [0], "also": []}], "trust": 0.7, "timings": {"search": 0.25, "trust": 1.5}, "tokens": {"in": 3},
"notes": ["a note"], "done": true}, "error": null, "stopped": true,
"only": {"since": "2024-02", "until": null, "sources": ["daily"], "articles": []}, "verdict": "bad"}]}"""


def test_a_conversation_saved_by_an_older_version_keeps_its_values(saved: ConversationStore) -> None:
    id_ = saved.save("ann", SAID).id
    change(saved, "update conversations set body = :body", body=OLD_BODY)
    loaded = saved.load("ann", id_)
    assert loaded is not None
    (exchange,) = loaded.exchanges
    answer = exchange.answer
    assert answer is not None
    assert exchange.article_filter == RequestFilter("2024-02", None, ("daily",), ()), "it compares no paths"
    assert (exchange.rating, exchange.stopped) == ("bad", True)
    assert (answer.confidence, answer.notes) == (0.7, ("a note",))
    assert (answer.timings, answer.tokens) == ({"search": 0.25, "trust": 1.5}, {"in": 3})
    assert [each.citation_corrected for each in answer.sentences] == [True]
    (hit,) = answer.hits
    assert (hit.title, hit.language, hit.ranks, hit.shared, hit.pages) == (
        "The port",
        "en",
        {"dense": 1},
        ("port",),
        (0,),
    )
    assert [(each.number, each.quote, each.support) for each in answer.citations] == [(1, TEXT, "supported")]
    again = saved.save("ann", loaded)
    assert saved.load("ann", id_) == again, "it is stored under the current names"


def test_damaged_citations_of_a_verdict_are_told(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    saved.record_feedback("ann", kept.id, 1, "good", "")
    change(saved, "update judgements set citations = '['")
    with pytest.raises(PersistenceError, match=kept.id):
        list(saved.feedback())


def test_a_file_that_is_no_database_is_told_and_left_alone(in_file: ConversationStore, file: Path) -> None:
    kept = in_file.save("ann", SAID)
    rubbish = b"rubbish" * 5000
    file.write_bytes(rubbish)
    for work in (
        lambda: ConversationStore(f"sqlite:///{file}"),
        lambda: in_file.listing("ann"),
        lambda: in_file.load("ann", kept.id),
        lambda: in_file.save("ann", SAID),
        lambda: in_file.rename("ann", kept.id, "title"),
        lambda: in_file.delete("ann", kept.id),
        lambda: list(in_file.feedback()),
    ):
        with pytest.raises(PersistenceError, match="file is not a database") as told:
            work()
        assert str(file) in told.value.message
        assert "Move the file away" in told.value.hint
    assert file.read_bytes() == rubbish


def test_a_file_that_was_cut_is_told(in_file: ConversationStore, file: Path) -> None:
    for number in range(20):
        in_file.save("ann", Conversation((Exchange(f"{number} " + "long " * 2000),)))
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(PersistenceError, match="malformed"):
        [in_file.load("ann", each.id) for each in in_file.listing("ann")]


def test_a_file_of_another_program_is_told(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table conversations (id text, owner text)")
    with (
        closing(ConversationStore(f"sqlite:///{file}")) as saved,
        pytest.raises(PersistenceError, match="no such column") as told,
    ):
        saved.listing("ann")
    assert "Another version" in told.value.hint


def test_a_file_that_is_moved_away_is_no_longer_written_to(in_file: ConversationStore, file: Path) -> None:
    in_file.save("ann", SAID)
    before = file.rename(file.with_suffix(".old")).read_bytes()
    with pytest.raises(PersistenceError, match="no such table"):
        in_file.save("ann", SAID)
    assert file.with_suffix(".old").read_bytes() == before


@contextmanager
def _as_one_without_rights() -> Iterator[None]:
    """Root may write everywhere."""
    if os.getuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_a_folder_that_cannot_be_written_to_is_told() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(ConversationStore(f"sqlite:///{folder}/old.sqlite3")) as saved:
            kept = saved.save("ann", SAID)
            (folder / "old.sqlite3").chmod(0o444)
            folder.chmod(0o555)
            try:
                with _as_one_without_rights():
                    for work in (
                        lambda: ConversationStore(f"sqlite:///{folder}/new.sqlite3"),
                        lambda: ConversationStore(f"sqlite:///{folder}/deeper/new.sqlite3"),
                        lambda: saved.save("ann", kept),
                        lambda: saved.delete("ann", kept.id),
                    ):
                        with pytest.raises(PersistenceError, match="Cannot use the conversations") as told:
                            work()
                        assert told.value.hint == "Make the file and its folder writable."
            finally:
                folder.chmod(0o755)
            assert saved.load("ann", kept.id) == kept


def test_a_database_that_another_program_holds_is_told_after_some_patience(
    in_file: ConversationStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = in_file.save("ann", SAID)
    monkeypatch.setattr(database_module, "TIMEOUT", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(PersistenceError, match="locked") as told:
            in_file.save("ann", kept)
        assert "try again in a moment" in told.value.hint
        assert in_file.load("ann", kept.id) == kept, "reading does not wait for a writer"
    in_file.save("ann", kept)


def test_a_full_disk_is_told_and_what_was_kept_is_still_there(in_file: ConversationStore, file: Path) -> None:
    kept = in_file.save("ann", SAID)
    code = (
        "import resource, sys\n"
        "from ui.conversation import Conversation, Exchange\n"
        "from ui.persistence.conversations import ConversationStore\n"
        "saved = ConversationStore(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "saved.save('ann', Conversation((Exchange('secret words ' * 50_000),)))\n"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{file}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert "PersistenceError: Cannot use the conversations in" in done.stderr
    assert "Free some disk space" in done.stderr
    assert "secret words secret" not in done.stderr, "what a reader asked is in no error"
    assert [each.id for each in in_file.listing("ann")] == [kept.id]
    assert in_file.load("ann", kept.id) == kept


@pytest.mark.parametrize("url", ["", "conversations.sqlite3", "://", "postgresql+psycopg2://u:secret@h:port/x"])
def test_an_address_that_is_none_is_told_without_the_password_in_it(url: str) -> None:
    with pytest.raises(PersistenceError) as told:
        ConversationStore(url)
    assert "secret" not in str(told.value)
    assert told.value.hint


def test_postgresql_understands_the_tables() -> None:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateIndex, CreateTable

    for table in module._tables().sorted_tables:
        made = [CreateTable(table, if_not_exists=True), *(CreateIndex(i, if_not_exists=True) for i in table.indexes)]
        for each in made:
            assert "IF NOT EXISTS" in str(each.compile(dialect=postgresql.dialect()))


def test_a_database_without_its_driver_is_told_without_the_password_in_it() -> None:
    for url in ("postgresql+asyncpg://u:secret@127.0.0.1:1/x", "rubbish://u:secret@h/x"):
        with pytest.raises(PersistenceError) as told:
            ConversationStore(url)
        assert "secret" not in str(told.value)
        assert "***" in told.value.message


# Many at once


def test_many_threads_save_and_list_at_once_and_nothing_is_lost(saved: ConversationStore) -> None:
    def work(number: int) -> str:
        kept = saved.save(f"owner {number % 2}", Conversation((Exchange(f"Question {number}"),)))
        saved.listing(f"owner {number % 2}")
        saved.save(f"owner {number % 2}", replace(kept, exchanges=(*kept.exchanges, Exchange("More"))))
        return kept.id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(40)))
    assert len(set(ids)) == 40
    assert {each.id for owner in (0, 1) for each in saved.listing(f"owner {owner}")} == set(ids)
    assert all(each.questions == 2 for each in saved.listing("owner 0"))


def test_two_threads_that_save_one_conversation_leave_one_of_its_states(saved: ConversationStore) -> None:
    kept = saved.save("ann", SAID)
    states = [replace(kept, exchanges=(Exchange(name * 5000),)) for name in "ab"]
    together = threading.Barrier(2)

    def work(state: Conversation) -> None:
        for _ in range(20):
            together.wait(300)
            saved.save("ann", state)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, states))
    assert saved.load("ann", kept.id) in states
    assert len(saved.listing("ann")) == 1


def test_many_copies_may_open_a_new_database_at_once(url: str) -> None:
    code = (
        "import sys\n"
        "from ui.conversation import Conversation, Exchange\n"
        "from ui.persistence.conversations import ConversationStore\n"
        "sys.stdin.read()\n"
        "saved = ConversationStore(sys.argv[1])\n"
        "[saved.save('ann', Conversation((Exchange('Q'),))) for _ in range(5)]\n"
    )
    command = [sys.executable, "-c", code, url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.wait(300) == 0, process.stderr and process.stderr.read()
        assert process.stderr is not None
        process.stderr.close()
    with closing(ConversationStore(command[-1])) as saved:
        assert len(saved.listing("ann")) == 15
