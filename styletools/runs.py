"""A run on disk: the state of a `StyleTransfer` in one safetensors file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import ImageError, SettingsError
from .files import replacing
from .jobs import FORMAT
from .vgg import VGG


def write_run(state: Mapping[str, Any], path: str | Path) -> None:
    """Write a state: tensors, numbers, text, lists and dicts of them. Raises ImageError when the file cannot be written."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(pack(dict(state), tensors))
    about = {"format": FORMAT, "sha256": hashlib.sha256(text.encode()).hexdigest(), "state": text}
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        with replacing(path) as unfinished:
            save_file(whole, unfinished, metadata={"styletools": json.dumps(about)})
    except (OSError, SafetensorError, ValueError) as error:
        raise ImageError(f"cannot write the run to {path} ({error}).") from error


def read_run(path: str | Path) -> dict[str, Any]:
    """Read what `write_run` wrote, also by earlier versions of this package. Raises SettingsError when it is no such run."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["styletools"])
            # Clones, because a file's tensors lie at odd addresses, where sums may be rounded in another order.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
        if "format" not in about:
            return from_format_1(about, tensors)
        if about["format"] > FORMAT:
            raise SettingsError(f"{path} was written by a newer styletools (format {about['format']}); update the package.")
        if hashlib.sha256(about["state"].encode()).hexdigest() != about["sha256"]:
            raise SettingsError(f"{path} is damaged: its checksum differs.")
        return unpack(json.loads(about["state"]), tensors)
    except SettingsError:
        raise
    except FileNotFoundError as error:
        raise SettingsError(f"there is no file {path}.") from error
    except (OSError, SafetensorError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SettingsError(f"{path} is not a run saved by StyleTransfer.save, or it is damaged.") from error


def check_network(options: Mapping[str, Any], vgg: VGG) -> None:
    """Raise SettingsError unless a network is the one that a run was painted with; the precision may be another."""
    for name in ("name", "pooling", "padding", "rescale"):
        there, here = options.get(name, vgg.options[name]), vgg.options[name]
        if there != here:
            raise SettingsError(f"this run was painted with another network: its {name} is {there!r}, not {here!r}.")


def check_pictures(state: Mapping[str, Any], content: Tensor, styles: Sequence[Mapping[str, Any]], colors: str) -> None:
    """Raise SettingsError unless a state is of these pictures: content (1, 3, H, W), styles as `pack_styles` gives them."""
    stored = state.get("styles") or [{**PLAIN, "picture": state["style"]}]
    if len(stored) != len(styles):
        raise SettingsError("this run has another number of styles; load it with the pictures it was painted from.")
    pairs = [("style", other["picture"], own["picture"]) for other, own in zip(stored, styles, strict=True)]
    for role, other, own in [("content", state["content"], content), *pairs]:
        if not equal(other, own):
            raise SettingsError(f"this run has another {role} picture; load it with the pictures it was painted from.")
    same = all(equal(other[name], own[name]) for other, own in zip(stored, styles, strict=True) for name in PLAIN)
    if not same or state["settings"].get("colors", "style") != colors:
        raise SettingsError("this run has styles of other weights, masks or scales, or other colours; load it with its own.")


PLAIN = {"weight": 1.0, "where": None, "part": None, "scale": 1.0}  # what a style has besides its picture


def equal(one: Any, other: Any) -> bool:
    """Whether two things are equal, tensors to the last bit."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.equal(one.to(other), other)
    return not isinstance(one, Tensor) and not isinstance(other, Tensor) and one == other


def from_format_1(about: Mapping[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Bring a run written before there were jobs into the form of today."""
    settings = dict(about["settings"])
    start = settings.pop("init")
    alpha, beta, tv, layers = about["weights"]
    (used_alpha, used_beta, used_tv, *used), scale, _ = about["memory"]
    last = {"alpha": used_alpha, "beta": used_beta, "tv": used_tv, "style_layers": dict(zip(layers, used, strict=True))}
    bands = [tensors[name] for name in sorted(tensors) if name.startswith("band.")] or [tensors["picture"]]
    memory = unpack(about["optimizer"], tensors)
    own = ("content", "style", "average")
    return {
        **{name: tensors[name] for name in own},
        "settings": {
            **settings,
            "recipe": about["recipe"],
            "network": network_of_format_1(about["vgg"]),
            "weights": {"alpha": alpha, "beta": beta, "tv": tv, "style_layers": layers},
            "moves": moves_of(about["history"], last["style_layers"]),
            "coarse_to_fine": False,
            "done": len(about["history"]),
        },
        "init": tensors["average"] if start == "picture" else start,
        "nearest": {name.removeprefix("nearest."): value for name, value in tensors.items() if name.startswith("nearest.")},
        "highest": {"alpha": used_alpha, "beta": used_beta, "tv": used_tv, **last["style_layers"]},
        "history": about["history"],
        "descent": {
            "bands": bands,
            "before": bands,
            "memory": memory if isinstance(memory, list) else [memory],
            "scale": scale,
        },
    }


def moves_of(history: Sequence[Sequence[float]], layers: Mapping[str, float]) -> list[list[Any]]:
    """The weights of every step of a history, as moves; it knows nothing of layers, so these are the last ones."""
    moves: list[list[Any]] = []
    for index, *_, alpha, beta, tv in history:
        weights = {"alpha": alpha, "beta": beta, "tv": tv, "style_layers": dict(layers)}
        if not moves or moves[-1][1] != weights:
            moves.append([index, weights])
    return moves


def network_of_format_1(options: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a network's options up to date.

    A file that does not say whether filters were rescaled is older than the authors' weights: its vgg19 had those that are now
    called vgg19-torchvision.
    """
    older = "rescale" not in options
    return {**options, "name": "vgg19-torchvision" if older and options["name"] == "vgg19" else options["name"]}


def pack(value: Any, tensors: dict[str, Tensor], name: str = "") -> Any:
    """Turn a state into JSON; its tensors go into `tensors`, their names into the JSON."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": {key: pack(item, tensors, f"{name}.{key}".lstrip(".")) for key, item in value.items()}}
    if isinstance(value, list):
        return {"list": [pack(item, tensors, f"{name}.{i}") for i, item in enumerate(value)]}
    return {"value": value}


def unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    """Do the reverse of `pack`."""
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unpack(item, tensors) for key, item in content.items()}
    if kind == "list":
        return [unpack(item, tensors) for item in content]
    if kind != "value":
        raise KeyError(kind)
    return content
