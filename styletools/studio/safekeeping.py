"""A studio on disk: what a page shows again after a reload, when a new kernel has begun.

One folder for each page, named by the number that the browser's tab keeps and by how the studio was opened, so that another
address in the same tab opens what it says. In it are the job as text, the engine's state, and a picture for each snapshot with
its settings inside. Only what is a day old at most is kept.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from ..errors import StyleError
from ..files import replacing
from ..images import load_image
from ..jobs import Job, read_jobs, save_picture
from ..runs import read_run, write_run
from ..sheets import Snapshot
from .engine import packed
from .settings import named

DAY = 24 * 3600  # seconds
TAB = re.compile(r"[0-9a-z]{6,64}")
ABOUT = "studio.json"  # names the other files, so that it is whole when they are


@dataclass(frozen=True)
class Kept:
    """What was found: the job with its moves, the engine's state, the snapshots, and what else the page showed."""

    job: Job
    state: dict[str, Any] | None
    snapshots: list[Snapshot]
    page: dict[str, Any]


class Safe:
    """The folder of one page. opened: the address of the studio when it was opened. folder: where all of them are.

    Raises ValueError for what is no number of a tab, OSError when nothing can be written there.
    """

    def __init__(self, tab: str, opened: str = "", folder: Path | None = None) -> None:
        if not TAB.fullmatch(tab):
            raise ValueError(f"{tab!r} is no number of a tab.")
        top = folder or Path(tempfile.gettempdir(), f"styletools-studio-{user()}")
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and (top.is_symlink() or top.stat().st_uid != os.getuid()):
            raise OSError(f"{top} belongs to somebody else.")
        forget_old(top)
        self.folder = top / f"{tab}-{hashlib.sha256(opened.encode()).hexdigest()[:16]}"
        self._written: dict[str, Any] = {}  # what lies in the files

    def keep(
        self, job: Job, state: Mapping[str, Any] | None, snapshots: Sequence[Snapshot], page: Mapping[str, Any] | None = None
    ) -> None:
        """Write everything down; what was there stays until the new is whole. Raises what writing raises."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        run = state and self._file(state, ".safetensors", lambda path: write_run(packed(state), path))
        names = [
            self._file(one, ".png", lambda path, one=one: save_picture(one.image, path, one.settings)) for one in snapshots
        ]
        about = {
            "job": job.to_json(),
            "names": {"content": name_of(job.content), "styles": [name_of(one.picture) for one in job.styles]},
            "run": run,
            "snapshots": [[name, snapshot.label] for name, snapshot in zip(names, snapshots, strict=True)],
            "page": dict(page or {}),
        }
        with replacing(self.folder / ABOUT) as unfinished:
            unfinished.write_text(json.dumps(about), encoding="utf8")
        self._forget_all_but({ABOUT, run, *names})

    def find(self) -> Kept | None:
        """Read what `keep` wrote; None when there is nothing, or it is damaged."""
        try:
            about = json.loads((self.folder / ABOUT).read_text(encoding="utf8"))
            places = [(self.folder / name, str(label)) for name, label in about["snapshots"]]
            snapshots = [Snapshot(load_image(place), read_jobs(place)[0], label) for place, label in places]
            state = read_run(self.folder / about["run"]) if about["run"] else None
            job = Job.from_json(about["job"])
            return Kept(called(job, about["names"]), state, snapshots, dict(about["page"]))
        except (OSError, AttributeError, KeyError, ValueError, TypeError, RecursionError, StyleError):
            return None

    def _file(self, thing: Any, ending: str, write: Callable[[Path], None]) -> str:
        """The name of the file that holds something, which is written once."""
        for name, known in self._written.items():
            if known is thing and (self.folder / name).is_file():
                return name
        name = f"{uuid4().hex}{ending}"
        write(self.folder / name)
        self._written[name] = thing
        return name

    def _forget_all_but(self, used: set[str | None]) -> None:
        self._written = {name: thing for name, thing in self._written.items() if name in used}
        for place in self.folder.iterdir():
            if place.name not in used and not place.name.startswith("."):  # which another kernel is writing
                place.unlink(missing_ok=True)


def called(job: Job, names: Mapping[str, Any]) -> Job:
    """A job whose uploaded pictures have their names again."""
    content = renamed(job.content, names["content"])
    pairs = zip(job.styles, names["styles"], strict=True)
    return replace(job, content=content, style=[replace(one, picture=renamed(one.picture, name)) for one, name in pairs])


def renamed(picture: Any, name: str | None) -> Any:
    """A copy of a picture that remembers what its file was called, if it was one."""
    return named(picture.copy(), name) if name else picture


def name_of(picture: Any) -> str | None:
    """What the file of an uploaded picture was called."""
    return picture.info.get("name") if isinstance(picture, Image.Image) else None


def user() -> str:
    """Whose files they are; a container may run as nobody who has a name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "somebody"


def forget_old(folder: Path) -> None:
    """Delete what was kept more than a day ago."""
    for place in folder.iterdir():
        with suppress(FileNotFoundError):  # another kernel was faster
            if time.time() - place.stat().st_mtime > DAY:
                shutil.rmtree(place, ignore_errors=True)
