"""`python -m styletools`: a picture, or one sentence and an exit status."""

import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT, run_python
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tqdm import tqdm

import styletools as st
from styletools import Job, jobs
from styletools import __main__ as cli
from styletools.command import painting
from styletools.command.parser import build_parser, read_command


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
    result = run_python("-m", "styletools", *command("--beta", "30", out="a result.jpg", steps=20), cwd=pictures, path=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    result = run_python("-m", "styletools", *command(out="nowhere/result.jpg"), cwd=pictures, path=ROOT)
    assert (result.returncode, result.stdout) == (2, "")
    assert checked_sentence(result.stderr) == "styletools: cannot write into nowhere: there is no such folder."
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


def test_samples_are_named_by_their_names(pictures):
    assert cli.main(command(content="chelsea", style="great_wave")) == 0
    assert st.load_image("result.png").tobytes() == st.stylize("chelsea", "great_wave", 48, steps=2).tobytes()
    assert st.read_jobs("result.png") == [Job("chelsea", "great_wave", 48, 2)]


def job_of(*arguments):
    return cli.job_of(read_command(arguments))


def test_without_options_it_is_the_job_without_options():
    """Whose defaults are those of `stylize`: see the tests of jobs."""
    assert job_of("composition_viii", "great_wave") == Job("composition_viii", "great_wave")
    assert read_command(["photo.png", "wave.jpg"]).out == "out.png"


def test_a_small_photograph_is_not_enlarged_unless_asked(pictures):
    st.sample("chelsea").resize((90, 60)).save("photo.png")
    assert job_of("photo.png", "wave.jpg") == Job("photo.png", "wave.jpg", 90)
    assert job_of("photo.png", "wave.jpg", "--size=99").size == 99
    assert job_of("chelsea", "wave.jpg", "--size=original").size == max(st.sample("chelsea").size)
    assert cli.main(["photo.png", "wave.jpg", "--size=original", "--steps=1"]) == 0
    assert st.load_image("out.png").size == (90, 60)


def test_a_photograph_that_is_too_large_for_the_memory_is_told(pictures, capsys, monkeypatch):
    monkeypatch.setattr("styletools.memory.free_memory", lambda: 48 * 32 * 2200 / 0.8)
    assert cli.main(["photo.png", "wave.jpg", "--size=original", "--steps=1"]) == 0
    because = "because the free memory, or this program, allows no more"
    assert sentence(capsys) == f"styletools: photo.png is 60 pixels long and is painted at 48, {because}."
    assert st.load_image("out.png").size == (48, 32)


def test_options_may_stand_anywhere(pictures):
    expected = Job("photo.png", "wave.jpg", 48, 1)
    assert cli.main(["--size=48", "photo.png", "--steps", "1", "wave.jpg"]) == 0
    assert st.read_jobs("out.png") == [expected]
    os.rename("photo.png", "-photo.png")
    assert cli.main(["--size=48", "--steps=1", "--", "-photo.png", "wave.jpg"]) == 0
    assert st.read_jobs("out.png") == [replace(expected, content="-photo.png")]


WEIGHTS = {key: recipe.weights() for key, recipe in st.RECIPES.items()}


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("--size=99", {"size": 99}),
        ("--steps=7", {"steps": 7}),
        ("--seed=3", {"seed": 3}),
        ("--colors=luminance", {"colors": "luminance"}),
        ("--alpha=2", {"weights": replace(WEIGHTS["neighbours"], alpha=2.0)}),
        ("--beta=7", {"weights": replace(WEIGHTS["neighbours"], beta=7.0)}),
        ("--tv=0", {"weights": replace(WEIGHTS["neighbours"], tv=0.0)}),
        ("--strength=0.75", {"weights": st.RECIPES["neighbours"].weights(0.75)}),
        ("--strength=0.75 --tv=0", {"weights": replace(st.RECIPES["neighbours"].weights(0.75), tv=0.0)}),
        ("--recipe=modules", {"recipe": "modules"}),
        ("--recipe=modules --strength=1", {"recipe": "modules", "weights": st.RECIPES["modules"].weights(1)}),
        ("--recipe=gatys", {"recipe": "gatys"}),
        ("--network=vgg19", {"network": "vgg19"}),
        ("--recipe=gatys --network=vgg19", {"recipe": "gatys", "network": "vgg19"}),
        ("--recipe=gatys --network=vgg19-slim", {"recipe": "gatys", "network": "vgg19-slim"}),
    ],
)
def test_every_option_reaches_the_job(option, changes):
    assert job_of("composition_viii", "great_wave", *option.split()) == Job("composition_viii", "great_wave", **changes)


