"""The losses of neural style transfer, from features to one number each. Read this file first.

Notation, the same in every lesson: F is the feature map of the picture being painted, a tensor (N, C, H, W); P the content
picture's, A the Gram matrix of the style picture. Each loss has one argument that chooses among the conventions in use;
the defaults are those of Dive into Deep Learning. Lesson 04 shows what the choice does to the numbers.

There are three terms: content, style, total variation. A style loss has two halves, a statistic of the features and a distance
between two statistics; `STYLE_LOSSES`, at the end, lists them. Another one is a function in `statistics` and a line there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .errors import SettingsError
from .statistics import (
    inside,
    mean_and_covariance,
    mean_and_std,
    mix,
    mix_rows,
    mix_sorted,
    sample_rows,
    sliced_distance,
    sorted_projections,
    wasserstein_distance,
    weighted_mean,
)  # fmt: skip

CONTENT_REDUCTIONS = ("mean", "half_sum", "relative")
TV_CONVENTIONS = ("d2l", "squared")


def content_loss(features: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """How far the features F are from those of the content picture P, position by position: a scalar.

    features, target: (N, C, H, W), the same shape.
    reduction:
        "mean"      mean (F - P)^2                      Dive into Deep Learning
        "half_sum"  1/2 sum (F - P)^2                   Gatys et al. 2016, equation 1
        "relative"  sum (F - P)^2 / sum P^2             0 for equal features, 1 for a grey nothing

    Raises ValueError for different shapes, SettingsError for an unknown reduction.
    """
    if features.shape != target.shape:
        raise ValueError(f"features {tuple(features.shape)} and target {tuple(target.shape)} must have the same shape.")
    squared = (features - target) ** 2
    if reduction == "mean":
        return squared.mean()
    if reduction == "half_sum":
        return squared.sum() / 2
    if reduction == "relative":
        return squared.sum() / (target**2).sum()
    raise SettingsError(f"reduction is {reduction!r}; expected 'mean', 'half_sum' or 'relative'.")


def gram_matrix(features: Tensor, divide_by: str = "chw", share: Tensor | None = None) -> Tensor:
    """Which channels are active together, wherever that is: G_ij = sum over positions k of F_ik F_jk.

    features: (N, C, H, W). Returns (N, C, C), symmetric and positive semi-definite.
    divide_by: "chw" divides by C H W (Dive into Deep Learning), "hw" by H W (a mean over positions, which makes pictures of
    different sizes comparable), "none" leaves the sum (Gatys et al. 2016, equation 3).
    share: (1, 1, H, W), how much each position k counts, 1 on average: G_ij = sum over k of share_k F_ik F_jk, the guided Gram
    matrix of Gatys et al. 2017; by default all count alike.

    Raises ValueError unless the features have four dimensions, SettingsError for an unknown divisor.
    """
    if features.ndim != 4:
        raise ValueError(f"features must have shape (N, C, H, W), got {tuple(features.shape)}.")
    n, c, h, w = features.shape
    divisors = {"chw": c * h * w, "hw": h * w, "none": 1}
    if divide_by not in divisors:
        raise SettingsError(f"divide_by is {divide_by!r}; expected 'chw', 'hw' or 'none'.")
    features = features if share is None else features * share.sqrt()
    f = features.reshape(n, c, h * w).transpose(1, 2)  # (N, H W, C): one row a position, one column a channel
    return torch.stack([x.T @ x for x in f]) / divisors[divide_by]  # (N, C, C); faster than one batched product


def style_loss(features: Tensor, target: Tensor, convention: str = "d2l", share: Tensor | None = None) -> Tensor:
    """How far the style of the features is from that of the style picture, in one layer: a scalar.

        style_loss(F, A) = distance(statistic(F), A),   A = statistic(S) = style_target(S)

    features: (N, C, H, W). target: made by `style_target` with the same convention from the style picture's features S.
    convention: a key of `STYLE_LOSSES`, where each statistic and distance stands. share: (1, 1, H, W), how much each position
    counts, 1 on average; by default all count alike.

    Raises ValueError for a statistic of another size, SettingsError for an unknown convention.
    """
    statistic = style_target(features, convention, share)
    if statistic.shape[1:] != target.shape[1:]:
        raise ValueError(f"the statistic is {tuple(statistic.shape)}, its target {tuple(target.shape)}: another layer?")
    return STYLE_LOSSES[convention].distance(statistic, target)


def style_target(features: Tensor, convention: str = "d2l", share: Tensor | None = None) -> Tensor:
    """The statistic of the features (N, C, H, W) that `style_loss` compares under the same convention, for Gram (N, C, C)."""
    if convention not in STYLE_LOSSES:
        raise SettingsError(f"convention is {convention!r}; expected one of {', '.join(STYLE_LOSSES)}.")
    statistic = STYLE_LOSSES[convention].statistic
    return statistic(features) if share is None else statistic(features, share=share)


def neighbour_statistic(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The directions that a picture's features point in, one for each position: what the nearest-neighbour loss compares.

    From every position's C numbers the mean over all positions is taken away, and what is left is scaled to length 1:

        U_k = (F_k - mean F) / |F_k - mean F|

    features: (1, C, H, W). Returns (H W, C). Raises ValueError for another shape.
    share: (1, 1, H, W), how much each position counts in the mean; by default all count alike.
    Without the mean, which all positions have in common, almost all directions would look alike.
    """
    if features.ndim != 4 or features.shape[0] != 1:
        raise ValueError(f"features must have shape (1, C, H, W), got {tuple(features.shape)}.")
    f = (features - weighted_mean(features, share))[0].flatten(1).T  # (H W, C): one row a position
    return torch.nn.functional.normalize(f, dim=1, eps=1e-6)


