"""What the loop drives: a `StyleTransfer`, set up from a job in the worker's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from functools import cache
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..errors import SettingsError
from ..history import Pulls, Step
from ..jobs import Job, Moves, plain
from ..losses import gram_matrix
from ..recipes import Weights
from ..transfer import StyleTransfer
from ..vgg import VGG, load_vgg


class TransferEngine:
    """A `StyleTransfer` as the loop drives it.

    Raises what `StyleTransfer`, `load_image` and `load_vgg` raise.
    """

    def __init__(self, job: Job) -> None:
        self.transfer = StyleTransfer.of(job, network(**job.network))
        self._grams: dict[str, Tensor] = {}  # the style picture's, by layer

    @property
    def history(self) -> list[Step]:
        """Every step so far."""
        return self.transfer.history

    @property
    def moves(self) -> Moves:
        """The weights so far, and the steps from which they counted."""
        return self.transfer.moves

    @property
    def pulls(self) -> Pulls | None:
        """Who pulled in the last measured step, None before there was one."""
        return self.transfer.pulls

    def step(self, weights: Weights, measure: bool = False) -> Step:
        """Make one step with these weights. measure: tell in `pulls` who pulled; the step is the same."""
        self.transfer.weights = weights
        return self.transfer.step(measure)

    def image(self) -> Image.Image:
        """Render the picture as it is now."""
        return self.transfer.image

    def measure(self, weights: Weights) -> Pulls:
        """Measure who would pull in the next step; nothing moves."""
        return self.transfer.measure(weights)

    @torch.no_grad()
    def gram(self, layer: str) -> tuple[Tensor, Tensor]:
        """The Gram matrices (C, C) of a layer, means over positions: the painting's as it is now, and the style picture's.

        Whatever the recipe compares. Raises KeyError for a layer that the network does not have.
        """
        t = self.transfer

        def of(picture: Tensor) -> Tensor:
            return gram_matrix(t.recipe.features(t.vgg, picture, [layer])[layer].float(), "hw")[0]

        if layer not in self._grams:
            self._grams[layer] = of(t.style)
        return of(t.tensor), self._grams[layer]

    def state(self) -> dict[str, Any]:
        """A copy of all that painting changes, for `restore`, in this engine or another one with the same job."""
        return self.transfer.checkpoint()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Return to a `state`: the next steps are the same to the last bit as they were after it.

        Raises SettingsError when it is no state of such an engine, but one of another size, say.
        """
        try:
            self.transfer.go_back(unpacked(state) if isinstance(state["history"], Tensor) else dict(state))
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise SettingsError(f"this state belongs to another painting: start again ({error}).") from error


def packed(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state of tensors, numbers, text, lists and dicts alone, as `write_run` takes it; `restore` takes it too."""
    if isinstance(state["history"], Tensor):  # it was read from a file, and nothing was painted since
        return dict(state)
    rows = torch.tensor([astuple(step) for step in state["history"]], dtype=torch.float64).reshape(-1, 8)
    return {**state, "history": rows, "moves": [[first, plain(weights)] for first, weights in state["moves"]]}


def unpacked(state: Mapping[str, Any]) -> dict[str, Any]:
    """Do the reverse of `packed`."""
    history = tuple(Step(int(index), *losses) for index, *losses in state["history"].tolist())
    return {**state, "history": history, "moves": tuple((first, Weights(**weights)) for first, weights in state["moves"])}


@cache
def network(**options: Any) -> VGG:
    """Load a network, once for each set of options; see `load_vgg`."""
    return load_vgg(**options)
