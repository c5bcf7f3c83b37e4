"""The styles of a job as the page's controls have them: a first and a second painting, their mix, stroke size and mask.

Styles beyond the second, which only a program gives, stay as they are. Every function returns new styles and changes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from PIL import Image, ImageFilter

from ..arguments import number, shortened
from ..errors import ImageError, SettingsError
from ..images import Source, as_image, fit_size
from ..jobs import Job
from ..masks import Mask, load_mask, mask_image
from ..styles import Style, regions_of

STROKES = (0.25, 0.5, 1.0, 2.0)  # sizes of strokes in the menu
LEAST, MOST = 0.05, 0.95  # of the second style in a mix; without it there is a button
SOFTEST = 0.1  # of the longer side: how far the edge of a mask is blurred at most
MASK_SIDE = 512  # pixels of the longer side of a mask on the page

Styles = tuple[Style, ...]


# --- other styles ------------------------------------------------------------------------------------------------------


def with_picture(styles: Styles, place: int, picture: Source) -> Styles:
    """Another painting for the first (0) or the second style (1), which is added, in equal parts, where there is none."""
    if place < len(styles):
        return tuple(replace(one, picture=picture) if at == place else one for at, one in enumerate(styles))
    return (*styles, Style(picture, weight=styles[0].weight or 1.0, scale=styles[0].scale))


def without_second(styles: Styles) -> Styles:
    """Without the second style, and so without its mask."""
    return (styles[0], *styles[2:])


def mixed(styles: Styles, share: Any) -> Styles:
    """With another share of the second style: (1 - share) of the first. Raises SettingsError for one that makes no sense."""
    expected = f"a share from {LEAST} to {MOST}"
    share = number(share, "the share of the second style", expected, most=MOST)
    if share < LEAST:
        raise SettingsError(f"the share of the second style is {shortened(share)}; expected {expected}.")
    first, second, *others = two(styles)
    return (replace(first, weight=round(1 - share, 4)), replace(second, weight=share), *others)


def scaled(styles: Styles, scale: Any) -> Styles:
    """With strokes of another size. Raises SettingsError for one that makes no sense."""
    return tuple(replace(one, scale=scale) for one in styles)


def masked(styles: Styles, mask: Mask | None) -> Styles:
    """With another mask for the second style, or None for none: then both styles are mixed everywhere."""
    first, second, *others = two(styles)
    return (first, replace(second, where=mask), *others)


def two(styles: Styles) -> Styles:
    """The styles. Raises SettingsError when there is only one."""
    if len(styles) < 2:
        raise SettingsError("there is no second style yet: choose one first.")
    return styles


def fitting(styles: Styles, content: Source) -> Styles:
    """The styles without the masks that have another shape than a photograph; the same object when all fit."""
    height, width = shape_of(content)
    strange = [one.where is not None and not fits(one.where, height, width) for one in styles]
    if not any(strange):
        return styles
    return tuple(replace(one, where=None) if odd else one for one, odd in zip(styles, strange, strict=True))


def fits(mask: Mask, height: int, width: int) -> bool:
    """Whether a mask has the shape of a picture."""
    try:
        load_mask(mask, height, width)
    except ImageError:
        return False
    return True


# --- masks -------------------------------------------------------------------------------------------------------------


def softened(mask: Image.Image, soft: Any) -> Image.Image:
    """A mask, grey, whose edge is blurred: a Gaussian with a standard deviation of `soft` times its longer side.

    Raises SettingsError for a number outside 0..0.1.
    """
    soft = number(soft, "the soft edge", f"a share from 0 to {SOFTEST} of the longer side", most=SOFTEST)
    return mask.convert("L").filter(ImageFilter.GaussianBlur(soft * max(mask.size)))


def shape_of(picture: Any, size: int = MASK_SIDE) -> tuple[int, int]:
    """(height, width) of a picture that is `size` pixels long."""
    image = as_image(picture)
    return fit_size(image.height, image.width, size)


def shown_mask(job: Job) -> Image.Image | None:
    """The mask of the second style as the page shows it, grey; None when there is none."""
    if len(job.styles) < 2 or job.styles[1].where is None:
        return None
    height, width = shape_of(job.content)
    return mask_image(job.styles[1].where, (width, height)).resize((width, height), Image.Resampling.BOX)


def check_masks(job: Job) -> None:
    """Look at masks before anything is built. Raises ImageError or SettingsError with one sentence."""
    if all(one.where is None and one.part is None for one in job.styles):
        return
    blank = torch.zeros(1)  # without pixels of its own: only shapes count
    pictures = [blank.expand(1, 3, *shape_of(one.picture)) for one in job.styles]
    regions_of(job.styles, pictures, *shape_of(job.content, job.size))


# --- what the page shows -------------------------------------------------------------------------------------------------


def share_of_second(styles: Styles) -> float:
    """How much of the second style is in the mix of both, 0..1."""
    total = styles[0].weight + styles[1].weight
    return round(styles[1].weight / total, 4) if total else 0.5


def stroke_of(styles: Sequence[Style]) -> float | None:
    """The size of the strokes, None when the styles have different ones."""
    return styles[0].scale if len({one.scale for one in styles}) == 1 else None


def controls(styles: Styles, label: str) -> dict[str, Any]:
    """What the page's controls of the styles show, as values that JSON can hold. label: what the second style is called."""
    stroke = stroke_of(styles)
    strokes = sorted({*STROKES, *([] if stroke is None else [stroke])})
    second = None
    if len(styles) > 1:
        second = {"label": label, "share": share_of_second(styles), "masked": styles[1].where is not None}
    return {"stroke": stroke, "strokes": strokes, "second": second}
