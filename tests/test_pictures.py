"""Whatever picture a class of thirty brings: it loads to the right pixels, or one sentence says what is wrong and what to do.

Each row of `FILES`, `IMAGES` and `ARRAYS` says what a person sees on it, computed here without the program; each row of
`STRANGE_FILES`, `NO_FILES` and `NO_PICTURES` has words of the sentence. Files go through the command line and the studio too.
"""

import contextlib
import io
import os
import re
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import profiles
import pytest
import torch
from helpers import run_python
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

import styletools as st
from styletools.__main__ import main
from styletools.images import as_image

EXACT, BY_EYE, BY_PROFILE = 0, 24, 3  # the largest difference, of 255; what JPEG does to a photo is seen in its mean
RNG = np.random.default_rng(12)
Y, X = np.mgrid[0:40, 0:48]
PHOTO = np.stack([5 * X + 8, 6 * Y + 4, 255 - 3 * (X + Y) + 10 * (X > 24)], axis=-1).clip(0, 255).astype(np.uint8)
NOISE = RNG.integers(0, 256, (40, 48, 3), dtype=np.uint8)
RAMP = (np.arange(40 * 48) * 65535 // (40 * 48 - 1)).reshape(40, 48)  # 0 .. 65535
ALPHA = (X * 5).clip(0, 255).astype(np.uint8)
MASK = (X + Y) % 3 == 0


# --- what a person sees, computed without the program ------------------------------------------------------------------


def grey(levels):
    return np.repeat(np.asarray(levels, float)[:, :, None], 3, axis=2)


def on_white(colours, alpha):
    part = np.asarray(alpha, float)[:, :, None] / 255
    return colours * part + 255 * (1 - part)


def hsv(values):
    """The textbook's formula; PIL stores the circle of hues in a byte."""
    h, s, v = (values[..., i] / 255 for i in range(3))
    k = (np.array([5, 3, 1]) + 6 * h[..., None]) % 6
    return 255 * (v[..., None] - v[..., None] * s[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))


def ycbcr(values):
    y, cb, cr = values[..., 0].astype(float), values[..., 1] - 128.0, values[..., 2] - 128.0
    return np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1).clip(0, 255)


def lab(values):
    """PIL stores L as 0..255 and a, b as signed bytes."""
    light, a, b = (
        values[..., 0] / 2.55,
        values[..., 1].astype(np.int8).astype(float),
        values[..., 2].astype(np.int8).astype(float),
    )
    f = np.stack([(light + 16) / 116 + a / 500, (light + 16) / 116, (light + 16) / 116 - b / 200], axis=-1)
    ratios = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return 255 * profiles.from_light((ratios * profiles.D50) @ np.linalg.inv(profiles.to_xyz("sRGB")).T)


def plain_inks(inks):
    """Without a profile, each ink takes its part of the light."""
    return (255 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255


def with_gamma(levels, gamma):
    return 255 * profiles.from_light((np.asarray(levels, float)) ** (1 / gamma))


# --- files ---------------------------------------------------------------------------------------------------------------


def encoded(image, file_format="PNG", **options):
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, file_format, **options)
    return buffer.getvalue()


def jpeg(image, **options):
    return encoded(image, "JPEG", **{"quality": 97, "subsampling": 0, **options})


def with_chunk(png, kind, data):
    """Put a chunk behind the header of a PNG file."""
    return png[:33] + struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) + png[33:]


def bare(mode, values, palette=None):
    """A PIL image of a mode with these raw numbers."""
    image = Image.frombytes(mode, (values.shape[1], values.shape[0]), np.ascontiguousarray(values).tobytes())
    if palette is not None:
        image.putpalette(palette.tobytes(), "RGBA" if palette.shape[1] == 4 else "RGB")
    return image


