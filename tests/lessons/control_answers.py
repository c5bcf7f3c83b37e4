"""Answers to the exercises of lesson 09, right ones, unusual right ones and wrong ones, as students write them."""

import numpy as np
import torch
from torch.nn import functional as nnf

import styletools as st
from styletools.masks import flood


def guided_gram(features, mask):
    n, c, h, w = features.shape
    m = nnf.adaptive_avg_pool2d(mask, (h, w))  # (1, 1, H, W)
    f = (features * m).reshape(n, c, h * w)
    return f @ f.transpose(1, 2) / (m**2).sum()


def guided_by_share(features, mask):
    m2 = nnf.adaptive_avg_pool2d(mask, features.shape[-2:]) ** 2
    return st.gram_matrix(features, "hw", m2 / m2.mean())


def guided_loop(features, mask):
    m = nnf.adaptive_avg_pool2d(mask, features.shape[-2:])[0, 0]
    grams = []
    for f in features:  # (C, H, W)
        total = sum(m[y, x] ** 2 * torch.outer(f[:, y, x], f[:, y, x]) for y in range(f.shape[1]) for x in range(f.shape[2]))
        grams.append(total / (m**2).sum())
    return torch.stack(grams)


def guided_einsum(features, mask):
    m = nnf.adaptive_avg_pool2d(mask, features.shape[-2:])
    return torch.einsum("nchw,ndhw,abhw->ncd", features, features, m * m) / (m * m).sum()


def guided_weighted_mean(features, mask):
    m = torch.nn.AdaptiveAvgPool2d(features.shape[-2:])(mask).flatten()
    f = features.flatten(2)
    return torch.stack([(x * m**2) @ x.T for x in f]) / m.square().sum()


def composed(**settings):
    styles = [st.Style("great_wave", where=(0, 0, 1, 0.4)), "the_harvest"]
    return st.Job("eilean_donan", styles, **settings)


def whole_sky():
    return st.Style("great_wave", where=flood("eilean_donan", 0.3, 0.1, 0.2))


RIGHT = {
    "guided_gram": [guided_gram, guided_by_share, guided_loop, guided_einsum, guided_weighted_mean],
    "sky_box": [
        (0, 0, 1, 0.17), [0, 0, 1, 0.15], (0, 0.0, 1.0, 0.18), torch.tensor([0, 0, 1, 0.16]), np.array([0, 0, 1, 0.16]),
    ],
    "composition": [
        composed(), composed(colors="match", size=128),
        st.Job("chelsea", [st.Style("great_wave", 2), whole_sky(), "the_harvest"]),
        st.Job(st.sample("eilean_donan"), [whole_sky(), st.Style("the_harvest", part=(0, 0.3, 1, 1), scale=2)]),
        st.Job("eilean_donan", [st.Style("great_wave", where=np.ones((30, 45))), st.Style("the_harvest", where=(0, 0, 1, 1))]),
    ],
}  # fmt: skip


def small(mask, f):
    return nnf.adaptive_avg_pool2d(mask, f.shape[-2:])


def scaled(factor):
    return lambda f, m: guided_gram(f, m) * factor(f, small(m, f))


def with_mask(change):
    """Right but for the mask at the layer."""
    return lambda f, m: st.gram_matrix(f, "hw", change(f, m) / change(f, m).mean())


def mask_too_large(features, mask):
    f = (features * mask).flatten(2)
    return f @ f.mT / (mask**2).sum()


def in_place(features, mask):
    m = small(mask, features)
    f = features.mul_(m).flatten(2)
    return f @ f.mT / (m**2).sum()


def mixed_batch(features, mask):
    m = small(mask, features)
    f = (features * m).flatten(2).flatten(0, 1)
    return f @ f.T / (m**2).sum()


