"""Exercises of lessons 05 to 07, on painting: the right functions, their cases, and hints for the usual slips."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..images import clamp_to_box
from ..losses import tv_loss
from .calling import few_numbers
from .cases import canvas, on_sizes, pulls, rgb
from .judging import Exercise


def neighbours(image: Tensor) -> tuple[Tensor, Tensor]:
    """Differences down and across: (N, C, H - 1, W), (N, C, H, W - 1)."""
    return image.diff(dim=2), image.diff(dim=3)


def together(image: Tensor) -> Tensor:
    """All differences, down and across, in one row."""
    return torch.cat([d.flatten() for d in neighbours(image)])


CLAMPS: dict[str, Callable[[Tensor], Tensor]] = {
    "box": clamp_to_box,
    "never": lambda picture: picture,
    "unit": lambda picture: picture.clamp(0, 1),
    "one range": lambda picture: picture.clamp(-2.1, 2.2),
    "wide range": lambda picture: picture.clamp(-2.1, 2.6),
    "minus one to one": lambda picture: picture.clamp(-1, 1),
}


def paint(
    start: Tensor, loss_of: Callable, steps: int, rate: float, optimizer: Callable = torch.optim.Adam, clamp: str = "box",
    before: bool = False, inside: bool = False, forget: bool = False, sign: int = 1, afresh: bool = False,
) -> Tensor:  # fmt: skip
    """The training loop; its options are the slips."""
    picture = start.clone().requires_grad_()
    optimiser = optimizer([picture], lr=rate)
    bound = CLAMPS[clamp]

    def measure() -> Tensor:
        if not forget:
            optimiser.zero_grad()
        loss = sign * loss_of(bound(picture) if inside else picture)
        loss.backward()
        return loss

    for _ in range(steps):
        optimiser = optimizer([picture], lr=rate) if afresh else optimiser
        if before:
            picture.data = bound(picture.data)
        optimiser.step(measure)
        if not before and not inside:
            picture.data = bound(picture.data)
    return picture.detach()


def fixed(steps: int) -> Callable[..., Tensor]:
    """A loop that always makes as many steps."""
    return lambda start, loss_of, _, rate: paint(start, loss_of, steps, rate)


def clamped_last(start: Tensor, loss_of: Callable, steps: int, rate: float, **slip: object) -> Tensor:
    """Clamped once more, or only once, when all is done."""
    return clamp_to_box(paint(start, loss_of, steps, rate, **slip))


def knobs(gradients: Tensor, wish: Tensor, length: Callable = lambda g: g.norm(dim=1), first: bool = True) -> Tensor:
    """Weights (3,) under which three gradients (3, 3, H, W) pull in the proportions `wish` (3,); the first weight is 1."""
    weights = wish / length(gradients.flatten(1))
    return weights / weights[0] if first else weights


def by_channel(g: Tensor) -> Tensor:
    """The mean of the lengths of a gradient's three channels (3, 3 H W) -> (3,)."""
    return g.unflatten(1, (3, -1)).norm(dim=2).mean(1)


