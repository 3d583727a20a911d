"""Enlarge an index without embedding, because embedding 100,000 passages takes an hour.

A filler passage consists of shuffled sentences of real ones. Its vector and token vectors are those of a real passage
with random noise, so dense search, BM25 and late interaction have as much work as with real text.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from index import Article, Encoding, Passage, TokenVectors, sentences, unit
from index.retrieval.retriever import build_search_caches, merge_search_caches
from index.storage.store import Row, Store
from index.storage.token_cache import TokenCache

_NOISE = 0.03  # of each number of a unit vector of 384: a cosine of 0.86 with the vector it was made from
_SENTENCES = 6  # of a filler passage, about as long as a real one
_PASSAGES = 10  # of a filler article
_ARTICLES_A_WRITE = 50


def grow(index: Path, wanted: int, seed: int = 0) -> None:
    """Add filler articles to an index until it contains `wanted` passages; the same seed gives the same filler."""
    store = Store(index)
    manifest = store.manifest()
    if manifest is None:
        raise ValueError(f"nothing is indexed in {str(index)!r}")
    tokens = TokenCache.beside(index, manifest.key)
    real = [passage for _, passage in store.titled_passages() if not passage.article_id.startswith("filler")]
    known = list(tokens.get([passage.id for passage in real]).values())
    pool = [passage.text[span.start : span.end] for passage in real for span in sentences(passage.text)]
    chosen, noise = random.Random(seed), np.random.default_rng(seed)
    _, held = store.count()
    number = held
    with store.writing():
        while held < wanted:
            rows: list[Row] = []
            kept: dict[str, TokenVectors] = {}
            for _ in range(_ARTICLES_A_WRITE):
                count = min(_PASSAGES, wanted - held)
                if count <= 0:
                    break
                article, passages = _article(f"filler{number}", count, pool, chosen)
                encodings = [_near(chosen.choice(known), noise) for _ in passages]
                kept |= {p.id: TokenVectors.of(each) for p, each in zip(passages, encodings, strict=True)}
                rows.append((article, passages, np.stack([encoding.vector for encoding in encodings])))
                number += 1
                held += count
            store.put(rows)
            tokens.put(kept)
        tokens.close()
        build_search_caches(store)
    merge_search_caches(store)


def _article(id_: str, count: int, pool: list[str], chosen: random.Random) -> tuple[Article, list[Passage]]:
    texts = [" ".join(chosen.sample(pool, _SENTENCES)) for _ in range(count)]
    passages, at = [], 0
    for text in texts:
        passages.append(Passage(id_, at, at + len(text), text))
        at += len(text) + 2
    return Article(id_, f"Filler {id_}", "filler", "\n\n".join(texts), path=f"/{id_}.txt"), passages


def _near(real: TokenVectors, noise: np.random.Generator) -> Encoding:
    vectors = real.vectors()
    tokens = unit(vectors + _NOISE * noise.standard_normal(vectors.shape, dtype=np.float32))
    vector = vectors.mean(axis=0)
    return Encoding(unit(vector + _NOISE * noise.standard_normal(len(vector), dtype=np.float32)), tokens, real.offsets)
