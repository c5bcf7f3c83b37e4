"""A picture as a Laplacian pyramid: one band for every size of detail (Burt and Adelson, 1983).

The painter moves the bands instead of the pixels. A pixel of the coarsest of five bands covers 16 x 16 pixels of the picture,
so a few steps of one size change broad areas and fine lines alike (Kolkin et al. 2022 paint in the same way).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def resize(image: Tensor, size: tuple[int, int], mode: str = "bicubic") -> Tensor:
    """Scale a tensor (1, C, h, w) to size = (H, W)."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image.clone()
    return torch.nn.functional.interpolate(image, size=size, mode=mode, align_corners=False, antialias=True)


def decompose(image: Tensor, levels: int) -> list[Tensor]:
    """Split a picture (1, C, H, W) into bands, fine to coarse: (1, C, H, W), (1, C, H/2, W/2), ...; sizes are rounded up.

    Each band is what its level loses when it is halved; the last one is the picture halved levels - 1 times. Fewer bands come
    out when a side is down to one pixel. One level is the picture itself. Raises ValueError for less than one.
    """
    if levels < 1:
        raise ValueError(f"a pyramid of {levels} levels is impossible; it has at least 1, the picture itself.")
    bands: list[Tensor] = []
    for _ in range(levels - 1):
        height, width = image.shape[-2:]
        if min(height, width) == 1:
            break
        half = resize(image, ((height + 1) // 2, (width + 1) // 2), "bilinear")
        bands.append(image - _enlarge(half, (height, width)))
        image = half
    return [*bands, image]


def compose(bands: Sequence[Tensor]) -> Tensor:
    """Add the bands up again: compose(decompose(image, levels)) is the image, whatever the number of levels."""
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = band + _enlarge(image, band.shape[-2:])
    return image


def _enlarge(image: Tensor, size: Sequence[int]) -> Tensor:
    return torch.nn.functional.interpolate(image, size=tuple(size), mode="bilinear", align_corners=False)
