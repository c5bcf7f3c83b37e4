"""Many pictures in one command: each painted once, failures told at the end, an interrupted command gone on with."""

import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image
from tqdm import tqdm

import styletools as st
from styletools import Job
from styletools import __main__ as cli
from styletools.command import painting
from styletools.command.many import file_names, is_done
from styletools.command.report import Report

SETTINGS = ("--size=48", "--steps=2")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A working folder with wave.jpg and three pictures in photos/, of three shapes."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("photos")
    for name, size in (("a", (60, 40)), ("b", (40, 60)), ("c", (50, 50))):
        st.sample("chelsea").resize(size).save(f"photos/{name}.jpg")
    st.sample("great_wave").resize((50, 50)).save("wave.jpg")
    return tmp_path / "photos"


@pytest.fixture
def painted(monkeypatch):
    """Which pictures are painted, in order."""
    names, paint = [], painting.paint
    monkeypatch.setattr(painting, "paint", lambda job, *more: names.append(job.content) or paint(job, *more))
    return names


def paint(*more, pictures=("photos/a.jpg", "photos/b.jpg", "photos/c.jpg"), style="wave.jpg", out="out/"):
    return cli.main([*pictures, style, "-o", out, *SETTINGS, *more])


def lines(capsys):
    """What was said at the end, without the bar."""
    captured = capsys.readouterr()
    assert captured.out == ""
    said = [line for line in captured.err.replace("\r", "\n").splitlines() if line.startswith("styletools: ")]
    assert all(line.endswith(".") for line in said)
    return [line.removeprefix("styletools: ") for line in said]


def names(folder="out"):
    return sorted(os.listdir(folder))


# --- painting ----------------------------------------------------------------------------------------------------------


def test_each_picture_is_painted_as_it_would_be_alone(photos, capsys, monkeypatch):
    loaded, load = [], Job.load_network
    monkeypatch.setattr(Job, "load_network", lambda job: loaded.append(job) or load(job))
    assert paint() == 0
    assert lines(capsys) == ["3 pictures were painted into out."]
    assert len(loaded) == 1
    assert names() == ["a.png", "b.png", "c.png"]
    assert cli.main(["photos/b.jpg", "wave.jpg", "-o", "alone.png", *SETTINGS]) == 0
    assert Path("alone.png").read_bytes() == Path("out/b.png").read_bytes()
    assert [st.load_image(f"out/{name}.png").size for name in "abc"] == [(48, 32), (32, 48), (48, 48)]


def test_each_picture_gets_its_own_size(photos):
    st.sample("chelsea").resize((90, 60)).save("photos/d.jpg")
    assert cli.main(["photos/d.jpg", "photos/c.jpg", "wave.jpg", "-o", "out/", "--steps=1"]) == 0
    assert [st.load_image(f"out/{name}.png").size for name in "dc"] == [(90, 60), (64, 64)]
    assert cli.main(["photos/d.jpg", "photos/c.jpg", "wave.jpg", "-o", "out/", "--steps=1", "--size=original"]) == 0
    assert [st.load_image(f"out/{name}.png").size for name in "dc"] == [(90, 60), (50, 50)]


def test_one_picture_goes_into_a_folder_too(photos, capsys):
    assert paint(pictures=["photos/a.jpg"], out="new/deep/") == 0
    assert names("new/deep") == ["a.png"]
    assert paint(pictures=["photos/b.jpg"], out="new/deep") == 0, "it is there now, so it needs no slash"
    assert names("new/deep") == ["a.png", "b.png"]
    assert lines(capsys)[-1] == f"1 picture was painted into {Path('new/deep')}."


def test_several_styles_for_several_pictures(photos):
    arguments = ["photos/a.jpg", "photos/b.jpg", "--style", "wave.jpg", "great_wave", "-o", "out", *SETTINGS]
    assert cli.main(arguments) == 0
    assert st.read_jobs("out/b.png") == [Job("photos/b.jpg", ["wave.jpg", "great_wave"], 48, 2)]


def test_what_the_shell_leaves_is_matched_here(photos):
    """As on Windows, whose shell hands over the star."""
    assert paint(pictures=["photos/[ab].jpg"]) == 0
    assert names() == ["a.png", "b.png"]
    os.rename("photos/c.jpg", "photos/[ab].jpg")
    assert paint(pictures=["photos/[ab].jpg"], out="other/") == 0
    assert names("other") == ["[ab].png"], "a file of that very name"


def test_a_picture_named_twice_is_painted_once(photos, painted):
    assert paint(pictures=["photos/a.jpg", "photos/a.jpg", "./photos/a.jpg"]) == 0
    assert names() == ["a.png"]
    assert len(painted) == 1


