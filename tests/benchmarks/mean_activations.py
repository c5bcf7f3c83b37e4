"""Measure what `load_vgg("vgg19", rescale=True)` divides by.      python tests/benchmarks/mean_activations.py [--check]

The mean activation of every filter of ``vgg19`` after its ReLU, over all positions of the pictures of img/ (longer side 256
pixels, zero padding, max pooling, float32), each picture counting alike. Gatys et al. measured theirs over ImageNet; ten
pictures are enough to bring filters into the same order of magnitude, which is all that the rescaling is for.
Writes styletools/vgg19_means.safetensors, {"conv1_1": (64,), ..., "conv5_1": (512,)}; with --check it only compares.
"""

import argparse
from collections.abc import Iterable

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import styletools as st
from styletools.vgg import MEANS_FILE, MODULES, VGG

SIZE = 256  # pixels of the longer side
CONVOLUTIONS = [name for name, index in st.LAYERS.items() if name.startswith("conv") and index < MODULES]


@torch.no_grad()
def mean_activations(vgg: VGG, pictures: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return {"conv1_1": (64,), ...}: mean over pictures of the mean over positions of relu1_1, ...

    A filter that never fires gets 1: dividing by its mean 0 would make nonsense of what it says about another picture.
    """
    rectified = [name.replace("conv", "relu") for name in CONVOLUTIONS]
    rows = [[f[0].mean((1, 2)) for f in vgg(picture, rectified).values()] for picture in pictures]
    means = {name: torch.stack(row).mean(0) for name, row in zip(CONVOLUTIONS, zip(*rows, strict=True), strict=True)}
    return {name: torch.where(mean > 0, mean, 1.0) for name, mean in means.items()}


def measure() -> dict[str, Tensor]:
    """Return the mean activations over the pictures of img/."""
    vgg = st.load_vgg("vgg19", device="cpu")
    return mean_activations(vgg, (st.preprocess(st.sample(name), SIZE) for name in st.sample_names()))


def main() -> None:
    """Write the file, or compare with it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the stored means instead of writing them")
    options = parser.parse_args()
    means = measure()
    if options.check:
        stored = load_file(MEANS_FILE)
        worst = max(float((mean / stored[name] - 1).abs().max()) for name, mean in means.items())
        print(f"the stored means differ from these by {worst:.2%} at most")
        return
    save_file(means, MEANS_FILE, metadata={"measured": f"over {len(st.sample_names())} pictures of img/ at {SIZE} px"})
    for name, mean in means.items():
        print(f"{name}: {len(mean)} filters, means from {mean.min():.2f} to {mean.max():.2f}, {mean.mean():.2f} on average")


if __name__ == "__main__":
    main()
