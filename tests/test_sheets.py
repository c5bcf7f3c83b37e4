"""Contact sheets: pictures side by side, each with what made it written under it."""

from dataclasses import replace

import pytest
from PIL import Image

import styletools as st
from styletools import Job, Snapshot, Weights, contact_sheet

WEIGHTS = Weights(1.0, 20.0, 2.0, {"relu1_1": 0.5})
JOB = Job("eilean_donan", "great_wave", size=40, recipe="balanced", weights=WEIGHTS, coarse_to_fine=False, done=0)


def make_snapshot(color="blue", size=(60, 40), label="", **options):
    return Snapshot(Image.new("RGB", size, color), replace(JOB, **options), label)


def ink(picture, box):
    """How many pixels in a box are neither white nor nearly so."""
    return sum(value < 200 for value in picture.crop(box).convert("L").tobytes())


def test_captions_tell_the_weights_of_the_last_step():
    """Not those of the next one, which left no trace in the picture."""
    moves = ((1, WEIGHTS), (20, replace(WEIGHTS, alpha=0.0, beta=12345.678, tv=0.3333)))
    moved = make_snapshot(moves=moves, done=31, label="3")
    assert moved.caption == ("3 · step 31", "α 0  β 12\u202f300  TV 0.333 after 1 move")
    assert make_snapshot(moves=moves[:1], done=5).caption == ("step 5", "α 1  β 20  TV 2")
    assert make_snapshot(weights=replace(WEIGHTS, beta=7.5)).caption == ("step 0", "α 1  β 7.5  TV 2")


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(1, 4, (1, 1)), (3, 4, (3, 1)), (4, 4, (4, 1)), (5, 4, (4, 2)), (5, 2, (2, 3))]
)
def test_the_size_of_a_contact_sheet(count, columns, shape):
    sheet = contact_sheet([make_snapshot(size=(300, 200))] * count, columns)
    assert (sheet.mode, sheet.size) == ("RGB", (shape[0] * 312 + 12, shape[1] * 256 + 12))


def test_pictures_and_captions_are_on_the_sheet():
    colors = ["red", "lime", "blue", "black", "navy"]
    sheet = contact_sheet([make_snapshot(color, (200, 100), label=color, done=3) for color in colors], columns=3)
    for number, color in enumerate(colors):
        left, top = 12 + number % 3 * 212, 12 + number // 3 * 156
        assert sheet.crop((left, top, left + 200, top + 100)).getcolors() == [
            (20000, Image.new("RGB", (1, 1), color).getpixel((0, 0)))
        ]
        for line in (0, 1):  # both lines of the caption
            assert ink(sheet, (left, top + 104 + 16 * line, left + 200, top + 120 + 16 * line)) > 50
        assert ink(sheet, (left + 200, top, left + 212, top + 156)) == 0, "the gap to the next one is free"
    empty = (12 + 2 * 212, 12 + 156, sheet.width, sheet.height)
    assert ink(sheet, empty) == 0


def test_a_long_caption_does_not_run_into_the_next_picture():
    moves = ((1, WEIGHTS), (2, replace(WEIGHTS, alpha=1.11e-5, beta=2.22e-5, tv=3.33e-5)))
    sheet = contact_sheet([make_snapshot("white", (40, 40), moves=moves, done=12, label="small and moved")] * 2)
    cell = (sheet.width - 12) // 2
    assert ink(sheet, (12, 0, cell, sheet.height)) > 100
    assert ink(sheet, (cell, 0, cell + 12, sheet.height)) == 0
    assert ink(sheet, (sheet.width - 12, 0, sheet.width, sheet.height)) == 0
    assert ink(sheet, (0, sheet.height - 8, sheet.width, sheet.height)) == 0


def test_greek_letters_are_letters():
    """A font without them draws the same box for both."""
    alpha, beta = (contact_sheet([make_snapshot(label=letter, size=(99, 9))]).crop((12, 20, 22, 42)) for letter in "αβ")
    assert ink(alpha, None) > 5
    assert alpha.tobytes() != beta.tobytes()


def test_pictures_of_different_sizes_share_a_sheet():
    sheet = contact_sheet([make_snapshot("red", (300, 100)), make_snapshot("blue", (100, 240))])
    assert sheet.size == (2 * 312 + 12, 240 + 44 + 24)
    assert sheet.getpixel((13, 13)) == (255, 0, 0)
    assert sheet.getpixel((312 + 13, 12 + 239)) == (0, 0, 255)
    assert ink(sheet, (12, 12 + 102, 300, 12 + 144)) > 50, "the caption stands right under its picture"


def test_a_contact_sheet_of_nothing():
    with pytest.raises(st.ImageError, match=r"^there are no snapshots yet: take one first\.$"):
        contact_sheet([])


def test_a_sheet_says_how_each_of_its_pictures_was_made(tmp_path):
    snapshots = [make_snapshot(done=done, seed=done) for done in (3, 5)]
    st.save_picture(contact_sheet(snapshots), tmp_path / "sheet.png", *(snapshot.settings for snapshot in snapshots))
    assert st.read_jobs(tmp_path / "sheet.png") == [snapshot.settings for snapshot in snapshots]
