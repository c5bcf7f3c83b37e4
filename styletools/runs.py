"""A run on disk: everything a `StyleTransfer` needs to go on, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .images import ImageError
from .recipes import Recipe
from .vgg import VGG, load_vgg

if TYPE_CHECKING:
    from .transfer import StyleTransfer


def save_run(transfer: StyleTransfer, path: str | Path) -> None:
    """Write pictures, optimiser state, weights, recipe, settings, network name and history.

    Raises ImageError when the file cannot be written.
    """
    tensors = {
        "content": transfer.content,
        "style": transfer.style,
        "average": transfer._average,
        **{f"band.{i}": band for i, band in enumerate(transfer._bands)},
        **{f"nearest.{name}": positions for name, positions in transfer._nearest.items()},
    }
    recipe = vars(transfer.recipe).items()
    about = {
        "settings": asdict(transfer.settings),
        "recipe": {name: dict(value) if isinstance(value, Mapping) else value for name, value in recipe},
        "weights": [transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers],
        "memory": [transfer._optimizer_weights, transfer._scale, transfer._norms],
        "history": [astuple(step) for step in transfer.history],
        "optimizer": pack([transfer._optimizer.state.get(band, {}) for band in transfer._bands], tensors, "optimizer"),
        "vgg": transfer.vgg.options,
    }
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(whole, path, metadata={"styletools": json.dumps(about)})
    except (OSError, SafetensorError) as error:
        raise ImageError(f"cannot write the run to {path} ({error}).") from error


def load_run(kind: type[StyleTransfer], path: str | Path, vgg: VGG | None, steps: int | None) -> StyleTransfer:
    """Read what `save_run` wrote. Raises ImageError when the file is no such run."""
    from .transfer import Settings, Step

    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["styletools"])
            network = network_arguments(about["vgg"])
            # Clones, because a file's tensors lie at odd addresses, where sums may be rounded in another order.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ImageError(f"{path} is not a run saved by StyleTransfer.save.") from error
    recipe = Recipe(**{key: tuple(v) if isinstance(v, list) else v for key, v in about["recipe"].items()})
    settings = about["settings"] if steps is None else {**about["settings"], "steps": steps}
    transfer = kind(
        tensors["content"],
        tensors["style"],
        load_vgg(**network) if vgg is None else vgg,
        recipe,
        **{**settings, "init": tensors["average"]},
    )
    transfer.settings = Settings(**settings)
    transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers = about["weights"]
    transfer.history = [Step(*values) for values in about["history"]]
    with torch.no_grad():
        for i, band in enumerate(transfer._bands):
            band.copy_(tensors[f"band.{i}"] if "band.0" in tensors else tensors["picture"])  # older files: the pixels
        transfer._average.copy_(tensors["average"])
    for name in recipe.neighbour_layers:
        if (key := f"nearest.{name}") in tensors:
            transfer._nearest[name] = tensors[key].to(transfer.vgg.device)
    transfer._start_optimizer()
    weights, transfer._scale, (step, layers, norms) = about["memory"]
    transfer._optimizer_weights, transfer._norms = tuple(weights), (step, tuple(layers), tuple(norms))
    states = unpack(about["optimizer"], tensors)
    states = states if isinstance(states, list) else [states]  # older files: the pixels' only
    state = {**transfer._optimizer.state_dict(), "state": {i: state for i, state in enumerate(states) if state}}
    transfer._optimizer.load_state_dict(state)  # which brings every tensor to the picture's device
    return transfer


def network_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Turn a network's `options`, as a file holds them, into arguments of `load_vgg`.

    A file that does not say whether filters were rescaled is older than the authors' weights: its vgg19 had those that are now
    called vgg19-torchvision.
    """
    older = "rescale" not in options
    name = "vgg19-torchvision" if older and options["name"] == "vgg19" else options["name"]
    return {**options, "name": name, "dtype": getattr(torch, options["dtype"])}


def pack(value: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """Turn an optimiser's state into JSON; its tensors go into `tensors`, their names into the JSON."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": {key: pack(item, tensors, f"{name}.{key}") for key, item in value.items()}}
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
    return content
