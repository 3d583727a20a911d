"""Charts as inline SVG: bars with whiskers, curves with bands, histograms. Pure: numbers in, markup out.

Colours are classes that the style sheet of a page defines, `style-1` to `style-4`; each style also has a pattern or a
dash of its own, so that nothing depends on colour alone. A page begins with `patterns`, before the charts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ..html import escape

STYLES = 4
"""The number of styles; after the last comes the first again."""

_WIDTH, _HEIGHT = 460.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 22.0, 30.0, 46.0
_MOST_POINTS = 300  # of a line: a screen shows no more
_BINS = 20


class Point(NamedTuple):
    """A point of a curve and its interval; all are shares between 0 and 1."""

    x: float
    y: float
    low: float
    high: float


def style_of(place: int) -> int:
    """Return the style of the run at this place, from 0."""
    return place % STYLES + 1


def patterns() -> Markup:
    """Return the fill patterns of the bars of each style."""
    lines = ("", "M0 6L6 0M-1 1L1 -1M5 7L7 5", "M0 3H6", "M3 0V6")
    made = "".join(
        f'<pattern id="fill-{style}" class="style-{style}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect class="ground" width="6" height="6"/><path class="line" d="{line}"/></pattern>'
        for style, line in enumerate(lines, 1)
    )
    return Markup(f'<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>{made}</defs></svg>')


def bar(
    value: float,
    interval: tuple[float, float] | None = None,
    *,
    label: str,
    style: int = 1,
    top: float = 1.0,
    width: int = 160,
) -> Markup:
    """Return a bar from 0 to `value` of at most `top`, an interval as a whisker; `label` is its text alternative."""
    low, high = interval or (0.0, 0.0)
    at = [_share(number, top) * (width - 2) + 1 for number in (0.0, value, low, high)]
    return Markup(
        f'<svg class="bar style-{style}" width="{width}" viewBox="0 0 {width} 14" role="img">'
        f'<title>{escape(label)}</title><path class="track" d="M1 12.5H{width - 1}"/>'
        f'<rect class="fill" x="1" y="2" width="{_n(at[1] - at[0])}" height="10" fill="url(#fill-{style})"/>'
        f"{_whisker(at[2], at[3]) if interval else ''}</svg>"
    )


def change(value: float, low: float, high: float, *, reach: float, label: str) -> Markup:
    """Return a difference as a dot left or right of 0, its interval as a whisker, on an axis from -reach to reach."""
    at = [(_share(number + reach, 2 * reach)) * 152 + 4 for number in (value, low, high)]
    return Markup(
        f'<svg class="change" width="160" viewBox="0 0 160 14" role="img"><title>{escape(label)}</title>'
        f'<path class="track" d="M1 7H159"/><path class="zero" d="M80 0V14"/>'
        f'{_whisker(at[1], at[2])}<circle class="dot" cx="{_n(at[0])}" cy="7" r="3.5"/></svg>'
    )


def curves(key: str, title: str, description: str, lines: Sequence[Sequence[Point]], axes: tuple[str, str]) -> Markup:
    """Return curves with their bands, the n-th in the n-th style; `axes` names x and y, `key` is the prefix of ids.

    The y axis ends above the highest point, the x axis goes from 0 to 1. A line of one point is a dot.
    """
    top = _round_up(max((point.y if math.isfinite(point.y) else 0.0 for line in lines for point in line), default=1.0))

    def x(share: float) -> str:
        return _n(_LEFT + _share(share, 1.0) * (_WIDTH - _LEFT - _RIGHT))

    def y(share: float) -> str:
        return _n(_HEIGHT - _BOTTOM - _share(share, top) * (_HEIGHT - _TOP - _BOTTOM))

    parts = [_grid([(x(tick / 4), f"{tick * 25}%") for tick in range(5)])]
    parts += [
        f'<path class="grid" d="M{_n(_LEFT)} {y(tick)}H{_n(_WIDTH - _RIGHT)}"/>'
        f'<text class="tick" x="{_n(_LEFT - 6)}" y="{y(tick)}" dy=".35em" text-anchor="end">{_percent(tick)}</text>'
        for tick in (0.0, top / 2, top)
    ]
    for place, line in enumerate(lines):
        shown = _thinned(line)
        style = f"style-{style_of(place)}"
        if len(shown) == 1:
            only = shown[0]
            parts.append(
                f'<g class="{style}"><path class="curve" d="M{x(only.x)} {y(only.low)}V{y(only.high)}"/>'
                f'<circle class="dot" cx="{x(only.x)}" cy="{y(only.y)}" r="4"/></g>'
            )
        elif shown:
            upper = "L".join(f"{x(point.x)} {y(point.high)}" for point in shown)
            lower = "L".join(f"{x(point.x)} {y(point.low)}" for point in reversed(shown))
            middle = "L".join(f"{x(point.x)} {y(point.y)}" for point in shown)
            parts.append(
                f'<g class="{style}"><path class="band" d="M{upper}L{lower}Z"/><path class="curve" d="M{middle}"/></g>'
            )
    if not any(lines):
        parts.append(_nothing())
    parts.append(_axis_names(*axes))
    return _svg(key, title, description, parts)


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
    """Return a histogram: the `upper` values as bars above the line, the `lower` ones as hollow bars below it.

    Both have a name. Values that no axis can show are left out. `span` is the range of the axis, by default that of the
    values; where all are equal its width is 1.
    """
    above, below = ([value for value in values if is_shown(value)] for values in (upper[1], lower[1]))
    first, last = span or span_of([*above, *below])
    if not (above or below):
        return _svg(key, title, description, [_nothing(), _axis_names(axis, "")])
    counts, hanging = _counted(above, first, last), _counted(below, first, last)
    up, down = max(counts), max(hanging)
    room = _HEIGHT - _TOP - _BOTTOM - (16 if down else 0)
    unit = room / (up + down)
    base = _TOP + up * unit
    step = (_WIDTH - _LEFT - _RIGHT) / _BINS

    def x(value: float) -> str:
        return _n(_LEFT + (value - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT))

    parts = [_grid([(x(tick), f"{tick:g}") for tick in _ticks(first, last)])]
    for number, (high, low) in enumerate(zip(counts, hanging, strict=True)):
        left = _n(_LEFT + number * step + 0.75)
        edges = f"{first + number * (last - first) / _BINS:.3g} to {first + (number + 1) * (last - first) / _BINS:.3g}"
        for count, top, kind in ((high, base - high * unit, "above"), (low, base, "below")):
            if count:
                fill = f"url(#fill-{style})" if kind == "above" else "none"
                parts.append(
                    f'<rect class="fill {kind}" x="{left}" y="{_n(top)}" width="{_n(step - 1.5)}"'
                    f' height="{_n(count * unit)}" fill="{fill}"><title>{edges}: {count}</title></rect>'
                )
    parts.append(f'<path class="base" d="M{_n(_LEFT)} {_n(base)}H{_n(_WIDTH - _RIGHT)}"/>')
    for count, at in ((up, _TOP), (down, base + down * unit)):
        if count:
            parts.append(
                f'<text class="tick" x="{_n(_LEFT - 6)}" y="{_n(at)}" dy=".35em" text-anchor="end">{count}</text>'
            )
    names = [(f"{upper[0]}: {len(above)}", 16.0)] if upper[0] else []
    names += [(f"{lower[0]}: {len(below)}", _HEIGHT - _BOTTOM - 2)] if below and lower[0] else []
    parts += [f'<text class="name" x="{_n(_LEFT)}" y="{_n(at)}">{escape(name)}</text>' for name, at in names]
    parts.append(_axis_names(axis, ""))
    return _svg(key, title, description, parts, extra=f" style-{style}")


def is_shown(value: float) -> bool:
    """Return False for a value that no axis can show: not a number, infinite, or too large."""
    return math.isfinite(value) and abs(value) < 1e15


def span_of(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the largest value shown; a range of 1 around equal values, (0, 1) without values."""
    finite = [value for value in values if is_shown(value)]
    if not finite:
        return 0.0, 1.0
    first, last = min(finite), max(finite)
    return (first, last) if last - first > 1e-9 else (first - 0.5, first + 0.5)