WRONG = [
    ("guided_gram", lambda f, m: st.gram_matrix(f, "hw"), "the mask is not used"),
    ("guided_gram", with_mask(lambda f, m: small(m, f)), "the mask counts once only"),
    ("guided_gram", with_mask(lambda f, m: small(m, f) ** 4), "squared twice"),
    ("guided_gram", scaled(lambda f, m: (m**2).mean()), "not by H W"),
    ("guided_gram", scaled(lambda f, m: (m**2).sum() / m.sum()), "not by that of the mask"),
    ("guided_gram", scaled(lambda f, m: (m**2).sum()), "forgot to divide"),
    ("guided_gram", scaled(lambda f, m: 1 / f.shape[1]), "divided by C besides"),
    ("guided_gram", lambda f, m: st.gram_matrix(f * small(m, f)), "divided by C besides"),
    ("guided_gram", with_mask(lambda f, m: small(m * m, f)), "first bring the mask to the layer"),
    ("guided_gram", with_mask(lambda f, m: nnf.interpolate(m, f.shape[2:]) ** 2), "no picking"),
    ("guided_gram", with_mask(lambda f, m: (small(m, f) > 0.5).to(f)), "leave the mask soft"),
    ("guided_gram", lambda f, m: guided_gram(f, 1 - m), "turned round"),
    ("guided_gram", with_mask(lambda f, m: st.masks.mask_at(m, f.shape[2:]) ** 2), "the border is left out"),
    ("guided_gram", lambda f, m: guided_gram(f, m)[0], "batch axis"),
    ("guided_gram", lambda f, m: guided_gram(f, m).mean(0, keepdim=True), "added up"),
    ("guided_gram", mixed_batch, "WRONG"),
    ("guided_gram", mask_too_large, "bring the mask to the size of the features first"),
    ("guided_gram", in_place, "work on a copy"),
    ("guided_gram", lambda f, m: guided_gram(f.detach(), m), "no gradient flows"),
    ("guided_gram", lambda f: f, "call it as f(features, mask)"),
]  # fmt: skip
WRONG_VALUES = {
    "sky_box": [
        ((0, 0, 1, 1), "of the box is no sky"), ((0, 0, 1, 0.4), "of the box is no sky"),
        ((0, 0, 1, 0.1), "of the sky, at least"),
        ((0, 0, 0.3, 0.3), "of the sky, at least|no sky"), ((0, 0.5, 1, 1), "100% of the box is no sky"),
        ((0, 0.2, 1, 0), "is empty"), ((0, 0, 1, 17), "a side of the box is 17"),
        ((0, 0, 680, 77), "a side of the box is 680"),
        ((0, 0, 1), "expected a box of four numbers"), ("sky", "expected a box"), (0.17, "expected a box"),
        ({"bottom": 0.17}, "expected a box"), (np.zeros((2, 2)), "expected a box"),
        ((0, 0, 1, float("nan")), "a side of the box is nan"),
    ],
    "composition": [
        (st.Job("chelsea", "great_wave"), "at least two are wanted"), (st.Job("chelsea", whole_sky()), "at least two"),
        (st.Job("chelsea", ["great_wave", "the_harvest"]), "no style has a mask"),
        (st.Job("chelsea", [whole_sky(), st.Style("the_harvest", 0)]), "at least two"),
        (st.Job("chelsea", [st.Style("great_wave", 0, where=(0, 0, 1, 0.5)), "the_harvest"]), "at least two"),
        (st.Job("chelsea", [st.Style("great_wave", where=(0, 0, 1, 1)), "the_harvest"]), "cover the whole photograph"),
        (st.Job("chelsea", [st.Style("great_wave", where=np.ones((90, 30))), "the_harvest"]), "must cover its picture"),
        (st.Job("nowhere.jpg", [whole_sky(), "the_harvest"]), "there is no file"),
        (["great_wave", "the_harvest"], "expected a Job, got a list"), (st.sample("chelsea"), "not what st.paint makes"),
        (whole_sky(), "expected a Job, got a Style"), ("job", "expected a Job"),
    ],
}  # fmt: skip
