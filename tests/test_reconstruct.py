"""Reconstructions: the loss falls, seeds decide, shapes and errors are as promised. Tiny pictures, few steps."""

import pytest
import torch

import styletools as st
from styletools.reconstruct import natural


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def picture():
    return st.clamp_to_box(torch.nn.functional.interpolate(random(1, 3, 4, 5), size=(32, 40), mode="bicubic"))


def content_distance(vgg, x, y, layer="relu2_1"):
    return float(st.content_loss(vgg(x, [layer])[layer], vgg(y, [layer])[layer], "relative"))


def style_distance(vgg, x, y, layers):
    targets = {layer: st.style_target(f, "relative") for layer, f in vgg(y, layers).items()}
    return sum(float(st.style_loss(f, targets[layer], "relative")) for layer, f in vgg(x, layers).items())


def response(vgg, x, layer, channel):
    return float(vgg(x, [layer])[layer][:, channel].relu().mean())


def inside_the_box(x):
    return torch.equal(x, st.clamp_to_box(x))


def test_content_comes_back(slim, picture):
    start, early, late = (st.reconstruct_content(slim, picture, "relu2_1", steps=n) for n in (0, 5, 40))
    distances = [content_distance(slim, x, picture) for x in (start, early, late)]
    assert distances[0] > distances[1] > 3 * distances[2]
    assert late.shape == picture.shape
    assert late.dtype == torch.float32
    assert not late.requires_grad
    assert inside_the_box(late)


def test_from_the_first_layer_the_picture_itself_comes_back(slim, picture):
    found = st.reconstruct_content(slim, picture, "relu1_1", steps=60)
    assert (found - picture).abs().mean() < 0.15 * picture.abs().mean()


def test_style_comes_back_in_any_shape(slim, picture):
    layers = ["relu1_1", "relu2_1"]
    start = st.reconstruct_style(slim, picture, layers, steps=0)
    same = st.reconstruct_style(slim, picture, layers, steps=40)
    wide = st.reconstruct_style(slim, picture, layers, shape=(24, 48), steps=40)
    assert same.shape == picture.shape
    assert wide.shape == (1, 3, 24, 48)
    before = style_distance(slim, start, picture, layers)
    assert style_distance(slim, same, picture, layers) < before / 10
    assert style_distance(slim, wide, picture, layers) < before / 5
    assert inside_the_box(wide)


def test_layers_may_be_an_iterator(slim, picture):
    names = ["relu1_1", "relu2_1"]
    assert torch.equal(
        st.reconstruct_style(slim, picture, iter(names), steps=2), st.reconstruct_style(slim, picture, names, steps=2)
    )


@pytest.mark.parametrize("layer", ["relu1_1", "conv2_1", "relu3_1"])
def test_a_channel_is_excited(slim, layer):
    start, late = (st.maximize_activation(slim, layer, 3, size=32, steps=n) for n in (0, 30))
    assert response(slim, late, layer, 3) > 3 * response(slim, start, layer, 3)
    assert late.shape == (1, 3, 32, 32)
    assert inside_the_box(late)


def test_each_channel_is_excited_most_by_its_own_picture(slim):
    pictures = [st.maximize_activation(slim, "relu2_1", channel, size=32, steps=30) for channel in range(4)]
    for channel in range(4):
        responses = [response(slim, x, "relu2_1", channel) for x in pictures]
        assert max(responses) == responses[channel]


def test_a_sleeping_channel_wakes_up(make_vgg):
    vgg = make_vgg()
    vgg.features[0].bias.data[0] = -1.0  # its ReLU is zero on faint noise everywhere: a plain gradient would be zero too
    assert response(vgg, st.maximize_activation(vgg, "relu1_1", 0, size=32, steps=0), "relu1_1", 0) == 0
    assert response(vgg, st.maximize_activation(vgg, "relu1_1", 0, size=32, steps=40), "relu1_1", 0) > 0


@pytest.mark.parametrize(
    "paint",
    [
        lambda vgg, x, seed: st.reconstruct_content(vgg, x, "relu1_1", steps=3, seed=seed),
        lambda vgg, x, seed: st.reconstruct_style(vgg, x, ["relu1_1"], steps=3, seed=seed),
        lambda vgg, x, seed: st.maximize_activation(vgg, "relu1_1", 1, size=32, steps=3, seed=seed),
    ],
)
def test_the_seed_alone_decides(slim, picture, paint):
    torch.manual_seed(1)
    first = paint(slim, picture, 0)
    state = torch.get_rng_state()
    assert torch.equal(paint(slim, picture, 0), first)
    assert torch.equal(torch.get_rng_state(), state)  # no random number of anybody else is used up
    assert not torch.equal(paint(slim, picture, 1), first)


def test_the_given_picture_stays_as_it_is(slim, picture):
    before = picture.clone()
    st.reconstruct_content(slim, picture, "relu1_1", steps=2)
    st.reconstruct_style(slim, picture, ["relu1_1"], steps=2)
    assert torch.equal(picture, before)
    assert not picture.requires_grad


def test_it_works_where_gradients_are_switched_off(slim, picture):
    with torch.no_grad():
        found = st.reconstruct_content(slim, picture, "relu1_1", steps=2)
    assert torch.equal(found, st.reconstruct_content(slim, picture, "relu1_1", steps=2))


def test_bad_layers_and_channels_are_refused(slim, picture):
    with pytest.raises(KeyError, match="relu9_1"):
        st.reconstruct_content(slim, picture, "relu9_1", steps=1)
    with pytest.raises(KeyError, match="relu9_1"):
        st.reconstruct_style(slim, picture, ["relu1_1", "relu9_1"], steps=1)
    with pytest.raises(ValueError, match="at least one layer"):
        st.reconstruct_style(slim, picture, [], steps=1)
    with pytest.raises(KeyError, match="relu9_1"):
        st.maximize_activation(slim, "relu9_1", 0, steps=1)
    for channel in (-1, 16):
        with pytest.raises(IndexError, match=f"no channel {channel}; it has channels 0 to 15"):
            st.maximize_activation(slim, "relu1_1", channel, steps=1)
    with pytest.raises(ValueError, match="too small"):
        st.reconstruct_content(slim, picture[:, :, :8], "relu5_1", steps=1)


def test_the_natural_gradient_has_mean_square_one_and_more_of_the_coarse():
    gradient = random(1, 3, 16, 17)
    smooth = natural(gradient)
    assert smooth.shape == gradient.shape
    assert float(smooth.square().mean()) == pytest.approx(1, rel=1e-4)
    assert st.tv_loss(smooth, "squared") < 0.5 * st.tv_loss(gradient / gradient.square().mean().sqrt(), "squared")
    assert (smooth * gradient).sum() > 0  # still uphill
    assert torch.equal(natural(torch.zeros(1, 3, 8, 8)), torch.zeros(1, 3, 8, 8))
