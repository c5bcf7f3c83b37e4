"""What the studio shows, as plain functions: a frame in, bytes or a piece of HTML out. No widgets and no threads in here.

Loss curves are SVG text and pictures JPEG, because both take well under a millisecond; a matplotlib figure takes a hundred.
"""

from __future__ import annotations

import html
import io
import math
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image

from ..colors import COLORS
from ..jobs import Moves
from ..recipes import Weights
from ..transfer import Step
from .loop import Frame

POINTS = 160  # at most so many points a curve
DECADES = 4.0  # a loss plot reaches this far down from its highest point
TERMS = ("content", "style", "tv")


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """A picture as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def wipe(painting: Image.Image, photograph: Image.Image, part: float) -> Image.Image:
    """The painting, with the photograph laid over its left `part` (0..1) and a white line between."""
    edge = round(part * painting.width)
    if edge == 0:
        return painting
    both = painting.copy()
    both.paste(photograph.resize(painting.size).crop((0, 0, edge, painting.height)), (0, 0))
    if edge < painting.width:
        both.paste("white", (max(0, edge - 1), 0, edge + 1, painting.height))
    return both


def ratio(weights: Weights) -> str:
    """Beta over alpha as one number."""
    if weights.alpha == 0:
        return "∞" if weights.beta > 0 else "–"
    return f"{weights.beta / weights.alpha:.3g}"


def pull_bar(frame: Frame) -> str:
    """The ratio of the weights, and a bar of who pulls how much."""
    shares = frame.shares
    parts = [
        f'<i style="width:{100 * share:.1f}%;background:{COLORS[term]}" title="{term} {share:.0%}">'
        f"{f'{term} {share:.0%}' if share >= 0.2 else f'{share:.0%}' if share >= 0.07 else ''}</i>"
        for term, share in zip(TERMS, shares or (), strict=False)
    ]
    words = ", ".join(f"{term} {share:.0%}" for term, share in zip(TERMS, shares or (), strict=False)) or "nothing pulls yet"
    data = "".join(f' data-{term}="{share:.4f}"' for term, share in zip(TERMS, shares or (), strict=False))
    return (
        f'<div class="st-ratio"><span>β / α = <b>{ratio(frame.weights)}</b></span>'
        "<span>who pulls: shares of the gradient</span></div>"
        f'<div class="st-bar" role="img" aria-label="who pulls: {words}"{data}>{"".join(parts)}</div>'
    )


def progress(frame: Frame) -> str:
    """A bar, the step, the speed and the time left."""
    text = f"step {frame.done} of {frame.goal}"
    if frame.steps_per_second:
        left = max(0, frame.goal - frame.done) / frame.steps_per_second
        text += f" · {frame.steps_per_second:.1f} steps/s · {duration(left)} left"
    part = min(1.0, frame.done / frame.goal) if frame.goal else 1.0
    return f'<div class="st-progress"><i style="width:{100 * part:.1f}%"></i></div><div class="st-small">{text}</div>'


def duration(seconds: float) -> str:
    """Seconds as 0:07 or 1:23."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def status(frame: Frame) -> str:
    """The state and, if something went wrong, one sentence; with what the last step used, as data for programs."""
    used = frame.history[-1] if frame.history else None
    data = f'data-state="{frame.state}" data-step="{frame.done}"'
    if used:
        data += f' data-alpha="{used.alpha:g}" data-beta="{used.beta:g}" data-tv="{used.tv_weight:g}"'
    return f'<span class="st-state st-{frame.state}" {data}>{frame.state}</span> {problem(frame.message)}'


def problem(message: str) -> str:
    """One sentence about what went wrong, safe to show whatever a file was called."""
    return f'<span class="st-problem" role="alert">{html.escape(message)}</span>' if message else ""


def lines(texts: Sequence[str]) -> str:
    """Several lines of plain text."""
    return "<br>".join(html.escape(text) for text in texts)


def starts_of_moves(moves: Moves, apart: int = 5) -> list[int]:
    """The steps at which a slider began to move: moves in a row, as a hand makes them when it drags, count once."""
    steps = [first for first, _ in moves]
    return [step for before, step in pairwise(steps) if step - before >= apart or before == 1]


def loss_plot(history: Sequence[Step], moves: Moves, goal: int, width: int = 430, height: int = 190) -> str:
    """The total and its weighted terms over the steps on a log scale, as SVG; a dashed line where a weight was changed."""
    left, right, top, bottom = 44, 8, 22, 24  # pixels around the plot
    curves = {
        "total": [step.total for step in history],
        "content": [step.alpha * step.content for step in history],
        "style": [step.beta * step.style for step in history],
        "tv": [step.tv_weight * step.tv for step in history],
    }
    highest = math.log10(max([1e-30, *curves["total"]])) if history else 0.0
    lowest = min([math.log10(v) for values in curves.values() for v in values if v > 0], default=highest - 1)
    high = math.ceil(highest * 4) / 4
    low = min(max(lowest, highest - DECADES), high - 0.5)
    last = max(goal, len(history), 2)

    def x(step: float) -> float:
        return left + (width - left - right) * (step - 1) / (last - 1)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (high - max(math.log10(value), low)) / (high - low)

    shapes = []
    for exponent in range(math.ceil(low), math.floor(high) + 1):
        line = y(10.0**exponent)
        shapes.append(f'<line x1="{left}" x2="{width - right}" y1="{line:.1f}" y2="{line:.1f}" class="st-grid"/>')
        shapes.append(f'<text x="{left - 6}" y="{line + 4:.1f}" text-anchor="end">{10.0**exponent:g}</text>')
    for first in starts_of_moves(moves):
        shapes.append(f'<line x1="{x(first):.1f}" x2="{x(first):.1f}" y1="{top}" y2="{height - bottom}" class="st-move"/>')
    stride = max(1, -(-len(history) // POINTS))
    for name, values in curves.items():
        kept = [i for i in range(0, len(values), stride) if values[i] > 0]
        points = " ".join(f"{x(i + 1):.1f},{y(values[i]):.1f}" for i in kept)
        shapes.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[name]}" stroke-width="2"/>')
    names = {"total": "total", "content": "α · content", "style": "β · style", "tv": "TV"}
    for place, (name, label) in enumerate(names.items()):
        shapes.append(f'<text x="{left + 4 + 96 * place}" y="14" style="fill:{COLORS[name]};font-weight:600">{label}</text>')
    shapes.append(f'<text x="{left}" y="{height - 6}">1</text>')
    shapes.append(f'<text x="{width - right}" y="{height - 6}" text-anchor="end">step {last}</text>')
    return (
        f'<svg class="st-losses" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="loss on a log scale over the steps">{"".join(shapes)}</svg>'
    )
