"""Files: what is handed in is opened, whatever it is; what is written is whole or it is the one that was there before."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

CLOSED = "was closed before it was read; hand in its name, or load it while it is open"
NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL)  # no file can be there


class Unreadable(Exception):
    """Says what is wrong with a file and what to do, in a sentence without its subject and its full stop."""


def from_home(path: str | os.PathLike) -> Path:
    """The place a path names: ~ leads home, as in a shell, unless there is something of that very name."""
    path = Path(os.fsdecode(path))
    return path if os.path.lexists(path) else Path(os.path.expanduser(path))


@contextmanager
def opened(source: Any) -> Iterator[BinaryIO]:
    """Give the file that a path, bytes or an open file mean; of an open file, a copy.

    Raises FileNotFoundError when there is none, Unreadable when it is nothing that can be read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(bytes(source))
    elif hasattr(source, "read"):
        yield io.BytesIO(contents(source))
    elif isinstance(source, str | os.PathLike):
        with open_path(from_home(source)) as file:
            yield file
    else:
        raise Unreadable("is no picture; expected a file, its bytes, an array or a PIL image")


def open_path(path: Path) -> BinaryIO:
    """Open a file for reading. Raises FileNotFoundError and Unreadable."""
    if os.path.isdir(path):
        raise Unreadable("is a folder; a picture file was expected")
    if os.path.exists(path) and not os.path.isfile(path):  # reading a device might never end
        raise Unreadable("is no ordinary file; copy the picture into one")
    try:
        return open(path, "rb")
    except ValueError as error:  # a zero byte in it
        raise FileNotFoundError(path) from error
    except OSError as error:
        if error.errno in NOWHERE:
            raise FileNotFoundError(path) from error
        raise Unreadable(f"cannot be opened ({error.strerror}); check its permissions, or copy it") from error


def contents(file: BinaryIO) -> bytes:
    """Read an open file from its beginning, and leave it where it stood. Raises Unreadable."""
    if getattr(file, "closed", False):
        raise Unreadable(CLOSED)
    if isinstance(file, io.TextIOBase):
        raise Unreadable("was opened as text; open it with mode 'rb'")
    try:
        if not hasattr(file, "seekable") or not file.seekable():
            return file.read()
        place = file.tell()
        file.seek(0)
        try:
            return file.read()
        finally:
            file.seek(place)
    except (OSError, ValueError) as error:
        raise Unreadable("cannot be read; open it with mode 'rb'") from error


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give the name of a file to write, beside `path` and with its ending; put it in the place of `path` when all went well.

        with replacing("run.safetensors") as unfinished:
            save_file(tensors, unfinished)

    Whatever ends the writing early, an interrupt or a full disk, leaves `path` as it was. Raises what the writing raises.
    """
    path = Path(os.path.realpath(from_home(path)))  # of a link, what it leads to
    unfinished = path.with_name(f".{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
