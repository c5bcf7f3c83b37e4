"""The Laplacian pyramid: taken apart and put together again, a picture is itself."""

import itertools

import pytest
import torch

from styletools.pyramid import compose, decompose, resize

SIZES = [(48, 40), (33, 47), (64, 5), (7, 7), (2, 3), (1, 9), (7, 1), (1, 1)]


def random(height, width, seed=0, dtype=torch.float32):
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def sizes(bands):
    return [tuple(band.shape[-2:]) for band in bands]


# --- taking apart and putting together -------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("size", SIZES)
def test_the_bands_make_the_picture_again(size, levels):
    image = random(*size)
    torch.testing.assert_close(compose(decompose(image, levels)), image, rtol=0, atol=2e-6)


def test_one_level_is_the_picture_itself_to_the_bit():
    image = random(33, 47)
    (band,) = decompose(image, 1)
    assert torch.equal(band, image)
    assert torch.equal(compose([band]), image)


def test_known_values():
    image = torch.tensor([[1.0, 2.0], [3.0, 6.0]]).view(1, 1, 2, 2)
    fine, coarse = decompose(image, 2)
    torch.testing.assert_close(coarse, torch.full((1, 1, 1, 1), 3.0))  # the mean
    torch.testing.assert_close(fine, torch.tensor([[-2.0, -1.0], [0.0, 3.0]]).view(1, 1, 2, 2))
    torch.testing.assert_close(compose([fine, coarse + 10]), image + 10)


def test_coarse_bands_are_enlarged_smoothly():
    """Four pixels for two: their middles are a quarter and three quarters of the way."""
    enlarged = compose([torch.zeros(1, 1, 1, 4), torch.tensor([[0.0, 4.0]]).view(1, 1, 1, 2)])
    torch.testing.assert_close(enlarged.flatten(), torch.tensor([0.0, 1.0, 3.0, 4.0]))


def test_a_band_holds_detail_of_its_own_size():
    """A coarse wave is in the coarse bands, stripes of one pixel are in the finest."""
    across = torch.arange(64.0)
    wave = torch.sin(across * 2 * torch.pi / 64).expand(1, 3, 64, 64)
    stripes = (across % 2 * 2 - 1).expand(1, 3, 64, 64)
    for image, strongest in ((wave, 4), (stripes, 0)):
        energies = [float(band.square().mean()) for band in decompose(image, 5)]
        assert max(range(5), key=energies.__getitem__) == strongest
        assert energies[strongest] > 0.8 * sum(energies)


def test_a_constant_picture_has_empty_fine_bands():
    image = torch.tensor([0.3, -1.0, 2.0]).view(1, 3, 1, 1).expand(1, 3, 37, 50)
    *fine, coarse = decompose(image, 4)
    assert len(fine) == 3
    for band in fine:
        assert band.abs().max() < 1e-6
    torch.testing.assert_close(coarse, image[:, :, :5, :7])


# --- how many bands, and of what size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "levels", "expected"),
    [
        ((33, 47), 1, [(33, 47)]),
        ((33, 47), 4, [(33, 47), (17, 24), (9, 12), (5, 6)]),
        ((64, 64), 5, [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]),
        ((64, 5), 9, [(64, 5), (32, 3), (16, 2), (8, 1)]),
        ((2, 3), 5, [(2, 3), (1, 2)]),
        ((1, 9), 3, [(1, 9)]),
        ((1, 1), 3, [(1, 1)]),
    ],
)
def test_sizes_are_halved_and_rounded_up_until_a_side_is_one_pixel(size, levels, expected):
    assert sizes(decompose(random(*size), levels)) == expected


@pytest.mark.parametrize("levels", [0, -1])
def test_a_pyramid_has_at_least_one_level(levels):
    with pytest.raises(ValueError, match=rf"a pyramid of {levels} levels is impossible; it has at least 1"):
        decompose(random(8, 8), levels)


# --- the painter moves the bands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(48, 40), (33, 47), (64, 5)])
def test_every_pixel_of_every_band_has_a_gradient(size):
    """Each pixel of the picture is a weighted mean of each band, so a band's gradients of their sum count the pixels."""
    bands = [band.requires_grad_() for band in decompose(random(*size, dtype=torch.float64), 4)]
    for gradient in torch.autograd.grad(compose(bands).sum(), bands):
        assert gradient.min() > 0
        assert float(gradient.sum()) == pytest.approx(3 * size[0] * size[1])


def test_moving_a_coarse_band_moves_a_broad_area_and_a_fine_one_a_single_pixel():
    bands = decompose(torch.zeros(1, 1, 64, 64), 5)
    touched = []
    for number, band in enumerate(bands):
        moved = [other.clone() for other in bands]
        moved[number][0, 0, band.shape[-2] // 2, band.shape[-1] // 2] = 1
        touched.append(int((compose(moved) != 0).sum()))
    assert touched[0] == 1
    assert all(16 >= coarse / fine >= 3 for fine, coarse in itertools.pairwise(touched))
    assert touched[4] >= 16 * 16


# --- resizing ---------------------------------------------------------------------------------------------------------------


def test_resize_to_the_same_size_is_a_copy():
    image = random(8, 9)
    copy = resize(image, (8, 9))
    assert torch.equal(copy, image)
    assert copy.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_stripes_too_fine_to_be_seen_become_grey(mode):
    """Without smoothing first, every seventh pixel would be picked, and all are black or white."""
    stripes = (torch.arange(63) % 2 * 2.0 - 1).expand(1, 3, 63, 63)
    small = resize(stripes, (9, 9), mode)
    assert small.shape == (1, 3, 9, 9)
    assert small[..., 1:-1].abs().max() < 0.1


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_resizing_keeps_a_constant_picture_and_the_middle_where_it_is(mode):
    torch.testing.assert_close(resize(torch.full((1, 3, 10, 12), 0.7), (23, 5), mode), torch.full((1, 3, 23, 5), 0.7))
    ramp = torch.linspace(-1, 1, 20).expand(1, 3, 20, 20)
    assert resize(ramp, (7, 7), mode)[..., 3].abs().max() < 1e-6
