"""A studio's set-up as the query of an address, "content=chelsea&beta=400", and back: a link opens the same studio."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..arguments import shortened
from ..errors import SettingsError
from ..images import sample_names
from ..jobs import LARGEST, SMALLEST, Job
from ..masks import checked_box, is_box
from ..palette import COLOR_MODES
from ..recipes import DEFAULT_RECIPE, INITS, RECIPES, USUAL_RATES, Weights
from ..styles import COARSEST, FINEST, Style
from ..vgg import CHANNELS
from .experiments import EXPERIMENTS
from .mixing import LEAST, MOST, Styles, masked, mixed, share_of_second, stroke_of, with_picture

PLAIN = {
    "content": "eilean_donan", "style": "great_wave", "size": 256, "recipe": DEFAULT_RECIPE, "network": "vgg19-slim",
    "colors": "style", "stroke": "1", "mix": "0.5",  # the last two as an address writes them
}  # fmt: skip
STYLING = ("stroke", "second", "mix", "box")  # what an address says of the styles besides the first one's name
LARGEST_SEED = 2**63 - 1
FIELDS = 50  # an address with more is not one of ours


def query(job: Job, weights: Weights, projector: bool = False, experiment: str | None = None) -> str:
    """What of a studio differs from a plain `Studio()`, as the query of an address.

    weights: those of the next step. A picture goes in only when it is a sample, a recipe only when it has a name, a mask only
    when it is a box; the weights of single layers are left out.
    """
    recipe = next((key for key, known in RECIPES.items() if known == job.recipe), None)
    own = job.recipe.weights()
    given = {
        "content": job.content if is_sample(job.content) else None,
        "style": job.styles[0].picture if is_sample(job.styles[0].picture) else None,
        **of_styles(job.styles),
        "size": job.size,
        "recipe": recipe,
        "network": job.network["name"],
        "colors": job.colors,
        "init": job.start if job.start not in ("picture", job.recipe.init) else None,
        "optimizer": job.optimizer if job.optimizer != job.recipe.optimizer else None,
        "seed": job.seed or None,
        **{name: written(getattr(weights, name)) for name in ("alpha", "beta", "tv") if differs(weights, own, name)},
        "projector": 1 if projector else None,
        "experiment": experiment or None,
    }
    return urlencode({name: value for name, value in given.items() if value is not None and value != PLAIN.get(name)})


def of_styles(styles: Styles) -> dict[str, str | None]:
    """Stroke size, and the second style where it is a sample, with its share or its box."""
    stroke = stroke_of(styles)
    told = {"stroke": None if stroke is None else written(stroke)}
    if len(styles) < 2 or not is_sample(styles[1].picture):
        return told
    where = styles[1].where
    box = ",".join(written(side) for side in where) if is_box(where) else None
    return {**told, "second": styles[1].picture, "mix": written(share_of_second(styles)), "box": box}


def left_out(job: Job) -> str:
    """What of a job's pictures an address has no room for, as a sentence; nothing when all of them are in it."""
    pictures = zip(("your photograph", "your style picture", "your second style"), (job.content, *job.styles), strict=False)
    missing = [words for words, one in pictures if not is_sample(one.picture if isinstance(one, Style) else one)]
    if any(one.where is not None and not is_box(one.where) for one in job.styles[:2]):
        missing.append("the mask")
    said = " and ".join([", ".join(missing[:-1]), *missing[-1:]]) if len(missing) > 1 else "".join(missing)
    return f"An address has no room for {said}: save the picture, which keeps everything." if said else ""


def read(text: str) -> dict[str, Any]:
    """The keyword arguments of `Studio` that a query asks for, and `experiment` if it names one.

    Whatever else stands in the address is passed over. Raises SettingsError with one sentence for a value that makes no sense;
    a picture has to be a sample.
    """
    try:
        pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        raise SettingsError(f"the address asks for more than {FIELDS} things; copy it from a studio again.") from error
    return with_styles({name: READERS[name](name, value) for name, value in pairs if name in READERS})


