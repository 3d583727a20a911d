"""Charts as inline SVG: bars with whiskers, curves with bands, histograms. Pure functions from numbers to markup.

Colours are the classes `style-1` to `style-4`, which the page's style sheet defines. Each style also has its own fill
pattern or dash, so that no information depends on colour alone. A page must include `patterns` before its charts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ..templating import macros

_PATTERNS = ("", "M0 6L6 0M-1 1L1 -1M5 7L7 5", "M0 3H6", "M3 0V6")
_LEFT, _TOP, _WIDTH, _HEIGHT = 44.0, 30.0, 394.0, 194.0  # of the area between the axes; the template repeats them
_MOST_POINTS = 300  # per line: more are not visible on a screen
_BINS = 20


class Point(NamedTuple):
    """A point on a curve with its interval; all values are shares between 0 and 1."""

    x: float
    y: float
    low: float
    high: float


def style_of(place: int) -> int:
    """Return the style for the run at this position, from 0; styles repeat after the last one."""
    return place % len(_PATTERNS) + 1


def patterns() -> Markup:
    """Return the definitions of the bar fill patterns, one for each style."""
    return _markup("patterns", map(Markup, _PATTERNS))


def bar(
    value: float,
    interval: tuple[float, float] | None = None,
    *,
    label: str,
    style: int = 1,
    top: float = 1.0,
    width: int = 160,
) -> Markup:
    """Return a bar from 0 to `value` on an axis to `top`, with the interval as a whisker; `label` is the alt text."""
    length, *ends = (_share(number, top) * (width - 2) for number in (value, *(interval or ())))
    return _markup("bar", label, style, width, _n(length), [_n(end + 1) for end in ends])


def change(value: float, low: float, high: float, *, reach: float, label: str) -> Markup:
    """Return a difference as a dot on an axis from -reach to reach, with a whisker for its interval."""
    at = [_n(_share(number + reach, 2 * reach) * 152 + 4) for number in (value, low, high)]
    return _markup("change", label, *at)


def curves(key: str, title: str, description: str, lines: Sequence[Sequence[Point]], axes: tuple[str, str]) -> Markup:
    """Return a chart of curves with bands, the n-th line in the n-th style.

    `axes` contains the names of the x and y axes; `key` is the prefix for element ids. The y axis ends above the
    highest point; the x axis ranges from 0 to 1. A line with one point becomes a dot.
    """
    top = _round_up(max((point.y if math.isfinite(point.y) else 0.0 for line in lines for point in line), default=1.0))

    def x(share: float) -> Markup:
        return _n(_LEFT + _share(share, 1.0) * _WIDTH)

    def y(share: float) -> Markup:
        return _n(_TOP + _HEIGHT - _share(share, top) * _HEIGHT)

    drawn = [
        (style_of(place), [(x(point.x), y(point.y), y(point.low), y(point.high)) for point in _thinned(line)])
        for place, line in enumerate(lines)
    ]
    content = _markup("curves", [(y(tick), f"{tick * 100:g}%") for tick in (0.0, top / 2, top)], drawn)
    ticks = [(x(tick / 4), f"{tick * 25}%") for tick in range(5)]
    return _markup("chart", key, title, description, "", ticks, *axes, content if any(lines) else None)


def histogram(
    key: str,
    title: str,
    description: str,
    *,
    upper: tuple[str, Sequence[float]],
    lower: tuple[str, Sequence[float]] = ("", ()),
    axis: str,
    span: tuple[float, float] | None = None,
    style: int = 1,
) -> Markup:
    """Return a histogram: the `upper` values as bars above the line, the `lower` values as hollow bars below it.

    `upper` and `lower` contain a name and the values. Values that no axis can show are omitted. `span` is the range of
    the axis, by default the range of the values, or a range of width 1 if all values are equal.
    """
    above, below = ([value for value in values if is_shown(value)] for values in (upper[1], lower[1]))
    first, last = span or span_of([*above, *below])
    if not (above or below):
        return _markup("chart", key, title, description, "", [], axis, "", None)
    counts, hanging = _counted(above, first, last), _counted(below, first, last)
    up, down = max(counts), max(hanging)
    unit = (_HEIGHT - (16 if down else 0)) / (up + down)
    base = _TOP + up * unit
    step, width = _WIDTH / _BINS, (last - first) / _BINS
    bars = []
    for number, (high, low) in enumerate(zip(counts, hanging, strict=True)):
        edges = f"{first + number * width:.3g} to {first + (number + 1) * width:.3g}"
        for kind, count, y in (("above", high, base - high * unit), ("below", low, base)):
            if count:
                at = map(_n, (_LEFT + number * step + 0.75, y, step - 1.5, count * unit))
                bars.append((kind, *at, f"{edges}: {count}"))
    names = [(f"{upper[0]}: {len(above)}", 16)] if upper[0] else []
    names += [(f"{lower[0]}: {len(below)}", 222)] if below and lower[0] else []
    ends = [(up, _n(_TOP)), (down, _n(base + down * unit))]
    content = _markup("histogram", bars, style, _n(base), ends, names)
    ticks = [(_n(_LEFT + (tick - first) / (last - first) * _WIDTH), f"{tick:g}") for tick in _ticks(first, last)]
    return _markup("chart", key, title, description, Markup(f" style-{style}"), ticks, axis, "", content)


def is_shown(value: float) -> bool:
    """Return False for a value that no axis can show: NaN, infinite or too large."""
    return math.isfinite(value) and abs(value) < 1e15


def span_of(values: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and largest shown value, a range of width 1 around equal values, or (0, 1) without values."""
    finite = [value for value in values if is_shown(value)]
    if not finite:
        return 0.0, 1.0
    first, last = min(finite), max(finite)
    return (first, last) if last - first > 1e-9 else (first - 0.5, first + 0.5)


def _markup(macro: str, *arguments: object) -> Markup:
    return Markup(getattr(macros("report", "charts"), macro)(*arguments))


def _counted(values: Sequence[float], first: float, last: float) -> list[int]:
    counts = [0] * _BINS
    for value in values:
        place = int((value - first) / (last - first) * _BINS)
        counts[min(max(place, 0), _BINS - 1)] += 1
    return counts


def _thinned(line: Sequence[Point]) -> Sequence[Point]:
    """Return at most about `_MOST_POINTS` points: every n-th point and the last one."""
    step = -(-len(line) // _MOST_POINTS) or 1
    return [*line[: len(line) - 1 : step], line[-1]] if line else line


def _ticks(first: float, last: float) -> Iterator[float]:
    """Yield about four to nine round numbers between `first` and `last`."""
    width = 10.0 ** math.floor(math.log10(last - first))
    step = next(width * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if (last - first) / (width * part) <= 9)
    return (round(number * step, 12) for number in range(math.ceil(first / step), math.floor(last / step + 1e-9) + 1))


def _round_up(share: float) -> float:
    return next((top for top in (0.1, 0.2, 0.4, 0.6, 0.8) if share <= top), 1.0)


def _share(value: float, whole: float) -> float:
    return min(max(value / whole, 0.0), 1.0) if math.isfinite(value) and whole > 0 else 0.0


def _n(number: float) -> Markup:
    """Return a coordinate with at most one decimal."""
    return Markup(f"{number:.1f}".removesuffix(".0"))
