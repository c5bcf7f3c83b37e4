"""When a step is measured: often enough to be believed, seldom enough to cost little."""

from __future__ import annotations

from collections import deque
from statistics import median

from ..history import Pulls
from ..recipes import Weights
from .frame import three

MEASURE_EVERY = 0.3  # seconds: with the frames in between, what is shown of who pulls is half a second old at most
NEW_EVERY = 0.1  # seconds, when terms or layers have come that were not measured yet
MEASURING = 0.05  # at most this part of the time goes into it


class Pace:
    """Knows how long steps take, measured ones and others, and so when the next one may be measured."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: steps of another painting take another time."""
        self._at = self._took = 0.0  # when a step was last measured, and how long that step took
        self._usual: deque[float] = deque(maxlen=9)  # how long the last steps took that were not measured

    def note(self, began: float, took: float, measured: bool) -> None:
        """Take note of a step."""
        if measured:
            self._at, self._took = began, took
        else:
            self._usual.append(took)

    @property
    def cost(self) -> float:
        """The seconds that measuring adds to a step: no more than a step takes by itself, however slow the first one was."""
        usual = median(self._usual) if self._usual else self._took / 2
        return min(max(0.0, self._took - usual), usual)

    def due(self, pulls: Pulls | None, weights: Weights, now: float) -> bool:
        """Whether a step that begins now shall be measured. pulls: as last measured."""
        least = NEW_EVERY if unmeasured(pulls, weights) else MEASURE_EVERY
        return pulls is None or now - self._at >= max(least, self.cost / MEASURING)


def unmeasured(pulls: Pulls | None, weights: Weights) -> bool:
    """Whether something pulls that did not when it was measured: a term that was muted, other layers."""
    if pulls is None or dict(pulls.weights.style_layers) != dict(weights.style_layers):
        return True
    return any(new and not old for old, new in zip(three(pulls.weights), three(weights), strict=True))
