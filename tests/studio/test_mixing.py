"""Two styles as the page's controls have them: plain functions on styles and masks."""

import json

import numpy as np
import pytest
from PIL import Image

import styletools as st
from styletools.studio.mixing import (
    STROKES,
    check_masks,
    controls,
    fitting,
    masked,
    mixed,
    scaled,
    share_of_second,
    shown_mask,
    softened,
    stroke_of,
    with_picture,
    without_second,
)

ONE = (st.Style("great_wave", scale=2.0),)
TWO = (st.Style("great_wave"), st.Style("the_harvest"))
UPPER = (0.0, 0.0, 1.0, 0.5)


def half(size=(60, 40), white=0.5):
    """A mask that is white on the left."""
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, round(white * size[0]), size[1]))
    return mask


def job_of(*styles, content="eilean_donan"):
    return st.Job(content, styles, 32, 5, coarse_to_fine=False)


# --- other styles ------------------------------------------------------------------------------------------------------


def test_a_second_style_comes_in_equal_parts_and_with_the_same_strokes():
    styles = with_picture(ONE, 1, "chelsea")
    assert [(one.picture, one.weight, one.scale) for one in styles] == [("great_wave", 1.0, 2.0), ("chelsea", 1.0, 2.0)]
    assert share_of_second(styles) == 0.5


def test_another_picture_keeps_everything_else():
    styles = masked(mixed(scaled(TWO, 0.5), 0.3), UPPER)
    first, second = with_picture(with_picture(styles, 0, "chelsea"), 1, "composition_viii")
    assert (first.picture, first.weight, first.scale) == ("chelsea", 0.7, 0.5)
    assert (second.picture, second.weight, second.scale, second.where) == ("composition_viii", 0.3, 0.5, UPPER)


def test_styles_beyond_the_second_stay():
    third = st.Style("composition_viii", weight=3.0)
    styles = (*TWO, third)
    for change in (mixed(styles, 0.2), masked(styles, UPPER), with_picture(styles, 1, "chelsea")):
        assert change[2] is third
    assert without_second(styles) == (TWO[0], third)
    assert without_second(TWO) == TWO[:1]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.95])
def test_a_mix_is_told_as_it_was_set(share):
    assert share_of_second(mixed(TWO, share)) == share
    assert sum(one.weight for one in mixed(TWO, share)) == pytest.approx(1)


@pytest.mark.parametrize("share", [0, 0.04, 1, -1, None, "half", float("nan")])
def test_a_mix_that_makes_no_sense(share):
    with pytest.raises(
        st.SettingsError, match=r"^the share of the second style is .*; expected a share from 0\.05 to 0\.95\.$"
    ):
        mixed(TWO, share)


def test_without_a_second_style_there_is_nothing_to_mix():
    for change in (lambda: mixed(ONE, 0.5), lambda: masked(ONE, UPPER)):
        with pytest.raises(st.SettingsError, match="there is no second style yet: choose one first"):
            change()


def test_strokes():
    assert stroke_of(scaled(TWO, 0.25)) == 0.25
    assert stroke_of((TWO[0], *ONE)) is None
    with pytest.raises(st.SettingsError, match=r"scale is 9; expected a number from 0\.1"):
        scaled(TWO, 9)


def test_a_mask_of_another_shape_goes_and_a_box_stays():
    styles = masked(TWO, half())
    assert fitting(styles, Image.new("RGB", (90, 60))) is styles
    assert [one.where for one in fitting(styles, Image.new("RGB", (60, 60)))] == [None, None]
    boxed = masked(TWO, UPPER)
    assert fitting(boxed, Image.new("RGB", (60, 60))) is boxed


# --- masks ---------------------------------------------------------------------------------------------------------------


def test_a_soft_edge_is_a_gaussian_of_the_longer_side():
    sharp, soft = (np.asarray(softened(half((200, 100)), amount), dtype=float)[50] for amount in (0, 0.05))
    assert set(sharp) == {0, 255}
    assert soft[99] / 255 == pytest.approx(0.5, abs=0.03)
    assert soft[90] / 255 == pytest.approx(0.83, abs=0.05), "one standard deviation, 10 pixels, from the edge"
    assert (soft[0], soft[199]) == (255, 0), "the border of the picture is no edge"


@pytest.mark.parametrize("soft", [-0.1, 0.2, None, "soft"])
def test_a_soft_edge_that_makes_no_sense(soft):
    with pytest.raises(st.SettingsError, match=r"^the soft edge is .*; expected a share from 0 to 0\.1 of the longer side\.$"):
        softened(half(), soft)


def test_the_mask_that_is_shown():
    assert shown_mask(job_of(*TWO)) is shown_mask(job_of(*ONE)) is None
    shown = shown_mask(job_of(*masked(TWO, UPPER)))
    assert shown.size == (512, 341)
    assert (shown.getpixel((9, 9)), shown.getpixel((9, 330))) == (255, 0)
    assert shown_mask(job_of(*masked(TWO, half()))).size == (512, 341)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (half(white=1), "the masks cover the whole photograph; nothing is left for the style without a mask."),
        (half(white=0), "a mask is black everywhere"),
        (half((60, 60)), "the mask has 60 x 60 pixels"),
    ],
    ids=["white", "black", "square"],
)
def test_masks_that_cannot_be_used_are_told_before_anything_is_built(mask, sentence):
    check_masks(job_of(*TWO))
    check_masks(job_of(*masked(TWO, half())))
    with pytest.raises((st.ImageError, st.SettingsError)) as caught:
        check_masks(job_of(*masked(TWO, mask)))
    assert str(caught.value).startswith(sentence)


# --- what the page shows -------------------------------------------------------------------------------------------------


def test_what_the_controls_show():
    data = controls(masked(mixed(TWO, 0.3), half()), "harvest")
    assert data == {"stroke": 1.0, "strokes": list(STROKES), "second": {"label": "harvest", "share": 0.3, "masked": True}}
    assert json.loads(json.dumps(data)) == data
    assert controls(scaled(ONE, 3), "") == {"stroke": 3.0, "strokes": [*STROKES, 3.0], "second": None}
    assert controls((TWO[0], *ONE), "")["stroke"] is None
