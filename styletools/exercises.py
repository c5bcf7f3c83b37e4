"""The exercises that `check` knows: the right answers, the cases they are tried on, and the usual slips.

`EXERCISES`, at the end, is a table: for each exercise how the function is called, the right function, the cases, and hints,
each with the wrong function that deserves it. A new exercise is a new entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .images import MEAN, STD, clamp_to_box
from .losses import content_loss, gram_matrix, style_loss, tv_loss

Function = Callable[..., object]
Make = Callable[[], tuple]  # makes the arguments of one case, new ones at every call


class Exercise(NamedTuple):
    """One exercise: how the function is called, the right one, the cases, and {hint: the wrong function that deserves it}."""

    signature: str
    reference: Function
    cases: dict[str, Make]
    slips: dict[str, Function]
    gradient: bool = True  # whether a gradient must flow back through the function


# --- cases ---------------------------------------------------------------------------------------------------------------


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers between -3 and 3 that are the same on every machine, in any dtype: whole multiples of 1/1024."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-3072, 3073, shape, generator=generator, device="cpu").to(dtype) / 1024


def on_sizes(*shapes: Callable[[int, int, int, int], tuple[int, ...]]) -> dict[str, Make]:
    """Cases of three sizes and dtypes. shapes: one function (N, C, H, W) -> shape for each argument, all of them tensors."""

    def make(size: tuple[int, int, int, int], dtype: torch.dtype) -> tuple[Tensor, ...]:
        return tuple(numbers(*shape(*size), seed=seed, dtype=dtype) for seed, shape in enumerate(shapes))

    return {
        "one picture": partial(make, (1, 3, 4, 6), torch.float32),
        "two at once, odd sizes": partial(make, (2, 5, 3, 7), torch.float32),
        "float64": partial(make, (1, 4, 5, 3), torch.float64),
    }


def whole(n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of a feature map."""
    return n, c, h, w


