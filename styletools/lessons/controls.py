"""Sliders and what they move, in one box that can also be read without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets


class Controls(widgets.VBox):
    """Widgets one below the other: a cell's last value.

    sentence: what a page shows that cannot run them, such as a stored notebook: where to look instead.
    """

    def __init__(self, children: Sequence[widgets.Widget], sentence: str) -> None:
        super().__init__(children)
        self.sentence = sentence

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": self.sentence}
