"""Messages of the page about strength, colours, strokes, the second style and its mask."""

import io

import numpy as np
import pytest
from PIL import Image

import styletools as st
from styletools.studio.styling import MASK_GONE


def say(studio, do, *buffers, **message):
    """What arrives when a hand does something on the page."""
    studio.hands.hear({"do": do, **message}, [memoryview(data) for data in buffers])


def notice(studio):
    return studio.panel.notice.get("text", "")


def as_bytes(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def left(size=(60, 40)):
    """A mask, white on the left."""
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    return mask


def level(mask, x, y):
    """How white a mask is at a place given in shares."""
    image = mask.convert("L")
    return image.getpixel((int(x * image.width), int(y * image.height)))


@pytest.fixture
def two(open_studio):
    """A studio with a second style, that has painted two steps."""
    studio = open_studio()
    say(studio, "pick", role="second", name="the_harvest")
    studio.run(2)
    return studio


# --- strength ----------------------------------------------------------------------------------------------------------


def test_strength_moves_the_three_weights_live(open_studio):
    studio = open_studio()
    studio.run(2)
    studio.style_layers = layers = {**studio.style_layers, "relu1_1": 9.0}
    studio.stop()
    say(studio, "strength", value=0.75)
    assert (studio.alpha, studio.beta, studio.tv) == (3.0, 15.0, 3.0)
    assert studio.style_layers == layers
    assert len(studio.history) == 2, "and nothing begins again"
    assert studio.panel.setup["strength"] == 0.75
    say(studio, "weight", name="beta", value=400)
    assert studio.panel.setup["strength"] is None, "they were set by hand"
    say(studio, "strength", value=1)
    assert (studio.alpha, studio.panel.setup["strength"]) == (0.0, 1.0)
    for value in (1.1, -1, None, "strong"):
        say(studio, "strength", value=value)
        assert notice(studio).startswith("strength is "), value
    assert studio.alpha == 0.0


# --- what begins again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"do": "choose", "name": "colors", "value": "luminance"}, lambda job: job.colors == "luminance"),
        ({"do": "stroke", "value": 2}, lambda job: [one.scale for one in job.styles] == [2.0, 2.0]),
        ({"do": "mix", "value": 0.2}, lambda job: [one.weight for one in job.styles] == [0.8, 0.2]),
        ({"do": "one_style"}, lambda job: job.style == "great_wave"),
        ({"do": "pick", "role": "second", "name": "chelsea"}, lambda job: job.styles[1].picture == "chelsea"),
        ({"do": "pick", "role": "style", "name": "chelsea"}, lambda job: [o.picture for o in job.styles][1] == "the_harvest"),
    ],
    ids=["colours", "stroke", "mix", "one style", "second", "style"],
)
def test_it_begins_again_and_keeps_the_run_before(two, rest, message, told):
    before = two.image.tobytes()
    two.hands.hear(message)
    assert notice(two) == ""
    frame = rest(two)
    assert told(frame.job)
    assert (frame.state, frame.done, two.panel.setup["address"]) == ("idle", 0, two.address)
    assert [card["label"] for card in two.panel.cards] == ["last run"]
    two.run(2)
    assert two.image.tobytes() != before
    say(two, "restore", id=two.strip.cards[0].number)
    assert rest(two).image.tobytes() == before, "which is painted again"


def test_it_goes_on_painting_while_it_is_restyled(open_studio, rest):
    studio = open_studio(steps=None)
    say(studio, "start")
    say(studio, "pick", role="second", name="the_harvest")
    say(studio, "stroke", value=0.5)
    assert studio.state == "running"
    say(studio, "choose", name="steps", value=1)
    assert [one.scale for one in rest(studio).job.styles] == [0.5, 0.5]


def test_the_page_shows_the_second_style_and_its_mask(two):
    assert two.panel.setup["second"] == {"label": "the harvest", "share": 0.5, "masked": False}
    assert two.panel.second_picture and two.panel.mask == b""
    say(two, "mask", as_bytes(left()), soft=0)
    assert two.panel.setup["second"]["masked"] is True
    shown = Image.open(io.BytesIO(two.panel.mask))
    assert (shown.size, level(shown, 0.1, 0.5), level(shown, 0.9, 0.5)) == ((512, 341), 255, 0)
    say(two, "no_mask")
    assert (two.panel.mask, two.loop.job.styles[1].where) == (b"", None)
    say(two, "one_style")
    assert (two.panel.second_picture, two.panel.setup["second"]) == (b"", None)


def test_an_uploaded_second_style(open_studio):
    studio = open_studio()
    say(studio, "upload", as_bytes(Image.new("RGB", (60, 60), "red")), role="second", name="my wall.png")
    assert studio.panel.setup["second"]["label"] == "my wall.png"
    assert studio.panel.setup["left_out"] == (
        "An address has no room for your second style: save the picture, which keeps everything."
    )
    studio.run(1)
    assert "great wave and a picture of yours" in studio.panel.frame["alt"]


