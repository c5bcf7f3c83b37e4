"""Compare slim networks by their teacher's judgement and by speed.

    python tests/benchmarks/slim_network.py --teacher FILE vgg19_slim.safetensors [OTHER.safetensors ...]

Each network paints five pairs of img/ (200 Adam steps at 320 px, recipe "balanced"); the teacher then measures the relative
Gram error of the result, sum (G - A)^2 / sum A^2, at the first layer of every block. "start" is the content picture itself.
Speed: forward and backward passes to the picture at 256 px, in one run with a random VGG-19 of full width.
"""

import argparse
import time
from pathlib import Path

import torch

import styletools as st
from styletools.distill import as_network, read_teacher
from styletools.recipes import FIRST_OF_EACH_BLOCK, RECIPES
from styletools.vgg import CHANNELS, LAYERS, VGG, build_features, read_weights

PAIRS = (
    ("eilean_donan", "great_wave"), ("neuschwanstein", "cafe_terrace_at_night"), ("summer_palace", "village_street_auvers"),
    ("chelsea", "composition_viii"), ("eilean_donan", "the_harvest"),
)  # fmt: skip


def load(path: Path) -> VGG:
    """Load a slim network of any width."""
    state = read_weights(path)
    convolutions = [index for index in LAYERS.values() if f"{index}.weight" in state]
    features = build_features([state[f"{index}.weight"].shape[0] for index in convolutions])
    features.load_state_dict(state)
    return VGG(features, path.stem)


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


def judged(teacher: VGG, image: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """The teacher's relative Gram error at the first layer of each block: (5,)."""
    recipe = RECIPES["balanced"]
    targets = recipe.targets(teacher, image, style)
    with torch.no_grad():
        features = teacher(image, FIRST_OF_EACH_BLOCK)
    return torch.stack([st.style_loss(features[n], targets.grams[n], "relative") for n in FIRST_OF_EACH_BLOCK])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--beta", type=float, default=50.0)
    parser.add_argument("--pictures", type=Path, help="folder to keep the painted pictures in")
    parser.add_argument("networks", type=Path, nargs="+")
    options = parser.parse_args()
    teacher = VGG(as_network(read_teacher(options.teacher)), "teacher")
    full = VGG(build_features(CHANNELS["vgg19"]), "vgg19")
    networks = {path.stem: load(path) for path in options.networks}
    results: dict[str, list[torch.Tensor]] = {name: [] for name in ["start", *networks]}
    for content_name, style_name in PAIRS:
        content, style = (st.preprocess(st.sample(name), options.size) for name in (content_name, style_name))
        results["start"].append(judged(teacher, content, style))
        for name, vgg in networks.items():
            transfer = st.StyleTransfer(content, style, vgg, alpha=1, beta=options.beta, tv=0.0, steps=200)
            list(transfer)
            results[name].append(judged(teacher, transfer.tensor, style))
            print(content_name, style_name, name, [f"{float(e):.4f}" for e in results[name][-1]], flush=True)
            if options.pictures:
                options.pictures.mkdir(parents=True, exist_ok=True)
                st.save_image(transfer.image, options.pictures / f"{content_name}_{style_name}_{name}.png")
    speeds = {name: passes_per_second(vgg) for name, vgg in [*networks.items(), ("vgg19", full)]}
    print("\n| network | " + " | ".join(FIRST_OF_EACH_BLOCK) + " | passes a second | of VGG-19's time |")
    print("|---|---|---|---|---|---|---|---|")
    for name, errors in results.items():
        mean = torch.stack(errors).mean(0)
        speed = f"{speeds[name]:.1f} | {speeds['vgg19'] / speeds[name]:.2f}" if name in speeds else "- | -"
        print(f"| {name} | " + " | ".join(f"{float(e):.4f}" for e in mean) + f" | {speed} |")


if __name__ == "__main__":
    main()
