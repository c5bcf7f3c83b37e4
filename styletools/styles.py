"""Several styles in one picture: how much of each, where on the photograph, from which part of the painting, how large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .arguments import number, plain_number, settle, shortened
from .errors import SettingsError
from .images import Source
from .masks import Mask, checked_box, is_box, load_mask, mask_image

NOTHING_LEFT = "the masks cover the whole photograph; nothing is left for the style without a mask."
FINEST, COARSEST = 0.1, 4.0  # scales of a style picture


def scale_of(value: Any, name: str) -> float:
    """The scale of a style picture, checked."""
    expected = f"a number from {FINEST} (fine strokes) to {COARSEST:g} (large ones)"
    if plain_number(value) < FINEST:
        raise SettingsError(f"{name} is {shortened(value)}; expected {expected}.")
    return number(value, name, expected, most=COARSEST)


@dataclass(frozen=True)
class Style:
    """One of the styles of a picture.

    picture: the painting, as for `load_image`, or a normalised tensor, which is taken as it is.
    weight: how much of its statistics goes into the mixture of the styles of one place.
    where: a mask on the photograph, see `masks`; None for what the masks of the other styles leave. Styles with the same mask
        are mixed. part: a mask on the painting: what of it counts.
    scale: the size of its strokes, which is that of the style picture beside the content picture: 2 for strokes twice as large.

    Raises SettingsError for a setting that makes no sense.
    """

    picture: Source | Tensor
    weight: float = 1.0
    where: Mask | None = None
    part: Mask | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.picture, Style):
            raise SettingsError("a Style is made of a Style; expected a picture.")
        settle(self, weight=partial(number, expected="a number of at least 0"), scale=scale_of, where=settled, part=settled)

    @property
    def plain(self) -> bool:
        """Whether it is nothing but a picture."""
        return self.weight > 0 and self.where is None and self.part is None and self.scale == 1


def settled(mask: Any, name: str) -> Any:
    """A mask that nobody changes afterwards: a box as floats, an array or tensor as a picture."""
    if is_box(mask):
        return checked_box(mask)
    return mask_image(mask) if hasattr(mask, "__array__") and not isinstance(mask, Image.Image) else mask


def styles_of(style: Any) -> tuple[Style, ...]:
    """The styles of what was given as style: a picture, a Style, or a list of both. Raises SettingsError for an empty list."""
    several = style if isinstance(style, list | tuple) else [style]
    styles = tuple(one if isinstance(one, Style) else Style(one) for one in several)
    if not styles:
        raise SettingsError("the list of styles is empty; expected at least one picture.")
    if not any(one.weight for one in styles):
        raise SettingsError("the weights of all styles are 0; give at least one of them a positive weight.")
    return styles


def simplest(style: Any) -> Any:
    """What was given as style in one form: the picture alone where that says everything, else a tuple of Styles."""
    styles = styles_of(style)
    return styles[0].picture if len(styles) == 1 and styles[0].plain else styles


class Painted(NamedTuple):
    """A style picture at the size it is used."""

    picture: Tensor  # (1, 3, h, w)
    weight: float
    part: Tensor | None  # (1, 1, h, w), None for all of it


class Region(NamedTuple):
    """A place on the photograph and the styles that are mixed there."""

    where: Tensor | None  # (1, 1, H, W), None for everywhere
    styles: tuple[Painted, ...]


def regions_of(styles: Sequence[Style], pictures: Sequence[Tensor], height: int, width: int) -> tuple[Region, ...]:
    """Sort styles by the place where they are painted. pictures: theirs, normalised (1, 3, h, w); those of weight 0 drop out.

    Raises ImageError or SettingsError for a mask that cannot be used.
    """
    places: list[Tensor | None] = []
    painted: list[list[Painted]] = []
    for style, picture in zip(styles, pictures, strict=True):
        where = None if style.where is None else load_mask(style.where, height, width).to(picture)
        part = None if style.part is None else load_mask(style.part, *picture.shape[-2:]).to(picture)
        place = next((number for number, mask in enumerate(places) if same(mask, where)), len(places))
        if place == len(places):
            places.append(where)
            painted.append([])
        if style.weight:
            painted[place].append(Painted(picture, style.weight, part))
    masks = [mask for mask in places if mask is not None]
    left = (1 - sum(masks)).clamp(min=0) if masks else None
    regions = [
        Region(left if mask is None else mask, tuple(there)) for mask, there in zip(places, painted, strict=True) if there
    ]
    if any(region.where is not None and not region.where.any() for region in regions):
        raise SettingsError(NOTHING_LEFT)
    return tuple(regions)


def painted_part(regions: Sequence[Region]) -> Tensor | None:
    """How much of each pixel any style is for, (1, 1, H, W); None where that is all of it. The rest stays the photograph."""
    masks = [region.where for region in regions if region.where is not None]
    if len(masks) < len(regions):
        return None
    part = sum(masks).clamp(max=1)
    return None if bool((part > 0.999).all()) else part


def read_masks(styles: Sequence[Style]) -> tuple[Style, ...]:
    """The same styles with the masks that lie in files as pictures: a file may be changed or moved while it is painted."""

    def read(mask: Mask | None) -> Mask | None:
        return mask if mask is None or is_box(mask) else mask_image(mask)

    return tuple(replace(style, where=read(style.where), part=read(style.part)) for style in styles)


def pack_styles(styles: Sequence[Style], pictures: Sequence[Tensor]) -> list[dict[str, Any]]:
    """Styles as dicts of tensors, numbers and lists, from which `Style` makes them again; pictures: as in `regions_of`."""
    return [
        {
            "picture": picture,
            "weight": style.weight,
            "where": packed_mask(style.where),
            "part": packed_mask(style.part),
            "scale": style.scale,
        }
        for style, picture in zip(styles, pictures, strict=True)
    ]


def packed_mask(mask: Mask | None) -> Tensor | list[float] | None:
    """A mask as a tensor (H, W) in 0..1; a box stays a box, as a list."""
    if mask is None:
        return None
    return list(mask) if is_box(mask) else torch.from_numpy(np.array(mask_image(mask), dtype=np.float32) / 255)


def same(mask: Tensor | None, other: Tensor | None) -> bool:
    """Whether two masks are equal; None is everything that others leave."""
    return mask is other or (mask is not None and other is not None and torch.equal(mask, other))
