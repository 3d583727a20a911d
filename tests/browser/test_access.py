"""Two people who log in at the same page: each has what is theirs, and nothing of the other's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

from rag import Settings
from ui.security.access import access_policy

pytestmark = IN_A_BROWSER

PASSWORD = "correct horse battery"
HARBOUR = "When did the harbour reopen after the storm?"
FERRY = "How often does the ferry sail?"


@pytest.fixture
def url(browser: Any, make_newsroom: Any, serve: Any, tmp_path: Path) -> Iterator[str]:
    """A chat that ann and bob may log in to."""
    made = make_newsroom(tmp_path / "home")
    access = access_policy(Settings(home=tmp_path))
    access.accounts.users.add("ann", PASSWORD)
    access.accounts.users.add("bob", PASSWORD)
    with serve(made.assistant, made.services, policy=access) as served:
        yield served


def log_in(reader: Reader, url: str, name: str) -> None:
    """As a person does it."""
    reader.page.goto(url)
    reader.page.fill("input[type=text], input:not([type=password])", name)
    reader.page.fill("input[type=password]", PASSWORD)
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_selector("#question textarea")
    reader.page.wait_for_function("window.citechatReady")


def test_each_has_their_own(another: Any, url: str, tmp_path: Path) -> None:
    ann, bob = another(), another()
    files: list[str] = []
    ann.page.on("request", lambda request: files.append(request.post_data or "") if "join" in request.url else None)
    log_in(ann, url, "ann")
    ann.ask(HARBOUR)
    ann.panel("history")
    theirs = ann.page.get_attribute("#history li >> nth=0", "data-id")
    story = tmp_path / "lighthouse.txt"
    story.write_text("The lighthouse keeper\n\nThe lighthouse was painted red in May.", encoding="utf-8")
    ann.close_panel()
    ann.panel("library")
    ann.page.set_input_files("#files input[type=file]", str(story))
    ann.page.wait_for_function("document.querySelector('#upload-status').textContent.includes('lighthouse')")

    log_in(bob, url, "bob")
    bob.ask(FERRY)
    bob.panel("history")
    assert bob.page.locator("#history .title").all_text_contents() == [FERRY]
    bob.page.evaluate("id => document.querySelector('#history li').dataset.id = id", theirs)
    bob.page.click("#history .title >> nth=0")
    bob.page.wait_for_timeout(1500)
    assert HARBOUR not in bob.page.inner_text("body")

    again = another()
    log_in(again, url, "ann")
    again.panel("history")
    again.page.wait_for_selector("#history .title")
    assert again.page.locator("#history .title").all_text_contents() == [HARBOUR], "from any browser"
    again.close_panel()
    again.page.click("#masthead nav >> text=Log out")
    again.page.wait_for_selector("input[type=password]")
    again.page.reload()
    again.page.wait_for_selector("input[type=password]")
