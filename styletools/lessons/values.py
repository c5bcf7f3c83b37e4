"""Exercises whose answer is a value, not a function: a number, a word, a batch of pictures, a list of snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as nnf

from ..images import MEAN, clamp_to_box, preprocess, sample
from ..losses import tv_loss
from ..vgg import load_vgg
from .calling import Trouble, as_number, kind


class Remark(NamedTuple):
    """What is said to an answer: whether it is right, a sentence, and a hint."""

    right: bool
    sentence: str
    hint: str = ""


def whole_number(answer: object) -> int:
    """An int out of an int, or of a float, tensor or array that is one. Raises Trouble."""
    number = as_number(answer)
    if number != number or abs(number) > 1e9 or number != round(number):
        raise Trouble(f"expected a whole number, got {number:g}")
    return round(number)


# --- words -----------------------------------------------------------------------------------------------------------------


def word(answer: object, choices: dict[str, Sequence[str]], right: str, why: str, hint: str) -> Remark:
    """Judge one of a few words. choices: word -> other ways to say it; why: said to the right one; hint: to the others."""
    wanted = " or ".join(f'"{choice}"' for choice in choices)
    if not isinstance(answer, str):
        return Remark(False, f"expected {wanted}, got {kind(answer)}", "a word is written in quotation marks.")
    said = " ".join(answer.lower().split()).strip(" .!'\"").removeprefix("the ")
    chosen = next((choice for choice, others in choices.items() if said == choice or said in others), None)
    if chosen is None:
        return Remark(False, f"expected {wanted}, got {answer[:40]!r}")
    return Remark(True, why) if chosen == right else Remark(False, f'"{chosen}" is not it', hint)


WORDS: dict[str, Callable[[object], Remark]] = {
    "blue_first": partial(
        word, choices={"larger": ("bigger", "greater", "more"), "smaller": ("less", "lesser", "lower")}, right="smaller",
        why="only the hues are wrong; light, dark and contrast, of which the network reads most, are as they were.",
        hint="compare the two rows of distances, layer by layer: which mistake moves the features farther?"),
    "costly_step": partial(
        word, choices={"relu": ("relus",), "convolutions": ("convolution", "three convolutions"), "pooling": ("pool", "pool3")},
        right="convolutions", why="three of them look at a wide neighbourhood and mix it; the other steps stay where they are.",
        hint="compare the pixel distances in the titles: after which step has it grown most?"),
    "tile_losses": partial(
        word, choices={"shallow": ("shallow layers", "relu1_1"), "deep": ("deep layers", "relu5_1")}, right="deep",
        why="a deep filter sees far, so nearly every position looks across some cut.",
        hint="begin with the largest tiles, 48: which of the two losses in the title is already large?"),
    "start_from_style": partial(
        word, choices={"none": ("no term", "no one", "nobody", "neither", "nothing"), "content": ("alpha", "content loss"),
                       "style": ("beta", "style loss"), "tv": ("total variation", "tau", "smoothness")},
        right="none", why="relu4_2 hardly knows colours, and a Gram matrix does not know where they are.",
        hint="which term of the loss knows both what colour a place has and where that place is?"),
    "valley_or_time": partial(
        word, choices={"valleys": ("valley", "a valley", "a matter of valleys"), "time": ("a matter of time", "more time")},
        right="time", why="after many more steps its colours are those of the run that had the small beta from the start.",
        hint="give it many more steps, and as many to a run that had the small beta from the start: do their colours meet?"),
}  # fmt: skip


# --- numbers ---------------------------------------------------------------------------------------------------------------


def next_side(answer: object) -> Remark:
    """Judge the next side after 224 for which pool4 has a larger map."""
    if isinstance(answer, tuple | list) and len(answer) == 2 and answer[0] == answer[1]:
        answer = answer[0]
    side = whole_number(answer)
    if side == 240:
        return Remark(True, "the next multiple of 16; the pixels of the sides between are dropped.")
    if side > 240:
        return Remark(False, f"a smaller side than {side} does it already", "try the sides below it, too.")
    hint = "four poolings halve the side four times and drop an odd row each time: which sides lose nothing?"
    return Remark(False, f"with side {side}, pool4 is not larger than with 224", hint)


@cache
def sky_channels(best: int = 4) -> tuple[set[int], set[int], int]:
    """Channels of relu4_1 of `vgg19-slim` that prefer the castle's sky, those that are nearly silent, and how many there are.

    They are the best few by the difference of means between sky and rest, and by the share of all activity that is in the sky.
    """
    network = load_vgg("vgg19-slim", device="cpu", dtype=torch.float32)
    features = network(preprocess(sample("eilean_donan"), 240), ["relu4_1"])["relu4_1"][0]  # (C, 20, 30)
    sky, rest, everywhere = (part.mean((1, 2)) for part in (features[:, :4], features[:, 4:], features))
    silent = everywhere < everywhere.mean() / 3
    share = (sky / everywhere.clamp_min(1e-6)).masked_fill(silent, 0)
    favourites = {*(sky - rest).topk(best).indices.tolist(), *share.topk(best).indices.tolist()}
    return favourites, set(silent.nonzero().flatten().tolist()), len(features)


def sky_channel(answer: object) -> Remark:
    """Judge the number of a channel that prefers the sky."""
    channel = whole_number(answer)
    favourites, silent, count = sky_channels()
    if channel in favourites:
        return Remark(True, f"channel {channel} is among the {len(favourites)} that prefer the sky most.")
    if not 0 <= channel < count:
        return Remark(False, f"there is no channel {channel}: relu4_1 of vgg19-slim has {count}, from 0 to {count - 1}")
    if channel in silent:
        hint = "take one whose mean is not far below the mean of all."
        return Remark(False, f"channel {channel} is nearly silent everywhere, which proves nothing", hint)
    hint = "take the mean over the sky, F[0, :, :4], less that over the rest, F[0, :, 4:]; argmax() finds the largest."
    return Remark(False, f"channel {channel} does not prefer the sky as others do", hint)


@cache
def cat() -> tuple[Tensor, Tensor]:
    """The cat of lesson 05 (1, 3, 96, 128), clean and noisy."""
    clean = preprocess(sample("chelsea").crop((60, 40, 316, 232)), 128)
    return clean, clamp_to_box(clean + 0.5 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)))


def denoise(weight: float, steps: int = 250) -> Tensor:
    """The cat without noise, as lesson 05 does it, under a weight of TV_1."""
    noisy = cat()[1]
    x = noisy.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=0.08)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        (((x - noisy) ** 2).mean() + weight * tv_loss(x)).backward()
        optimizer.step()
        slower.step()
    return clamp_to_box(x.detach())


def weight_for_roughness(answer: object) -> Remark:
    """Judge the weight under which the denoised cat is as rough as the clean one."""
    weight = as_number(answer)
    if not 0 <= weight < 1e6:
        return Remark(False, f"{weight:g} is no weight", "the right plot of the lesson says between which two weights to look.")
    ratio = float(tv_loss(denoise(weight)) / tv_loss(cat()[0]))
    if abs(ratio - 1) < 0.05:
        return Remark(True, f"with weight {weight:g} it is {ratio:.2f} times as rough as the clean cat.")
    hint = "rougher than the clean cat: take more." if ratio > 1 else "smoother than the clean cat: take less."
    return Remark(False, f"with weight {weight:g} it is {ratio:.2f} times as rough as the clean cat", hint)


# --- pictures and snapshots ------------------------------------------------------------------------------------------------


NAMES = ("eilean_donan", "cafe_terrace_at_night", "chelsea")
GREY = tuple(round(255 * value) for value in MEAN.flatten().tolist())


def one_shape(picture: Image.Image) -> list[Image.Image]:
    """All usual ways to bring a picture into a square of 64 pixels: stretched, cropped, padded."""
    side = (64, 64)
    cropped = [ImageOps.fit(picture, side, centering=(at, at)) for at in (0, 0.5, 1)]
    colors = (GREY, (0, 0, 0), (255, 255, 255))
    padded = [ImageOps.pad(picture, side, color=color, centering=(at, at)) for at in (0, 0.5, 1) for color in colors]
    return [picture.resize(side), *cropped, *padded]


@cache
def known() -> Tensor:
    """What the three pictures may look like from far away, each of length 1: (3, ways, 3 * 12 * 12)."""
    ways = [torch.cat([thumbnail(preprocess(way)) for way in one_shape(sample(name))]) for name in NAMES]
    return torch.stack(ways)


def thumbnail(x: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) from far away, less their mean, each of length 1: (N, 432)."""
    small = nnf.adaptive_avg_pool2d(x, 12).flatten(1)
    return nnf.normalize(small - small.mean(1, keepdim=True), dim=1)