def test_the_network_is_the_recipes_unless_told_otherwise(pictures, monkeypatch, tiny_vgg):
    asked = []
    monkeypatch.setattr(jobs, "load_vgg", lambda **options: asked.append(options) or tiny_vgg)
    expected = {
        "--recipe=neighbours": {"name": "vgg19-slim"},
        "--recipe=neighbours --network=vgg19": {"name": "vgg19"},
        "--recipe=gatys": {"name": "vgg19", "pooling": "average", "rescale": True},
        "--recipe=gatys --network=vgg19": {"name": "vgg19", "pooling": "average", "rescale": True},
        "--recipe=gatys --network=vgg19-slim": {"name": "vgg19-slim"},
    }
    for options in expected:
        assert cli.main(command(*options.split())) == 0
    assert asked == [{**named, "padding": "replicate", "dtype": None} for named in expected.values()]


def test_strength_is_the_dial_between_photograph_and_painting(pictures):
    painted = {}
    for strength in (0, 0.2, 1):
        assert cli.main(command(f"--strength={strength}", steps=3)) == 0
        painted[strength] = st.load_image("result.png").tobytes()
    assert painted[0] == st.load_image("photo.png").resize((48, 32), Image.Resampling.LANCZOS).tobytes()
    expected = st.stylize("photo.png", "wave.jpg", 48, steps=3, strength=0.2)
    assert painted[0.2] == expected.tobytes()
    assert painted[1] != painted[0.2]


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
    monkeypatch.setattr(painting, "tqdm", lambda **options: bars.append(tqdm(**options)) or bars[-1])
    st.load_image("photo.png").resize(shape).save("shaped.png")
    assert cli.main(command(content="shaped.png", size=130 if shape != (20, 160) else 256, steps=4)) == 0
    (bar,) = bars
    assert (bar.n, bar.total) == (total, total)


def test_preserve_progress_keeps_pictures(pictures):
    assert cli.main(command("--preserve-progress", "some/new folder", steps=51, size=32)) == 0
    kept = sorted((pictures / "some" / "new folder").iterdir())
    assert [path.name for path in kept] == ["step_00025.jpg", "step_00050.jpg", "step_00051.jpg"]
    assert [st.load_image(path).size for path in kept] == [(32, 21)] * 3
    assert st.load_image(kept[0]).tobytes() != st.load_image(kept[1]).tobytes()


def test_preserve_progress_counts_over_all_scales(pictures, monkeypatch):
    monkeypatch.setattr("styletools.painting.schedule", lambda size, steps, shape: [(32, 20), (45, 14)])
    assert cli.main(command("--preserve-progress", "kept", size=45, steps=20)) == 0
    assert sorted(path.name for path in (pictures / "kept").iterdir()) == ["step_00025.jpg", "step_00034.jpg"]
    assert st.load_image("kept/step_00025.jpg").size == (45, 30)


def test_progress_is_a_film_of_one_size_that_ends_with_the_picture(pictures):
    """Frames of coarse scales are enlarged; the last one is the picture itself, but for JPEG."""
    assert cli.main(command("--preserve-progress", "kept", size=130, steps=30)) == 0
    kept = sorted((pictures / "kept").iterdir())
    assert [path.name for path in kept] == ["step_00025.jpg", "step_00050.jpg", "step_00051.jpg"]
    assert {st.load_image(path).size for path in kept} == {st.load_image("result.png").size} == {(130, 87)}
    last, picture = (np.asarray(st.load_image(path)).astype(int) for path in (kept[-1], "result.png"))
    assert abs(last - picture).mean() < 3


