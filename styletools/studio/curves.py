"""The loss curves, as SVG text. Colours and fonts are the style sheet's: every shape has a class and nothing else.

Classes: st-losses (the plot), st-line-total, -content, -style and -tv (curves), st-text-total, ... (their names), st-grid,
st-tick, st-mark (a move: a group with data-step; in it st-mark-line, st-mark-text, and st-mark-hit, wide enough to click).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby

from ..history import Step
from ..jobs import Moves
from ..numerals import number, whole
from .timeline import moves_in_words

POINTS = 160  # about so many points a curve, besides those at moves
DECADES = 4.0  # a plot reaches this far down from its highest point
FIRST_STEPS = 50  # an axis without an end is at least so long
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)  # it grows to the next of these times a power of ten
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 50, 22  # pixels around the plot; two rows of labels fit in above it
ROWS = (44, 31)  # where the words of moves stand, the lower row first
LETTER = 8.0  # pixels, about, of a letter in the words of a move
COLUMNS = (0.0, 0.225, 0.525, 0.8)  # where the names of the curves begin, as parts of the width
APART = 4  # pixels at least between two moves' lines
SMALLEST, LARGEST = 1e-300, 1e300  # what has a place on a log scale
NAMES = {"total": "total", "content": "α·content", "style": "β·style", "tv": "TV"}

Curves = dict[str, list[tuple[int, float]]]  # name -> (step, value)


def loss_plot(history: Sequence[Step], moves: Moves, goal: int | None, width: int = 430, height: int = 210) -> str:
    """The total and its weighted terms over the steps on a log scale, and a dashed line with words where weights were moved.

    A curve has a gap where its term is 0, not finite, or more than four powers of ten below the highest value. goal: the last
    step of the axis; None for an axis that grows with the run. It takes as long for ten thousand steps as for two hundred.
    """
    last = axis_end(len(history), goal)

    def x(step: float) -> float:
        return LEFT + (width - LEFT - RIGHT) * (step - 1) / (last - 1)

    said = spread(moves_in_words(moves), x)
    curves = weighted(history, sampled(len(history), [step for step, _ in said]))
    low, high = span(curves)

    def y(value: float) -> float:
        return TOP + (height - TOP - BOTTOM) * (high - math.log10(value)) / (high - low)

    shapes = [
        f'<line class="st-grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text class="st-tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{number(value)}</text>'
        for value in levels(low, high)
    ]
    for step in steps_shown(last):
        shapes.append(f'<text class="st-tick" x="{x(step):.1f}" y="{height - 6}" text-anchor="middle">{whole(step)}</text>')
    shapes.append(f'<text class="st-tick" x="{width - RIGHT}" y="{height - 6}" text-anchor="end">step {whole(last)}</text>')
    shapes += marks(said, x, width, height - BOTTOM)
    for name, values in curves.items():
        path = " ".join(drawn([(x(step), y(value)) for step, value in piece]) for piece in pieces(values, low))
        shapes.append(f'<path class="st-line-{name}" d="{path}" fill="none" stroke-linecap="round" stroke-linejoin="round"/>')
    shapes += legend(curves, width)
    return (
        f'<svg class="st-losses" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(in_words(curves))}">{"".join(shapes)}</svg>'
    )


# --- what is drawn -------------------------------------------------------------------------------------------------------


def spread(said: Sequence[tuple[int, str]], x: Callable[[float], float]) -> list[tuple[int, str]]:
    """The moves that have a line, the latest first: those that would stand too close to a later one are left out."""
    kept: list[tuple[int, str]] = []
    for step, words in reversed(said):
        if not kept or x(kept[-1][0]) - x(step) >= APART:
            kept.append((step, words))
    return kept


def sampled(steps: int, moved: Sequence[int]) -> list[int]:
    """The steps that are drawn: evenly spread ones, the last, and those before and at a move, so that curves break there."""
    stride = max(1, -(-steps // POINTS))
    chosen = {*range(1, steps + 1, stride), steps, *moved, *(step - 1 for step in moved)}
    return sorted(step for step in chosen if 1 <= step <= steps)


def weighted(history: Sequence[Step], steps: Sequence[int]) -> Curves:
    """The total and the three weighted terms at these steps."""
    chosen = [history[step - 1] for step in steps]
    return {
        "total": [(one.index, one.total) for one in chosen],
        "content": [(one.index, one.alpha * one.content) for one in chosen],
        "style": [(one.index, one.beta * one.style) for one in chosen],
        "tv": [(one.index, one.tv_weight * one.tv) for one in chosen],
    }


def pieces(curve: Sequence[tuple[int, float]], low: float) -> list[list[tuple[int, float]]]:
    """A curve as the pieces between its gaps, where a value is not drawable or below 10^low."""
    parts = groupby(curve, key=lambda point: drawable(point[1]) and math.log10(point[1]) >= low)
    return [list(part) for seen, part in parts if seen]


def drawn(points: Sequence[tuple[float, float]]) -> str:
    """A piece of a curve as a path; a point alone is a short dash."""
    if len(points) == 1:
        return f"M{points[0][0] - 3:.1f},{points[0][1]:.1f} h6"
    return "M" + " L".join(f"{across:.1f},{down:.1f}" for across, down in points)


def drawable(value: float) -> bool:
    """Whether a value has a place on a log scale."""
    return SMALLEST <= value <= LARGEST


def span(curves: Curves) -> tuple[float, float]:
    """The powers of ten from which to which the axis goes: at most `DECADES` down from the highest value."""
    powers = [math.log10(value) for curve in curves.values() for _, value in curve if drawable(value)]
    highest, lowest = max(powers, default=0.0), min(powers, default=-1.0)
    high = math.ceil(highest * 4) / 4
    return min(max(lowest, highest - DECADES), high - 0.5), high


def levels(low: float, high: float) -> list[float]:
    """The values with a line across: powers of ten; where these are few, twice and five times them too."""
    factors = (1,) if high - low > 2 else (1, 3) if high - low > 1.2 else (1, 2, 5)
    values = [f * 10.0**e for e in range(math.floor(low), math.ceil(high) + 1) for f in factors]
    return [value for value in values if low <= math.log10(value) <= high]


def axis_end(done: int, goal: int | None) -> int:
    """The last step of the axis: the goal, or the next round number."""
    if goal is not None:
        return max(goal, done, 2)
    power = 10 ** math.floor(math.log10(max(done, FIRST_STEPS)))
    return next(round(part * power) for part in ROUND if part * power >= max(done, FIRST_STEPS))


def steps_shown(last: int) -> list[int]:
    """The steps that are written under the axis, but for the last one, which has its own place."""
    stride = next(part * 10**power for power in range(19) for part in (1, 2, 5) if part * 10**power * 5 >= last)
    return [step for step in range(stride, last, stride) if step <= 0.75 * last]


# --- words ---------------------------------------------------------------------------------------------------------------


def marks(said: Sequence[tuple[int, str]], x: Callable[[float], float], width: int, bottom: int) -> list[str]:
    """A dashed line for each move, and its words above, in two rows as far as they fit in."""
    taken: list[list[tuple[float, float]]] = [[], []]  # of each row, from where to where
    shapes = []
    for step, told in said:
        words = told.replace(" to ", "→")
        at, half = x(step), LETTER * len(words) / 2
        middle = min(max(at, LEFT + half), width - half)
        left, right = middle - half, middle + half
        free = [row for row, parts in enumerate(taken) if all(end < left or right < start for start, end in parts)]
        text = ""
        if free:
            taken[free[0]].append((left - LETTER, right + LETTER))
            text = (
                f'<text class="st-mark-text" x="{middle:.1f}" y="{ROWS[free[0]]}" text-anchor="middle">{escape(words)}</text>'
            )
        shapes.append(
            f'<g class="st-mark" data-step="{step}"><title>step {whole(step)}: {escape(words)}</title>'
            f'<line class="st-mark-line" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}"/>{text}'
            f'<rect class="st-mark-hit" x="{at - 6:.1f}" y="{TOP}" width="12" height="{bottom - TOP}" fill="transparent"/></g>'
        )
    return shapes


def legend(curves: Curves, width: int) -> list[str]:
    """The curves' names with their values at the last step, in one row; each has its place, whatever its value."""
    return [
        f'<text class="st-text-{name}" x="{4 + place * (width - 8):.1f}" y="14">{label_of(name, curve)}</text>'
        for (name, curve), place in zip(curves.items(), COLUMNS, strict=True)
    ]


def label_of(name: str, curve: Sequence[tuple[int, float]]) -> str:
    """A curve's name, and what it is now."""
    return f"{NAMES[name]} {number(curve[-1][1])}" if curve else NAMES[name]


def in_words(curves: Curves) -> str:
    """The plot for who cannot see it."""
    total = curves["total"]
    if not total:
        return "Loss curves: nothing is painted yet."
    now = ", ".join(label_of(name, curve) for name, curve in curves.items())
    return f"Loss curves on a log scale up to step {whole(total[-1][0])}: {now}; the total began at {number(total[0][1])}."
