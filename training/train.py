"""Train the reader.

    python training/train.py DATA FOLDER [--start MODEL] [--hours H] [--epochs N] [--seed N] [--device cpu|cuda]

DATA contains `claims/` and `reading/` (see README.md). Checkpoints are written to FOLDER every few minutes, and the
training continues from the last one. It ends after `--epochs`, or pauses after `--hours`. Without a checkpoint it
begins with the weights of all-MiniLM-L6-v2, or with those of `--start`, an exported reader or a checkpoint.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from model import LossWeights, Row, collate, loss_of, read
from network import FROZEN_LAYERS, ReaderNetwork, trained_weights
from training_examples import (
    CLAIM,
    QUESTION,
    Example,
    claims_examples,
    entailment_examples,
    qamr_examples,
    squad_examples,
)
from weights import load_weights

from index import Article, Encoding, Passage, PassageFeatures, bundled_folder, load_encoder, terms
from index.retrieval.late_interaction import read_question
from index.storage.token_cache import TokenVectors
from rag.reading.evidence import sentence_scores
from rag.reading.pairs import encode_pair

REPOSITORY = Path(__file__).resolve().parent.parent
HELD_BACK = ("w5", "n3", "n4")
"""The claims files that are only evaluated."""

CALIBRATION = ("w4", "features", "agencies")
"""The claims files and our own texts that are not trained on, but choose the settings and calibrate the reader."""

_TOKENS = 4000  # tokens in a batch
_RATE, _WEIGHT_DECAY = 2e-4, 0.01
_WARM_UP, _COOL_DOWN = 200, 0.25
"""The learning rate rises for 200 steps, and falls in the last quarter of the training. In between it is constant
(Hu et al. 2024, https://arxiv.org/abs/2404.06395), so a checkpoint can be continued with another number of epochs."""
_CHECKPOINT_SECONDS = 300.0
_CHUNK = 2000  # examples whose texts are encoded at a time


def tokenizer_of(folder: Path) -> Any:
    """Return the tokenizer without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def claims_files(data: Path) -> list[Path]:
    """Return all files of texts with questions, answers and lies: those in `data` and our own."""
    return sorted([*(data / "claims").glob("*.jsonl"), *(REPOSITORY / "training" / "texts").glob("*.jsonl")])


def training_examples(
    data: Path, tokenizer: Any, seed: int, share: float = 1.0, questions: float = 1.0
) -> list[Example]:
    """Return the training examples; the same seed gives the same examples.

    `share` is the share of the groups of examples from other data than texts with questions, answers and lies, and
    `questions` the share of the questions on these texts.
    """

    def tokenize(text: str) -> list[tuple[int, int]]:
        return list(tokenizer.encode(text, add_special_tokens=False).offsets)

    found: list[Example] = []
    for path in claims_files(data):
        if path.stem not in HELD_BACK + CALIBRATION:
            found += list(claims_examples(path, tokenize, seed))
    asked = random.Random(seed + 1)
    kept = {group: asked.random() < questions for group in dict.fromkeys(each.group for each in found)}
    found = [each for each in found if each.kind == CLAIM or kept[each.group]]
    others = [
        *squad_examples(data / "reading" / "new_wiki.json", seed),
        *qamr_examples(data / "reading", seed),
        *entailment_examples(data / "reading", seed),
    ]
    chance = random.Random(seed)
    chosen = {each.group or str(i): chance.random() < share for i, each in enumerate(others)}
    return found + [each for i, each in enumerate(others) if chosen[each.group or str(i)]]


def with_features(examples: Sequence[Example], tokenizer: Any, folder: Path) -> list[Row]:
    """Return the examples with their token ids, features and similarity scores.

    Features and scores are kept in `folder` and are computed only for examples that it does not have.
    """
    keys = [hashlib.sha256(repr(_texts(each)).encode("utf-8", "replace")).hexdigest()[:32] for each in examples]
    known = _kept(folder)
    missing = {key: each for key, each in zip(keys, examples, strict=True) if key not in known}
    if missing:
        _compute(missing, tokenizer, folder, _rarities(examples))
        known = _kept(folder)
    nothing = Encoding(np.zeros(0, np.float32), np.zeros((0, 0), np.float32), ())
    rows = []
    for key, example in zip(keys, examples, strict=True):
        pair = encode_pair(tokenizer, _texts(example), (nothing, nothing))
        features, scores = known[key]
        if example.kind == QUESTION and len(scores) <= max(pair.sentences):
            continue  # a table, whose rows have the names of its columns in the product
        rows.append(Row(example, replace(pair, features=features), scores))
    return rows


def _texts(example: Example) -> tuple[str, str, str]:
    return example.first, example.title, example.passage


def _kept(folder: Path) -> dict[str, tuple[Any, Any]]:
    """Return the features and similarity scores in a folder, by the key of their example."""
    found = {}
    for file in sorted(folder.glob("features-*.npz")):
        with np.load(file) as held:
            columns = {name: held[name] for name in ("keys", "tokens", "features", "sentences", "scores")}
        at = begin = 0
        for key, tokens, sentences in zip(columns["keys"], columns["tokens"], columns["sentences"], strict=True):
            features = columns["features"][at : at + tokens]
            found[str(key)] = features, columns["scores"][begin : begin + sentences]
            at, begin = at + tokens, begin + sentences
    return found


class Rarities:
    """The rarity of terms in the passages of all examples, as a BM25 index computes it."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._count = len(passages)
        self._frequencies = Counter(term for each in passages for term in set(terms(each)))

    def rarity(self, term: str) -> float:
        """Return the inverse document frequency of a term."""
        count = self._frequencies[term]
        return math.log(1 + (self._count - count + 0.5) / (count + 0.5))


def _rarities(examples: Sequence[Example]) -> Rarities:
    return Rarities(sorted({each.passage for each in examples}))


def _compute(missing: dict[str, Example], tokenizer: Any, folder: Path, rarities: Any) -> None:
    """Write the features and similarity scores of examples."""
    encoder = load_encoder("bundled", folder / "models")
    order = sorted(missing, key=lambda key: missing[key].passage)  # a passage is encoded once
    for at in range(0, len(order), _CHUNK):
        chunk = [(key, missing[key]) for key in order[at : at + _CHUNK]]
        wanted = list(dict.fromkeys(text for _, each in chunk for text in (each.first, each.passage)))
        known = dict(zip(wanted, encoder.encode(wanted), strict=True))
        features, scores = [], []
        for _, each in chunk:
            first, second = known[each.first], known[each.passage]
            features.append(encode_pair(tokenizer, _texts(each), (first, second)).features.astype(np.float16))
            scores.append(_similarities(each, first, second, rarities))
        np.savez(
            folder / f"features-{chunk[0][0]}.npz",
            keys=np.array([key for key, _ in chunk]),
            tokens=[len(each) for each in features],
            features=np.concatenate(features),
            sentences=[len(each) for each in scores],
            scores=np.concatenate(scores),
        )
        print(f"features of {at + len(chunk)}/{len(order)} examples", flush=True)


def _similarities(example: Example, first: Encoding, second: Encoding, rarities: Any) -> Any:
    """Return the similarity score of each sentence for a question; none for a claim."""
    if example.kind == CLAIM:
        return np.zeros(0, np.float32)
    question = read_question(example.first, first, rarities)
    passage = Passage("", 0, len(example.passage), example.passage)
    features = PassageFeatures(passage, Article("", example.title, "", ""), TokenVectors.of(second))
    _, _, scores = sentence_scores(question, features, features.tokens.cosines(question.tokens))
    return np.array(scores, np.float32)


def batches(rows: Sequence[Row], chance: random.Random) -> Iterator[list[Row]]:
    """Yield batches of rows of similar length, in random order; the rows of a group are in the same batch."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[row.example.group or f"row {number}"].append(row)
    ordered = sorted(
        groups.values(), key=lambda group: (max(len(row.pair.ids) for row in group) // 16, chance.random())
    )
    found, batch, longest = [], [], 0
    for group in ordered:
        length = max(longest, *(len(row.pair.ids) for row in group))
        if batch and length * (len(batch) + len(group)) > _TOKENS:
            found.append(batch)
            batch, length = [], max(len(row.pair.ids) for row in group)
        batch, longest = [*batch, *group], length
    found.append(batch)
    chance.shuffle(found)
    yield from found


def in_training(network: ReaderNetwork) -> ReaderNetwork:
    """Turn on dropout, but only where it costs little: not for attention weights, and not in the frozen layers."""
    network.train()
    for part in (network.encoder.embeddings, *network.encoder.encoder.layer[:FROZEN_LAYERS]):
        part.eval()
    for layer in network.encoder.encoder.layer:
        layer.attention.self.dropout.p = 0.0
    return network


def train(
    data: Path,
    folder: Path,
    *,
    start: Path | None,
    hours: float,
    epochs: float,
    share: float,
    questions: float,
    seed: int,
    device: str,
) -> None:
    """Train until `epochs` are done or `hours` have passed, with checkpoints in `folder`."""
    torch.manual_seed(seed)
    source = Path(bundled_folder())
    tokenizer = tokenizer_of(source)
    folder.mkdir(parents=True, exist_ok=True)
    rows = with_features(training_examples(data, tokenizer, seed, share, questions), tokenizer, folder)
    print(len(rows), "examples,", sum(len(row.pair.ids) for row in rows), "tokens an epoch")
    print(Counter((row.example.source, row.example.label) for row in rows))
    network = ReaderNetwork(source)
    if start is not None:
        load_weights(network, start)
    model = in_training(network.to(device))
    trained = list(trained_weights(model).values())
    optimizer = torch.optim.AdamW(trained, lr=_RATE, weight_decay=_WEIGHT_DECAY)
    checkpoint = folder / "checkpoint.pt"
    step = first_epoch = done = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, first_epoch, done = state["step"], state["epoch"], state["batch"]
    total = round(epochs * sum(1 for _ in batches(rows, random.Random(seed))))
    began = saved = time.monotonic()
    seen, losses = 0, []

    def save(epoch: int, batch: int) -> None:
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "step": step, "epoch": epoch, "batch": batch}, f"{checkpoint}.new")
        Path(f"{checkpoint}.new").replace(checkpoint)

    for epoch in range(first_epoch, math.ceil(epochs)):
        for number, batch in enumerate(batches(rows, random.Random(seed + epoch))):
            if epoch == first_epoch and number < done:
                continue
            rate = _RATE * min(1.0, (step + 1) / _WARM_UP, max(0.02, (1 - step / total) / _COOL_DOWN))
            for group in optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(seed * 1_000_003 + step)  # for dropout: the same after a pause
            inputs = collate(batch, device)
            with torch.autocast(device, dtype=torch.bfloat16):  # more than twice as fast, the weights stay 32 bits
                outputs = read(model, inputs)
            loss = loss_of(outputs, batch, LossWeights())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            step += 1
            seen += int(inputs["mask"].sum())
            losses.append(loss.item())
            now = time.monotonic()
            if step % 50 == 0:
                mean = sum(losses[-50:]) / len(losses[-50:])
                print(
                    f"epoch {epoch} step {step}/{total} loss {mean:.3f} {seen / (now - began):.0f} tokens/s", flush=True
                )
            if now - saved > _CHECKPOINT_SECONDS:
                save(epoch, number + 1)
                saved = now
            if now - began > 3600 * hours:
                save(epoch, number + 1)
                print("paused")
                return
            if step >= total:
                break
        save(epoch + 1, 0)
    torch.save(model.state_dict(), folder / "reader.pt")
    (folder / "training.json").write_text(json.dumps({"steps": step, "seed": seed, "epochs": epochs}), "utf-8")
    print("done")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--start", type=Path, metavar="MODEL", help="an exported reader or a checkpoint to continue")
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--epochs", type=float, default=4.0, help="may be a fraction, such as 1.5")
    parser.add_argument("--share", type=float, default=1.0, help="share of the data other than texts with lies")
    parser.add_argument("--questions", type=float, default=1.0, help="share of the questions on texts with lies")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args(arguments)
    options = {
        "start": given.start,
        "hours": given.hours,
        "epochs": given.epochs,
        "share": given.share,
        "questions": given.questions,
        "seed": given.seed,
    }
    train(given.data, given.folder, **options, device=given.device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
