"""Which paintings are used: how much of each, how large, where, and whose the colours are."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import SettingsError
from ..images import as_image
from ..jobs import Job
from ..masks import Mask, is_box, load_mask, mask_image
from ..styles import NOTHING_LEFT, styles_of

NO_MASK = "-"  # for a style that paints what the masks of the others leave
PER_STYLE = {"style_weight": "weight", "style_scale": "scale", "mask": "where", "style_part": "part"}  # option -> of a Style


def with_options(style: Any, options: argparse.Namespace) -> Any:
    """What was given as style, with the weights, scales and masks of the command line.

    Raises SettingsError when there are not as many as styles.
    """
    named = {option: getattr(options, option) for option in PER_STYLE if getattr(options, option)}
    if not named:
        return style
    styles = styles_of(style)
    values = {PER_STYLE[option]: for_each(len(styles), option, given) for option, given in named.items()}
    return [replace(one, **{name: value[number] for name, value in values.items()}) for number, one in enumerate(styles)]


def for_each(styles: int, option: str, given: Sequence[Any]) -> list[Any]:
    """What an option gives to each of so many styles. Raises SettingsError when it gives too much or too little."""
    name, masks = "--" + option.replace("_", "-"), option in ("mask", "style_part")
    if masks and len(given) <= styles:
        return [*map(mask_of, given), *[None] * (styles - len(given))]
    if option == "style_scale" and len(given) == 1:
        return [*given] * styles
    if len(given) != styles:
        wanted = (
            "at most one for each" if masks else "one for all, or one for each" if option == "style_scale" else "one for each"
        )
        times = "once" if len(given) == 1 else f"{len(given)} times"
        raise SettingsError(f"{name} is given {times} for {styles} style{'s' * (styles > 1)}; give {wanted}.")
    return [*given]


def mask_of(text: str) -> Mask | None:
    """A mask as it is typed: a file, a box such as 0,0,1,0.4, or "-" for none."""
    if text == NO_MASK:
        return None
    try:
        sides = tuple(float(side) for side in text.split(","))
    except ValueError:
        if not re.match(r"-?[\d.]+,", text):
            return text
        sides = ()
    if os.path.exists(text):
        return text
    if len(sides) != 4:
        raise SettingsError(f"{text} is no box; expected four numbers left,top,right,bottom, as in 0,0,1,0.4.")
    return sides


def colors_of(text: str) -> str:
    """One of COLOR_MODES. Raises SettingsError for a word that could mean several; the job refuses those that mean none."""
    if text in ("content", "photograph", "photo"):
        raise SettingsError(
            f"--colors {text} could mean three things: choose luminance to paint only brightness, match to give the painting "
            "the photograph's colours before, or after to give them to the result."
        )
    return text


def used_by(job: Job) -> list[Any]:
    """Everything that a job paints from: pictures and masks."""
    styles = [part for one in job.styles for part in (one.picture, one.where, one.part) if part is not None]
    return [job.content, job.init, *styles]


def check_styles(job: Job) -> None:
    """Raise ImageError or SettingsError unless all paintings and masks can be read."""
    for one in job.styles:
        image = as_image(one.picture)
        if one.part is not None:
            load_mask(one.part, image.height, image.width)
        if one.where is not None:
            mask = mask_image(one.where)
            load_mask(one.where, mask.height, mask.width)
    boxes = [one.where for one in job.styles if one.where is not None]
    rest = any(one.where is None for one in job.styles)
    if rest and boxes and all(map(is_box, boxes)) and bool((sum(load_mask(box, 256, 256) for box in boxes) >= 1).all()):
        raise SettingsError(NOTHING_LEFT)


def check_masks(job: Job, width: int, height: int) -> None:
    """Raise ImageError or SettingsError unless the masks fit a photograph of this shape."""
    for one in job.styles:
        if one.where is not None:
            load_mask(one.where, height, width)
