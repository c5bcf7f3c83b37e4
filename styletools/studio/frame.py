"""What the loop hands out, a frame, and what it drives, an engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image
from torch import Tensor

from ..errors import StyleError
from ..history import Pulls, Step
from ..jobs import Job, Moves
from ..recipes import Weights

__all__ = ["Engine", "Frame", "Pulls"]


@dataclass(frozen=True)
class Frame:
    """What can be shown at one moment."""

    state: str  # idle, running, paused, finished or error
    message: str  # one sentence when something went wrong, else empty
    job: Job  # as it began
    image: Image.Image | None  # None before anything was built
    history: tuple[Step, ...]
    moves: Moves
    goal: int | None  # the step at which the run ends; None: it goes on until paused
    steps_per_second: float  # 0 when unknown
    weights: Weights  # those of the next step
    pulls: Pulls | None  # as last measured
    known: tuple[float, float, float] = (0.0, 0.0, 0.0)  # the last norms of the unweighted terms; 0 before any was measured
    asleep: bool = False  # whether it is paused because no page listens
    extra: Any = None  # what the front end had made of the engine

    @property
    def done(self) -> int:
        """The number of steps made."""
        return len(self.history)

    @property
    def shares(self) -> tuple[float, float, float] | None:
        """Who pulls how much: the norms of the three weighted gradients as parts of their sum; None when nothing pulls.

        A weight that has moved since they were measured counts at once: its norm is scaled by new weight / old weight.
        """
        if self.pulls is None:
            return None
        used, now = three(self.pulls.weights), three(self.weights)
        weighted = [
            norm * new / old if old else unweighted * new
            for norm, old, new, unweighted in zip(self.pulls.norms, used, now, self.known, strict=True)
        ]
        total = sum(weighted)
        if not 0 < total < math.inf:  # a gradient may have overflowed
            return None
        return weighted[0] / total, weighted[1] / total, weighted[2] / total


def three(weights: Weights) -> tuple[float, float, float]:
    """The weights of the terms: alpha, beta, tv."""
    return weights.alpha, weights.beta, weights.tv


def unweighted(pulls: Pulls, before: tuple[float, float, float]) -> tuple[float, float, float]:
    """The norms without the weights. before: what is taken for a term that is muted."""
    content, style, tv = (
        norm / weight if weight else known
        for norm, weight, known in zip(pulls.norms, three(pulls.weights), before, strict=True)
    )
    return content, style, tv


def weights_at(moves: Moves, step: int) -> Weights | None:
    """The weights that a step used; of step 0 those of the first one. None when nothing was painted."""
    used = [weights for first, weights in moves if first <= max(1, step)]
    return used[-1] if used else None


def sentence(error: Exception) -> str:
    """Say in one sentence what went wrong; errors of this package are written for their reader, others get their name."""
    text = " ".join(str(error).split()) or "no more is known"
    return text if isinstance(error, (StyleError, ValueError, RuntimeError)) else f"{type(error).__name__}: {text}"


class Engine(Protocol):
    """What the loop drives: a `TransferEngine`, or something simple in a test."""

    history: Sequence[Step]
    moves: Moves
    pulls: Pulls | None  # as the last measured step felt them

    def step(self, weights: Weights, measure: bool = False) -> Step:
        """Make one step with these weights. measure: tell in `pulls` who pulled; the step is the same."""

    def image(self) -> Image.Image:
        """Render the picture as it is now."""

    def measure(self, weights: Weights) -> Pulls:
        """Measure who would pull in the next step; nothing moves."""

    def gram(self, layer: str) -> tuple[Tensor, Tensor]:
        """The Gram matrices (C, C) of a layer: the painting's and the style picture's."""

    def state(self) -> dict[str, Any]:
        """A copy of all that painting changes."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Return to a state of this engine, or of another one with the same job."""
