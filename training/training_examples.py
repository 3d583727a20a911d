"""Build training examples for the reader from texts with questions, claims and lies.

An example is a question or a claim with a passage. The reader learns whether the passage answers or supports it, which
sentences do, and which words of a claim are not supported. Examples in one group have the same passage: an honest claim
and its lies, or a question and its unanswerable variants; the reader learns to rank them.
"""

from __future__ import annotations

import csv
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from alterations import altered_claim, altered_question

from index import Article, Span, sentences, terms
from index.text.chunker import Tokenize, chunk

QUESTION, CLAIM = 0, 1
"""The kinds of examples, which are also the columns of the reader's outputs."""

_LONGEST_CONTEXT = 1600  # maximum length of the text that a claim is compared with, in characters
_EASY = 0.25  # share of the claims that are paired with a passage without the evidence: these are easy to learn
_KEPT = {"evidence removed": 0.4, "other passage": 0.75, "near miss": 0.6}
"""Share of the examples without an answer that are kept, for questions that have no claims: there are many of these."""
_SHORTEST_REST = 60  # minimum length of a passage from which the evidence was removed, in characters
_WORD = re.compile(r"\w+(?:[.,'’-]\w+)*")


@dataclass(frozen=True, slots=True)
class Example:
    """A question or claim (`first`) with a passage and what the reader should say about them.

    `label` is 1 if the passage answers or supports it; `gold` are the indices of the sentences that do. `unsupported`
    are the ranges of characters in the claim that the passage does not support. `group` names examples to rank.
    """

    kind: int
    first: str
    title: str
    passage: str
    label: int
    gold: tuple[int, ...] = ()
    unsupported: tuple[Span, ...] = ()
    group: str = ""
    source: str = ""
    detail: str = field(default="", compare=False)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects in a file, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def gold_sentences(passage: str, evidence: Iterable[Span]) -> tuple[int, ...]:
    """Return the indices of the sentences that overlap the evidence."""
    spans = list(evidence)
    return tuple(i for i, sentence in enumerate(sentences(passage)) if any(sentence.overlaps(span) for span in spans))


def without_sentences(passage: str, chosen: Sequence[int]) -> str:
    """Return the passage without some of its sentences."""
    spans = [span for i, span in enumerate(sentences(passage)) if i not in chosen]
    return " ".join(passage[span.start : span.end] for span in spans)


def changed_words(claim: str, honest: Sequence[str]) -> tuple[Span, ...]:
    """Return the words of a claim that are not in the most similar honest claim, at the same place."""
    words = list(_WORD.finditer(claim))
    lowered = [match[0].lower() for match in words]
    best: list[Span] | None = None
    for other in honest:
        others = [match[0].lower() for match in _WORD.finditer(other)]
        blocks = SequenceMatcher(None, lowered, others, autojunk=False).get_matching_blocks()
        same = {block.a + i for block in blocks for i in range(block.size)}
        spans = [Span(*match.span()) for i, match in enumerate(words) if i not in same]
        if best is None or len(spans) < len(best):
            best = spans
    return tuple(best or ())


def claims_examples(path: Path, tokenize: Tokenize, seed: int = 0) -> Iterator[Example]:
    """Yield examples from a file of texts with questions, answers and lies (see README.md for the format)."""
    chance = random.Random(seed)
    for text in read_lines(path):
        article = Article(text["id"], text["title"], "", text["text"])
        passages = [Span(each.start, each.end) for each in chunk(article, tokenize)]
        for number, item in enumerate(text["items"]):
            group = f"{path.stem}:{text['id']}:{number}"
            yield from _questions(text, item, passages, group, path.stem)
            if item["answerable"]:
                yield from _claims(text, item, passages, group, path.stem, chance)
        for number, item in enumerate(text.get("questions", ())):
            group = f"{path.stem}:{text['id']}:question {number}"
            for each in _questions(text, {**item, "answerable": bool(item["evidence"])}, passages, group, path.stem):
                if chance.random() < _KEPT.get(each.detail, 1.0):
                    yield each
        for number, item in enumerate(text.get("claims", ())):
            yield from _claims(text, item, passages, f"{path.stem}:{text['id']}:claim {number}", path.stem, chance)