def test_the_settings_of_a_painting_for_many(photos):
    assert cli.main(["photos/a.jpg", "wave.jpg", "-o", "first.png", *SETTINGS, "--beta=7"]) == 0
    assert cli.main(["--from", "first.png", "photos/b.jpg", "photos/c.jpg", "great_wave", "-o", "out/"]) == 0
    (first,) = st.read_jobs("first.png")
    assert st.read_jobs("out/c.png") == [replace(first, content="photos/c.jpg", style="great_wave")]
    assert cli.main(["--from", "first.png", "-o", "out/"]) == 0
    assert Path("out/a.png").read_bytes() == Path("first.png").read_bytes()


def test_one_bar_for_all(photos, monkeypatch):
    """Its total is right from each picture's first step on, be it that some are narrower, cannot be read or were there."""
    Image.new("RGB", (120, 30), "red").save("photos/d.png")
    more = ["-o", "out/", "--size=130", "--steps=4"]
    assert cli.main(["photos/b.jpg", "wave.jpg", *more]) == 0
    bars, seen = [], []

    class Bar(tqdm):
        def update(self, n=1):
            super().update(n)
            seen.append((self.n, self.total, self.desc))

    monkeypatch.setattr(painting, "tqdm", lambda **options: bars.append(Bar(**options)) or bars[-1])
    assert cli.main(["photos/b.jpg", "photos/d.png", "nowhere.jpg", "photos/a.jpg", "wave.jpg", *more]) == 1
    panorama, whole = 4, 4 + 3
    first = [(n, panorama + 2 * whole, "2/4 d.png: ") for n in range(1, 5)]
    assert seen == first + [(n, panorama + whole, "4/4 a.jpg: ") for n in range(5, 12)]
    assert (len(bars), bars[0].n, bars[0].total) == (1, 11, 11)


# --- what they are called -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        (["photos/cat.jpg", "dog.JPG", "chelsea"], ["cat", "dog", "chelsea"]),
        (["cat.jpg", "cat.png", "dog.jpg"], ["cat_jpg", "cat_png", "dog"]),
        (["Cat.jpg", "cat.png"], ["Cat_jpg", "cat_png"]),
        (["x/cat.jpg", "y/cat.jpg"], ["x_cat_jpg", "y_cat_jpg"]),
        (["x/1/cat.jpg", "y/1/cat.jpg"], ["x_1_cat_jpg", "y_1_cat_jpg"]),
        (["chelsea", "photos/chelsea.jpg"], ["chelsea", "chelsea_jpg"]),
        (["a.b.jpg"], ["a.b"]),
        (["x/cat.jpg", "y/cat.jpg", "cat_jpg.png"], ["x_cat_jpg", "y_cat_jpg", "cat_jpg_png"]),
    ],
)
def test_results_are_called_as_their_pictures(pictures, expected):
    assert file_names(pictures) == [f"{name}.png" for name in expected]


@given(some.lists(some.from_regex(r"([xy]/){0,2}[abA](\.jpg|\.png)?", fullmatch=True), unique=True))
def test_no_two_pictures_get_one_name(pictures):
    found = file_names(pictures)
    assert len(set(found)) == len(pictures)
    assert len({name.casefold() for name in found}) == len({picture.casefold() for picture in pictures}), "as on Windows"
    assert not any("/" in name for name in found)


# --- again -----------------------------------------------------------------------------------------------------------------


def test_what_is_there_already_is_left_alone(photos, painted, capsys):
    assert paint(pictures=["photos/a.jpg", "photos/b.jpg"]) == 0
    before = Path("out/a.png").stat().st_mtime_ns
    painted.clear(), lines(capsys)
    assert paint() == 0
    assert painted == ["photos/c.jpg"]
    assert lines(capsys) == ["1 picture was painted into out; 2 pictures were there already, painted in the same way."]
    assert Path("out/a.png").stat().st_mtime_ns == before


@pytest.mark.parametrize("option", ["--strength=0.9", "--steps=3", "--size=32", "--colors=luminance", "--seed=1"])
def test_what_was_painted_otherwise_is_painted_again(photos, painted, option):
    for more in ((), (option,)):
        assert paint(*more, pictures=["photos/a.jpg"]) == 0
    assert len(painted) == 2


def test_another_photograph_of_the_same_name_is_painted_again(photos, painted):
    assert paint(pictures=["photos/a.jpg"]) == 0
    os.replace("photos/c.jpg", "photos/a.jpg")
    assert paint(pictures=["photos/a.jpg"]) == 0
    assert len(painted) == 2
    assert st.load_image("out/a.png").size == (48, 48)


def test_the_same_photograph_in_another_place_is_not(photos, painted):
    assert paint(pictures=["photos/a.jpg"]) == 0
    os.rename("photos/a.jpg", "a.jpg")
    assert paint(pictures=["a.jpg"]) == 0
    assert painted == ["photos/a.jpg"]


