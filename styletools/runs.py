"""A run on disk: everything a `StyleTransfer` needs to go on, in one safetensors file."""

from __future__ import annotations

import json
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
        "picture": transfer._picture,
        "average": transfer._average,
    }
    about = {
        "settings": asdict(transfer.settings),
        "recipe": {**vars(transfer.recipe), "style_layers": dict(transfer.recipe.style_layers)},
        "weights": [transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers],
        "memory": [transfer._optimizer_weights, transfer._scale, transfer._norms],
        "history": [astuple(step) for step in transfer.history],
        "optimizer": pack(transfer._optimizer.state[transfer._picture], tensors, "optimizer"),
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
            about["vgg"]["dtype"] = getattr(torch, about["vgg"]["dtype"])
            # Clones, because a file's tensors lie at odd addresses, where sums may be rounded in another order.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ImageError(f"{path} is not a run saved by StyleTransfer.save.") from error
    recipe = Recipe(**{key: tuple(v) if isinstance(v, list) else v for key, v in about["recipe"].items()})
    settings = about["settings"] if steps is None else {**about["settings"], "steps": steps}
    transfer = kind(
        tensors["content"],
        tensors["style"],
        load_vgg(**about["vgg"]) if vgg is None else vgg,
        recipe,
        **{**settings, "init": tensors["picture"]},
    )
    transfer.settings = Settings(**settings)
    transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers = about["weights"]
    transfer.history = [Step(*values) for values in about["history"]]
    with torch.no_grad():
        transfer._picture.copy_(tensors["picture"])
        transfer._average.copy_(tensors["average"])
    transfer._start_optimizer()
    weights, transfer._scale, (step, layers, norms) = about["memory"]
    transfer._optimizer_weights, transfer._norms = tuple(weights), (step, tuple(layers), tuple(norms))
    state = {**transfer._optimizer.state_dict(), "state": {0: unpack(about["optimizer"], tensors)}}
    transfer._optimizer.load_state_dict(state)  # which brings every tensor to the picture's device
    return transfer


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
