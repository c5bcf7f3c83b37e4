"""How hard the recipes with other style statistics pull, how long a step takes, and what they leave of the photograph.

    python tests/benchmarks/style_statistics.py [--size PIXELS] [--steps COUNT] [--recipes NAME ...] [--betas NUMBER ...]
        [--folder FOLDER]

For four pairs of img/ and each recipe one line:

    ratio      norm of the gradient of beta x style over that of alpha x content, at a blurred and noisy photograph: who pulls
    seconds    of one step there: the fastest of five, forward and backward
    content    relative content error at relu4_2 of the finished picture: what it gave up of the photograph (0 nothing, 1 all)
    Gram       relative Gram error, mean of five layers, of the finished picture: `balanced` alone works on it

At equal content errors pictures can be compared: that is how the betas in `recipes.RECIPES` were chosen. --folder keeps the
pictures. With --betas, one for each recipe, others are tried.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch

import styletools as st
from styletools.vgg import VGG

PAIRS = (
    ("eilean_donan", "great_wave"),
    ("neuschwanstein", "the_harvest"),
    ("chelsea", "composition_viii"),
    ("summer_palace", "village_street_auvers"),
)
NAMES = ("balanced", "mean_std", "wasserstein", "sliced", "nearest")
REPEATS = 5


def pull(recipe: st.Recipe, vgg: VGG, photograph: torch.Tensor, painting: torch.Tensor) -> tuple[float, float]:
    """The ratio of the weighted gradients of style and content, and the seconds of a step, at one picture."""
    noise = torch.randn(photograph.shape, generator=torch.Generator().manual_seed(0))
    middle = st.clamp_to_box(0.7 * photograph + 0.15 * noise)
    targets = recipe.targets(vgg, photograph, painting)
    content, style, _ = st.gradient_norms(recipe, vgg, middle, targets)
    seconds = []
    for _ in range(REPEATS):
        x, start = middle.clone().requires_grad_(), time.perf_counter()
        sum(recipe.terms(vgg, x, targets)).backward()
        seconds.append(time.perf_counter() - start)
    return recipe.beta * style / (recipe.alpha * content), min(seconds)


def main() -> None:
    """Print one line for each pair and recipe."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=192, help="pixels of the longer side")
    parser.add_argument("--steps", type=int, default=60, help="steps at the first scale")
    parser.add_argument("--recipes", nargs="+", default=NAMES, choices=sorted(st.RECIPES), metavar="NAME")
    parser.add_argument("--betas", nargs="+", type=float, metavar="NUMBER", help="one for each recipe")
    parser.add_argument("--folder", type=Path, help="where the pictures are kept")
    options = parser.parse_args()
    betas = options.betas or [st.RECIPES[name].beta for name in options.recipes]
    vgg = st.load_vgg("vgg19-slim", padding="replicate", dtype=torch.float32)
    yardstick = st.RECIPES["balanced"]
    print("pair                                   recipe         beta   ratio  seconds  content    Gram")
    for photograph, painting in PAIRS:
        content, style = (st.preprocess(st.sample(name), options.size) for name in (photograph, painting))
        targets = yardstick.targets(vgg, content, style)
        for name, beta in zip(options.recipes, betas, strict=True):
            recipe = replace(st.RECIPES[name], beta=beta)
            ratio, seconds = pull(recipe, vgg, content, style)
            picture = st.stylize(st.sample(photograph), st.sample(painting), options.size, vgg, recipe, steps=options.steps)
            error, gram, _ = yardstick.terms(vgg, st.preprocess(picture, options.size), targets)
            pair = f"{photograph}_x_{painting}"
            print(f"{pair:38} {name:12} {beta:6g} {ratio:7.1f} {seconds:8.3f} {error:8.2f} {gram:7.2f}", flush=True)
            if options.folder:
                options.folder.mkdir(parents=True, exist_ok=True)
                st.save_image(picture, options.folder / f"{pair}_{name}_{beta:g}.png")


if __name__ == "__main__":
    main()