def batch(answer: object) -> Remark:
    """Judge three pictures in one normalised tensor (3, 3, 128, 128)."""
    if not isinstance(answer, Tensor):
        hint = "torch.cat joins tensors (1, 3, 128, 128) into one." if isinstance(answer, list | tuple | dict) else ""
        return Remark(False, f"expected a tensor, got {kind(answer)}", hint)
    if answer.shape != (3, 3, 128, 128):
        hint = "permute(0, 3, 1, 2) brings the colours to the second place." if answer.shape == (3, 128, 128, 3) else ""
        hint = hint or "bring each picture to 128 x 128, give it to st.preprocess, and join the three with torch.cat."
        return Remark(False, f"expected shape (3, 3, 128, 128), got {tuple(answer.shape)}", hint)
    if not answer.is_floating_point():
        return Remark(False, "expected floats, got whole numbers", "st.preprocess makes normalised floats of a picture.")
    x = answer.detach().float().cpu()
    fault = fault_in_numbers(x)
    return fault or fault_in_pictures(x) or Remark(True, "three pictures in one shape, normalised.")


def fault_in_numbers(x: Tensor) -> Remark | None:
    """What is wrong with the numbers of the batch, if anything is."""
    low, high = float(x.min()), float(x.max())
    if not bool(x.isfinite().all()):
        return Remark(False, "some numbers are not finite", "the padding needs a colour: 0 after normalising is mean grey.")
    if high == low:
        return Remark(False, "all numbers are the same: there is no picture in it", "fill it with the three pictures.")
    if low >= 0:
        size = "0..255" if high > 3 else "0..1"
        return Remark(False, f"these are numbers from {size}", "st.preprocess normalises them.")
    if low < -2.2 or high > 2.7:
        return Remark(False, f"{low:.1f} to {high:.1f} is beyond black and white", "normalise once, after everything else.")
    return None


