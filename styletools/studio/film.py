"""A run as a film."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ..errors import ImageError, SettingsError
from ..files import replacing
from ..images import fit_size

if TYPE_CHECKING:
    from .timeline import Moment

HOLD = 1.0  # seconds that the last picture stays


def film(moments: Sequence[Moment], path: str | Path, seconds: float = 8.0, fps: int = 12, size: int | None = None) -> Path:
    """Write moments as a film that goes evenly over the steps and holds the last picture for one second; return its path.

    path: ends in .gif or .mp4, which needs the package imageio-ffmpeg. seconds: how long it is without the last second.
    size: pixels of the longer side; by default those of the last picture. Both sides are made even, as MP4 wants them.
    Raises SettingsError when there is nothing to show or such a film cannot be made, ImageError when it cannot be written.
    """
    path, kinds = Path(path), {".gif": write_gif, ".mp4": write_mp4}
    if not moments:
        raise SettingsError("there is nothing to film yet: start painting first.")
    if path.suffix.lower() not in kinds:
        raise SettingsError(f"a film is called something.gif or something.mp4, not {path.name}.")
    if not (seconds > 0 and fps > 0 and (size is None or size >= 2)):
        raise SettingsError(f"a film of {seconds} s with {fps} pictures a second and size {size} is impossible.")
    shown = [*evenly(moments, max(1, round(seconds * fps))), *[moments[-1]] * max(1, round(HOLD * fps))]
    try:
        with replacing(path) as unfinished:
            kinds[path.suffix.lower()](shown, unfinished, fps, even_size(moments[-1], size))
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, SettingsError):
            raise
        raise ImageError(f"cannot write a film to {path} ({error}).") from error
    return path


def evenly(moments: Sequence[Moment], count: int) -> list[Moment]:
    """So many moments, evenly over the steps from the first to the last one: each the latest at its step or before."""
    steps = [moment.step for moment in moments]
    span = (steps[-1] - steps[0]) / max(1, count - 1)
    wanted = [steps[0] + span * number for number in range(count - 1)] if count > 1 else []
    return [*(moments[bisect_right(steps, step) - 1] for step in wanted), moments[-1]]


def even_size(moment: Moment, size: int | None) -> tuple[int, int]:
    """(width, height) of the film's pictures."""
    with Image.open(io.BytesIO(moment.jpeg)) as image:
        height, width = (image.height, image.width) if size is None else fit_size(image.height, image.width, size)
    return max(2, width - width % 2), max(2, height - height % 2)


def picture(moment: Moment, size: tuple[int, int]) -> Image.Image:
    """The moment's picture in this size."""
    with Image.open(io.BytesIO(moment.jpeg)) as image:
        return image.convert("RGB") if image.size == size else image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def write_gif(moments: Sequence[Moment], path: Path, fps: int, size: tuple[int, int]) -> None:
    """Write a GIF that repeats for ever; a picture that is shown several times is there once, for longer."""
    pictures, durations, first = [], [], 0
    for moment, same in groupby(moments, key=lambda moment: moment):
        last = first + len(list(same))
        pictures.append(picture(moment, size).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG))
        durations.append(10 * (round(100 * last / fps) - round(100 * first / fps)))  # GIF counts hundredths of a second
        first = last
    pictures[0].save(path, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)


def write_mp4(moments: Sequence[Moment], path: Path, fps: int, size: tuple[int, int]) -> None:
    """Write an MP4 that every browser plays. Raises SettingsError without imageio-ffmpeg."""
    try:
        ffmpeg = import_module("imageio_ffmpeg")
    except ImportError:
        message = "an MP4 needs the package imageio-ffmpeg: pip install imageio-ffmpeg, or call the file something.gif."
        raise SettingsError(message) from None
    writer = ffmpeg.write_frames(path, size, fps=fps, macro_block_size=2, codec="libx264", pix_fmt_out="yuv420p")
    writer.send(None)  # its frames come one by one
    try:
        for moment in moments:
            writer.send(picture(moment, size).tobytes())
    finally:
        writer.close()
