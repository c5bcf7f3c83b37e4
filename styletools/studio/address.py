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
from ..recipes import DEFAULT_RECIPE, INITS, RECIPES, USUAL_RATES, Weights
from ..vgg import CHANNELS
from .experiments import EXPERIMENTS

PLAIN = {"content": "eilean_donan", "style": "great_wave", "size": 256, "recipe": DEFAULT_RECIPE, "network": "vgg19-slim"}
LARGEST_SEED = 2**63 - 1
FIELDS = 50  # an address with more is not one of ours


def query(job: Job, weights: Weights, projector: bool = False, experiment: str | None = None) -> str:
    """What of a studio differs from a plain `Studio()`, as the query of an address.

    weights: those of the next step. A picture goes in only when it is a sample, a recipe only when it has a name; the weights
    of single layers are left out.
    """
    recipe = next((key for key, known in RECIPES.items() if known == job.recipe), None)
    own = job.recipe.weights()
    given = {
        "content": job.content if is_sample(job.content) else None,
        "style": job.style if is_sample(job.style) else None,
        "size": job.size,
        "recipe": recipe,
        "network": job.network["name"],
        "init": job.start if job.start not in ("picture", job.recipe.init) else None,
        "optimizer": job.optimizer if job.optimizer != job.recipe.optimizer else None,
        "seed": job.seed or None,
        **{name: written(getattr(weights, name)) for name in ("alpha", "beta", "tv") if differs(weights, own, name)},
        "projector": 1 if projector else None,
        "experiment": experiment or None,
    }
    return urlencode({name: value for name, value in given.items() if value is not None and value != PLAIN.get(name)})


def read(text: str) -> dict[str, Any]:
    """The keyword arguments of `Studio` that a query asks for, and `experiment` if it names one.

    Whatever else stands in the address is passed over. Raises SettingsError with one sentence for a value that makes no sense;
    a picture has to be a sample.
    """
    try:
        pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        raise SettingsError(f"the address asks for more than {FIELDS} things; copy it from a studio again.") from error
    return {name: READERS[name](name, value) for name, value in pairs if name in READERS}


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
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise SettingsError(f"the address says {name}={shortened(value)!r}; expected a number of at least 0.")
    return number


def switch(name: str, value: str) -> bool:
    """Read 1 or 0."""
    if value not in ("0", "1"):
        raise SettingsError(f"the address says {name}={shortened(value)!r}; expected 1 (on) or 0 (off).")
    return value == "1"


READERS: dict[str, Callable[[str, str], Any]] = {
    "content": one_of(sample_names, "a sample picture"),
    "style": one_of(sample_names, "a sample picture"),
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