def _places(text: str, evidence: Sequence[str]) -> list[Span]:
    return [Span(at, at + len(each)) for each in evidence if (at := text.find(each)) >= 0]


def _overlap(question: str, passage: str) -> int:
    return len(set(terms(question)) & set(terms(passage)))


def _questions(
    text: dict[str, Any], item: dict[str, Any], passages: Sequence[Span], group: str, source: str
) -> Iterator[Example]:
    """Yield the question with each passage that has evidence, and with the three most similar ones that have none."""
    words, question = text["text"], item["question"]
    places = _places(words, item.get("evidence", ()))
    with_evidence = [span for span in passages if any(span.overlaps(place) for place in places)]
    for span in with_evidence:
        passage = words[span.start : span.end]
        inside = [Span(max(0, p.start - span.start), p.end - span.start) for p in places if p.overlaps(span)]
        gold = gold_sentences(passage, inside)
        yield Example(QUESTION, question, text["title"], passage, 1, gold, (), f"q:{group}", source, "answerable")
        if len(rest := without_sentences(passage, gold)) >= _SHORTEST_REST:
            yield Example(QUESTION, question, text["title"], rest, 0, (), (), f"q:{group}", source, "evidence removed")
    others = sorted(
        (span for span in passages if span not in with_evidence),
        key=lambda span: -_overlap(question, words[span.start : span.end]),
    )
    detail = "other passage" if item["answerable"] else "near miss"
    for span in others[:3]:
        passage = words[span.start : span.end]
        yield Example(QUESTION, question, text["title"], passage, 0, (), (), f"q:{group}", source, detail)


def context_of(passages: Sequence[Span], places: Sequence[Span]) -> Span:
    """Return the smallest run of passages that contains the evidence, at most `_LONGEST_CONTEXT` characters long."""
    chosen = [span for span in passages if any(span.overlaps(place) for place in places)] or list(passages[:1])
    first, last = chosen[0], chosen[-1]
    while last.end - first.start > _LONGEST_CONTEXT and len(chosen) > 1:
        counts = {span: sum(span.overlaps(place) for place in places) for span in (chosen[0], chosen[-1])}
        chosen.remove(min(counts, key=counts.__getitem__))
        first, last = chosen[0], chosen[-1]
    return Span(first.start, last.end)


def _claims(
    text: dict[str, Any],
    item: dict[str, Any],
    passages: Sequence[Span],
    group: str,
    source: str,
    chance: random.Random,
) -> Iterator[Example]:
    """Yield the honest answers and the lies with the passages that have the evidence."""
    words, title = text["text"], text["title"]
    places = _places(words, item["evidence"])
    span = context_of(passages, places)
    passage = words[span.start : span.end]
    inside = [Span(max(0, p.start - span.start), p.end - span.start) for p in places if p.overlaps(span)]
    gold = gold_sentences(passage, inside)
    honest = [item["answer"], *item.get("also", ())]
    is_whole = all(span.start <= place.start and place.end <= span.end for place in places)
    if not is_whole:
        return  # the evidence is spread over more text than the reader can read at once
    for claim in honest:
        yield Example(CLAIM, claim, title, passage, 1, gold, (), f"c:{group}", source, "honest")
        parts = [claim[each.start : each.end] for each in sentences(claim)]
        if len(parts) > 1:
            for part in parts:  # an answer is checked sentence by sentence
                yield Example(CLAIM, part, title, passage, 1, (), (), f"p:{group}", source, "honest part")
        if false := altered_claim(claim, words, chance):
            unsupported = changed_words(false, [claim])
            yield Example(CLAIM, false, title, passage, 0, (), unsupported, f"c:{group}", source, "altered")
    for lie in item["lies"]:
        unsupported = changed_words(lie["text"], honest)
        detail = f"lie: {lie['kind']}"
        yield Example(CLAIM, lie["text"], title, passage, 0, gold, unsupported, f"c:{group}", source, detail)
        honest_parts = {part for claim in honest for part in _parts(claim)}
        parts = _parts(lie["text"])
        for part in parts if len(parts) > 1 else ():
            if part not in honest_parts and (wrong := changed_words(part, [*honest_parts, *honest])):
                yield Example(CLAIM, part, title, passage, 0, (), wrong, f"p:{group}", source, "lie part")
    if chance.random() > _EASY:
        return
    if len(rest := without_sentences(passage, gold)) >= _SHORTEST_REST:
        yield Example(CLAIM, item["answer"], title, rest, 0, (), (), f"c:{group}", source, "evidence removed")
    others = [each for each in passages if not any(each.overlaps(place) for place in places)]
    if others:
        other = max(others, key=lambda each: _overlap(item["answer"], words[each.start : each.end]))
        passage = words[other.start : other.end]
        yield Example(CLAIM, item["answer"], title, passage, 0, (), (), f"c:{group}", source, "other passage")


