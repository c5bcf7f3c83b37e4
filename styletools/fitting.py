"""Pictures of every shape, brought to what a network can see."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from .errors import ImageError
from .images import Source, load_image, preprocess, unit
from .jobs import LARGEST
from .pyramid import resize
from .vgg import LAYERS, smallest_side


def as_tensor(picture: Source | Tensor, size: int, narrowest: int = 0) -> Tensor:
    """A picture as a tensor (1, 3, H, W), `size` pixels long; longer where its shorter side would be less than `narrowest`.

    A tensor is taken as it is.
    """
    if isinstance(picture, Tensor):
        return picture.detach().float()
    image = load_image(picture)
    if 0 < size * min(image.size) < narrowest * max(image.size):
        size = math.ceil(narrowest * max(image.size) / min(image.size))
    return preprocess(image, size)


def check_shape(picture: Source | Tensor, tensor: Tensor, layers: Sequence[str]) -> None:
    """Raise ImageError when `tensor`, made of `picture`, is too small for some of these layers; say which size would do."""
    (height, width), needed = tensor.shape[-2:], smallest_side(layers)
    if min(height, width) >= needed:
        return
    advice = "give a larger picture"
    if not isinstance(picture, Tensor):
        sides = load_image(picture).size
        size = math.ceil(needed * max(sides) / min(sides))
        advice = f"choose a size of at least {size}" if size <= LARGEST else "cut a wider piece out of it"
    deepest = max(layers, key=LAYERS.__getitem__)
    raise ImageError(
        f"a picture of {width} x {height} pixels is too small for {deepest}, which needs {needed} pixels each way; {advice}."
    )


def cover(image: Tensor, height: int, width: int) -> Tensor:
    """Scale a picture (1, 3, h, w) until it covers (height, width), without stretching, and cut off what sticks out."""
    h, w = image.shape[-2:]
    scale = max(height / h, width / w)
    size = (max(height, round(h * scale)), max(width, round(w * scale)))
    scaled = resize(image, size)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return scaled[:, :, top : top + height, left : left + width].contiguous()


def is_grey(image: Tensor) -> bool:
    """Whether a normalised picture (1, 3, H, W) has no colour: its channels differ by less than half a grey level."""
    levels = unit(image)
    return bool((levels.amax(1) - levels.amin(1)).max() < 0.5 / 255)
