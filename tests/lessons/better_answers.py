"""Answers to the exercises of lesson 08, right ones, unusual right ones and wrong ones, as students write them."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as nnf

import styletools as st

OWN = st.RECIPES["neighbours"]


def both_ways(picture, painting):
    cosines = picture @ painting.T  # (N, M)
    there = (1 - cosines.max(1).values).mean()
    back = (1 - cosines.max(0).values).mean()
    return (there + back) / 2


def both_by_the_library(picture, painting):
    return (st.neighbour_distance(picture, painting) + st.neighbour_distance(painting, picture)) / 2


def both_by_cosine(picture, painting):
    apart = 1 - nnf.cosine_similarity(picture[:, None], painting[None], dim=2)
    return torch.lerp(apart.min(dim=1)[0].mean(), apart.min(dim=0)[0].mean(), 0.5)


def both_by_index(picture, painting):
    nearest = (picture @ painting.T).argmax(1)
    back = (picture @ painting.T).argmax(0)
    there = (picture * painting[nearest]).sum(1).mean()
    return 1 - 0.5 * there - 0.5 * (picture[back] * painting).sum(1).mean()


def both_loop(picture, painting):
    ways = []
    for ours, theirs in ((picture, painting), (painting, picture)):
        losses = [1 - max((u * v).sum() for v in theirs) for u in ours]
        ways.append(sum(losses) / len(losses))
    return sum(ways) / 2


def softened(picture, painting):
    cosines = picture @ painting.T
    return 1 - ((cosines.softmax(1) * cosines).sum(1).mean() + (cosines.softmax(0) * cosines).sum(0).mean()) / 2


RIGHT = {
    "both_ways": [
        both_ways, both_by_the_library, both_by_cosine, both_by_index, both_loop,
        lambda u, v: torch.stack([(1 - (u @ v.T).amax(k)).mean() for k in (0, 1)]).mean(),
        lambda picture, painting: 1 - torch.einsum("nc,mc->nm", picture, painting).amax(1).mean() / 2
        - torch.einsum("nc,mc->nm", picture, painting).amax(0).mean() / 2,
    ],
    "best_turn": [45, 45.0, 135, -45, torch.tensor(45.0), np.float64(45), 44.5],
    "own_recipe": [
        replace(OWN, tv=10), replace(OWN, tv=8, alpha=8), replace(OWN, tv=12, learning_rate=0.04),
        replace(OWN, learning_rate=0.05, style_convention="wasserstein"),
        replace(OWN, learning_rate=0.06, style_convention="wasserstein", tv=6),
    ],
}  # fmt: skip

WRONG = [
    ("both_ways", lambda u, v: (1 - (u @ v.T).amax(1)).mean(), "one way only"),
    ("both_ways", lambda u, v: (1 - (u @ v.T).amax(0)).mean(), "way back only"),
    ("both_ways", lambda u, v: st.neighbour_distance(u, v), "one way only"),
    ("both_ways", lambda u, v: 2 * both_ways(u, v), "half of their sum"),
    ("both_ways", lambda u, v: (1 - torch.cat([(u @ v.T).amax(1), (u @ v.T).amax(0)])).mean(), "over its own pieces"),
    ("both_ways", lambda u, v: (1 - (u @ v.T).amax(1)).sum() + (1 - (u @ v.T).amax(0)).sum(), "take means"),
    ("both_ways", lambda u, v: (1 - u @ v.T).mean(), "take amax, not the mean"),
    ("both_ways", lambda u, v: 1 - ((u @ v.T).amin(1).mean() + (u @ v.T).amin(0).mean()) / 2, "not the smallest"),
    ("both_ways", lambda u, v: 1 - both_ways(u, v), "these are the cosines"),
    ("both_ways", lambda u, v: -both_ways(u, v), "the sign is turned round"),
    ("both_ways", lambda u, v: 2 - 2 * (u @ v.T).amax() / 2 - 1, "each piece has its own"),
    ("both_ways", softened, "cases right"),
    ("both_ways", lambda u, v: u @ v, "print the shapes"),
    ("both_ways", lambda u, v: both_ways(u, v).item(), "leave out .item()"),
    ("both_ways", lambda u, v: (u @ v.T).max(1), "expected"),
    ("both_ways", lambda u, v: 1 - (u @ v.T).amax(1), "print the shape"),
    ("both_ways", lambda u: u, "call it as f(picture, painting)"),
]

WRONG_VALUES = {  # exercise -> answer, words of what is said to it
    "best_turn": [
        (0, "print L_near"), (90, "print L_near"), (30, "print L_near"), (60, "print L_near"), (180, "print L_near"),
        (math.pi / 4, "radians"), (math.nan, "no angle"), (1e9, "no angle"), ("45", "expected a number"),
        ([45], "expected a number"), (True, "expected a number"), (torch.zeros(2), "expected a number"), (-90, "print L_near"),
    ],
    "own_recipe": [
        (replace(OWN, beta=1), "nearer to the painting"), (replace(OWN, levels=1), "nearer to the painting"),
        (replace(OWN, neighbour_layers={}), "nearer to the painting"), (st.RECIPES["balanced"], "nearer to the painting"),
        (OWN, "100%"), (replace(OWN, beta=60, learning_rate=0.06, tv=8), "too much of the photograph|nearer"),
        (st.RECIPES["nearest"], "nearer to the painting"),
        ("neighbours", "got a str"), ({"beta": 12}, "got a dict"), (12, "got an int"), (st.Recipe, "the class Recipe"),
        (st.stylize, "got a function"), (OWN.weights(), "got a Weights"),
    ],
}  # fmt: skip
