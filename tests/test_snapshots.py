"""Snapshots: settings as text and inside PNG files, and the contact sheet."""

import io
import json
import random
from dataclasses import replace

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import styletools as st
from styletools.live import Frame, LiveLoop, Plan, TransferEngine, Weights
from styletools.snapshots import SETTINGS_KEY, contact_sheet, save_png

LAYERS = {"relu1_1": 0.1 + 0.2, "relu4_1": 1 / 3}
PLAN = Plan("eilean_donan", "great_wave", "vgg19-slim", 40, "balanced", "content", "adam", 0.09, 0.8, 7)
WEIGHTS = Weights(1.0, 20.0, 2.0, LAYERS)
SETTINGS = st.Settings(PLAN, WEIGHTS)


def make_snapshot(color="blue", size=(60, 40), label="", **options):
    return st.Snapshot(Image.new("RGB", size, color), replace(SETTINGS, **options), label)


def ink(picture, box):
    """How many pixels in a box are neither white nor nearly so."""
    return sum(value < 200 for value in picture.crop(box).convert("L").tobytes())


# --- as text ---------------------------------------------------------------------------------------------------------------


def test_settings_survive_as_text():
    moves = ((1, WEIGHTS), (14, replace(WEIGHTS, beta=1e-17, style_layers={"relu1_1": 0.0})))
    settings = st.Settings(replace(PLAN, learning_rate=0.1 + 0.7), replace(WEIGHTS, tv=2 / 3), moves, 31, 77)
    again = st.Settings.from_json(settings.to_json())
    assert again == settings
    assert list(again.weights.style_layers) == list(LAYERS), "sums keep their order"


def test_every_float_survives_as_text():
    chance = random.Random(0)
    for _ in range(200):
        alpha, beta, tv = (10 ** chance.uniform(-300, 300) for _ in range(3))
        settings = replace(SETTINGS, weights=Weights(alpha, beta, tv, {"relu1_1": chance.random()}))
        assert st.Settings.from_json(settings.to_json()) == settings


def test_paths_survive_as_text(tmp_path):
    settings = replace(SETTINGS, plan=replace(PLAN, content=tmp_path / "a.jpg"))
    assert st.Settings.from_json(settings.to_json()).plan.content == str(tmp_path / "a.jpg")


def as_bytes(picture, form):
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PIL", "jpeg bytes", "png with alpha"])
def test_pictures_without_a_name_travel_at_the_size_they_are_painted(kind):
    picture = st.sample("chelsea")
    source = picture
    if kind == "jpeg bytes":
        source = as_bytes(picture, "JPEG")
    if kind == "png with alpha":
        source = picture.resize((90, 60)).convert("RGBA")
        source.putalpha(Image.linear_gradient("L").resize((90, 60)))
    again = st.Settings.from_json(replace(SETTINGS, plan=replace(PLAN, content=source)).to_json()).plan.content
    assert isinstance(again, bytes)
    inside = st.load_image(again)
    assert max(inside.size) == 40
    assert st.preprocess(again, 40).equal(st.preprocess(source, 40)), "bit for bit what is painted"


@pytest.mark.usefixtures("one_thread")
def test_an_upload_paints_the_same_picture_after_the_round_trip():
    uploads = {"content": st.sample("chelsea"), "style": as_bytes(st.sample("the_harvest"), "JPEG")}
    weights = Weights(1.0, 20.0, 2.0, dict(st.RECIPES["balanced"].style_layers))
    plan = replace(PLAN, **uploads)

    def paint(plan):
        loop = LiveLoop(TransferEngine, plan, weights)
        loop.run(3)
        return loop.frame

    first, again = paint(plan), paint(st.Settings.from_json(st.Settings(plan, weights).to_json()).plan)
    assert again.history == first.history
    assert again.image.tobytes() == first.image.tobytes()


GOOD = json.loads(SETTINGS.to_json())


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "null", '"text"', "{}",
        json.dumps({**GOOD, "plan": 5}),
        json.dumps({**GOOD, "plan": {**GOOD["plan"], "colour": "red"}}),
        json.dumps({**GOOD, "plan": {key: value for key, value in GOOD["plan"].items() if key != "seed"}}),
        json.dumps({**GOOD, "plan": {**GOOD["plan"], "content": None}}),
        json.dumps({**GOOD, "plan": {**GOOD["plan"], "content": {"png": "A"}}}),
        json.dumps({**GOOD, "weights": {"alpha": 1}}),
        json.dumps({**GOOD, "moves": [[1]]}),
        json.dumps({**GOOD, "moves": 3}),
        json.dumps({key: value for key, value in GOOD.items() if key != "done"}),
    ],
)  # fmt: skip
def test_other_text_is_told_in_one_sentence(text):
    with pytest.raises(st.ImageError, match="these are not settings of a studio"):
        st.Settings.from_json(text)


