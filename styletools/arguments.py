"""What people pass in: numbers of any library become float and int at the border; what makes no sense gets one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from numbers import Integral
from typing import Any

from .errors import SettingsError

SEEDS = (-(2**63), 2**64 - 1)  # those that torch knows


def shortened(value: Any) -> str:
    """Whatever came, as it goes into a sentence: on one line, not longer than forty characters."""
    try:
        text = " ".join(str(value).split())
    except ValueError:  # a number with thousands of digits
        text = "a very long number"
    return text if len(text) <= 40 else f"{text[:39]}…"


def plain_number(value: Any) -> float | int:
    """A number of Python's own, be it one of numpy or a tensor of one element; nan for anything that is no number."""
    try:
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, bool | str | bytes):
            return math.nan
        return int(value) if isinstance(value, Integral) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def number(
    value: Any, name: str, expected: str = "a number of at least 0", below: float = math.inf, most: float = 1.7e308
) -> float:
    """A float from 0 to `most` that is less than `below`. Raises SettingsError for anything else."""
    found = plain_number(value)
    if not (0 <= found < below and found <= most):
        raise SettingsError(f"{name} is {shortened(value)}; expected {expected}.")
    return float(found)


def whole(value: Any, name: str, least: float = 0, most: float = math.inf) -> int:
    """An int; 64.0 is 64. Raises SettingsError for anything else and below `least` or above `most`."""
    found = plain_number(value)
    if not least <= found <= most or not (isinstance(found, int) or found.is_integer()):
        limit = "" if least == -math.inf else f" of at least {least}" if most == math.inf else f" from {least} to {most}"
        raise SettingsError(f"{name} is {shortened(value)}; expected a whole number{limit}.")
    return int(found)


def nearest(given: Any, known: Iterable[str]) -> str:
    """What somebody may have meant, in words that go into a sentence: " (did you mean 'relu4_2'?)", or nothing."""
    names = {name.lower(): name for name in known}
    found = get_close_matches(given.lower(), names, 1) if isinstance(given, str) else []
    return f" (did you mean {names[found[0]]!r}?)" if found else ""


def unknown(kind: str, given: Any, known: Iterable[str]) -> str:
    """The sentence about a name that nothing has: what there is, and what may have been meant."""
    known = list(known)
    shown = f"'{shortened(given)}'" if isinstance(given, str) else shortened(given)
    return f"unknown {kind} {shown}{nearest(given, known)}; choose from {', '.join(known)}."


def one_of(given: Any, kind: str, known: Iterable[str]) -> str:
    """A name that is known. Raises SettingsError that says which are."""
    known = list(known)
    if not isinstance(given, str) or given not in known:
        raise SettingsError(unknown(kind, given, known))
    return given


def optimizer_name(given: Any, name: str, known: Iterable[str]) -> str:
    """The name of an optimiser. Raises SettingsError for anything else."""
    if not isinstance(given, str) or given not in known:
        raise SettingsError(f"{name} is {given!r}{nearest(given, known)}; expected {' or '.join(map(repr, known))}.")
    return given


def text(value: Any, name: str) -> str:
    """Text. Raises SettingsError for anything else."""
    if not isinstance(value, str):
        raise SettingsError(f"{name} is {shortened(value)}; expected text.")
    return value


def yes_or_no(value: Any, name: str) -> bool:
    """True or False. Raises SettingsError for anything else."""
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is {shortened(value)}; expected True or False.")
    return value


def numbers_by_name(values: Any, name: str, known: Iterable[str]) -> dict[str, float]:
    """Weights by layer, as a new dict of floats. Raises SettingsError for a name that is not known, or a bad weight."""
    if not isinstance(values, Mapping):
        raise SettingsError(f"{name} is {shortened(values)}; expected a weight for each layer: {{'relu1_1': 0.2}}.")
    return {one_of(layer, "layer", known): number(weight, f"the weight of {layer}") for layer, weight in values.items()}


def names(values: Any, name: str, kind: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names that are known. Raises SettingsError for anything else."""
    if not isinstance(values, list | tuple):
        raise SettingsError(f"{name} is {shortened(values)}; expected a list of names.")
    return tuple(one_of(value, kind, known) for value in values)


def pair_below_1(values: Any, name: str) -> tuple[float, float]:
    """Two numbers of at least 0 and less than 1. Raises SettingsError for anything else."""
    if not isinstance(values, list | tuple) or len(values) != 2:
        raise SettingsError(f"{name} is {shortened(values)}; expected two numbers.")
    first, second = (number(value, name, "two numbers of at least 0 and less than 1", below=1) for value in values)
    return first, second


def settle(thing: Any, **kinds: Callable[[Any, str], Any]) -> None:
    """Replace fields of a frozen dataclass by what a function makes of each: kind(value, name)."""
    for name, kind in kinds.items():
        object.__setattr__(thing, name, kind(getattr(thing, name), name))  # this once: nobody has seen it yet


class Weight:
    """An attribute that is checked and made plain when it is set: kind(value, name)."""

    def __init__(self, kind: Callable[[Any, str], Any] = number) -> None:
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner.__dict__[self.name]

    def __set__(self, owner: Any, value: Any) -> None:
        owner.__dict__[self.name] = self.kind(value, self.name)


NETWORK_OPTIONS = ("name", "pooling", "padding", "dtype", "rescale", "device")  # of `load_vgg`


def network_options(options: Any, name: str = "network") -> dict[str, Any]:
    """Options for `load_vgg`, as a new dict. Raises SettingsError for others, and where the name of the network is missing."""
    if not isinstance(options, Mapping) or not isinstance(options.get("name"), str):
        raise SettingsError(f"{name} is {shortened(options)}; expected a name, or options with a name among them.")
    for option, value in options.items():
        one_of(option, "option of a network", NETWORK_OPTIONS)
        if option == "rescale":
            yes_or_no(value, "rescale")
        elif option in ("pooling", "padding"):
            text(value, option)
    return dict(options)
