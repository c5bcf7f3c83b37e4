"""Whose colours a painting has: the photograph's chroma, the photograph's moments, or its own."""

import numpy as np
import pytest
import torch

import styletools as st
from styletools.palette import LUMA, grey, luminance, normalised, unit

WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue in Y, written out again on purpose


def chroma(image):
    """R - Y, G - Y and B - Y of a PIL picture, 0..255: what I and Q of YIQ are made of."""
    pixels = np.asarray(image, dtype=float)
    return pixels - (pixels @ WEIGHTS)[..., None]


def moments(picture):
    pixels = picture[0].flatten(1).double()
    return pixels.mean(1), torch.cov(pixels, correction=0)


def one_color(red, green, blue):
    return normalised(torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, 4, 5))


# --- brightness ------------------------------------------------------------------------------------------------------------


def test_luminance_known_values():
    assert sum(LUMA) == pytest.approx(1)
    for color, expected in (((1.0, 0.0, 0.0), 0.299), ((0.0, 1.0, 0.0), 0.587), ((0.0, 0.0, 1.0), 0.114), ((0.5,) * 3, 0.5)):
        y = luminance(one_color(*color))
        assert y.shape == (1, 1, 4, 5)
        torch.testing.assert_close(y, torch.full_like(y, expected), atol=1e-6, rtol=0)


def test_unit_and_normalised_undo_each_other(make_picture):
    picture = make_picture()
    torch.testing.assert_close(normalised(unit(picture)), picture, atol=1e-6, rtol=0)
    assert unit(picture).min() >= -1e-6
    assert unit(picture).max() <= 1 + 1e-6


def test_grey_has_the_brightness_and_no_colour(make_picture):
    picture = make_picture()
    without = unit(grey(picture))
    torch.testing.assert_close(without, luminance(picture).expand(1, 3, -1, -1), atol=1e-6, rtol=0)


def test_grey_like_another_picture_has_its_mean_and_deviation():
    picture, other = (normalised(0.5 + s * torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0)) + o)
                      for s, o in ((0.3, -0.1), (0.1, 0.2)))  # fmt: skip
    wanted, got = luminance(other), luminance(grey(picture, like=other))
    assert float(got.mean()) == pytest.approx(float(wanted.mean()), abs=1e-5)
    assert float(got.std()) == pytest.approx(float(wanted.std()), abs=1e-5)


def test_grey_of_one_colour_like_another_picture_is_finite(make_picture):
    assert bool(grey(one_color(0.2, 0.4, 0.6), like=make_picture()).isfinite().all())


# --- keeping chroma --------------------------------------------------------------------------------------------------------


def test_kept_chroma_known_values():
    painting, photograph = one_color(0.5, 0.5, 0.5), one_color(0.4, 0.3, 0.2)
    y = 0.299 * 0.4 + 0.587 * 0.3 + 0.114 * 0.2
    expected = torch.tensor([0.5 + 0.4 - y, 0.5 + 0.3 - y, 0.5 + 0.2 - y]).view(1, 3, 1, 1).expand(1, 3, 4, 5)
    torch.testing.assert_close(unit(st.keep_chroma(painting, photograph)), expected, atol=1e-6, rtol=0)


def test_kept_chroma_is_the_photographs_and_the_brightness_the_paintings_where_there_is_room():
    generator = torch.Generator().manual_seed(0)
    painting, photograph = (normalised(0.4 + 0.2 * torch.rand(1, 3, 20, 30, generator=generator)) for _ in range(2))
    kept = st.keep_chroma(painting, photograph)
    torch.testing.assert_close(luminance(kept), luminance(painting), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        unit(kept) - luminance(kept), unit(photograph) - luminance(photograph), atol=1e-6, rtol=0
    )  # fmt: skip


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_where_there_is_no_room_brightness_gives_way_and_never_chroma(level):
    photograph = one_color(0.9, 0.1, 0.3)
    kept = unit(st.keep_chroma(one_color(level, level, level), photograph))
    assert kept.min() >= -1e-6
    assert kept.max() <= 1 + 1e-6
    expected = unit(photograph) - luminance(photograph)
    torch.testing.assert_close(kept - (kept * torch.tensor(WEIGHTS).view(1, 3, 1, 1)).sum(1, keepdim=True), expected,
                               atol=1e-6, rtol=0)  # fmt: skip


def test_a_picture_keeps_its_own_chroma(make_picture):
    picture = make_picture()
    torch.testing.assert_close(st.keep_chroma(picture, picture), picture, atol=1e-5, rtol=0)


# --- matching --------------------------------------------------------------------------------------------------------------


def test_matched_moments_are_the_references(make_picture):
    picture, reference = make_picture(1), make_picture(2, 30, 50)
    matched = st.match_colors(picture, reference)
    assert matched.shape == picture.shape
    assert matched.dtype == picture.dtype
    for got, wanted in zip(moments(matched), moments(reference), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=0)


def test_matching_with_itself_changes_nothing(make_picture):
    picture = make_picture()
    torch.testing.assert_close(st.match_colors(picture, picture), picture, atol=1e-4, rtol=0)


