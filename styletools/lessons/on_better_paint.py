"""Exercises of lesson 08: neighbours both ways, colours turned until no neighbour is near, a recipe that beats the default."""

from __future__ import annotations

import math
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import functional as nnf

from ..errors import StyleError
from ..images import preprocess, sample
from ..painting import stylize
from ..recipes import DEFAULT_RECIPE, RECIPES, Recipe
from ..vgg import VGG, load_vgg
from .calling import as_number, kind
from .cases import Make, numbers
from .judging import Exercise
from .values import Remark

# --- a function ------------------------------------------------------------------------------------------------------------


def both_ways(picture: Tensor, painting: Tensor, back: float = 1.0) -> Tensor:
    """How far each direction (N, C) is from its nearest of (M, C), and the other way round: the mean of the two, a scalar."""
    cosines = picture @ painting.T  # (N, M)
    there, again = 1 - cosines.amax(1).mean(), 1 - cosines.amax(0).mean()
    return (there + back * again) / (1 + back)


def length_one(*shape: int, seed: int, dtype: torch.dtype) -> Tensor:
    """Rows of length 1."""
    return nnf.normalize(numbers(*shape, seed=seed, dtype=dtype) + 0.25, dim=1)


def two_sets(count: int, other: int, channels: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Directions of a picture (N, C) and of a painting (M, C)."""
    return length_one(count, channels, seed=0, dtype=dtype), length_one(other, channels, seed=1, dtype=dtype)


PAIRS: dict[str, Make] = {
    "more pieces in the painting": partial(two_sets, 6, 11, 4),
    "more pieces in the picture": partial(two_sets, 17, 5, 3),
    "float64": partial(two_sets, 7, 8, 5, torch.float64),
}
# hint -> the wrong function that deserves it, or several
# fmt: off
EXERCISES = {
    "both_ways": Exercise("f(picture, painting)", both_ways, PAIRS, {
        "this is one way only: every piece of the painting looks for its nearest in the picture, too.":
            partial(both_ways, back=0),
        "this is the way back only: every piece of the picture looks for its nearest in the painting, too.":
            lambda u, v: both_ways(v, u, back=0),
        "take the mean of the two ways, half of their sum.": lambda u, v: 2 * both_ways(u, v),
        "each way is a mean over its own pieces: the two means count alike, however many pieces there are.":
            lambda u, v: both_ways(u, v, back=len(v) / len(u)),
        "a sum over the pieces grows with their number: take means.": [
            lambda u, v: ((1 - (u @ v.T).amax(1)).sum() + (1 - (u @ v.T).amax(0)).sum()) / 2,
            lambda u, v: (1 - (u @ v.T).amax(1)).sum() + (1 - (u @ v.T).amax(0)).sum()],
        "the nearest has the largest cosine: take amax, not the mean.": lambda u, v: 1 - (u @ v.T).mean(),
        "the nearest has the largest cosine, not the smallest: take amax.":
            lambda u, v: 1 - ((u @ v.T).amin(1).mean() + (u @ v.T).amin(0).mean()) / 2,
        "these are the cosines: the loss is 1 less their mean, so that nearer is less.": lambda u, v: 1 - both_ways(u, v),
        "the sign is turned round: 1 - cosine, not cosine - 1.": lambda u, v: -both_ways(u, v),
        "that is the squared distance of two unit vectors, twice what is asked for: take 1 - cosine.":
            lambda u, v: 1 - both_ways(u, v) + 1,
        "one nearest in the whole table is not enough: each piece has its own, amax(1) and amax(0).":
            lambda u, v: 1 - (u @ v.T).max(),
    }, gradient=False),  # who divides by the lengths, which are 1, has another gradient
}
# fmt: on

# --- values ----------------------------------------------------------------------------------------------------------------


def best_turn(answer: object) -> Remark:
    """Judge the angle in degrees by which four colours, 90 degrees apart, are turned as far as possible from themselves."""
    degrees = as_number(answer)
    if not abs(degrees) < 1e6:
        return Remark(False, f"{degrees:g} is no angle", "try angles from 0 to 90 degrees.")
    off = abs((degrees - 45 + 45) % 90 - 45)
    if off < 1:
        return Remark(True, "half way to the next colour: every nearest one is 45 degrees away, and no Gram matrix has moved.")
    if abs(degrees - math.pi / 4) < 0.01:
        return Remark(False, f"{degrees:g} is that angle in radians", "give it in degrees.")
    hint = "print L_near for 0, 15, 30, 45, ... degrees: where does it turn round, and why?"
    return Remark(False, f"at {degrees:g} degrees the colours are not as far from the old ones as they can be", hint)


PAIR, SIZE, STEPS = ("neuschwanstein", "the_harvest"), 96, 30
BETTER, GIVEN_UP = 0.98, 1.3  # of the default's distance to the painting; of its content error


@cache
def network() -> VGG:
    """The network all recipes paint with here."""
    with torch.random.fork_rng(devices=[]):  # new layers draw numbers before they get their weights
        return load_vgg("vgg19-slim", padding="replicate", dtype=torch.float32)


def patches(image: Tensor) -> Tensor:
    """All pieces of 7 x 7 pixels, every second one: (1, 3, H, W) to (number, 147)."""
    return nnf.unfold(image, 7, stride=2)[0].T


def painted(recipe: Recipe) -> tuple[float, float]:
    """How a recipe paints the pair: the distance of pixel patches to the painting, both ways, and the content error."""
    content, style = (preprocess(sample(name), SIZE) for name in PAIR)
    picture = preprocess(stylize(sample(PAIR[0]), sample(PAIR[1]), SIZE, network(), recipe, steps=STEPS), SIZE)
    apart = torch.cdist(patches(picture), patches(style)) / math.sqrt(147)
    yardstick = RECIPES["balanced"]
    error = yardstick.terms(network(), picture, yardstick.targets(network(), content, style)).content
    return float(apart.amin(1).mean() + apart.amin(0).mean()), float(error)


@cache
def default_painted() -> tuple[float, float]:
    """The same for the default recipe, once."""
    return painted(RECIPES[DEFAULT_RECIPE])


def own_recipe(answer: object) -> Remark:
    """Judge a recipe that comes nearer to the painting than the default, and gives up hardly more of the photograph."""
    if not isinstance(answer, Recipe):
        hint = 'make one out of the default: replace(st.RECIPES["neighbours"], beta=12).'
        return Remark(False, f"expected a Recipe, got {kind(answer)}", hint)
    try:
        apart, error = painted(answer)
    except StyleError as trouble:
        return Remark(False, f"it does not paint: {trouble}".rstrip("."), "take smaller weights or a smaller learning rate.")
    usual, kept = default_painted()
    told = f"distance {apart / usual:.0%} and content error {error / kept:.0%} of the default's"
    if apart > BETTER * usual:
        hint = "it must come nearer to the painting, at most 98 %: try another beta, statistic, tv or set of layers."
        return Remark(False, told, hint)
    if error > GIVEN_UP * kept:
        hint = "too much of the photograph is given up, at most 130 % is allowed: take a smaller beta or a larger alpha."
        return Remark(False, told, hint)
    return Remark(True, f"{told}. Now let your eyes decide")


VALUES = {"best_turn": best_turn, "own_recipe": own_recipe}