def rgb(n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of a picture."""
    return n, 3, h, w


def square(n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of one Gram matrix."""
    return 1, c, c


def tapped(size: tuple[int, int, int, int], indices: list[int], dtype: torch.dtype = torch.float32) -> tuple:
    """A small network with in-place ReLUs like torchvision's, a picture, and the indices to tap."""
    sizes = [(3, 4), (4, 5), (5, 4)]
    convolutions = [nn.utils.skip_init(nn.Conv2d, i, o, 3, padding=1, dtype=dtype) for i, o in sizes]  # draws no random numbers
    for seed, convolution in enumerate(convolutions):
        convolution.requires_grad_(False)
        convolution.weight.copy_(numbers(*convolution.weight.shape, seed=seed, dtype=dtype) / 4)
        convolution.bias.copy_(numbers(*convolution.bias.shape, seed=seed, dtype=dtype) / 4)
    first, second, third = convolutions
    network = nn.Sequential(first, nn.ReLU(True), second, nn.ReLU(True), nn.MaxPool2d(2), third, nn.ReLU(True))
    return network, numbers(*size, seed=5, dtype=dtype), indices


def canvas(size: tuple[int, int, int, int], steps: int, rate: float, dtype: torch.dtype = torch.float32) -> tuple:
    """A start inside the box and a loss whose minimum is partly outside: (start, loss_of, steps, learning_rate)."""
    goal, weight = 1.2 * numbers(*size, seed=6, dtype=dtype), 1 + numbers(*size, seed=7, dtype=dtype).abs()
    start = clamp_to_box(numbers(*size, seed=8, dtype=dtype) / 2)
    return start, lambda picture: (weight * (picture - goal) ** 2).mean(), steps, rate


# --- right and wrong answers ---------------------------------------------------------------------------------------------


def extract(network: nn.Sequential, image: Tensor, indices: Iterable[int], copy: bool = True, early: int = 0) -> list[Tensor]:
    """The feature maps at `indices`, in that order; without `copy` a later in-place ReLU overwrites them."""
    found, x = {0: image}, image
    for index, module in enumerate(network, start=1):
        x = module(x)
        found[index] = x.clone() if copy else x
    return [found[index + 1 - early] for index in indices]


def covariance(
    features: Tensor, axes: tuple[int, ...] = (2, 3), divisor: Callable[..., float] = lambda c, h, w: h * w
) -> Tensor:
    """Gram matrix (N, C, C) of the features minus their mean over `axes`."""
    return gram_matrix(features - features.mean(axes, keepdim=True), "none") / divisor(*features.shape[1:])


def neighbours(image: Tensor) -> tuple[Tensor, Tensor]:
    """Differences down and across: (N, C, H - 1, W), (N, C, H, W - 1)."""
    return image.diff(dim=2), image.diff(dim=3)


def paint(
    start: Tensor, loss_of: Callable, steps: int, rate: float, optimizer: Callable = torch.optim.Adam, clamp: str = "always",
    forget: bool = False, sign: int = 1, afresh: bool = False, extra: int = 0,
) -> Tensor:  # fmt: skip
    """The training loop; its options are the slips."""
    picture = start.clone().requires_grad_()
    optimiser = optimizer([picture], lr=rate)
    for _ in range(steps + extra):
        optimiser = optimizer([picture], lr=rate) if afresh else optimiser
        if not forget:
            optimiser.zero_grad()
        (sign * loss_of(picture)).backward()
        optimiser.step()
        if clamp == "always":
            picture.data = clamp_to_box(picture.data)
        elif clamp == "unit":
            picture.data = picture.data.clamp(0, 1)
    return clamp_to_box(picture.detach()) if clamp == "last" else picture.detach()


def knobs(gradients: Tensor, wish: Tensor, length: Callable = lambda g: g.norm(dim=1), first: bool = True) -> Tensor:
    """Weights (3,) under which three gradients (3, 3, H, W) pull in the proportions `wish` (3,); the first weight is 1."""
    weights = wish / length(gradients.flatten(1))
    return weights / weights[0] if first else weights


def pulls(size: tuple[int, int], wish: list[float], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Gradients of three terms (3, 3, H, W), of very different lengths, and the shares wished for (3,)."""
    scale = torch.tensor([2.0, 0.25, 8.0], dtype=dtype).view(3, 1, 1, 1)
    return scale * numbers(3, 3, *size, seed=10, dtype=dtype), torch.tensor(wish, dtype=dtype)


def mixed(features: Tensor) -> Tensor:
    """A batch flattened into one Gram matrix of N C channels."""
    n, c, h, w = features.shape
    f = features.reshape(n * c, h * w)
    return f @ f.T / (n * c * h * w)


def pooled(features: Tensor) -> Tensor:
    """One Gram matrix (C, C) over the positions of all pictures."""
    f = features.transpose(0, 1).flatten(1)
    return f @ f.T / features.numel()


def misread(features: Tensor) -> Tensor:
    """A Gram matrix of rows that reshape() filled across channels."""
    n, c, h, w = features.shape
    f = features.reshape(n, h * w, c)
    return f.transpose(1, 2) @ f / (c * h * w)


def positions(features: Tensor) -> Tensor:
    """The Gram matrix of positions, (N, H W, H W)."""
    f = features.flatten(2)
    return f.transpose(1, 2) @ f / features[0].numel()


# --- the table: hint -> the wrong function that deserves it -------------------------------------------------------------

# fmt: off
EXERCISES: dict[str, Exercise] = {
    "unnormalize": Exercise("f(x)", lambda x: (x * STD + MEAN).clamp(0, 1), on_sizes(rgb), {
        "clip at the end, with clamp(0, 1).": lambda x: x * STD + MEAN,
        "clip to 0 .. 1, not to -1 .. 1.": lambda x: (x * STD + MEAN).clamp(-1, 1),
        "clip the finished colours: std and mean come first.": lambda x: x.clamp(0, 1) * STD + MEAN,
        "the mean is missing: add it.": lambda x: (x * STD).clamp(0, 1),
        "the std is missing: multiply by it.": lambda x: (x + MEAN).clamp(0, 1),
        "mean and std have changed places.": lambda x: (x * MEAN + STD).clamp(0, 1),
        "the wrong order: first multiply by the std, then add the mean.": lambda x: ((x + MEAN) * STD).clamp(0, 1),
        "this normalises once more: multiply by the std, then add the mean.": lambda x: ((x - MEAN) / STD).clamp(0, 1),
        "multiply by the std; do not divide.": lambda x: (x / STD + MEAN).clamp(0, 1),
        "add the mean; do not subtract it.": lambda x: (x * STD - MEAN).clamp(0, 1),
        "0 .. 1 is wanted, not 0 .. 255.": lambda x: (x * STD + MEAN).clamp(0, 1) * 255,
    }, gradient=False),
    "extract_features": Exercise("f(network, image, indices)", extract, {
        "two layers": partial(tapped, (1, 3, 6, 8), [0, 5]),
        "a convolution, its in-place ReLU, the pooling": partial(tapped, (1, 3, 5, 7), [0, 1, 4]),
        "two at once, not in order": partial(tapped, (2, 3, 6, 4), [5, 0, 3]),
        "float64": partial(tapped, (1, 3, 4, 6), [2, 6], torch.float64),
    }, {
        "an in-place ReLU has overwritten a feature map: store a clone().": partial(extract, copy=False),
        "return the feature maps in the order of indices.": lambda net, x, i: extract(net, x, sorted(i)),
        "store a clone(), which no in-place ReLU can overwrite, and keep the order of indices.":
            lambda net, x, i: extract(net, x, sorted(i), copy=False),
        "one module too early: store what comes out of module i, not what goes in.": partial(extract, early=1),
        "one module too late.": lambda net, x, i: extract(net, x, [min(k + 1, len(net) - 1) for k in i]),
        "only the features at indices are wanted.": lambda net, x, i: extract(net, x, range(len(net))),
        "the features at all indices are wanted, not only the last.": lambda net, x, i: extract(net, x, [max(i)]),
    }),
    "content_loss": Exercise("f(features, target)", content_loss, on_sizes(whole, whole), {
        "take the mean of the squares, not their sum.": lambda f, p: ((f - p) ** 2).sum(),
        "this is half the sum; the mean is wanted.": lambda f, p: ((f - p) ** 2).sum() / 2,
        "there is no half in this one.": lambda f, p: ((f - p) ** 2).mean() / 2,
        "square the differences; abs() is another loss.": lambda f, p: (f - p).abs().mean(),
        "square the differences before the mean.": lambda f, p: (f - p).mean(),
        "first square, then take the mean.": lambda f, p: (f - p).mean() ** 2,
        "no square root.": lambda f, p: ((f - p) ** 2).mean().sqrt(),
        "reduce to one number: take the mean over everything.": lambda f, p: (f - p) ** 2,
        "take the mean over the batch too, for one number in all.": lambda f, p: ((f - p) ** 2).mean((1, 2, 3)),
        "subtract first, then square: the difference of squares is another thing.": lambda f, p: (f**2 - p**2).mean(),
        "divided by H W only: the mean runs over the channels too.": lambda f, p: ((f - p) ** 2).mean((2, 3)).sum(),
    }),
    "half_sum_loss": Exercise("f(features, target)", partial(content_loss, reduction="half_sum"), on_sizes(whole, whole), {
        "you forgot the half.": lambda f, p: ((f - p) ** 2).sum(),
        "take the sum, not the mean.": lambda f, p: ((f - p) ** 2).mean() / 2,
        "half the sum is wanted; this is the mean.": lambda f, p: ((f - p) ** 2).mean(),
        "halve once, outside the square.": lambda f, p: ((f - p) ** 2).sum() / 4,
        "divide by two; this multiplies.": lambda f, p: ((f - p) ** 2).sum() * 2,
        "square the differences; abs() is another loss.": lambda f, p: (f - p).abs().sum() / 2,
        "square the differences before the sum.": lambda f, p: (f - p).sum() / 2,
        "first square, then take the sum.": lambda f, p: (f - p).sum() ** 2 / 2,
        "no square root.": lambda f, p: ((f - p) ** 2).sum().sqrt() / 2,
        "reduce to one number: take the sum over everything.": lambda f, p: (f - p) ** 2 / 2,
    }),
    "gram_matrix": Exercise("f(features)", gram_matrix, on_sizes(whole), {
        "you forgot to divide by C H W.": lambda f: gram_matrix(f, "none"),
        "divided by H W only: divide by C H W.": lambda f: gram_matrix(f, "hw"),
        "divided by C only: divide by C H W.": lambda f: gram_matrix(f, "none") / f.shape[1],
        "divided by the batch size too: divide by C H W alone.": lambda f: gram_matrix(f) / len(f),
        "transpose the second factor, f @ f^T: channels against channels, not positions against positions.": positions,
        "flattened along the wrong axes: reshape to (N, C, H W), so that each channel keeps a row of its own.": misread,
        "the axes are moved before reshape: go from (N, C, H, W) straight to (N, C, H W).":
            lambda f: gram_matrix(f.permute(0, 2, 3, 1).reshape(f.shape)),
        "the batch is mixed into one Gram matrix: keep N as the first axis.": mixed,
        "the pictures of a batch are added up: keep N as the first axis.": pooled,
        "only the first picture is used, or the batch axis is lost: return (N, C, C).": lambda f: gram_matrix(f)[0],
        "the mean is subtracted: that is the covariance.": lambda f: covariance(f) / f.shape[1],
    }),
    "covariance": Exercise("f(features)", covariance, on_sizes(whole), {
        "subtract each channel's mean first.": lambda f: gram_matrix(f, "hw"),
        "you forgot to divide by H W.": partial(covariance, divisor=lambda c, h, w: 1),
        "divide by H W, not by C H W.": partial(covariance, divisor=lambda c, h, w: c * h * w),
        "divide by H W, not by H W - 1.": partial(covariance, divisor=lambda c, h, w: h * w - 1),
        "mean over the wrong axis: over the positions, not over the channels.": partial(covariance, axes=(1,)),
        "one mean for all channels: each has its own, over its positions.": partial(covariance, axes=(1, 2, 3)),
        "the mean runs over the batch too: each picture has its own.": partial(covariance, axes=(0, 2, 3)),
        "the mean runs along the rows only: take it over H and W.": partial(covariance, axes=(3,)),
        "the mean runs down the columns only: take it over H and W.": partial(covariance, axes=(2,)),
        "the batch is mixed into one matrix: keep N as the first axis.":
            lambda f: torch.cov(f.flatten(2).flatten(0, 1), correction=0),
        "the pictures of a batch are added up: keep N as the first axis.":
            lambda f: torch.cov(f.transpose(0, 1).flatten(1), correction=0),
    }),
    "style_loss": Exercise("f(features, target_gram)", style_loss, on_sizes(whole, square), {
        "take the mean of the squares, not their sum.": lambda f, a: ((gram_matrix(f) - a) ** 2).sum(),
        "the Gram matrix is not divided by C H W.": lambda f, a: ((gram_matrix(f, "none") - a) ** 2).mean(),
        "the Gram matrix is divided by H W only: divide by C H W.": lambda f, a: ((gram_matrix(f, "hw") - a) ** 2).mean(),
        "square the differences; abs() is another loss.": lambda f, a: (gram_matrix(f) - a).abs().mean(),
        "square the differences before the mean.": lambda f, a: (gram_matrix(f) - a).mean(),
        "there is no half in this one.": lambda f, a: style_loss(f, a) / 2,
        "the quarter belongs to the paper's formula; the mean has none.": lambda f, a: style_loss(f, a) / 4,
        "divided by C H W once more, after the mean.": lambda f, a: style_loss(f, a) / f[0].numel(),
        "no square root.": lambda f, a: style_loss(f, a).sqrt(),
        "reduce to one number: take the mean over everything.": lambda f, a: (gram_matrix(f) - a) ** 2,
        "the target is a Gram matrix already: compare with it as it is.":
            lambda f, a: ((gram_matrix(f) - gram_matrix(a[..., None])) ** 2).mean(),
        "the target is divided by C H W already.": lambda f, a: ((gram_matrix(f) - a / f[0].numel()) ** 2).mean(),
    }),
    "tv_loss": Exercise("f(image)", tv_loss, on_sizes(rgb), {
        "you forgot the half.": lambda x: 2 * tv_loss(x),
        "take the means, not the sums.": lambda x: sum(d.abs().sum() for d in neighbours(x)) / 2,
        "take the means, not the sums, and half of them.": lambda x: sum(d.abs().sum() for d in neighbours(x)),
        "take abs() of the differences, not their squares.": lambda x: tv_loss(x, "squared") / 2,
        "take abs() of the differences, not their squares, and half of the means.": lambda x: tv_loss(x, "squared"),
        "take abs() of the differences, else up and down cancel.": lambda x: sum(d.mean() for d in neighbours(x)) / 2,
        "the differences across (dx) are missing.": lambda x: neighbours(x)[0].abs().mean() / 2,
        "the differences down (dy) are missing.": lambda x: neighbours(x)[1].abs().mean() / 2,
        "roll() joins opposite borders: take slices.": lambda x: sum((x - x.roll(1, k)).abs().mean() / 2 for k in (2, 3)),
        "wrong axes: H is axis 2 and W axis 3.": lambda x: sum(x.diff(dim=k).abs().mean() / 2 for k in (1, 2)),
    }),
    "tv_squared": Exercise("f(image)", partial(tv_loss, convention="squared"), on_sizes(rgb), {
        "there is no half in this one.": lambda x: tv_loss(x, "squared") / 2,
        "take the means, not the sums.": lambda x: sum((d**2).sum() for d in neighbours(x)),
        "square the differences; abs() is the other one.": lambda x: 2 * tv_loss(x),
        "square the differences; half of abs() is the other one.": tv_loss,
        "square the differences, else up and down cancel.": lambda x: sum(d.mean() for d in neighbours(x)),
        "square first, then take the mean.": lambda x: sum(d.mean() ** 2 for d in neighbours(x)),
        "the differences across (dx) are missing.": lambda x: (neighbours(x)[0] ** 2).mean(),
        "the differences down (dy) are missing.": lambda x: (neighbours(x)[1] ** 2).mean(),
        "no square root.": lambda x: tv_loss(x, "squared").sqrt(),
        "roll() joins opposite borders: take slices.": lambda x: sum(((x - x.roll(1, k)) ** 2).mean() for k in (2, 3)),
        "wrong axes: H is axis 2 and W axis 3.": lambda x: sum((x.diff(dim=k) ** 2).mean() for k in (1, 2)),
    }),
    "paint": Exercise("f(start, loss_of, steps, learning_rate)", paint, {
        "one step": partial(canvas, (1, 3, 4, 6), 1, 0.1),
        "twelve steps, often against the box": partial(canvas, (1, 3, 5, 3), 12, 0.5),
        "two at once, float64": partial(canvas, (2, 3, 3, 4), 9, 0.4, torch.float64),
        "no step": partial(canvas, (1, 3, 3, 3), 0, 0.1),
    }, {
        "clamp to the box after every step.": partial(paint, clamp="never"),
        "clamp after every step, not once at the end.": partial(paint, clamp="last"),
        "clamp with st.clamp_to_box: 0 .. 1 is the box of pictures that are not normalised.": partial(paint, clamp="unit"),
        "gradients add up: call zero_grad() at every step.": partial(paint, forget=True),
        "take Adam, not SGD.": partial(paint, optimizer=torch.optim.SGD),
        "this climbs: step down the loss, not down its negative.": partial(paint, sign=-1),
        "make the optimiser once, before the loop, or it forgets its averages.": partial(paint, afresh=True),
        "one step too many.": partial(paint, extra=1),
        "one step too few.": partial(paint, extra=-1),
        "only the first step counts: loop over range(steps), and clamp with copy_(), which keeps the parameter.":
            lambda start, loss_of, steps, rate: paint(start, loss_of, 1, rate),
        "the start comes back: return the picture that was painted.": lambda start, *_: start.clone(),
        "use the learning rate that is given.": lambda start, loss_of, steps, _: paint(start, loss_of, steps, 1e-3),
    }, gradient=False),
    "weights_for_shares": Exercise("f(gradients, wish)", knobs, {
        "equal shares": partial(pulls, (4, 6), [1 / 3, 1 / 3, 1 / 3]),
        "mostly style": partial(pulls, (5, 3), [0.25, 0.625, 0.125]),
        "no smoothness": partial(pulls, (2, 7), [0.5, 0.5, 0.0]),
        "float64": partial(pulls, (3, 4), [0.125, 0.75, 0.125], torch.float64),
    }, {
        "alpha is to be 1: divide all three weights by the first.": partial(knobs, first=False),
        "divide the wish by the length: a term that pulls hard needs a small weight.":
            partial(knobs, length=lambda g: 1 / g.norm(dim=1)),
        "this is the reciprocal: the wish belongs above, the length below.": lambda g, s: 1 / knobs(g, s),
        "these weights add up to 1; alpha is to be 1 instead.": lambda g, s: knobs(g, s) / knobs(g, s).sum(),
        "these are the shares that equal weights have; weights are wanted.":
            lambda g, s: g.flatten(1).norm(dim=1) / g.flatten(1).norm(dim=1).sum(),
        "the length is the root of the sum of squares: take the root.": partial(knobs, length=lambda g: (g**2).sum(dim=1)),
        "the length is g.norm(), not the mean or sum of abs().": partial(knobs, length=lambda g: g.abs().sum(dim=1)),
        "the length counts all entries, not only the largest.": partial(knobs, length=lambda g: g.abs().amax(dim=1)),
        "the wish is not used.": lambda g, s: knobs(g, torch.ones_like(s)),
        "the gradients are not used.": lambda g, s: s / s[0],
        "one length for all: each term has its own.": lambda g, s: s / g.norm(),
    }, gradient=False),
}
# fmt: on
