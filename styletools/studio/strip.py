"""The strip of snapshots under the painting, and two of them side by side."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from ..sheets import Snapshot
from . import views


class Strip:
    """A row of cards, one a snapshot, the run before the present one first. `row` and `side` are its two widgets."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.last: Snapshot | None = None  # the run before the present one
        self.row, self.side = marked(widgets.HBox(), "st-strip"), marked(widgets.HBox(), "st-compare")
        self._compared: list[Snapshot] = []
        self._cards: dict[int, tuple[widgets.VBox, widgets.VBox]] = {}  # by id of the snapshot
        self._quiet = False  # whether boxes are being ticked by the program, not by a hand

    def add(self, snapshot: Snapshot) -> None:
        """Put a snapshot at the end."""
        self.snapshots.append(snapshot)
        self._show()

    def keep_last(self, snapshot: Snapshot) -> None:
        """Put a snapshot of the run that ends at the beginning, in the place of the one before."""
        self.last = snapshot
        self._show()

    def compare(self, *snapshots: Snapshot) -> None:
        """Show snapshots side by side; the last two given."""
        self._compared = list(snapshots[-2:])
        self._show()

    def _show(self) -> None:
        kept = [*([self.last] if self.last else []), *self.snapshots]
        self._cards = {id(one): self._cards.get(id(one)) or self._card(one) for one in kept}
        self.row.children = [card for card, _ in self._cards.values()]
        self._compared = [one for one in self._compared if any(one is other for other in kept)]
        self._quiet = True
        for one in kept:
            self._cards[id(one)][0].children[-1].value = any(one is other for other in self._compared)
        self._quiet = False
        self.side.children = [self._cards[id(one)][1] for one in self._compared]

    def _card(self, one: Snapshot) -> tuple[widgets.VBox, widgets.VBox]:
        """A snapshot small, for the row, and large, for comparing."""
        box = widgets.Checkbox(False, indent=False, description="compare")
        box.observe(lambda change: self._ticked(one, change["new"]), "value")
        small = marked(widgets.VBox([picture(one, "st-thumb"), caption(one), box]), "st-card")
        return small, marked(widgets.VBox([picture(one, "st-big"), caption(one)]), "st-side")

    def _ticked(self, one: Snapshot, ticked: bool) -> None:
        if not self._quiet:
            others = [other for other in self._compared if other is not one]
            self.compare(*others, *([one] if ticked else []))


def marked(widget: Any, name: str) -> Any:
    """Give a widget a CSS class, and return it."""
    widget.add_class(name)
    return widget


def picture(snapshot: Snapshot, name: str) -> widgets.Image:
    """A snapshot's picture as a widget."""
    return marked(widgets.Image(value=views.jpeg(snapshot.image, 90), format="jpeg"), name)


def caption(snapshot: Snapshot) -> widgets.HTML:
    """A snapshot's caption as a widget."""
    return widgets.HTML(views.lines(snapshot.caption))
