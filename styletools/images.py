"""Pictures in and out: a PIL image at the border, a normalised float32 tensor (1, 3, H, W) inside.

ImageNet's mean and standard deviation, channel by channel, are what torchvision's VGG was trained with:

    x = (picture / 255 - mean) / std
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from .errors import ImageError
from .files import CLOSED, Unreadable, opened, replacing
from .srgb import as_srgb, from_array

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

Source = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | np.ndarray | Image.Image
SAMPLES = Path(__file__).parent / "img"  # in an installed package; in the project, img/ lies beside the package

NO_PICTURE = "is not a picture that can be read (JPEG, PNG, WebP, ...)"
DAMAGED = "is cut off or damaged; copy or download it again"
HEIC_UNKNOWN = "is a HEIC photo; export it as JPEG, or install what reads it: pip install pillow-heif"
STRANGERS = {  # how files begin that hold no pixels -> what they are and what to do
    rb"\Z": "the file is empty; copy or download it again",
    rb"%PDF": "it is a PDF document; export its page as PNG",
    rb"%!PS|\xc5\xd0\xd3\xc6": "it is a PostScript drawing; export it as PNG",
    rb"[\xef\xbb\xbf\s]*<(.*<)?!?(doctype )?html": "it is a web page; open it in a browser and save its picture",
    rb"[\xef\xbb\xbf\s]*<(.*<)?!?(doctype )?svg": "it is an SVG drawing; export it as PNG",
    rb"....ftyp(?!avi[fs]|he[iv]|mif1|msf1)": "it is a film; save one picture of it as PNG",
}
HEIC = rb"....ftyp(?:he[iv]|m[is]f1)(?!.{4,40}avi[fs])"
PICTURE = rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|II[*+]\0|MM\0[*+]|BM....\0\0\0\0|....ftyp|8BPS|....jP  "
QUIET = threading.Lock()  # warnings are silenced for all threads at once, so by one at a time
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else what it says of damaged files is printed


def load_image(source: Source | Tensor) -> Image.Image:
    """Read a picture of any kind as PIL RGB, the way a person sees it.

    source: the name of a sample ("great_wave"; see `sample_names`), a path, the bytes of a file, a file opened for reading, an
    array or a PIL image; none is changed or closed. A tensor stands for a normalised picture, as `preprocess` makes it.

    Phone photos are turned upright (EXIF), colours become sRGB (ICC profiles, PNG gamma), transparent parts are laid on white,
    and of an animation the first frame is taken. What has more than 89 megapixels comes at half its size.

    Arrays are (H, W), (H, W, channels) or (channels, H, W): grey, grey and alpha, RGB or RGBA. Bytes are 0..255, 16-bit numbers
    0..65535. Other numbers, and those in floating-point TIFFs, are 0..1, 0..255 or 0..65535, whichever holds them with a tenth
    to spare; but if none does, or in the two latter none reaches a quarter of white, the highest becomes white and the
    lowest, when negative, black. Whole numbers up to 255 are never stretched. NaN is black.

    Raises ImageError when there is no such sample or file, or it holds no picture.
    """
    if isinstance(source, str) and source in sample_names():
        return sample(source)
    try:
        with _quietly():
            return as_srgb(_read(source))
    except ImageError:
        raise
    except FileNotFoundError as error:
        name = _name(source)
        samples = "" if Path(name).suffix else f", and no sample of that name; samples are {', '.join(sample_names())}"
        raise ImageError(f"there is no file {name}{samples}.") from error
    except Unreadable as error:
        wrong, cause = str(error), error.__cause__
    except Image.DecompressionBombError as error:
        limits = [f"{factor * Image.MAX_IMAGE_PIXELS / 1e6:.3g}" for factor in (2, 3)]
        wrong = f"has more than {limits[0]} megapixels ({limits[1]} in a JPEG), the most that can be read; make it smaller"
        cause = error
    except MemoryError as error:
        wrong, cause = "does not fit into memory; make it smaller", error
    except Exception as error:  # its notes contradict its pixels
        wrong, cause = DAMAGED, error
    raise ImageError(f"{_name(source)} {wrong}.") from cause


@contextmanager
def _quietly() -> Iterator[None]:
    """Show no warnings: what PIL says of damaged notes in a file is nothing its owner could mend."""
    with QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _name(source: Source | Tensor) -> str:
    """What a picture is called in a sentence."""
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "filename", "") or getattr(source, "name", "")
    text = " ".join(str(name).split()) if isinstance(name, str | os.PathLike) else ""
    if isinstance(source, Image.Image):
        kind = "picture"
    elif hasattr(source, "__array__"):
        kind = "array"
    else:
        uploaded = isinstance(source, bytes | bytearray | memoryview) or hasattr(source, "read")
        kind = "uploaded file" if uploaded else type(source).__name__
    return f"{text[:150]}…" if len(text) > 150 else text or f"the {kind}"


# --- from what is handed in to pixels ------------------------------------------------------------------------------------


def _read(source: Source | Tensor) -> Image.Image:
    """Take a picture out of whatever holds it, upright."""
    if isinstance(source, Tensor):
        if source.ndim != 4 or source.shape[:2] != (1, 3) or 0 in source.shape or not source.is_floating_point():
            shape, expected = tuple(source.shape), "expected one picture as a tensor (1, 3, H, W), normalised by preprocess"
            raise ImageError(f"{expected}, got {source.dtype} {shape}; hand in others as arrays: tensor.numpy().")
        return postprocess(source)
    if isinstance(source, Image.Image):
        return _upright(source)
    if hasattr(source, "__array__"):
        return from_array(np.asarray(source))
    with opened(source) as file:
        return _upright(_identify(file), in_place=True)


def _identify(file: BinaryIO) -> Image.Image:
    """Find out what kind of picture a file holds, and how large it is."""
    head = file.read(1024)
    for start, what in STRANGERS.items():
        if re.match(start, head, re.DOTALL | re.IGNORECASE):
            raise Unreadable(f"{NO_PICTURE}: {what}")
    heic = re.match(HEIC, head, re.DOTALL)
    if heic:
        try:
            importlib.import_module("pillow_heif").register_heif_opener()
        except ImportError as error:
            raise Unreadable(HEIC_UNKNOWN) from error
    limit = Image.MAX_IMAGE_PIXELS or math.inf
    try:
        image = Image.open(file)
    except Image.DecompressionBombError:
        if not head.startswith(b"\xff\xd8\xff"):
            raise
        file.seek(0)
        image = Image.OPEN["JPEG"][0](file, "")  # past Pillow's limit, because it need not be read whole
        if image.width * image.height > 3 * limit:
            raise
    except MemoryError:
        raise
    except Exception as error:  # PIL raises OSError, SyntaxError, ValueError, RuntimeError, struct.error and others
        if re.match(PICTURE, head, re.DOTALL):
            raise Unreadable(f"{DAMAGED}, or save it as PNG in another program") from error
        if re.search(rb"[\x00-\x08\x0e-\x1f]", head):
            raise Unreadable(f"{NO_PICTURE}; save it as PNG in another program") from error
        raise Unreadable(f"{NO_PICTURE}: it holds text; choose the picture itself") from error
    if image.format in ("JPEG", "MPO") and image.width * image.height > limit:
        image.draft(None, (image.width // 2, image.height // 2))
    return image


def _upright(image: Image.Image, in_place: bool = False) -> Image.Image:
    """Load a picture's pixels, and turn them as its EXIF or XMP notes say: a copy, or to save memory the picture itself."""
    file = getattr(image, "fp", image)
    try:
        image.load()
    except (MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:
        raise Unreadable(CLOSED if file is None or "closed" in str(error) else DAMAGED) from error
    if 0 in image.size:
        raise Unreadable("has no pixels; choose another picture")
    with suppress(Exception):  # damaged notes: then it stays as it lies
        return ImageOps.exif_transpose(image, in_place=in_place) or image
    return image if in_place else image.copy()


def transparency(source: Source | Tensor) -> Image.Image | None:
    """How opaque each pixel of a picture in a file, its bytes or a PIL image is, as a grey picture; None where all are.

    Raises what `load_image` raises for a file that was not there.
    """
    if not isinstance(source, str | os.PathLike | bytes | Image.Image) or (
        isinstance(source, str) and source in sample_names()
    ):
        return None
    with _quietly():
        image = _read(source)
    return image.convert("RGBA").getchannel("A") if image.has_transparency_data else None


# --- samples -------------------------------------------------------------------------------------------------------------


def sample(name: str) -> Image.Image:
    """Load one of the sample pictures that come with the package, e.g. ``sample("great_wave")``.

    Raises ImageError naming the pictures there are.
    """
    if name not in sample_names():
        raise ImageError(f"there is no sample {name!r}; choose from {', '.join(sample_names())}.")
    return load_image(samples_folder() / f"{name}.jpg")


def sample_names() -> list[str]:
    """Names of the sample pictures, in alphabetical order."""
    return sorted(path.stem for path in samples_folder().glob("*.jpg"))


def samples_folder() -> Path:
    """Where the sample pictures are."""
    return SAMPLES if SAMPLES.is_dir() else SAMPLES.parents[1] / "img"


# --- tensors -------------------------------------------------------------------------------------------------------------


def preprocess(image: Source, size: int | tuple[int, int] | None = None) -> Tensor:
    """Turn a picture into the tensor VGG expects: float32 (1, 3, H, W), normalised with ImageNet's mean and std.

    size: a number makes the *longer* side that many pixels and keeps the shape; a pair (H, W) gives exactly that shape,
    stretching if need be; None keeps every pixel.

    Raises ImageError for a size that leaves no picture, or none that Pillow would open.
    """
    picture = load_image(image)
    if size is not None:
        height, width = height_and_width(size, picture)
        if (height, width) != (picture.height, picture.width):
            picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(picture))  # (H, W, 3), bytes
    unit = pixels.permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W), 0..1
    return ((unit - MEAN) / STD).contiguous()


