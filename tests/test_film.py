"""The film of a run: even steps, one size, a last picture that stays; a GIF, or an MP4 where its package is."""

import io
import math
import sys
from dataclasses import dataclass

import pytest
from PIL import Image

import styletools as st
from styletools import film as film_module
from styletools.film import film


@dataclass(frozen=True)
class Shot:
    step: int
    jpeg: bytes


def make_shots(*steps, size=(6, 4)):
    """Pictures as grey as they have steps."""
    shots = []
    for step in steps:
        buffer = io.BytesIO()
        Image.new("RGB", size, (min(255, step),) * 3).save(buffer, "JPEG", quality=85)
        shots.append(Shot(step, buffer.getvalue()))
    return shots


def grey(image):
    return image.convert("RGB").getpixel((1, 1))[0]


def read_gif(path):
    """(grey, seconds) of each picture, and their sizes."""
    with Image.open(path) as gif:
        shown = []
        for number in range(gif.n_frames):
            gif.seek(number)
            shown.append((grey(gif), gif.info["duration"] / 1000, gif.size))
        return [(value, seconds) for value, seconds, _ in shown], {size for _, _, size in shown}, gif.info.get("loop")


def test_a_film_goes_evenly_over_the_steps_and_holds_the_last_picture(tmp_path):
    shots = make_shots(0, 10, 20, 30, 100)
    path = film(shots, tmp_path / "run.gif", seconds=2, fps=10)
    assert path == tmp_path / "run.gif"
    shown, sizes, loop = read_gif(path)
    assert [value for value, _ in shown] == pytest.approx([0, 10, 20, 30, 100], abs=2)
    assert sum(seconds for _, seconds in shown) == pytest.approx(3.0)
    assert shown[-1][1] == pytest.approx(1.1)
    assert shown[3][1] == pytest.approx(1.3), "nothing came between steps 30 and 100"
    assert (sizes, loop) == ({(6, 4)}, 0)
    assert [one.name for one in tmp_path.iterdir()] == ["run.gif"]


@pytest.mark.parametrize("fps", [7, 12, 30])
def test_a_film_is_as_long_as_asked_for(tmp_path, fps):
    shown, _, _ = read_gif(film(make_shots(*range(0, 200, 2)), tmp_path / "run.gif", seconds=3, fps=fps))
    assert sum(seconds for _, seconds in shown) == pytest.approx(4.0, abs=0.02)
    assert len(shown) <= 3 * fps
    values = [value for value, _ in shown]
    assert values == sorted(values)


@pytest.mark.parametrize(("size", "expected"), [(None, (62, 40)), (31, (30, 20)), (100, (100, 64)), (2, (2, 2))])
def test_all_pictures_of_a_film_have_one_even_size(tmp_path, size, expected):
    shots = [*make_shots(0, 1, size=(20, 20)), *make_shots(2, 3, size=(63, 41))]
    _, sizes, _ = read_gif(film(shots, tmp_path / "run.gif", seconds=1, fps=4, size=size))
    assert sizes == {expected}


def test_a_film_of_one_moment(tmp_path):
    shown, _, _ = read_gif(film(make_shots(5), tmp_path / "RUN.GIF", seconds=1, fps=4))
    assert sum(seconds for _, seconds in shown if seconds) in (0, 2.0)


