"""Pictures in and out: a PIL image at the border, a normalised float32 tensor (1, 3, H, W) inside.

ImageNet's mean and standard deviation, channel by channel, are what torchvision's VGG was trained with:

    x = (picture / 255 - mean) / std
"""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from .errors import ImageError
from .files import replacing

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

Source = str | Path | bytes | Image.Image
SAMPLES = Path(__file__).parent / "img"  # in an installed package; in the project, img/ lies beside the package


def load_image(source: Source) -> Image.Image:
    """Read a picture of any kind as PIL RGB, the way a person sees it.

    source: the name of a sample ("great_wave"; see `sample_names`), a path, the bytes of a file, or a PIL image. Phone photos
    are turned upright (EXIF), transparent parts are laid on white, greyscale, palette, 16-bit and CMYK pictures become RGB,
    and of an animation the first frame is taken.

    Raises ImageError when there is no such sample or file, or it holds no picture.
    """
    if isinstance(source, str) and source in sample_names():
        return sample(source)
    name = str(source) if isinstance(source, str | Path) else "the uploaded file"
    try:
        image = source
        if not isinstance(source, Image.Image):
            image = Image.open(io.BytesIO(source if isinstance(source, bytes) else Path(source).read_bytes()))
        image.load()
    except FileNotFoundError as error:
        samples = "" if Path(name).suffix else f", and no sample of that name; samples are {', '.join(sample_names())}"
        raise ImageError(f"there is no file {name}{samples}.") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name} is a folder; a picture file was expected.") from error
    except Exception as error:  # for damaged files PIL raises OSError, SyntaxError, ValueError, RuntimeError and others
        raise ImageError(f"{name} is not a picture that can be read (JPEG, PNG, WebP, ...).") from error
    with suppress(SyntaxError):  # damaged EXIF: then it stays as it lies
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Bring 16-bit (0..65535) or float (0..1) grey to 8 bits; PIL's own conversion would clip it to white."""
    grey = np.asarray(image, dtype=np.float32)
    deep = image.mode.startswith("I;16") or grey.max() > 255  # the mode "I" may hold either
    grey = grey * 255 if image.mode == "F" and grey.max() <= 1 else grey / 257 if deep else grey
    return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8)).convert("RGB")


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


def preprocess(image: Source, size: int | tuple[int, int] | None = None) -> Tensor:
    """Turn a picture into the tensor VGG expects: float32 (1, 3, H, W), normalised with ImageNet's mean and std.

    size: an int makes the *longer* side that many pixels and keeps the shape; a pair (H, W) gives exactly that shape,
    stretching if need be; None keeps every pixel.

    Raises ImageError for a size that leaves no picture.
    """
    picture = load_image(image)
    if size is not None:
        height, width = fit_size(picture.height, picture.width, size) if isinstance(size, int) else size
        if min(height, width) < 1:
            raise ImageError(f"a size of {size} leaves no picture; sizes are positive numbers of pixels.")
        if (height, width) != (picture.height, picture.width):
            picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(picture))  # (H, W, 3), bytes
    unit = pixels.permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W), 0..1
    return ((unit - MEAN) / STD).contiguous()


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


def as_image(picture: Source | Tensor) -> Image.Image:
    """Load a picture as `load_image` does, or make one of a normalised tensor (1, 3, H, W)."""
    return postprocess(picture) if isinstance(picture, Tensor) else load_image(picture)


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
