"""Exercises of lessons 01 to 03, on pictures and features: the right functions, their cases, and hints for the usual slips."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from ..images import MEAN, STD
from ..losses import content_loss
from .cases import masked, numbers, on_sizes, rgb, tapped, whole
from .judging import Exercise


def extract(network: nn.Sequential, image: Tensor, indices: Iterable[int], copy: bool = True, early: int = 0) -> list[Tensor]:
    """The feature maps at `indices`, in that order; without `copy` a later in-place ReLU overwrites them."""
    found, x = {0: image}, image
    for index, module in enumerate(network, start=1):
        x = module(x)
        found[index] = x.clone() if copy else x
    return [found[index + 1 - early] for index in indices]


def without_last(network: nn.Sequential, image: Tensor, indices: list[int], copy: bool = True) -> list[Tensor]:
    """What is found when the loop ends before the deepest module."""
    found, x = {}, image
    for index, module in enumerate(network[: max(indices)]):
        x = module(x)
        found[index] = x.clone() if copy else x
    return [found[index] for index in indices if index in found]


def masked_content_loss(features: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The mean of the squared differences where the mask (1, 1, H, W) is 1: a scalar."""
    squared = (features - target) ** 2 * mask  # (1, C, H, W)
    return squared.sum() / (mask.sum() * features.shape[1])


