"""Figures in the house style: content green, style orange, result blue; readable type; pictures never stretched.

Every function draws one figure with pyplot and leaves it open, so that a notebook shows it at the end of the cell and a
script may save it with ``plt.savefig``.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from torch import Tensor

from .colors import COLORS
from .history import Step
from .images import Source, as_image

WIDTH = 9.0  # inches; 900 pixels at the house style's 100 dots per inch


def use_house_style() -> None:
    """Set matplotlib up for the lessons: type of at least 11 points, no box, and JPEG figures, which keep notebooks small."""
    plt.rcParams.update(
        {
            "font.size": 12, "axes.titlesize": 12, "axes.labelsize": 12, "xtick.labelsize": 11, "ytick.labelsize": 11,
            "legend.fontsize": 11, "figure.dpi": 100, "savefig.dpi": 100, "axes.spines.top": False,
            "axes.spines.right": False, "legend.frameon": False, "figure.constrained_layout.use": True,
            "image.interpolation": "nearest",
        }
    )  # fmt: skip
    from IPython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    if get_ipython() is not None:  # in a plain script it would start a shell of IPython's
        set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})


def show_images(
    images: Sequence[Source | Tensor],
    titles: Sequence[str] | None = None,
    colors: Sequence[str] | None = None,
    columns: int | None = None,
) -> None:
    """Show pictures side by side, equally high in each row and in their own proportions.

    titles: one a picture. colors: one a title, keys of `COLORS` or any colour. columns: pictures a row; by default all.
    """
    pictures = [as_image(image) for image in images]
    columns = columns or len(pictures)
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    ratios = [[picture.width / picture.height for picture in row] for row in rows]
    lines = max([title.count("\n") + 1 for title in titles] if titles else [0])
    gap = 0.09  # inches between two pictures
    heights = [min(4.2, (WIDTH - gap * len(row)) / sum(row)) for row in ratios]
    figure = plt.figure(figsize=(WIDTH, sum(heights) + len(rows) * (0.22 * lines + gap)), layout="none")
    total = figure.get_figheight()
    top, number = 0.0, 0
    for row, widths, height in zip(rows, ratios, heights, strict=True):
        left = (WIDTH - sum(widths) * height - gap * (len(row) - 1)) / 2
        top += 0.22 * lines
        for picture, ratio in zip(row, widths, strict=True):
            box = (left / WIDTH, 1 - (top + height) / total, ratio * height / WIDTH, height / total)
            axes = figure.add_axes(box)
            smooth = 100 * height < 4 * picture.height  # enlarged further, pixels are what is shown
            axes.imshow(picture, interpolation="lanczos" if smooth else "nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="lightgrey")  # a frame, or white pictures have no edge
            if titles:
                color = COLORS.get(colors[number], colors[number]) if colors else "black"
                axes.set_title(titles[number], color=color, fontsize=12, pad=4)
            left += ratio * height + gap
            number += 1
        top += height + gap


def show_features(features: Tensor, channels: Sequence[int] | None = None, columns: int = 8, title: str = "") -> None:
    """Show feature maps (1, C, H, W) as grey pictures, dark is 0 and white the largest value of that map.

    channels: which ones; by default the first 16.
    """
    channels = list(range(min(16, features.shape[1]))) if channels is None else list(channels)
    maps = features[0, channels].detach().cpu().numpy()  # (channels, H, W)
    rows = -(-len(channels) // columns)
    ratio = maps.shape[1] / maps.shape[2]
    height = rows * (WIDTH / columns * ratio + 0.28) + (0.35 if title else 0)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False)
    for spot in axes.flat:
        spot.set_axis_off()
    for spot, channel, feature_map in zip(axes.flat, channels, maps, strict=False):
        spot.imshow(feature_map, cmap="gray", vmin=min(0.0, float(feature_map.min())))
        spot.set_title(str(channel), fontsize=11, pad=2)
    if title:
        figure.suptitle(title)


def plot_losses(history: Sequence[Step], title: str = "") -> None:
    """Plot the weighted terms of every step on a log scale, and their sum, which is what the optimiser sees."""
    steps = [step.index for step in history]
    curves = {
        "total": [step.total for step in history],
        "content": [step.alpha * step.content for step in history],
        "style": [step.beta * step.style for step in history],
        "tv": [step.tv_weight * step.tv for step in history],
    }
    labels = {"total": "total", "content": "alpha x content", "style": "beta x style", "tv": "tv weight x tv"}
    _, axes = plt.subplots(figsize=(WIDTH, 3.4))
    for name, values in curves.items():
        if max(values) > 0:
            positive = np.where(np.asarray(values) > 0, values, np.nan)
            axes.plot(steps, positive, color=COLORS[name], label=labels[name], linewidth=2)
    axes.set(yscale="log", xlabel="step", ylabel="loss", title=title)
    axes.legend(ncols=2)


def zoom(image: Source | Tensor, box: tuple[float, float, float, float], factor: int = 4) -> Image.Image:
    """Cut a piece out of a picture and enlarge it with hard pixels.

    box: (left, top, right, bottom) as fractions of the picture, 0..1.
    """
    picture = as_image(image)
    w, h = picture.size
    piece = picture.crop((round(box[0] * w), round(box[1] * h), round(box[2] * w), round(box[3] * h)))
    return piece.resize((piece.width * factor, piece.height * factor), Image.Resampling.NEAREST)
