"""What a picture is compared with, and the three numbers that come of it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Terms(NamedTuple):
    """The three loss terms of a picture, unweighted scalars: total = alpha content + beta style + tv_weight tv."""

    content: Tensor
    style: Tensor
    tv: Tensor


class RegionTargets(NamedTuple):
    """What one place of the picture is compared with, by layer: statistics of the styles that are painted there."""

    part: float  # of the picture that it takes up
    shares: dict[str, Tensor]  # how much each position counts (1, 1, H, W); empty where all count alike
    style: dict[str, Tensor]  # Gram matrices (1, C, C), or what else the style convention keeps
    neighbours: dict[str, Tensor]  # directions (M, C)


class Targets(NamedTuple):
    """What a recipe compares with: features of the content picture by layer, and the styles of every place."""

    content: dict[str, Tensor]  # (1, C, H, W)
    regions: tuple[RegionTargets, ...]

    @property
    def style(self) -> dict[str, Tensor]:
        """The statistics of the first place, which without masks is the whole picture."""
        return self.regions[0].style

    @property
    def neighbours(self) -> dict[str, Tensor]:
        """The directions of the first place, which without masks is the whole picture."""
        return self.regions[0].neighbours

    def with_style(self, style: dict[str, Tensor]) -> Targets:
        """The same targets, with other statistics in the first place."""
        return self._replace(regions=(self.regions[0]._replace(style=style), *self.regions[1:]))
