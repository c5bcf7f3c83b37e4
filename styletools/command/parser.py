"""What the command line understands, and its help."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from ..jobs import SIZE, STEPS
from ..painting import ORIGINAL
from ..palette import COLOR_MODES
from ..recipes import DEFAULT_RECIPE, RECIPES
from ..vgg import CHANNELS

USAGE = """python -m styletools PICTURE STYLE [-o OUT] [options]
       python -m styletools PICTURE [PICTURE ...] STYLE -o FOLDER/ [options]
       python -m styletools PICTURE [PICTURE ...] --style STYLE [STYLE ...] [-o OUT] [options]
       python -m styletools --from PAINTED [PICTURE] [STYLE] [-o OUT] [options]"""
EXAMPLES = """five commands:
  python -m styletools cat.jpg wave.jpg -o out.png
      paint one picture
  python -m styletools photos/*.jpg wave.jpg -o painted/
      paint many; the same command again paints only what is missing
  python -m styletools cat.jpg --style wave.jpg night.jpg --mask 0,0,1,0.4
      the wave in the upper 40 %, the night below
  python -m styletools cat.jpg wave.jpg --size original --film growing.gif
      as large as the photograph, and a film of it
  python -m styletools --from out.png --strength 0.7 -o stronger.png
      paint it again, with more of the painting"""


class Lines(argparse.RawDescriptionHelpFormatter):
    """Help in which an example has a line of its own, and no option is cut at its hyphens."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return [line for part in text.split("\n") for line in textwrap.wrap(part, width, break_on_hyphens=False)]


def whole_number(text: str) -> int:
    """A whole number from the command line; 64.0 is one."""
    if not (number := float(text)).is_integer():  # which nan and infinity are not
        raise ValueError(text)
    return int(text) if text.strip().lstrip("+-").isdigit() else int(number)


def size(text: str) -> int | str:
    """Pixels from the command line, or the word for the photograph's own."""
    if text.strip().lower() == ORIGINAL:
        return ORIGINAL
    try:
        return whole_number(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected a number of pixels or {ORIGINAL}") from None


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m styletools",
        usage=USAGE,
        description="Paint pictures in the manner of others, coarse to fine.",
        epilog=EXAMPLES,
        formatter_class=Lines,
    )
    pictures = "the pictures to paint, and last the painting whose manner to use: files, or names of samples"
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help=pictures)
    add_styles(parser)
    add_files(parser)
    add_looks(parser)
    add_computing(parser)
    return parser


def read_command(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What was typed, by default on this program's own command line; what stands behind -- is pictures, whatever its name."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    end = typed.index("--") if "--" in typed else len(typed)
    options = build_parser().parse_intermixed_args(typed[:end])
    options.pictures += typed[end + 1 :]
    return options


def add_styles(parser: argparse.ArgumentParser) -> None:
    """Describe how several paintings, or parts of them, are used."""
    styles = parser.add_argument_group("styles")
    several = "the paintings whose manner to use, after all pictures to paint\ncat.jpg --style wave.jpg night.jpg"
    styles.add_argument("--style", nargs="+", action="extend", metavar="STYLE", help=several)
    weight = "how much of each style, a number for each\n--style-weight 2 1"
    styles.add_argument("--style-weight", nargs="+", action="extend", type=float, metavar="WEIGHT", help=weight)
    scale = "how large the strokes are, a number for all styles or for each: 0.5 finer, 2 larger\n--style-scale 0.5"
    styles.add_argument("--style-scale", nargs="+", action="extend", type=float, metavar="SCALE", help=scale)
    mask = (
        "where each style paints: a picture, white where it does, or a box left,top,right,bottom in fractions of it; "
        "- or nothing for what the others leave\n--mask sky.png -\n--mask 0,0,1,0.4"
    )
    styles.add_argument("--mask", nargs="+", action="extend", metavar="MASK", help=mask)
    part = "which part of each painting counts, as for --mask\n--style-part 0.5,0,1,1"
    styles.add_argument("--style-part", nargs="+", action="extend", metavar="MASK", help=part)


def add_files(parser: argparse.ArgumentParser) -> None:
    """Describe what is read and written."""
    files = parser.add_argument_group("files")
    out = (
        "where to write the result (default: %(default)s); replaces what styletools painted, but no other file. A folder "
        "takes many pictures, cat.png for cat.jpg; what is in it already, painted in the same way, is left alone\n-o painted/"
    )
    files.add_argument("-o", "--out", default="out.png", help=out)
    files.add_argument("--overwrite", action="store_true", help="replace any file there, but for those that are painted from")
    again = (
        "paint a picture again that styletools painted, or go on with a run of --save-run for --steps more steps; other "
        "options given replace what it says\n--from out.png --beta 20\n--from run.safetensors --steps 40"
    )
    files.add_argument("--from", dest="source", metavar="PAINTED", type=Path, help=again)
    run = "keep the run too, also when it is interrupted, so that --from can go on with it\n--save-run run.safetensors"
    files.add_argument("--save-run", metavar="FILE", type=Path, help=run)
    film = "keep a film of the painting too; an .mp4 needs the package imageio-ffmpeg, a .gif nothing\n--film growing.gif"
    files.add_argument("--film", metavar="FILE", type=Path, help=film)
    progress = "keep a picture of every 25th step here, and the last one, all of one size\n--preserve-progress steps/"
    files.add_argument("--preserve-progress", metavar="DIR", type=Path, help=progress)


def add_looks(parser: argparse.ArgumentParser) -> None:
    """Describe what decides the looks of the picture."""
    looks = parser.add_argument_group("looks")
    looks.add_argument("--strength", type=float, help="0 the photograph, 1 the painting (default: 0.5)\n--strength 0.7")
    pixels = (
        f"pixels of the longer side, or original for those of the photograph, as far as memory allows (default: {SIZE}, or "
        "less for a smaller photograph)\n--size 1024\n--size original"
    )
    looks.add_argument("--size", type=size, help=pixels)
    colors = (
        f"whose colours, {', '.join(COLOR_MODES)}: the painting's, or the photograph's, because only brightness is painted, "
        "or the painting gets them before, or the result gets them after (default: style)\n--colors luminance"
    )
    looks.add_argument("--colors", metavar="MODE", help=colors)
    recipes = f"layers, losses, weights: {', '.join(RECIPES)} (default: {DEFAULT_RECIPE})\n--recipe balanced"
    looks.add_argument("--recipe", metavar="NAME", help=recipes)
    looks.add_argument("--alpha", type=float, help="weight of the content loss\n--alpha 2")
    beta = "weight of the style loss; 0 gives the photograph, smoothed if --tv is given\n--beta 20"
    looks.add_argument("--beta", type=float, help=beta)
    looks.add_argument("--tv", type=float, help="weight of the total variation\n--tv 5")


def add_computing(parser: argparse.ArgumentParser) -> None:
    """Describe how it is computed."""
    computing = parser.add_argument_group("computing")
    steps = f"steps at the coarsest scale, fewer at finer ones (default: {STEPS})\n--steps 160"
    computing.add_argument("--steps", type=whole_number, help=steps)
    networks = f"which VGG judges: {', '.join(CHANNELS)} (default: the recipe's, mostly vgg19-slim)\n--network vgg19"
    computing.add_argument("--network", metavar="NAME", help=networks)
    device = "where to compute: cpu, cuda, mps (default: a graphics card if there is one)\n--device cpu"
    computing.add_argument("--device", metavar="NAME", help=device)
    seed = "of the noise, where the recipe starts from noise (default: 0)\n--seed 3"
    computing.add_argument("--seed", type=whole_number, help=seed)
