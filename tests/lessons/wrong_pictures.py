"""Wrong functions of lessons 01 to 03: the exercise, the function, words of the hint or verdict that it must earn."""

import torch
from right_answers import MEAN, STD, extract_features, masked_content_loss, unnormalize
from torch import nn
from torch.nn import functional as nnf

import styletools as st


def overwritten(network, image, indices):
    kept = []
    for i, module in enumerate(network):
        image = module(image)
        if i in indices:
            kept.append(image)
    return kept


def network_order(network, image, indices):
    kept = []
    for i, module in enumerate(network):
        image = module(image)
        if i in indices:
            kept.append(image.clone())
    return kept


def ends_early(network, image, indices):
    kept = {}
    for i, module in enumerate(network[: max(indices)]):
        image = module(image)
        kept[i] = image.clone()
    return [kept[i] for i in indices]


def ends_early_without_a_word(network, image, indices):
    kept = []
    for i in range(max(indices)):
        image = network[i](image)
        if i in indices:
            kept.append(image.clone())
    return kept


def listed(network, image, indices):
    kept = []
    for i, module in enumerate(network):
        image = module(image)
        if i in indices:
            kept.append(image.clone())
    return [kept[i] for i in indices]


def empties(network, image, indices):
    kept = extract_features(network, image, indices)
    indices.clear()
    return kept


def yields(network, image, indices):
    yield from extract_features(network, image, indices)


