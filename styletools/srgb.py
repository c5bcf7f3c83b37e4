"""Colours: pixels of any mode, depth and colour space, and arrays of numbers, become the bytes of sRGB."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from .files import Unreadable

GREY = ("1", "L", "LA", "La")  # modes of PIL
SPACES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}  # of colour profiles, and the modes they are for
FULL_SCALES = (1, 255, 65535)  # what white may be in numbers that are no bytes


def as_srgb(image: Image.Image) -> Image.Image:
    """Turn pixels of any mode and any colour space into sRGB on white."""
    info = image.info
    profile, gamma = info.get("icc_profile"), gamma_of(info)
    if image.mode[0] in "IF":  # more than 8 bits
        image, gamma = from_deep_grey(image, gamma), None
    if image.mode == "LAB":
        image = to_srgb(ImageCms.createProfile("LAB"), "LAB").apply(image)
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in GREY else "RGBA")
    elif image.mode != "CMYK":
        image = image.convert("L" if image.mode in GREY else "RGB")
    if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf):
        image = image.reduce(2)
    if profile:
        image = through(profile, image)
    if gamma is not None:
        colours, same = without_gamma(np.arange(256.0), gamma).round().astype(int).tolist(), list(range(256))
        image = image.point([value for band in image.getbands() for value in (same if band == "A" else colours)])
    if image.mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    done = ("icc_profile", "gamma", "srgb", "chromaticity", "transparency")  # and not to be done again
    image.info = {key: value for key, value in info.items() if key not in done}
    return image


def from_deep_grey(image: Image.Image, gamma: float | None) -> Image.Image:
    """Bring 16-bit, 32-bit or floating-point grey to 8 bits; PIL's own conversion would clip it to white."""
    values, clear = np.asarray(image), image.info.get("transparency")
    grey = Image.fromarray(as_bytes(values, gamma))
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(values != clear).convert("L"))
    return grey


def gamma_of(info: dict[str, Any]) -> float | None:
    """The gamma a PNG file asks for, unless its colours are sRGB or a profile says what they are."""
    gamma = info.get("gamma")
    if not isinstance(gamma, float) or not 0.1 < gamma < 10 or "srgb" in info or "icc_profile" in info:
        return None
    return None if abs(gamma * 2.2 - 1) < 0.05 else gamma  # 1 / 2.2 stands for sRGB


def without_gamma(levels: np.ndarray, gamma: float) -> np.ndarray:
    """Bring levels 0..255, light to the power of gamma, to the curve of sRGB."""
    light = (levels / 255) ** (1 / gamma)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def through(profile: bytes, image: Image.Image) -> Image.Image:
    """Convert colours to sRGB by an ICC profile; one that is broken or for other modes is ignored, and so is sRGB itself."""
    mode = image.mode.removesuffix("A")
    with suppress(Exception):
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if SPACES.get(given.profile.xcolor_space.strip()) == mode:
            transform = to_srgb(given, mode)
            if mode == "CMYK" or not changes_nothing(transform, mode):
                colours = transform.apply(image if image.mode == mode else image.convert(mode))
                if image.mode != mode:
                    colours.putalpha(image.getchannel("A"))
                return colours
    return image


def to_srgb(profile: Any, mode: str) -> ImageCms.ImageCmsTransform:
    """The way from a colour space to sRGB. What is no RGB must not be shortened: in the shadows that is up to 17 of 255 off."""
    exact = ImageCms.Flags.NONE if mode == "RGB" else ImageCms.Flags.NOOPTIMIZE
    return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.PERCEPTUAL, exact)


def changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether colours stay what they are: by at most 2 of 255 the sRGB profiles of several makers differ."""
    steps = np.linspace(0, 255, 9 if mode == "RGB" else 256).round().astype(np.uint8)
    probe = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 27, 3) if mode == "RGB" else steps[None]
    image = Image.fromarray(probe)
    moved = np.asarray(transform.apply(image), int) - np.asarray(image.convert("RGB"), int)
    return bool(np.abs(moved).max() <= 2)


# --- from numbers to pixels ----------------------------------------------------------------------------------------------


def from_array(values: np.ndarray) -> Image.Image:
    """Make a picture of numbers; `load_image` says how they are understood."""
    if values.dtype.kind not in "buif":
        raise Unreadable(f"holds {values.dtype}; a picture is made of numbers")
    pixels = values
    while pixels.ndim > 3 and len(pixels) == 1:  # a batch of one
        pixels = pixels[0]
    if pixels.ndim == 3 and pixels.shape[2] > 4 >= pixels.shape[0]:
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] > 4 or 0 in pixels.shape:
        expected = "expected (H, W), (H, W, 3), (H, W, 4) or the channels first"
        raise Unreadable(f"has the shape {values.shape}; {expected}")
    colours = pixels.shape[2] - (pixels.shape[2] in (2, 4))
    parts = [as_bytes(part) for part in (pixels[:, :, :colours], pixels[:, :, colours:]) if part.size]
    whole = np.concatenate(parts, axis=2)
    return Image.fromarray(whole[:, :, 0] if whole.shape[2] == 1 else whole)


def as_bytes(values: np.ndarray, gamma: float | None = None) -> np.ndarray:
    """Bring numbers of any kind to 0..255."""
    if values.dtype == np.uint8:
        return values
    black, white = (level / 2 for level in black_and_white(values))  # halves, because of numbers as large as there are
    found = np.empty(values.shape, np.uint8)
    rows = max(1, 2**20 // values[0].size)
    for top in range(0, len(values), rows):  # some at a time, to save memory
        part = values[top : top + rows]
        levels = part.astype(np.result_type(part.dtype, np.float32)) / 2
        levels = ((levels - black) * (255 / (white - black))).clip(0, 255)
        found[top : top + rows] = np.nan_to_num(levels if gamma is None else without_gamma(levels, gamma)).round()
    return found


def black_and_white(values: np.ndarray) -> tuple[float, float]:
    """Find out what numbers mean black and white; the rule is in `load_image`."""
    if values.dtype.kind == "b" or (values.dtype.kind == "u" and values.dtype.itemsize == 2):
        return 0, 1 if values.dtype.kind == "b" else 65535
    finite = np.isfinite(values)
    if not finite.any():
        raise Unreadable("holds no finite number; a picture has some")
    low, high = float(values[finite].min()), float(values[finite].max())
    for white in FULL_SCALES:
        bright = white == 1 or high >= white / 4 or (white == 255 and values.dtype.kind != "f")
        if bright and -white / 10 <= low and high <= white * 1.1:
            return 0, white
    return min(low, 0), max(high, 0)
