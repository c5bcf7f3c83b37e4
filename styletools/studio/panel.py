"""The studio's page: what Python tells it (traits and messages), and what it tells Python (messages). See `front/`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

FRONT = Path(__file__).parent / "front"
LARGEST_UPLOAD = 1024  # pixels of the longer side; larger photographs are scaled down in the browser, so that they travel fast


class Panel(anywidget.AnyWidget):
    """The page as Python sees it: values that it shows, and `tell` for what happens once.

    The worker's thread alone writes `frame`, `painting`, `heat`, `gram`, `gram_target`, `gram_text` and `timeline`; the
    notebook's thread the others.
    """

    # As text, because files that are watched would keep panels alive.
    _esm = "\n".join(path.read_text(encoding="utf8") for path in sorted(FRONT.glob("*.js")))
    _css = "\n".join(path.read_text(encoding="utf8") for path in sorted(FRONT.glob("*.css")))

    setup = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    painting = traitlets.Bytes().tag(sync=True)  # JPEG, like the next four
    content_picture = traitlets.Bytes().tag(sync=True)  # JPEG; "style" alone would be a word of ipywidgets
    style_picture = traitlets.Bytes().tag(sync=True)
    second_picture = traitlets.Bytes().tag(sync=True)  # empty without a second style
    mask = traitlets.Bytes().tag(sync=True)  # PNG: white where the second style paints; empty without one
    heat = traitlets.Bytes().tag(sync=True)
    gram = traitlets.Bytes().tag(sync=True)  # PNG, like the next one
    gram_target = traitlets.Bytes().tag(sync=True)
    gram_text = traitlets.Unicode().tag(sync=True)
    cards = traitlets.List().tag(sync=True)
    compared = traitlets.List().tag(sync=True)
    timeline = traitlets.Dict().tag(sync=True)
    experiment = traitlets.Dict(allow_none=True).tag(sync=True)
    notice = traitlets.Dict().tag(sync=True)
    largest = traitlets.Int(LARGEST_UPLOAD).tag(sync=True)

    holder: Any = None  # what lives as long as the page may be there

    def obey(self, hear: Callable[[Any, Any], None]) -> None:
        """Hand every message of the page, with its buffers, to a method, but do not keep its object alive for that."""
        method = weakref.WeakMethod(hear)

        def pass_on(_: Any, message: Any, buffers: Any) -> None:
            if (listener := method()) is not None:
                listener(message, buffers)

        self.on_msg(pass_on)

    def tell(self, kind: str, buffers: list[bytes] | None = None, **content: Any) -> None:
        """Send what happens once: the answer to a beat, a file to download, the gallery, a moment of the run."""
        self.send({"kind": kind, **content}, buffers=buffers)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data, about = super()._repr_mimebundle_(**options)
        return {**data, "text/plain": "the studio's panel: run this notebook to see it"}, about