def test_help_lists_every_option(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    for option in (
        "PICTURE", "STYLE", "--style", "--style-weight", "--style-scale", "--style-part", "--mask", "--colors", "--out",
        "--overwrite", "--from", "--save-run", "--film", "--preserve-progress", "--size", "--steps", "--strength", "--alpha",
        "--beta", "--tv", "--network", "--device", "--recipe", "--seed", *st.RECIPES, *st.COLOR_MODES, "vgg19-slim",
    ):  # fmt: skip
        assert option in text
    assert all(action.help for action in build_parser()._actions)
    assert text.isascii(), "a console of Windows may know no other letters"


def test_help_cuts_no_option_at_its_hyphen(capsys, monkeypatch):
    for width in range(40, 100, 3):
        monkeypatch.setenv("COLUMNS", str(width))
        with pytest.raises(SystemExit):
            cli.main(["--help"])
        assert not re.search(r"\w-$", capsys.readouterr().out, re.MULTILINE)


def test_every_example_of_the_help_can_be_typed(pictures, capsys):
    """What stands behind $ python -m styletools in the epilog, and the last lines of an option's help."""
    parser = build_parser()
    commands = re.findall(r"^  python -m styletools (.*)$", parser.epilog, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        read_command(command.split())
    shown = 0
    for action in parser._actions:
        for example in action.help.split("\n")[1:]:
            read_command(example.split())
            assert set(action.option_strings) & set(example.split()), example
            shown += 1
    assert shown >= 20


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
    "missing content": ({"content": "nowhere.jpg"}, "there is no file nowhere.jpg."),
    "no such sample": ({"content": "mona_lisa"}, "there is no file mona_lisa, and no sample of that name; samples are cafe"),
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
    "steps -3": ({"steps": -3}, "steps is -3; expected a whole number of at least 0."),
    "no such output folder": ({"out": "nowhere/result.png"}, "cannot write into nowhere: there is no such folder"),
    "a file as output folder": ({"out": "photo.png/result.png"}, "cannot write into photo.png: there is no such folder"),
    "unknown ending": ({"out": "result.gif2"}, "the name must end in .png, .jpg or .webp"),
    "no ending": ({"out": "result"}, "the name must end in"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_status_2_and_one_sentence(pictures, capsys, case):
    changes, message = BAD[case]
    before = sorted(os.listdir())
    assert cli.main(command(**changes)) == 2
    assert message in sentence(capsys)
    assert sorted(os.listdir()) == before, "nothing may be left behind"


@pytest.mark.parametrize("bad", [{"content": "nowhere.jpg"}, {"style": "text.jpg"}, {"size": 0}, {"out": "nowhere/a.png"}])
def test_bad_input_is_told_before_a_network_is_loaded(pictures, capsys, monkeypatch, bad):
    """Which may take long: one has 548 MB to download."""

    def load_vgg(**_):
        raise AssertionError("too early")

    monkeypatch.setattr(jobs, "load_vgg", load_vgg)
    assert cli.main(command(**bad)) == 2
    assert sentence(capsys)


@pytest.mark.parametrize("strength", ["-0.5", "1.5", "nan"])
def test_a_strength_that_makes_no_sense(pictures, capsys, strength):
    assert cli.main(command(f"--strength={strength}")) == 2
    message = f"strength is {strength}; expected a number from 0 (the photograph) to 1 (the painting)."
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
    saved = re.search(r"the picture is in (.*result\.png)\.$", last)[1]
    assert st.read_jobs(saved) == [Job("photo.png", "wave.jpg", 48, 2)]
    shutil.rmtree(os.path.dirname(saved))
    assert "Traceback" not in last


@pytest.mark.parametrize("option", ["--network=vgg19-torchvision", "--recipe=gatys"])
def test_weights_that_cannot_be_had(pictures, capsys, monkeypatch, option):
    """Of a network that was asked for, or of the recipe's own."""

    def refuse(*_, **__):
        raise st.WeightsError("the weights of vgg19-torchvision are not on this computer.")

    monkeypatch.setattr(jobs, "load_vgg", refuse)
    assert cli.main(command(option)) == 2
    assert "are not on this computer" in sentence(capsys)


@pytest.mark.parametrize("arguments", [[], ["photo.png"], ["--size=64"]])
def test_pictures_that_are_not_named(pictures, capsys, arguments):
    assert cli.main(arguments) == 2
    expected = "styletools: name the picture to paint and the painting: python -m styletools CONTENT STYLE"
    assert capsys.readouterr().err.strip() == expected


@pytest.mark.parametrize("arguments", [["a", "b", "--canvas"], ["a", "b", "--size=big"], ["a", "b", "--steps=1.5"]])
def test_a_command_line_that_cannot_be_read(capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    assert "usage: python -m styletools" in capsys.readouterr().err


# --- stopped on the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stopped", "width"), [(2, 91), (4, 91), (5, 182)])
def test_an_interrupted_run_keeps_the_picture_and_how_far_it_came(pictures, capsys, monkeypatch, stopped, width):
    """At one of 3 steps at 91 pixels or 2 at 182; so many were made before."""
    with monkeypatch.context() as patch:
        interrupt_at(patch, stopped)
        assert cli.main(command(size=182, steps=3)) == 130
    last = checked_sentence(capsys.readouterr().err.splitlines()[-1])
    assert last == "styletools: interrupted; the picture so far is in result.png."
    assert st.read_jobs("result.png") == [Job("photo.png", "wave.jpg", 182, 3, done=stopped - 1)]
    assert st.load_image("result.png").width == width
    assert cli.main(["--from", "result.png", "-o", "again.png"]) == 0, "painted again to that point"
    assert (pictures / "again.png").read_bytes() == (pictures / "result.png").read_bytes()
    assert cli.main(["--from", "result.png", "-o", "whole.png", "--steps=3"]) == 0, "and with its end named again, to the end"
    assert cli.main(command(size=182, steps=3)) == 0
    assert (pictures / "whole.png").read_bytes() == (pictures / "result.png").read_bytes()


def test_a_run_interrupted_at_its_very_start_claims_no_picture(pictures, capsys, monkeypatch):
    interrupt_at(monkeypatch, 1)
    assert cli.main(command()) == 130
    assert sentence(capsys) == "styletools: interrupted; nothing was painted yet."
    assert not (pictures / "result.png").exists()


def test_an_interrupt_while_the_picture_is_written_keeps_the_old_one(pictures, monkeypatch, capsys):
    st.sample("chelsea").save("result.png")
    before = (pictures / "result.png").read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    assert cli.main(command("--overwrite")) == 130
    assert "interrupted" in capsys.readouterr().err
    assert (pictures / "result.png").read_bytes() == before
    assert not list(pictures.glob(".*"))


def test_a_run_that_diverges_says_why(pictures, capsys, monkeypatch):
    interrupt_at(monkeypatch, 1, st.DivergedError("step 1 diverged: no reason at all."))
    assert cli.main(command()) == 2
    assert "step 1 diverged: no reason at all; nothing was painted yet." in capsys.readouterr().err


def test_a_run_that_diverges_on_the_way_keeps_the_picture(pictures, capsys, monkeypatch):
    interrupt_at(monkeypatch, 3, st.DivergedError("step 3 diverged: no reason at all."))
    assert cli.main(command(steps=9)) == 2
    assert "step 3 diverged" in capsys.readouterr().err
    assert st.load_image("result.png").size == (48, 32)
    assert st.read_jobs("result.png") == [Job("photo.png", "wave.jpg", 48, 9, done=2)]


# --- again -------------------------------------------------------------------------------------------------------------

OPTIONS = {
    "plain": (),
    "own weights": ("--beta=7", "--alpha=0.5", "--tv=0.1"),
    "dial": ("--strength=0.8", "--seed=3"),
    "noise": ("--recipe=walkthrough",),
    "L-BFGS": ("--recipe=modules", "--network=vgg19-slim"),
}


@pytest.mark.parametrize("options", OPTIONS)
def test_a_picture_says_how_it_was_made_and_is_painted_again(pictures, options):
    assert cli.main(command(*OPTIONS[options], steps=3)) == 0
    (job,) = st.read_jobs("result.png")
    assert job == job_of(*command(*OPTIONS[options], steps=3))
    assert st.paint(job).tobytes() == st.load_image("result.png").tobytes()
    assert cli.main(["--from", "result.png", "-o", "again.png"]) == 0
    assert (pictures / "again.png").read_bytes() == (pictures / "result.png").read_bytes()


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_the_other_formats_say_it_too(pictures, ending):
    assert cli.main(command("--beta=7", out=f"result.{ending}")) == 0
    assert cli.main(["--from", f"result.{ending}", "-o", f"again.{ending}"]) == 0
    assert (pictures / f"again.{ending}").read_bytes() == (pictures / f"result.{ending}").read_bytes()


def test_a_picture_may_be_painted_over_itself(pictures):
    assert cli.main(command(out="out.png")) == 0
    before = (pictures / "out.png").read_bytes()
    assert cli.main(["--from", "out.png"]) == 0
    assert (pictures / "out.png").read_bytes() == before


@pytest.fixture
def painted(pictures):
    """result.png: a picture with settings of its own, which was interrupted after its weights had moved."""
    recipe = replace(st.RECIPES["balanced"], alpha=0.75, source="nobody")
    job = Job(
        "photo.png", "wave.jpg", 48, 9, recipe, weights=recipe.weights(0.25), init="noise", seed=5, learning_rate=0.125,
        averaging=0.25, moves=((2, recipe.weights(0.75)),), done=3,
    )  # fmt: skip
    st.save_picture(st.sample("chelsea"), "result.png", job)
    return job


def from_(*arguments):
    return job_of("--from", "result.png", *arguments)


def test_again_without_options_is_the_same_job(painted):
    assert from_() == painted


def test_again_of_another_picture(painted):
    st.sample("the_harvest").resize((30, 30)).save("field.png")
    assert from_("field.png") == replace(painted, content="field.png")
    assert from_("field.png", "great_wave") == replace(painted, content="field.png", style="great_wave")


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("--size=64", {"size": 64}),
        ("--size=original", {"size": 60}),
        ("--colors=match", {"colors": "match"}),
        ("--steps=12", {"steps": 12}),
        ("--steps=9", {}),
        ("--seed=6", {"seed": 6}),
        ("--network=vgg19", {"network": "vgg19"}),
    ],
)
def test_again_with_another_setting_is_another_run_to_its_end(painted, option, changes):
    assert from_(option) == replace(painted, **changes, moves=(), done=None)


@pytest.mark.parametrize(
    ("option", "change"), [("--alpha=2", {"alpha": 2.0}), ("--beta=7", {"beta": 7.0}), ("--tv=0", {"tv": 0.0})]
)
def test_again_with_another_weight_keeps_the_others(painted, option, change):
    expected = replace(painted, weights=replace(painted.weights, **change), moves=(), done=None)
    assert from_(option) == expected
    assert from_(option, "--size=64") == replace(expected, size=64)


def test_again_with_a_weight_it_had_is_the_same_job(painted):
    assert from_(f"--beta={painted.weights.beta}") == painted


def test_again_with_another_strength_of_its_own_recipe(painted):
    assert from_("--strength=1") == replace(painted, weights=painted.recipe.weights(1), moves=(), done=None)


def test_again_with_another_recipe_takes_all_of_it(painted):
    """Its weights, start, optimiser, learning rate and network; what is no recipe's stays."""
    expected = Job("photo.png", "wave.jpg", 48, 9, "gatys", seed=5, averaging=0.25)
    assert from_("--recipe=gatys") == expected
    assert from_("--recipe=gatys", "--network=vgg19", "--beta=3") == replace(
        expected, weights=replace(expected.weights, beta=3.0)
    )


def test_again_when_files_have_moved(pictures, capsys):
    assert cli.main(command()) == 0
    before = (pictures / "result.png").read_bytes()
    (pictures / "elsewhere").mkdir()
    shutil.move("photo.png", "elsewhere/cat.png")
    assert cli.main(["--from", "result.png", "-o", "again.png"]) == 2
    gone = "photo.png, of which this was painted, is not there any more; name the pictures to paint from."
    assert sentence(capsys) == f"styletools: {gone}"
    assert not (pictures / "again.png").exists()
    assert cli.main(["--from", "result.png", "elsewhere/cat.png", "-o", "again.png"]) == 0
    assert st.load_image("again.png").tobytes() == st.load_image("result.png").tobytes()
    shutil.move("elsewhere/cat.png", "elsewhere/photo.png")
    for name in ("wave.jpg", "result.png"):
        shutil.move(name, "elsewhere")
    assert cli.main(["--from", "elsewhere/result.png", "-o", "again.png"]) == 0
    assert st.load_image("again.png").tobytes() == st.load_image("elsewhere/result.png").tobytes()
    os.chdir("elsewhere")
    assert cli.main(["--from", "result.png"]) == 0
    assert (pictures / "elsewhere" / "out.png").read_bytes() == before


def test_again_of_a_picture_of_the_studio(pictures):
    """Of an upload, at one size, with moves; the first of a sheet."""
    weights = st.RECIPES["balanced"].weights()
    moves = ((1, weights), (3, replace(weights, beta=1.0)))
    upload = st.sample("chelsea").resize((40, 30))
    job = Job(upload, "great_wave", 36, 300, "balanced", averaging=0.5, coarse_to_fine=False, moves=moves, done=4)
    picture = st.paint(job)
    st.save_picture(picture, "studio_1.png", job, replace(job, seed=1))
    assert cli.main(["--from", "studio_1.png", "-o", "again.png"]) == 0
    assert st.load_image("again.png").tobytes() == picture.tobytes()
    assert st.read_jobs("again.png") == st.read_jobs("studio_1.png")[:1]


def test_again_of_tensors(pictures):
    job = Job(st.preprocess("chelsea", 40), st.preprocess("great_wave", 33), 36, 2, "balanced", coarse_to_fine=False)
    picture = st.paint(job)
    st.save_picture(picture, "result.png", job)
    assert cli.main(["--from", "result.png", "-o", "again.png"]) == 0
    assert st.load_image("again.png").tobytes() == picture.tobytes()


def damaged(text):
    info = PngInfo()
    info.add_itxt(jobs.KEY, text)
    st.sample("chelsea").resize((9, 9)).save("damaged.png", pnginfo=info)
    return "damaged.png"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: "nowhere.png", "there is no file nowhere.png."),
        (lambda: "text.jpg", "text.jpg is not a picture that can be read"),
        (lambda: "folder.png", "folder.png is a folder"),
        (lambda: "photo.png", "photo.png does not say how it was made: styletools did not write it, or it was changed since."),
        (lambda: damaged("{"), "these are not settings that styletools wrote, or they are damaged."),
        (lambda: damaged('{"format": 2, "pictures": {}, "jobs": []}'), "these are not settings that styletools wrote"),
        (lambda: damaged('{"format": 99}'), "this was written by a newer styletools (format 99); update the package."),
        (lambda: damaged(json.dumps({"format": 2, "pictures": {}, "jobs": [{}]})), "these are not settings"),
    ],
)
def test_again_of_what_cannot_be_read(pictures, capsys, source, message):
    name = source()
    before = sorted(os.listdir())
    assert cli.main(["--from", name]) == 2
    assert message in sentence(capsys)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("option", "message"),
    [("--size=5000", "a size of 5000 pixels"), ("--steps=0", "0 steps paint nothing"), ("--strength=2", "strength is 2.0;")],
)
def test_again_with_settings_that_make_no_sense(painted, capsys, option, message):
    assert cli.main(["--from", "result.png", option, "-o", "again.png"]) == 2
    assert message in sentence(capsys)