def _parts(claim: str) -> list[str]:
    return [claim[span.start : span.end] for span in sentences(claim)]


def squad_examples(path: Path, seed: int = 0, longest: int = 1300) -> Iterator[Example]:
    """Yield questions on paragraphs in SQuAD's format, and sentences of the paragraphs as claims, true and altered.

    Each question comes with its paragraph, with the most similar other one, and altered so that its paragraph does not
    answer it.
    """
    chance = random.Random(seed)
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    paragraphs = [p["context"] for article in data for p in article["paragraphs"]]
    frequencies = Counter(term for each in paragraphs for term in set(terms(each)))

    def rarity(shared: set[str]) -> float:
        return sum(math.log(1 + len(paragraphs) / (1 + frequencies[term])) for term in sorted(shared))

    for number, article in enumerate(data):
        title = article["title"].replace("_", " ")
        contexts = [p["context"] for p in article["paragraphs"]]
        held = [set(terms(context)) for context in contexts]
        for at, paragraph in enumerate(article["paragraphs"]):
            context = paragraph["context"]
            if len(context) > longest:
                continue
            for row, asked in enumerate(paragraph["qas"]):
                group = f"q:{path.stem}:{number}:{at}:{row}"
                question, answers = asked["question"].strip(), asked["answers"]
                if not answers or len(question) < 8:
                    continue
                place = Span(answers[0]["answer_start"], answers[0]["answer_start"] + len(answers[0]["text"]))
                gold = gold_sentences(context, [place])
                yield Example(QUESTION, question, title, context, 1, gold, (), group, path.stem, "answerable")
                if false := altered_question(question, context, contexts, chance):
                    yield Example(QUESTION, false, title, context, 0, (), (), group, path.stem, "altered")
                said = {answer["text"].lower() for answer in answers}
                rest = without_sentences(context, gold)
                if len(rest) >= _SHORTEST_REST and not any(each in rest.lower() for each in said):
                    yield Example(QUESTION, question, title, rest, 0, (), (), group, path.stem, "evidence removed")
                wanted = set(terms(question))
                near = sorted((i for i in range(len(contexts)) if i != at), key=lambda i: -rarity(wanted & held[i]))
                for i in near[:1]:
                    other = contexts[i]
                    if len(other) <= longest and not any(each in other.lower() for each in said):
                        yield Example(QUESTION, question, title, other, 0, (), (), group, path.stem, "other passage")
            yield from _sentence_claims(title, context, contexts, f"c:{path.stem}:{number}:{at}", path.stem, chance)


def _sentence_claims(
    title: str, context: str, others: Sequence[str], group: str, source: str, chance: random.Random
) -> Iterator[Example]:
    spans = [span for span in sentences(context) if 40 <= len(span) <= 300]
    for span in chance.sample(spans, min(2, len(spans))):
        true = context[span.start : span.end]
        name = f"{group}:{span.start}"
        gold = gold_sentences(context, [span])
        yield Example(CLAIM, true, title, context, 1, gold, (), name, source, "copied")
        if false := altered_claim(true, chance.choice([context, chance.choice(list(others))]), chance):
            wrong = changed_words(false, [true])
            yield Example(CLAIM, false, title, context, 0, gold, wrong, name, source, "altered")


