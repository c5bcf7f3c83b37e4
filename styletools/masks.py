"""Masks: which part of a picture counts, softly, at its own size and at every layer of the network.

A mask is a picture (white counts, black does not), an array (H, W) of bytes, of numbers 0..1 or of truth values, or a box
(left, top, right, bottom) in shares of the picture: (0, 0, 1, 0.4) is the upper 40 %.
"""

from __future__ import annotations

from collections import deque
from numbers import Number
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from .arguments import number, shortened
from .errors import ImageError, SettingsError
from .images import Source, load_image, transparency

Mask = Source | Tensor | tuple[float, float, float, float]
SHAPES_DIFFER = 0.05  # of the ratio of their sides, above which a mask was made for another picture
FLOODED = 640  # pixels of the longer side that `flood` looks at; every one is visited
KINDS = "a picture, an array (H, W) or a box (left, top, right, bottom) of numbers from 0 to 1"


def is_box(mask: Any) -> bool:
    """Whether a mask is given as a box: four numbers."""
    sides = [*map(python, mask)] if isinstance(mask, list | tuple) else []
    return len(sides) == 4 and all(isinstance(side, Number) and not isinstance(side, bool) for side in sides)


def python(side: Any) -> Any:
    """A number of numpy's or a tensor of one element as a number of Python's own; anything else as it is."""
    return side.item() if hasattr(side, "item") and getattr(side, "ndim", 0) == 0 else side


def checked_box(mask: Any) -> tuple[float, float, float, float]:
    """A box as four floats. Raises SettingsError unless it lies in the picture and holds something."""
    left, top, right, bottom = (number(side, "a side of the box", "a share from 0 to 1", most=1) for side in mask)
    if left >= right or top >= bottom:
        raise SettingsError(f"the box {shortened(tuple(mask))} is empty; expected (left, top, right, bottom), left < right.")
    return left, top, right, bottom


def mask_image(mask: Mask, size: tuple[int, int] = (256, 256)) -> Image.Image:
    """A mask as a grey picture; what is transparent in a file is black. size: (width, height) of a box, which has no pixels.

    Raises ImageError or SettingsError when it is no mask.
    """
    if is_box(mask):
        left, top, right, bottom = checked_box(mask)
        columns, rows = covered(left, right, size[0]), covered(top, bottom, size[1])
        return Image.fromarray(np.rint(255 * np.outer(rows, columns)).astype(np.uint8))
    if isinstance(mask, Tensor) or (hasattr(mask, "__array__") and not isinstance(mask, Image.Image)):
        return Image.fromarray(np.rint(255 * from_numbers(mask)).astype(np.uint8))
    if isinstance(mask, list | tuple | bool | int | float):
        raise SettingsError(f"a mask is {shortened(mask)}; expected {KINDS}.")
    image, alpha = load_image(mask).convert("L"), transparency(mask)
    return image if alpha is None else ImageChops.multiply(image, alpha)


def covered(start: float, end: float, pixels: int) -> np.ndarray:
    """How much of each of so many pixels lies between two shares of their row: numbers 0..1."""
    edges = np.arange(pixels + 1)
    return np.diff(np.clip(edges, start * pixels, end * pixels))


def from_numbers(mask: Any) -> np.ndarray:
    """A mask given as an array or tensor, as float32 (H, W) in 0..1. Raises SettingsError when it is something else."""
    if isinstance(mask, Tensor):
        mask = mask.detach().cpu()
        mask = mask.float() if mask.is_floating_point() else mask  # numpy knows no bfloat16
    array = np.asarray(mask)
    shape, kind = array.shape, array.dtype.kind
    array = array.reshape([side for side in shape if side != 1] if array.ndim > 2 else shape)  # (1, 1, H, W) is (H, W)
    if array.ndim != 2 or 0 in array.shape or kind not in "biuf":
        raise SettingsError(f"a mask of shape {shape} and type {array.dtype} is impossible; expected {KINDS}.")
    values = array.astype(np.float32)
    if kind in "iu" and values.max() > 1:
        values = values / 255
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise SettingsError(
            "a mask has numbers outside 0..1 (or 0..255 where they are whole); expected how much each pixel counts."
        )
    return values


