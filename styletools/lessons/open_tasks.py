"""Exercises with many right answers: what every one of them must do, tried on pictures that tell.

A trial calls the student's function through `measure`, which returns a number, and raises Trouble where that is not right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as nnf

from ..images import preprocess, sample
from .calling import Function, Nothing, Trouble, as_number, call, copied, find_advice, kind, unchanged
from .cases import numbers

Measure = Callable[..., float]
CONTRAST = 100.0  # of the pictures below: beside it, what keeps the root of 0 differentiable is nothing


class Task(NamedTuple):
    """An exercise whose result is known by what it does: how the function is called, and the trials by their titles."""

    signature: str
    trials: dict[str, Callable[[Measure], None]]
    advice: Mapping[str, str] = {}


def try_all(task: Task, function: Function) -> list[tuple[str, str, str]]:
    """(title, what is wrong or "", hint) of every trial. Raises Nothing where the function returns nothing in any of them."""

    def measure(*arguments: Tensor) -> float:
        return as_finite(result_of(task, function, arguments))

    measure.result = lambda *arguments: result_of(task, function, arguments)  # not yet a number
    troubles = {title: attempt(trial, measure) for title, trial in task.trials.items()}
    if all(isinstance(trouble, Nothing) for trouble in troubles.values()):
        raise next(iter(troubles.values()))
    return [(title, trouble.why, trouble.hint) for title, trouble in troubles.items()]


def attempt(trial: Callable[[Measure], None], measure: Measure) -> Trouble:
    """What is wrong in a trial; a trouble without words where nothing is."""
    try:
        trial(measure)
    except Trouble as trouble:
        return trouble
    return Trouble("")


def result_of(task: Task, function: Function, arguments: tuple) -> object:
    """What the function returns. Raises Trouble when it raises or changes its input."""
    arguments = [argument * 1 if argument.requires_grad else argument for argument in arguments]
    before = copied(arguments)
    result = call(function, arguments, task.signature, task.advice)
    if not unchanged(arguments, before):
        raise Trouble("it changed its input", find_advice("changed", {}))
    return result


def as_finite(result: object) -> float:
    """A finite number out of the result. Raises Trouble."""
    number = as_number(result)
    if not math.isfinite(number):
        raise Trouble(f"expected a number, got {number}", "look for a division by 0, or a root of something below 0.")
    return number


def demand(holds: bool, why: str, hint: str) -> None:
    """Raise Trouble unless it holds."""
    if not holds:
        raise Trouble(why, hint)


# --- total variation without directions ------------------------------------------------------------------------------------


def waves(degrees: float, length: float = 16) -> Tensor:
    """Soft waves (1, 3, 64, 64) that run in one direction; `length` pixels from crest to crest."""
    i, j = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    way = j * math.cos(math.radians(degrees)) + i * math.sin(math.radians(degrees))
    return CONTRAST * torch.sin(2 * math.pi * way / length).expand(1, 3, 64, 64).clone()


def columns(row: Tensor) -> Tensor:
    """A picture (1, 3, 32, W) whose rows are all alike."""
    return CONTRAST * row.expand(1, 3, 32, -1).clone()


def noisy() -> Tensor:
    """A picture of noise (1, 3, 48, 64), in the range of normalised pictures."""
    return numbers(1, 3, 48, 64, seed=12)


def flat_is_cheap(measure: Measure) -> None:
    """A flat picture costs hardly anything, noise a lot."""
    noise, flat = measure(noisy()), [measure(torch.full((1, 3, 48, 64), level)) for level in (0.0, 1.5)]
    demand(noise > 0, f"noise costs {noise:.3g}, which should be much", "add up how much neighbours differ.")
    hint = "only differences count, and the epsilon under the root should be small: between 1e-12 and 1e-3."
    demand(max(map(abs, flat)) < 0.05 * noise, f"a flat picture costs {max(flat) / noise:.0%} of noise", hint)


def both_differences(measure: Measure) -> None:
    """Neither waves across nor waves down are cheap."""
    across, down = measure(waves(0)), measure(waves(90))
    demand(across > 0.1 * down, "waves across cost next to nothing", "dx is missing: use both differences.")
    demand(down > 0.1 * across, "waves down cost next to nothing", "dy is missing: use both differences.")


def all_directions(measure: Measure) -> None:
    """Waves cost the same in every direction."""
    cost = [measure(waves(angle)) for angle in range(0, 180, 15)]
    ratio = max(cost) / min(cost) if min(cost) > 0 else math.inf
    hint = "take the length of the gradient, the root of dx^2 + dy^2, in every pixel, and then the mean."
    demand(ratio < 1.05, f"waves in one direction cost {ratio:.2f} times as much as in another", hint)


def quarter_turn(measure: Measure) -> None:
    """A picture costs the same after a quarter turn."""
    upright, turned = measure(noisy()), measure(noisy().rot90(1, (2, 3)))
    ratio = turned / upright if upright else math.inf
    demand(abs(ratio - 1) < 0.05, f"after a quarter turn it costs {ratio:.2f} times as much", "treat dx and dy alike.")


def contrast_counts_once(measure: Measure) -> None:
    """Twice the contrast costs twice as much."""
    once, twice = measure(waves(30)), measure(2 * waves(30))
    ratio = twice / once if once else math.inf
    hint = "the root is missing: it belongs over dx^2 + dy^2, pixel by pixel."
    demand(abs(ratio - 2) < 0.2, f"twice the contrast costs {ratio:.2f} times as much", hint)


def only_neighbours_count(measure: Measure) -> None:
    """Waves half as long have twice as many slopes, and cost twice as much."""
    long, short = measure(waves(30)), measure(waves(30, 8))
    ratio = short / long if long else math.inf
    hint = "compare each pixel with its neighbours, not with the mean of the picture."
    demand(abs(ratio - 2) < 0.3, f"waves half as long cost {ratio:.2f} times as much, where 2 is right", hint)


def edges_cost_as_ramps(measure: Measure) -> None:
    """An edge costs as much as a ramp of the same height; up and down again costs twice that."""
    up = torch.linspace(0, 1, 32)
    flat = torch.zeros(16)
    ramp, edge, tent = (
        measure(columns(torch.cat(parts)))
        for parts in ((flat, up, flat + 1), (flat, torch.ones(32), flat + 1), (up, up.flip(0)))
    )
    hint = "take the root in every pixel, before the mean; one root over everything makes edges expensive."
    demand(0.9 < edge / ramp < 1.1 if ramp else False, "an edge and a ramp of the same height cost differently", hint)
    hint = "roll() and circular padding join opposite borders: take slices."
    demand(1.7 < tent / ramp < 2.3, f"up and down costs {tent / ramp:.2f} times as much as up", hint)


def whole_batch(measure: Measure) -> None:
    """No picture of a batch is left out."""
    wave, flat = waves(30), torch.zeros(1, 3, 64, 64)
    alone = measure(wave)
    both = [measure(torch.cat(pair)) for pair in ((wave, flat), (flat, wave))]
    demand(min(both) > 0.2 * alone, "one picture of a batch is left out", "slice the last two axes, image[:, :, 1:, :-1].")


def gradient_is_finite(measure: Measure) -> None:
    """The gradient is there, also where the picture is flat."""
    for picture in (noisy(), torch.zeros(1, 3, 16, 16)):
        leaf = picture.clone().requires_grad_()
        result = measure.result(leaf)
        demand(isinstance(result, Tensor), f"expected a tensor, got {kind(result)}", find_advice(kind(result), {}))
        demand(result.requires_grad, "no gradient", find_advice("no gradient", {}))
        demand(result.numel() == 1, f"expected a scalar, got shape {tuple(result.shape)}", "take the mean over everything.")
        try:
            (gradient,) = torch.autograd.grad(result.sum(), leaf, materialize_grads=True)
        except RuntimeError as error:
            raise Trouble(f"its gradient raised {' '.join(str(error).split())[:120]}", find_advice(str(error), {})) from None
        hint = "the slope of a root is infinite at 0: put an epsilon such as 1e-6 under it, dx^2 + dy^2 + 1e-6."
        demand(bool(gradient.isfinite().all()), "its gradient is not a number where the picture is flat", hint)
    leaf = noisy().requires_grad_()
    (gradient,) = torch.autograd.grad(measure.result(leaf).sum(), leaf)
    demand(bool(gradient.abs().max() > 0), "its gradient is 0 for noise", "is a part detached, or multiplied by 0?")


# --- a distance between styles ---------------------------------------------------------------------------------------------


@cache
def painting(name: str, side: int = 144) -> Tensor:
    """A sample (1, 3, H, W); the functions below hand copies of it on."""
    return preprocess(sample(name), side)


def village() -> Tensor:
    """Van Gogh's street (1, 3, 96, 144), cut so that tiles of 48 pixels fill it."""
    return painting("village_street_auvers")[:, :, 8:104].clone()


