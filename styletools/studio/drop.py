"""A place to drop a picture file, or to choose one: what the browser has, the notebook gets as bytes."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

LARGEST_SIDE = 1024  # pixels; larger photographs are scaled down in the browser, so that they travel quickly


class PictureDrop(anywidget.AnyWidget):
    """Drop a file on it or click to choose one; `on_msg` gets {"name": file name} and the bytes of a picture.

    Pictures come as PNG of at most `LARGEST_SIDE` pixels, other files as they are, so that an error can be told.
    """

    _esm = Path(__file__).with_name("drop.js")
    description = traitlets.Unicode("Drop a picture here, or click").tag(sync=True)
    largest = traitlets.Int(LARGEST_SIDE).tag(sync=True)