# --- the mask ----------------------------------------------------------------------------------------------------------


def test_a_mask_says_where_the_second_style_paints(two):
    say(two, "mask", as_bytes(left()), soft=0.05)
    first, second = two.loop.job.styles
    assert (notice(two), first.where) == ("", None)
    assert level(second.where, 0.1, 0.5) == 255 and level(second.where, 0.9, 0.5) == 0
    assert 90 < level(second.where, 0.5, 0.5) < 165, "the edge is soft"
    two.run(2)
    again = st.Studio.from_settings(two.settings.to_json())
    assert again.image.tobytes() == two.image.tobytes()
    again.close()


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (as_bytes(Image.new("L", (60, 40), 255)), "the masks cover the whole photograph"),
        (as_bytes(Image.new("L", (60, 40))), "a mask is black everywhere"),
        (as_bytes(left((60, 60))), "the mask has 60 x 60 pixels"),
        (b"Dear diary", "sky.txt is not a picture that can be read"),
    ],
    ids=["white", "black", "square", "text"],
)
def test_a_mask_that_cannot_be_used(two, mask, sentence):
    job = two.loop.job
    say(two, "mask", mask, soft=0, name="folder/sky.txt")
    assert notice(two).startswith(sentence)
    assert (two.loop.job is job, len(two.history)) == (True, 2), "the run goes on"


def test_a_mask_needs_a_second_style(open_studio):
    studio = open_studio()
    for do, data in (("mask", [as_bytes(left())]), ("no_mask", []), ("mix", [])):
        say(studio, do, *data, soft=0, value=0.5)
        assert notice(studio) == "there is no second style yet: choose one first."


def test_a_photograph_of_another_shape_takes_the_mask_away_and_says_so(two):
    say(two, "mask", as_bytes(left()), soft=0)
    two.run(1)
    say(two, "upload", as_bytes(Image.new("RGB", (90, 60), "red")), role="content", name="same.png")
    assert (notice(two), two.loop.job.styles[1].where is not None) == ("", True)
    two.run(1)
    say(two, "upload", as_bytes(Image.new("RGB", (60, 60), "red")), role="content", name="square.png")
    assert (notice(two), two.loop.job.styles[1].where) == (MASK_GONE, None)
    assert two.strip.cards[0].snapshot.settings.styles[1].where is not None, "as the sentence says"


def test_a_flood_is_sent_to_the_page(two, monkeypatch):
    sky = Image.new("RGB", (60, 40), "navy")
    sky.paste((200, 220, 255), (0, 0, 60, 10))
    say(two, "upload", as_bytes(sky), role="content", name="sky.png")
    sent = []
    monkeypatch.setattr(
        "styletools.studio.panel.Panel.tell", lambda panel, kind, buffers=None, **more: sent.append((kind, buffers))
    )
    say(two, "flood", x=0.5, y=0.1, tolerance=0.1)
    ((kind, (data,)),) = sent
    mask = Image.open(io.BytesIO(data))
    assert (kind, mask.size) == ("flood", (60, 40))
    assert (np.asarray(mask)[:10] == 255).all() and (np.asarray(mask)[10:] == 0).all()
    assert two.loop.job.styles[1].where is None, "the page adds it to what is painted there"
    for wrong in ({"x": 2, "y": 0, "tolerance": 0.1}, {"x": 0, "y": 0, "tolerance": 7}, {}):
        say(two, "flood", **wrong)
        assert "expected a" in notice(two)


# --- programs ------------------------------------------------------------------------------------------------------------


def test_a_program_opens_a_studio_with_two_styles_and_colours(open_studio):
    upper = (0.0, 0.0, 1.0, 0.5)
    studio = open_studio("eilean_donan", ["great_wave", st.Style("chelsea", where=upper, scale=2)], colors="match")
    studio.run(1)
    assert (studio.settings.colors, [one.picture for one in studio.settings.styles]) == ("match", ["great_wave", "chelsea"])
    assert studio.panel.setup["stroke"] is None, "each style has its own"
    assert studio.panel.mask
    again = open_studio.also(st.Studio.from_settings(studio.snapshot().settings))
    assert again.image.tobytes() == studio.image.tobytes()
    with pytest.raises(st.SettingsError, match="unknown colors 'blue'"):
        open_studio(colors="blue")
    with pytest.raises(st.SettingsError, match="nothing is left for the style without a mask"):
        open_studio("eilean_donan", ["great_wave", st.Style("chelsea", where=(0, 0, 1, 1))])
    with pytest.raises(st.SettingsError, match="the list of styles is empty"):
        open_studio("eilean_donan", [])
