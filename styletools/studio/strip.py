"""The strip of snapshots under the painting: a list with names, of which two stand side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from ..sheets import Snapshot
from . import views

THUMB = 220  # pixels of the longer side on a card


@dataclass
class Card:
    """A snapshot on the strip, with a number that stays."""

    number: int
    snapshot: Snapshot


class Strip:
    """The cards in the order they were taken, the run before the present one first."""

    def __init__(self) -> None:
        self._cards: list[Card] = []
        self._last: Card | None = None  # the run before the present one
        self._numbers = count(1)
        self._compared: list[int] = []

    @property
    def cards(self) -> list[Card]:
        """Every card, the run before the present one first."""
        return [*([self._last] if self._last else []), *self._cards]

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots that were taken, without the run before the present one."""
        return [card.snapshot for card in self._cards]

    @property
    def compared(self) -> list[int]:
        """The numbers of the cards that stand side by side, two at most."""
        there = {card.number for card in self.cards}
        return [number for number in self._compared if number in there]

    def add(self, snapshot: Snapshot) -> Card:
        """Put a snapshot at the end."""
        card = Card(next(self._numbers), snapshot)
        self._cards.append(card)
        return card

    def keep_last(self, snapshot: Snapshot) -> None:
        """Put the run that ends at the beginning, in the place of the one before."""
        self._last = Card(next(self._numbers), snapshot)

    def card(self, number: int) -> Card | None:
        """The card with a number; None when it is gone."""
        return next((card for card in self.cards if card.number == number), None)

    def rename(self, number: int, label: str) -> None:
        """Give a card another name."""
        if (card := self.card(number)) and label.strip():
            card.snapshot = replace(card.snapshot, label=label.strip()[:80])

    def delete(self, number: int) -> None:
        """Take a card away."""
        self._cards = [card for card in self._cards if card.number != number]
        if self._last and self._last.number == number:
            self._last = None

    def compare(self, *numbers: int) -> None:
        """Let cards stand side by side; the last two given."""
        self._compared = list(dict.fromkeys(numbers))[-2:]

    def tick(self, number: int, on: bool) -> None:
        """Put a card side by side with the one that stands there, or take it away. A third takes the place of the oldest."""
        self.compare(*(other for other in self.compared if other != number), *([number] if on else []))


def card_data(card: Card, size: int | None = THUMB) -> dict[str, Any]:
    """A card as the page shows it. size: pixels of the longer side; None for the whole picture."""
    picture = card.snapshot.image.copy()
    if size is not None:
        picture.thumbnail((size, size))
    return {
        "id": card.number,
        "label": card.snapshot.label,
        "caption": list(card.snapshot.caption),
        "jpeg": views.jpeg(picture, 90),
    }
