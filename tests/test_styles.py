"""Several styles in one picture: how they are checked, sorted by place, mixed, written down and read again."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

import styletools as st
from styletools.painting import fit_style
from styletools.styles import Painted, Region, pack_styles, regions_of, simplest, styles_of

UPPER, LOWER = (0, 0, 1, 0.5), (0, 0.5, 1, 1)


def picture(seed=0, height=24, width=36):
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def sorted_by_place(*styles, height=24, width=36):
    return regions_of(styles, [picture(number) for number, _ in enumerate(styles)], height, width)


def mask_of(box_, height=24, width=36):
    left, top, right, bottom = box_
    mask = np.zeros((height, width))
    mask[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = 1
    return mask


# --- one style -------------------------------------------------------------------------------------------------------------


def test_a_style_is_a_picture_with_weight_1_everywhere_at_its_own_size():
    style = st.Style("great_wave")
    assert (style.weight, style.where, style.part, style.scale) == (1.0, None, None, 1.0)
    assert style.plain
    assert st.Style("great_wave", weight=3).plain  # alone, any weight is all of it
    assert not any(one.plain for one in (st.Style("x", 0), st.Style("x", where=UPPER), st.Style("x", part=UPPER),
                                         st.Style("x", scale=2)))  # fmt: skip


def test_numbers_of_any_library_become_floats_and_boxes_tuples_of_floats():
    style = st.Style("great_wave", torch.tensor(2), [0, 0, 1, np.float32(0.5)], (0, 0, 1, 1), np.float64(2))
    assert (style.weight, style.scale) == (2.0, 2.0)
    assert all(isinstance(value, float) for value in (style.weight, style.scale, *style.where, *style.part))
    assert style.where == UPPER
    assert isinstance(style.where, tuple)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": -1}, "weight is -1; expected a number of at least 0"),
        ({"weight": math.nan}, "weight is nan"),
        ({"weight": math.inf}, "weight is inf"),
        ({"weight": "much"}, "weight is much"),
        ({"weight": True}, "weight is True"),
        ({"scale": 0}, r"scale is 0; expected a number from 0.1 \(fine strokes\) to 4 \(large ones\)"),
        ({"scale": 0.09}, "scale is 0.09"),
        ({"scale": 4.1}, "scale is 4.1"),
        ({"scale": math.nan}, "scale is nan"),
        ({"scale": "large"}, "scale is large"),
        ({"where": (0, 0, 1, 2)}, "a side of the box is 2"),
        ({"part": (1, 0, 0, 1)}, "is empty"),
    ],
)
def test_bad_settings_are_one_sentence(settings, message):
    with pytest.raises(st.SettingsError, match=message) as caught:
        st.Style("great_wave", **settings)
    assert "\n" not in str(caught.value)


def test_the_ends_of_the_scales_are_allowed():
    assert [st.Style("x", scale=scale).scale for scale in (0.1, 4)] == [0.1, 4.0]


def test_a_style_of_a_style():
    with pytest.raises(st.SettingsError, match="a Style is made of a Style; expected a picture"):
        st.Style(st.Style("great_wave"))


# --- what is given as style ------------------------------------------------------------------------------------------------


def test_pictures_and_styles_in_any_mixture():
    wave, image = st.Style("great_wave", 2), Image.new("RGB", (40, 40))
    assert styles_of("great_wave") == (st.Style("great_wave"),)
    assert styles_of(wave) == (wave,)
    assert styles_of([wave, "the_harvest", image]) == (wave, st.Style("the_harvest"), st.Style(image))
    assert styles_of(("great_wave",)) == styles_of("great_wave")


def test_no_styles_and_styles_without_weight():
    for nothing in ([], ()):
        with pytest.raises(st.SettingsError, match="the list of styles is empty; expected at least one picture"):
            st.Job("chelsea", nothing)
    with pytest.raises(st.SettingsError, match="the weights of all styles are 0; give at least one of them"):
        st.Job("chelsea", [st.Style("great_wave", 0), st.Style("the_harvest", 0)])


def test_what_a_picture_alone_says_is_that_picture():
    assert simplest("great_wave") == "great_wave"
    assert simplest([st.Style("great_wave", 5)]) == "great_wave"
    assert simplest(st.Style("great_wave", scale=2)) == (st.Style("great_wave", scale=2),)
    assert st.Job("chelsea", ["great_wave"]) == st.Job("chelsea", "great_wave")
    assert st.Job("chelsea", "great_wave").styles == (st.Style("great_wave"),)


# --- places ----------------------------------------------------------------------------------------------------------------


def test_one_style_without_a_mask_is_everywhere():
    (region,) = sorted_by_place(st.Style("a"))
    assert region.where is None
    assert [(painted.weight, painted.part) for painted in region.styles] == [(1.0, None)]
    assert torch.equal(region.styles[0].picture, picture(0))
    assert isinstance(region, Region)
    assert isinstance(region.styles[0], Painted)


def test_a_style_without_a_mask_gets_what_the_masks_leave():
    upper, rest = sorted_by_place(st.Style("a", where=UPPER), st.Style("b"))
    assert torch.equal(upper.where + rest.where, torch.ones(1, 1, 24, 36))
    assert bool((upper.where[:, :, :12] == 1).all())
    assert bool((rest.where[:, :, 12:] == 1).all())


def test_where_masks_overlap_nothing_is_left_over():
    *_, rest = sorted_by_place(st.Style("a", where=(0, 0, 1, 0.6)), st.Style("b", where=(0, 0.4, 1, 0.8)), st.Style("c"))
    assert rest.where.min() == 0
    assert bool((rest.where[:, :, :19] == 0).all())
    assert bool((rest.where[:, :, 20:] == 1).all())


def test_styles_with_the_same_mask_share_one_place_whatever_its_form():
    image = Image.fromarray((255 * mask_of(UPPER)).astype(np.uint8))
    forms = [UPPER, list(UPPER), mask_of(UPPER), mask_of(UPPER) > 0, torch.from_numpy(mask_of(UPPER)), image]
    (region,) = sorted_by_place(*(st.Style("x", weight, where=form) for weight, form in enumerate(forms, 1)))
    assert [painted.weight for painted in region.styles] == [1, 2, 3, 4, 5, 6]


def test_styles_without_masks_share_one_place():
    regions = sorted_by_place(st.Style("a"), st.Style("b", where=UPPER), st.Style("c", 3))
    assert [[painted.weight for painted in region.styles] for region in regions] == [[1, 3], [1]]


def test_weight_0_leaves_the_place_to_nobody():
    (rest,) = sorted_by_place(st.Style("a", 0, where=UPPER), st.Style("b"))
    assert bool((rest.where[:, :, :12] == 0).all())
    assert bool((rest.where[:, :, 12:] == 1).all())


def test_a_part_of_the_painting_is_a_mask_at_its_size():
    (region,) = regions_of([st.Style("a", part=UPPER)], [picture(0, 20, 30)], 24, 36)
    assert region.where is None
    assert torch.equal(region.styles[0].part[0, 0], torch.from_numpy(mask_of(UPPER, 20, 30)).float())


@pytest.mark.parametrize("masks", [[(0, 0, 1, 1)], [UPPER, LOWER], [np.ones((24, 36))]])
def test_masks_that_cover_everything_leave_nothing_to_a_style_without_one(masks):
    styles = [*(st.Style("a", where=mask) for mask in masks), st.Style("b")]
    with pytest.raises(st.SettingsError, match="the masks cover the whole photograph; nothing is left") as caught:
        sorted_by_place(*styles)
    assert "\n" not in str(caught.value)
    assert len(sorted_by_place(*styles[:-1])) == len(masks)  # without it they do
    assert len(sorted_by_place(*styles[:-1], st.Style("b", 0))) == len(masks)  # one that does not count wants no place


@pytest.mark.parametrize(
    ("style", "error", "message"),
    [
        ({"where": np.zeros((24, 36))}, st.SettingsError, "black everywhere"),
        ({"where": np.ones((36, 24))}, st.ImageError, "a mask must cover its picture exactly"),
        ({"part": np.ones((24, 90))}, st.ImageError, "a mask must cover its picture exactly"),
        ({"where": "nowhere.png"}, st.ImageError, "there is no file"),
        ({"part": 7}, st.SettingsError, "a mask is 7; expected a picture"),
    ],
)
def test_masks_that_cannot_be_used_are_told_by_whoever_paints(photograph, vgg, style, error, message):
    with pytest.raises(error, match=message):
        sorted_by_place(st.Style("a", **style))
    with pytest.raises(error, match=message):
        st.paint(st.Job(photograph, st.Style("great_wave", **style), 64, 1), vgg)


# --- sizes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_scale_is_that_of_the_style_pictures_sides(scale):
    content, style = picture(0, 64, 96), st.sample("great_wave")
    plain, scaled = fit_style(style, content), fit_style(style, content, scale)
    assert plain.shape[-2] * plain.shape[-1] == pytest.approx(64 * 96, rel=0.03)
    assert scaled.shape[-1] == pytest.approx(scale * plain.shape[-1], abs=1)


def test_at_one_size_the_scale_is_that_of_the_longer_side(photograph, vgg):
    styles = [st.Style("great_wave", scale=scale) for scale in (0.5, 1, 2)]
    transfer = st.StyleTransfer(photograph, styles, vgg, "balanced", size=64, steps=1)
    assert [style.shape[-1] for style in transfer._given] == [32, 64, 128]


# --- painting --------------------------------------------------------------------------------------------------------------


def one_step(photograph, vgg, style, **settings):
    """The picture (1, 3, 64, 96) after one step of Adam that only styles pull at."""
    transfer = st.StyleTransfer(photograph, style, vgg, "balanced", size=96, steps=1, tv=0, **settings)
    list(transfer)
    return transfer.tensor, transfer.content


FIELD = 24  # pixels that a position of relu3_1 sees, the deepest layer below
SHALLOW = {"style_layers": {"relu2_1": 1.0, "relu3_1": 1.0}}


def test_where_the_weight_is_0_the_photograph_stays(photograph, vgg):
    painted, own = one_step(photograph, vgg, [st.Style("great_wave", 0, where=UPPER), "the_harvest"], **SHALLOW)
    border = 32 - FIELD // 2
    assert torch.equal(painted[:, :, :border], own[:, :, :border])
    assert not torch.equal(painted[:, :, 32:], own[:, :, 32:])


def test_the_style_of_one_place_does_not_touch_the_other(photograph, vgg):
    first, second = (
        one_step(photograph, vgg, [st.Style("great_wave", where=UPPER), st.Style(other, where=LOWER)], **SHALLOW)[0]
        for other in ("the_harvest", "composition_viii")
    )
    border = 32 - FIELD // 2
    assert torch.equal(first[:, :, :border], second[:, :, :border])
    assert not torch.equal(first[:, :, 32:], second[:, :, 32:])


def test_two_styles_mix_their_statistics_and_not_their_pictures(vgg, make_picture):
    content, styles = make_picture(0), [make_picture(1), make_picture(2)]
    recipe = st.RECIPES["balanced"]

    def targets(*weights):
        given = [st.Style("x", weight) for weight in weights]
        return recipe.targets(vgg, content, regions_of(given, styles, *content.shape[-2:])).style

    first, second, mixed = targets(1, 0), targets(0, 1), targets(3, 1)
    for layer in recipe.style_layers:
        torch.testing.assert_close(mixed[layer], 0.75 * first[layer] + 0.25 * second[layer])
    blend = recipe.targets(vgg, content, 0.75 * styles[0] + 0.25 * styles[1]).style
    assert any(not torch.allclose(blend[layer], mixed[layer], rtol=0.05) for layer in mixed)


def test_only_the_ratio_of_weights_counts(photograph, vgg):
    one, ten = (
        st.paint(st.Job(photograph, [st.Style("great_wave", w), st.Style("the_harvest", 2 * w)], 64, 2, "balanced"), vgg)
        for w in (1, 8)
    )
    assert one.tobytes() == ten.tobytes()


def test_a_part_of_the_painting_is_another_style_than_the_whole(photograph, vgg):
    whole, part = (
        st.paint(st.Job(photograph, style, 64, 2, "neighbours"), vgg)
        for style in ("great_wave", st.Style("great_wave", part=(0.5, 0, 1, 0.4)))
    )
    assert whole.tobytes() != part.tobytes()


def test_a_mask_is_read_once(tmp_path):
    """What becomes of the file later changes neither the painting nor the saved run."""
    path, style = tmp_path / "mask.png", "great_wave"
    Image.fromarray((255 * mask_of((0, 0, 1, 0.5), 43, 64)).astype(np.uint8)).save(path)
    before = path.read_bytes()
    job = st.Job("chelsea", [st.Style(style, where=path), "the_harvest"], 130, 2, "balanced")
    whole = st.paint(job)

    def change(transfer, step):
        if step.index == 1:
            path.unlink(missing_ok=True)

    assert st.paint(job, on_step=change).tobytes() == whole.tobytes()
    path.write_bytes(before)
    transfer = st.StyleTransfer("chelsea", job.style, size=64, steps=4, recipe="balanced")
    transfer.step()
    path.unlink()
    transfer.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors")
    assert list(again) == list(transfer)
    assert torch.equal(again.tensor, transfer.tensor)


def test_an_array_that_is_changed_later_is_another_mask():
    mask = np.ones((4, 4))
    style = st.Style("great_wave", where=mask)
    mask[:] = 0
    assert style == st.Style("great_wave", where=np.ones((4, 4))) != st.Style("great_wave", where=np.eye(4))
    assert st.Job("chelsea", style) == st.Job("chelsea", st.Style("great_wave", where=torch.ones(4, 4)))


@pytest.mark.parametrize(
    ("other", "colors"),
    [
        (st.Style("great_wave", part=(0, 0, 0.3, 0.3)), "style"), (st.Style("great_wave", where=(0, 0, 1, 0.5)), "style"),
        (st.Style("great_wave", weight=2), "style"), ("great_wave", "match"),
    ],
)  # fmt: skip
def test_a_run_with_other_masks_or_colours_is_refused(other, colors):
    state = st.StyleTransfer("chelsea", ["great_wave", "the_harvest"], size=64, recipe="balanced").state_dict()
    transfer = st.StyleTransfer("chelsea", [other, "the_harvest"], size=64, recipe="balanced", colors=colors)
    with pytest.raises(st.SettingsError, match=r"^this run has styles of other weights, masks or scales, or other colours;"):
        transfer.load_state_dict(state)


def test_weights_of_any_size_mix_alike(vgg):
    """Only their ratio counts, be they ever so small or large."""
    losses = {
        st.StyleTransfer("chelsea", [st.Style("great_wave", w), st.Style("the_harvest", w)], vgg, size=64, steps=1).step().style
        for w in (1.0, 1e-320, 1e308)
    }
    assert len(losses) == 1


def test_a_size_that_is_too_large_is_refused_before_any_step():
    with pytest.raises(st.ImageError, match="a size of 1000000 is too large"):
        st.stylize("chelsea", "great_wave", 10**6, steps=1, on_step=lambda transfer, step: pytest.fail("it paints"))


# --- written down and read again -------------------------------------------------------------------------------------------


def composed(folder, **settings):
    """A job with all there is: three styles, masks in five forms, parts, weights, scales, colours."""
    sky = Image.fromarray((255 * mask_of((0, 0, 1, 0.4), 64, 96)).astype(np.uint8))
    path = folder / "part.png"
    Image.fromarray((255 * mask_of((0, 0, 0.5, 1), 43, 65)).astype(np.uint8)).save(path)
    styles = [
        st.Style("great_wave", 2, where=sky, part=path, scale=0.75),
        st.Style(st.sample("the_harvest").resize((90, 74)), 1, where=sky, scale=1.3),
        st.Style("composition_viii", where=torch.from_numpy(mask_of((0, 0.5, 0.5, 1), 64, 96)), part=(0, 0, 1, 0.5)),
        st.Style("village_street_auvers", 0.5),
    ]
    content = st.sample("eilean_donan").resize((96, 64))
    return st.Job(content, styles, **{"size": 65, "steps": 3, "recipe": "balanced", "seed": 1, "colors": "match", **settings})


WAYS = [
    {}, {"recipe": "neighbours", "colors": "luminance"}, {"coarse_to_fine": False, "colors": "after"},
    {"coarse_to_fine": False, "recipe": "neighbours", "size": 64},
]  # fmt: skip


@pytest.mark.parametrize("settings", WAYS)
def test_a_job_read_from_text_paints_the_same_picture_to_the_byte(tmp_path, vgg, settings):
    job = composed(tmp_path, **settings)
    again = st.Job.from_json(job.to_json())
    assert [(s.weight, s.scale) for s in again.styles] == [(s.weight, s.scale) for s in job.styles]
    assert again.colors == job.colors
    assert st.paint(again, vgg).tobytes() == st.paint(job, vgg).tobytes()
    assert st.Job.from_json(again.to_json()).to_json() == again.to_json()


def test_a_saved_picture_paints_itself_again_to_the_byte(tmp_path, vgg):
    job = composed(tmp_path)
    painted = st.paint(job, vgg)
    st.save_picture(painted, tmp_path / "out.png", job)
    (again,) = st.read_jobs(tmp_path / "out.png")
    assert st.paint(again, vgg).tobytes() == painted.tobytes() == st.load_image(tmp_path / "out.png").tobytes()


@pytest.mark.parametrize("settings", WAYS[2:])
def test_a_saved_run_goes_on_to_the_byte(tmp_path, vgg, settings):
    whole = st.StyleTransfer.of(composed(tmp_path, **settings, steps=5), vgg)
    list(whole)
    broken = st.StyleTransfer.of(composed(tmp_path, **settings, steps=3), vgg)
    list(broken)
    broken.save(tmp_path / "run")
    loaded = st.StyleTransfer.load(tmp_path / "run", vgg, steps=5)
    assert loaded.image.tobytes() == broken.image.tobytes()
    assert [one.where is None for one in loaded.job.styles] == [one.where is None for one in broken.job.styles]
    list(loaded)
    assert loaded.image.tobytes() == whole.image.tobytes()


def test_a_run_with_other_styles_is_refused(tmp_path, vgg):
    transfer = st.StyleTransfer.of(composed(tmp_path, coarse_to_fine=False), vgg)
    state = transfer.state_dict()
    fewer = st.StyleTransfer(transfer.photograph, "great_wave", vgg, "balanced", size=65, steps=1)
    with pytest.raises(st.SettingsError, match="another number of styles"):
        fewer.load_state_dict(state)


def test_packed_styles_make_the_same_regions_again(tmp_path):
    job = composed(tmp_path)
    pictures = [picture(number, 30, 45) for number in range(4)]
    again = [st.Style(**one) for one in pack_styles(job.styles, pictures)]
    for mine, other in zip(regions_of(again, pictures, 43, 65), regions_of(job.styles, pictures, 43, 65), strict=True):
        assert torch.equal(mine.where, other.where)
        for own, theirs in zip(mine.styles, other.styles, strict=True):
            assert own.weight == theirs.weight
            assert torch.equal(own.picture, theirs.picture)
            assert own.part is theirs.part is None or torch.equal(own.part, theirs.part)
