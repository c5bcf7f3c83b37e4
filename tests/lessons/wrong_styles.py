"""Wrong functions on style: the exercise, the function, words of the hint or verdict that it must earn."""

import torch
from right_answers import covariance, gram_matrix, maps, mix_targets, style_distance, style_loss
from torch.nn import functional as nnf

import styletools as st


def tutorial_gram(f):
    a, b, c, d = f.size()
    features = f.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


def wrongly_flattened(f):
    n, c, h, w = f.shape
    x = f.permute(0, 2, 3, 1).reshape(n, c, h * w)
    return x @ x.mT / (c * h * w)


def reshaped_rows(f):
    n, c, h, w = f.shape
    x = f.reshape(n, h * w, c)
    return x.mT @ x / (c * h * w)


def without_brackets(f):
    n, c, h, w = f.shape
    x = f.reshape(n, c, h * w)
    return x @ x.mT / c * h * w


def of_the_lesson(f, a):
    x = f[0].flatten(1)
    g = x @ x.T / x.numel()
    return ((g - a) ** 2).mean()


def subtracted(f, axes):
    x = f - f.mean(dim=axes, keepdim=True)
    return x.flatten(2) @ x.flatten(2).mT / x[0, 0].numel()


def scaled(function, factor):
    return lambda *arguments: function(*arguments) * factor(*arguments)


def raw(f):
    return gram_matrix(f) * f[0].numel()


def last_layer_only(first, second, part):
    for layer in first:
        mixed = {layer: (1 - part) * first[layer] + part * second[layer]}
    return mixed


def into_the_first(first, second, part):
    for layer in first:
        first[layer] = (1 - part) * first[layer] + part * second[layer]
    return first


def in_place(first, second, part):
    return {layer: first[layer].mul_(1 - part).add_(part * second[layer]) for layer in first}


