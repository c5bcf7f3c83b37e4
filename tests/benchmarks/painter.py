"""Where does the time of one step of the painter go?

    python tests/benchmarks/painter.py [--recipe NAME] [--networks vgg19-slim vgg19] [--sizes 256 512] [--repeats 5]

Times the parts of a step, all in one process and one after the other in every round, and prints the median of each in
milliseconds and as a share of the whole step:

    forward      the network, from the picture to the layers that the recipe reads
    backward     the network, from gradients at those layers to the picture
    Gram         Gram matrices, their distance and its gradient
    search       for each direction of the picture the painting's nearest
    distance     directions, cosine distance to the nearest and its gradient, without the search
    other terms  content loss and total variation, with their gradients
    rest         what the step takes beyond all that: optimiser, parametrisation, averages, copies

The losses are timed on features remembered from one run of the network: terms of the recipe with one ingredient left out, less
the terms with all of them left out. Run it on a computer that does nothing else.
"""

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from unittest import mock

import torch
from torch import Tensor

import styletools as st
from styletools import recipes
from styletools.vgg import VGG

NEIGHBOURS = "neighbour_layers"  # the field of a recipe that names the layers of its nearest-neighbour loss, if it has one
PARTS = ("forward", "backward", "Gram", "search", "distance", "other terms", "rest")


def cpu_name() -> str:
    """The CPU's model, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def seconds(work: Callable[[], object]) -> float:
    """How long it takes to call `work`."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def without(recipe: st.Recipe, *fields: str) -> st.Recipe:
    """A recipe whose losses lack the layers named in `fields`; a field that a recipe does not have is lacking already."""
    return replace(recipe, **{field: {} for field in fields if hasattr(recipe, field)})


def network_seconds(recipe: st.Recipe, vgg: VGG, image: Tensor) -> tuple[float, float]:
    """Forward to all layers of the recipe, and backward from them to the picture."""
    image = image.clone().requires_grad_()
    start = time.perf_counter()
    maps = list(recipe.features(vgg, image, recipe.layers).values())
    forward = time.perf_counter() - start
    gradients = [torch.ones_like(f) for f in maps]
    return forward, seconds(lambda: torch.autograd.grad(maps, image, gradients))


def loss_seconds(recipe: st.Recipe, features: dict[str, Tensor], image: Tensor, targets: object) -> tuple[float, float]:
    """The recipe's terms and their gradients at the features and the picture, without the network; and the search in it."""
    leaves = {name: f.clone().requires_grad_() for name, f in features.items()}
    image = image.clone().requires_grad_()
    searches = []

    def search(*directions: Tensor) -> Tensor:
        start = time.perf_counter()
        found = nearest_neighbours(*directions)
        searches.append(time.perf_counter() - start)
        return found

    def terms() -> None:
        total = sum(recipe.terms(lambda _, layers: {name: leaves[name] for name in layers}, image, targets))
        torch.autograd.grad(total, [image, *leaves.values()], allow_unused=True)

    nearest_neighbours = recipes.nearest_neighbours
    with mock.patch.object(recipes, "nearest_neighbours", search):
        return seconds(terms), sum(searches)


def step_seconds(vgg: VGG, recipe: str | st.Recipe, size: int, repeats: int) -> dict[str, float]:
    """The whole step and each of PARTS: medians over `repeats` rounds, after one that warms up."""
    transfer = st.StyleTransfer(st.sample("eilean_donan"), st.sample("great_wave"), vgg, recipe, size=size, averaging=0.95)
    full, image, targets = transfer.recipe, transfer.tensor, transfer.targets
    with torch.no_grad():
        features = full.features(vgg, image, full.layers)
    rounds = []
    for _ in range(repeats + 1):
        step = seconds(transfer.step)
        forward, backward = network_seconds(full, vgg, image)
        other, _ = loss_seconds(without(full, "style_layers", NEIGHBOURS), features, image, targets)
        gram, _ = loss_seconds(without(full, NEIGHBOURS), features, image, targets)
        neighbours, search = loss_seconds(without(full, "style_layers"), features, image, targets)
        distance = neighbours - search - other if search else 0.0
        rounds.append((step, forward, backward, gram - other, search, distance, other))
    parts = dict(zip(("step", *PARTS), (median(values) for values in zip(*rounds[1:], strict=True)), strict=False))
    return {**parts, "rest": 2 * parts["step"] - sum(parts.values())}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = "neighbours" if "neighbours" in st.RECIPES else "balanced"
    parser.add_argument("--recipe", default=default, choices=st.RECIPES)
    parser.add_argument("--networks", nargs="+", default=["vgg19-slim", "vgg19"])
    parser.add_argument("--types", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{cpu_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}, recipe {options.recipe}\n")
    print(f"| network | type | pixels | whole step | {' | '.join(PARTS)} |")
    print("|---" * (len(PARTS) + 4) + "|")
    for name in options.networks:
        for dtype in options.types:
            vgg = st.load_vgg(name, device="cpu", padding="replicate", dtype=getattr(torch, dtype))
            for size in options.sizes:
                parts = step_seconds(vgg, options.recipe, size, options.repeats)
                cells = [f"{1000 * value:.1f} ms, {value / parts['step']:.0%}" for value in parts.values()]
                print(f"| {name} | {dtype} | {size} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
