"""Whether a file of weights is what it should be: found out before anything of it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from .errors import WeightsError


def genuine(path: Path, sha256: str, remedy: str) -> bytes:
    """The contents of a file, which are used only if their checksum is right. Raises WeightsError with a way out."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); {remedy}.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"{path} is damaged: its checksum differs; {remedy}.")
    return data


def file_checksum(path: Path) -> str:
    """The SHA-256 of a file, of which little is held in memory at once."""
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(2**24):
            whole.update(data)
    return whole.hexdigest()


def weights_checksum(weights: Mapping[str, Tensor]) -> str:
    """The SHA-256 of all weights in the order of their names."""
    whole = hashlib.sha256()
    for name in sorted(weights):
        whole.update(name.encode() + weights[name].contiguous().numpy().tobytes())
    return whole.hexdigest()


def noted_checksum(path: Path) -> str | None:
    """What a safetensors file says that `weights_checksum` is; None when it says nothing, or is of another kind."""
    if path.suffix != ".safetensors":
        return None
    with safe_open(path, "pt") as file:
        return (file.metadata() or {}).get("sha256")


def checked(weights: dict[str, Tensor], expected: Mapping[str, Tensor], checksum: str | None) -> dict[str, Tensor]:
    """The weights, if they have the names and shapes expected, are finite, and have that checksum. Raises ValueError if not."""
    if checksum not in (None, weights_checksum(weights)):
        raise ValueError("its checksum differs")
    if {name: one.shape for name, one in weights.items()} != {name: one.shape for name, one in expected.items()}:
        raise ValueError("these are the weights of another network")
    if not all(one.is_floating_point() and bool(one.isfinite().all()) for one in weights.values()):
        raise ValueError("some weights are no numbers")
    return weights