# --- taking one ------------------------------------------------------------------------------------------------------------


def test_a_snapshot_of_a_frame():
    step = st.Step(1, 1.0, 1.0, 1.0, 1.0, 1.0, 20.0, 2.0)
    picture, moved = Image.new("RGB", (6, 4)), replace(WEIGHTS, beta=5.0)
    frame = Frame(
        "running", "", PLAN, picture, (step,) * 9, ((1, WEIGHTS), (4, moved)), 300, 9.5, replace(WEIGHTS, tv=0.0), None
    )
    taken = st.Snapshot.of(frame, 250, "more style")
    assert taken.image is picture
    assert taken.settings == st.Settings(PLAN, replace(WEIGHTS, tv=0.0), ((1, WEIGHTS), (4, moved)), 9, 250)
    assert taken.label == "more style"


def test_a_snapshot_of_nothing():
    with pytest.raises(st.ImageError, match=r"^there is no picture yet: press Start or Step first\.$"):
        st.Snapshot.of(Frame("idle", "", PLAN, None, (), (), 300, 0.0, WEIGHTS, None), 300)


def test_captions_tell_the_weights_of_the_last_step():
    """Not those of the next one, which left no trace in the picture."""
    moves = ((1, WEIGHTS), (20, replace(WEIGHTS, alpha=0.0, beta=12345.678, tv=0.3333)))
    assert make_snapshot(moves=moves, done=31, label="3").caption == ("3 · step 31", "α 0  β 1.23e+04  TV 0.333 (moved)")
    assert make_snapshot(moves=moves[:1], done=5).caption == ("step 5", "α 1  β 20  TV 2")
    assert make_snapshot(weights=replace(WEIGHTS, beta=7.5)).caption == ("step 0", "α 1  β 7.5  TV 2")


# --- contact sheets ----------------------------------------------------------------------------------------------------------


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


# --- PNG files ---------------------------------------------------------------------------------------------------------------


def test_settings_travel_inside_the_picture(tmp_path):
    one, two = SETTINGS, replace(SETTINGS, moves=((1, WEIGHTS),), done=4, plan=replace(PLAN, size=64))
    picture = st.sample("chelsea").resize((30, 20))
    save_png(picture, [one, two], tmp_path / "sheet.png")
    assert st.read_settings(tmp_path / "sheet.png") == [one, two]
    assert st.read_settings(str(tmp_path / "sheet.png")) == [one, two]
    with Image.open(tmp_path / "sheet.png") as image:
        assert (image.format, image.tobytes()) == ("PNG", picture.tobytes())


def test_large_uploads_travel_inside_the_picture(tmp_path):
    """Pictures that do not compress, on a sheet of several: megabytes of text."""
    noise = Image.frombytes("RGB", (512, 512), random.Random(0).randbytes(512 * 512 * 3))
    settings = replace(SETTINGS, plan=replace(PLAN, content=noise, style=noise, size=512))
    save_png(Image.new("RGB", (9, 9)), [settings] * 4, tmp_path / "sheet.png")
    found = st.read_settings(tmp_path / "sheet.png")
    assert len(found) == 4
    assert st.load_image(found[3].plan.style).tobytes() == noise.tobytes()


def test_what_cannot_be_written_is_told(tmp_path):
    for path in (tmp_path / "no such folder" / "a.png", tmp_path):
        with pytest.raises(st.ImageError, match=r"^cannot write a picture to .*\.$"):
            save_png(Image.new("RGB", (9, 9)), [SETTINGS], path)


@pytest.mark.parametrize("name", ["plain.png", "plain.jpg"])
def test_a_picture_without_settings(tmp_path, name):
    Image.new("RGB", (9, 9)).save(tmp_path / name)
    with pytest.raises(st.ImageError, match=rf"{name} has no settings of a studio inside\.$"):
        st.read_settings(tmp_path / name)


def test_no_picture_at_all(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(st.ImageError, match=r"text\.png is not a picture that can be read"):
        st.read_settings(tmp_path / "text.png")
    with pytest.raises(st.ImageError, match=r"there is no file .*missing"):
        st.read_settings(tmp_path / "missing.png")


@pytest.mark.parametrize("text", ["not json", "[1]", "5", '{"a": 1}'])
def test_damaged_settings(tmp_path, text):
    info = PngInfo()
    info.add_itxt(SETTINGS_KEY, text)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(st.ImageError, match=r"the settings inside .*a\.png are damaged\.$"):
        st.read_settings(tmp_path / "a.png")
