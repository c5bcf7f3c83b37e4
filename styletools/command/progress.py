"""How far a painting has come, and the pictures that are kept of its way."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from PIL import Image

from ..errors import ImageError
from ..film import FPS, film
from ..images import fit_size, save_image
from ..transfer import StyleTransfer

EVERY = 25  # steps between two pictures of --preserve-progress
SHOTS = 96  # pictures of a film at most: 8 seconds
BRIEFEST = 2.0  # seconds of a film of few pictures
WIDEST = 1080  # pixels of a film's longer side at most: larger ones would fill the memory


class Progress:
    """How far a painting has come: the transfer that painted last, and pictures of its way, all of one size.

    scales: (size, steps) of each. size: (width, height) of the last one. folder: where a picture of every 25th step goes.
    film: the file for a film.
    """

    def __init__(
        self,
        scales: Sequence[tuple[int, int]],
        size: tuple[int, int],
        folder: Path | None = None,
        film: Path | None = None,
    ) -> None:
        self.scales = scales
        self.latest: StyleTransfer | None = None
        self.trouble = ""  # why a picture on the way could not be kept
        self.reel = Reel(film, size, self.steps) if film else None
        self._folder, self._size, self._before = folder, size, 0

    @property
    def steps(self) -> int:
        """The steps to make, at all scales."""
        return sum(steps for _, steps in self.scales)

    @property
    def done(self) -> int:
        """The steps made so far, at all scales."""
        return self._before + (len(self.latest.history) if self.latest else 0)

    @property
    def size(self) -> int:
        """Pixels of the longer side of the scale that is painted next."""
        ends = list(accumulate(steps for _, steps in self.scales))
        return next((size for (size, _), end in zip(self.scales, ends, strict=True) if self.done < end), self.scales[-1][0])

    def note(self, transfer: StyleTransfer) -> None:
        """Take note of a step."""
        if transfer is not self.latest:
            self._before, self.latest = self.done, transfer
        if self.done % EVERY == 0:
            self.keep(transfer.image)
        if self.reel and self.reel.wants(self.done):
            self.reel.add(self.done, transfer.image)

    def finish(self, picture: Image.Image) -> None:
        """Keep the last picture too, so that a film ends with it."""
        if self.done % EVERY:
            self.keep(picture)

    def keep(self, picture: Image.Image) -> None:
        """Keep a picture of the way, as large as the last one will be. What goes wrong with it does not end the painting."""
        if self._folder and not self.trouble:
            frame = picture if picture.size == self._size else picture.resize(self._size, Image.Resampling.LANCZOS)
            try:
                save_image(frame, self._folder / f"step_{self.done:05d}.jpg")
            except ImageError as error:
                self.trouble = str(error)


@dataclass(frozen=True)
class Shot:
    """A picture of a film, as a JPEG file, and after which step it was taken."""

    step: int
    jpeg: bytes


class Reel:
    """The pictures of a film, all of one size, evenly over the steps and never more than `SHOTS` and two.

    path: the film's file. size: (width, height) of the painting. steps: how many will be made.
    """

    def __init__(self, path: Path, size: tuple[int, int], steps: int) -> None:
        height, width = fit_size(size[1], size[0], min(WIDEST, max(size)))
        self.path, self._size, self._every = path, (width, height), max(1, math.ceil(steps / SHOTS))
        self._shots: list[Shot] = []

    def wants(self, step: int) -> bool:
        """Whether the picture after this step belongs into the film."""
        return not self._shots or step >= self._shots[-1].step + self._every

    def add(self, step: int, picture: Image.Image) -> None:
        """Take a picture."""
        frame, buffer = picture.resize(self._size, Image.Resampling.LANCZOS), io.BytesIO()
        frame.save(buffer, "JPEG", quality=92, subsampling=0)
        self._shots.append(Shot(step, buffer.getvalue()))

    def write(self, step: int, picture: Image.Image) -> None:
        """Write the film, which ends with this picture. Raises ImageError when that fails."""
        if self._shots and self._shots[-1].step == step:
            self._shots.pop()
        self.add(step, picture)
        film(self._shots, self.path, min(SHOTS / FPS, max(BRIEFEST, len(self._shots) / FPS)))
