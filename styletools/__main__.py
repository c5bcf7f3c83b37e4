"""Paint from the command line: python -m styletools CONTENT STYLE -o OUT"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from .images import ImageError, load_image, save_image
from .recipes import DEFAULT_RECIPE, RECIPES, find_recipe
from .transfer import DivergedError, Step, StyleTransfer, schedule, stylize
from .vgg import CHANNELS, WeightsError


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m styletools", description="Paint one picture in the manner of another, coarse to fine."
    )
    parser.add_argument("content", help="the picture to paint")
    parser.add_argument("style", help="the painting whose manner to use")
    parser.add_argument("-o", "--out", default="out.png", help="where to write the result (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, help="pixels of the longer side (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=80, help="steps at the coarsest scale, fewer at finer ones (%(default)s)")
    parser.add_argument("--strength", type=float, default=0.5, help="0 the photograph, 1 the painting (default: %(default)s)")
    parser.add_argument("--alpha", type=float, help="weight of the content loss")
    parser.add_argument("--beta", type=float, help="weight of the style loss")
    parser.add_argument("--tv", type=float, help="weight of the total variation")
    parser.add_argument("--network", choices=list(CHANNELS), help="which VGG judges (default: the recipe's, mostly vgg19-slim)")
    parser.add_argument("--recipe", choices=list(RECIPES), default=DEFAULT_RECIPE, help="layers, losses, weights (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise, where the recipe starts from noise (%(default)s)")
    parser.add_argument("--preserve-progress", metavar="DIR", type=Path, help="keep a picture of every 25th step here")
    return parser


def check(options: argparse.Namespace) -> None:
    """Refuse, before any work is done, what cannot end well. Raises ImageError with one sentence."""
    if not 32 <= options.size <= 4096:
        raise ImageError(f"a size of {options.size} pixels is impossible here; choose 32 to 4096.")
    if options.steps < 1:
        raise ImageError(f"{options.steps} steps paint nothing; choose at least 1.")
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


def paint(options: argparse.Namespace) -> None:
    """Paint and save; when interrupted or diverged, save the picture as far as it came."""
    check(options)
    content, style = load_image(options.content), load_image(options.style)
    vgg = find_recipe(options.recipe).load_network(options.network)
    latest: list[StyleTransfer] = []
    shape = min(content.size) / max(content.size)
    total = sum(steps for _, steps in schedule(options.size, options.steps, shape))
    with tqdm(total=total, unit="step", file=sys.stderr, delay=0.2) as bar:  # no bar above an error at the very start

        def on_step(transfer: StyleTransfer, step: Step) -> None:
            latest[:] = [transfer]
            bar.update()
            bar.set_postfix(loss=f"{step.total:.4g}", size=transfer.settings.size, refresh=False)
            if options.preserve_progress and bar.n % 25 == 0:
                save_image(transfer.image, options.preserve_progress / f"step_{bar.n:05d}.jpg")

        try:
            picture = stylize(
                content, style, options.size, vgg, options.recipe, steps=options.steps, strength=options.strength,
                alpha=options.alpha, beta=options.beta, tv=options.tv, seed=options.seed, on_step=on_step,
            )  # fmt: skip
        except (KeyboardInterrupt, DivergedError) as error:
            if latest:
                save_image(latest[0].image, options.out)
            if latest and isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(f"the picture so far is in {options.out}") from None
            raise
    save_image(picture, options.out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when interrupted."""
    options = build_parser().parse_args(arguments)
    try:
        paint(options)
    except (ImageError, WeightsError, DivergedError, ValueError, OSError) as error:
        print(f"styletools: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"styletools: interrupted; {str(interrupt) or 'nothing was painted yet'}.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
