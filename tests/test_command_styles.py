"""--style, --style-weight, --style-scale, --mask, --style-part and --colors: what each says reaches the job."""

import os

import numpy as np
import pytest
from PIL import Image

import styletools as st
from styletools import Job, Style
from styletools import __main__ as cli
from styletools.command.parser import read_command
from styletools.command.styling import mask_of

SETTINGS = ("--size=48", "--steps=2")


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A working folder with photo.png (60 x 40), two paintings, and a mask of the photograph's left half."""
    monkeypatch.chdir(tmp_path)
    st.sample("chelsea").resize((60, 40)).save("photo.png")
    st.sample("great_wave").resize((50, 50)).save("wave.jpg")
    st.sample("the_harvest").resize((60, 50)).save("field.jpg")
    mask = Image.new("L", (60, 40))
    mask.paste(255, (0, 0, 30, 40))
    mask.save("left.png")
    (tmp_path / "text.png").write_text("not a picture")
    return tmp_path


def styles(*arguments):
    job = cli.job_of(read_command(["photo.png", *arguments]))
    assert job.content == "photo.png"
    return job.styles


WAVE, FIELD = "wave.jpg", "field.jpg"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("wave.jpg", [Style(WAVE)]),
        ("--style wave.jpg", [Style(WAVE)]),
        ("--style wave.jpg field.jpg", [Style(WAVE), Style(FIELD)]),
        ("--style wave.jpg field.jpg --style-weight 2 1", [Style(WAVE, 2), Style(FIELD, 1)]),
        ("wave.jpg --style-scale 0.5", [Style(WAVE, scale=0.5)]),
        ("--style wave.jpg field.jpg --style-scale 0.5", [Style(WAVE, scale=0.5), Style(FIELD, scale=0.5)]),
        ("--style wave.jpg field.jpg --style-scale 0.5 2", [Style(WAVE, scale=0.5), Style(FIELD, scale=2)]),
        ("wave.jpg --mask left.png", [Style(WAVE, where="left.png")]),
        ("--style wave.jpg field.jpg --mask left.png", [Style(WAVE, where="left.png"), Style(FIELD)]),
        ("--style wave.jpg field.jpg --mask - left.png", [Style(WAVE), Style(FIELD, where="left.png")]),
        ("wave.jpg --mask 0,0,1,0.4", [Style(WAVE, where=(0, 0, 1, 0.4))]),
        ("wave.jpg --style-part 0.5,0,1,1", [Style(WAVE, part=(0.5, 0, 1, 1))]),
        (
            "--style wave.jpg field.jpg --style-part - 0,0,1,0.5 --mask left.png",
            [Style(WAVE, where="left.png"), Style(FIELD, part=(0, 0, 1, 0.5))],
        ),
    ],
)
def test_every_option_reaches_the_styles(pictures, arguments, expected):
    assert styles(*arguments.split()) == tuple(expected)


def test_an_option_given_twice_adds_to_the_first():
    options = "--style wave.jpg --style field.jpg --style-weight 2 --style-weight 1 --mask left.png --mask - --style-scale 2"
    found = read_command(["photo.png", *options.split()])
    assert (found.style, found.style_weight, found.mask) == ([WAVE, FIELD], [2.0, 1.0], ["left.png", "-"])


def test_masks_that_leave_nothing_are_refused_before_any_picture(pictures, capsys):
    st.sample("chelsea").resize((60, 40)).save("other.png")
    options = "photo.png other.png --style wave.jpg field.jpg --mask 0,0,1,1 -o folder/"
    assert cli.main([*options.split(), *SETTINGS]) == 2
    assert capsys.readouterr().err.count("the masks cover the whole photograph") == 1


def test_another_mask_takes_the_place_of_a_lost_one(pictures, capsys):
    assert cli.main(["photo.png", "wave.jpg", "--mask", "left.png", "-o", "one.png", *SETTINGS]) == 0
    os.rename("left.png", "moved.png")
    assert cli.main(["--from", "one.png", "-o", "two.png"]) == 2
    assert "there is no file left.png" in capsys.readouterr().err
    assert cli.main(["--from", "one.png", "--mask", "moved.png", "-o", "two.png"]) == 0
    assert st.load_image("two.png").tobytes() == st.load_image("one.png").tobytes()


def test_a_mask_as_it_is_typed(pictures):
    assert mask_of("-") is None
    assert mask_of("sky.png") == "sky.png"
    assert mask_of("0,0,1,.4") == (0.0, 0.0, 1.0, 0.4)
    for text in ("1,2,3", "0,0,1,40%", "-.1,0,1"):
        with pytest.raises(st.SettingsError, match=r"is no box; expected four numbers left,top,right,bottom, as in 0,0,1,0\.4"):
            mask_of(text)
    os.rename("left.png", "0,0,1,1")
    assert mask_of("0,0,1,1") == "0,0,1,1", "a file of that very name"


def test_several_styles_are_painted(pictures):
    more = ["--style", WAVE, FIELD, "--style-weight", "2", "1", "--mask", "left.png", "-", "--style-scale", "0.8"]
    assert cli.main(["photo.png", *more, "--colors=luminance", *SETTINGS]) == 0
    wanted = [Style(WAVE, 2, where="left.png", scale=0.8), Style(FIELD, scale=0.8)]
    assert st.read_jobs("out.png") == [Job("photo.png", wanted, 48, 2, colors="luminance")]
    assert st.load_image("out.png").tobytes() == st.paint(Job("photo.png", wanted, 48, 2, colors="luminance")).tobytes()
    assert cli.main(["--from", "out.png", "-o", "again.png"]) == 0
    assert (pictures / "again.png").read_bytes() == (pictures / "out.png").read_bytes()