def other(side: int = 144, name: str = "great_wave") -> Tensor:
    """Another painting, of another shape."""
    return painting(name, side).clone()


def shuffled(x: Tensor, size: int) -> Tensor:
    """The picture's tiles, or with size 1 its pixels, in another order."""
    tiles = nnf.unfold(x, size, stride=size)  # (1, 3 size size, tiles)
    order = torch.randperm(tiles.shape[2], generator=torch.Generator().manual_seed(0))
    return nnf.fold(tiles[:, :, order], x.shape[2:], size, stride=size)


def same_is_zero(measure: Measure) -> None:
    """A picture has no distance from itself."""
    same, away = measure(village(), village()), measure(village(), other())
    hint = "compare the statistics of x with those of y, both computed in the same way."
    demand(abs(same) <= 1e-3 * abs(away) + 1e-12, f"a picture is {same:.3g} away from itself, not 0", hint)


def others_are_away(measure: Measure) -> None:
    """Other pictures are a positive distance away."""
    for name in ("great_wave", "composition_viii"):
        away = measure(village(), other(name=name))
        demand(away > 0, f"another painting is {away:.3g} away: expected more than 0", "add up squares or absolute values.")


def any_size(measure: Measure) -> None:
    """Pictures of different sizes can be compared, and twice the same painting side by side is still the same style."""
    away = measure(village(), other(96))
    twice = measure(village(), torch.cat([village(), village()], dim=3))
    hint = "divide the Gram matrix by H W, so that a picture's size does not count."
    demand(twice < 0.5 * away, "two copies side by side are as far away as another painting", hint)


