"""Many pictures in one command: painted one after the other, and told at the end which were not."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..errors import ImageError, SettingsError, StyleError
from ..interrupts import Interrupts
from ..jobs import Job, describe, description, read_jobs
from ..painting import schedule
from ..vgg import VGG
from .checking import ENDINGS, check_out, check_settings, make_folder, places_of
from .painting import conclude, explain, paint_task, progress_bar
from .reading import contents_and_style, draft_of, file_of, network_of, reduced, sized, task_of
from .report import Report
from .styling import check_styles, used_by

SLASHES = tuple(filter(None, (os.sep, os.altsep)))
ALONE = ("save_run", "film", "preserve_progress")  # options for one picture only


def wants_folder(options: argparse.Namespace) -> bool:
    """Whether results go into a folder: there are several pictures, or -o is a folder, or ends as one does."""
    return len(contents_and_style(options)[0]) > 1 or os.path.isdir(options.out) or options.out.endswith(SLASHES)


def paint_many(options: argparse.Namespace) -> int:
    """Paint all pictures into a folder; a failing one does not stop the others. Returns the exit status.

    Raises SettingsError or ImageError, before anything is painted, for what would fail with every picture.
    """
    first = draft_of(options)
    contents = contents_and_style(options)[0] or [first.content]
    folder = folder_of(options, len(contents))
    check_settings(first)
    check_styles(first)
    make_folder(folder)
    names = file_names([file_of(content, options.source) for content in contents])
    jobs = {folder / name: replace(first, content=content) for name, content in zip(names, contents, strict=True)}
    return Batch(jobs, options, Report(folder, len(jobs))).run(network_of(first, options.device))


class Batch:
    """Pictures that are painted one after the other with one network, and one bar for all. jobs: by the files to write."""

    def __init__(self, jobs: dict[Path, Job], options: argparse.Namespace, report: Report) -> None:
        self._jobs, self._options, self._report = jobs, options, report
        first = next(iter(jobs.values()))
        self._places = places_of([*(job.content for job in jobs.values()), *used_by(first)])
        self._expected = sum(steps for _, steps in schedule(first.size, first.steps))  # for each picture, more or less

    def run(self, vgg: VGG) -> int:
        """Paint, and say at the end what became of all; return the exit status."""
        report = self._report
        with Interrupts() as interrupts:
            interrupts.watch(vgg.features)
            with progress_bar(self._expected * len(self._jobs)) as bar:
                for number, (out, job) in enumerate(self._jobs.items(), 1):
                    name = file_of(job.content, self._options.source)
                    bar.set_description(f"{number}/{len(self._jobs)} {Path(name).name}", refresh=False)
                    try:
                        self._paint(name, job, out, (vgg, bar, interrupts))
                    except Exception as error:  # its picture cannot be read, say
                        report.fail(name, explain(error, job.size)[1])
                    if interrupts.signal or report.stop:
                        break
                    bar.total = bar.n + self._expected * (len(self._jobs) - number)
            if interrupts.signal:
                report.stop = report.stop or "interrupted"
            for line in report.lines():
                print(f"styletools: {line}.", file=sys.stderr)
            return interrupts.status if report.stop else 1 if report.troubles else 0

    def _paint(self, name: str, job: Job, out: Path, tools: tuple[VGG, tqdm, Interrupts]) -> None:
        """Paint one of them, unless it is there already, and note what became of it."""
        job, bar = sized(job, self._options), tools[1]
        check_settings(job)
        check_out(out, self._places, self._options.overwrite)
        words = reduced(job, self._options)
        if is_done(out, as_before(job, out) if words else job):
            self._report.there += 1
            return
        self._report.notes += [words] if words else []
        task = task_of(job, out, self._options)
        bar.total += task.progress.steps - self._expected
        picture, stop = paint_task(task, *tools)
        words = conclude(task, picture, stop)
        if stop and stop[0] is KeyboardInterrupt:
            self._report.stop = words
        elif words:
            self._report.fail(name, words)
        else:
            self._report.painted += 1


def folder_of(options: argparse.Namespace, pictures: int) -> Path:
    """The folder for the results. Raises SettingsError or ImageError when -o is none, or an option is for one picture only."""
    folder = Path(options.out)
    if folder.suffix.lower() in ENDINGS and not folder.is_dir() and not options.out.endswith(SLASHES):
        raise ImageError(f"{pictures} pictures do not go into the one file {folder}; name a folder for them: -o painted/.")
    for name in ALONE:
        if getattr(options, name):
            option = "--" + name.replace("_", "-")
            raise SettingsError(f"{option} is for one picture that goes into a file; leave it out, or name a file: -o out.png.")
    return folder


def file_names(pictures: Sequence[str]) -> list[str]:
    """What the results are called: cat.png for photos/cat.jpg.

    Those that would be called alike get more of their path, as much as tells them apart: photos_cat_jpg.png. No number, because
    the same photograph must be found again when others are painted with it. A file that is named twice gets one name.
    """
    paths = [Path(os.path.abspath(picture)) for picture in pictures]
    parts = [[path.stem, path.suffix.lstrip("."), *path.parts[-2:0:-1]] for path in paths]
    lengths = [1] * len(parts)
    while True:
        names = [spelled(own, length) for own, length in zip(parts, lengths, strict=True)]
        alike = Counter(name for name, _ in {(name.casefold(), path) for name, path in zip(names, paths, strict=True)})
        longer = [
            min(length + (alike[name.casefold()] > 1), len(own))
            for length, name, own in zip(lengths, names, parts, strict=True)
        ]
        if longer == lengths:
            return [f"{name}.png" for name in names]
        lengths = longer


def spelled(parts: Sequence[str], length: int) -> str:
    """A name of so many parts of a path: its stem, its ending, its folder, the folder of that, ..."""
    stem, *more = parts[:length]
    return "_".join([*reversed(more[1:]), stem, *filter(None, more[:1])])


def is_done(out: Path, job: Job) -> bool:
    """Whether a file is the picture that this job paints, to its end."""
    if not out.exists():
        return False
    try:
        return essence(description(out)) == essence(describe([job]))
    except (StyleError, AttributeError, KeyError, TypeError, ValueError):  # another's, or of another version
        return False


def as_before(job: Job, out: Path) -> Job:
    """A job at the size it was painted before, if that was nearly this one: what memory is free changes from day to day."""
    with suppress(StyleError, ValueError):  # there is none, or a sheet of several
        (before,) = read_jobs(out, job.content, job.style)
        if 3 / 4 <= before.size / job.size <= 4 / 3:
            return replace(job, size=before.size)
    return job


def essence(text: str) -> Any:
    """What a description of jobs says, but for the program's version and where pictures lie that it knows by fingerprint."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            known = ("sha256", "tensor") if value.get("sha256") else value
            return {name: plain(value.get(name)) for name in known}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return plain(json.loads(text)["jobs"])
