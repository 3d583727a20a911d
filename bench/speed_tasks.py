"""The tasks of `bench/speed.py`, each run in a separate process, so that start-up and memory can be measured.

A task prints a JSON object as its last line. Articles are `.txt` files in a folder; a question file has one question
per line.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHUNKS_A_WRITE = 100  # of the tutorial: LangChain's indexing API writes 100 documents at a time


def citechat_index(home: str, articles: str) -> dict[str, Any]:
    """Index articles as `citechat index` does; return the seconds and the number of passages."""
    from rag import load_settings, open_index

    began = time.perf_counter()
    report = open_index(load_settings(home=Path(home))).sync([articles])
    return {"seconds": time.perf_counter() - began, "passages": report.passages}


def raw_encode(home: str, engine: str) -> dict[str, Any]:
    """Run bare forward passes over the passages indexed in a home with a loaded model; return the seconds."""
    from index.retrieval.features import in_context
    from index.storage.store import Store
    from index.text.tables import with_column_names
    from rag import load_settings, open_index

    settings = load_settings(home=Path(home), engine=engine)
    texts = [
        in_context(title, with_column_names(p).text)[0] for title, p in Store(settings.index_path).titled_passages()
    ]
    encoder = open_index(settings).encoder
    encoder.query("warm up")
    began = time.perf_counter()
    encoder.passages(texts)
    return {"seconds": time.perf_counter() - began, "passages": len(texts)}


def tutorial_index(folder: str, articles: str) -> dict[str, Any]:
    """Index the same files as a LangChain tutorial does: read, split, embed by sentence-transformers, add to Chroma."""
    from tutorial import chunks_of

    began = time.perf_counter()
    model, collection = _tutorial(folder)
    chunks = []
    for path in sorted(Path(articles).iterdir()):
        text = path.read_text(encoding="utf-8")
        chunks += [text[start:end] for start, end in chunks_of(text)]
    for at in range(0, len(chunks), CHUNKS_A_WRITE):
        batch = chunks[at : at + CHUNKS_A_WRITE]
        vectors = model.encode(batch, normalize_embeddings=True, show_progress_bar=False)
        collection.add(ids=[str(at + i) for i in range(len(batch))], embeddings=vectors, documents=batch)
    return {"seconds": time.perf_counter() - began, "passages": len(chunks)}


def tutorial_ask(folder: str, questions: str) -> dict[str, Any]:
    """Return the seconds per question (`waits`) in which the tutorial finds the four nearest chunks, without an LLM."""
    model, collection = _tutorial(folder)
    waits = []
    for question in _lines(questions):
        began = time.perf_counter()
        vector = model.encode([question], normalize_embeddings=True, show_progress_bar=False)
        collection.query(query_embeddings=vector, n_results=4, include=["documents", "distances"])
        waits.append(time.perf_counter() - began)
    return {"waits": waits}


def citechat_ask(home: str, questions: str) -> dict[str, Any]:
    """Ask a warm assistant each question twice, and run a bare forward pass after each answer; return the seconds.

    The second half of `waits` and `floors` is for the repeated questions, whose passages were read in the first half.
    """
    from rag import build_assistant, load_settings

    assistant = build_assistant(load_settings(home=Path(home)))
    asked = _lines(questions)
    assistant.ask(asked[-1])
    waits, floors = [], []
    for question in [*asked, *asked]:
        began = time.perf_counter()
        assistant.ask(question)
        waits.append(time.perf_counter() - began)
        began = time.perf_counter()
        assistant.index.encoder.query(question)
        floors.append(time.perf_counter() - began)
    return {"waits": waits, "floors": floors}


def encode_sweep(home: str) -> dict[str, Any]:
    """Return the tokens per second and the times of single questions, for each engine and number of threads."""
    from index.embedding.onnx import cpu_count
    from index.storage.store import Store
    from rag import load_settings, open_index

    texts = [p.text for _, p in Store(load_settings(home=Path(home)).index_path).titled_passages()][:120]
    rows = []
    for engine in ("onnx", "torch"):
        for threads in (1, cpu_count(), 2 * cpu_count()):
            encoder = open_index(load_settings(home=Path(home), engine=engine, threads=threads)).encoder
            encoder.query("warm up")
            if engine == "torch":
                import torch

                torch.set_num_threads(threads)
            began = time.perf_counter()
            encoder.passages(texts)
            seconds = time.perf_counter() - began
            waits = []
            for number in range(40):
                began = time.perf_counter()
                encoder.query(f"Who founded company number {number}?")
                waits.append(time.perf_counter() - began)
            tokens = sum(len(encoder.tokenize(text)) for text in texts)
            rows.append({"engine": engine, "threads": threads, "tokens": tokens / seconds, "waits": waits})
    return {"rows": rows}


def bare_page() -> dict[str, Any]:
    """Serve a minimal page with a chat window until the process is stopped."""
    import gradio

    with gradio.Blocks() as app:
        gradio.Chatbot()
        gradio.Textbox()
    app.launch(server_name="127.0.0.1", server_port=int(sys.argv[2]), quiet=True, ssr_mode=False)
    return {}


def _tutorial(folder: str) -> tuple[Any, Any]:
    import chromadb
    from sentence_transformers import SentenceTransformer

    from index.embedding.loader import bundled_folder

    model = SentenceTransformer(bundled_folder(), device="cpu", local_files_only=True)
    client = chromadb.PersistentClient(folder, chromadb.config.Settings(anonymized_telemetry=False))
    cosine: Any = {"hnsw": {"space": "cosine"}}
    return model, client.get_or_create_collection("tutorial", embedding_function=None, configuration=cosine)


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task
    for task in (citechat_index, raw_encode, tutorial_index, tutorial_ask, citechat_ask, encode_sweep)
}

if __name__ == "__main__":
    if sys.argv[1] == "bare_page":
        bare_page()
    done = TASKS[sys.argv[1]](*sys.argv[2:])
    done["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(done))