def qamr_examples(folder: Path, seed: int = 0, most: int = 4) -> Iterator[Example]:
    """Yield questions on single sentences (QAMR), among other sentences of the same document."""
    chance = random.Random(seed)
    texts = dict(line.split("\t")[:2] for line in (folder / "qamr_sentences.tsv").read_text("utf-8").splitlines())
    texts = {key: _untokenized(text) for key, text in texts.items()}
    documents = defaultdict(list)
    for key in texts:
        documents[key.rsplit(":", 2)[0]].append(key)
    asked = defaultdict(list)
    for part in ("dev", "test"):
        for line in (folder / f"qamr_{part}.tsv").read_text("utf-8").splitlines():
            fields = line.split("\t")
            if fields[0] in texts and len(fields[5].split()) > 2:
                asked[fields[0]].append(_untokenized(fields[5]))
    for key, questions in sorted(asked.items()):
        others = [other for other in documents[key.rsplit(":", 2)[0]] if other != key]
        different = list(dict.fromkeys(questions))
        chance.shuffle(different)
        for row, question in enumerate(different[:most]):
            group = f"q:qamr:{key}:{row}"
            asking = question[:1].upper() + question[1:]
            chosen = sorted([key, *chance.sample(others, min(len(others), chance.randint(1, 4)))], key=_place)
            passage = " ".join(texts[each] for each in chosen)
            at = sum(len(texts[each]) + 1 for each in chosen[: chosen.index(key)])
            gold = gold_sentences(passage, [Span(at, at + len(texts[key]))])
            yield Example(QUESTION, asking, "", passage, 1, gold, (), group, "qamr", "answerable")
            if others:
                near = " ".join(texts[each] for each in sorted(chance.sample(others, min(len(others), 3)), key=_place))
                yield Example(QUESTION, asking, "", near, 0, (), (), group, "qamr", "other passage")


def _place(key: str) -> tuple[int, ...]:
    """Return the place of a sentence in its document."""
    return tuple(int(each) if each.isdigit() else 0 for each in key.split(":")[-2:])


def _untokenized(text: str) -> str:
    for written, meant in (("-LRB-", "("), ("-RRB-", ")"), ("``", '"'), ("''", '"')):
        text = text.replace(written, meant)
    text = re.sub(r" ([,.;:!?%)])", r"\1", text)
    text = re.sub(r"([($]) ", r"\1", text)
    return re.sub(r" (n't|'s|'re|'ve|'ll|'d|')(?=\s|$)", r"\1", text)


def entailment_examples(folder: Path, seed: int = 0) -> Iterator[Example]:
    """Yield claims with premises or evidence from ConjNLI, HELP, Fool Me Twice and WiCE."""
    chance = random.Random(seed)
    conj = []
    with (folder / "conjnli_train.tsv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if len(row) >= 3 and row[2] in ("entailment", "neutral", "contradiction"):
                conj.append((row[0].strip('"'), row[1].strip('"'), int(row[2] == "entailment")))
    yield from _pairs(_balanced(conj, 4000, chance), "conjnli")
    help_ = []
    with (folder / "help_and.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if len(row) >= 10 and row[4] in ("entailment", "neutral"):
                help_.append((_untokenized(row[8]), _untokenized(row[9]), int(row[4] == "entailment")))
    yield from _pairs(_balanced(help_, 600, chance), "help")
    fool = []
    for each in read_lines(folder / "foolmetwice_dev.jsonl"):
        if evidence := " ".join(part["text"] for part in each["gold_evidence"]):
            fool.append((evidence, each["text"], int(each["label"] == "SUPPORTS")))
    yield from _pairs(fool, "foolmetwice")
    wice = []
    for each in read_lines(folder / "wice_claim_dev.jsonl"):
        evidence = " ".join(each["evidence"])[:_LONGEST_CONTEXT]
        wice.append((evidence, each["claim"], int(each["label"] == "supported")))
    yield from _pairs(wice, "wice")


def _balanced(rows: Sequence[tuple[str, str, int]], most: int, chance: random.Random) -> list[tuple[str, str, int]]:
    chosen = []
    for label in (0, 1):
        same = [row for row in rows if row[2] == label]
        chosen += chance.sample(same, min(most, len(same)))
    return chosen


def _pairs(rows: Iterable[tuple[str, str, int]], source: str) -> Iterator[Example]:
    for premise, claim, label in rows:
        yield Example(CLAIM, claim, "", premise, label, (), (), "", source, "supported" if label else "not supported")
