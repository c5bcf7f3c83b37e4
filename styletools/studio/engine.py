"""What the loop drives: a `StyleTransfer`, set up from a job in the worker's thread."""

from __future__ import annotations

from functools import cache
from typing import Any

from PIL import Image

from ..jobs import Job, Moves
from ..recipes import Weights, gradient_norms
from ..transfer import Step, StyleTransfer
from ..vgg import VGG, load_vgg


class TransferEngine:
    """A `StyleTransfer` as the loop drives it.

    Raises what `StyleTransfer`, `load_image` and `load_vgg` raise.
    """

    def __init__(self, job: Job) -> None:
        self.transfer = StyleTransfer.of(job, network(**job.network))

    @property
    def history(self) -> list[Step]:
        """Every step so far."""
        return self.transfer.history

    @property
    def moves(self) -> Moves:
        """The weights so far, and the steps from which they counted."""
        return self.transfer.moves

    def step(self, weights: Weights) -> Step:
        """Make one step with these weights."""
        self.transfer.weights = weights
        return self.transfer.step()

    def image(self) -> Image.Image:
        """Render the picture as it is now."""
        return self.transfer.image

    def pulls(self, weights: Weights) -> tuple[float, float, float]:
        """Measure the gradient norms of the unweighted content, style and tv terms at the picture as it is now."""
        t, layers = self.transfer, weights.style_layers
        known = set(layers) <= set(t.targets.style)  # the transfer learns of new ones in its next step
        targets = t.targets if known else t.recipe.targets(t.vgg, t.content, t.style, layers)
        return gradient_norms(t.recipe, t.vgg, t.tensor, targets, layers)


@cache
def network(**options: Any) -> VGG:
    """Load a network, once for each set of options; see `load_vgg`."""
    return load_vgg(**options)
