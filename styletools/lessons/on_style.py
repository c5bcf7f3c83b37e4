"""Exercises of lessons 04 and 06 on style: the right functions, their cases, and hints for the usual slips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from ..losses import gram_matrix, style_loss
from .calling import by_layer
from .cases import on_sizes, square, two_painters, whole
from .judging import Exercise


def covariance(
    features: Tensor, axes: tuple[int, ...] = (2, 3), divisor: Callable[..., float] = lambda c, h, w: h * w
) -> Tensor:
    """Gram matrix (N, C, C) of the features minus their mean over `axes`."""
    return gram_matrix(features - features.mean(axes, keepdim=True), "none") / divisor(*features.shape[1:])


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


def apart(f: Tensor, a: Tensor, divide_by: str = "chw", of: Callable[[Tensor], Tensor] = torch.sum) -> Tensor:
    """The squared differences between the Gram matrix and its target, added up or what `of` does."""
    return of((gram_matrix(f, divide_by) - a) ** 2)


def mix_targets(first: Mapping[str, Tensor], second: Mapping[str, Tensor], part: float) -> dict[str, Tensor]:
    """Between two painters: `part` of the second's Gram matrices and the rest of the first's."""
    return {layer: (1 - part) * first[layer] + part * second[layer] for layer in first}


def each(rule: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., dict[str, Tensor]]:
    """A mixture by another rule."""
    return lambda first, second, part: {layer: rule(first[layer], second[layer], part) for layer in first}


# hint -> the wrong function that deserves it, or several
# fmt: off
EXERCISES: dict[str, Exercise] = {
    "gram_matrix": Exercise("f(features)", gram_matrix, on_sizes(whole), {
        "you forgot to divide by C H W.": lambda f: gram_matrix(f, "none"),
        "divided by H W only: divide by C H W.": lambda f: gram_matrix(f, "hw"),
        "divided by C only: divide by C H W.": lambda f: gram_matrix(f, "none") / f.shape[1],
        "brackets are missing: G / c * h * w divides by c and multiplies by h and w; write G / (c * h * w).": [
            lambda f: gram_matrix(f, "none") / f.shape[1] * f.shape[2] * f.shape[3],
            lambda f: gram_matrix(f, "none") / f.shape[1] * f.shape[2] / f.shape[3]],
        "divided by the batch size too: divide by C H W alone.": [
            lambda f: gram_matrix(f) / len(f), lambda f: gram_matrix(f, "none") / f.numel()],
        "divided by C^2: divide by C H W, the size of the features, not of the matrix.": [
            lambda f: gram_matrix(f, "none") / f.shape[1] ** 2, lambda f: gram_matrix(f) / f.shape[1] ** 2],
        "the paper's 2 C H W belongs into its loss: divide by C H W.": lambda f: gram_matrix(f) / 2,
        "transpose the second factor, f @ f^T: channels against channels, not positions against positions.": positions,
        "flattened along the wrong axes: reshape to (N, C, H W), so that each channel keeps a row of its own.": misread,
        "the axes are moved before reshape: go from (N, C, H, W) straight to (N, C, H W).":
            lambda f: gram_matrix(f.permute(0, 2, 3, 1).reshape(f.shape)),
        "the batch is mixed into one Gram matrix: keep N as the first axis.": mixed,
        "the pictures of a batch are added up: keep N as the first axis.": [
            pooled, lambda f: pooled(f) * len(f), lambda f: gram_matrix(f).sum(0, keepdim=True),
            lambda f: gram_matrix(f).mean(0, keepdim=True)],
        "only the first picture is used, or the batch axis is lost: return (N, C, C).": [
            lambda f: gram_matrix(f)[0], lambda f: gram_matrix(f)[:1]],
        "the mean is subtracted: that is the covariance.": [
            lambda f: covariance(f) / f.shape[1], covariance],
        "the lengths are divided out: these are cosines, not inner products.": lambda f: gram_matrix(
            torch.nn.functional.normalize(f.flatten(2), dim=2)[..., None], "none"),
    }),
    "covariance": Exercise("f(features)", covariance, on_sizes(whole), {
        "subtract each channel's mean first.": lambda f: gram_matrix(f, "hw"),
        "subtract each channel's mean first, and divide by H W, not by C H W.": gram_matrix,
        "you forgot to divide by H W.": partial(covariance, divisor=lambda c, h, w: 1),
        "divide by H W, not by C H W.": partial(covariance, divisor=lambda c, h, w: c * h * w),
        "divide by H W, not by H W - 1.": partial(covariance, divisor=lambda c, h, w: h * w - 1),
        "brackets are missing: / h * w divides by h and multiplies by w; write / (h * w).":
            partial(covariance, divisor=lambda c, h, w: h / w),
        "mean over the wrong axis: over the positions, not over the channels.": partial(covariance, axes=(1,)),
        "one mean for all channels: each has its own, over its positions.": [
            partial(covariance, axes=(1, 2, 3)), partial(covariance, axes=(0, 1, 2, 3))],
        "the mean runs over the batch too: each picture has its own.": partial(covariance, axes=(0, 2, 3)),
        "the mean runs along the rows only: take it over H and W.": partial(covariance, axes=(3,)),
        "the mean runs down the columns only: take it over H and W.": partial(covariance, axes=(2,)),
        "subtract the mean from both factors, and divide the product by H W once.":
            lambda f: covariance(f) - f.mean((2, 3))[:, :, None] @ f.mean((2, 3))[:, None],
        "the mean times itself is missing a division: subtract mu mu^T from G / H W, not from G.":
            lambda f: (gram_matrix(f, "none") - f.mean((2, 3))[:, :, None] @ f.mean((2, 3))[:, None]) / f[0, 0].numel(),
        "the variances are divided out: this is the correlation.": lambda f: covariance(f) / (
            covariance(f).diagonal(dim1=1, dim2=2).sqrt()[:, :, None] * covariance(f).diagonal(dim1=1, dim2=2).sqrt()[:, None]),
        "the batch is mixed into one matrix: keep N as the first axis.":
            lambda f: torch.cov(f.flatten(2).flatten(0, 1), correction=0),
        "the pictures of a batch are added up: keep N as the first axis.":
            lambda f: torch.cov(f.transpose(0, 1).flatten(1), correction=0),
        "only the first picture is used, or the batch axis is lost: return (N, C, C).": [
            lambda f: covariance(f)[0], lambda f: covariance(f)[:1]],
    }),
    "style_loss": Exercise("f(features, target_gram)", style_loss, on_sizes(whole, square), {
        "take the mean of the squares, not their sum.": apart,
        "the Gram matrix is not divided by C H W.": lambda f, a: apart(f, a, "none", torch.mean),
        "the Gram matrix is not divided by C H W, and the squares are added up: take their mean.":
            partial(apart, divide_by="none"),
        "the Gram matrix is divided by H W only: divide by C H W.": lambda f, a: apart(f, a, "hw", torch.mean),
        "square the differences; abs() is another loss.": lambda f, a: (gram_matrix(f) - a).abs().mean(),
        "square the differences before the mean.": lambda f, a: (gram_matrix(f) - a).mean(),
        "first square, then take the mean.": lambda f, a: (gram_matrix(f) - a).mean() ** 2,
        "there is no half in this one.": lambda f, a: style_loss(f, a) / 2,
        "the quarter belongs to the paper's formula; the mean has none.": [
            lambda f, a: style_loss(f, a) / 4, lambda f, a: apart(f, a) / 4, lambda f, a: apart(f, a) / (4 * f.shape[1] ** 2)],
        "the paper's formula divides by 4 C^2 (H W)^2; here the Gram matrix is divided by C H W and the mean does the rest.": [
            lambda f, a: apart(f, a, "none") / (4 * f[0].numel() ** 2),
            lambda f, a: apart(f, a) / (4 * f[0].numel() ** 2)],
        "the relative loss divides by the target; here take the mean.": [
            lambda f, a: apart(f, a) / (a**2).sum(), lambda f, a: apart(f, a, "hw") / (a**2).sum(),
            lambda f, a: apart(f, a) / (a**2).sum() / len(f)],
        "divided by C^2 only: a batch has N matrices, and the mean runs over all of them.":
            lambda f, a: apart(f, a) / f.shape[1] ** 2,
        "only the first picture of the batch is used.": [
            lambda f, a: style_loss(f[:1], a), lambda f, a: apart(f[:1], a)],
        "the Gram matrices of the batch are averaged first: compare each with the target.":
            lambda f, a: ((gram_matrix(f).mean(0) - a) ** 2).mean(),
        "divided by C H W once more, after the mean.": lambda f, a: style_loss(f, a) / f[0].numel(),
        "no square root.": [lambda f, a: style_loss(f, a).sqrt(), lambda f, a: apart(f, a).sqrt()],
        "reduce to one number: take the mean over everything.": lambda f, a: (gram_matrix(f) - a) ** 2,
        "take the mean over the batch too, for one number in all.": lambda f, a: ((gram_matrix(f) - a) ** 2).mean((1, 2)),
        "the target is a Gram matrix already: compare with it as it is.":
            lambda f, a: ((gram_matrix(f) - gram_matrix(a[..., None])) ** 2).mean(),
        "the target is divided by C H W already.": lambda f, a: ((gram_matrix(f) - a / f[0].numel()) ** 2).mean(),
        "the covariance is another statistic: compare Gram matrices.": [
            lambda f, a: ((covariance(f) - a) ** 2).mean(), lambda f, a: ((covariance(f) / f.shape[1] - a) ** 2).mean()],
    }),
    "mix_targets": Exercise("f(first, second, part)", mix_targets, {
        "a quarter of the second": partial(two_painters, 0.25, {"relu1_1": 3, "relu2_1": 4}),
        "all of the first": partial(two_painters, 0.0, {"relu1_1": 2, "relu2_1": 3}),
        "all of the second": partial(two_painters, 1.0, {"relu1_1": 2, "relu2_1": 3}),
        "three layers, float64": partial(two_painters, 0.625, {"relu3_1": 4, "relu1_1": 2, "relu5_1": 3}, torch.float64),
    }, {
        "part belongs to the second, and 1 - part to the first.": lambda a, b, part: mix_targets(b, a, part),
        "the first needs the weight 1 - part, so that the two add up to 1.": [
            each(lambda a, b, part: a + part * b), each(lambda a, b, part: part * a + part * b),
            each(lambda a, b, part: a + b)],
        "the second needs the weight part, so that the two add up to 1.": each(lambda a, b, part: (1 - part) * a + b),
        "part is not used: half of each is only one of the mixtures.": each(lambda a, b, part: (a + b) / 2),
        "halved besides: part and 1 - part add up to 1 already.": each(lambda a, b, part: ((1 - part) * a + part * b) / 2),
        "the second painter is missing.": [each(lambda a, b, part: a), each(lambda a, b, part: (1 - part) * a)],
        "the first painter is missing.": [each(lambda a, b, part: b), each(lambda a, b, part: part * b)],
        "add the two, weighted; subtracting takes the second away.": [
            each(lambda a, b, part: (1 - part) * a - part * b), each(lambda a, b, part: a - part * b)],
        "brackets: a + part * (b - a), and no other sign.": [
            each(lambda a, b, part: a + part * (a - b)), each(lambda a, b, part: b + part * (b - a))],
        "add weighted matrices; a product mixes otherwise.": each(
            lambda a, b, part: a.abs() ** (1 - part) * b.abs() ** part),
        "take no maximum and no choice: every entry is a weighted sum.": [
            each(lambda a, b, part: torch.maximum(a, b)), each(lambda a, b, part: b if part > 0.5 else a),
            each(lambda a, b, part: b if part >= 0.5 else a)],
    }, gradient=False, read=by_layer, advice={
        "unsupported operand": "a dict cannot be multiplied: go through its layers, and multiply their tensors.",
        "KeyError": "go through the layers of the dicts, for layer in first, whatever they are called.",
        "a list": "return a dict with the names of the layers as its keys.",
        "dictionary changed": "fill a new dict; first and second stay as they are.",
    }),
}
# fmt: on