PALETTE = RNG.integers(0, 256, (256, 3), dtype=np.uint8)
INDICES = RNG.integers(0, 256, (40, 48), dtype=np.uint8)
CLEAR = RNG.integers(0, 256, 256, dtype=np.uint8)  # how opaque each colour of the palette is
INKS = RNG.integers(0, 128, (40, 48, 4), dtype=np.uint8)
SMOOTH_INKS = np.stack([X, Y, X + Y, Y // 2], axis=-1).astype(np.uint8)
IN_GAMUT = np.stack([80 + 2 * X, X - 24, 20 - Y], axis=-1).astype(np.int16).astype(np.uint8)  # L, a, b
FEW = bare("P", INDICES % 16, PALETTE[:16])
HUES = RNG.integers(0, 256, (40, 48, 3), dtype=np.uint8)
PLAIN_YCC = np.stack([100 + X, 100 + Y, 150 - Y], axis=-1).astype(np.uint8)

TURNS = {  # EXIF orientation -> how a camera that was held like this stores what is seen
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.transpose(1, 0, 2),
    6: lambda seen: np.rot90(seen),
    7: lambda seen: np.rot90(seen, 2).transpose(1, 0, 2),
    8: lambda seen: np.rot90(seen, -1),
}


def turned(orientation, file_format, by="exif"):
    """PHOTO as a camera stores it."""
    stored = np.ascontiguousarray(TURNS[orientation](PHOTO))
    note = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="{orientation}"/></x:xmpmeta>'
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = (
        {"lossless": True} if file_format == "WEBP" else {"quality": 97, "subsampling": 0} if file_format == "JPEG" else {}
    )
    if by == "exif":
        return encoded(stored, file_format, exif=exif, **options)
    if file_format == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", note)
        return encoded(stored, "PNG", pnginfo=info)
    return encoded(stored, file_format, xmp=note.encode(), **options)


def animated(file_format, first=PHOTO, **options):
    """Three pictures in one file."""
    more = [Image.new("RGB", (48, 40), colour) for colour in ("red", "green")]
    return encoded(first, file_format, save_all=True, append_images=more, **options)


def gif_with_a_small_first_frame():
    """A canvas of 48 x 40 of which the first frame paints a part; what is not painted is clear."""
    patch = Image.new("P", (10, 10), 1)
    patch.putpixel((0, 0), 0)
    patch.putpalette([0, 0, 255, 255, 0, 0])
    data = bytearray(encoded(patch, "GIF", transparency=0))
    data[6:10] = struct.pack("<HH", 48, 40)
    place = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[place + 1 : place + 5] = struct.pack("<HH", 5, 6)
    return bytes(data)


def cut(data, kept=0.5):
    return data[: int(kept * len(data))]


def deep_rgb_png():
    """RGB with 16 bits, which Pillow does not write."""
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in NOISE)
    return png_of(struct.pack(">IIBBBBB", 48, 40, 16, 2, 0, 0, 0), zlib.compress(rows))


def png_of(header, pixels):
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def svg():
    return b'<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'


FLOATS = np.linspace(0, 1, 40 * 48, dtype=np.float32).reshape(40, 48)
AS_BYTES = np.linspace(0, 255, 40 * 48).reshape(40, 48)

# name: (bytes of a file, what is seen, the largest difference)
FILES = {
    "1.png": (encoded(bare("L", MASK * np.uint8(255)).convert("1")), grey(MASK * 255), EXACT),
    "1 with a clear colour.png": (
        encoded(bare("L", MASK * np.uint8(255)).convert("1"), transparency=0),
        grey(255 + 0 * X),
        EXACT,
    ),
    "L.png": (encoded(ALPHA), grey(ALPHA), EXACT),
    "L with a clear level.png": (encoded(ALPHA, transparency=5), grey(np.where(ALPHA == 5, 255, ALPHA)), EXACT),
    "LA.png": (encoded(bare("LA", np.stack([PHOTO[..., 0], ALPHA], -1))), on_white(grey(PHOTO[..., 0]), ALPHA), 1),
    "P.png": (encoded(bare("P", INDICES, PALETTE)), PALETTE[INDICES], EXACT),
    "P with a clear colour.png": (
        encoded(bare("P", INDICES, PALETTE), transparency=7),
        np.where(INDICES[..., None] == 7, 255, PALETTE[INDICES]),
        EXACT,
    ),
    "P with veils.png": (
        encoded(bare("P", INDICES, PALETTE), transparency=CLEAR.tobytes()),
        on_white(PALETTE[INDICES], CLEAR[INDICES]),
        1,
    ),
    "RGB.png": (encoded(NOISE), NOISE, EXACT),
    "RGB with a clear colour.png": (
        encoded(NOISE, transparency=tuple(NOISE[3, 4].tolist())),
        np.where(np.equal(NOISE, NOISE[3, 4]).all(-1, keepdims=True), 255, NOISE),
        EXACT,
    ),
    "RGBA.png": (encoded(np.dstack([NOISE, ALPHA])), on_white(NOISE, ALPHA), 1),
    "16 bits.png": (encoded(RAMP.astype(np.uint16)), grey(RAMP / 257), 0.5),
    "16 bits with a clear level.png": (
        encoded(Image.fromarray(np.where(MASK, 300, RAMP).astype(np.uint16)), transparency=300),
        grey(np.where(MASK | (RAMP == 300), 255, RAMP / 257)),
        0.5,
    ),
    "16 bits in colour.png": (deep_rgb_png(), NOISE, EXACT),
    "interlaced by hand.webp": (encoded(NOISE, "WEBP", lossless=True), NOISE, EXACT),
    "veils.webp": (encoded(np.dstack([NOISE, ALPHA | 1]), "WEBP", lossless=True), on_white(NOISE, ALPHA | 1), 1),
    "photo.jpg": (jpeg(PHOTO), PHOTO, BY_EYE),
    "progressive.jpg": (jpeg(PHOTO, progressive=True), PHOTO, BY_EYE),
    "grey.jpg": (jpeg(ALPHA), grey(ALPHA), BY_EYE),
    "CMYK as Adobe stores it.jpg": (jpeg(bare("CMYK", SMOOTH_INKS)), plain_inks(SMOOTH_INKS), BY_EYE),
    "CMYK.tif": (encoded(bare("CMYK", INKS), "TIFF"), plain_inks(INKS), 2),
    "YCbCr.tif": (encoded(bare("YCbCr", PLAIN_YCC), "TIFF"), ycbcr(PLAIN_YCC), 2),
    "Lab.tif": (encoded(bare("LAB", IN_GAMUT), "TIFF"), lab(IN_GAMUT), BY_PROFILE),
    "16 bits.tif": (encoded(RAMP.astype(np.uint16), "TIFF"), grey(RAMP / 257), 0.5),
    "16 bits, big end first.tif": (encoded(bare("I;16B", RAMP.astype(">u2")), "TIFF"), grey(RAMP / 257), 0.5),
    "32 bits.tif": (encoded(RAMP.astype(np.int32), "TIFF"), grey(RAMP / 257), 0.5),
    "32 bits of bytes.tif": (encoded(ALPHA.astype(np.int32), "TIFF"), grey(ALPHA), EXACT),
    "12 bits in 32.tif": (encoded((RAMP // 16).astype(np.int32), "TIFF"), grey(AS_BYTES), 1),
    "compressed.tif": (encoded(NOISE, "TIFF", compression="tiff_lzw"), NOISE, EXACT),
    "first of three pages.tif": (animated("TIFF"), PHOTO, EXACT),
    **{
        f"floats {low} to {high}.tif": (encoded(FLOATS * (high - low) + np.float32(low), "TIFF"), grey(seen), 0.6)
        for low, high, seen in (
            (0, 1, AS_BYTES),
            (0, 0.1, AS_BYTES / 10),  # a dark one stays dark
            (-0.05, 1.05, (AS_BYTES * 1.1 - 255 * 0.05).clip(0, 255)),  # resampling went too far
            (0, 4, AS_BYTES),
            (0, 255, AS_BYTES),
            (0, 100, AS_BYTES / 2.55),
            (0, 1000, AS_BYTES),
            (0, 65535, AS_BYTES),
            (0, 1e30, AS_BYTES),
            (0, 1e-30, AS_BYTES * 0),
            (-1, 1, AS_BYTES),
            (2, 4, 127.5 + AS_BYTES / 2),
            (-4, -2, AS_BYTES / 2),
        )
    },
    "floats with holes.tif": (
        encoded(np.where(MASK, np.nan, np.where(X == 7, np.inf, FLOATS)).astype(np.float32), "TIFF"),
        grey(np.where(MASK, 0, np.where(X == 7, 255, AS_BYTES))),
        0.6,
    ),
    "zeros.tif": (encoded(FLOATS * 0, "TIFF"), grey(AS_BYTES * 0), EXACT),
    "a photo.bmp": (encoded(NOISE, "BMP"), NOISE, EXACT),
    "a photo.ppm": (encoded(NOISE, "PPM"), NOISE, EXACT),
    "written by hand.ppm": (b"P3 2 1 255\n255 0 0  0 0 255\n", np.array([[[255, 0, 0], [0, 0, 255]]]), EXACT),
    "animated.gif": (animated("GIF", FEW), PALETTE[INDICES % 16], EXACT),
    "small first frame.gif": (
        gif_with_a_small_first_frame(),
        np.where(((X >= 5) & (X < 15) & (Y >= 6) & (Y < 16) & (X + Y > 11))[..., None], [255, 0, 0], [255, 255, 255]),
        EXACT,
    ),
    "animated.webp": (animated("WEBP", lossless=True), PHOTO, EXACT),
    "animated.png": (animated("PNG"), PHOTO, EXACT),
    "animated, its cover apart.png": (animated("PNG", default_image=True), PHOTO, EXACT),
    "two lenses.mpo": (animated("MPO", quality=97, subsampling=0), PHOTO, BY_EYE),
    "wrong extension.jpg": (encoded(NOISE), NOISE, EXACT),
    "wrong extension too.txt": (jpeg(PHOTO), PHOTO, BY_EYE),
    "no extension": (encoded(NOISE), NOISE, EXACT),
    "mein süßes Bild, 日本語 & more.png": (encoded(NOISE), NOISE, EXACT),
    " spaces  around .png": (encoded(NOISE), NOISE, EXACT),
    "1 x 1.png": (encoded(NOISE[:1, :1]), NOISE[:1, :1], EXACT),
    "1 x 5000.png": (encoded(np.resize(NOISE, (5000, 1, 3))), np.resize(NOISE, (5000, 1, 3)), EXACT),
    "5000 x 1.png": (encoded(np.resize(NOISE, (1, 5000, 3))), np.resize(NOISE, (1, 5000, 3)), EXACT),
    **{f"orientation {n}.jpg": (turned(n, "JPEG"), PHOTO, BY_EYE) for n in TURNS},
    **{f"orientation {n}.png": (turned(n, "PNG"), PHOTO, EXACT) for n in TURNS},
    **{f"orientation {n}.webp": (turned(n, "WEBP"), PHOTO, EXACT) for n in TURNS},
    **{f"orientation {n}.tif": (turned(n, "TIFF"), PHOTO, EXACT) for n in TURNS},
    **{f"orientation {n} in XMP.jpg": (turned(n, "JPEG", "xmp"), PHOTO, BY_EYE) for n in (3, 6)},
    **{f"orientation {n} in XMP.png": (turned(n, "PNG", "xmp"), PHOTO, EXACT) for n in (3, 6)},
    **{f"orientation {n} in XMP.webp": (turned(n, "WEBP", "xmp"), PHOTO, EXACT) for n in (3, 6)},
    "orientation 9.png": (
        encoded(NOISE, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0"),
        NOISE,
        EXACT,
    ),
    **{
        f"{name} v{version}.png": (
            encoded(NOISE, icc_profile=profiles.screen(name, version)),
            profiles.as_srgb(NOISE.astype(float), name),
            BY_PROFILE if name != "sRGB" else EXACT,
        )
        for name in profiles.PRIMARIES
        for version in (2, 4)
    },
    "Adobe RGB.jpg": (
        jpeg(PHOTO, icc_profile=profiles.screen("Adobe RGB (1998)")),
        profiles.as_srgb(PHOTO.astype(float), "Adobe RGB (1998)"),
        BY_EYE,
    ),
    "Display P3.webp": (
        encoded(NOISE, "WEBP", lossless=True, icc_profile=profiles.screen("Display P3", 4)),
        profiles.as_srgb(NOISE.astype(float), "Display P3"),
        BY_PROFILE,
    ),
    "ProPhoto.tif": (
        encoded(NOISE, "TIFF", icc_profile=profiles.screen("ProPhoto")),
        profiles.as_srgb(NOISE.astype(float), "ProPhoto"),
        BY_PROFILE,
    ),
    "ProPhoto under a veil.png": (
        encoded(np.dstack([NOISE, ALPHA]), icc_profile=profiles.screen("ProPhoto")),
        on_white(profiles.as_srgb(NOISE.astype(float), "ProPhoto"), ALPHA),
        BY_PROFILE,
    ),
    "Display P3 with a palette.png": (
        encoded(bare("P", INDICES, PALETTE), icc_profile=profiles.screen("Display P3"), transparency=7),
        np.where(INDICES[..., None] == 7, 255, profiles.as_srgb(PALETTE[INDICES].astype(float), "Display P3")),
        BY_PROFILE,
    ),
    "Display P3, on its side.jpg": (
        jpeg(
            np.ascontiguousarray(np.rot90(PHOTO)),
            exif=Image.open(io.BytesIO(turned(6, "JPEG"))).getexif(),
            icc_profile=profiles.screen("Display P3"),
        ),
        profiles.as_srgb(PHOTO.astype(float), "Display P3"),
        BY_EYE,
    ),
    **{
        f"grey {exponent}.png": (
            encoded(ALPHA, icc_profile=profiles.grey(exponent)),
            grey(255 * profiles.from_light((ALPHA / 255) ** exponent)),
            BY_PROFILE,
        )
        for exponent in (1.0, 1.8, 2.2)
    },
    "grey 1.8 under a veil.png": (
        encoded(bare("LA", np.stack([PHOTO[..., 0], ALPHA], -1)), icc_profile=profiles.grey(1.8)),
        on_white(grey(255 * profiles.from_light((PHOTO[..., 0] / 255) ** 1.8)), ALPHA),
        BY_PROFILE,
    ),
    "CMYK with a profile.tif": (
        encoded(bare("CMYK", INKS // 2), "TIFF", icc_profile=profiles.printer()),
        profiles.printed(INKS // 2 / 255),
        BY_PROFILE,
    ),
    "CMYK with a profile.jpg": (
        jpeg(bare("CMYK", SMOOTH_INKS), icc_profile=profiles.printer()),
        profiles.printed(SMOOTH_INKS / 255),
        BY_EYE,
    ),
    "RGB with the profile of inks.png": (encoded(NOISE, icc_profile=profiles.printer()), NOISE, EXACT),
    "grey with the profile of a screen.png": (encoded(ALPHA, icc_profile=profiles.screen("ProPhoto")), grey(ALPHA), EXACT),
    "no profile at all.png": (encoded(NOISE, icc_profile=b"nothing of the kind"), NOISE, EXACT),
    "half a profile.png": (encoded(NOISE, icc_profile=cut(profiles.screen("ProPhoto"))), NOISE, EXACT),
    "a profile full of zeros.png": (encoded(NOISE, icc_profile=profiles.screen("ProPhoto")[:132] + bytes(400)), NOISE, EXACT),
    **{
        f"gamma {gamma}.png": (
            with_chunk(encoded(NOISE), b"gAMA", struct.pack(">I", round(gamma * 1e5))),
            with_gamma(NOISE / 255, gamma),
            1,
        )
        for gamma in (0.2, 0.55556, 1.0, 2.0)
    },
    "gamma 1 in 16 bits.png": (
        with_chunk(encoded(RAMP.astype(np.uint16)), b"gAMA", struct.pack(">I", 100000)),
        grey(with_gamma(RAMP / 65535, 1)),
        1,
    ),
    "gamma 1 under a veil.png": (
        with_chunk(encoded(np.dstack([NOISE, ALPHA])), b"gAMA", struct.pack(">I", 100000)),
        on_white(with_gamma(NOISE / 255, 1), ALPHA),
        1,
    ),
    "gamma of sRGB.png": (with_chunk(encoded(NOISE), b"gAMA", struct.pack(">I", 45455)), NOISE, EXACT),
    "gamma 0.png": (with_chunk(encoded(NOISE), b"gAMA", struct.pack(">I", 0)), NOISE, EXACT),
    "gamma beside sRGB.png": (
        with_chunk(with_chunk(encoded(NOISE), b"gAMA", struct.pack(">I", 100000)), b"sRGB", b"\0"),
        NOISE,
        EXACT,
    ),
    "gamma beside a profile.png": (
        with_chunk(encoded(NOISE, icc_profile=profiles.screen("Display P3")), b"gAMA", struct.pack(">I", 100000)),
        profiles.as_srgb(NOISE.astype(float), "Display P3"),
        BY_PROFILE,
    ),
}
if features.check("avif"):
    FILES["photo.avif"] = (encoded(PHOTO, "AVIF", quality=100, subsampling="4:4:4"), PHOTO, BY_EYE)
    FILES["orientation 6.avif"] = (turned(6, "AVIF"), PHOTO, 24)


def images():
    """PIL images of every mode, and what is seen."""
    hues, few = bare("HSV", HUES), bare("P", INDICES, PALETTE)
    clear = few.copy()
    clear.info["transparency"] = CLEAR.tobytes()
    veiled = np.dstack([NOISE, ALPHA])
    return {
        "1": (Image.fromarray(MASK), grey(MASK * 255), EXACT),
        "L": (bare("L", ALPHA), grey(ALPHA), EXACT),
        "LA": (bare("LA", np.stack([PHOTO[..., 0], ALPHA], -1)), on_white(grey(PHOTO[..., 0]), ALPHA), 1),
        "La": (bare("LA", np.stack([PHOTO[..., 0], ALPHA], -1)).convert("La"), on_white(grey(PHOTO[..., 0]), ALPHA), 2),
        "P": (few, PALETTE[INDICES], EXACT),
        "P with veils": (clear, on_white(PALETTE[INDICES], CLEAR[INDICES]), 1),
        "P of RGBA": (bare("P", INDICES, np.column_stack([PALETTE, CLEAR])), on_white(PALETTE[INDICES], CLEAR[INDICES]), 1),
        "PA": (bare("PA", np.dstack([INDICES, ALPHA]), PALETTE), on_white(PALETTE[INDICES], ALPHA), 1),
        "RGB": (bare("RGB", NOISE), NOISE, EXACT),
        "RGBX": (bare("RGBX", veiled), NOISE, EXACT),
        "RGBA": (bare("RGBA", veiled), on_white(NOISE, ALPHA), 1),
        "RGBa": (bare("RGBA", veiled).convert("RGBa"), on_white(NOISE, ALPHA), 2),
        "CMYK": (bare("CMYK", INKS), plain_inks(INKS), 2),
        "YCbCr": (bare("YCbCr", PLAIN_YCC), ycbcr(PLAIN_YCC), 2),
        "LAB": (bare("LAB", IN_GAMUT), lab(IN_GAMUT), BY_PROFILE),
        "HSV": (hues, hsv(HUES), 4),
        "I": (Image.fromarray(RAMP.astype(np.int32)), grey(RAMP / 257), 0.5),
        "I;16": (Image.fromarray(RAMP.astype(np.uint16)), grey(RAMP / 257), 0.5),
        "I;16L": (bare("I;16L", RAMP.astype("<u2")), grey(RAMP / 257), 0.5),
        "I;16B": (bare("I;16B", RAMP.astype(">u2")), grey(RAMP / 257), 0.5),
        "F": (Image.fromarray(FLOATS), grey(AS_BYTES), 0.6),
    }


def arrays():
    """Arrays of every kind of number and order of axes, and what is seen."""
    unit, veiled = NOISE / 255, np.dstack([NOISE, ALPHA])
    found = {
        "(H, W)": (ALPHA, grey(ALPHA), EXACT),
        "(H, W, 1)": (ALPHA[:, :, None], grey(ALPHA), EXACT),
        "(H, W, 2)": (np.dstack([PHOTO[..., 0], ALPHA]), on_white(grey(PHOTO[..., 0]), ALPHA), 1),
        "(H, W, 3)": (NOISE, NOISE, EXACT),
        "(H, W, 4)": (veiled, on_white(NOISE, ALPHA), 1),
        "(1, H, W)": (ALPHA[None], grey(ALPHA), EXACT),
        "(2, H, W)": (np.stack([PHOTO[..., 0], ALPHA]), on_white(grey(PHOTO[..., 0]), ALPHA), 1),
        "(3, H, W)": (NOISE.transpose(2, 0, 1), NOISE, EXACT),
        "(4, H, W)": (veiled.transpose(2, 0, 1), on_white(NOISE, ALPHA), 1),
        "(1, H, W, 3)": (NOISE[None], NOISE, EXACT),
        "(1, 3, H, W)": (NOISE.transpose(2, 0, 1)[None], NOISE, EXACT),
        "(1, 1, H, W)": (ALPHA[None, None], grey(ALPHA), EXACT),
        "(3, 4, 3), whose last axis is the channels": (NOISE[:3, :4], NOISE[:3, :4], EXACT),
        "backwards": (NOISE[::-1, ::-2], NOISE[::-1, ::-2], EXACT),
        "read only": (np.frombuffer(NOISE.tobytes(), np.uint8).reshape(NOISE.shape), NOISE, EXACT),
        "bool": (MASK, grey(MASK * 255), EXACT),
        "bool in colour": (NOISE > 99, (NOISE > 99) * 255, EXACT),
        "uint16": (RAMP.astype(np.uint16), grey(RAMP / 257), 0.5),
        "uint16, dark": ((RAMP // 100).astype(np.uint16), grey(RAMP // 100 / 257), 0.5),
        "uint16 in colour": (NOISE.astype(np.uint16) * 257, NOISE, EXACT),
        ">u2": (RAMP.astype(">u2"), grey(RAMP / 257), 0.5),
        "ints of 0 and 1": (MASK.astype(int), grey(MASK * 255), EXACT),
        "ints of 0 .. 20, a dark picture": (NOISE.astype(int) // 13, NOISE // 13, EXACT),
        "ints of 12 bits": (RAMP // 16, grey(AS_BYTES), 1),
        "0 .. 1 and alpha": (veiled / 255, on_white(NOISE, ALPHA), 1),
        "0 .. 4 and alpha 0 .. 1": (np.dstack([unit * 4, ALPHA / 255]), on_white(NOISE * (255 / NOISE.max()), ALPHA), 1.1),
        "-1 .. 1": (np.dstack([unit * 2 - 1]), NOISE, 0.6),
        "0 .. 255 with a tail": (NOISE + 0.25, NOISE, 0.6),
        "NaN": (np.where(MASK[..., None], np.nan, unit), np.where(MASK[..., None], 0, NOISE), 0.6),
        "all the same": (np.full((40, 48), 0.5), grey(np.full((40, 48), 127.5)), 0.6),
        "enormous": (np.where(MASK, 1e308, -1e308), grey(MASK * 255), EXACT),
    }
    for kind in (np.int8, np.int16, np.int32, np.int64, np.uint32, np.uint64):
        found[kind.__name__] = ((NOISE // 3).astype(kind), NOISE // 3, EXACT)
    for kind in (np.float16, np.float32, np.float64, np.longdouble):
        found[kind.__name__] = (unit.astype(kind), NOISE, 0.6)
    return found


IMAGES, ARRAYS = images(), arrays()
DATA = FILES["RGB.png"][0]


class Tray:
    """Something of another library that knows how to become an array."""

    def __array__(self, dtype=None, copy=None):
        return NOISE


class Stream(io.RawIOBase):
    """A download: it can be read once."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.data.readinto(buffer)


HANDED_IN = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "every second byte": lambda data: memoryview(np.repeat(np.frombuffer(data, np.uint8), 2))[::2],
    "BytesIO": io.BytesIO,
    "BytesIO at its end": lambda data: (lambda file: file.seek(0, 2) and file)(io.BytesIO(data)),
    "a stream": Stream,
}


def check_seen(loaded, seen, tolerance):
    assert type(loaded) is Image.Image
    assert loaded.mode == "RGB"
    assert loaded.size == np.shape(seen)[1::-1]
    difference = np.abs(np.asarray(loaded, float) - seen)
    assert difference.max() <= tolerance + 1e-3
    assert difference.mean() <= max(tolerance / 6, 0.5) or tolerance in (1, 2), "nor is it a little off everywhere"
    assert not {"icc_profile", "gamma", "transparency"} & set(loaded.info), "or it would be applied again"


@contextlib.contextmanager
def files_shut():
    """No file is left open, even while what was loaded is in use."""
    folder = Path("/proc/self/fd")
    before = len(os.listdir(folder)) if folder.is_dir() else 0
    yield
    assert not folder.is_dir() or len(os.listdir(folder)) == before


# --- what loads ----------------------------------------------------------------------------------------------------------


def test_there_are_many():
    assert len(FILES) + len(IMAGES) + len(ARRAYS) + len(HANDED_IN) + len(STRANGE_FILES) > 200


@pytest.mark.parametrize("name", FILES)
def test_a_file_loads_to_what_a_person_sees(tmp_path, name):
    data, seen, tolerance = FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    with files_shut():
        loaded = st.load_image(path)
        check_seen(loaded, seen, tolerance)
    again = [st.load_image(source) for source in (str(path), data, loaded)]
    assert all(one.tobytes() == loaded.tobytes() for one in again)
    with Image.open(path) as lazy:
        assert st.load_image(lazy).tobytes() == loaded.tobytes()
    assert path.read_bytes() == data


@pytest.fixture(scope="module")
def studio():
    one = st.Studio("eilean_donan", "great_wave", size=32, steps=4)
    yield one
    one.pause()
    assert one.wait(60)
    one.close()


def upload(studio, data):
    """Drop a file on the page, and return the sentence it shows."""
    studio.hands.hear({"do": "upload", "role": "content", "name": "x.png"}, [memoryview(data)])
    return studio.panel.notice.get("text", "")


@pytest.mark.parametrize("name", FILES)
def test_the_studio_takes_it(studio, name):
    data, seen, tolerance = FILES[name]
    said = upload(studio, data)
    if said:  # the picture is good, but nothing can be painted of it at this size
        assert min(np.shape(seen)[:2]) == 1 and said.endswith(".")
    else:
        check_seen(studio.loop.job.content, seen, tolerance)


@pytest.mark.parametrize("name", FILES)
def test_the_command_line_paints_it(tmp_path, monkeypatch, capsys, asked, name):
    data, seen, _ = FILES[name]
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    status = main([name, "great_wave", "--size=32", "--steps=1", "-o", "out.png"])
    said = capsys.readouterr().err
    if status:
        assert status == 2 and min(np.shape(seen)[:2]) == 1 and said.count("\n") == 1, said
    else:
        assert max(st.load_image("out.png").size) == 32


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_of_any_mode(name):
    image, seen, tolerance = IMAGES[name]
    before = (image.mode, image.size, image.tobytes(), dict(image.info), image.getpalette())
    check_seen(st.load_image(image), seen, tolerance)
    assert (image.mode, image.size, image.tobytes(), dict(image.info), image.getpalette()) == before
    image.load()


def test_an_image_keeps_its_name():
    image = Image.new("RGBA", (3, 3))
    image.info["name"] = "cat.jpg"
    assert st.load_image(image).info == {"name": "cat.jpg"}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_any_kind(name):
    array, seen, tolerance = ARRAYS[name]
    before = array.copy()
    check_seen(st.load_image(array), seen, tolerance)
    assert np.array_equal(array, before, equal_nan=array.dtype.kind == "f")
    assert st.preprocess(array, 8).shape[:2] == (1, 3)


@pytest.mark.parametrize("name", HANDED_IN)
def test_a_file_in_any_wrapping(name):
    source = HANDED_IN[name](DATA)
    place = source.tell() if isinstance(source, io.BytesIO) else None
    assert np.array_equal(st.load_image(source), NOISE)
    if isinstance(source, io.BytesIO):
        assert (source.closed, source.tell(), source.getvalue()) == (False, place, DATA)


def test_an_open_file_stays_open_and_where_it_was(tmp_path):
    (tmp_path / "a.png").write_bytes(DATA)
    with open(tmp_path / "a.png", "rb") as file, open(tmp_path / "a.png", "rb", buffering=0) as raw:
        for one in (file, raw):
            one.seek(5)
            assert np.array_equal(st.load_image(one), NOISE)
            assert (one.closed, one.tell()) == (False, 5)


def test_what_knows_how_to_become_an_array():
    assert np.array_equal(st.load_image(Tray()), NOISE)


def test_paths_of_other_libraries_and_from_home(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(DATA)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with os.scandir(tmp_path) as entries:
        entry = next(entries)
    for source in (entry, "~/a.png", Path("~/a.png")):
        assert np.array_equal(st.load_image(source), NOISE)
    st.save_image(Image.fromarray(NOISE), "~/b.png")
    assert np.array_equal(st.load_image(tmp_path / "b.png"), NOISE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    Image.new("RGB", (1, 1)).save("~/a.png")
    assert st.load_image("~/a.png").size == (1, 1), "what is called so is meant"


def test_a_tensor_is_a_normalised_picture():
    tensor = st.preprocess(Image.fromarray(NOISE))
    for load in (st.load_image, as_image):
        assert np.array_equal(load(tensor), NOISE)
        assert np.array_equal(load(tensor.double().requires_grad_()), NOISE)


@pytest.mark.parametrize(
    "tensor",
    [
        *map(torch.zeros, [(3, 8, 8), (8, 8), (2, 3, 8, 8), (1, 8, 8, 3), (1, 3, 0, 8), ()]),
        torch.zeros(1, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(1, 3, 8, 8, dtype=torch.int64),
    ],
    ids=lambda tensor: f"{tensor.dtype} {tuple(tensor.shape)}",
)
def test_other_tensors_are_refused_and_the_way_out_is_named(tensor):
    for load in (st.load_image, as_image):
        with pytest.raises(st.ImageError, match=r"^expected one picture as a tensor \(1, 3, H, W\).*tensor\.numpy\(\)\.$"):
            load(tensor)


def test_the_current_frame_of_an_open_animation_is_meant():
    with Image.open(io.BytesIO(animated("PNG"))) as image:
        image.seek(2)
        assert st.load_image(image).getpixel((3, 3)) == (0, 128, 0)
        assert image.tell() == 2


def test_samples_and_plain_pictures_are_byte_for_byte_what_pillow_reads():
    for name in st.sample_names():
        with Image.open(st.images.samples_folder() / f"{name}.jpg") as image:
            assert st.sample(name).tobytes() == image.convert("RGB").tobytes()


def test_many_threads_load_at_once_and_warnings_are_as_before():
    filters, broken = list(warnings.filters), []

    def load():
        try:
            for name in ("P with veils.png", "ProPhoto v2.png", "RGB.png", "animated.webp"):
                check_seen(st.load_image(FILES[name][0]), *FILES[name][1:])
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert warnings.filters == filters


# --- HEIC ----------------------------------------------------------------------------------------------------------------


def test_heic_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(99))
    with pytest.raises(st.ImageError, match=r"IMG_1\.HEIC is a HEIC photo; export it as JPEG, .*: pip install pillow-heif\.$"):
        st.load_image(tmp_path / "IMG_1.HEIC")


def test_heic_with_its_package(studio):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    data = encoded(PHOTO, "HEIF", quality=100, chroma=444)
    check_seen(st.load_image(data), PHOTO, BY_EYE)
    assert upload(studio, data) == ""
    with pytest.raises(st.ImageError, match=r"^the uploaded file is cut off or damaged; copy or download it again"):
        st.load_image(cut(data))


# --- large pictures ------------------------------------------------------------------------------------------------------

WIDE = """
import resource, sys
import numpy as np
import styletools as st

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
picture = st.load_image(sys.argv[1])
used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # MB
row = np.asarray(picture.crop((0, 2500, picture.width, 2501)))[0, :, 0].astype(float)
print(picture.width, picture.height, round(used), round(np.abs(row - np.linspace(0, 255, picture.width)).max()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "mode"), [(20000, 10000, "L"), (11000, 9000, "RGB")])
def test_a_jpeg_of_many_megapixels_comes_at_half_its_size(tmp_path, width, height, mode):
    """Without a warning, and without ever being whole in memory."""
    row = np.linspace(0, 255, width).astype(np.uint8)[None]
    Image.fromarray(row).resize((width, height), Image.Resampling.NEAREST).convert(mode).save(tmp_path / "wide.jpg")
    result = run_python("-c", WIDE, tmp_path / "wide.jpg")
    assert (result.returncode, result.stderr) == (0, "")
    wide, high, used, difference = map(int, result.stdout.split())
    assert (wide, high) == (width // 2, height // 2)
    assert used < 700
    assert difference < 6


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_so_do_other_formats_up_to_their_limit(tmp_path, mode):
    value = {"L": 77, "RGB": (77, 77, 77), "I;16": 77 * 257}[mode]
    Image.new(mode, (11000, 9000), value).save(tmp_path / "wide.png", compress_level=1)
    result = run_python("-c", WIDE.replace("np.linspace(0, 255, picture.width)", "77"), tmp_path / "wide.png")
    assert (result.returncode, result.stderr) == (0, "")
    wide, high, used, difference = map(int, result.stdout.split())
    assert (wide, high, difference) == (5500, 4500, 0)
    assert used < 1200


def with_size(data, width, height):
    """A JPEG that says it is larger."""
    place = re.search(rb"\xff[\xc0\xc2]\0\x11\x08", data).end()
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


# --- what is refused -----------------------------------------------------------------------------------------------------

AGAIN, NOT = "is cut off or damaged; copy or download it again", "is not a picture that can be read (JPEG, PNG, WebP, ...)"
LIMIT = "has more than 179 megapixels (268 in a JPEG), the most that can be read; make it smaller"
BIG = np.resize(NOISE, (200, 200, 3))
STRANGE_FILES = {
    "empty.jpg": (b"", f"{NOT}: the file is empty; copy or download it again"),
    "spaces.jpg": (b"  \n ", f"{NOT}: it holds text; choose the picture itself"),
    "poem.jpg": ("Über allen Gipfeln\nist Ruh".encode(), f"{NOT}: it holds text"),
    "page.jpg": (b"\n<!DOCTYPE html>\n<html><body>404</body></html>", f"{NOT}: it is a web page; open it in a browser"),
    "page of XML.png": (b'\xef\xbb\xbf<?xml version="1.0"?><html xmlns="x"/>', f"{NOT}: it is a web page"),
    "drawing.svg": (svg(), f"{NOT}: it is an SVG drawing; export it as PNG"),
    "drawing.png": (b"<svg></svg>", f"{NOT}: it is an SVG drawing; export it as PNG"),
    "paper.pdf": (b"%PDF-1.7\n%\xe2\xe3", f"{NOT}: it is a PDF document; export its page as PNG"),
    "logo.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", f"{NOT}: it is a PostScript drawing; export it as PNG"),
    "film.mp4": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2" + bytes(99), f"{NOT}: it is a film; save one picture of it as PNG"),
    "zeros.png": (bytes(1000), f"{NOT}; save it as PNG in another program"),
    "noise.png": (RNG.bytes(5000), f"{NOT}; save it as PNG in another program"),
    "archive.png": (b"PK\3\4" + bytes(99), f"{NOT}; save it as PNG in another program"),
    **{
        f"cut at {kept}{form}": (cut(data, kept), AGAIN)
        for kept in (0.1, 0.5, 0.95)
        for form, data in {
            ".jpg": jpeg(BIG),
            " progressive.jpg": jpeg(BIG, progressive=True, quality=70),
            ".png": encoded(BIG),
            ".webp": encoded(BIG, "WEBP"),
            ".gif": encoded(BIG, "GIF"),
            ".tif": encoded(BIG, "TIFF"),
            " compressed.tif": encoded(BIG, "TIFF", compression="tiff_lzw"),
            ".bmp": encoded(BIG, "BMP"),
        }.items()
    },
    "signature only.png": (b"\x89PNG\r\n\x1a\n", AGAIN),
    "signature only.gif": (b"GIF89a", AGAIN),
    "signature only.jpg": (b"\xff\xd8\xff\xe0", AGAIN),
    "pixels changed.png": (encoded(BIG)[:9000] + b"\0\0\0\0" + encoded(BIG)[9004:], AGAIN),
    "floats in colour.tif": (None, "save it as PNG in another program"),
    "200 megapixels.png": (png_of(struct.pack(">IIBBBBB", 20000, 10000, 8, 2, 0, 0, 0), b""), LIMIT),
    "4 gigapixels.gif": (b"GIF89a\xff\xff\xff\xff" + encoded(BIG, "GIF")[10:], LIMIT),
    "4 gigapixels.jpg": (with_size(jpeg(BIG), 65000, 65000), LIMIT),
    "no pixels.png": (png_of(struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0), b""), "save it as PNG in another program"),
    "nothing but NaN.tif": (encoded(FLOATS * np.nan, "TIFF"), "holds no finite number"),
}


def floats_in_colour():
    """A TIFF of three floats per pixel, which Pillow does not know."""
    tags = ImageFileDirectory_v2()
    tags[256], tags[257], tags[258], tags[259], tags[262], tags[277], tags[339] = 2, 2, (32, 32, 32), 1, 2, 3, (3, 3, 3)
    tags[273], tags[279], tags[278] = 400, 48, 2
    file = io.BytesIO()
    tags.save(file)
    return b"II*\0\x08\0\0\0" + file.getvalue().ljust(392, b"\0") + np.ones(12, np.float32).tobytes()


STRANGE_FILES["floats in colour.tif"] = (floats_in_colour(), STRANGE_FILES["floats in colour.tif"][1])


@pytest.mark.parametrize("name", STRANGE_FILES)
def test_a_strange_file_is_refused_in_one_sentence(tmp_path, name):
    data, words = STRANGE_FILES[name]
    (tmp_path / name).write_bytes(data)
    for source, subject in (
        (tmp_path / name, str(tmp_path / name)),
        (data, "the uploaded file"),
        (io.BytesIO(data), "the uploaded file"),
    ):
        with files_shut(), pytest.raises(st.ImageError) as told:
            st.load_image(source)
        sentence = str(told.value)
        assert sentence.startswith(f"{subject} ") and words in sentence, sentence
        assert sentence.endswith(".") and sentence.count("\n") == 0


@pytest.mark.parametrize("name", STRANGE_FILES)
def test_the_command_line_and_the_studio_refuse_it_too(tmp_path, monkeypatch, capfd, studio, name):
    data, words = STRANGE_FILES[name]
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    for arguments in ([name, "great_wave"], ["great_wave", name]):
        assert main([*arguments, "--size=32", "--steps=1"]) == 2
        said = capfd.readouterr().err
        assert said.startswith(f"styletools: {name} ") and words in said and said.count("\n") == 1, said
    before = studio.loop.job
    assert upload(studio, data).startswith("x.png ")
    assert studio.panel.notice["tone"] == "problem"
    assert studio.loop.job is before
    assert os.listdir() == [name]


NO_FILES = {
    "missing.jpg": r"^there is no file missing\.jpg\.$",
    "missing": r"^there is no file missing, and no sample of that name; samples are .*great_wave.*\.$",
    "photo.png/inside.png": r"^there is no file photo\.png/inside\.png\.$",
    "a" * 5000 + ".png": r"^there is no file a{150}…",
    "zero\0byte.png": r"^there is no file zero\0byte\.png\.$",
    "two\nlines.png": r"^there is no file two lines\.png\.$",
    "~nobody_of_that_name/a.png": r"^there is no file ~nobody_of_that_name/a\.png\.$",
    "folder": r"^folder is a folder; a picture file was expected\.$",
    "folder.png": r"^folder\.png is a folder; a picture file was expected\.$",
    ".": r"^\. is a folder",
    "/dev/null": r"^/dev/null is no ordinary file; copy the picture into one\.$",
    "/dev/zero": r"^/dev/zero is no ordinary file",
    "pipe.png": r"^pipe\.png is no ordinary file",
}


@pytest.mark.parametrize("name", NO_FILES)
def test_where_there_is_no_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(DATA)
    Path("folder").mkdir(), Path("folder.png").mkdir()
    if name in ("pipe.png", "/dev/null", "/dev/zero"):
        if not hasattr(os, "mkfifo"):
            pytest.skip("only Unix has these")
        os.mkfifo("pipe.png")
    for source in (name, Path(name)):
        with pytest.raises(st.ImageError, match=NO_FILES[name]):
            st.load_image(source)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(DATA)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(
        st.ImageError, match=r"a\.png cannot be opened \(Permission denied\); check its permissions, or copy it\.$"
    ):
        st.load_image(tmp_path / "a.png")


def closed(source):
    source.close()
    return source


NO_PICTURES = {
    "None": (lambda _: None, r"^the NoneType is no picture; expected a file, its bytes, an array or a PIL image\.$"),
    "a number": (lambda _: 7, r"^the int is no picture"),
    "a list": (lambda _: [[1, 2], [3, 4]], r"^the list is no picture"),
    "no bytes": (lambda _: b"", r"^the uploaded file is not a picture .*: the file is empty"),
    "no name": (lambda _: "", r"^there is no file|is a folder"),
    "text": (lambda _: io.StringIO("text"), r"^the uploaded file was opened as text; open it with mode 'rb'\.$"),
    "a text file": (lambda path: io.TextIOWrapper(io.FileIO(path)), r"a\.png was opened as text"),
    "a file to write": (lambda path: io.FileIO(f"{path}.new", "w"), r"a\.png\.new cannot be read; open it with mode 'rb'\.$"),
    "a closed file": (lambda path: closed(io.FileIO(path)), r"a\.png was closed before it was read; hand in its name"),
    "a closed image": (lambda path: closed(Image.open(path)), r"a\.png was closed before it was read"),
    "an image of a closed file": (lambda path: closed_under(path), r"the picture was closed before it was read"),
    "an image without pixels": (lambda _: Image.new("RGB", (0, 5)), r"^the picture has no pixels; choose another picture\.$"),
    "half a file, opened lazily": (lambda _: Image.open(io.BytesIO(cut(jpeg(BIG)))), rf"^the picture {AGAIN}\.$"),
    "no axes": (lambda _: np.float32(3), r"^the array has the shape \(\); expected \(H, W\), \(H, W, 3\)"),
    "one axis": (lambda _: np.zeros(9), r"^the array has the shape \(9,\)"),
    "five channels": (lambda _: np.zeros((9, 9, 5)), r"^the array has the shape \(9, 9, 5\)"),
    "two pictures": (lambda _: np.zeros((2, 9, 9, 3)), r"^the array has the shape \(2, 9, 9, 3\)"),
    "an array without pixels": (lambda _: np.zeros((0, 9, 3)), r"^the array has the shape \(0, 9, 3\)"),
    "no channels": (lambda _: np.zeros((9, 9, 0)), r"^the array has the shape \(9, 9, 0\)"),
    "complex numbers": (lambda _: np.zeros((9, 9), complex), r"^the array holds complex128; a picture is made of numbers"),
    "objects": (lambda _: np.array([[None, None]]), r"^the array holds object"),
    "words": (lambda _: np.array([["a", "b"]]), r"^the array holds <U1"),
    "NaN": (lambda _: np.full((9, 9), np.nan), r"^the array holds no finite number"),
}


def closed_under(path):
    with open(path, "rb") as file:
        return Image.open(file)


@pytest.mark.parametrize("name", NO_PICTURES)
def test_an_object_that_is_no_picture(tmp_path, name):
    (tmp_path / "a.png").write_bytes(DATA)
    make, words = NO_PICTURES[name]
    source = make(tmp_path / "a.png")
    with pytest.raises(st.ImageError, match=words) as told:
        st.load_image(source)
    assert str(told.value).endswith(".")
    if hasattr(source, "close"):
        source.close()


def test_too_little_memory(monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", refuse)
    with pytest.raises(st.ImageError, match=r"^the picture does not fit into memory; make it smaller\.$"):
        st.load_image(Image.new("RGB", (9, 9)))
