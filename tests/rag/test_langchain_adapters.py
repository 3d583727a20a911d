"""Our parts inside a LangChain chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from index import Index
from rag import Answer, Assistant, Turn, as_retriever, as_runnable, load_settings, open_index

QUESTION = "What is the name of ByteDance's video tool?"


@pytest.fixture(scope="module")
def samples(samples_home: Path) -> Index:
    return open_index(load_settings(home=samples_home))


class Listener(BaseCallbackHandler):
    """Writes down what a tracer would."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.heard.append(f"asked {inputs}")

    def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
        self.heard.append(f"answered {getattr(outputs, 'found', outputs)}")

    def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
        self.heard.append(f"found {len(documents)}")


def test_the_search_is_a_retriever_whose_documents_say_where_they_stand(samples: Index) -> None:
    documents = as_retriever(samples, 3).invoke(QUESTION)
    assert len(documents) == 3
    for document in documents:
        article = samples.article(document.metadata["article_id"])
        assert article is not None
        assert article.text[document.metadata["start"] : document.metadata["end"]] == document.page_content
    assert "Boximator" in documents[0].page_content


def test_the_retriever_stands_in_a_chain_like_any_other(samples: Index) -> None:
    def joined(documents: list[Document]) -> str:
        return "\n".join(document.page_content for document in documents)

    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    chain = {"context": as_retriever(samples) | joined, "question": RunnablePassthrough()} | prompt
    said = chain.invoke(QUESTION).to_string()
    assert "Boximator" in said
    assert said.endswith(QUESTION)


def test_the_assistant_is_a_runnable(samples: Index) -> None:
    runnable = as_runnable(Assistant(samples))
    answer = runnable.invoke(QUESTION)
    assert isinstance(answer, Answer)
    assert "Boximator" in answer.text
    states = list(runnable.stream(QUESTION))
    assert [state.done for state in states] == [False, True]
    assert states[-1].text == answer.text
    assert [each.found for each in runnable.batch([QUESTION, "What is the capital of Australia?"])] == [True, False]
    assert (runnable | RunnableLambda(lambda answer: answer.text)).invoke(QUESTION) == answer.text


def test_a_conversation_comes_with_its_history(samples: Index) -> None:
    runnable = as_runnable(Assistant(samples))
    for history in ([Turn("user", "What is Stability AI?")], [{"role": "user", "text": "What is Stability AI?"}]):
        answer = runnable.invoke({"question": "Where is it based?", "history": history})
        assert "London" in answer.text


def test_a_tracer_sees_questions_and_answers(samples: Index) -> None:
    listener = Listener()
    config: Any = {"callbacks": [listener]}
    as_runnable(Assistant(samples)).invoke(QUESTION, config)
    list(as_runnable(Assistant(samples)).stream(QUESTION, config))
    as_retriever(samples, 2).invoke(QUESTION, config)
    assert listener.heard.count("answered True") == 2
    assert sum(QUESTION in each for each in listener.heard) >= 1
    assert listener.heard[-1] == "found 2"
