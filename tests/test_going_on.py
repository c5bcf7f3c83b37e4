"""--save-run and --from a run, --device, --film: what else a command keeps of a painting, and how it goes on."""

import os
import sys

import pytest
import torch
from PIL import Image

import styletools as st
from styletools import Job, StyleTransfer
from styletools import __main__ as cli
from styletools.command import painting, progress
from styletools.command.progress import Reel

SETTINGS = ("--size=48", "--steps=4")


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A working folder with photo.png (60 x 40) and wave.jpg."""
    monkeypatch.chdir(tmp_path)
    st.sample("chelsea").resize((60, 40)).save("photo.png")
    st.sample("great_wave").resize((50, 50)).save("wave.jpg")
    return tmp_path


def command(*more, content="photo.png", style="wave.jpg", out="out.png"):
    return [content, style, "-o", out, *SETTINGS, *more]


def stop_at(monkeypatch, number, error=KeyboardInterrupt):
    """Let the step of that number raise an error."""
    step, calls = StyleTransfer.step, []

    def counted(transfer):
        calls.append(transfer)
        if len(calls) == number:
            raise error
        return step(transfer)

    monkeypatch.setattr(StyleTransfer, "step", counted)


def told(capsys):
    return capsys.readouterr().err.replace("\r", "\n").strip().splitlines()[-1].removeprefix("styletools: ")


# --- a run ----------------------------------------------------------------------------------------------------------------


def test_a_run_goes_on_as_if_it_had_never_stopped(pictures):
    assert cli.main(command("--save-run=run.safetensors")) == 0
    transfer = StyleTransfer.load("run.safetensors", steps=7)
    assert len(transfer.history) == 4
    list(transfer)
    assert cli.main(["--from=run.safetensors", "--steps=3", "-o", "more.png", "--save-run=more.safetensors"]) == 0
    assert st.load_image("more.png").tobytes() == transfer.image.tobytes()
    assert torch.equal(StyleTransfer.load("more.safetensors").tensor, transfer.tensor)
    (job,) = st.read_jobs("more.png")
    assert (job.done, job.size, max(job.content.shape)) == (7, 48, 48)
    assert cli.main(["--from=more.png", "-o", "again.png"]) == 0, "the picture says how it was made, too"
    assert st.load_image("again.png").size == (48, 32)


def test_the_run_is_that_of_the_last_scale(pictures):
    assert cli.main(command("--size=130", "--save-run=run.safetensors")) == 0
    assert StyleTransfer.load("run.safetensors").job.size == 130
    assert len(StyleTransfer.load("run.safetensors").history) == 3


@pytest.mark.parametrize(
    ("option", "change"),
    [("--beta=7", {"beta": 7.0}), ("--alpha=0.5 --tv=0.25", {"alpha": 0.5, "tv": 0.25}), ("--strength=0.9", None)],
)
def test_a_run_goes_on_with_other_weights(pictures, option, change):
    assert cli.main(command("--save-run=run.safetensors")) == 0
    before = StyleTransfer.load("run.safetensors").weights
    assert cli.main(["--from=run.safetensors", "--steps=1", "--save-run=run.safetensors", *option.split()]) == 0
    expected = st.find_recipe("neighbours").weights(0.9) if change is None else st.Weights(**{**vars(before), **change})
    transfer = StyleTransfer.load("run.safetensors")
    assert transfer.weights == expected
    assert [step for step, _ in transfer.moves] == [1, 5]


@pytest.mark.parametrize(
    "arguments", ["photo.png", "--size=64", "--recipe=gatys", "--network=vgg19", "--seed=1", "--colors=match", "--style a b",
                  "--style-weight 2", "--mask=0,0,1,1"]
)  # fmt: skip
def test_what_contradicts_a_run_is_refused(pictures, capsys, arguments):
    assert cli.main(command("--save-run=run.safetensors")) == 0
    assert cli.main(["--from=run.safetensors", "-o", "more.png", *arguments.split()]) == 2
    what = arguments.split("=")[0].split()[0]
    end = "name no pictures" if what == "photo.png" else f"leave {what} out"
    expected = f"a saved run goes on with its own pictures, size, recipe, network and colours; {end}."
    assert told(capsys) == expected
    assert not (pictures / "more.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--from nowhere.safetensors", "there is no file nowhere.safetensors."),
        ("--from text.safetensors", "text.safetensors is not a run saved by StyleTransfer.save, or it is damaged."),
        ("--from text.safetensors --steps 0", "0 steps paint nothing; choose at least 1."),
        ("--from text.safetensors -o out.txt", "cannot write out.txt: the name must end in .png, .jpg or .webp."),
        ("photo.png wave.jpg --save-run run.pt", "cannot save the run to run.pt: the name must end in .safetensors."),
        ("photo.png wave.jpg --save-run no/run.safetensors", "cannot write into no: there is no such folder."),
        (
            "photo.png wave.jpg --save-run text.safetensors",
            "text.safetensors exists, and styletools did not paint it; name another file or add --overwrite.",
        ),
    ],
)
def test_a_run_that_cannot_be_read_or_kept(pictures, capsys, monkeypatch, arguments, sentence):
    monkeypatch.setattr(Job, "load_network", lambda _: pytest.fail("too late"))
    (pictures / "text.safetensors").write_text("not a run")
    assert cli.main(arguments.split()) == 2
    assert capsys.readouterr().err == f"styletools: {sentence}\n"
    assert sorted(os.listdir()) == ["photo.png", "text.safetensors", "wave.jpg"]


def test_an_interrupted_run_is_kept_and_goes_on(pictures, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        assert cli.main(command("--save-run=run.safetensors", "--film=a.gif")) == 130
    where = "the picture so far is in out.png, the run in run.safetensors, the film in a.gif"
    assert told(capsys) == f"interrupted; {where}."
    assert len(StyleTransfer.load("run.safetensors").history) == 2
    assert cli.main(command(out="whole.png")) == 0
    assert cli.main(["--from=run.safetensors", "--steps=2", "-o", "rest.png"]) == 0
    assert st.load_image("rest.png").tobytes() == st.load_image("whole.png").tobytes()
    with monkeypatch.context() as patch:
        stop_at(patch, 1)
        assert cli.main(["--from=run.safetensors", "-o", "none.png"]) == 130
    assert told(capsys) == "interrupted; the picture so far is in none.png."
    assert st.load_image("none.png").tobytes() == st.load_image("out.png").tobytes()


def test_a_run_that_can_no_longer_be_saved_leaves_the_picture(pictures, capsys, monkeypatch):
    def fail(transfer, path):
        raise st.ImageError(f"cannot write the run to {path} (No space left on device).")

    monkeypatch.setattr(StyleTransfer, "save", fail)
    assert cli.main(command("--save-run=run.safetensors")) == 2
    trouble = "cannot write the run to run.safetensors (No space left on device)"
    assert told(capsys) == f"{trouble}; the picture is in out.png."
    assert st.read_jobs("out.png") == [Job("photo.png", "wave.jpg", 48, 4)]


def test_without_a_step_there_is_no_run(pictures, capsys):
    assert cli.main(command("--strength=0", "--save-run=run.safetensors")) == 2
    assert told(capsys) == "there is no run to save, because the picture is the photograph itself; the picture is in out.png."


# --- the device ---------------------------------------------------------------------------------------------------------------


def test_the_device_is_asked_for_and_not_kept(pictures, asked):
    """A picture must be painted again where there is no such device."""
    assert cli.main(command("--device=cpu")) == 0
    assert cli.main(command()) == 0
    assert [options.get("device") for options in asked] == ["cpu", None]
    assert st.read_jobs("out.png") == [Job("photo.png", "wave.jpg", 48, 4)]


def test_the_device_of_a_run(pictures, monkeypatch):
    assert cli.main(command("--save-run=run.safetensors")) == 0
    loaded, load = [], st.load_vgg
    monkeypatch.setattr("styletools.command.reading.load_vgg", lambda **options: loaded.append(options) or load(**options))
    assert cli.main(["--from=run.safetensors", "--steps=1", "--device=cpu"]) == 0
    assert [options["device"] for options in loaded] == ["cpu"]


@pytest.mark.parametrize("more", [[], ["photo.png", "-o", "folder/"]])
def test_a_device_that_is_not_there(pictures, capsys, more):
    assert cli.main(["photo.png", *more[:1], "wave.jpg", "--device=abacus", *more[1:]]) == 2
    assert told(capsys).startswith("unknown device 'abacus'; choose from cpu")


# --- the film -----------------------------------------------------------------------------------------------------------------


def frames(path):
    """The pictures of a GIF, in RGB, and how long each stays, in seconds."""
    with Image.open(path) as gif:
        found = []
        for number in range(gif.n_frames):
            gif.seek(number)
            found.append((gif.convert("RGB").copy(), gif.info["duration"] / 1000))
        return found


def test_a_film_is_of_one_size_and_ends_with_the_picture(pictures):
    """Two scales, 65 and 130 pixels; the last picture is the one that is saved, but for JPEG and 256 colours."""
    assert cli.main(command("--size=130", "--steps=12", "--film=a.gif")) == 0
    shown = frames("a.gif")
    picture = st.load_image("out.png")
    assert picture.size == (130, 87)
    assert {frame.size for frame, _ in shown} == {(130, 86)}, "both sides are even, as films want them"
    assert len(shown) >= 12
    assert shown[-1][1] >= 1.0
    last = picture.resize((130, 86))

    def distance(frame):
        return sum(abs(a - b) for a, b in zip(frame.tobytes(), last.tobytes(), strict=True)) / len(last.tobytes())

    assert distance(shown[-1][0]) < 6
    assert distance(shown[0][0]) > 2 * distance(shown[-1][0])


def test_a_film_of_a_run_that_goes_on(pictures):
    assert cli.main(command("--save-run=run.safetensors")) == 0
    assert cli.main(["--from=run.safetensors", "--steps=5", "-o", "more.png", "--film=more.gif"]) == 0
    assert len(frames("more.gif")) == 5


def test_a_film_has_few_pictures_of_many_steps(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "WIDEST", 30)
    reel = Reel(tmp_path / "a.gif", (60, 40), 1000)
    taken = [step for step in range(1, 1001) if reel.wants(step) and not reel.add(step, Image.new("RGB", (60, 40)))]
    assert taken[:3] == [1, 12, 23]
    assert len(taken) <= progress.SHOTS
    reel.write(1000, Image.new("RGB", (60, 40), "red"))
    shown = frames(tmp_path / "a.gif")
    assert shown[-1][0].size == (30, 20)
    assert shown[-1][0].getpixel((5, 5))[0] > 200
    assert sum(seconds for _, seconds in shown) == pytest.approx((len(taken) + 1) / 12 + 1, abs=0.1)


@pytest.mark.parametrize("name", ["a.webm", "film", "a.png"])
def test_a_film_of_another_kind_is_refused(pictures, capsys, monkeypatch, name):
    monkeypatch.setattr(Job, "load_network", lambda _: pytest.fail("too late"))
    assert cli.main(command("--film", name)) == 2
    assert told(capsys) == f"a film is called something.gif or something.mp4, not {name}."


def test_an_mp4_without_its_package_is_refused_before_painting(pictures, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setattr(Job, "load_network", lambda _: pytest.fail("too late"))
    assert cli.main(command("--film=a.mp4")) == 2
    assert "pip install imageio-ffmpeg, or call the file something.gif" in told(capsys)
    assert not (pictures / "out.png").exists()


def test_a_film_replaces_one_of_ours_and_no_other(pictures, capsys):
    st.load_image("photo.png").save("own.gif")
    before = (pictures / "own.gif").read_bytes()
    assert cli.main(command("--film=own.gif")) == 2
    assert told(capsys) == "own.gif exists, and styletools did not paint it; name another file or add --overwrite."
    assert cli.main(command("--film=own.gif", "--overwrite", content="own.gif")) == 2
    assert told(capsys) == "cannot write own.gif: that is own.gif, which is painted from; name another file."
    assert (pictures / "own.gif").read_bytes() == before
    for _ in range(2):
        assert cli.main(command("--film=a.gif")) == 0


def test_a_film_that_cannot_be_written_leaves_the_picture(pictures, capsys, monkeypatch):
    def fail(*_):
        raise st.ImageError("cannot write a film to a.gif (No space left on device).")

    monkeypatch.setattr(progress, "film", fail)
    assert cli.main(command("--film=a.gif", "--save-run=run.safetensors")) == 2
    kept = "the picture is in out.png, the run in run.safetensors"
    assert told(capsys) == f"cannot write a film to a.gif (No space left on device); {kept}."
    monkeypatch.setattr(painting, "save_run", lambda *_: (_ for _ in ()).throw(MemoryError))
    assert cli.main(command("--save-run=run.safetensors")) == 2
    assert told(capsys) == "there is no memory to keep the run in run.safetensors; the picture is in out.png."


def test_the_folder_of_a_film_must_be_there(pictures, capsys):
    assert cli.main(command("--film=no/a.gif")) == 2
    assert told(capsys) == "cannot write into no: there is no such folder."
