"""Exercises of lesson 09: the Gram matrix of a region, a box in the sky, a picture composed of several styles."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import functional as nnf

from ..errors import StyleError
from ..images import as_image, preprocess, sample
from ..jobs import Job
from ..losses import gram_matrix
from ..masks import checked_box, flood, is_box, load_mask, mask_at
from ..styles import regions_of
from .calling import kind
from .cases import Make, Size, numbers, uneven
from .judging import Exercise
from .values import Remark

# --- a function ------------------------------------------------------------------------------------------------------------


def guided_gram(features: Tensor, mask: Tensor, power: float = 2) -> Tensor:
    """The Gram matrix (N, C, C) of the positions a mask (1, 1, H', W') of the picture lays open, a mean over them."""
    return weighted(features, small(mask, features) ** power)


def small(mask: Tensor, features: Tensor) -> Tensor:
    """The mask at the positions of a layer: (1, 1, H, W)."""
    return nnf.adaptive_avg_pool2d(mask, features.shape[-2:])


def weighted(features: Tensor, weights: Tensor) -> Tensor:
    """The Gram matrix of positions that count by weights (1, 1, H, W), whatever their sum."""
    return gram_matrix(features, "hw", weights / weights.mean())


def region(features: Size, mask: tuple[int, int], dtype: torch.dtype = torch.float32, ones: bool = False) -> tuple:
    """Features, and a soft mask of their picture, black and white in places."""
    soft = (numbers(1, 1, *mask, seed=4, dtype=dtype) / 4 + 0.5).clamp(0, 1)
    return uneven(*features, dtype=dtype), torch.ones_like(soft) if ones else soft


REGIONS: dict[str, Make] = {
    "one picture": partial(region, (1, 3, 4, 6), (8, 12)),
    "two at once, odd sizes": partial(region, (2, 5, 3, 7), (13, 29)),
    "float64": partial(region, (1, 4, 5, 3), (20, 12), torch.float64),
    "a mask of ones: no mask": partial(region, (1, 4, 5, 6), (10, 12), ones=True),
}

TO_THE_LAYER = "bring the mask to the size of the features first: adaptive_avg_pool2d(mask, features.shape[-2:])."
# hint -> the wrong function that deserves it, or several
# fmt: off
EXERCISES: dict[str, Exercise] = {
    "guided_gram": Exercise("f(features, mask)", guided_gram, REGIONS, {
        "the mask is not used.": lambda f, m: gram_matrix(f, "hw"),
        "the mask counts once only: both factors of the product are multiplied with it, so it counts squared.":
            partial(guided_gram, power=1),
        "the mask is squared twice: multiply the features with it once, or the product with its square.":
            partial(guided_gram, power=4),
        "divide by the sum of the squared mask, not by H W: a small region must not look like a faint style.":
            lambda f, m: gram_matrix(f * small(m, f), "hw"),
        "divide by the sum of the squared mask, not by that of the mask.":
            lambda f, m: gram_matrix(f * small(m, f), "none") / small(m, f).sum(),
        "you forgot to divide by the sum of the squared mask.": lambda f, m: gram_matrix(f * small(m, f), "none"),
        "divided by C besides: it is a mean over positions.": [
            lambda f, m: guided_gram(f, m) / f.shape[1], lambda f, m: gram_matrix(f * small(m, f))],
        "the share has the mean 1 already: divide the sum over positions by H W.":
            lambda f, m: guided_gram(f, m) * f[0, 0].numel(),
        "first bring the mask to the layer, then square it.": lambda f, m: weighted(f, small(m**2, f)),
        "each position gets the mean of the pixels it covers: adaptive_avg_pool2d, no picking and no largest.": [
            lambda f, m: weighted(f, nnf.interpolate(m, f.shape[-2:]) ** 2),
            lambda f, m: weighted(f, nnf.interpolate(m, f.shape[-2:], mode="bilinear") ** 2),
            lambda f, m: weighted(f, nnf.adaptive_max_pool2d(m, f.shape[-2:]) ** 2)],
        "leave the mask soft: no threshold.": lambda f, m: weighted(f, (small(m, f) > 0.5).to(f)),
        "white counts and black does not: the mask is turned round.": lambda f, m: guided_gram(f, 1 - m),
        "the border is left out as well; here the mean of what a position covers is enough.":
            lambda f, m: weighted(f, mask_at(m, f.shape[-2:]) ** 2),
        "the mean of the region is subtracted: that is its covariance.": lambda f, m: weighted(
            f - (f * small(m, f) ** 2).sum((2, 3), keepdim=True) / (small(m, f) ** 2).sum(), small(m, f) ** 2),
        "the pictures of a batch are added up: keep N as the first axis.": [
            lambda f, m: guided_gram(f, m).sum(0, keepdim=True), lambda f, m: guided_gram(f, m).mean(0, keepdim=True)],
        "only the first picture is used, or the batch axis is lost: return (N, C, C).": [
            lambda f, m: guided_gram(f, m)[0], lambda f, m: guided_gram(f, m)[:1]],
    }, advice={
        "must match the size": TO_THE_LAYER, "broadcast": TO_THE_LAYER,
    }),
}
# fmt: on

# --- values ----------------------------------------------------------------------------------------------------------------

PURE, MUCH = 0.98, 0.55  # of the box that must be sky; of the sky that must be in the box


@cache
def sky() -> Tensor:
    """The sky of the castle on the lake, (1, 1, H, W), true where it is."""
    castle = sample("eilean_donan")
    return load_mask(flood(castle, 0.3, 0.1, 0.2), castle.height, castle.width) > 0.5


def sky_box(answer: object) -> Remark:
    """Judge a box that holds most of the sky of `eilean_donan`, and nothing else."""
    answer = answer.tolist() if hasattr(answer, "tolist") else answer
    if not is_box(answer):
        shape = "(left, top, right, bottom)"
        return Remark(False, f"expected a box of four numbers, got {kind(answer)}", f"write it as {shape}, in fractions 0..1.")
    try:
        checked_box(answer)
        box = load_mask(answer, *sky().shape[-2:])
    except StyleError as error:
        return Remark(False, str(error), "the upper tenth of a picture is (0, 0, 1, 0.1).")
    common = float((box * sky()).sum())
    pure, much = common / float(box.sum()), common / float(sky().sum())
    if pure < PURE:
        return Remark(False, f"{1 - pure:.0%} of the box is no sky", "stay above the mountain: a smaller bottom.")
    if much < MUCH:
        return Remark(False, f"it holds {much:.0%} of the sky, at least {MUCH:.0%} is wanted", "make it wider or deeper.")
    return Remark(True, f"{pure:.0%} of the box is sky, and it holds {much:.0%} of all sky.")


def composition(answer: object) -> Remark:
    """Judge a job with at least two styles and a mask that can be used."""
    if not isinstance(answer, Job):
        return Remark(False, f"expected a Job, got {kind(answer)}", "give the job itself, not what st.paint makes of it.")
    styles = [style for style in answer.styles if style.weight]
    if len(styles) < 2:
        hint = "style is a list: [st.Style(first, where=mask), second]."
        return Remark(False, f"{len(styles)} style that counts, at least two are wanted", hint)
    if not any(style.where is not None for style in styles):
        return Remark(False, "no style has a mask", "st.Style(picture, where=mask) says where it paints.")
    try:
        content, *pictures = (preprocess(as_image(one), 128) for one in (answer.content, *(s.picture for s in styles)))
        places = len(regions_of(styles, pictures, *content.shape[-2:]))
    except StyleError as error:
        return Remark(False, str(error))
    where = f"{places} place" + "s" * (places > 1)
    return Remark(True, f'{len(styles)} styles in {where}, colours "{answer.colors}".')


VALUES: dict[str, Callable[[object], Remark]] = {"sky_box": sky_box, "composition": composition}
