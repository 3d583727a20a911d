"""Print how reliable the confidence of answers is, and draw the reliability diagram.

    python training/reliability.py FILE NAME [NAME …] [--plot IMAGE]

FILE is what `collect.py` wrote, with sets that neither the reader nor the confidence was fitted to. The questions are
put into bins of equal numbers by confidence. For each bin it prints the mean confidence and the share of questions that
the articles answer (DeGroot and Fienberg 1983), then the expected calibration error: the mean difference of the two
(Guo et al. 2017, https://arxiv.org/abs/1706.04599).
"""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_BINS = 10


def bins(
    confidences: Sequence[float], answerable: Sequence[bool], count: int = _BINS
) -> list[tuple[float, float, int]]:
    """Return the mean confidence, the share of answerable questions and the number of questions of each bin."""
    values, labels = np.asarray(confidences), np.asarray(answerable, dtype=float)
    parts = np.array_split(np.argsort(values, kind="stable"), min(count, len(values)))
    return [(float(values[part].mean()), float(labels[part].mean()), len(part)) for part in parts]


def calibration_error(rows: Sequence[tuple[float, float, int]]) -> float:
    """Return the mean difference between confidence and share, weighted by the number of questions."""
    return sum(abs(mean - share) * n for mean, share, n in rows) / sum(n for _, _, n in rows)


def draw(rows: Sequence[tuple[float, float, int]], path: Path) -> None:
    """Draw the reliability diagram (needs matplotlib), and save it to `path`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4.2, 4.2), layout="constrained")
    axes.plot([0, 1], [0, 1], ":", color="0.5", label="perfect")
    axes.plot([mean for mean, _, _ in rows], [share for _, share, _ in rows], "o-", color="0.1", label="the reader")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share of questions that the articles answer")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, print the table and draw the diagram."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--plot", type=Path, metavar="IMAGE")
    given = parser.parse_args(arguments)
    collected = pickle.loads(given.file.read_bytes())
    asked = [question for name in given.names for question in collected[name][0]]
    rows = bins([each.probability for each in asked], [each.answerable for each in asked])
    print("| confidence | answered by the articles | questions |\n|---|---|---|")
    for mean, share, n in rows:
        print(f"| {mean:.2f} | {share:.2f} | {n} |")
    names = ", ".join(given.names)
    print(f"\nExpected calibration error {calibration_error(rows):.3f}, {len(asked)} questions of {names}")
    if given.plot:
        draw(rows, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
