"""Paint from the command line: python -m styletools CONTENT STYLE -o OUT"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from .errors import ImageError, SettingsError, StyleError
from .images import as_image, fit_size, sample_names, samples_folder, save_image
from .interrupts import Interrupts
from .jobs import LARGEST, SIZE, SMALLEST, STEPS, Job, description, read_jobs, save_picture, with_terms
from .painting import paint, scales_of
from .recipes import DEFAULT_RECIPE, RECIPES, find_recipe
from .transfer import Step, StyleTransfer
from .vgg import CHANNELS

FRAME = re.compile(r"step_\d+\.jpg", re.IGNORECASE)  # what --preserve-progress writes


def whole_number(text: str) -> int:
    """A whole number from the command line; 64.0 is one."""
    if not (number := float(text)).is_integer():  # which nan and infinity are not
        raise ValueError(text)
    return int(text) if text.strip().lstrip("+-").isdigit() else int(number)


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m styletools", description="Paint one picture in the manner of another, coarse to fine."
    )
    parser.add_argument("content", nargs="?", help="the picture to paint: a file, or the name of a sample")
    parser.add_argument("style", nargs="?", help="the painting whose manner to use")
    out = "where to write the result (default: %(default)s); replaces what styletools painted, but no other file"
    parser.add_argument("-o", "--out", default="out.png", help=out)
    parser.add_argument("--overwrite", action="store_true", help="replace any file there, but for those that are painted from")
    again = "paint a picture again that styletools painted; other options given replace what it says"
    parser.add_argument("--from", dest="source", metavar="PICTURE", type=Path, help=again)
    parser.add_argument("--size", type=whole_number, help=f"pixels of the longer side (default: {SIZE})")
    parser.add_argument("--steps", type=whole_number, help=f"steps at the coarsest scale, fewer at finer ones ({STEPS})")
    parser.add_argument("--strength", type=float, help="0 the photograph, 1 the painting (default: 0.5)")
    parser.add_argument("--alpha", type=float, help="weight of the content loss")
    parser.add_argument(
        "--beta", type=float, help="weight of the style loss; 0 gives the photograph, smoothed if --tv is given"
    )
    parser.add_argument("--tv", type=float, help="weight of the total variation")
    networks = f"which VGG judges: {', '.join(CHANNELS)} (default: the recipe's, mostly vgg19-slim)"
    parser.add_argument("--network", metavar="NAME", help=networks)
    recipes = f"layers, losses, weights: {', '.join(RECIPES)} (default: {DEFAULT_RECIPE})"
    parser.add_argument("--recipe", metavar="NAME", help=recipes)
    parser.add_argument("--seed", type=whole_number, help="of the noise, where the recipe starts from noise (0)")
    progress = "keep a picture of every 25th step here, and the last one, all of one size: a film"
    parser.add_argument("--preserve-progress", metavar="DIR", type=Path, help=progress)
    return parser


def job_of(options: argparse.Namespace) -> Job:
    """Turn the command line into a job. Raises SettingsError or ImageError with one sentence."""
    if options.source:
        job = read_jobs(options.source, options.content, options.style)[0]
    elif options.content is None or options.style is None:
        raise SettingsError("name the picture to paint and the painting: python -m styletools CONTENT STYLE")
    else:
        job = Job(options.content, options.style)
    given = {name: getattr(options, name) for name in ("size", "steps", "seed") if getattr(options, name) is not None}
    recipe = job.recipe if options.recipe is None else find_recipe(options.recipe)
    if options.recipe is not None:  # which brings its own start, optimiser and network
        given |= {"recipe": recipe, "init": None, "optimizer": None, "learning_rate": None, "network": None}
    if options.network is not None:
        given["network"] = options.network
    weights = job.weights
    if options.recipe is not None or options.strength is not None:
        weights = recipe.weights(0.5 if options.strength is None else options.strength)
    weights = with_terms(weights, options.alpha, options.beta, options.tv)
    if options.beta == 0 and job.start != "picture":
        given["init"] = "content"
    if given or weights != job.weights:  # another run: neither its moves nor its end are the old one's
        given |= {"moves": (), "done": None}
    return replace(job, weights=weights, **given)


def check(options: argparse.Namespace, job: Job) -> None:
    """Refuse, before any work is done, what cannot end well. Raises SettingsError or ImageError with one sentence."""
    if not SMALLEST <= job.size <= LARGEST:
        raise SettingsError(f"a size of {job.size} pixels is impossible here; choose {SMALLEST} to {LARGEST}.")
    if job.steps < 1:
        raise SettingsError(f"{job.steps} steps paint nothing; choose at least 1.")
    out = Path(options.out)
    if out.is_dir():
        raise ImageError(f"cannot write {out}: it is a folder; name a file in it.")
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise ImageError(f"cannot write {out}: the name must end in .png, .jpg or .webp.")
    check_writable(out.parent)
    if out.exists() and not os.access(out, os.W_OK):
        raise ImageError(f"cannot write {out}: the file may not be changed.")
    check_output(out, job, options.overwrite, options.preserve_progress)
    if options.preserve_progress:
        try:
            options.preserve_progress.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"cannot make the folder {options.preserve_progress}: {error.strerror}.") from error
        check_writable(options.preserve_progress)


def check_writable(folder: Path) -> None:
    """Raise ImageError unless a file can be made in the folder."""
    if not folder.is_dir():
        raise ImageError(f"cannot write into {folder}: there is no such folder.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ImageError(f"cannot write into {folder}: {error.strerror}.") from error


def check_output(out: Path, job: Job, overwrite: bool, frames: Path | None) -> None:
    """Raise ImageError when a picture that is painted from, or one that only its owner has, would be lost."""
    for picture in (job.content, job.style, job.init):
        if isinstance(picture, str | Path) and (place := place_of(picture)).is_file():
            if out.exists() and os.path.samefile(out, place):
                raise ImageError(f"cannot write {out}: that is {place}, which is painted from; name another file.")
            if frames and frames.is_dir() and os.path.samefile(frames, place.parent) and FRAME.fullmatch(place.name):
                raise ImageError(f"cannot keep pictures in {frames}: {place.name} is painted from; name another folder.")
    if out.exists() and not overwrite:
        try:
            description(out)
        except (ImageError, SettingsError):
            raise ImageError(f"{out} exists, and styletools did not paint it; name another file or add --overwrite.") from None


def place_of(picture: str | Path) -> Path:
    """Where a picture lies that was given by its path or the name of a sample."""
    return samples_folder() / f"{picture}.jpg" if picture in sample_names() else Path(picture)


def run(options: argparse.Namespace) -> int:
    """Paint and save, whatever ends the painting: what there is of the picture is kept. Returns the exit status."""
    job = job_of(options)
    check(options, job)
    pictures = [as_image(picture) for picture in (job.content, job.style)]
    vgg = job.load_network()
    progress = Progress(job, options.preserve_progress, pictures[0])
    picture = stopped = None
    with Interrupts() as interrupts:
        interrupts.watch(vgg.features)
        with tqdm(total=sum(steps for _, steps in progress.scales), unit="step", file=sys.stderr, delay=0.2) as bar:

            def on_step(transfer: StyleTransfer, step: Step) -> None:
                progress.note(transfer)
                bar.update()
                bar.set_postfix(loss=f"{step.total:.4g}", size=transfer.job.size, refresh=False)
                interrupts.check()

            try:
                picture = paint(job, vgg, on_step)
            except BaseException as error:  # an interrupt, no memory, a loss that is no number, or a fault of ours
                stopped = explain(error, progress)
        if stopped is None:
            progress.finish(picture)
        return conclude(picture, stopped, progress, Path(options.out), job, interrupts)  # what the error held is free now


class Progress:
    """How far a painting has come: the transfer that painted last, and a picture of every 25th step, all of one size."""

    def __init__(self, job: Job, folder: Path | None, content: Image.Image) -> None:
        self.scales = scales_of(job)
        self.latest: StyleTransfer | None = None
        self.trouble = ""  # why a picture on the way could not be kept
        self._folder, self._before = folder, 0
        whole = isinstance(job.content, Tensor) and not job.coarse_to_fine  # painted at the size it has
        self._size = content.size if whole else fit_size(content.height, content.width, job.size)[::-1]

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
        if self.done % 25 == 0:
            self.keep(transfer.image)

    def finish(self, picture: Image.Image) -> None:
        """Keep the last picture too, so that a film ends with it."""
        if self.done % 25:
            self.keep(picture)

    def keep(self, picture: Image.Image) -> None:
        """Keep a picture of the way, as large as the last one will be. What goes wrong with it does not end the painting."""
        if self._folder and not self.trouble:
            frame = picture if picture.size == self._size else picture.resize(self._size, Image.Resampling.LANCZOS)
            try:
                save_image(frame, self._folder / f"step_{self.done:05d}.jpg")
            except ImageError as error:
                self.trouble = str(error)


def explain(error: BaseException, progress: Progress) -> tuple[type[BaseException], str]:
    """What ended a painting, as its kind and the beginning of a sentence."""
    if isinstance(error, StyleError):
        return type(error), str(error).rstrip(".")
    if isinstance(error, KeyboardInterrupt):
        return type(error), "interrupted"
    if no_memory(error):
        return MemoryError, f"there is not enough memory to paint at {progress.size} pixels"
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


def conclude(
    picture: Image.Image | None,
    stopped: tuple[type[BaseException], str] | None,
    progress: Progress,
    out: Path,
    job: Job,
    interrupts: Interrupts,
) -> int:
    """Save what was painted, say what there is to say in one sentence, and return the exit status."""
    kind, words = stopped or (None, "")
    if stopped and progress.latest:
        picture, job = progress.latest.image, replace(job, done=progress.done)
    sentence = [words] if words else []
    if picture is None:
        sentence.append("nothing was painted yet")
    else:
        place, trouble = save_somewhere(picture, out, job)
        sentence += [trouble] if trouble else []
        if stopped or trouble or progress.trouble or interrupts.signal:
            small = f" ({picture.width} x {picture.height} pixels)" if kind is MemoryError else ""
            sentence += [progress.trouble.rstrip(".")] if progress.trouble else []
            sentence.append(f"the picture{' so far' if stopped else ''}{small} is in {place}")
    if kind is MemoryError:
        sentence.append("choose a smaller --size")
    if interrupts.signal and kind is not KeyboardInterrupt:
        sentence.insert(0, "interrupted")
    if sentence:
        print(f"styletools: {'; '.join(sentence)}.", file=sys.stderr)
    if kind is KeyboardInterrupt or interrupts.signal:
        return interrupts.status
    return 2 if sentence else 0


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for what went wrong, 130 after Ctrl-C, 143 after SIGTERM."""
    options = build_parser().parse_args(arguments)
    try:
        return run(options)
    except KeyboardInterrupt:
        print("styletools: interrupted; nothing was painted yet.", file=sys.stderr)
        return 130
    except (StyleError, ValueError, OSError) as error:
        print(f"styletools: {error}", file=sys.stderr)
    except (MemoryError, RuntimeError) as error:
        if not no_memory(error):
            raise
        print("styletools: there is not enough memory; nothing was painted yet; choose a smaller --size.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
