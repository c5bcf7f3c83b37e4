"""Two things that no loss curve shows, as pictures: where in the painting a term pulls, and the style, channel by channel.

content, style, tv = (st.pull_map(g) for g in transfer.pulls.gradients)  # (H, W) each
st.heat(style, transfer.image, st.COLORS["style"])                       # bright where the style term pulls
now, target = st.gram_pair(gram, target_gram)                            # the same channels, the same scale
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Tensor

BRIGHTEST = 0.99  # a map's own top: the value that all but one in a hundred pixels stay below
GLOW = 0.012  # standard deviation of the glow around a pixel, as a part of the longer side
CONTRAST = 1.5  # the power that a map is raised to before it is shown, so that its peaks stand out
DARKENED = 0.45  # what is left of the picture's brightness under a heat map
WARM = ("#04040c", "#461064", "#b43658", "#f58a1e", "#fdfabe")  # of positive entries of a Gram matrix, from 0 to 1
COOL = ("#04040c", "#143c8c", "#5ab4f0")  # of negative ones, from 0 to -1
TINY = torch.finfo(torch.float32).tiny
SIDE = 240  # pixels, about, of a picture of a Gram matrix


def pull_map(gradient: Tensor) -> Tensor:
    """How hard a term pulls at each pixel: the Euclidean norm over the three colours.

        M_yx = sqrt(sum over c of g_cyx^2)

    gradient: (1, 3, H, W), of a (weighted) loss with respect to the picture. Returns (H, W).
    Raises ValueError for another shape.
    """
    if gradient.ndim != 4 or gradient.shape[:2] != (1, 3):
        raise ValueError(f"expected the gradient of one picture, (1, 3, H, W), got shape {tuple(gradient.shape)}.")
    return gradient.detach()[0].norm(dim=0)


def brightest(values: Tensor) -> float:
    """The top of a map's own scale: the 99th percentile of what `heat` shows of it; 0 for a map of nothing. values: (H, W)."""
    high, wide = values.shape
    return float(np.quantile(_glowing(values, (wide, high)), BRIGHTEST))


def heat(values: Tensor, image: Image.Image, color: str, strength: float = 1.0, top: float | None = None) -> Image.Image:
    """Lay a map over a grey, darkened copy of a picture: first the colour, then white where most is.

    values: (H, W), at least 0, of the picture's shape; scaled if it is larger or smaller. color: as in "#e07b00".
    strength: 1 shows the map in full, 0 only the grey picture.
    top: the value from which on it is white; by default the map's own `brightest`, so that a few pixels do not darken the rest.
        With one top for several maps they can be compared: max(map(brightest, maps)), say.

    Each pixel glows a little around itself, or it would be too small to see. Raises ValueError for another shape of values.
    """
    if values.ndim != 2:
        raise ValueError(f"expected a map (H, W), got shape {tuple(values.shape)}; see pull_map.")
    top = brightest(values) if top is None else top
    shown = _glowing(values, image.size)[..., None]  # (H, W, 1)
    level = strength * (shown / top).clip(0, 1) ** CONTRAST if top > 0 else np.zeros_like(shown)
    grey = DARKENED * np.asarray(image.convert("L"), dtype=np.float32)[..., None]
    return _picture(grey * (1 - level) + _ramp(level, ("black", color, "#fffaf0"), (0, 0.7, 1)))


def gram_pair(gram: Tensor, target: Tensor, channels: int = 48) -> tuple[Image.Image, Image.Image]:
    """Two Gram matrices, of the painting and of the style picture, as pictures to be compared square by square.

    gram, target: (C, C). Shown are the `channels` channels that are strongest in the target, strongest first, in both, and both
    are measured by the target's diagonal:

        brightness of square ij = G_ij / sqrt(A_ii A_jj), cut off at 1

    So the target's own diagonal is white, and the painting's becomes white. Negative entries, which only layers without ReLU
    have, are blue. Raises ValueError for matrices of different shapes.
    """
    if gram.shape != target.shape or gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise ValueError(f"expected two matrices (C, C), got {tuple(gram.shape)} and {tuple(target.shape)}.")
    order = target.diagonal().argsort(descending=True)[:channels]
    scale = target.diagonal()[order].clamp(min=TINY).sqrt()
    return gram_picture(gram, order, scale), gram_picture(target, order, scale)


def gram_picture(gram: Tensor, order: Tensor, scale: Tensor) -> Image.Image:
    """One Gram matrix (C, C) as a picture of squares, one for each pair of the n channels in `order`.

    scale: (n,); the square of row i and column j shows G_ij / (scale_i scale_j).
    """
    entries = gram.detach()[order][:, order] / scale[:, None] / scale[None]
    level = entries.float().cpu().clamp(-1, 1).numpy()[..., None]  # (n, n, 1)
    small = _picture(np.where(level < 0, _ramp(-level, COOL), _ramp(level, WARM)))
    factor = max(1, SIDE // max(1, len(order)))
    return small.resize((small.width * factor, small.height * factor), Image.Resampling.NEAREST)


def gram_distance(gram: Tensor, target: Tensor) -> float:
    """How far a Gram matrix is from its target: ||G - A||^2 / ||A||^2, 0 for equal ones and 1 for a grey nothing.

    gram, target: of one shape.
    """
    return float(((gram - target) ** 2).sum() / (target**2).sum().clamp(min=TINY))


def _glowing(values: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Scale a map to (width, height) pixels and blur it a little: (H, W)."""
    wide, high = size
    sigma = GLOW * max(size)
    reach = max(1, round(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    shown = values.detach().float().cpu()[None, None]
    if shown.shape[-2:] != (high, wide):
        shown = torch.nn.functional.interpolate(shown, (high, wide), mode="bilinear", antialias=True)
    padded = torch.nn.functional.pad(shown, (reach, reach, reach, reach), mode="replicate")
    down = torch.nn.functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return torch.nn.functional.conv2d(down, kernel.view(1, 1, 1, -1))[0, 0].numpy()


def _ramp(level: np.ndarray, colors: Sequence[str], places: Sequence[float] | None = None) -> np.ndarray:
    """Colours between colours: levels (H, W, 1) from 0 to 1 to (H, W, 3), bytes as floats. places: where each colour is."""
    places = np.linspace(0, 1, len(colors)) if places is None else places
    stops = np.array([ImageColor.getrgb(color) for color in colors], dtype=np.float32)
    return np.concatenate([np.interp(level, places, stops[:, band]) for band in range(3)], axis=-1)


def _picture(pixels: np.ndarray) -> Image.Image:
    """Floats (H, W, 3) from 0 to 255 as a picture."""
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))