@pytest.mark.parametrize("kind", ["photograph", "sheet", "damaged"])
def test_what_only_looks_painted_is_not_taken_for_it(photos, kind):
    job = Job("photos/a.jpg", "wave.jpg", 48, 2)
    picture = st.sample("chelsea").resize((9, 9))
    picture.save("out.png") if kind == "photograph" else st.save_picture(picture, "out.png", *[job] * (1 + (kind == "sheet")))
    if kind == "damaged":
        Path("out.png").write_bytes(Path("out.png").read_bytes()[:400])
    assert not is_done(Path("out.png"), job)
    st.save_picture(picture, "out.png", job)
    assert is_done(Path("out.png"), job)
    assert not is_done(Path("out.png"), replace(job, done=1))


def test_another_version_of_the_program_does_not_paint_all_again(photos, monkeypatch):
    job = Job("photos/a.jpg", "wave.jpg", 48, 2)
    monkeypatch.setattr(st, "__version__", "99")
    st.save_picture(st.sample("chelsea"), "out.png", job)
    monkeypatch.undo()
    os.chdir(photos.parent)
    assert is_done(Path("out.png"), job)


def test_what_memory_allowed_before_is_done(photos, capsys, monkeypatch, painted):
    """At --size original a large photograph is painted as large as memory allows, which is not the same every day."""

    def allow(side):
        monkeypatch.setattr("styletools.memory.free_memory", lambda: (side + 0.5) ** 2 * 2200 / 0.8)
        return cli.main(["photos/c.jpg", "wave.jpg", "-o", "out/", "--steps=1", "--size=original"])

    assert allow(40) == 0
    note, last = lines(capsys)
    assert note.startswith("photos/c.jpg is 50 pixels long and is painted at 40, because the free memory")
    assert last == "1 picture was painted into out."
    for side in (38, 44):
        assert allow(side) == 0
        assert lines(capsys) == ["0 pictures were painted into out; 1 picture was there already, painted in the same way."]
    assert allow(500) == 0
    assert len(painted) == 2, "all of it at last"
    assert st.load_image("out/c.png").size == (50, 50)


# --- what goes wrong -------------------------------------------------------------------------------------------------------


def test_a_failing_picture_does_not_stop_the_others(photos, capsys):
    Path("photos/text.jpg").write_text("not a picture")
    Image.new("RGB", (400, 20)).save("photos/ribbon.png")
    assert paint(pictures=["nowhere.jpg", "photos/a.jpg", "photos/text.jpg", "photos/ribbon.png", "photos/b.jpg"]) == 1
    missing, text, ribbon, last = lines(capsys)
    assert missing == "there is no file nowhere.jpg."
    assert text.startswith("photos/text.jpg is not a picture that can be read")
    assert re.match(r"photos/ribbon\.png: a picture of 48 x 2 pixels is too small .*; nothing was painted yet\.$", ribbon)
    assert last == "2 pictures were painted into out; 3 failed."
    assert names() == ["a.png", "b.png"]


def test_a_painting_that_diverges_keeps_its_picture_and_the_next_goes_on(photos, capsys, monkeypatch):
    step, calls = st.StyleTransfer.step, []

    def fail(transfer):
        calls.append(transfer)
        if len(calls) == 2:
            raise st.DivergedError("step 2 diverged: no reason at all.")
        return step(transfer)

    monkeypatch.setattr(st.StyleTransfer, "step", fail)
    assert paint() == 1
    first, last = lines(capsys)
    assert first == f"photos/a.jpg: step 2 diverged: no reason at all; the picture so far is in {Path('out/a.png')}."
    assert last == "2 pictures were painted into out; 1 failed."
    assert st.read_jobs("out/a.png")[0].done == 1
    monkeypatch.undo()
    os.chdir(photos.parent)
    assert paint() == 0
    assert lines(capsys) == ["1 picture was painted into out; 2 pictures were there already, painted in the same way."]


def test_a_mask_that_fits_not_every_photograph(photos, capsys):
    Image.new("L", (60, 40), 255).save("mask.png")
    assert paint("--mask=mask.png", pictures=["photos/a.jpg", "photos/b.jpg"]) == 1
    failed, _ = lines(capsys)
    assert failed.startswith("photos/b.jpg: the mask has 60 x 40 pixels")
    assert names() == ["a.png"]
    assert paint("--mask=0,0,1,0.5", out="boxes/") == 0


