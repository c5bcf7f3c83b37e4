"""`python -m styletools`: a picture, or one sentence and an exit status."""

import inspect
import os
import re
import sys
import tempfile

import pytest
from helpers import ROOT, run_python
from PIL import Image
from tqdm import tqdm

import styletools as st
from styletools import __main__ as cli
from styletools import recipes


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A working folder with photo.png (60 x 40), wave.jpg and some files that are no pictures."""
    monkeypatch.chdir(tmp_path)
    st.sample("chelsea").resize((60, 40)).save("photo.png")
    st.sample("great_wave").resize((50, 50)).save("wave.jpg")
    Image.new("RGB", (400, 20)).save("ribbon.png")
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def command(*more, content="photo.png", style="wave.jpg", out="result.png", size=48, steps=2):
    return [content, style, "-o", str(out), f"--size={size}", f"--steps={steps}", *more]


def interrupt_at(monkeypatch, number, error=KeyboardInterrupt):
    """Let the step of that number, counted over all scales, raise an error; returns how many were made."""
    step, calls = st.StyleTransfer.step, []

    def counted(transfer):
        calls.append(transfer)
        if len(calls) == number:
            raise error
        return step(transfer)

    monkeypatch.setattr(st.StyleTransfer, "step", counted)
    return calls


# --- painting ----------------------------------------------------------------------------------------------------------


def test_the_command_paints_a_picture_in_a_new_process(pictures):
    result = run_python("-m", "styletools", *command("--beta", "30", out="a result.jpg", steps=80), cwd=pictures, path=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    with Image.open("a result.jpg") as picture:
        assert picture.size == (48, 32)
        assert picture.format == "JPEG"
    assert sorted(path.name for path in pictures.iterdir()) == sorted(
        ["a result.jpg", "empty.png", "folder.png", "photo.png", "ribbon.png", "text.jpg", "wave.jpg"]
    )


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG", "webp"])
def test_the_ending_decides_the_format(pictures, ending):
    assert cli.main(command(out=f"result.{ending}", steps=1)) == 0
    with Image.open(f"result.{ending}") as picture:
        assert picture.format == {"png": "PNG", "webp": "WEBP"}.get(ending, "JPEG")
        assert picture.size == (48, 32)


def test_a_portrait_is_as_high_as_the_size_says(pictures):
    st.load_image("photo.png").rotate(90, expand=True).save("portrait.png")
    assert cli.main(command(content="portrait.png")) == 0
    assert st.load_image("result.png").size == (32, 48)


def test_two_scales(pictures, capsys):
    assert cli.main(command(size=182, steps=2)) == 0
    assert st.load_image("result.png").size == (182, 121)


def test_the_picture_is_what_stylize_returns(pictures):
    assert cli.main(command("--alpha=2", "--beta=7", "--tv=0.5", "--recipe=walkthrough", "--seed=3", steps=3)) == 0
    expected = st.stylize("photo.png", "wave.jpg", 48, None, "walkthrough", steps=3, alpha=2.0, beta=7.0, tv=0.5, seed=3)
    assert st.load_image("result.png").tobytes() == expected.tobytes()


def test_without_options_it_is_stylize_without_options(pictures, monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "stylize", lambda *arguments, **options: seen.append((arguments, options)) or arguments[0])
    assert cli.main(["photo.png", "wave.jpg"]) == 0
    (((_, _, size, network, recipe), options),) = seen
    defaults = {name: parameter.default for name, parameter in inspect.signature(st.stylize).parameters.items()}
    assert (size, recipe) == (defaults["size"], defaults["recipe"])
    assert network.options == st.RECIPES[recipe].load_network().options
    assert {name: options[name] for name in ("steps", "strength", "alpha", "beta", "tv", "seed")} == {
        name: defaults[name] for name in ("steps", "strength", "alpha", "beta", "tv", "seed")
    }
    assert (pictures / "out.png").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--recipe=neighbours"], {"name": "vgg19-slim"}),
        (["--recipe=neighbours", "--network=vgg19"], {"name": "vgg19"}),
        (["--recipe=gatys"], {"name": "vgg19", "pooling": "average", "rescale": True}),
        (["--recipe=gatys", "--network=vgg19"], {"name": "vgg19", "pooling": "average", "rescale": True}),
        (["--recipe=gatys", "--network=vgg19-slim"], {"name": "vgg19-slim"}),
    ],
)
def test_the_network_is_the_recipes_unless_told_otherwise(pictures, monkeypatch, tiny_vgg, options, named):
    asked = []
    monkeypatch.setattr(recipes, "load_vgg", lambda **options: asked.append(options) or tiny_vgg)
    assert cli.main(command(*options)) == 0
    assert asked == [{**named, "padding": "replicate", "dtype": None}]


def test_strength_is_the_dial_between_photograph_and_painting(pictures):
    painted = {}
    for strength in (0, 0.2, 1):
        assert cli.main(command(f"--strength={strength}", steps=3)) == 0
        painted[strength] = st.load_image("result.png").tobytes()
    assert painted[0] == st.load_image("photo.png").resize((48, 32), Image.Resampling.LANCZOS).tobytes()
    expected = st.stylize("photo.png", "wave.jpg", 48, steps=3, strength=0.2)
    assert painted[0.2] == expected.tobytes()
    assert painted[1] != painted[0.2]


def test_every_option_reaches_stylize(pictures, monkeypatch):
    seen = {}

    def stylize(content, style, size, vgg, recipe, **options):
        seen.update(options, size=size, network=vgg, recipe=recipe)
        return content

    monkeypatch.setattr(cli, "stylize", stylize)
    monkeypatch.setattr(recipes, "load_vgg", lambda name, padding, dtype: (name, padding))
    more = ("--alpha=2", "--beta=7", "--tv=0", "--recipe=modules", "--seed=3", "--network=vgg19", "--strength=0.75")
    assert cli.main(command(*more, size=99, steps=7)) == 0
    del seen["on_step"]
    assert seen == {
        "size": 99, "steps": 7, "strength": 0.75, "alpha": 2.0, "beta": 7.0, "tv": 0.0, "recipe": "modules", "seed": 3,
        "network": ("vgg19", "replicate"),
    }  # fmt: skip


def test_the_same_seed_gives_the_same_picture(pictures):
    for name in ("one.png", "two.png"):
        assert cli.main(command("--seed=4", out=name)) == 0
    assert (pictures / "one.png").read_bytes() == (pictures / "two.png").read_bytes()


def test_progress_shows_loss_and_steps_per_second(pictures, capsys):
    assert cli.main(command(steps=100, size=32)) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    last = captured.err.replace("\r", "\n").strip().splitlines()[-1]
    assert "100/100" in last
    assert re.search(r"\d+\.\d+step/s", last)
    assert re.search(r"loss=\d[\d.e+-]*, size=32", last)


@pytest.mark.parametrize(("shape", "total"), [((60, 40), 4 + 3), ((120, 30), 4), ((20, 160), 4)])
def test_progress_ends_at_its_total(pictures, monkeypatch, shape, total):
    """A panorama or a scroll has no scale of 65 pixels: its shorter side would be too short."""
    bars = []
    monkeypatch.setattr(cli, "tqdm", lambda **options: bars.append(tqdm(**options)) or bars[-1])
    st.load_image("photo.png").resize(shape).save("shaped.png")
    assert cli.main(command(content="shaped.png", size=130 if shape != (20, 160) else 256, steps=4)) == 0
    (bar,) = bars
    assert (bar.n, bar.total) == (total, total)


def test_preserve_progress_keeps_pictures(pictures):
    assert cli.main(command("--preserve-progress", "some/new folder", steps=55, size=32)) == 0
    kept = sorted((pictures / "some" / "new folder").iterdir())
    assert [path.name for path in kept] == ["step_00025.jpg", "step_00050.jpg"]
    assert [st.load_image(path).size for path in kept] == [(32, 21)] * 2
    assert st.load_image(kept[0]).tobytes() != st.load_image(kept[1]).tobytes()


def test_preserve_progress_counts_over_all_scales(pictures, monkeypatch):
    monkeypatch.setattr(cli, "schedule", lambda size, steps, shape: [(32, 20), (45, 14)])
    monkeypatch.setattr("styletools.transfer.schedule", lambda size, steps, shape: [(32, 20), (45, 14)])
    assert cli.main(command("--preserve-progress", "kept", size=45, steps=20)) == 0
    assert [path.name for path in (pictures / "kept").iterdir()] == ["step_00025.jpg"]
    assert st.load_image("kept/step_00025.jpg").size == (45, 30)


def test_help_lists_every_option(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    for option in ("content", "style", "--out", "--size", "--steps", "--strength", "--alpha", "--beta", "--tv", "--network",
                   "--recipe", "--seed", "--preserve-progress", *st.RECIPES, "vgg19-slim"):  # fmt: skip
        assert option in text
    assert all(action.help for action in cli.build_parser()._actions)


# --- one sentence ------------------------------------------------------------------------------------------------------


def sentence(capsys):
    """The one line on stderr, checked to be a sentence and nothing else."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return checked_sentence(captured.err)