def load_mask(mask: Mask, height: int, width: int) -> Tensor:
    """A mask at the size of its picture, as a tensor (1, 1, H, W) in 0..1, each pixel the mean of what it covers.

    Raises ImageError for a mask of another shape than the picture, or that cannot be read, and SettingsError for an empty one.
    """
    image = mask_image(mask, (width, height))
    ratio = (image.width / image.height) / (width / height)
    if abs(ratio - 1) > SHAPES_DIFFER + 1 / min(width, height):  # a small picture's sides are rounded
        raise ImageError(
            f"the mask has {image.width} x {image.height} pixels, the picture the shape {width} x {height}; "
            "a mask must cover its picture exactly."
        )
    if image.getextrema() == (0, 0):
        raise SettingsError("a mask is black everywhere, so nothing is painted there; make white what counts.")
    values = image.convert("F").resize((width, height), Image.Resampling.BOX)  # a little is not rounded to nothing
    return torch.from_numpy(np.array(values) / 255).clamp(0, 1)[None, None]  # (1, 1, H, W)


# --- in the layers of a network ----------------------------------------------------------------------------------------


def mask_at(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask (1, 1, H, W) at the positions of a layer of (h, w): (1, 1, h, w).

    Each position gets the mean of the pixels it covers, and then the least of its own value and its eight neighbours': next to
    the border a position sees much of the other side, and would carry its texture over (the "inside" maps of Gatys et al. 2017,
    where a position counts if all it sees is inside; here, if its neighbours are, which leaves something in deep layers). What
    is too narrow for that is taken as it is.
    """
    small = torch.nn.functional.adaptive_avg_pool2d(mask, size)
    eroded = -torch.nn.functional.max_pool2d(-small, 3, stride=1, padding=1)
    return eroded if eroded.max() > 0.5 * small.max() else small


def share_of(mask: Tensor | None, size: tuple[int, int]) -> Tensor | None:
    """How much each position of a layer counts: (1, 1, h, w), 1 on average.

        share_k = m_k^2 / mean m^2,   m = mask_at(mask)

    The square, because Gatys et al. 2017 (equations 3 and 4) multiply the features with the mask before the Gram matrix. None
    for no mask, by which all positions count alike; a mask of ones gives ones.
    """
    if mask is None:
        return None
    squared = mask_at(mask, size) ** 2
    return squared / squared.mean()


# --- making masks --------------------------------------------------------------------------------------------------------


def flood(image: Source, x: float, y: float, tolerance: float = 0.1) -> Image.Image:
    """A mask of the patch of similar colour around a point, as a grey picture: a sky, a wall, a lake.

    x, y: the point in shares of the picture. tolerance: how far a pixel's colour may be from the point's, as a share of the
    way from black to white, in every channel. From the point it goes to neighbours that are near enough, up to where none is.
    Of a picture longer than `FLOODED` pixels it looks at a smaller copy, and the mask's edges are soft.
    Raises SettingsError for a point outside the picture, ImageError for a picture that cannot be read.
    """
    whole = load_image(image)
    picture = whole.copy()
    picture.thumbnail((FLOODED, FLOODED))
    x, y = (number(value, name, "a share from 0 to 1", most=1) for value, name in ((x, "x"), (y, "y")))
    pixels = np.asarray(picture, dtype=np.int16)  # (H, W, 3)
    height, width = pixels.shape[:2]
    start = (min(height - 1, int(y * height)), min(width - 1, int(x * width)))
    near = np.abs(pixels - pixels[start]).max(2) <= 255 * number(tolerance, "tolerance", "a number from 0 to 1", most=1)
    reached = np.zeros((height, width), bool)
    reached[start] = True
    waiting = deque([start])
    while waiting:
        row, column = waiting.popleft()
        for beside in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= beside[0] < height and 0 <= beside[1] < width and near[beside] and not reached[beside]:
                reached[beside] = True
                waiting.append(beside)
    return Image.fromarray(255 * reached.astype(np.uint8)).resize(whole.size, Image.Resampling.BICUBIC)
