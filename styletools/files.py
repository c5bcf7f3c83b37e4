"""Writing files so that nothing is lost: a file is whole or it is the one that was there before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give the name of a file to write, beside `path` and with its ending; put it in the place of `path` when all went well.

        with replacing("run.safetensors") as unfinished:
            save_file(tensors, unfinished)

    Whatever ends the writing early, an interrupt or a full disk, leaves `path` as it was. Raises what the writing raises.
    """
    path = Path(os.path.realpath(path))  # of a link, what it leads to
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