def test_of_all_matrices_that_match_the_one_that_moves_least_is_taken(make_picture):
    """That is the symmetric one with positive eigenvalues; the product of two roots matches as well and moves more."""
    picture, reference = make_picture(1), make_picture(2)
    (mean, covariance), (mean_wanted, covariance_wanted) = moments(picture), moments(reference)
    pixels = picture[0].flatten(1).double() - mean[:, None]
    matched = st.match_colors(picture, reference)[0].flatten(1).double() - mean_wanted[:, None]
    transform = torch.linalg.lstsq(pixels.T, matched.T).solution.T  # (3, 3)
    torch.testing.assert_close(transform, transform.T, atol=1e-4, rtol=0)
    assert torch.linalg.eigvalsh(transform).min() > 0
    other = torch.linalg.cholesky(covariance_wanted) @ torch.linalg.inv(torch.linalg.cholesky(covariance))
    assert (matched - pixels).square().mean() < (other @ pixels - pixels).square().mean()


def test_matching_two_spreads_along_the_axes_scales_each_channel():
    """Diagonal covariances: T is the quotient of the deviations, channel by channel."""
    corners = torch.tensor([[i, j, k] for i in (-1.0, 1) for j in (-1.0, 1) for k in (-1.0, 1)]).T.reshape(1, 3, 2, 4)
    factors, shift = torch.tensor([0.5, 2.0, 3.0]).view(1, 3, 1, 1), torch.tensor([0.1, -0.2, 0.3]).view(1, 3, 1, 1)
    torch.testing.assert_close(st.match_colors(corners, factors * corners + shift), factors * corners + shift)


def test_a_picture_of_one_colour_or_grey_stays_finite(make_picture):
    reference = make_picture()
    flat = st.match_colors(one_color(0.2, 0.4, 0.6), reference)
    torch.testing.assert_close(flat.mean((2, 3)), reference.mean((2, 3)), atol=1e-5, rtol=0)
    assert bool(flat.isfinite().all())
    spread = torch.linalg.eigvalsh(moments(st.match_colors(grey(reference), reference))[1])
    assert spread[1] < 1e-6 * spread[2]  # grey has one direction, and no noise is blown up into others
    assert bool(st.match_colors(reference, one_color(0.2, 0.4, 0.6)).isfinite().all())


# --- in paintings ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def painted(photograph, vgg):
    """A picture for each of the modes, coarse to fine."""

    def paint(colors, **settings):
        job = st.Job(photograph, "great_wave", 64, steps=4, recipe="balanced", seed=1, colors=colors, **settings)
        return st.paint(job, vgg)

    return paint


@pytest.mark.parametrize("coarse_to_fine", [True, False])
@pytest.mark.parametrize("recipe", ["balanced", "neighbours"])
def test_in_luminance_mode_the_chroma_is_the_photographs_within_2_of_255(photograph, vgg, recipe, coarse_to_fine):
    job = st.Job(photograph, "great_wave", 64, 6, recipe, colors="luminance", coarse_to_fine=coarse_to_fine)
    own = st.postprocess(st.preprocess(photograph, 64))
    assert np.abs(chroma(st.paint(job, vgg)) - chroma(own)).max() <= 2


def test_after_matching_the_picture_has_the_photographs_moments(photograph, vgg):
    transfer = st.StyleTransfer(photograph, "great_wave", vgg, "balanced", size=64, steps=4, colors="after")
    list(transfer)
    painted = st.match_colors(transfer.tensor, transfer.photograph)
    for got, wanted in zip(moments(painted), moments(transfer.photograph), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=0)
    assert transfer.image.tobytes() == st.postprocess(painted).tobytes()


def test_in_match_mode_the_style_has_the_photographs_moments_but_for_what_is_beyond_black_and_white(photograph, vgg):
    transfer = st.StyleTransfer(photograph, "great_wave", vgg, "balanced", size=64, steps=1, colors="match")
    plain = st.StyleTransfer(photograph, "great_wave", vgg, "balanced", size=64, steps=1)
    wanted = st.clamp_to_box(st.match_colors(plain.style, plain.photograph))
    assert torch.equal(transfer.style, wanted)
    assert not torch.equal(transfer.style, plain.style)


def test_every_mode_paints_another_picture(painted):
    pictures = {colors: painted(colors).tobytes() for colors in st.COLOR_MODES}
    assert len({*pictures.values()}) == len(st.COLOR_MODES) == 4


@pytest.mark.parametrize("colors", st.COLOR_MODES)
def test_every_mode_paints_with_several_styles_at_their_places(photograph, vgg, colors):
    styles = [st.Style("great_wave", where=(0, 0, 1, 0.5)), st.Style("the_harvest", weight=2)]
    picture = st.paint(st.Job(photograph, styles, 64, 2, "balanced", colors=colors), vgg)
    assert picture.size == (64, 43)


@pytest.mark.parametrize("colors", st.COLOR_MODES)
def test_strength_0_is_the_photograph_in_every_mode(photograph, vgg, colors):
    own = st.postprocess(st.preprocess(photograph, 64))
    painted = st.stylize(photograph, "great_wave", 64, vgg, steps=2, strength=0, colors=colors)
    assert painted.tobytes() == own.tobytes()


@pytest.mark.parametrize("colors", ["sepia", "", None, 3, "Style"])
def test_an_unknown_mode_is_one_sentence_that_names_the_modes(colors):
    with pytest.raises(st.SettingsError, match=r"unknown colors .*choose from style, luminance, match, after") as caught:
        st.Job("eilean_donan", "great_wave", colors=colors)
    assert "\n" not in str(caught.value)