@pytest.mark.parametrize("name", ["run.webm", "run", "run.gif.txt"])
def test_a_film_of_another_kind(tmp_path, name):
    with pytest.raises(st.SettingsError, match=r"something\.gif or something\.mp4, not run"):
        film(make_shots(0, 1), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_film_of_nothing(tmp_path):
    with pytest.raises(st.SettingsError, match="nothing to film yet: start painting first"):
        film((), tmp_path / "run.gif")


@pytest.mark.parametrize("options", [{"seconds": 0}, {"seconds": -1}, {"seconds": math.nan}, {"fps": 0}, {"size": 1}])
def test_an_impossible_film(tmp_path, options):
    with pytest.raises(st.SettingsError, match="impossible"):
        film(make_shots(0, 1), tmp_path / "run.gif", **options)


def test_a_film_that_cannot_be_written(tmp_path):
    with pytest.raises(st.ImageError, match="cannot write a film to"):
        film(make_shots(0, 1), tmp_path / "nowhere" / "run.gif")


def test_a_film_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "run.gif"
    path.write_bytes(b"the one before")

    def write(shots, path, fps, size):
        path.write_bytes(b"half")
        raise OSError("no space left.")

    monkeypatch.setattr(film_module, "write_gif", write)
    with pytest.raises(st.ImageError, match="no space left"):
        film(make_shots(0, 1), path)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_mp4_without_its_package_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(st.SettingsError) as caught:
        film(make_shots(0, 1), tmp_path / "run.mp4")
    assert str(caught.value) == (
        "an MP4 needs the package imageio-ffmpeg: pip install imageio-ffmpeg, or call the file something.gif."
    )
    assert list(tmp_path.iterdir()) == []


class FakeFfmpeg:
    """What imageio_ffmpeg looks like: a generator that takes the bytes of one picture after the other."""

    def __init__(self):
        self.frames, self.options, self.closed, self.fails = [], None, False, False

    def write_frames(self, path, size, **options):
        self.options = {"size": size, **options}
        try:
            while (frame := (yield)) is not None:
                if self.fails:
                    raise OSError("the pipe is broken.")
                self.frames.append(frame)
                path.write_bytes(b"".join(self.frames))
        finally:
            self.closed = True


@pytest.fixture
def ffmpeg(monkeypatch):
    fake = FakeFfmpeg()
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", fake)
    return fake


def test_the_pictures_of_an_mp4(tmp_path, ffmpeg):
    path = film(make_shots(0, 10, 20, size=(7, 5)), tmp_path / "run.mp4", seconds=2, fps=5)
    assert (ffmpeg.options["size"], ffmpeg.options["fps"], ffmpeg.closed) == ((6, 4), 5, True)
    assert {len(frame) for frame in ffmpeg.frames} == {6 * 4 * 3}
    values = [frame[0] for frame in ffmpeg.frames]
    assert values == pytest.approx([0] * 5 + [10] * 4 + [20] * 6, abs=2)
    assert path.stat().st_size == 15 * 72
    assert list(tmp_path.iterdir()) == [path]


def test_an_mp4_that_fails(tmp_path, ffmpeg):
    ffmpeg.fails = True
    with pytest.raises(st.ImageError, match="the pipe is broken"):
        film(make_shots(0, 10), tmp_path / "run.mp4")
    assert ffmpeg.closed
    assert list(tmp_path.iterdir()) == []


# --- asked beforehand ------------------------------------------------------------------------------------------------------


def test_what_writes_a_film_is_known_before_there_is_one(tmp_path, monkeypatch):
    assert film_module.writer_for(tmp_path / "a.GIF") is film_module.write_gif
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(st.SettingsError, match="pip install imageio-ffmpeg, or call the file something"):
        film_module.writer_for(tmp_path / "a.mp4")


def test_a_film_says_who_made_it(tmp_path, ffmpeg):
    ours = film(make_shots(0, 9), tmp_path / "ours.gif", seconds=1)
    assert film_module.is_film(ours)
    with Image.open(ours) as gif:
        assert gif.info["comment"] == film_module.MARK
    Image.new("RGB", (9, 9)).save(tmp_path / "other.gif")
    assert not film_module.is_film(tmp_path / "other.gif")
    (tmp_path / "words.txt").write_bytes(b"styletools")
    assert not film_module.is_film(tmp_path / "words.txt")
    film(make_shots(0, 9), tmp_path / "ours.mp4", seconds=1)
    assert ffmpeg.options["output_params"] == ["-metadata", "comment=styletools"]
