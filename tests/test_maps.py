"""Where a gradient pulls and what a Gram matrix holds, as pictures: known values, scales, shapes."""

import numpy as np
import pytest
import torch
from PIL import Image

import styletools as st
from styletools import maps


def pixels(image):
    return np.asarray(image, dtype=int)


def spot(value=1.0, where=(20, 30), shape=(40, 60)):
    """A map that is nothing but for one square."""
    values = torch.zeros(shape)
    y, x = where
    values[y - 3 : y + 3, x - 3 : x + 3] = value
    return values


GREY = Image.new("RGB", (60, 40), (100, 100, 100))


# --- pull_map -----------------------------------------------------------------------------------------------------------


def test_a_pull_is_the_norm_over_the_colours():
    gradient = torch.zeros(1, 3, 2, 3)
    gradient[0, :, 1, 2] = torch.tensor([2.0, -3.0, 6.0])
    pull = maps.pull_map(gradient)
    assert pull.shape == (2, 3)
    assert pull[1, 2] == 7
    assert pull.sum() == 7


def test_the_pulls_squares_add_up_to_the_gradients():
    gradient = torch.randn(1, 3, 8, 9, generator=torch.Generator().manual_seed(0), requires_grad=True)
    pull = maps.pull_map(gradient)
    assert not pull.requires_grad
    assert pull.norm() == pytest.approx(gradient.norm().item(), rel=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 4, 5), (2, 3, 4, 5)])
def test_a_pull_map_is_of_one_picture(shape):
    with pytest.raises(ValueError, match=r"\(1, 3, H, W\)"):
        maps.pull_map(torch.zeros(shape))


# --- heat ---------------------------------------------------------------------------------------------------------------


def test_heat_is_bright_where_the_map_is_and_grey_elsewhere():
    shown = maps.heat(spot(), GREY, "#e07b00")
    assert (shown.mode, shown.size) == ("RGB", (60, 40))
    there, elsewhere = pixels(shown)[20, 30], pixels(shown)[5, 5]
    assert there.sum() > 600
    assert elsewhere.tolist() == [45, 45, 45], "the picture, darkened"
    assert pixels(GREY)[0, 0].tolist() == [100, 100, 100], "which itself stays"


def test_heat_has_its_terms_colour():
    values = torch.full((40, 60), 0.7 ** (1 / maps.CONTRAST))  # which is shown as the colour itself
    shown = pixels(maps.heat(values, Image.new("RGB", (60, 40)), "#2a9147", top=1.0))
    assert abs(shown - [0x2A, 0x91, 0x47]).max() <= 1


def test_a_colourful_picture_becomes_grey_below():
    red = Image.new("RGB", (60, 40), "red")
    r, g, b = pixels(maps.heat(torch.zeros(40, 60), red, "#e07b00"))[10, 10]
    assert r == g == b > 0


def test_the_scale_of_a_map_is_its_own_or_shared():
    strong, weak = spot(10.0), spot(1.0)
    assert maps.heat(strong, GREY, "#e07b00").tobytes() == maps.heat(weak, GREY, "#e07b00").tobytes()
    top = max(maps.brightest(strong), maps.brightest(weak))
    assert maps.heat(strong, GREY, "#e07b00", top=top).tobytes() == maps.heat(strong, GREY, "#e07b00").tobytes()
    faint = pixels(maps.heat(weak, GREY, "#e07b00", top=top))[20, 30].sum()
    assert faint < pixels(maps.heat(strong, GREY, "#e07b00", top=top))[20, 30].sum() / 2


def test_brightest_is_no_single_pixel():
    values = torch.ones(100, 100)
    values[50, 50] = 1000.0
    assert maps.brightest(torch.ones(100, 100)) == pytest.approx(1.0)
    assert maps.brightest(values) < 300


def test_strength_goes_from_the_picture_to_the_map():
    greys = [pixels(maps.heat(spot(), GREY, "#e07b00", strength=part))[20, 30] for part in (0.0, 0.5, 1.0)]
    assert greys[0].tolist() == [45, 45, 45]
    assert greys[0].sum() < greys[1].sum() < greys[2].sum()


@pytest.mark.parametrize("shape", [(20, 30), (80, 120), (40, 60), (1, 1)])
def test_a_map_of_another_size_is_scaled(shape):
    shown = maps.heat(torch.ones(shape), GREY, "#e07b00")
    assert shown.size == (60, 40)
    assert len(shown.getcolors()) == 1, "what is the same everywhere is shown so"


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (2, 2)])
def test_heat_of_tiny_pictures(size):
    values = torch.rand(size[1], size[0], generator=torch.Generator().manual_seed(0))
    assert maps.heat(values, Image.new("RGB", size), "#e07b00").size == size