def neighbour_rows(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The directions of `neighbour_statistic`, (M, C), of the positions alone that count: those a share has `inside`."""
    directions = neighbour_statistic(features, share)
    return directions if share is None else directions[inside(share)]


def neighbour_distance(
    directions: Tensor, target: Tensor, nearest: Tensor | None = None, share: Tensor | None = None
) -> Tensor:
    """How far each direction U_k is from the style picture's nearest one V_j, on average: a scalar between 0 and 2.

        mean over k of (1 - max over j of U_k . V_j),   U_k . V_j = cosine of the angle between them

    It asks that every small piece of the picture be some piece of the painting, wherever that is (Li and Wand 2016, with the
    cosine distance of Kolkin et al. 2022). Gram matrices ask only that the pieces be right on average.

    directions: (N, C), target: (M, C), both from `neighbour_statistic`. nearest: (N,), the result of an earlier search with
    `nearest_neighbours`; by default it is made now. The search has no gradient, the cosine has. share: (1, 1, H, W), how much
    each of the N positions counts, 1 on average.
    Raises ValueError for different numbers of channels.
    """
    if directions.shape[1] != target.shape[1]:
        raise ValueError(f"{directions.shape[1]} channels are compared with {target.shape[1]}: another layer?")
    if nearest is None:
        nearest = nearest_neighbours(directions, target)
    cosines = (directions * target[nearest]).sum(1)  # (N,)
    return 1 - (cosines if share is None else cosines * share.flatten()).mean()


SEARCH_MEMORY = 32 * 2**20  # bytes of the table of cosines in `nearest_neighbours`


@torch.no_grad()
def nearest_neighbours(directions: Tensor, target: Tensor) -> Tensor:
    """For each of N unit vectors the number of the closest of M others: (N, C) and (M, C) to (N,).

    The search goes piece by piece, so that its memory stays below `SEARCH_MEMORY` whatever N is.
    """
    rows = max(1, SEARCH_MEMORY // (4 * len(target)))
    return torch.cat([(piece @ target.T).max(1).indices for piece in directions.split(rows)])


STYLE_POSITIONS = 3000  # of a layer of the style picture among which neighbours are searched


def neighbour_target(features: Tensor, share: Tensor | None = None) -> Tensor:
    """What a recipe compares with: at most `STYLE_POSITIONS` of the `neighbour_rows` of the style picture, (M, C)."""
    return sample_rows(neighbour_rows(features, share), STYLE_POSITIONS)


def tv_loss(image: Tensor, convention: str = "d2l") -> Tensor:
    """Total variation: how much neighbouring pixels differ, down (dy) and across (dx): a scalar.

    image: (N, 3, H, W), normalised.
    convention: "d2l" is (mean |dy| + mean |dx|) / 2; "squared" is mean dy^2 + mean dx^2, which spares soft
    gradients and presses hardest on single bright pixels.

    Raises SettingsError for an unknown convention.
    """
    dy = image[:, :, 1:, :] - image[:, :, :-1, :]  # (N, 3, H - 1, W)
    dx = image[:, :, :, 1:] - image[:, :, :, :-1]  # (N, 3, H, W - 1)
    if convention == "d2l":
        return 0.5 * (dy.abs().mean() + dx.abs().mean())
    if convention == "squared":
        return (dy**2).mean() + (dx**2).mean()
    raise SettingsError(f"convention is {convention!r}; expected 'd2l' or 'squared'.")


# --- statistics and distances ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StyleLoss:
    """A style loss in two halves: what is kept of a layer's features, and how far two such statistics are apart.

    statistic: (features (N, C, H, W), share) -> tensor. It forgets where things are: shuffled positions leave the loss as it
        was. share: None, or how much each position counts.
    distance: (statistic, target) -> scalar.
    mix: (statistics of several pictures, their weights) -> the one statistic that is their mixture.
    growth: a statistic that sums over positions grows with their number to this power; between pictures of different sizes
        the target has to be scaled by it (`Recipe.targets` does).
    """

    statistic: Callable[..., Tensor]
    distance: Callable[[Tensor, Tensor], Tensor]
    growth: float = 0.0
    mix: Callable[[Sequence[Tensor], Sequence[float]], Tensor] = mix


def scaled_gram(divisor: Callable[[int, int], float]) -> Callable[..., Tensor]:
    """The statistic G / divisor(C, H W): the Gram matrix with a factor of the loss taken inside."""

    def statistic(features: Tensor, share: Tensor | None = None) -> Tensor:
        _, c, h, w = features.shape
        return gram_matrix(features, "none", share) / divisor(c, h * w)

    return statistic


def mean_of_squares(statistic: Tensor, target: Tensor) -> Tensor:
    """mean (G - A)^2."""
    return ((statistic - target) ** 2).mean()


def sum_of_squares(statistic: Tensor, target: Tensor) -> Tensor:
    """sum (G - A)^2."""
    return ((statistic - target) ** 2).sum()


def relative_squares(statistic: Tensor, target: Tensor) -> Tensor:
    """sum (G - A)^2 / sum A^2: 0 for equal statistics, 1 for a grey nothing."""
    return ((statistic - target) ** 2).sum() / (target**2).sum()


STYLE_CONVENTIONS: dict[str, StyleLoss] = {  # how programs write down the loss between Gram matrices G and A
    "d2l": StyleLoss(gram_matrix, mean_of_squares),  # mean ((G - A) / CHW)^2; also PyTorch's tutorial
    "raw": StyleLoss(partial(gram_matrix, divide_by="none"), mean_of_squares, growth=1),  # mean (G - A)^2
    # mean (G - A)^2 / (C H W)
    "raw_chw": StyleLoss(scaled_gram(lambda c, hw: math.sqrt(c * hw)), mean_of_squares, growth=0.5),
    # sum (G - A)^2 / (4 C^2 (H W)^2): Gatys et al. 2016, equation 4
    "paper": StyleLoss(scaled_gram(lambda c, hw: 2 * c * hw), sum_of_squares),
    # sum (G - A)^2 / (4 C^2 H W)
    "modules": StyleLoss(scaled_gram(lambda c, hw: 2 * c * math.sqrt(hw)), sum_of_squares, growth=0.5),
    "relative": StyleLoss(partial(gram_matrix, divide_by="hw"), relative_squares),  # sum (G - A)^2 / sum A^2
}
STYLE_LOSSES: dict[str, StyleLoss] = {
    **STYLE_CONVENTIONS,
    "mean_std": StyleLoss(mean_and_std, relative_squares),
    "wasserstein": StyleLoss(mean_and_covariance, wasserstein_distance),
    "sliced": StyleLoss(sorted_projections, sliced_distance, mix=mix_sorted),
    "neighbours": StyleLoss(neighbour_rows, neighbour_distance, mix=mix_rows),
}
