"""A job: everything that makes a picture, as one value that can be written down, kept inside the picture and painted again.

job = Job("eilean_donan", "great_wave", size=256, seed=3)
picture = st.paint(job)
save_picture(picture, "out.png", job)
st.paint(read_jobs("out.png")[0])  # on the same computer the same picture, byte for byte
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from .arguments import SEEDS, network_options, number, one_of, settle, shortened, whole, yes_or_no
from .errors import ImageError, SettingsError, StyleError
from .files import from_home
from .images import Source, as_image, fit_size, load_image, preprocess, sample_names, save_image
from .masks import Mask, is_box, mask_image
from .palette import COLOR_MODES
from .recipes import DEFAULT_RECIPE, INITS, Recipe, Weights, find_recipe
from .styles import Style, simplest, styles_of
from .vgg import CHANNELS, VGG, load_vgg, smallest_side

FORMAT = 3  # of what is written here and in `runs`; see `modern` for what was before
KEY = "styletools"  # of the text inside a PNG file
DESCRIPTION = 0x010E  # the EXIF tag that holds it in JPEG and WebP files
LONGEST_DESCRIPTION = 60_000  # characters; a JPEG's EXIF ends at 64 KB
LONGEST_TEXT = 60_000_000  # characters; Pillow opens no PNG with more than 64 MB of text
SMALLEST, LARGEST = 32, 4096  # pixels of the longer side that the studio and the command line accept
SIZE, STEPS, AVERAGING = 512, 80, 0.9  # of a picture painted coarse to fine

Moves = tuple[tuple[int, Weights], ...]  # (number of the first step that used them, weights), in order


@dataclass(frozen=True)
class Job:
    """A run: what is painted, how, and with which weights at every step. What is left out comes from the recipe.

    content, style: names of samples, paths, bytes, PIL images, or normalised tensors (1, 3, H, W). style may also be a `Style`
    or a list of pictures and Styles; `styles` has them all.
    size: pixels of the longer side. steps: at the first scale if `coarse_to_fine` (see `painting.schedule`), else in all.
    recipe: a key of `RECIPES` or a `Recipe`. network: a name, or the `options` of a network.
    weights: of the first step; moves: what they were changed to, and when. done: the steps that were made, None for all.
    init: what the painting starts from, one of `INITS` or a picture. averaging, seed: see `StyleTransfer`.
    colors: whose the colours are, one of `palette.COLOR_MODES`.

    Raises SettingsError for a setting that makes no sense.
    """

    content: Source | Tensor
    style: Source | Tensor | Style | Sequence[Source | Tensor | Style]
    size: int = SIZE
    steps: int = STEPS
    recipe: Recipe | str = DEFAULT_RECIPE
    network: Mapping[str, Any] | str | None = None
    weights: Weights | None = None
    init: Source | Tensor | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    averaging: float = AVERAGING
    seed: int = 0
    coarse_to_fine: bool = True
    moves: Moves = ()
    done: int | None = None
    colors: str = "style"

    def __post_init__(self) -> None:
        if self.network is not None and not isinstance(self.network, Mapping):
            one_of(self.network, "network", CHANNELS)
        recipe = find_recipe(self.recipe)
        optimizer = recipe.optimizer if self.optimizer is None else self.optimizer
        rate = recipe.rate_for(optimizer)  # which refuses an unknown one
        chosen = {
            "recipe": recipe,
            "network": self.network if isinstance(self.network, Mapping) else recipe.network_options(self.network),
            "weights": recipe.weights() if self.weights is None else self.weights,
            "init": recipe.init if self.init is None else self.init,
            "optimizer": optimizer,
            "learning_rate": rate if self.learning_rate is None else self.learning_rate,
        }
        for name, value in chosen.items():
            object.__setattr__(self, name, value)  # this once: nobody has seen the frozen job yet
        settle(
            self, size=partial(whole, least=-math.inf), steps=whole, network=network_options, weights=weights_of,
            learning_rate=lambda value, _: number(value, "learning rate", "a number from 0 to 1e30", most=1e30),
            coarse_to_fine=yes_or_no, style=lambda value, _: simplest(value), colors=partial(one_of, known=COLOR_MODES),
            averaging=partial(number, expected="at least 0 and less than 1", below=1), moves=moves_of,
            seed=partial(whole, least=SEEDS[0], most=SEEDS[1]),
            done=lambda value, name: None if value is None else whole(value, name),
        )  # fmt: skip

    @property
    def start(self) -> str:
        """What the painting starts from, in one word."""
        return self.init if isinstance(self.init, str) and self.init in INITS else "picture"

    @property
    def styles(self) -> tuple[Style, ...]:
        """What it is painted in the manner of."""
        return styles_of(self.style)

    @property
    def first_weights(self) -> Weights:
        """The weights of the first step."""
        return self.moves[0][1] if self.moves and self.moves[0][0] <= 1 else self.weights

    def load_network(self) -> VGG:
        """Load the network it asks for; see `load_vgg` for what that raises."""
        return load_vgg(**self.network)

    def settings(self) -> dict[str, Any]:
        """Everything but the pictures, as values that JSON can hold."""
        own = {name: value for name, value in vars(self).items() if name not in ("content", "style", "init")}
        recipe = {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self.recipe).items()}
        moves = [[step, plain(weights)] for step, weights in self.moves]
        return {**own, "recipe": recipe, "network": dict(self.network), "weights": plain(self.weights), "moves": moves}

    @classmethod
    def of(cls, settings: Mapping[str, Any], content: Source | Tensor, style: Any, init: Source | Tensor) -> Job:
        """Join what `settings` gave with pictures. Raises SettingsError when it is something else."""
        try:
            recipe = Recipe(**{name: tuple(v) if isinstance(v, list) else v for name, v in settings["recipe"].items()})
            moves = tuple((step, Weights(**weights)) for step, weights in settings["moves"])
            changed = {"recipe": recipe, "weights": Weights(**settings["weights"]), "moves": moves}
            return cls(content, style, init=init, **{**settings, **changed})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"these are not the settings of a picture ({str(error).rstrip('.')}).") from error

    def to_json(self) -> str:
        """Write as text, pictures included; see `describe`."""
        return describe([self])

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Read what `to_json` wrote. Raises SettingsError when the text is something else, ImageError for a lost picture."""
        return understand(text)[0]


