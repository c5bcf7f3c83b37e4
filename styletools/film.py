"""A run as a film: a GIF, or an MP4 where the package imageio-ffmpeg is installed."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import groupby
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from .errors import ImageError, SettingsError
from .files import replacing
from .images import fit_size

HOLD = 1.0  # seconds that the last picture stays
FPS = 12  # pictures a second
MARK = b"styletools"  # a film says who made it, so that the next one may take its place


class Shot(Protocol):
    """What a film is made of: the picture after a step, as a JPEG file."""

    @property
    def step(self) -> int:
        """After how many steps it was taken."""

    @property
    def jpeg(self) -> bytes:
        """The picture."""


def film(shots: Sequence[Shot], path: str | Path, seconds: float = 8.0, fps: int = FPS, size: int | None = None) -> Path:
    """Write shots as a film that goes evenly over the steps and holds the last picture for one second; return its path.

    path: ends in .gif or .mp4, which needs the package imageio-ffmpeg. seconds: how long it is without the last second.
    size: pixels of the longer side; by default those of the last picture. Both sides are made even, as MP4 wants them.
    Raises SettingsError when there is nothing to show or such a film cannot be made, ImageError when it cannot be written.
    """
    path = Path(path)
    if not shots:
        raise SettingsError("there is nothing to film yet: start painting first.")
    write = writer_for(path)
    if not (seconds > 0 and fps > 0 and (size is None or size >= 2)):
        raise SettingsError(f"a film of {seconds} s with {fps} pictures a second and size {size} is impossible.")
    shown = [*evenly(shots, max(1, round(seconds * fps))), *[shots[-1]] * max(1, round(HOLD * fps))]
    try:
        with replacing(path) as unfinished:
            write(shown, unfinished, fps, even_size(shots[-1], size))
    except (OSError, ValueError, RuntimeError) as error:
        raise ImageError(f"cannot write a film to {path} ({error}).") from error
    return path


def writer_for(path: Path) -> Callable[[Sequence[Shot], Path, int, tuple[int, int]], None]:
    """What writes a film of this name. Raises SettingsError for another kind, and for an MP4 without imageio-ffmpeg."""
    ending = path.suffix.lower()
    if ending not in (".gif", ".mp4"):
        raise SettingsError(f"a film is called something.gif or something.mp4, not {path.name}.")
    if ending == ".mp4":
        ffmpeg()
    return write_gif if ending == ".gif" else write_mp4


def ffmpeg() -> Any:
    """The package imageio-ffmpeg. Raises SettingsError where it is not installed."""
    try:
        return import_module("imageio_ffmpeg")
    except ImportError:
        message = "an MP4 needs the package imageio-ffmpeg: pip install imageio-ffmpeg, or call the file something.gif."
        raise SettingsError(message) from None


def is_film(path: Path) -> bool:
    """Whether a file is a film that was written here: it says so."""
    if path.suffix.lower() not in (".gif", ".mp4") or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:  # a film may be larger than the memory
        return data.find(MARK) >= 0


def evenly(shots: Sequence[Shot], count: int) -> list[Shot]:
    """So many shots, evenly over the steps from the first to the last one: each the latest at its step or before."""
    steps = [shot.step for shot in shots]
    span = (steps[-1] - steps[0]) / max(1, count - 1)
    wanted = [steps[0] + span * number for number in range(count - 1)] if count > 1 else []
    return [*(shots[bisect_right(steps, step) - 1] for step in wanted), shots[-1]]


def even_size(shot: Shot, size: int | None) -> tuple[int, int]:
    """(width, height) of the film's pictures."""
    with Image.open(io.BytesIO(shot.jpeg)) as image:
        height, width = (image.height, image.width) if size is None else fit_size(image.height, image.width, size)
    return max(2, width - width % 2), max(2, height - height % 2)


def picture(shot: Shot, size: tuple[int, int]) -> Image.Image:
    """The shot's picture in this size."""
    with Image.open(io.BytesIO(shot.jpeg)) as image:
        return image.convert("RGB") if image.size == size else image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def write_gif(shots: Sequence[Shot], path: Path, fps: int, size: tuple[int, int]) -> None:
    """Write a GIF that repeats for ever; a picture that is shown several times is there once, for longer."""
    pictures, durations, first = [], [], 0
    for shot, same in groupby(shots, key=lambda shot: shot):
        last = first + len(list(same))
        pictures.append(picture(shot, size).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG))
        durations.append(10 * (round(100 * last / fps) - round(100 * first / fps)))  # GIF counts hundredths of a second
        first = last
    pictures[0].save(path, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, comment=MARK)


def write_mp4(shots: Sequence[Shot], path: Path, fps: int, size: tuple[int, int]) -> None:
    """Write an MP4 that every browser plays. Raises SettingsError without imageio-ffmpeg."""
    writer = ffmpeg().write_frames(
        path, size, fps=fps, macro_block_size=2, codec="libx264", pix_fmt_out="yuv420p",
        output_params=["-metadata", f"comment={MARK.decode()}"],
    )  # fmt: skip
    writer.send(None)  # its frames come one by one
    try:
        for shot in shots:
            writer.send(picture(shot, size).tobytes())
    finally:
        writer.close()
