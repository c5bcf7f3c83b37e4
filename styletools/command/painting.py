"""One painting: whatever ends it, what there is of the picture, the run and the film is kept, and it is said where."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from ..errors import ImageError, SettingsError, StyleError
from ..history import Step
from ..interrupts import Interrupts
from ..jobs import Job, save_picture
from ..painting import paint
from ..transfer import StyleTransfer
from ..vgg import VGG
from .progress import Progress

Stop = tuple[type[BaseException], str]  # what ended a painting: its kind and the beginning of a sentence
OnStep = Callable[[StyleTransfer, Step], None]


@dataclass(frozen=True)
class Task:
    """A picture to paint: how, where to, and how far it has come. run: the saved one that goes on."""

    job: Job
    out: Path
    progress: Progress
    save_run: Path | None = None
    run: StyleTransfer | None = None

    def paint(self, vgg: VGG, on_step: OnStep) -> Image.Image:
        """Paint it, all at once or what is left of it."""
        if self.run is None:
            return paint(self.job, vgg, on_step)
        for step in self.run:
            on_step(self.run, step)
        return self.run.image

    def made(self, whole: bool) -> Job:
        """The job that says what was painted. whole: whether it came to its end."""
        if self.run is not None:
            return self.run.job
        return self.job if whole else replace(self.job, done=self.progress.done)


def paint_alone(task: Task, vgg: VGG) -> int:
    """Paint a picture, save it, say what there is to say in one sentence; return the exit status."""
    with Interrupts() as interrupts:
        interrupts.watch(vgg.features)
        with progress_bar(task.progress.steps) as bar:
            picture, stop = paint_task(task, vgg, bar, interrupts)
        words = conclude(task, picture, stop, interrupts)
        if words:
            print(f"styletools: {words}.", file=sys.stderr)
        if interrupts.signal or (stop and stop[0] is KeyboardInterrupt):
            return interrupts.status
        return 2 if words else 0


def progress_bar(steps: int) -> tqdm:
    """The bar that shows how many steps were made."""
    return tqdm(total=steps, unit="step", file=sys.stderr, delay=0.2)


def paint_task(task: Task, vgg: VGG, bar: tqdm, interrupts: Interrupts) -> tuple[Image.Image | None, Stop | None]:
    """Paint; return the picture, or None and what ended the painting early."""

    def on_step(transfer: StyleTransfer, step: Step) -> None:
        task.progress.note(transfer)
        bar.update()
        bar.set_postfix(loss=f"{step.total:.4g}", size=transfer.job.size, refresh=False)
        interrupts.check()

    try:
        picture = task.paint(vgg, on_step)
    except BaseException as error:  # an interrupt, no memory, a loss that is no number, or a fault of ours
        return None, explain(error, task.progress.size)
    task.progress.finish(picture)
    return picture, None


def explain(error: BaseException, size: int) -> Stop:
    """What ended a painting, as its kind and the beginning of a sentence. size: pixels at which it was painted."""
    if isinstance(error, StyleError):
        return type(error), str(error).rstrip(".")
    if isinstance(error, KeyboardInterrupt):
        return type(error), "interrupted"
    if no_memory(error):
        return MemoryError, f"there is not enough memory to paint at {size} pixels"
    return type(error), f"an unexpected {type(error).__name__} ended the painting ({' '.join(str(error).split())})"


def no_memory(error: BaseException) -> bool:
    """Whether an error says that memory is used up; torch says so in many ways."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError)
        and any(
            words in str(error)
            for words in ("allocate memory", "not enough memory", "bad_alloc", "out of memory", "create a primitive")
        )
    )


def conclude(task: Task, picture: Image.Image | None, stop: Stop | None, interrupts: Interrupts | None = None) -> str:
    """Save what was painted; return what there is to say of it, a sentence without its full stop, or nothing.

    interrupts: where a signal is noted that comes so late that the picture is finished nevertheless.
    """
    kind, words = stop or (None, "")
    progress, said = task.progress, [words] if words else []
    if stop and progress.latest:
        picture = progress.latest.image
    if picture is None:
        said.append("nothing was painted yet")
    else:
        place, trouble = save_somewhere(picture, task.out, task.made(whole=stop is None))
        more, kept = keep_more(task, picture)
        troubles = [text.rstrip(".") for text in (trouble, progress.trouble, *more) if text]
        if stop or troubles or (interrupts and interrupts.signal):
            small = f" ({picture.width} x {picture.height} pixels)" if kind is MemoryError else ""
            said += [*troubles, ", ".join([f"the picture{' so far' if stop else ''}{small} is in {place}", *kept])]
    if kind is MemoryError:
        said.append("choose a smaller --size")
    if interrupts and interrupts.signal and kind is not KeyboardInterrupt:
        said.insert(0, "interrupted")
    return "; ".join(said)


def keep_more(task: Task, picture: Image.Image) -> tuple[list[str], list[str]]:
    """Save the run and the film, where they were asked for; return what went wrong, and what is where, in words."""
    troubles, kept, progress = [], [], task.progress
    wishes: dict[str, Callable[[], None]] = {}
    if task.save_run:
        wishes[f"the run in {task.save_run}"] = partial(save_run, progress.latest, task.save_run)
    if progress.reel:
        wishes[f"the film in {progress.reel.path}"] = partial(progress.reel.write, progress.done, picture)
    for words, keep in wishes.items():
        try:
            keep()
            kept.append(words)
        except (StyleError, MemoryError, RuntimeError) as error:  # the picture is safe already
            troubles.append(str(error) or f"there is no memory to keep {words}")
    return troubles, kept


def save_run(transfer: StyleTransfer | None, path: Path) -> None:
    """Save a run. Raises SettingsError when there is none, ImageError when it cannot be written."""
    if transfer is None:
        raise SettingsError("there is no run to save, because the picture is the photograph itself.")
    transfer.save(path)


def save_somewhere(picture: Image.Image, out: Path, job: Job) -> tuple[Path, str]:
    """Save the picture, where it should be or else where it can be; tell the place, and what went wrong before.

    Raises ImageError when it can be saved nowhere.
    """
    try:
        save_picture(picture, out, job)
        return out, ""
    except (ImageError, MemoryError) as error:
        trouble = error
    words = str(trouble).rstrip(".") or f"there is no memory to write {out}"
    for folder in (tempfile.gettempdir(), Path.home(), Path.cwd()):
        with suppress(OSError, ImageError, MemoryError, RuntimeError):
            place = Path(tempfile.mkdtemp(prefix="styletools-", dir=folder)) / out.name
            save_picture(picture, place, job)
            return place, words
    raise ImageError(f"{words}, nor anywhere else.")