def height_and_width(size: Any, picture: Image.Image) -> tuple[int, int]:
    """The shape a picture gets; ints and floats of every library are taken, if they are whole."""
    try:
        numbers = np.asarray(size)
        sides = [float(number) for number in numbers.flat] if numbers.dtype.kind in "iuf" else []
        if numbers.shape not in ((), (2,)) or not sides or not all(side >= 1 and side.is_integer() for side in sides):
            raise ValueError("not one or two whole numbers")
    except (TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"a size of {size!r:.60} leaves no picture; sizes are positive whole numbers of pixels.") from error
    height, width = map(int, sides) if len(sides) == 2 else fit_size(picture.height, picture.width, int(sides[0]))
    limit = Image.MAX_IMAGE_PIXELS or math.inf
    if height * width > limit:
        raise ImageError(f"a size of {size!r:.60} is too large; pictures have at most {limit / 1e6:.3g} megapixels.")
    return height, width


def fit_size(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (height, width) scaled so that the longer side is `size` and the shape is kept."""
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale)) if size > 0 else 0


def postprocess(tensor: Tensor) -> Image.Image:
    """Turn a normalised tensor (1, 3, H, W) back into a PIL image, clipping what is darker than black or brighter than white.

    The round trip through `preprocess` loses nothing: every byte comes back as it was.
    Raises ValueError for another shape.
    """
    if tensor.ndim != 4 or tensor.shape[:2] != (1, 3):
        raise ValueError(f"expected one picture as a tensor (1, 3, H, W), got shape {tuple(tensor.shape)}.")
    unit = tensor.detach().float().cpu() * STD + MEAN
    pixels = (unit.clamp(0, 1) * 255).round().byte()[0].permute(1, 2, 0)  # (H, W, 3)
    return Image.fromarray(pixels.numpy())


def unit(picture: Tensor) -> Tensor:
    """From normalised to 0 (black) .. 1 (white), (1, 3, H, W)."""
    return picture * STD.to(picture) + MEAN.to(picture)


def normalised(picture: Tensor) -> Tensor:
    """From 0..1 to normalised, (1, 3, H, W)."""
    return (picture - MEAN.to(picture)) / STD.to(picture)


def as_image(picture: Source | Tensor) -> Image.Image:
    """Load a picture as `load_image` does, or make one of a normalised tensor (1, 3, H, W)."""
    return load_image(picture)


def clamp_to_box(image: Tensor) -> Tensor:
    """Project a normalised picture onto the colours that exist: every channel back into black (0) .. white (1)."""
    low, high = (0 - MEAN) / STD, (1 - MEAN) / STD
    return torch.minimum(torch.maximum(image, low.to(image)), high.to(image))


def save_image(image: Image.Image | Tensor, path: str | Path, **options: Any) -> None:
    """Write a picture; the file's ending decides the format. Raises ImageError when that fails.

    options: of `PIL.Image.Image.save`. What the picture replaces stays until it is whole.
    """
    # A copy, because Pillow keeps the options of a save that failed, and prefers them to those of the next one.
    picture = postprocess(image) if isinstance(image, Tensor) else image.copy()
    try:
        with replacing(path) as unfinished:
            picture.save(unfinished, quality=95, subsampling=0, **options)  # JPEG keeps the colours of every pixel
    except (OSError, ValueError, KeyError) as error:
        raise ImageError(f"cannot write a picture to {path} ({error}).") from error
