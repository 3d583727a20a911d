"""Compare the length of the prompt with that of version 0.1, which had a header on every passage.

    python bench/prompt.py QUESTION [QUESTION ...] [--top-k N]

The questions are searched in the index of `CITECHAT_HOME`. For each question, both prompts contain the same passages,
in reading order. The lengths are in tokens of the bundled model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from index import CitechatError, Hit, Index
from rag import load_settings, open_index
from rag.prompts import answer_messages

_FORMER_HEADER = "<passage>\n[{number}] {title}\nSource: {source}\nDate: {date}\n\n{text}\n</passage>\n"
_FORMER_INSTRUCTIONS = 294
"""Length of the instructions of version 0.1, before and after the passages, in tokens."""


def lengths(index: Index, question: str, top_k: int) -> tuple[int, int]:
    """Return the lengths of the former prompt and of the current one for a question."""

    def count(text: str) -> int:
        return len(index.encoder.tokenize(text))

    hits: list[Hit] = sorted(index.search(question, top_k), key=lambda hit: (hit.passage.article_id, hit.passage.start))
    former = "\n".join(
        _FORMER_HEADER.format(
            number=number, title=hit.title, source=hit.source, date=hit.published or "not known", text=hit.passage.text
        )
        for number, hit in enumerate(hits, start=1)
    )
    current = sum(count(str(message.content)) for message in answer_messages(question, hits))
    return _FORMER_INSTRUCTIONS + count(former) + count(question), current


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each question."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("questions", nargs="+", metavar="QUESTION")
    parser.add_argument("--top-k", type=int, default=6, metavar="N", help="number of passages")
    given = parser.parse_args(arguments)
    index = open_index(load_settings())
    print("| question | tokens in 0.1 | tokens now | shorter by |\n|---|---|---|---|")
    try:
        for question in given.questions:
            former, current = lengths(index, question, given.top_k)
            print(f"| {question} | {former} | {current} | {1 - current / former:.1%} |")
    except CitechatError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