def test_a_map_of_nothing_shows_the_picture():
    assert maps.heat(torch.zeros(40, 60), GREY, "#e07b00").getcolors() == [(2400, (45, 45, 45))]
    assert maps.brightest(torch.zeros(40, 60)) == 0


def test_heat_refuses_a_gradient():
    with pytest.raises(ValueError, match="pull_map"):
        maps.heat(torch.zeros(1, 3, 40, 60), GREY, "#e07b00")


def test_heat_shows_where_a_real_term_pulls():
    """Total variation pulls at the edge between black and white, and nowhere else."""
    image = st.preprocess(Image.fromarray(np.repeat(np.uint8([[0] * 30 + [255] * 30]), 40, 0)))
    image.requires_grad_()
    (gradient,) = torch.autograd.grad(st.tv_loss(image, "squared"), image)
    shown = pixels(maps.heat(maps.pull_map(gradient), GREY, st.COLORS["tv"])).sum(-1)
    assert shown[20, 29:31].min() > shown[20, :20].max()


# --- Gram matrices ------------------------------------------------------------------------------------------------------


def gram_of(seed, channels=64, positions=500):
    features = torch.rand(1, channels, 1, positions, generator=torch.Generator().manual_seed(seed))
    return st.gram_matrix(features * torch.linspace(0.1, 2, channels).view(1, -1, 1, 1), "hw")[0]


def test_a_gram_pair_has_one_size_and_one_scale():
    now, target = maps.gram_pair(gram_of(1), gram_of(2))
    assert now.size == target.size == (240, 240)
    same, again = maps.gram_pair(gram_of(2), gram_of(2))
    assert same.tobytes() == again.tobytes() == target.tobytes()
    half, _ = maps.gram_pair(gram_of(2) / 2, gram_of(2))
    assert pixels(half).sum() < pixels(same).sum()


def test_the_targets_diagonal_is_brightest():
    _, target = maps.gram_pair(gram_of(1), gram_of(2), channels=10)
    squares = pixels(target)[12::24, 12::24].sum(-1)  # (10, 10)
    assert (squares.diagonal() == squares.max()).all()


def test_the_strongest_channels_of_the_target_come_first():
    target = torch.diag(torch.tensor([1.0, 4.0, 9.0]))
    gram = torch.diag(torch.tensor([0.0, 4.0, 0.0]))
    now, _ = maps.gram_pair(gram, target, channels=2)
    squares = pixels(now)[60::120, 60::120].sum(-1)
    assert now.size == (240, 240)
    assert squares[1, 1] > 600
    assert squares[0, 0] == squares[0, 1] < 60


def test_fewer_channels_than_asked_for():
    now, target = maps.gram_pair(torch.eye(3), torch.eye(3))
    assert now.size == target.size == (240, 240)


def test_negative_entries_are_blue():
    gram = torch.tensor([[1.0, -0.8], [-0.8, 1.0]])
    now, _ = maps.gram_pair(gram, gram)
    r, _, b = pixels(now)[60, 180]
    assert b > r
    r, _, b = pixels(now)[60, 60]
    assert r > b


def test_a_channel_that_is_silent_in_the_target():
    target = torch.diag(torch.tensor([1.0, 0.0]))
    now, wanted = maps.gram_pair(torch.eye(2), target)
    assert pixels(wanted)[180, 180].sum() < 60
    assert pixels(now)[180, 180].sum() > 600


@pytest.mark.parametrize(("shape", "other"), [((3, 3), (4, 4)), ((3, 4), (3, 4)), ((1, 3, 3), (1, 3, 3))])
def test_a_gram_pair_is_two_square_matrices(shape, other):
    with pytest.raises(ValueError, match=r"\(C, C\)"):
        maps.gram_pair(torch.ones(shape), torch.ones(other))


def test_gram_distance():
    target = gram_of(0)
    assert maps.gram_distance(target, target) == 0
    assert maps.gram_distance(torch.zeros_like(target), target) == pytest.approx(1)
    assert maps.gram_distance(3 * target, target) == pytest.approx(4)
    features = torch.rand(1, 8, 5, 5, generator=torch.Generator().manual_seed(1))
    style = st.style_target(torch.rand(1, 8, 5, 5, generator=torch.Generator().manual_seed(2)), "relative")
    loss = st.style_loss(features, style, "relative").item()
    assert maps.gram_distance(st.gram_matrix(features, "hw")[0], style[0]) == pytest.approx(loss)


def test_gram_distance_from_nothing():
    assert maps.gram_distance(torch.zeros(2, 2), torch.zeros(2, 2)) == 0