# hint -> the wrong function that deserves it, or several
# fmt: off
EXERCISES: dict[str, Exercise] = {
    "tv_loss": Exercise("f(image)", tv_loss, on_sizes(rgb), {
        "you forgot the half.": lambda x: 2 * tv_loss(x),
        "halve once.": lambda x: tv_loss(x) / 2,
        "take the means, not the sums.": lambda x: sum(d.abs().sum() for d in neighbours(x)) / 2,
        "take the means, not the sums, and half of them.": lambda x: sum(d.abs().sum() for d in neighbours(x)),
        "take abs() of the differences, not their squares.": lambda x: tv_loss(x, "squared") / 2,
        "take abs() of the differences, not their squares, and half of the means.": lambda x: tv_loss(x, "squared"),
        "take abs() of the differences, else up and down cancel.": [
            lambda x: sum(d.mean() for d in neighbours(x)) / 2, lambda x: sum(d.mean().abs() for d in neighbours(x)) / 2],
        "the differences across (dx) are missing.": [
            lambda x: neighbours(x)[0].abs().mean() / 2, lambda x: neighbours(x)[0].abs().mean()],
        "the differences down (dy) are missing.": [
            lambda x: neighbours(x)[1].abs().mean() / 2, lambda x: neighbours(x)[1].abs().mean()],
        "one mean over dy and dx together: they have different shapes, so each needs a mean of its own.": [
            lambda x: together(x).abs().mean(), lambda x: together(x).abs().mean() / 2],
        "divide each sum by its own number of differences, not by the number of pixels.":
            lambda x: sum(d.abs().sum() for d in neighbours(x)) / 2 / x.numel(),
        "only the first picture of the batch is used.": lambda x: tv_loss(x[:1]),
        "roll() joins opposite borders: take slices.": lambda x: sum((x - x.roll(1, k)).abs().mean() / 2 for k in (2, 3)),
        "wrong axes: H is axis 2 and W axis 3.": lambda x: sum(x.diff(dim=k).abs().mean() / 2 for k in (1, 2)),
        "neighbours are one pixel apart: slice from 1, not from 2.": lambda x: sum(
            (a - b).abs().mean() / 2 for a, b in ((x[:, :, 2:], x[:, :, :-2]), (x[..., 2:], x[..., :-2]))),
    }),
    "tv_squared": Exercise("f(image)", partial(tv_loss, convention="squared"), on_sizes(rgb), {
        "there is no half in this one.": lambda x: tv_loss(x, "squared") / 2,
        "take the means, not the sums.": [
            lambda x: sum((d**2).sum() for d in neighbours(x)), lambda x: sum((d**2).sum() for d in neighbours(x)) / 2],
        "square the differences; abs() is the other one.": lambda x: 2 * tv_loss(x),
        "square the differences; half of abs() is the other one.": tv_loss,
        "square the differences, else up and down cancel.": lambda x: sum(d.mean() for d in neighbours(x)),
        "first square, then take the mean.": lambda x: sum(d.mean() ** 2 for d in neighbours(x)),
        "square each difference, not the mean of abs(): first square, then take the mean.": [
            lambda x: sum(d.abs().mean() ** 2 for d in neighbours(x)), lambda x: tv_loss(x) ** 2,
            lambda x: (2 * tv_loss(x)) ** 2],
        "the differences across (dx) are missing.": lambda x: (neighbours(x)[0] ** 2).mean(),
        "the differences down (dy) are missing.": lambda x: (neighbours(x)[1] ** 2).mean(),
        "one mean over dy and dx together: they have different shapes, so each needs a mean of its own.": [
            lambda x: (together(x) ** 2).mean(), lambda x: 2 * (together(x) ** 2).mean()],
        "divide each sum by its own number of differences, not by the number of pixels.":
            lambda x: sum((d**2).sum() for d in neighbours(x)) / x.numel(),
        "only the first picture of the batch is used.": lambda x: tv_loss(x[:1], "squared"),
        "no square root.": [
            lambda x: tv_loss(x, "squared").sqrt(), lambda x: sum((d**2).mean().sqrt() for d in neighbours(x)),
            lambda x: (x.diff(dim=2)[..., :-1] ** 2 + x.diff(dim=3)[:, :, :-1] ** 2).sqrt().mean()],
        "roll() joins opposite borders: take slices.": lambda x: sum(((x - x.roll(1, k)) ** 2).mean() for k in (2, 3)),
        "wrong axes: H is axis 2 and W axis 3.": lambda x: sum((x.diff(dim=k) ** 2).mean() for k in (1, 2)),
        "all differences count: dy has H - 1 rows of W, dx H rows of W - 1.": lambda x: (
            x.diff(dim=2)[..., :-1] ** 2 + x.diff(dim=3)[:, :, :-1] ** 2).mean(),
    }),
    "paint": Exercise("f(start, loss_of, steps, learning_rate)", paint, {
        "one step": partial(canvas, (1, 3, 4, 6), 1, 0.1),
        "twelve steps, often against the box": partial(canvas, (1, 3, 5, 3), 12, 0.5),
        "two at once, float64": partial(canvas, (2, 3, 3, 4), 9, 0.4, torch.float64),
        "no step": partial(canvas, (1, 3, 3, 3), 0, 0.1),
    }, {
        "clamp to the box after every step.": partial(paint, clamp="never"),
        "clamp after every step, not once at the end.": partial(clamped_last, clamp="never"),
        "clamp after the step, not before it: the step may leave the box.": partial(paint, before=True),
        "clamp the picture after the step, not inside the loss: outside the box its gradient is 0.": [
            partial(paint, inside=True), partial(clamped_last, inside=True)],
        "clamp with st.clamp_to_box: 0 .. 1 is the box of pictures that are not normalised.": partial(paint, clamp="unit"),
        "clamp with st.clamp_to_box: black and white are other numbers in each channel.": [
            partial(paint, clamp=clamp) for clamp in ("one range", "wide range", "minus one to one")],
        "gradients add up: call zero_grad() at every step.": partial(paint, forget=True),
        "take Adam, not SGD.": partial(paint, optimizer=torch.optim.SGD),
        "take Adam, not AdamW, which also pulls every pixel towards 0, the mean grey.":
            partial(paint, optimizer=torch.optim.AdamW),
        "take Adam, not L-BFGS.": partial(paint, optimizer=torch.optim.LBFGS),
        "take torch.optim.Adam with its own averages.": [
            partial(paint, optimizer=other) for other in (
                torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.NAdam, torch.optim.Adamax,
                partial(torch.optim.SGD, momentum=0.9), partial(torch.optim.Adam, betas=(0.5, 0.999)),
                partial(torch.optim.Adam, betas=(0.9, 0.99)))],
        "this climbs: step down the loss, not down its negative.": partial(paint, sign=-1),
        "make the optimiser once, before the loop, or it forgets its averages.": partial(paint, afresh=True),
        "one step too many.": lambda start, loss_of, steps, rate: paint(start, loss_of, steps + 1, rate),
        "one step too few.": lambda start, loss_of, steps, rate: paint(start, loss_of, steps - 1, rate),
        "only the first step counts: loop over range(steps), clamp with copy_(), which keeps the parameter, return at the end.":
            [fixed(1), lambda start, loss_of, steps, rate: paint(start, loss_of, min(1, steps), rate)],
        "steps is not used: loop over range(steps).": [fixed(steps) for steps in (2, 5, 8, 10, 20, 50, 100)],
        "the start comes back: return the picture that was painted.": lambda start, *_: start.clone(),
        "use the learning rate that is given.": [
            partial(lambda mine, start, loss_of, steps, _: paint(start, loss_of, steps, mine), mine)
            for mine in (1e-3, 0.01, 0.05, 0.09, 0.3, 1.0)],
    }, gradient=False, advice={
        "backward through the graph a second time":
            "p = clamp(p) gives the name to another tensor, and Adam goes on moving the old one: change the numbers inside, "
            "p.copy_(st.clamp_to_box(p)) under torch.no_grad().",
        "does not require grad":
            "make the copy a parameter with requires_grad_(); p = clamp(p) puts another in its place, p.copy_() keeps it.",
        "non-leaf": "make the parameter last: start.detach().clone().requires_grad_().",
        "closure": "take torch.optim.Adam; L-BFGS wants a closure.",
        "grad can be implicitly created": "loss_of(picture) is one number: call backward() on it, not on the picture.",
        "'float' object has no attribute 'backward'": "keep the loss a tensor until backward() is done: leave out .item().",
    }),
    "weights_for_shares": Exercise("f(gradients, wish)", knobs, {
        "equal shares": partial(pulls, (4, 6), [1 / 3, 1 / 3, 1 / 3]),
        "mostly style": partial(pulls, (5, 3), [0.25, 0.625, 0.125]),
        "no smoothness": partial(pulls, (2, 7), [0.5, 0.5, 0.0]),
        "float64": partial(pulls, (3, 4), [0.125, 0.75, 0.125], torch.float64),
    }, {
        "alpha is to be 1: divide all three weights by the first.": partial(knobs, first=False),
        "alpha is to be 1: divide all three weights by the first, not by the largest.":
            lambda g, s: knobs(g, s) / knobs(g, s).max(),
        "divide the wish by the length: a term that pulls hard needs a small weight.": [
            partial(knobs, length=lambda g: 1 / g.norm(dim=1)),
            partial(knobs, length=lambda g: 1 / g.norm(dim=1), first=False)],
        "this is the reciprocal: the wish belongs above, the length below.": lambda g, s: 1 / knobs(g, s),
        "these weights add up to 1; alpha is to be 1 instead.": lambda g, s: knobs(g, s) / knobs(g, s).sum(),
        "these are the shares that equal weights have; weights are wanted.":
            lambda g, s: g.flatten(1).norm(dim=1) / g.flatten(1).norm(dim=1).sum(),
        "the length is the root of the sum of squares: take the root.": partial(knobs, length=lambda g: (g**2).sum(dim=1)),
        "the length of a gradient is the root of the sum of its squares, not the mean or sum of abs().":
            partial(knobs, length=lambda g: g.abs().sum(dim=1)),
        "the length counts all entries, not only the largest.": partial(knobs, length=lambda g: g.abs().amax(dim=1)),
        "std() takes the mean away first, and a gradient's mean pulls too: take the norm.": [
            partial(knobs, length=lambda g: g.std(dim=1)), partial(knobs, length=lambda g: g.var(dim=1))],
        "one norm over a gradient's three channels together, not the mean of three norms: flatten first.": [
            partial(knobs, length=by_channel), partial(knobs, length=lambda g: g.unflatten(1, (3, -1))[:, 0].norm(dim=1))],
        "up and down cancel in a sum or mean: the length is the root of the sum of squares.": [
            partial(knobs, length=lambda g: g.sum(dim=1)), partial(knobs, length=lambda g: g.sum(dim=1).abs())],
        "the wish is not used.": lambda g, s: knobs(g, torch.ones_like(s)),
        "the lengths cancel or are missing: each term needs the norm of its own gradient, not one norm for all three.": [
            lambda g, s: s / s[0], lambda g, s: s / g.norm(), lambda g, s: s],
    }, gradient=False, read=few_numbers),
}
# fmt: on