def checked_sentence(line):
    line = line.strip()
    assert line.startswith("styletools: ")
    assert line.endswith(".")
    assert ". " not in line, "one sentence"
    assert "Traceback" not in line
    assert "Errno" not in line
    return line


BAD = {
    "missing content": ({"content": "nowhere.jpg"}, "there is no file nowhere.jpg"),
    "missing style": ({"style": "nowhere.jpg"}, "there is no file nowhere.jpg"),
    "text as picture": ({"content": "text.jpg"}, "text.jpg is not a picture"),
    "empty file": ({"style": "empty.png"}, "empty.png is not a picture"),
    "folder as picture": ({"content": "folder.png"}, "folder.png is a folder"),
    "size 0": ({"size": 0}, "a size of 0 pixels is impossible here; choose 32 to 4096"),
    "size 10": ({"size": 10}, "a size of 10 pixels is impossible"),
    "size -512": ({"size": -512}, "a size of -512 pixels is impossible"),
    "size 100000": ({"size": 100000}, "a size of 100000 pixels is impossible"),
    "narrow picture": ({"content": "ribbon.png"}, "48 x 2 pixels is too small"),
    "steps 0": ({"steps": 0}, "0 steps paint nothing"),
    "steps -3": ({"steps": -3}, "-3 steps paint nothing"),
    "no such output folder": ({"out": "nowhere/result.png"}, "cannot write into nowhere: there is no such folder"),
    "a file as output folder": ({"out": "photo.png/result.png"}, "cannot write into photo.png: there is no such folder"),
    "unknown ending": ({"out": "result.gif2"}, "the name must end in .png, .jpg or .webp"),
    "no ending": ({"out": "result"}, "the name must end in"),
    "folder as output": ({"out": "folder.png"}, "cannot write folder.png: it is a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_status_2_and_one_sentence(pictures, capsys, case):
    changes, message = BAD[case]
    before = sorted(os.listdir())
    assert cli.main(command(**changes)) == 2
    assert message in sentence(capsys)
    assert sorted(os.listdir()) == before, "nothing may be left behind"


@pytest.mark.parametrize("strength", ["-0.5", "1.5", "nan"])
def test_a_strength_that_makes_no_sense(pictures, capsys, strength):
    assert cli.main(command(f"--strength={strength}")) == 2
    message = f"strength is {strength}; expected a number between 0 (the photograph) and 1 (the painting)."
    assert sentence(capsys) == f"styletools: {message}"
    assert not (pictures / "result.png").exists()


def test_a_narrow_style_picture_is_enlarged_until_the_network_sees_it(pictures):
    st.sample("great_wave").resize((400, 20)).save("border.png")
    assert cli.main(command(style="border.png")) == 0
    assert st.load_image("result.png").size == (48, 32)


def test_a_progress_folder_that_is_a_file(pictures, capsys):
    assert cli.main(command("--preserve-progress", "photo.png")) == 2
    assert "cannot make the folder photo.png" in sentence(capsys)
    assert cli.main(command("--preserve-progress", "photo.png/inside")) == 2
    assert "cannot make the folder photo.png/inside" in sentence(capsys)


def test_a_folder_that_may_not_be_written_is_noticed_before_painting(pictures, capsys, monkeypatch):
    """Made up, because root may write everywhere."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    calls = interrupt_at(monkeypatch, 0)
    assert cli.main(command()) == 2
    assert "cannot write into .: Permission denied" in sentence(capsys)
    assert calls == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(pictures, capsys):
    (pictures / "locked").mkdir(mode=0o500)
    assert cli.main(command(out="locked/result.png")) == 2
    assert "cannot write into locked" in sentence(capsys)


def test_a_file_that_may_not_be_changed(pictures, capsys, monkeypatch):
    (pictures / "result.png").write_bytes(b"precious")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cli.main(command()) == 2
    assert "cannot write result.png: the file may not be changed" in sentence(capsys)
    assert (pictures / "result.png").read_bytes() == b"precious"


def test_an_output_that_can_no_longer_be_written_at_the_end(pictures, capsys, monkeypatch):
    (pictures / "gone").mkdir()
    step = st.StyleTransfer.step

    def step_and_remove(transfer):
        if (pictures / "gone").exists():
            (pictures / "gone").rmdir()
        return step(transfer)

    monkeypatch.setattr(st.StyleTransfer, "step", step_and_remove)
    assert cli.main(command(out="gone/result.png")) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "cannot write a picture to gone/result.png" in last
    assert "Traceback" not in last


@pytest.mark.parametrize("option", ["--network=vgg19-torchvision", "--recipe=gatys"])
def test_weights_that_cannot_be_had(pictures, capsys, monkeypatch, option):
    """Of a network that was asked for, or of the recipe's own."""

    def refuse(*_, **__):
        raise st.WeightsError("the weights of vgg19-torchvision are not on this computer.")

    monkeypatch.setattr(recipes, "load_vgg", refuse)
    assert cli.main(command(option)) == 2
    assert "are not on this computer" in sentence(capsys)


@pytest.mark.parametrize("arguments", [[], ["one.png"], ["a.png", "b.png", "--size=big"], ["a.png", "b.png", "--recipe=monet"]])
def test_a_command_line_that_cannot_be_read(capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    assert "usage: python -m styletools" in capsys.readouterr().err


# --- stopped on the way ------------------------------------------------------------------------------------------------


def test_an_interrupted_run_keeps_the_picture(pictures, capsys, monkeypatch):
    interrupt_at(monkeypatch, 4)
    assert cli.main(command(steps=50)) == 130
    last = checked_sentence(capsys.readouterr().err.splitlines()[-1])
    assert last == "styletools: interrupted; the picture so far is in result.png."
    saved = st.load_image("result.png")
    assert saved.size == (48, 32)
    monkeypatch.undo()
    os.chdir(pictures)
    assert cli.main(command(steps=3)) == 0, "what was kept is the picture after three steps"
    assert st.load_image("result.png").tobytes() == saved.tobytes()


def test_a_run_interrupted_at_its_very_start_claims_no_picture(pictures, capsys, monkeypatch):
    interrupt_at(monkeypatch, 1)
    assert cli.main(command()) == 130
    assert sentence(capsys) == "styletools: interrupted; nothing was painted yet."
    assert not (pictures / "result.png").exists()


def test_an_interrupt_on_a_finer_scale_keeps_the_picture_of_the_scale_before(pictures, monkeypatch):
    interrupt_at(monkeypatch, 3)
    assert cli.main(command(size=182, steps=2)) == 130
    assert st.load_image("result.png").size == (91, 61)


def test_a_run_that_diverges_says_why(pictures, capsys):
    assert cli.main(command("--beta=nan")) == 2
    assert "step 1 diverged: a weight is not a finite number" in capsys.readouterr().err


def test_a_run_that_diverges_on_the_way_keeps_the_picture(pictures, capsys, monkeypatch):
    interrupt_at(monkeypatch, 3, st.DivergedError("step 3 diverged: no reason at all."))
    assert cli.main(command(steps=9)) == 2
    assert "step 3 diverged" in capsys.readouterr().err
    assert st.load_image("result.png").size == (48, 32)
