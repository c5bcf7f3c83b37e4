"""What is kept of a step: the losses and weights it had, and, where it was measured, who pulled how hard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from .recipes import Weights


@dataclass(frozen=True)
class Step:
    """What one step saw: the losses of the picture it started from, unweighted but for `total`, and the weights used."""

    index: int  # 1, 2, 3, ...
    total: float
    content: float
    style: float
    tv: float
    alpha: float
    beta: float
    tv_weight: float


@dataclass(frozen=True, eq=False)
class Pulls:
    """Who pulled how hard, and where: the gradients of the weighted terms at one picture."""

    step: int  # how many steps that picture had seen
    weights: Weights  # used in them
    gradients: tuple[Tensor, Tensor, Tensor]  # of alpha content, beta style, tv_weight tv; each (1, 3, H, W)

    @cached_property
    def norms(self) -> tuple[float, float, float]:
        """The Euclidean norms of the three gradients."""
        content, style, tv = (float(gradient.norm()) for gradient in self.gradients)
        return content, style, tv
