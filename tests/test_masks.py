"""Masks: read from anything, the same at every size, tight in every layer; and what of a loss they let through."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import styletools as st
from styletools.losses import STYLE_LOSSES, nearest_neighbours, neighbour_distance, neighbour_statistic, neighbour_target
from styletools.masks import checked_box, flood, is_box, load_mask, mask_at, share_of
from styletools.styles import regions_of

HALF = np.repeat([[1.0, 1.0, 0.0, 0.0]], 4, axis=0)  # the left half of 4 x 4 pixels


def half_as(kind, folder):
    """The same mask, the left half of 24 x 36 pixels, in every form there is."""
    bytes_ = np.zeros((24, 36), np.uint8)
    bytes_[:, :18] = 255
    image, path = Image.fromarray(bytes_), folder / "mask.png"
    image.save(path)
    return {
        "box": (0, 0, 0.5, 1), "list": [0, 0, 0.5, 1.0], "bytes": bytes_, "truth": bytes_ > 0, "floats": bytes_ / 255,
        "whole": (bytes_ // 255).astype(int), "tensor": torch.from_numpy(bytes_ / 255), "flags": torch.from_numpy(bytes_ > 0),
        "axes": torch.from_numpy(bytes_ / 255)[None, None], "grey": image, "rgb": image.convert("RGB"),
        "bits": image.convert("1"), "palette": image.convert("P"), "path": path, "name": str(path), "file": path.read_bytes(),
    }[kind]  # fmt: skip


KINDS = ("box", "list", "bytes", "truth", "floats", "whole", "tensor", "flags", "axes", "grey", "rgb", "bits", "palette",
         "path", "name", "file")  # fmt: skip


# --- reading ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_mask_in_every_form(kind, tmp_path):
    mask = load_mask(half_as(kind, tmp_path), 24, 36)
    assert mask.shape == (1, 1, 24, 36)
    assert mask.dtype == torch.float32
    assert bool((mask[..., :18] == 1).all())
    assert bool((mask[..., 18:] == 0).all())


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_of_another_size_is_the_mean_of_what_each_pixel_covers(kind, tmp_path):
    mask = load_mask(half_as(kind, tmp_path), 12, 18)
    assert mask.shape == (1, 1, 12, 18)
    assert bool((mask[..., :9] == 1).all())
    assert bool((mask[..., 9:] == 0).all())


def test_a_pixel_half_inside_counts_half():
    wide = np.repeat([[1.0, 1.0, 1.0, 0.0]], 4, axis=0)
    torch.testing.assert_close(load_mask(wide, 2, 2)[0, 0], torch.tensor([[1.0, 128 / 255]] * 2), atol=1 / 255, rtol=0)


def test_a_box_covers_parts_of_pixels():
    mask = load_mask((0.25, 0, 1, 0.5), 2, 2)
    torch.testing.assert_close(mask[0, 0], torch.tensor([[128 / 255, 1.0], [0, 0]]))
    torch.testing.assert_close(load_mask((0, 0, 1, 0.4), 10, 3)[0, 0, :, 0], torch.tensor([1.0] * 4 + [0.0] * 6))


def test_soft_masks_stay_soft():
    ramp = np.linspace(0, 1, 30)[None].repeat(20, 0)
    assert np.abs(load_mask(ramp, 20, 30)[0, 0].numpy() - ramp).max() <= 0.5 / 255 + 1e-6


def test_a_saved_mask_is_read_as_it_was():
    mask = load_mask(np.random.default_rng(0).random((20, 30)), 20, 30)
    assert torch.equal(load_mask(mask, 20, 30), mask)


def test_boxes_are_known():
    assert is_box((0, 0, 1, 0.4))
    assert is_box([0, np.float32(0), torch.tensor(1), 1])
    assert not any(map(is_box, ((0, 0, 1), (0, 0, 1, "x"), "0011", np.zeros((4, 4)), None, (0, 0, 1, True))))
    assert checked_box([0, 0, 1, 1]) == (0.0, 0.0, 1.0, 1.0)


def test_what_is_transparent_does_not_count(tmp_path):
    """As paint programs export a drawing: white strokes on nothing."""
    drawing = Image.new("RGBA", (90, 60), (0, 0, 0, 0))
    drawing.paste((255, 255, 255, 255), (0, 0, 90, 30))
    drawing.save(tmp_path / "mask.png")
    for mask in (drawing, tmp_path / "mask.png", (tmp_path / "mask.png").read_bytes()):
        found = load_mask(mask, 60, 90)
        assert found[..., :30, :].min() == 1
        assert found[..., 30:, :].max() == 0


def test_a_little_is_not_rounded_to_nothing():
    dot, hole = np.zeros((2000, 3000), bool), np.ones((2000, 3000), bool)
    dot[7, 7], hole[7, 7] = True, False
    assert load_mask(dot, 43, 64).sum() == pytest.approx(43 * 64 / 6e6, rel=0.1)
    assert 0 < (1 - load_mask(hole, 43, 64)).sum() < 0.01


def test_the_shape_of_a_small_picture_is_rounded():
    mask = np.ones((400, 629), np.uint8)
    for size in (427, 640), (43, 64), (21, 32):
        assert load_mask(mask, *size).shape[-2:] == size


def test_a_mask_of_any_type_of_number():
    for kind in (torch.bfloat16, torch.float16, torch.float64, torch.uint8, torch.bool):
        assert load_mask(torch.ones(20, 30).to(kind), 20, 30).min() == 1


# --- bad input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ((0, 0, 0, 1), r"the box \(0, 0, 0, 1\) is empty; expected \(left, top, right, bottom\), left < right"),
        ((0, 0.5, 1, 0.2), "is empty"),
        ((0, 0, 1, 40), "a side of the box is 40; expected a share from 0 to 1"),
        ((-0.1, 0, 1, 1), "a side of the box is -0.1"),
        (np.zeros((24, 36)), "a mask is black everywhere"),
        (Image.new("L", (36, 24)), "a mask is black everywhere"),
        (np.ones((24, 36, 3)), r"a mask of shape \(24, 36, 3\) and type float64 is impossible; expected a picture, an array"),
        (np.ones(24), r"a mask of shape \(24,\)"),
        (np.ones((0, 4)), r"a mask of shape \(0, 4\)"),
        (torch.ones(1, 3, 24, 36), r"a mask of shape \(1, 3, 24, 36\)"),
        (np.full((24, 36), "x"), "type <U1 is impossible"),
        (np.full((24, 36), np.nan), "numbers outside 0..1"),
        (np.full((24, 36), 2.0), r"numbers outside 0..1 \(or 0..255 where they are whole\)"),
        (np.full((24, 36), -1), "numbers outside 0..1"),
        (np.full((24, 36), 256), "numbers outside 0..1"),
        (np.ones((36, 24)), "the mask has 24 x 36 pixels, the picture the shape 36 x 24; a mask must cover"),
        (Image.new("L", (24, 24), 255), "the mask has 24 x 24 pixels"),
        ("nowhere.png", "there is no file nowhere.png"),
        (b"no picture", "is not a picture that can be read"),
        (5, r"a mask is 5; expected a picture, an array \(H, W\) or a box"),
        ([[0, 1], [1, 0]], r"a mask is \[\[0, 1\], \[1, 0\]\]; expected a picture, an array"),
        ((0, 0, 1), r"a mask is \(0, 0, 1\); expected"),
        (object(), "the object is no picture"),
    ],
)
def test_what_is_no_mask_is_told_in_one_sentence(mask, message):
    with pytest.raises((st.SettingsError, st.ImageError), match=message) as caught:
        load_mask(mask, 24, 36)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_masks_of_nearly_the_same_shape_fit():
    """A photograph scaled to 256 pixels is rounded to whole pixels; its mask, made at full size, must still fit."""
    assert load_mask(np.ones((443, 680)), 167, 256).shape == (1, 1, 167, 256)


# --- in layers -------------------------------------------------------------------------------------------------------------


def test_at_a_layer_the_border_is_left_out():
    small = mask_at(load_mask((0, 0, 0.5, 1), 32, 32), (8, 8))[0, 0]
    assert bool((small[:, :3] == 1).all())
    assert bool((small[:, 3:] == 0).all())  # position 3 has a neighbour outside


def test_the_picture_s_own_edge_is_no_border():
    assert torch.equal(mask_at(torch.ones(1, 1, 20, 30), (5, 7)), torch.ones(1, 1, 5, 7))


def test_what_is_too_narrow_to_leave_out_a_border_stays():
    narrow = load_mask((0.4, 0, 0.6, 1), 40, 40)
    kept = mask_at(narrow, (4, 4))
    torch.testing.assert_close(kept, torch.nn.functional.adaptive_avg_pool2d(narrow, 4))
    assert kept.max() > 0


def test_shares_are_squares_with_mean_1():
    mask = load_mask(HALF, 4, 4)
    soft = torch.tensor([[0.5, 1.0], [0.5, 1.0]]).view(1, 1, 2, 2)
    torch.testing.assert_close(share_of(soft, (2, 2)).mean(), torch.tensor(1.0))
    assert share_of(mask, (4, 4)).mean() == 1
    assert share_of(None, (4, 4)) is None


@pytest.mark.parametrize("size", [(48, 40), (24, 20), (3, 2), (1, 1)])
def test_a_mask_of_ones_gives_shares_of_ones_to_the_bit(size):
    assert torch.equal(share_of(load_mask((0, 0, 1, 1), 48, 40), size), torch.ones(1, 1, *size))


# --- making masks ----------------------------------------------------------------------------------------------------------


def test_flood_known_values():
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[:, :2], picture[0, 4] = 100, 100  # a patch, and a pixel of its colour that it does not reach
    picture[1, 2] = 120  # beside the patch, nearly its colour
    reached = np.asarray(flood(Image.fromarray(picture), 0.1, 0.1, 0.1)) > 0
    expected = np.zeros((4, 5), bool)
    expected[:, :2] = expected[1, 2] = True
    assert np.array_equal(reached, expected)
    assert not (np.asarray(flood(Image.fromarray(picture), 0.1, 0.1, 0.05)) > 0)[1, 2]
    assert np.asarray(flood(Image.fromarray(picture), 0, 0, 1)).min() == 255


def test_flood_measures_from_its_point_and_does_not_creep():
    ramp = np.repeat(np.arange(0, 250, 10, dtype=np.uint8)[None, :, None], 3, 2)  # each pixel close to the next
    assert (np.asarray(flood(Image.fromarray(ramp), 0, 0, 0.2)) > 0).sum() == 6  # 0 to 50, at most 51


def test_flood_of_a_sky_is_a_mask_of_it():
    mask = load_mask(flood("neuschwanstein", 0.7, 0.1, 0.3), 100, 153)
    assert 0.35 < mask.mean() < 0.45
    assert bool((mask[:, :, 60:] < 0.5).all())


def test_flood_of_a_large_picture_is_a_mask_of_its_size():
    large = st.sample("neuschwanstein").resize((1360, 890))
    mask, small = flood(large, 0.7, 0.1, 0.3), flood("neuschwanstein", 0.7, 0.1, 0.3)
    assert mask.size == large.size
    difference = np.abs(np.asarray(mask.resize(small.size), float) - np.asarray(small, float))
    assert difference.mean() < 0.02 * 255


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((2, 0), "x is 2; expected a share from 0 to 1"), ((0, -1), "y is -1"), (("x", 0), "x is x"),
     ((0, 0, 2), "tolerance is 2; expected a number from 0 to 1")],
)  # fmt: skip
def test_flood_from_nowhere(arguments, message):
    with pytest.raises(st.SettingsError, match=message):
        flood("chelsea", *arguments)


def test_flood_of_no_picture():
    with pytest.raises(st.ImageError, match="there is no file"):
        flood("nowhere.jpg", 0, 0)


# --- what a loss sees through a mask ---------------------------------------------------------------------------------------

LAYER, FIELD = "relu3_1", 24  # pixels that one of its positions sees
CONVENTIONS = [name for name in STYLE_LOSSES if name != "neighbours"]


def features_of(vgg, picture):
    return vgg(picture, [LAYER])[LAYER]


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_a_mask_of_ones_is_no_mask_to_the_bit(make_picture, tiny_vgg, name):
    features, other = (features_of(tiny_vgg, make_picture(seed)) for seed in (1, 2))
    ones = share_of(load_mask((0, 0, 1, 1), 48, 40), features.shape[-2:])
    target = st.style_target(other, name)
    assert torch.equal(st.style_target(other, name, ones), target)
    assert torch.equal(st.style_loss(features, target, name, ones), st.style_loss(features, target, name))


def test_a_share_of_ones_changes_no_neighbour(make_picture, tiny_vgg):
    features, other = (features_of(tiny_vgg, make_picture(seed)) for seed in (1, 2))
    ones = torch.ones(1, 1, *features.shape[-2:])
    plain, shared = neighbour_statistic(features), neighbour_statistic(features, ones)
    assert torch.equal(plain, shared)
    assert torch.equal(neighbour_target(other, ones), neighbour_target(other))
    target = neighbour_target(other)
    assert torch.equal(neighbour_distance(shared, target, share=ones), neighbour_distance(plain, target))
    assert torch.equal(nearest_neighbours(shared, target), nearest_neighbours(plain, target))


def style_gradient(vgg, recipe, picture, where):
    """The gradient (1, 3, H, W) of the style loss of one masked region, at the picture, and the style loss of it."""
    style = st.preprocess(st.sample("great_wave"), 64)
    regions = regions_of([st.Style("great_wave", where=where)], [style], *picture.shape[-2:])
    x = picture.clone().requires_grad_()
    loss = recipe.terms(vgg, x, recipe.targets(vgg, picture, regions)).style
    return torch.autograd.grad(loss, x)[0]


BALANCED = st.RECIPES["balanced"]
MASKED = {
    **{name: replace(BALANCED, style_convention=name, style_layers={LAYER: 1.0}) for name in CONVENTIONS},
    "nearest": replace(st.RECIPES["nearest"], neighbour_layers={LAYER: 1.0}),
}


@pytest.mark.parametrize("name", MASKED)
def test_the_gradient_of_a_region_is_zero_outside_it_up_to_the_receptive_field(make_picture, tiny_vgg, name):
    gradient = style_gradient(tiny_vgg, MASKED[name], make_picture(0, 64, 96), (0, 0, 0.5, 1))
    assert bool((gradient[..., 48 + FIELD // 2 :] == 0).all())
    assert gradient[..., :40].abs().max() > 0
    inside = gradient[..., :48].norm()
    assert inside > 0.9 * gradient.norm()


def test_without_leaving_out_the_border_more_of_the_gradient_is_outside(make_picture, tiny_vgg):
    """The reason for `mask_at`'s second half: the merely resized mask lets more through."""
    picture, recipe = make_picture(0, 64, 96), MASKED["relative"]
    mask = load_mask((0, 0, 0.5, 1), 64, 96)
    regions = regions_of([st.Style("great_wave", where=mask)], [make_picture(2)], 64, 96)
    targets = recipe.targets(tiny_vgg, picture, regions)
    resized = torch.nn.functional.adaptive_avg_pool2d(mask, (16, 24)) ** 2
    leaky = targets._replace(regions=(targets.regions[0]._replace(shares={LAYER: resized / resized.mean()}),))
    outside = []
    for aims in (targets, leaky):
        x = picture.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(recipe.terms(tiny_vgg, x, aims).style, x)
        outside.append(float(gradient[..., 48:].norm() / gradient.norm()))
    assert outside[0] < 0.7 * outside[1]


@pytest.mark.parametrize("recipe", ["balanced", "neighbours", "nearest", "mean_std", "sliced", "wasserstein"])
def test_a_picture_painted_through_a_mask_of_ones_is_the_same_to_the_byte(photograph, vgg, recipe):
    ones = np.ones((64, 96))
    plain, masked, part = (
        st.paint(st.Job(photograph, style, 64, 3, recipe), vgg)
        for style in ("great_wave", st.Style("great_wave", where=ones), st.Style("great_wave", part=(0, 0, 1, 1)))
    )
    assert plain.tobytes() == masked.tobytes() == part.tobytes()
