"""What cannot end well is refused before any work is done, and no file is written over that its owner would miss."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..errors import ImageError, SettingsError
from ..film import is_film, writer_for
from ..images import sample_names, samples_folder
from ..jobs import LARGEST, SMALLEST, Job, description
from ..runs import read_run

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")  # of the pictures that are written
FRAME = re.compile(r"step_\d+\.jpg", re.IGNORECASE)  # what --preserve-progress writes


def check_settings(job: Job) -> None:
    """Raise SettingsError for a size or a number of steps that makes no picture."""
    if not SMALLEST <= job.size <= LARGEST:
        raise SettingsError(f"a size of {job.size} pixels is impossible here; choose {SMALLEST} to {LARGEST}.")
    if job.steps < 1:
        raise SettingsError(f"{job.steps} steps paint nothing; choose at least 1.")


def check_out(out: Path, places: Iterable[Path], overwrite: bool) -> None:
    """Raise ImageError unless the result can be written there. places: the files that are painted from."""
    if out.is_dir():
        raise ImageError(f"cannot write {out}: it is a folder; name a file in it.")
    if out.suffix.lower() not in ENDINGS:
        raise ImageError(f"cannot write {out}: the name must end in .png, .jpg or .webp.")
    check_file(out, places, overwrite, is_painted)


def check_run(path: Path, places: Iterable[Path], overwrite: bool) -> None:
    """Raise ImageError unless a run can be saved there."""
    if path.suffix.lower() != ".safetensors":
        raise ImageError(f"cannot save the run to {path}: the name must end in .safetensors.")
    check_file(path, places, overwrite, is_run)


def check_film(path: Path, places: Iterable[Path], overwrite: bool) -> None:
    """Raise ImageError or SettingsError unless a film can be written there."""
    writer_for(path)
    check_file(path, places, overwrite, is_film)


def check_file(path: Path, places: Iterable[Path], overwrite: bool, is_ours: Callable[[Path], bool]) -> None:
    """Raise ImageError unless a file can be written there, and nothing is lost by it."""
    check_writable(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise ImageError(f"cannot write {path}: the file may not be changed.")
    for place in places:
        if path.exists() and os.path.samefile(path, place):
            raise ImageError(f"cannot write {path}: that is {place}, which is painted from; name another file.")
    if path.exists() and not overwrite and not is_ours(path):
        raise ImageError(f"{path} exists, and styletools did not paint it; name another file or add --overwrite.")


def check_frames(folder: Path, places: Iterable[Path]) -> None:
    """Make the folder for pictures of the way. Raises ImageError when they cannot be kept there."""
    make_folder(folder)
    for place in places:
        if os.path.samefile(folder, place.parent) and FRAME.fullmatch(place.name):
            raise ImageError(f"cannot keep pictures in {folder}: {place.name} is painted from; name another folder.")


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there. Raises ImageError when that fails, or no file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"cannot make the folder {folder}: {error.strerror}.") from error
    check_writable(folder)


def check_writable(folder: Path) -> None:
    """Raise ImageError unless a file can be made in the folder."""
    if not folder.is_dir():
        raise ImageError(f"cannot write into {folder}: there is no such folder.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ImageError(f"cannot write into {folder}: {error.strerror}.") from error


def is_painted(path: Path) -> bool:
    """Whether a file is a picture that styletools painted."""
    try:
        return bool(description(path))
    except (ImageError, SettingsError):
        return False


def is_run(path: Path) -> bool:
    """Whether a file is a run that styletools saved."""
    try:
        return bool(read_run(path))
    except SettingsError:
        return False


def places_of(used: Iterable[Any]) -> list[Path]:
    """The files among what is painted from."""
    places = [place_of(picture) for picture in used if isinstance(picture, str | Path)]
    return [place for place in places if place.is_file()]


def place_of(picture: str | Path) -> Path:
    """Where a picture lies that was given by its path or the name of a sample."""
    return samples_folder() / f"{picture}.jpg" if picture in sample_names() else Path(picture)