def test_a_file_of_somebody_else_is_not_replaced(photos, capsys):
    os.mkdir("out")
    Image.new("RGB", (9, 9)).save("out/a.png")
    before = Path("out/a.png").read_bytes()
    assert paint() == 1
    failed, _ = lines(capsys)
    assert failed == (
        f"photos/a.jpg: {Path('out/a.png')} exists, and styletools did not paint it; name another file or add --overwrite."
    )
    assert Path("out/a.png").read_bytes() == before
    assert paint("--overwrite") == 0
    assert Path("out/a.png").read_bytes() != before


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_what_is_painted_from_is_never_replaced(photos, capsys, overwrite):
    """Neither the photograph itself, nor another one, nor the painting."""
    for name in ("a.png", "b.png", "wave.png"):
        st.sample("chelsea").resize((60, 40)).save(f"photos/{name}")
    st.sample("chelsea").resize((60, 40)).save("wave.png")
    before = {name: (photos / name).read_bytes() for name in names("photos")}
    pictures = ["photos/a.png", "photos/b.png", "photos/c.jpg", "wave.png"]
    assert paint(*overwrite, pictures=pictures, style="photos/wave.png", out="photos") == 1
    first, second, third, _ = lines(capsys)
    assert "that is photos/a.png, which is painted from" in first
    assert "that is photos/b.png, which is painted from" in second
    assert "that is photos/wave.png, which is painted from" in third
    assert {name: (photos / name).read_bytes() for name in before} == before
    assert names("photos") == sorted([*before, "c.png"])


REFUSED = {
    "style": ({"style": "nowhere.jpg"}, "there is no file nowhere.jpg."),
    "file": ({"out": "out.png"}, "3 pictures do not go into the one file out.png; name a folder for them: -o painted/."),
    "file as folder": ({"out": "wave.jpg/"}, "cannot make the folder wave.jpg: File exists."),
    "folder in a file": ({"out": "wave.jpg/new/"}, "cannot make the folder wave.jpg/new: Not a directory."),
    "size": ({"more": ["--size=0"]}, "a size of 0 pixels is impossible here"),
    "steps": ({"more": ["--steps=0"]}, "0 steps paint nothing"),
    "film": ({"more": ["--film=a.gif"]}, "--film is for one picture that goes into a file; leave it out, or name a file"),
    "run": ({"more": ["--save-run=a.safetensors"]}, "--save-run is for one picture"),
    "progress": ({"more": ["--preserve-progress=steps"]}, "--preserve-progress is for one picture"),
}


@pytest.mark.skipif(os.name == "nt", reason="words of Unix")
@pytest.mark.parametrize("case", REFUSED)
def test_what_would_fail_with_every_picture_is_refused_at_once(photos, capsys, monkeypatch, case):
    monkeypatch.setattr(Job, "load_network", lambda _: pytest.fail("too late"))
    changes, sentence = REFUSED[case]
    changes = dict(changes)
    assert paint(*changes.pop("more", []), **changes) == 2
    (line,) = lines(capsys)
    assert line.startswith(sentence)
    assert sorted(os.listdir()) == ["photos", "wave.jpg"]


# --- stopped on the way ------------------------------------------------------------------------------------------------------


def test_an_interrupted_command_is_gone_on_with(photos, capsys, monkeypatch, painted):
    assert paint(out="whole/") == 0
    step, calls = st.StyleTransfer.step, []

    def interrupt(transfer):
        calls.append(transfer)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return step(transfer)

    lines(capsys), painted.clear()
    with monkeypatch.context() as patch:
        patch.setattr(st.StyleTransfer, "step", interrupt)
        assert paint() == 130
    (line,) = lines(capsys)
    so_far = f"interrupted; the picture so far is in {Path('out/b.png')}"
    assert line == f"{so_far}; 1 picture was painted into out; 2 left, which the same command paints."
    assert st.read_jobs("out/b.png") == [Job("photos/b.jpg", "wave.jpg", 48, 2, done=1)]
    assert painted == ["photos/a.jpg", "photos/b.jpg"]
    painted.clear()
    assert paint() == 0
    assert painted == ["photos/b.jpg", "photos/c.jpg"]
    for name in names("whole"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()


def test_a_signal_while_a_picture_is_written_waits_and_then_counts(photos, capsys, monkeypatch):
    move = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (signal.raise_signal(signal.SIGTERM), move(*paths)))
    assert paint() == 143
    assert lines(capsys) == ["interrupted; 1 picture was painted into out; 2 left, which the same command paints."]
    assert names() == ["a.png"]


# --- the report ----------------------------------------------------------------------------------------------------------


def test_the_report_names_a_picture_once():
    report = Report(Path("out"), 4, painted=1)
    report.fail("cat.jpg", "cat.jpg is damaged")
    report.fail("dog", "the dogs are gone")
    left = "1 picture was painted into out; 2 failed; 1 left, which the same command paints"
    assert report.lines() == ["cat.jpg is damaged", "dog: the dogs are gone", left]