def tiles_do_not_matter(measure: Measure) -> None:
    """The tiles of a painting in another order are nearer to it than another painting."""
    tiles, away = measure(village(), shuffled(village(), 48)), measure(village(), other())
    hint = "a style does not know where things are: compare Gram matrices or covariances, not features position by position."
    demand(tiles < away, "its own tiles in another order are farther away than another painting", hint)


def more_than_a_palette(measure: Measure) -> None:
    """The pixels of a painting in another order keep its palette and not its style."""
    pixels, away = measure(village(), shuffled(village(), 1)), measure(village(), other())
    hint = "colours alone are no style: compare features of the network."
    demand(pixels > 0.01 * away, "its own pixels in another order are no distance away", hint)


STYLE_ADVICE = {
    "must match the size": "compare Gram matrices, (C, C) whatever the picture's size, not features or pixels.",
    "broadcast": "compare Gram matrices, (C, C) whatever the picture's size, not features or pixels.",
    "a dict": "the network returns a dict: take the layer out of it, vgg(x, [layer])[layer].",
    "'dict' object": "the network returns a dict: take the layer out of it, vgg(x, [layer])[layer].",
}
TASKS: dict[str, Task] = {
    "tv_round": Task("f(image)", {
        "a flat picture costs nothing, noise much": flat_is_cheap,
        "both differences count": both_differences,
        "twice the contrast, twice the cost": contrast_counts_once,
        "only neighbours are compared": only_neighbours_count,
        "an edge costs as much as a ramp": edges_cost_as_ramps,
        "waves cost the same in every direction": all_directions,
        "a quarter turn changes nothing": quarter_turn,
        "every picture of a batch counts": whole_batch,
        "the gradient is finite": gradient_is_finite,
    }),
    "style_distance": Task("f(x, y)", {
        "a picture and itself: 0": same_is_zero,
        "other paintings: more than 0": others_are_away,
        "its tiles in another order: nearer than another painting": tiles_do_not_matter,
        "any two sizes": any_size,
        "its pixels in another order: not the same style": more_than_a_palette,
    }, STYLE_ADVICE),
}  # fmt: skip
