"""Adam or L-BFGS moving one picture: all that the loop need not know about optimisers.

The picture is kept as the bands of a Laplacian pyramid (`pyramid`); with one level these are its pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from .pyramid import compose, decompose, resize
from .recipes import known_optimizer

HISTORY = 10  # steps from which L-BFGS estimates the curvature


class Descent:
    """A picture (1, 3, H, W) on its way down a loss.

        loss = f(descent.picture)
        descent.move(loss)

    optimizer: "adam" or "lbfgs". betas: of Adam's running averages. levels: of the pyramid.
    project: brings a picture back to what is allowed, after each step of Adam; L-BFGS would be confused by it.
    Raises SettingsError for an unknown optimiser.
    """

    def __init__(
        self,
        picture: Tensor,
        optimizer: str,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        levels: int = 1,
        project: Callable[[Tensor], Tensor] = lambda picture: picture,
    ) -> None:
        known_optimizer(optimizer, "optimizer")
        self.optimizer, self.learning_rate, self.betas, self.project = optimizer, learning_rate, betas, project
        self._bands = [band.requires_grad_() for band in decompose(picture.detach().clone(), levels)]
        self._before = [band.detach().clone() for band in self._bands]  # the last step
        self.restart()

    @property
    def picture(self) -> Tensor:
        """The picture as it is now, with the graph that leads to what is moved."""
        return compose(self._bands)

    def restart(self) -> None:
        """Forget every gradient seen so far."""
        self._scale = 0.0  # of L-BFGS's gradients, chosen at its first step
        self._optimizer: torch.optim.Optimizer
        if self.optimizer == "adam":
            self._optimizer = torch.optim.Adam(self._bands, lr=self.learning_rate, betas=self.betas)
        else:  # negative tolerances: torch's defaults end a run silently when losses are small numbers
            self._optimizer = torch.optim.LBFGS(
                self._bands, self.learning_rate, 1, tolerance_grad=-1, tolerance_change=-1, history_size=HISTORY
            )

    def move(self, loss: Tensor) -> bool:
        """Take one step down a loss that was computed from `picture`; False where that leads to no picture: `undo` it then.

        A gradient that is no number moves nothing.
        """
        gradients = torch.autograd.grad(loss, self._bands)
        if not all(bool(gradient.isfinite().all()) for gradient in gradients):
            self._before = [band.detach().clone() for band in self._bands]
            return False
        if self.optimizer == "lbfgs":  # it compares gradients with absolute numbers and stands still below them
            typical = float(torch.cat([gradient.flatten() for gradient in gradients]).abs().mean())
            self._scale = self._scale or 1 / max(typical, 1e-30)
            gradients = [gradient * self._scale for gradient in gradients]
        for band, gradient in zip(self._bands, gradients, strict=True):
            band.grad = gradient.contiguous()  # L-BFGS flattens it
        before = [band.detach().clone() for band in self._bands]
        self._optimizer.param_groups[0]["lr"] = self.learning_rate
        self._optimizer.step(loss.detach)  # one iteration each: both ask for the loss once
        if self.optimizer == "adam":  # between steps, never inside one
            with torch.no_grad():
                picture = compose(self._bands)
                self._bands[0].copy_(self.project(picture) - (picture - self._bands[0]))
        self._before = before
        return all(bool(band.isfinite().all()) for band in self._bands)

    def undo(self) -> None:
        """Go back to the picture before the last step, and forget the gradients that led away from it."""
        self._put(self._bands, self._before)
        self.restart()

    def inherit(self, coarser: Descent, unit: float = 1.0) -> bool:
        """Take over Adam's running averages from a smaller picture, enlarged; L-BFGS and the bands of a pyramid begin anew.

        The losses are means over positions, so a pixel of a picture with twice as many has half the gradient.
        unit: how many times larger the loss is now. Returns whether there was anything to take over.
        """
        (picture, *others), (smaller, *_) = self._bands, coarser._bands
        state = coarser._optimizer.state.get(smaller, {})
        if self.optimizer != "adam" or "exp_avg" not in state or others:
            return False
        size = tuple(picture.shape[-2:])
        share = smaller.numel() / picture.numel() * unit
        self._optimizer.state[picture] = {
            "step": state["step"].clone(),
            "exp_avg": resize(state["exp_avg"], size) * share,
            "exp_avg_sq": resize(state["exp_avg_sq"], size, "bilinear").clamp_min(0) * share**2,
        }
        return True

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on: tensors, numbers, lists and dicts of them."""
        return {
            "bands": [band.detach() for band in self._bands],
            "before": self._before,
            "memory": [self._optimizer.state.get(band, {}) for band in self._bands],
            "scale": self._scale,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, of a descent with the same optimiser, levels and size."""
        self.restart()
        self._put(self._bands, state["bands"])
        self._put(self._before, state["before"])
        self._scale = state["scale"]
        memory = {number: deepcopy(one) for number, one in enumerate(state["memory"]) if one}  # torch would share it
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": memory})  # to the picture's device

    @torch.no_grad()
    def _put(self, bands: list[Tensor], values: list[Tensor]) -> None:
        for band, value in zip(bands, values, strict=True):
            band.copy_(value)