WRONG = [
    ("gram_matrix", raw, "forgot to divide"),
    ("gram_matrix", scaled(gram_matrix, lambda f: f.shape[1]), "divided by H W only"),
    ("gram_matrix", scaled(gram_matrix, lambda f: f.shape[2] * f.shape[3]), "divided by C only"),
    ("gram_matrix", without_brackets, "brackets are missing"),
    ("gram_matrix", lambda f: f.flatten(2).mT @ f.flatten(2) / f[0].numel(), "transpose the second factor"),
    ("gram_matrix", reshaped_rows, "along the wrong axes"),
    ("gram_matrix", tutorial_gram, "mixed into one"),
    ("gram_matrix", lambda f: torch.einsum("nchw,ndhw->cd", f, f) / f.numel(), "added up"),
    ("gram_matrix", lambda f: gram_matrix(f) / f.shape[0], "batch size"),
    ("gram_matrix", lambda f: gram_matrix(f - f.mean((2, 3), keepdim=True)), "covariance"),
    ("gram_matrix", lambda f: gram_matrix(f)[0], "batch axis"),
    ("gram_matrix", lambda f: gram_matrix(f.detach()), "no gradient flows"),
    ("gram_matrix", lambda f: f.flatten(2) @ f.flatten(2).detach().mT / f[0].numel(), "detached"),
    ("gram_matrix", lambda f: gram_matrix(f.relu_()), "work on a copy"),
    ("gram_matrix", wrongly_flattened, "axes are moved before reshape"),
    ("gram_matrix", lambda f: gram_matrix(f).float(), "keep the dtype"),
    ("gram_matrix", lambda f: f @ f.mT / f[0].numel(), "shape"),
    ("covariance", scaled(gram_matrix, lambda f: f.shape[1]), "subtract each channel's mean"),
    ("covariance", gram_matrix, "subtract each channel's mean first, and divide"),
    ("covariance", scaled(covariance, lambda f: f[0, 0].numel()), "forgot to divide by H W"),
    ("covariance", scaled(covariance, lambda f: 1 / f.shape[1]), "not by C H W"),
    ("covariance", scaled(covariance, lambda f: f[0, 0].numel() / (f[0, 0].numel() - 1)), "H W - 1"),
    ("covariance", lambda f: torch.stack([torch.cov(x.flatten(1)) for x in f]), "H W - 1"),
    ("covariance", lambda f: subtracted(f, 1), "wrong axis"),
    ("covariance", lambda f: subtracted(f, (1, 2, 3)), "one mean for all channels"),
    ("covariance", lambda f: subtracted(f, (0, 2, 3)), "over the batch too"),
    ("covariance", lambda f: subtracted(f, 3), "rows only"),
    ("covariance", lambda f: torch.cov(f.transpose(0, 1).flatten(1), correction=0), "added up"),
    ("covariance", lambda f: covariance(f)[0], "batch axis"),
    ("covariance", lambda f: torch.stack([torch.corrcoef(x.flatten(1)) for x in f]), "correlation"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).pow(2).sum(), "not their sum"),
    ("style_loss", lambda f, a: (raw(f) - a).pow(2).mean(), "not divided by C H W"),
    ("style_loss", lambda f, a: (gram_matrix(f) * f.shape[1] - a).pow(2).mean(), "H W only"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).abs().mean(), "abs"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).mean(), "square the differences before"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).pow(2).mean() / 4, "quarter"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).pow(2), "one number"),
    ("style_loss", lambda f, a: (gram_matrix(f).detach() - a).pow(2).mean(), "no gradient flows"),
    ("style_loss", of_the_lesson, "only the first picture"),
    ("style_loss", lambda f, a: ((gram_matrix(f) - a) ** 2).sum() / f.shape[1] ** 2, "a batch has N matrices"),
    ("style_loss", lambda f, a: ((gram_matrix(f) - a) ** 2).sum() / (a**2).sum(), "relative"),
    ("style_loss", lambda f, a: ((raw(f) - a) ** 2).sum() / (4 * f[0].numel() ** 2), "paper's formula"),
    ("style_loss", lambda f, a: style_loss(f, gram_matrix(a)), "shape|unpack|print"),
    ("mix_targets", lambda a, b, t: mix_targets(b, a, t), "part belongs to the second"),
    ("mix_targets", lambda a, b, t: {k: a[k] + t * b[k] for k in a}, "the first needs the weight"),
    ("mix_targets", lambda a, b, t: {k: a[k] + b[k] for k in a}, "the first needs the weight"),
    ("mix_targets", lambda a, b, t: {k: (a[k] + b[k]) / 2 for k in a}, "part is not used"),
    ("mix_targets", last_layer_only, "make the dict before the loop"),
    ("mix_targets", into_the_first, "it changed its input"),
    ("mix_targets", in_place, "it changed its input"),
    ("mix_targets", lambda a, b, t: [(1 - t) * a[k] + t * b[k] for k in a], "return a dict"),
    ("mix_targets", lambda a, b, t: (1 - t) * a + t * b, "go through its layers"),
    ("mix_targets", lambda a, b, t: {**a, **b}, "WRONG"),
    ("mix_targets", lambda a, b, t: {k: (1 - t) * a[k] - t * b[k] for k in a}, "subtracting"),
    ("mix_targets", lambda a, b, t: {"relu1_1": (1 - t) * a["relu1_1"] + t * b["relu1_1"]}, "expected the layers"),
    ("mix_targets", lambda a, b, t: {k: float(a[k].sum()) for k in a}, "keep the tensor"),
    ("mix_targets", lambda a, b: a, "call it as f(first, second, part)"),
    ("style_distance", lambda x, y: float(((x - y) ** 2).mean()), "compare Gram matrices"),
    ("style_distance", lambda x, y: nnf.mse_loss(maps(x), maps(y)), "compare Gram matrices"),
    ("style_distance", lambda x, y: 0.0, "more than 0"),
    ("style_distance", lambda x, y: -style_distance(x, y), "expected more than 0"),
    ("style_distance", lambda x, y: 1.0, "not 0"),
    ("style_distance", lambda x, y: [1.0], "not 0|expected a number"),
    ("style_distance", lambda x, y: gram_matrix(maps(x)) - gram_matrix(maps(y)), "expected a number"),
    ("style_distance", lambda x, y: float((x.mean((2, 3)) - y.mean((2, 3))).norm()), "colours alone"),
    ("style_distance", lambda x, y: (raw(maps(x)) - raw(maps(y))).norm(), "divide the Gram matrix"),
    ("style_distance", lambda x, y: style_distance(x, y) / style_distance(x, x), "it raised"),
    ("style_distance", lambda x, y: st.load_vgg(x), "it raised"),
    ("style_distance", lambda x, y: float("nan"), "nan"),
    ("style_distance", lambda x, y: style_distance(x.zero_(), y), "work on a copy"),
    ("style_distance", lambda x, y: nnf.mse_loss(x, nnf.interpolate(y, x.shape[2:])).item(), "does not know where things are"),
    ("style_distance", lambda x: 0, "call it as f(x, y)"),
]  # fmt: skip
