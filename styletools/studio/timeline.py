"""The run so far in pictures: what was painted after which step, and states to which an engine can return.

A run may go on for hours, so both are bounded: when there are too many, some in between go.
"""

from __future__ import annotations

import io
import math
import threading
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor

from ..jobs import Moves
from ..numerals import number
from ..recipes import Weights
from .frame import Frame

__all__ = ["Moment", "Timeline", "drags", "moves_in_words"]

QUALITY = 85  # of the JPEG pictures
APART = 5  # moves closer than so many steps are one, a hand that drags
NAMES = {"alpha": "α", "beta": "β", "tv": "TV"}


@dataclass(frozen=True)
class Moment:
    """How the painting looked after a step. The losses are weighted and those of that step; before the first one NaN."""

    step: int
    jpeg: bytes
    total: float
    content: float
    style: float
    tv: float
    weights: Weights  # which that step used; before the first one those it will use

    @classmethod
    def of(cls, frame: Frame) -> Moment:
        """The moment that a frame shows; it must have an image."""
        buffer = io.BytesIO()
        frame.image.save(buffer, "JPEG", quality=QUALITY)
        if not frame.history:
            return cls(0, buffer.getvalue(), math.nan, math.nan, math.nan, math.nan, frame.weights)
        last = frame.history[-1]
        content, style, tv = last.alpha * last.content, last.beta * last.style, last.tv_weight * last.tv
        return cls(last.index, buffer.getvalue(), last.total, content, style, tv, frame.moves[-1][1])


class Timeline:
    """The moments and checkpoints of one run. Every method may be called from any thread.

    moments: at most so many are kept. When there are more, every second one goes, and later ones come half as often; those at
    moves and checkpoints stay as long as there is room. The newest is always kept.
    checkpoint_bytes: of the states. When they are more, the one goes whose neighbours are closest to each other, but never the
    first nor the newest.
    """

    def __init__(self, moments: int = 400, checkpoint_bytes: int = 200_000_000) -> None:
        self._most, self._most_bytes = max(2, moments), checkpoint_bytes
        self._lock = threading.Lock()
        self.clear()

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Every moment, in order."""
        with self._lock:
            return tuple(self._moments)

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps of the moments."""
        with self._lock:
            return tuple(moment.step for moment in self._moments)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._moments: list[Moment] = []
            self._states: dict[int, tuple[int, Any]] = {}  # step -> bytes, state; in order
            self._every = 1  # of so many moments that come, one stays
            self._since = 0  # moments that came since the last one that stays
            self._passing = False  # whether the newest moment goes when another one comes

    def add(self, frame: Frame) -> None:
        """Keep the frame's picture, if there is one and its step is later than all that are here."""
        if frame.image is None or frame.done <= self._newest():
            return
        moment, starts = Moment.of(frame), {first - 1 for first, _, _ in drags(frame.moves)}
        with self._lock:
            newest = self._moments[-1].step if self._moments else -1
            if moment.step <= newest:
                return
            dear = newest in self._states or any(newest <= start < moment.step for start in starts)
            if self._passing and not dear:
                self._moments.pop()
            elif self._moments:
                self._since = 0
            self._moments.append(moment)
            self._since += 1
            self._passing = len(self._moments) > 1 and self._since < self._every
            if len(self._moments) > self._most:
                self._thin_out(starts)

    def keep(self, step: int, state: Any) -> None:
        """Keep a state of the engine after a step, to which `nearest` leads back."""
        with self._lock:
            self._states[step] = (size_of(state), state)
            self._states = dict(sorted(self._states.items()))
            while len(self._states) > 2 and sum(size for size, _ in self._states.values()) > self._most_bytes:
                steps = list(self._states)
                del self._states[min(zip(steps, steps[1:], steps[2:], strict=False), key=lambda three: three[2] - three[0])[1]]

    def nearest(self, step: int) -> tuple[int, Any] | None:
        """The last checkpoint at or before a step: (its step, its state)."""
        with self._lock:
            found = [one for one in self._states if one <= step]
            return (found[-1], self._states[found[-1]][1]) if found else None

    def at(self, step: int) -> Moment | None:
        """The last moment at or before a step, else the first one; None when there is none at all."""
        with self._lock:
            place = bisect_right(self._moments, step, key=lambda moment: moment.step)
            return self._moments[max(0, place - 1)] if self._moments else None

    def cut(self, after: int) -> None:
        """Forget what came after a step: another branch begins there."""
        with self._lock:
            self._moments = [moment for moment in self._moments if moment.step <= after]
            self._states = {step: kept for step, kept in self._states.items() if step <= after}
            self._passing = False

    def _newest(self) -> int:
        with self._lock:
            return self._moments[-1].step if self._moments else -1

    def _thin_out(self, starts: set[int]) -> None:
        """Let every second moment go, first of those at no move and no checkpoint."""
        steps = [moment.step for moment in self._moments]
        before = {steps[bisect_right(steps, start) - 1] for start in starts}
        dear = {steps[0], steps[-1], *self._states, *before}
        self._moments = every_second(self._moments, dear)
        if len(self._moments) > self._most:
            self._moments = every_second(self._moments, {steps[0], steps[-1]})
        self._every *= 2


def every_second(moments: list[Moment], dear: set[int]) -> list[Moment]:
    """The moments at `dear` steps, and every second one of the others."""
    others = [moment.step for moment in moments if moment.step not in dear]
    kept = dear.union(others[1::2])
    return [moment for moment in moments if moment.step in kept]


def size_of(state: Any) -> int:
    """About how many bytes a state takes: those of its tensors, and of references to what all states share."""
    if isinstance(state, Tensor):
        return state.nbytes
    if isinstance(state, Mapping):
        return sum(size_of(value) for value in state.values())
    if isinstance(state, list):
        return sum(size_of(value) for value in state)
    return 8 * len(state) if isinstance(state, tuple) else 0


# --- moves ----------------------------------------------------------------------------------------------------------------


def drags(moves: Moves) -> list[tuple[int, Weights, Weights]]:
    """(first step, weights before, weights after) of each movement of a hand: moves closer than `APART` steps are one."""
    found: list[tuple[int, Weights, Weights]] = []
    latest = 1 - APART
    for (_, before), (step, after) in pairwise(moves):
        if found and step - latest < APART:
            found[-1] = (*found[-1][:2], after)
        else:
            found.append((step, before, after))
        latest = step
    return found


def moves_in_words(moves: Moves) -> list[tuple[int, str]]:
    """What a hand moved, and from which step on that counted: [(120, "β 20 to 400"), (200, "relu3_1 × 2")].

    Layers are told as multiples of what they were in the first step. A movement that ended where it began is left out.
    """
    own = moves[0][1].style_layers if moves else {}
    told = [(step, ", ".join(changes(before, after, own))) for step, before, after in drags(moves)]
    return [(step, words) for step, words in told if words]


def changes(before: Weights, after: Weights, own: Mapping[str, float]) -> list[str]:
    """What differs between two sets of weights. own: the layers' weights that count as once."""
    terms = [(label, getattr(before, name), getattr(after, name)) for name, label in NAMES.items()]
    told = [f"{label} {number(old)} to {number(new)}" for label, old, new in terms if old != new]
    for layer in dict.fromkeys([*before.style_layers, *after.style_layers]):
        new = after.style_layers.get(layer, 0.0)
        if new != before.style_layers.get(layer, 0.0):
            once = own.get(layer)
            told.append(f"{layer} × {number(new / once)}" if once else f"{layer} {number(new)}")
    return told