def weights_of(value: Any, name: str) -> Weights:
    """Weights, or SettingsError for anything else."""
    if not isinstance(value, Weights):
        raise SettingsError(f"{name} is {shortened(value)}; expected Weights(alpha, beta, tv, style_layers).")
    return value


def moves_of(values: Any, name: str) -> Moves:
    """Moves, checked."""
    try:
        return tuple((whole(step, "the step of a move"), weights_of(weights, "a move")) for step, weights in values)
    except (TypeError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{name} is {shortened(values)}; expected pairs of a step and its weights.") from error


def with_terms(weights: Weights, alpha: float | None, beta: float | None, tv: float | None) -> Weights:
    """Weights in which single ones are replaced.

    Without style nothing is left for total variation to smooth but the photograph: beta 0 takes tv with it, unless it is given.
    """
    given = {name: value for name, value in (("alpha", alpha), ("beta", beta), ("tv", tv)) if value is not None}
    changed = replace(weights, **given)
    return replace(changed, tv=0.0) if tv is None and beta is not None and changed.beta == 0 else changed


def plain(weights: Weights) -> dict[str, Any]:
    """Weights as values that JSON can hold."""
    layers = {name: float(weight) for name, weight in weights.style_layers.items()}
    return {"alpha": float(weights.alpha), "beta": float(weights.beta), "tv": float(weights.tv), "style_layers": layers}


# --- as text -----------------------------------------------------------------------------------------------------------


def describe(jobs: Sequence[Job]) -> str:
    """Write jobs as text that `understand` reads.

    A picture that has a name is noted by name and fingerprint. Any other goes in whole, once for all jobs: as large as it is
    used, so that nothing is lost for painting. Tensors are rounded to 8 bits.
    """
    from . import __version__

    pictures: dict[str, str] = {}  # fingerprint -> PNG file, base64
    known: dict[Any, dict[str, Any]] = {}

    def note(picture: Source | Tensor, size: int | None, narrowest: int = 0) -> dict[str, Any]:
        key = (str(picture) if isinstance(picture, str | Path) else id(picture), size, narrowest)
        if key not in known:
            known[key] = refer(picture, size, pictures, narrowest)
        return known[key]

    def note_mask(mask: Mask | None) -> Any:
        return list(mask) if is_box(mask) else None if mask is None else note(held(mask), None)

    masks: dict[int, Source] = {}

    def held(mask: Mask) -> Source:  # a picture that lives as long as `known` remembers its number
        return mask if isinstance(mask, str | Path) else masks.setdefault(id(mask), mask_image(mask))

    entries = []
    for job in jobs:
        size = None if job.coarse_to_fine else job.size
        init = job.init if job.start != "picture" else note(job.init, size)
        narrowest = smallest_side([*job.recipe.layers, *job.weights.style_layers])
        styles = [
            {
                "picture": note(one.picture, None if size is None else round(size * one.scale), narrowest),
                "weight": one.weight, "where": note_mask(one.where), "part": note_mask(one.part), "scale": one.scale,
            }
            for one in job.styles
        ]  # fmt: skip
        noted = {"content": note(job.content, size), "style": styles, "init": init}
        entries.append({**noted, "settings": job.settings()})
    versions = {"styletools": __version__, "torch": torch.__version__}
    return json.dumps({"format": FORMAT, "versions": versions, "pictures": pictures, "jobs": entries})


def refer(picture: Source | Tensor, size: int | None, pictures: dict[str, str], narrowest: int = 0) -> dict[str, Any]:
    """Note a picture by its name, or put it into `pictures`, at most `size` pixels long.

    narrowest: whole if its shorter side would then have fewer pixels: it is used larger (`fitting.as_tensor`).
    """
    if isinstance(picture, str | Path):
        kind = "sample" if picture in sample_names() else "file"
        try:
            return {kind: str(picture), "sha256": fingerprint(load_image(picture))}
        except ImageError:  # moved away since it was painted; the painting must not be lost with it
            return {kind: str(picture), "sha256": None}
    image = as_image(picture)
    height, width = fit_size(image.height, image.width, size or max(image.size))
    smaller = max(height, width) < max(image.size) and min(height, width) >= narrowest
    if smaller and not isinstance(picture, Tensor):  # which is taken as it is
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    name, buffer = fingerprint(image), io.BytesIO()
    if name not in pictures:
        image.save(buffer, "PNG")
        pictures[name] = base64.b64encode(buffer.getvalue()).decode()
    return {"sha256": name, "tensor": isinstance(picture, Tensor)}


def fingerprint(image: Image.Image) -> str:
    """The SHA-256 of an RGB picture's size and pixels, whatever file it came from."""
    return hashlib.sha256(f"{image.width} x {image.height} ".encode() + image.tobytes()).hexdigest()


def understand(text: str, folder: Path = Path(), content: Source | None = None, style: Source | None = None) -> list[Job]:
    """Read what `describe` wrote, also by earlier versions of this package.

    folder: where files are looked for besides their own place. content, style: take these pictures instead.
    Raises SettingsError when the text is something else or newer than this program, ImageError for a picture that is not there.
    """
    try:
        about = json.loads(text)
        if "format" not in about:
            return [read_format_1(one, content, style) for one in (about if about and isinstance(about, list) else [about])]
        if about["format"] > FORMAT:
            raise SettingsError(f"this was written by a newer styletools (format {about['format']}); update the package.")

        @cache
        def inside(name: str) -> Image.Image:
            return load_image(base64.b64decode(about["pictures"][name]))

        jobs = []
        for one in about["jobs"]:
            if not isinstance(one["init"], dict) and one["init"] not in INITS:
                raise ValueError(f"no start: {one['init']}")
            given = {"content": content, "style": style, "init": None if isinstance(one["init"], dict) else one["init"]}
            found = {
                name: find_all(one[name], inside, folder) if picture is None else picture for name, picture in given.items()
            }
            jobs.append(Job.of(one["settings"], **found))
        if not jobs:
            raise ValueError("no jobs")
        return jobs
    except StyleError:
        raise
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SettingsError("these are not settings that styletools wrote, or they are damaged.") from error


def find_all(noted: Any, inside: Callable[[str], Image.Image], folder: Path) -> Any:
    """Find a picture, or the pictures and masks of several styles, as `describe` noted them."""
    if not isinstance(noted, list):
        return find(noted, inside, folder)

    def mask(about: Any) -> Any:
        if not isinstance(about, dict):
            return about
        name = about.get("file")
        if name and not any(os.path.isfile(from_home(place)) for place in (name, folder / Path(name).name)):
            return name  # painting will say so, unless another mask is given
        return find(about, inside, folder)

    changed = (
        {"picture": find(o["picture"], inside, folder), "where": mask(o["where"]), "part": mask(o["part"])} for o in noted
    )
    return [Style(**{**one, **found}) for one, found in zip(noted, changed, strict=True)]


def find(reference: Mapping[str, Any], inside: Callable[[str], Image.Image], folder: Path) -> Source | Tensor:
    """Find the picture that `refer` noted. Raises ImageError when it is gone or another."""
    wanted = reference["sha256"]
    if "sample" not in reference and "file" not in reference:
        picture = inside(wanted)
        return preprocess(picture) if reference.get("tensor") else picture
    name = reference.get("sample") or reference["file"]
    places = [name] if "sample" in reference else [Path(name), folder / Path(name).name]
    there = [place for place in places if "sample" in reference or os.path.isfile(from_home(place))]
    if not there:
        raise ImageError(f"{name}, of which this was painted, is not there any more; name the pictures to paint from.")
    for place in there:
        if wanted is None or fingerprint(load_image(place)) == wanted:
            return str(place)
    raise ImageError(f"{name} is not the picture it was when this was painted; name the pictures to paint from.")


def read_format_1(about: Mapping[str, Any], content: Source | None, style: Source | None) -> Job:
    """Read the settings of a studio before there were jobs. Recipes stand there by their keys."""
    plan = dict(about["plan"])
    for name, given in (("content", content), ("style", style)):
        stored = plan[name]
        plan[name] = given or (stored if isinstance(stored, str) else load_image(base64.b64decode(stored["png"])))
    plan["recipe"] = {"adam": "article"}.get(plan["recipe"], plan["recipe"])  # renamed
    moves = tuple((step, Weights(**weights)) for step, weights in about["moves"])
    return Job(
        **plan, steps=about["steps"], weights=Weights(**about["weights"]), moves=moves, done=about["done"], coarse_to_fine=False
    )


# --- inside pictures ------------------------------------------------------------------------------------------------------


def save_picture(image: Image.Image, path: str | Path, *jobs: Job) -> None:
    """Write a picture, and inside it how it was made; of a sheet of several pictures, a job for each.

    In PNG files everything is kept, up to 60 MB; JPEG and WebP have room for jobs whose pictures have names. What finds no room
    is left out. Raises ImageError when the file cannot be written.
    """
    text, options = describe(jobs), {}
    if Path(path).suffix.lower() in ("", ".png"):
        info = PngInfo()
        if len(text) <= LONGEST_TEXT:
            info.add_itxt(KEY, text)
        options = {"format": "PNG", "pnginfo": info}
    elif len(text) <= LONGEST_DESCRIPTION:
        exif = Image.Exif()
        exif[DESCRIPTION] = text
        options = {"exif": exif}
    save_image(image, path, **options)


def read_jobs(path: str | Path, content: Source | None = None, style: Source | None = None) -> list[Job]:
    """Read how a picture was made that `save_picture` wrote: one job for each picture on it.

    content, style: take these pictures instead. Raises ImageError when there is no such picture, or one it was painted from is
    gone, and SettingsError when nothing is said in it.
    """
    return understand(description(path), Path(path).parent, content, style)


def description(path: str | Path) -> str:
    """The text inside a picture that says how it was made. Raises ImageError and SettingsError as `read_jobs` does."""
    load_image(Path(path))  # says so when there is no such file, or no picture in it
    text = None
    with Image.open(from_home(path)) as image, suppress(Exception):  # damaged EXIF raises many kinds
        text = image.info.get(KEY) or image.getexif().get(DESCRIPTION)
    if not isinstance(text, str) or "{" not in text:
        raise SettingsError(f"{path} does not say how it was made: styletools did not write it, or it was changed since.")
    return text
