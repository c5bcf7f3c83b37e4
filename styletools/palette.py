"""Whose colours a painting has: the style's, or the photograph's, in three ways.

    "style"      the painting's own: what style transfer gives by itself
    "luminance"  only brightness is painted, hue and saturation are the photograph's
    "match"      the style picture is given the photograph's colours before it is painted from
    "after"      the result is given the photograph's colours

"luminance" and "match" are the two ways of Gatys et al. 2016 ("Preserving Color in Neural Artistic Style Transfer") and 2017
("Controlling Perceptual Factors in Neural Style Transfer", section 5). Pictures are normalised tensors (1, 3, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .images import normalised, unit

COLOR_MODES = ("style", "luminance", "match", "after")
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in brightness as television defines it (YIQ, ITU-R BT.601)


def luminance(picture: Tensor) -> Tensor:
    """How bright each pixel is, 0..1: Y = 0.299 R + 0.587 G + 0.114 B. (1, 3, H, W), normalised, to (1, 1, H, W)."""
    weights = torch.tensor(LUMA).to(picture).view(1, 3, 1, 1)
    return (unit(picture) * weights).sum(1, keepdim=True)


def grey(picture: Tensor, like: Tensor | None = None) -> Tensor:
    """A picture without its colours, normalised (1, 3, H, W).

    like: another picture, whose mean and deviation of brightness it gets, so that a dark painting does not darken a bright
    photograph: Y' = sigma_like / sigma (Y - mu) + mu_like (Gatys et al. 2017, section 5.1).
    """
    y = luminance(picture)
    if like is not None:
        wanted = luminance(like)
        y = (y - y.mean()) * (wanted.std() / y.std().clamp(min=1e-6)) + wanted.mean()
    return normalised(y.clamp(0, 1).expand(-1, 3, -1, -1))


def keep_chroma(painting: Tensor, photograph: Tensor) -> Tensor:
    """The brightness of a painting with the colours of the photograph, both normalised (1, 3, H, W).

        R' = Y + (R - Y_photograph),   and so for G and B,   Y = luminance of the painting

    I and Q of YIQ, the chroma, depend on the differences R - Y, G - Y, B - Y alone. Where such a colour would be darker than
    black or brighter than white, the brightness gives way, never the chroma. Raises ValueError for two sizes.
    """
    if painting.shape != photograph.shape:
        raise ValueError(f"the painting is {tuple(painting.shape)}, the photograph {tuple(photograph.shape)}: not one size.")
    difference = unit(photograph) - luminance(photograph)  # (1, 3, H, W)
    darkest, brightest = -difference.amin(1, keepdim=True), 1 - difference.amax(1, keepdim=True)
    y = torch.minimum(torch.maximum(luminance(painting), darkest), brightest)
    return normalised(y + difference)


def match_colors(picture: Tensor, reference: Tensor) -> Tensor:
    """Give a picture the mean and the covariance of another one's colours, both normalised (1, 3, H, W).

        x' = T (x - mu) + mu_ref,   T = C^-1/2 (C^1/2 C_ref C^1/2)^1/2 C^-1/2,   so that T C T = C_ref

    C is the covariance of the three channels over all pixels. Many matrices T do that; this one moves colours least (Pitie and
    Kokaram 2007), which keeps blue blue where it can. Colours may come out darker than black or brighter than white.
    """
    pixels, wanted = (one[0].flatten(1).double() for one in (picture, reference))  # (3, H W)
    mean, mean_wanted = pixels.mean(1, keepdim=True), wanted.mean(1, keepdim=True)
    covariance, covariance_wanted = (torch.cov(one, correction=0) for one in (pixels, wanted))
    root, inverse = power(covariance, 0.5), power(covariance, -0.5)
    transform = inverse @ power(root @ covariance_wanted @ root, 0.5) @ inverse
    return (transform @ (pixels - mean) + mean_wanted).reshape(picture.shape).to(picture)


def power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive semi-definite matrix. What has no extent in a direction gets none by a negative power."""
    values, vectors = torch.linalg.eigh(matrix)
    there = values > 1e-10 * values.max().clamp(min=1e-30)
    powers = torch.where(there, values.clamp(min=1e-30) ** exponent, torch.zeros_like(values))
    return vectors * powers @ vectors.T
