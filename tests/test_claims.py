"""Numbers that the prose of lessons 05 and 06 leans on and that no stored output checks, painted anew.

The bounds hold in float32 and in bfloat16, which paint different pictures of the same kind.
"""

import functools
from dataclasses import replace

import pytest
import torch

import styletools as st

# --- lesson 05: how rough is it? -------------------------------------------------------------------------------------------

WAYS = {
    "Adam": {},
    "average pooling": {"pooling": "average"},
    "a smaller rate": {"learning_rate": 0.09, "steps": 120},
    "L-BFGS": {"optimizer": "lbfgs", "learning_rate": 1.0},
}


def roughness(image):
    dy, dx = image.diff(dim=2), image.diff(dim=3)
    return float((dy.abs().mean() + dx.abs().mean()) / 2 / image.std())


@functools.cache
def sample(name):
    return st.preprocess(st.sample(name), 192)


@functools.cache
def painted(way, tv=0):
    """The castle after Kandinsky, as lesson 05 paints it: the transfer after its last step."""
    settings = {"steps": 60, "learning_rate": 0.3, **WAYS[way]}
    vgg = st.load_vgg("vgg19-slim", pooling=settings.pop("pooling", "max"))
    pair = sample("eilean_donan"), sample("composition_viii")
    transfer = st.StyleTransfer(*pair, vgg, "balanced", alpha=1, beta=30, tv=tv, **settings)
    list(transfer)
    return transfer


@pytest.mark.parametrize(("name", "value"), [("eilean_donan", 0.13), ("composition_viii", 0.28)])
def test_pictures_are_as_rough_as_the_lesson_prints(name, value):
    assert roughness(sample(name)) == pytest.approx(value, abs=0.005)


def test_noise_is_as_rough_as_the_formula_says():
    noise = torch.randn(1, 3, 128, 192, generator=torch.Generator().manual_seed(0))
    assert roughness(noise) == pytest.approx(2 / torch.pi**0.5, abs=0.01)


def test_the_gradient_of_style_is_rough_with_either_pooling():
    found = []
    for pooling in ("max", "average"):
        vgg = st.load_vgg("vgg19-slim", pooling=pooling)
        x = sample("eilean_donan").clone().requires_grad_()
        target = st.style_target(vgg(sample("composition_viii"), ["relu4_1"])["relu4_1"])
        st.style_loss(vgg(x, ["relu4_1"])["relu4_1"], target).backward()
        found.append(roughness(x.grad))
    assert found == pytest.approx([0.70, 0.59], abs=0.05)


@pytest.mark.parametrize(
    ("way", "low", "high"),
    [("Adam", 0.38, 0.42), ("average pooling", 0.36, 0.39), ("a smaller rate", 0.28, 0.34), ("L-BFGS", 0.21, 0.28)],
)
def test_most_speckle_is_adams(way, low, high):
    assert low < roughness(painted(way).tensor) < high  # Kandinsky's own: 0.28


def test_total_variation_takes_the_speckle_and_little_style():
    rough, calm = painted("Adam"), painted("Adam", tv=3)
    assert 0.45 < float(st.tv_loss(calm.tensor) / st.tv_loss(rough.tensor)) < 0.65
    assert 1 < calm.history[-1].style / rough.history[-1].style < 1.35


# --- lesson 06: how long, and who wins? ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beta", "low", "high"), [(2, 50, 66), (20, 85, 112), (200, 113, 138)])
def test_more_beta_takes_more_steps(beta, low, high):
    """At half the lesson's size, and 150 steps instead of 200: its own run takes three times as long."""
    vgg = st.load_vgg("vgg19-slim", pooling="average", padding="replicate")
    pair = st.sample("chelsea"), st.sample("village_street_auvers")
    transfer = st.StyleTransfer(*pair, vgg, "balanced", size=96, alpha=1, beta=beta, tv=1, steps=150)
    totals = [step.total for step in transfer]
    assert low < next(n for n, total in enumerate(totals, 1) if total < 1.1 * totals[-1]) < high


@pytest.mark.parametrize(("reduction", "low", "high"), [("half_sum", 0.97, 1.01), ("mean", 0.5, 0.85)])
def test_equation_1_as_printed_keeps_the_photograph(reduction, low, high):
    gatys = replace(st.RECIPES["gatys"], content_reduction=reduction)
    pair = st.sample("chelsea"), st.sample("village_street_auvers")
    transfer = st.StyleTransfer(*pair, st.load_vgg(**gatys.network), gatys, size=96, steps=10)
    yardstick, vgg = st.RECIPES["balanced"], st.load_vgg("vgg19-slim", pooling="average", padding="replicate")
    targets = yardstick.targets(vgg, transfer.content, transfer.style)
    before = yardstick.terms(vgg, transfer.tensor, targets).style
    list(transfer)
    assert low < float(yardstick.terms(vgg, transfer.tensor, targets).style / before) < high