WRONG = [
    ("unnormalize", lambda x: x * STD + MEAN, "clip at the end"),
    ("unnormalize", lambda x: (x * STD).clamp(0, 1), "the mean is missing"),
    ("unnormalize", lambda x: (x + MEAN).clamp(0, 1), "the std is missing"),
    ("unnormalize", lambda x: (x * MEAN + STD).clamp(0, 1), "changed places"),
    ("unnormalize", lambda x: ((x + MEAN) * STD).clamp(0, 1), "order"),
    ("unnormalize", lambda x: ((x - MEAN) / STD).clamp(0, 1), "normalises once more"),
    ("unnormalize", lambda x: unnormalize(x) * 255, "not 0 .. 255"),
    ("unnormalize", lambda x: (x * STD + MEAN).clamp(-1, 1), "not to -1"),
    ("unnormalize", lambda x: x.mul_(STD).add_(MEAN).clamp_(0, 1), "work on a copy"),
    ("unnormalize", lambda x: (x * STD.flatten() + MEAN.flatten()).clamp(0, 1), "shape"),
    ("unnormalize", lambda x: unnormalize(x).numpy(), "leave out .numpy()"),
    ("unnormalize", lambda x: (x - x.min()) / (x.max() - x.min()), "not black and white"),
    ("unnormalize", lambda x: torch.stack([(p - p.min()) / (p.max() - p.min()) for p in x]), "not black and white"),
    ("unnormalize", lambda x: (x * 0.5 + 0.5).clamp(0, 1), "not 0.5"),
    ("unnormalize", lambda x: (unnormalize(x) * 255).byte(), "no bytes"),
    ("unnormalize", lambda x: (unnormalize(x) * 255).round().to(torch.uint8), "no bytes"),
    ("unnormalize", lambda x: st.postprocess(x[:1]), "expected a tensor"),
    ("unnormalize", lambda x: torch.zeros_like(x), "WRONG"),
    ("extract_features", overwritten, "clone()"),
    ("extract_features", network_order, "order of indices"),
    ("extract_features", lambda n, x, i: [n[:k](x).clone() if k else x.clone() for k in i], "one module too early"),
    ("extract_features", lambda n, x, i: [n[: k + 2](x).clone() for k in i], "one module too late"),
    ("extract_features", ends_early, "max(indices) + 1"),
    ("extract_features", ends_early_without_a_word, "max(indices) + 1"),
    ("extract_features", listed, "in a dict"),
    ("extract_features", lambda n, x, i: extract_features(n, x, range(len(n))), "only the features at indices"),
    ("extract_features", lambda n, x, i: extract_features(n, x, i)[-1:], "not only the last"),
    ("extract_features", lambda n, x, i: [f.detach() for f in extract_features(n, x, i)], "no gradient flows"),
    ("extract_features", lambda n, x, i: dict(zip(i, extract_features(n, x, i), strict=True)), "as a list"),
    ("extract_features", lambda n, x, i: [n[k](x) for k in i], "x = module(x)"),
    ("extract_features", yields, "return a list"),
    ("extract_features", empties, "it changed its input"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum(), "mean of the squares, not their sum"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum() / 2, "half the sum"),
    ("content_loss", lambda f, p: 0.5 * ((f - p) ** 2).mean(), "no half"),
    ("content_loss", nnf.l1_loss, "abs"),
    ("content_loss", lambda f, p: (f - p).mean(), "square the differences before"),
    ("content_loss", lambda f, p: (f - p).pow(2), "one number"),
    ("content_loss", lambda f, p: (f - p).pow(2).flatten(1).mean(1), "over the batch too"),
    ("content_loss", lambda f, p: (f - p).pow(2).mean().sqrt(), "square root"),
    ("content_loss", lambda f, p: (f.detach() - p).pow(2).mean(), "no gradient flows"),
    ("content_loss", lambda f, p: (f - p).pow(2).mean().item(), "leave out .item()"),
    ("content_loss", lambda f, p: f.sub_(p).pow(2).mean(), "work on a copy"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum() / (f.shape[1] * f.shape[2] * f.shape[3]), "divided by C H W only"),
    ("content_loss", lambda f, p: nnf.mse_loss(f[0], p[0]), "only the first picture"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum() / (p**2).sum(), "relative"),
    ("content_loss", lambda f, p: nn.MSELoss, "the class MSELoss|call it"),
    ("content_loss", lambda f, p: ((f - p) ** 2).mean, "brackets"),
    ("half_sum_loss", lambda f, p: ((f - p) ** 2).sum(), "forgot the half"),
    ("half_sum_loss", lambda f, p: ((f - p) ** 2).mean() / 2, "sum, not the mean"),
    ("half_sum_loss", nnf.mse_loss, "this is the mean"),
    ("half_sum_loss", lambda f, p: ((f - p) / 2).pow(2).sum(), "outside the square"),
    ("half_sum_loss", lambda f, p: (f - p).abs().sum() / 2, "abs"),
    ("half_sum_loss", lambda f, p: (f - p).sum() ** 2 / 2, "first square"),
    ("half_sum_loss", lambda f, p: (f - p).pow(2) / 2, "one number"),
    ("half_sum_loss", lambda f, p: torch.norm(f - p) / 2, "square root"),
    ("half_sum_loss", lambda f, p: ((f - p) ** 2).sum() / 2 / f.shape[0], "divided by the batch too"),
    ("half_sum_loss", lambda f, p: ((f[0] - p[0]) ** 2).sum() / 2, "only the first picture"),
    ("half_sum_loss", lambda f, p: float(((f - p) ** 2).sum() / 2), "keep the tensor"),
    ("masked_content_loss", lambda f, p, m: ((f - p) ** 2).mean(), "the mask is not used"),
    ("masked_content_loss", lambda f, p, m: ((f - p) ** 2 * m).mean(), "not by everything"),
    ("masked_content_loss", lambda f, p, m: ((f * m - p * m) ** 2).mean(), "not by everything"),
    ("masked_content_loss", lambda f, p, m: ((f - p) ** 2 * m).sum() / m.sum(), "divide by C too"),
    ("masked_content_loss", lambda f, p, m: ((f - p) ** 2 * m).sum(), "number of features under the mask"),
    ("masked_content_loss", lambda f, p, m: masked_content_loss(f, p, 1 - m), "wrong way round|not a finite number"),
    ("masked_content_loss", lambda f, p, m: ((f * m - p) ** 2).mean(), "not one of the two alone"),
    ("masked_content_loss", lambda f, p, m: nnf.mse_loss(f, p) * m, "shape"),
    ("masked_content_loss", lambda f, p, m: (f - p) ** 2 * m, "one number"),
    ("masked_content_loss", lambda f, p, m: masked_content_loss(f, p, m).item(), "leave out .item()"),
    ("masked_content_loss", lambda f, p, m: masked_content_loss(f.detach(), p, m), "no gradient flows"),
    ("masked_content_loss", lambda f, p, m: masked_content_loss(f.mul_(m), p, m), "work on a copy"),
    ("masked_content_loss", lambda f, p: nnf.mse_loss(f, p), "f(features, target, mask)"),
    ("masked_content_loss", lambda f, p, m: ((f - p) ** 2)[m == 1].mean(), "print the shapes|run your function"),
]  # fmt: skip