def fault_in_pictures(x: Tensor) -> Remark | None:
    """What is wrong with the pictures of the batch, if anything is."""
    alike = torch.einsum("nd,mwd->nmw", thumbnail(x), known()).amax(2)  # (3 of the batch, 3 names), cosines
    for number, (best, which) in enumerate(zip(*alike.max(1), strict=True)):
        if best < 0.5:
            hint = "load them with st.sample(name), and shrink a picture before you crop it: ImageOps.fit does both."
            return Remark(False, f"picture {number} looks like none of the three, or little of it is left", hint)
        if int(which) in alike.argmax(1)[:number].tolist():
            return Remark(False, f"picture {number} is {NAMES[int(which)]} once more", "take each of the three names once.")
    return None


def score(answer: object) -> Remark:
    """Judge the snapshots of a score: at least four, with different weights one after the other."""
    if hasattr(answer, "snapshots"):
        return Remark(False, f"expected a list of snapshots, got {kind(answer)}", "give its list: studio.snapshots.")
    if not isinstance(answer, list | tuple):
        return Remark(False, f"expected a list of snapshots, got {kind(answer)}", "give studio.snapshots.")
    strange = [one for one in answer if not (hasattr(one, "settings") and hasattr(one, "caption"))]
    if strange:
        return Remark(False, f"expected snapshots, got {kind(strange[0])} among them", "studio.snapshot(name) takes one.")
    weights = [one.settings.moves[-1][1] if one.settings.moves else one.settings.weights for one in answer]
    legs = sum(now != before for now, before in zip(weights, [None, *weights], strict=False))
    if len(answer) < 4:
        return Remark(False, f"{len(answer)} snapshots, at least four are wanted", "after every move, studio.snapshot(name).")
    if legs < 4:
        hint = "change a weight and paint some steps, studio.run(20), before the next snapshot."
        return Remark(False, f"{len(answer)} snapshots, but only {legs} moves of the weights", hint)
    return Remark(True, f"{len(answer)} snapshots, {legs} moves.")


VALUES: dict[str, Callable[[object], Remark]] = {
    **WORDS, "batch": batch, "next_side": next_side, "sky_channel": sky_channel, "weight_for_roughness": weight_for_roughness,
    "score": score,
}  # fmt: skip


def judge_value(judge: Callable[[object], Remark], answer: object) -> Remark:
    """What is said to the answer. judge: the exercise's own function, from a table such as `VALUES`."""
    try:
        return judge(np.asarray(answer).item() if isinstance(answer, np.generic) else answer)
    except Trouble as trouble:
        return Remark(False, trouble.why, trouble.hint)