def stretched(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Least number to 0, largest to 1."""
    low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
    return (x - low) / (high - low)


# hint -> the wrong function that deserves it, or several
# fmt: off
EXERCISES: dict[str, Exercise] = {
    "unnormalize": Exercise("f(x)", lambda x: (x * STD + MEAN).clamp(0, 1), on_sizes(rgb, fill=numbers), {
        "clip at the end, with clamp(0, 1).": lambda x: x * STD + MEAN,
        "clip to 0 .. 1, not to -1 .. 1.": lambda x: (x * STD + MEAN).clamp(-1, 1),
        "clip the finished colours: std and mean come first.": [
            lambda x: x.clamp(0, 1) * STD + MEAN, lambda x: x.clamp(-1, 1) * STD + MEAN],
        "the mean is missing: add it.": lambda x: (x * STD).clamp(0, 1),
        "the std is missing: multiply by it.": lambda x: (x + MEAN).clamp(0, 1),
        "std and mean are missing: clipping alone does not bring the colours back.": lambda x: x.clamp(0, 1),
        "mean and std have changed places.": lambda x: (x * MEAN + STD).clamp(0, 1),
        "the wrong order: first multiply by the std, then add the mean.": lambda x: ((x + MEAN) * STD).clamp(0, 1),
        "this normalises once more: multiply by the std, then add the mean.": lambda x: ((x - MEAN) / STD).clamp(0, 1),
        "multiply by the std; do not divide.": lambda x: (x / STD + MEAN).clamp(0, 1),
        "add the mean; do not subtract it.": lambda x: (x * STD - MEAN).clamp(0, 1),
        "0 .. 1 is wanted, not 0 .. 255.": [
            lambda x: (x * STD + MEAN).clamp(0, 1) * 255, lambda x: ((x * STD + MEAN) * 255).clamp(0, 255)],
        "numbers from 0 to 1 are wanted, no bytes: leave 255 and the rounding out.": [
            lambda x: ((x * STD + MEAN).clamp(0, 1) * 255).round(), lambda x: ((x * STD + MEAN).clamp(0, 1) * 255).floor()],
        "the least and the largest number of a picture are not black and white: use mean and std, the same for every picture.":
            [partial(stretched, axes=axes) for axes in ((0, 1, 2, 3), (1, 2, 3), (2, 3), (0, 2, 3))],
        "mean and std of ImageNet are not 0.5: each channel has its own two numbers.": [
            lambda x: (x * 0.5 + 0.5).clamp(0, 1), lambda x: x * 0.5 + 0.5],
        "each channel has its own mean and std: shape them (1, 3, 1, 1).": [
            lambda x: (x * STD.mean() + MEAN.mean()).clamp(0, 1), lambda x: (x * STD[:, :1] + MEAN[:, :1]).clamp(0, 1)],
        "the channels have changed places: red comes first.": lambda x: (x.flip(1) * STD + MEAN).clamp(0, 1),
        "only the first picture comes back: keep the whole batch.": [
            lambda x: (x[:1] * STD + MEAN).clamp(0, 1), lambda x: (x[0] * STD[0] + MEAN[0]).clamp(0, 1)],
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
        "one module too early: store what comes out of module i, not what goes in.": [
            partial(extract, early=1), partial(extract, early=1, copy=False)],
        "one module too late.": lambda net, x, i: extract(net, x, [min(k + 1, len(net) - 1) for k in i]),
        "only the features at indices are wanted.": [
            lambda net, x, i: extract(net, x, range(len(net))), lambda net, x, i: extract(net, x, range(max(i) + 1))],
        "the features at all indices are wanted, not only the last.": [
            lambda net, x, i: extract(net, x, [max(i)]), lambda net, x, i: extract(net, x, i[-1:])],
        "the features at all indices are wanted, not only the first.": [
            lambda net, x, i: extract(net, x, i[:1]), lambda net, x, i: extract(net, x, [min(i)])],
        "the deepest layer is missing: a slice leaves out its end, so take network[: max(indices) + 1].": [
            without_last, partial(without_last, copy=False), lambda net, x, i: without_last(net, x, sorted(i))],
    }, advice={
        "KeyError": "the loop ended before the deepest index: a slice leaves out its end, so take network[: max(indices) + 1].",
        "IndexError": "a list of stored maps has places 0, 1, 2, not the numbers of modules: store them in a dict.",
        "expected input": "feed each module what the module before it returned: x = module(x).",
    }),
    "content_loss": Exercise("f(features, target)", content_loss, on_sizes(whole, whole), {
        "take the mean of the squares, not their sum.": lambda f, p: ((f - p) ** 2).sum(),
        "this is half the sum; the mean is wanted.": lambda f, p: ((f - p) ** 2).sum() / 2,
        "there is no half in this one.": lambda f, p: ((f - p) ** 2).mean() / 2,
        "square the differences; abs() is another loss.": lambda f, p: (f - p).abs().mean(),
        "square the differences before the mean.": lambda f, p: (f - p).mean(),
        "first square, then take the mean.": lambda f, p: (f - p).mean() ** 2,
        "no square root.": [lambda f, p: ((f - p) ** 2).mean().sqrt(), lambda f, p: ((f - p) ** 2).sum().sqrt()],
        "reduce to one number: take the mean over everything.": lambda f, p: (f - p) ** 2,
        "take the mean over the batch too, for one number in all.": lambda f, p: ((f - p) ** 2).mean((1, 2, 3)),
        "subtract first, then square: the difference of squares is another thing.": lambda f, p: (f**2 - p**2).mean(),
        "divided by H W only: the mean runs over the channels too.": [
            lambda f, p: ((f - p) ** 2).mean((2, 3)).sum(), lambda f, p: ((f - p) ** 2).sum() / f[0, 0].numel()],
        "divided by C H W only: a batch has N times as many numbers, and the mean runs over all of them.":
            lambda f, p: ((f - p) ** 2).sum() / f[0].numel(),
        "divided by C only: the mean runs over the positions too.": lambda f, p: ((f - p) ** 2).sum() / f.shape[1],
        "divided by the batch only: the mean runs over channels and positions too.": lambda f, p: ((f - p) ** 2).sum() / len(f),
        "divided twice: mean() divides already.": lambda f, p: ((f - p) ** 2).mean() / f[0].numel(),
        "only the first picture of the batch is used.": lambda f, p: ((f[0] - p[0]) ** 2).mean(),
        "the relative loss divides by the target; here divide by the number of features only.": [
            lambda f, p: content_loss(f, p, "relative"), lambda f, p: ((f - p) ** 2).mean() / p.std() ** 2],
        "add nothing up: subtract the target, f - p.": lambda f, p: ((f + p) ** 2).mean(),
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
        "no square root.": [lambda f, p: ((f - p) ** 2).sum().sqrt() / 2, lambda f, p: (((f - p) ** 2).sum() / 2).sqrt()],
        "reduce to one number: take the sum over everything.": lambda f, p: (f - p) ** 2 / 2,
        "add up the pictures too, for one number in all.": lambda f, p: ((f - p) ** 2).sum((1, 2, 3)) / 2,
        "divided by the batch too: the sum runs over all pictures.": lambda f, p: ((f - p) ** 2).sum() / 2 / len(f),
        "divided by H W: a sum is divided by nothing but the two.": lambda f, p: ((f - p) ** 2).mean((2, 3)).sum() / 2,
        "divided by C: a sum is divided by nothing but the two.": lambda f, p: ((f - p) ** 2).mean(1).sum() / 2,
        "only the first picture of the batch is used.": lambda f, p: ((f[0] - p[0]) ** 2).sum() / 2,
        "subtract first, then square: the difference of squares is another thing.": lambda f, p: (f**2 - p**2).sum() / 2,
        "add nothing up before the square: subtract the target, f - p.": lambda f, p: ((f + p) ** 2).sum() / 2,
    }),
    "masked_content_loss": Exercise("f(features, target, mask)", masked_content_loss, {
        "a mask of half the positions": partial(masked, (1, 4, 6, 5), 0.5),
        "a small mask": partial(masked, (1, 3, 5, 7), 0.1),
        "a mask of ones": partial(masked, (1, 5, 4, 3), 1.0),
        "float64": partial(masked, (1, 2, 4, 6), 0.25, torch.float64),
    }, {
        "the mask is not used.": lambda f, p, m: content_loss(f, p),
        "divide by what is under the mask, mask.sum() * C, not by everything.": lambda f, p, m: ((f - p) ** 2 * m).mean(),
        "divide by C too: the mask counts positions, and each has C features.":
            lambda f, p, m: ((f - p) ** 2 * m).sum() / m.sum(),
        "divide by the number of features under the mask, mask.sum() * C.": lambda f, p, m: ((f - p) ** 2 * m).sum(),
        "half the sum is another convention: divide by mask.sum() * C.": lambda f, p, m: ((f - p) ** 2 * m).sum() / 2,
        "there is no half in this one.": lambda f, p, m: masked_content_loss(f, p, m) / 2,
        "the mask is the wrong way round: 1 holds the content, 0 lets it go.": [
            lambda f, p, m: masked_content_loss(f, p, 1 - m),
            lambda f, p, m: ((f - p) ** 2 * (1 - m)).sum() / m.sum() / f.shape[1]],
        "mask the differences, not one of the two alone.": [
            lambda f, p, m: content_loss(f * m, p), lambda f, p, m: content_loss(f, p * m),
            lambda f, p, m: ((f * m - p) ** 2).sum() / m.sum() / f.shape[1],
            lambda f, p, m: ((f - p * m) ** 2).sum() / m.sum() / f.shape[1]],
        "divided by C only: divide by the number of positions under the mask too.": [
            lambda f, p, m: ((f - p) ** 2 * m).sum() / f.shape[1], lambda f, p, m: ((f - p) ** 2 * m).mean(1).sum()],
        "multiply by the mask before you add up, and divide by mask.sum() * C.": [
            lambda f, p, m: content_loss(f, p) * m.mean(), lambda f, p, m: content_loss(f, p) * m.sum(),
            lambda f, p, m: content_loss(f, p) / m.mean(), lambda f, p, m: content_loss(f, p) / m.sum()],
        "divided by H W too: mask.sum() counts the positions already.":
            lambda f, p, m: masked_content_loss(f, p, m) / m.numel(),
        "square the differences; abs() is another loss.": lambda f, p, m: ((f - p).abs() * m).sum() / m.sum() / f.shape[1],
        "square the differences before you add them up.": [
            lambda f, p, m: ((f - p) * m).sum() / m.sum() / f.shape[1],
            lambda f, p, m: (((f - p) * m).sum() / m.sum() / f.shape[1]) ** 2],
        "no square root.": lambda f, p, m: masked_content_loss(f, p, m).sqrt(),
        "reduce to one number: add up, then divide by mask.sum() * C.": [
            lambda f, p, m: (f - p) ** 2 * m, lambda f, p, m: (f - p) ** 2 * m / (m.sum() * f.shape[1])],
    }),
}
# fmt: on
