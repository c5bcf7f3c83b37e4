"""What the prose of lesson 08 says and no stored output checks, painted anew, smaller: the judge's larger gaps."""

import functools
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as nnf

import styletools as st

SIZE = 128
NEAREST = st.RECIPES["nearest"]
RECIPES = {
    "balanced": (st.RECIPES["balanced"], 48),
    "nearest": (NEAREST, 46),
    "Gram + nearest": (replace(NEAREST, style_layers=st.RECIPES["neighbours"].style_layers), 44),
}
PAIRS = {"Kandinsky": ("chelsea", "composition_viii"), "Van Gogh": ("neuschwanstein", "the_harvest")}
PIECES = (5, 7, 11)  # pixels across


@functools.cache
def network():
    return st.load_vgg("vgg19-slim", padding="replicate", dtype=torch.float32)


@functools.cache
def sample(name):
    return st.preprocess(st.sample(name), SIZE)


@functools.cache
def painted(pair, name):
    """A picture (1, 3, H, W) by a recipe in the lesson's number of steps; "photograph" is not painted at all."""
    if name == "photograph":
        return sample(PAIRS[pair][0])
    recipe, steps = RECIPES[name]
    picture = st.stylize(*map(st.sample, PAIRS[pair]), SIZE, network(), recipe, steps=steps)
    return st.preprocess(picture, SIZE)


def apart(pair, name, piece=7, recolour=False):
    """The lesson's judge: how far pieces of picture and painting are from their nearest ones, both ways."""
    x, a = painted(pair, name), sample(PAIRS[pair][1])
    if recolour:
        x = st.clamp_to_box(st.match_colors(x, a))
    ours, theirs = (nnf.unfold(y, piece, stride=2)[0].T for y in (x, a))
    table = torch.cdist(ours, theirs) / math.sqrt(3 * piece**2)
    return float(table.amin(1).mean() + table.amin(0).mean())


@pytest.mark.parametrize("piece", PIECES)
def test_neighbours_alone_lose_after_kandinsky_and_win_after_van_gogh(piece):
    assert apart("Kandinsky", "nearest", piece) > 1.08 * apart("Kandinsky", "balanced", piece)
    assert apart("Van Gogh", "nearest", piece) < 0.92 * apart("Van Gogh", "balanced", piece)


def test_neighbours_alone_are_behind_the_photograph_after_kandinsky():
    assert apart("Kandinsky", "nearest") > apart("Kandinsky", "photograph")


@pytest.mark.parametrize("pair", PAIRS)
def test_in_the_colours_of_the_painting_neighbours_win_twice(pair):
    assert apart(pair, "nearest", recolour=True) < 0.97 * apart(pair, "balanced", recolour=True)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("alone", ["balanced", "nearest"])
def test_gram_and_neighbours_together_beat_both(pair, alone):
    assert apart(pair, "Gram + nearest") < 0.95 * apart(pair, alone)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_judge_sees_colours_more_than_strokes(pair):
    """Its blind spot: a photograph without a stroke, in the painting's colours, is about as near as the best picture."""
    best = min(apart(pair, name) for name in RECIPES)
    assert apart(pair, "photograph", recolour=True) < 1.08 * best


def test_after_kandinsky_neighbours_recoloured_are_level_with_the_photograph_recoloured():
    ratio = apart("Kandinsky", "photograph", recolour=True) / apart("Kandinsky", "nearest", recolour=True)
    assert 0.95 < ratio < 1.05


def mosaic(degrees):
    """The lesson's mosaic: colours u, -u, v, -v, turned by an angle."""
    u, v = torch.tensor([1.0, -1, 0]) / 2**0.5, torch.tensor([1.0, 1, -2]) / 6**0.5
    turn = torch.deg2rad(torch.tensor(float(degrees)))
    one, other = turn.cos() * u + turn.sin() * v, turn.cos() * v - turn.sin() * u
    order = torch.randperm(216, generator=torch.Generator().manual_seed(0))
    return torch.stack([one, -one, other, -other])[order % 4].T.reshape(1, 3, 12, 18)


def test_behind_a_relu_the_gram_matrices_of_the_mosaics_differ():
    plain, turned = (network()(mosaic(degrees), ["relu1_1"])["relu1_1"] for degrees in (0, 45))
    assert st.style_loss(turned, st.style_target(plain, "relative"), "relative") > 0.03


@pytest.mark.parametrize("layer", ["relu3_1", "relu4_1"])
def test_a_corner_of_the_painting_repeated_is_near_but_not_at_zero(layer):
    """The second question of "Check yourself": the corner's own mean turns its directions."""
    castle, harvest = (st.preprocess(st.sample(name), 192) for name in PAIRS["Van Gogh"])
    tiled = harvest[:, :, : harvest.shape[2] // 2, :96].repeat(1, 1, 2, 2)
    target = st.style_target(network()(harvest, [layer])[layer], "neighbours")
    near, far = (float(st.style_loss(network()(x, [layer])[layer], target, "neighbours")) for x in (tiled, castle))
    assert 0.05 < near < 0.6 * far


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", RECIPES)
def test_all_give_up_about_as_much_of_the_photograph(pair, name):
    yardstick, (content, style) = st.RECIPES["balanced"], map(sample, PAIRS[pair])
    error = yardstick.terms(network(), painted(pair, name), yardstick.targets(network(), content, style)).content
    assert 0.5 < error < 1
