"""Compare slim networks by the pictures they paint, as their teacher sees them, and by speed.

    python tests/benchmarks/slim_network.py vgg19_slim.safetensors [OTHER.safetensors ...] [--pictures FOLDER]

Each network paints twelve pairs of img/ with `stylize` (256 px); the authors' VGG-19 then measures how far the result is from
the painting: the relative Gram error sum (G - A)^2 / sum A^2 at the first layer of every block, and the nearest-neighbour
distance at the layers of the recipe. "photograph" is the photograph itself, "vgg19" what the teacher paints (with --teacher).
Speed: forward and backward passes to the picture at 256 px, in one run with the full VGG-19.
"""

import argparse
import time
from pathlib import Path

import torch
from paint_pairs import pairs

import styletools as st
from styletools.losses import neighbour_distance, neighbour_statistic
from styletools.painting import fit_style
from styletools.recipes import DEFAULT_RECIPE, FIRST_OF_EACH_BLOCK, RECIPES
from styletools.vgg import LAYERS, VGG, build_features, read_weights

NEIGHBOUR_LAYERS = tuple(RECIPES[DEFAULT_RECIPE].neighbour_layers)


def load(path: Path) -> VGG:
    """Load a slim network of any width."""
    state = read_weights(path)
    convolutions = [index for index in LAYERS.values() if f"{index}.weight" in state]
    features = build_features([state[f"{index}.weight"].shape[0] for index in convolutions], padding="replicate")
    features.load_state_dict(state)
    return VGG(features, path.stem, padding="replicate")


def passes_per_second(vgg: VGG, size: int = 256, count: int = 20) -> float:
    """Forward and backward passes a second: the median of `count`."""
    image = torch.randn(1, 3, size, size).requires_grad_()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        loss = sum(f.square().mean() for f in vgg(image, [*FIRST_OF_EACH_BLOCK, "relu4_2"]).values())
        torch.autograd.grad(loss, image)
        times.append(time.perf_counter() - start)
    return 1 / sorted(times)[count // 2]


@torch.no_grad()
def judged(teacher: VGG, image: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """The teacher's relative Gram errors, then the mean of its neighbour distances: (6,)."""
    layers = [*FIRST_OF_EACH_BLOCK, *NEIGHBOUR_LAYERS]
    ours, theirs = teacher(image, layers), teacher(style, layers)
    errors = [st.style_loss(ours[n], st.style_target(theirs[n], "relative"), "relative") for n in FIRST_OF_EACH_BLOCK]
    near = [neighbour_distance(neighbour_statistic(ours[n]), neighbour_statistic(theirs[n])) for n in NEIGHBOUR_LAYERS]
    return torch.stack([*errors, torch.stack(near).mean()])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--teacher", action="store_true", help="let the teacher paint, too")
    parser.add_argument("--pictures", type=Path, help="folder to keep the painted pictures in")
    parser.add_argument("networks", type=Path, nargs="+")
    options = parser.parse_args()
    teacher = st.load_vgg("vgg19", device="cpu", padding="replicate")
    networks = {path.stem: load(path) for path in options.networks}
    painters = {**networks, "vgg19": teacher} if options.teacher else networks
    results: dict[str, list[torch.Tensor]] = {name: [] for name in ["photograph", *painters]}
    for content, painting in pairs()[:12]:
        photograph = st.preprocess(st.sample(content), options.size)
        style = fit_style(st.sample(painting), photograph)
        results["photograph"].append(judged(teacher, photograph, style))
        for name, vgg in painters.items():
            picture = st.stylize(st.sample(content), st.sample(painting), options.size, vgg)
            results[name].append(judged(teacher, st.preprocess(picture), style))
            print(content, painting, name, [f"{float(e):.4f}" for e in results[name][-1]], flush=True)
            if options.pictures:
                (options.pictures / name).mkdir(parents=True, exist_ok=True)
                st.save_image(picture, options.pictures / name / f"{content}_x_{painting}.png")
    speeds = {name: passes_per_second(vgg) for name, vgg in [*networks.items(), ("vgg19", teacher)]}
    print(f"\n| network | {' | '.join(FIRST_OF_EACH_BLOCK)} | neighbours | passes a second | of VGG-19's speed |")
    print("|" + "---|" * 9)
    for name, errors in results.items():
        mean = torch.stack(errors).mean(0)
        speed = f"{speeds[name]:.1f} | {speeds[name] / speeds['vgg19']:.1f}" if name in speeds else "- | -"
        print(f"| {name} | " + " | ".join(f"{float(e):.4f}" for e in mean) + f" | {speed} |")


if __name__ == "__main__":
    main()
