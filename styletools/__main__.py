"""Paint from the command line: python -m styletools CONTENT STYLE -o OUT"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from .errors import DivergedError, ImageError, SettingsError, StyleError
from .images import as_image, save_image
from .jobs import LARGEST, SIZE, SMALLEST, STEPS, Job, read_jobs, save_picture
from .painting import paint, scales_of
from .recipes import DEFAULT_RECIPE, RECIPES, find_recipe
from .transfer import Step, StyleTransfer
from .vgg import CHANNELS


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m styletools", description="Paint one picture in the manner of another, coarse to fine."
    )
    parser.add_argument("content", nargs="?", help="the picture to paint: a file, or the name of a sample")
    parser.add_argument("style", nargs="?", help="the painting whose manner to use")
    parser.add_argument("-o", "--out", default="out.png", help="where to write the result (default: %(default)s)")
    again = "paint a picture again that styletools painted; other options given replace what it says"
    parser.add_argument("--from", dest="source", metavar="PICTURE", type=Path, help=again)
    parser.add_argument("--size", type=int, help=f"pixels of the longer side (default: {SIZE})")
    parser.add_argument("--steps", type=int, help=f"steps at the coarsest scale, fewer at finer ones ({STEPS})")
    parser.add_argument("--strength", type=float, help="0 the photograph, 1 the painting (default: 0.5)")
    parser.add_argument("--alpha", type=float, help="weight of the content loss")
    parser.add_argument("--beta", type=float, help="weight of the style loss")
    parser.add_argument("--tv", type=float, help="weight of the total variation")
    parser.add_argument("--network", choices=list(CHANNELS), help="which VGG judges (default: the recipe's, mostly vgg19-slim)")
    parser.add_argument("--recipe", choices=list(RECIPES), help=f"layers, losses, weights ({DEFAULT_RECIPE})")
    parser.add_argument("--seed", type=int, help="of the noise, where the recipe starts from noise (0)")
    parser.add_argument("--preserve-progress", metavar="DIR", type=Path, help="keep a picture of every 25th step here")
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
    terms = {name: getattr(options, name) for name in ("alpha", "beta", "tv") if getattr(options, name) is not None}
    weights = replace(weights, **terms)
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


def run(options: argparse.Namespace) -> None:
    """Paint and save; when interrupted or diverged, save the picture as far as it came."""
    job = job_of(options)
    check(options, job)
    for picture in (job.content, job.style):
        as_image(picture)
    vgg = job.load_network()
    latest: list[StyleTransfer] = []
    with tqdm(total=sum(steps for _, steps in scales_of(job)), unit="step", file=sys.stderr, delay=0.2) as bar:

        def on_step(transfer: StyleTransfer, step: Step) -> None:
            latest[:] = [transfer]
            bar.update()
            bar.set_postfix(loss=f"{step.total:.4g}", size=transfer.job.size, refresh=False)
            if options.preserve_progress and bar.n % 25 == 0:
                save_image(transfer.image, options.preserve_progress / f"step_{bar.n:05d}.jpg")

        try:
            picture = paint(job, vgg, on_step)
        except (KeyboardInterrupt, DivergedError) as error:
            if latest:
                save_picture(latest[0].image, options.out, replace(job, done=bar.n))
            if latest and isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(f"the picture so far is in {options.out}") from None
            raise
    save_picture(picture, options.out, job)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when interrupted."""
    options = build_parser().parse_args(arguments)
    try:
        run(options)
    except (StyleError, ValueError, OSError) as error:
        print(f"styletools: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"styletools: interrupted; {str(interrupt) or 'nothing was painted yet'}.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
