"""Known secrets are masked in replies, however they are split, and words are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from pydantic import TypeAdapter, ValidationError
from wires import PATHS, WIRES, reply, serving

from rag.llms.loader import load_llm
from rag.llms.retry import LLMCall
from rag.llms.secrets import SecretMask, known_secrets, mask_secrets, scrub

KEY = "sk-SECRETKEY1234567890abcdef"
SECRETS = {
    "OPENAI_API_KEY": KEY,
    "ANTHROPIC_API_KEY": KEY,
    "HF_TOKEN": "hf_0123456789",
    "CITECHAT_DATABASE_URL": "postgresql://citechat:p%40ss%20word12@db/citechat",
    "CITECHAT_CHROMA_URL": "https://chroma-token-42@gate:8000/db",
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("secret", [KEY, "hf_0123456789", "p%40ss%20word12", "p@ss word12", "chroma-token-42"])
def test_a_known_secret_is_masked_in_a_text_and_in_an_error(secret: str) -> None:
    assert mask_secrets(f"The key is {secret}, [1].") == "The key is ***, [1]."
    assert secret not in scrub(f"The key is {secret}, [1].")


def test_a_value_in_a_message_of_pydantic_is_removed_because_it_may_be_the_rest_of_a_secret() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(str).validate_python({"k": f"The server received the key {KEY} and more"})
    assert KEY[-12:] in str(raised.value), "shortened, so the whole key is not in it"
    assert KEY[-12:] not in scrub(str(raised.value))
    assert "Input should be a valid string" in scrub(str(raised.value))


@pytest.mark.parametrize("value", ["ollama", "EMPTY", "lm-studio", "no-key"])
def test_a_word_that_stands_for_a_key_is_not_masked_in_an_answer(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    monkeypatch.setenv("ANTHROPIC_API_KEY", value)
    assert value not in known_secrets()
    assert mask_secrets(f"It runs on {value} [1].") == f"It runs on {value} [1]."


@pytest.mark.parametrize("size", [1, 2, 5, 13, 200])
@pytest.mark.parametrize("provider", sorted(PATHS))
def test_a_key_that_a_server_sends_back_is_masked_however_it_is_split(provider: str, size: int) -> None:
    text = f"The API key is Bearer {KEY} [1]. {KEY}{KEY} sk-SECRET and sk-learn."
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    with serving([reply(provider, WIRES[provider](pieces))]) as server:
        llm = load_llm(f"{provider}:tiny", base_url=server.url + ("/v1" if provider == "openai" else ""), timeout=5)
        call = LLMCall(llm, f"{provider}:tiny", 100, sleep=lambda _: None)
        said = call.complete([HumanMessage("What is Sora?")])
    assert said == "The API key is Bearer *** [1]. ****** sk-SECRET and sk-learn."


@given(
    st.lists(st.sampled_from([KEY, KEY[:9], KEY[3:], "hf_0123456789", "s", "sk", " a ", "-", "hf_01"])),
    st.integers(1, 9),
)
def test_the_mask_does_not_depend_on_how_a_text_is_split(parts: list[str], size: int) -> None:
    text = "".join([*parts, "."])
    mask = SecretMask()
    said = "".join(mask.feed(text[at : at + size]) for at in range(0, len(text), size)) + mask.close()
    assert said == text.replace(KEY, "***").replace("hf_0123456789", "***")


def test_a_key_of_which_the_end_is_missing_is_masked() -> None:
    assert mask_secrets(f"The key is {KEY[:-1]}") == "The key is ***"
    assert mask_secrets("It is called s") == "It is called s"