def with_styles(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What an address asks for, with everything that it says of the styles as `style`, in the form that `Studio` takes."""
    own = {name: asked[name] for name in STYLING if name in asked}
    rest = {name: value for name, value in asked.items() if name not in own}
    if not own:
        return rest
    styles = (Style(asked.get("style", PLAIN["style"]), scale=own.get("stroke", 1.0)),)
    if "second" in own:
        styles = masked(mixed(with_picture(styles, 1, own["second"]), own.get("mix", 0.5)), own.get("box"))
    return {**rest, "style": list(styles)}


def is_sample(picture: Any) -> bool:
    """Whether a picture is given by the name of a sample."""
    return isinstance(picture, str) and picture in sample_names()


def differs(weights: Weights, own: Weights, name: str) -> bool:
    """Whether a weight is not the recipe's own."""
    return getattr(weights, name) != getattr(own, name)


def written(value: float) -> str:
    """A number that reads back as itself: 20, 0.1, 1e+20."""
    return str(int(value)) if value == int(value) and value < 1e15 else repr(float(value))


def one_of(names: Callable[[], Mapping[str, Any] | tuple[str, ...] | list[str]], what: str) -> Callable[[str, str], str]:
    """A reader that takes one of several names."""

    def reader(name: str, value: str) -> str:
        if value not in names():
            raise SettingsError(f"the address says {name}={shortened(value)!r}; expected {what}: {', '.join(names())}.")
        return value

    return reader


def whole(low: int, high: int) -> Callable[[str, str], int]:
    """A reader that takes a whole number from `low` to `high`."""

    def reader(name: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 20 and low <= int(value) <= high):
            raise SettingsError(f"the address says {name}={shortened(value)!r}; expected a whole number from {low} to {high}.")
        return int(value)

    return reader


def weight(name: str, value: str) -> float:
    """Read a weight: at least 0 and finite."""
    number = as_number(value)
    if not 0 <= number < math.inf:
        raise SettingsError(f"the address says {name}={shortened(value)!r}; expected a number of at least 0.")
    return number


def as_number(value: str) -> float:
    """The number that a text says; nan for none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def switch(name: str, value: str) -> bool:
    """Read 1 or 0."""
    if value not in ("0", "1"):
        raise SettingsError(f"the address says {name}={shortened(value)!r}; expected 1 (on) or 0 (off).")
    return value == "1"


def between(low: float, high: float) -> Callable[[str, str], float]:
    """A reader that takes a number from `low` to `high`."""

    def reader(name: str, value: str) -> float:
        number = as_number(value)
        if not low <= number <= high:
            raise SettingsError(f"the address says {name}={shortened(value)!r}; expected a number from {low:g} to {high:g}.")
        return number

    return reader


def box(name: str, value: str) -> tuple[float, float, float, float]:
    """Read a box as four shares: left, top, right, bottom."""
    try:
        return checked_box([as_number(side) for side in value.split(",")])
    except (SettingsError, ValueError):
        expected = "left,top,right,bottom as shares from 0 to 1"
        raise SettingsError(f"the address says {name}={shortened(value)!r}; expected {expected}.") from None


READERS: dict[str, Callable[[str, str], Any]] = {
    "content": one_of(sample_names, "a sample picture"),
    "style": one_of(sample_names, "a sample picture"),
    "second": one_of(sample_names, "a sample picture"),
    "stroke": between(FINEST, COARSEST),
    "mix": between(LEAST, MOST),
    "box": box,
    "colors": one_of(lambda: COLOR_MODES, "one of the colour modes"),
    "size": whole(SMALLEST, LARGEST),
    "recipe": one_of(lambda: RECIPES, "a recipe"),
    "network": one_of(lambda: CHANNELS, "a network"),
    "init": one_of(lambda: INITS, "a start"),
    "optimizer": one_of(lambda: USUAL_RATES, "an optimiser"),
    "seed": whole(0, LARGEST_SEED),
    "alpha": weight,
    "beta": weight,
    "tv": weight,
    "projector": switch,
    "experiment": one_of(lambda: EXPERIMENTS, "an experiment"),
}