def _counted(values: Sequence[float], first: float, last: float) -> list[int]:
    counts = [0] * _BINS
    for value in values:
        place = int((value - first) / (last - first) * _BINS)
        counts[min(max(place, 0), _BINS - 1)] += 1
    return counts


def _svg(key: str, title: str, description: str, parts: Sequence[str], extra: str = "") -> Markup:
    return Markup(
        f'<svg class="chart{extra}" viewBox="0 0 {_n(_WIDTH)} {_n(_HEIGHT)}" role="img"'
        f' aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def _whisker(low: float, high: float) -> str:
    return f'<path class="whisker" d="M{_n(low)} 7H{_n(high)}M{_n(low)} 4V10M{_n(high)} 4V10"/>'


def _grid(ticks: Sequence[tuple[str, str]]) -> str:
    """Return vertical lines with their labels."""
    bottom = _HEIGHT - _BOTTOM
    return "".join(
        f'<path class="grid" d="M{at} {_n(_TOP)}V{_n(bottom + 4)}"/>'
        f'<text class="tick" x="{at}" y="{_n(bottom + 18)}" text-anchor="middle">{text}</text>'
        for at, text in ticks
    )


def _axis_names(x: str, y: str) -> str:
    named = f'<text class="axis" x="{_n(_WIDTH - _RIGHT)}" y="{_n(_HEIGHT - 6)}" text-anchor="end">{escape(x)}</text>'
    return named + (f'<text class="axis" x="{_n(_LEFT)}" y="16">{escape(y)}</text>' if y else "")


def _nothing() -> str:
    return f'<text class="axis" x="{_n(_WIDTH / 2)}" y="{_n(_HEIGHT / 2)}" text-anchor="middle">nothing to show</text>'


def _thinned(line: Sequence[Point]) -> Sequence[Point]:
    """Return every n-th point and the last one."""
    step = -(-len(line) // _MOST_POINTS) or 1
    return [*line[: len(line) - 1 : step], line[-1]] if line else line


def _ticks(first: float, last: float) -> Iterator[float]:
    """Return about four to nine round numbers between the two."""
    width = 10.0 ** math.floor(math.log10(last - first))
    step = next(width * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if (last - first) / (width * part) <= 9)
    return (round(number * step, 12) for number in range(math.ceil(first / step), math.floor(last / step + 1e-9) + 1))


def _round_up(share: float) -> float:
    return next((top for top in (0.1, 0.2, 0.4, 0.6, 0.8) if share <= top), 1.0)


def _share(value: float, whole: float) -> float:
    return min(max(value / whole, 0.0), 1.0) if math.isfinite(value) and whole > 0 else 0.0


def _percent(share: float) -> str:
    return f"{share * 100:g}%"


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
