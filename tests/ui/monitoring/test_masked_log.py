"""Keys never appear in log records, warnings or tracebacks, including those of libraries."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from langchain_core.messages import HumanMessage
from wires import reply, serving

from rag import LLMError
from rag.llms.loader import load_llm
from rag.llms.retry import LLMCall
from ui.monitoring.masked_log import mask_logs

KEY = "SECRETKEY-1234567890-abcdef"


class Holder:
    def __repr__(self) -> str:
        return f"Holder({KEY})"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a handler writes that a library has added to its own logger."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    factory, hooks = logging.getLogRecordFactory(), (sys.excepthook, threading.excepthook)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger("some.library").addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        mask_logs()
        yield written
    logging.getLogger("some.library").removeHandler(handler)
    logging.setLogRecordFactory(factory)
    sys.excepthook, threading.excepthook = hooks


def test_a_key_is_masked_in_every_part_of_a_record(log: io.StringIO) -> None:
    logger = logging.getLogger("some.library")
    logger.warning(f"in the message {KEY}")
    logger.warning("in an argument %s %d", KEY, 7)
    logger.warning("in a value %r", {"a": [KEY]})
    logger.warning("in an object %r", Holder())
    logger.warning("in a mapping %(key)s", {"key": KEY})
    logger.warning("in two parts SECRETKEY-1234567890%s", "-abcdef")
    try:
        int(KEY)
    except ValueError:
        logger.exception("failed")
    assert KEY not in log.getvalue()
    assert log.getvalue().count("***") == 7
    assert "in an argument *** 7" in log.getvalue()


def test_a_record_without_a_key_is_unchanged(log: io.StringIO) -> None:
    logging.getLogger("some.library").warning("%s of %.1f and %r", "one", 2.25, ["three"])
    assert log.getvalue() == "one of 2.2 and ['three']\n"


def test_a_key_is_masked_in_the_warnings_of_a_process_and_in_its_tracebacks() -> None:
    lines = (
        "import os, threading, warnings",
        f"os.environ['OPENAI_API_KEY'] = key = {KEY!r}",
        "from ui.monitoring.masked_log import mask_logs",
        "mask_logs()",
        "def fail(): raise ValueError(os.environ['OPENAI_API_KEY'])",
        "warnings.warn('warned of ' + key)",
        "thread = threading.Thread(target=fail); thread.start(); thread.join()",
        "fail()",
    )
    ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert "warned of ***" in ended.stderr
    assert ended.stderr.count("ValueError: ***") == 2
    assert KEY not in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize(
    "sent",
    [
        f'data: {{"choices":[{{"delta":{{"content":{{"a":["{KEY}"]}}}}}}]}}\n\ndata: [DONE]\n\n',
        f"data: {{not json {KEY} /home/secret/path}}\n\n",
        f'data: {{"error":{{"message":"bad key {KEY} at /home/secret/path.py <script>","code":"x"}}}}\n\n',
    ],
)
def test_a_server_that_sends_the_key_in_the_wrong_place_does_not_get_it_logged(
    sent: str, log: io.StringIO, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving([reply("openai", sent)]) as server:
        llm = load_llm("openai:tiny", base_url=f"{server.url}/v1", timeout=5)
        call = LLMCall(llm, "openai:tiny", 100, sleep=lambda _: None)
        with pytest.raises(LLMError) as failed:
            call.complete([HumanMessage("What is Sora?")])
    assert KEY not in log.getvalue() + caplog.text + "".join(capsys.readouterr())
    shown = f"{failed.value.message} {failed.value.hint}"
    assert not [each for each in (KEY, "/home", "<", "validation", "delta", "{") if each in shown]