def test_a_mask_is_seen_in_the_picture(pictures):
    for name, mask in (("left.png", "left"), ("0.5,0,1,1", "right")):
        assert cli.main(["photo.png", WAVE, "--mask", name, "-o", f"on the {mask}.png", *SETTINGS, "--steps=15"]) == 0
    photo = np.asarray(st.load_image("photo.png").resize((48, 32), Image.Resampling.LANCZOS)).astype(int)
    left, right = (np.abs(np.asarray(st.load_image(f"on the {name}.png")).astype(int) - photo) for name in ("left", "right"))
    assert left[:, :16].mean() > 2 * right[:, :16].mean()
    assert right[:, -16:].mean() > 2 * left[:, -16:].mean()


def test_a_painting_again_with_other_strokes(pictures):
    """Its pictures stay; weights, scales and masks are added to the styles it has."""
    assert cli.main(["photo.png", "--style", WAVE, FIELD, "--style-weight", "2", "1", *SETTINGS]) == 0
    (job,) = st.read_jobs("out.png")
    again = cli.job_of(read_command(["--from", "out.png", "--style-scale", "0.5"]))
    assert again.styles == (Style(WAVE, 2, scale=0.5), Style(FIELD, 1, scale=0.5))
    assert (again.size, again.weights) == (job.size, job.weights)
    assert cli.job_of(read_command(["--from", "out.png", "--style", FIELD])).styles == (Style(FIELD),)
    assert cli.job_of(read_command(["--from", "out.png"])) == job


BAD = {
    "too few weights": (
        "--style wave.jpg field.jpg --style-weight 2",
        "--style-weight is given once for 2 styles; give one f",
    ),
    "too many weights": ("wave.jpg --style-weight 2 1", "--style-weight is given 2 times for 1 style; give one for each."),
    "too many scales": ("wave.jpg --style-scale 2 1", "--style-scale is given 2 times for 1 style; give one for all, or one f"),
    "too many masks": ("wave.jpg --mask left.png -", "--mask is given 2 times for 1 style; give at most one for each."),
    "a negative weight": ("wave.jpg --style-weight=-1", "weight is -1.0; expected a number of at least 0."),
    "no weight": ("wave.jpg --style-weight 0", "the weights of all styles are 0; give at least one of them a positive weight."),
    "a huge scale": ("wave.jpg --style-scale 9", "scale is 9.0; expected a number from 0.1 (fine strokes) to 4 (large ones)."),
    "no such mask": ("wave.jpg --mask sky.png", "there is no file sky.png."),
    "no picture": ("wave.jpg --mask text.png", "text.png is not a picture that can be read"),
    "no part": ("wave.jpg --style-part nowhere.png", "there is no file nowhere.png."),
    "a mask of another shape": ("wave.jpg --mask wave.jpg", "the mask has 50 x 50 pixels, the picture the shape 60 x 40;"),
    "a wrong shape": ("wave.jpg --style-part left.png", "the mask has 60 x 40 pixels, the picture the shape 50 x 50;"),
    "an empty box": ("wave.jpg --mask 0,0,0,1", "the box (0.0, 0.0, 0.0, 1.0) is empty;"),
    "a large box": ("wave.jpg --mask 0,0,1,40", "a side of the box is 40.0; expected a share from 0 to 1."),
    "missing style": ("--style wave.jpg nowhere.jpg", "there is no file nowhere.jpg."),
    "content": (
        "wave.jpg --colors content",
        "--colors content could mean three things: choose luminance to paint only brightne",
    ),
    "no such colours": ("wave.jpg --colors mauve", "unknown colors 'mauve'; choose from style, luminance, match, after."),
}


@pytest.mark.parametrize("case", BAD)
def test_what_makes_no_sense_is_told_before_a_network_is_loaded(pictures, capsys, monkeypatch, case):
    monkeypatch.setattr(Job, "load_network", lambda _: pytest.fail("too late"))
    arguments, sentence = BAD[case]
    before = sorted(os.listdir())
    assert cli.main(["photo.png", *arguments.split(), *SETTINGS]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"styletools: {sentence}")
    assert told.endswith(".\n")
    assert told.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_styles_that_eat_the_pictures(capsys):
    assert cli.main(["--style", "wave.jpg", "photo.png"]) == 2
    expected = "name the pictures to paint before --style: python -m styletools CONTENT --style STYLE STYLE"
    assert capsys.readouterr().err == f"styletools: {expected}\n"


def test_a_mask_that_covers_all_leaves_nothing_for_others(pictures, capsys):
    assert cli.main(["photo.png", "--style", WAVE, FIELD, "--mask", "0,0,1,1", "-", *SETTINGS]) == 2
    assert "nothing is left for the style without a mask" in capsys.readouterr().err


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_neither_a_mask_nor_the_second_style_is_written_over(pictures, capsys, overwrite):
    st.load_image(FIELD).save("field.png")
    arguments = ["photo.png", "--style", WAVE, "field.png", "--mask", "left.png", "--style-part", "-", "left.png", *overwrite]
    for name in ("left.png", "field.png"):
        before = (pictures / name).read_bytes()
        assert cli.main([*arguments, "-o", name]) == 2
        assert f"cannot write {name}: that is {name}, which is painted from" in capsys.readouterr().err
        assert (pictures / name).read_bytes() == before
