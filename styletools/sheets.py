"""Snapshots: a picture with everything that is needed to paint it again, alone or many on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from .errors import ImageError
from .jobs import Job
from .numerals import number, whole

MARGIN, CAPTION = 12, 44  # pixels on a contact sheet


@dataclass(frozen=True)
class Snapshot:
    """A picture and how it came about."""

    image: Image.Image
    settings: Job
    label: str

    @property
    def caption(self) -> tuple[str, str]:
        """Two lines: label and step; the weights of the last step."""
        used = self.settings.moves[-1][1] if self.settings.moves else self.settings.weights
        step = f"step {whole(self.settings.done or 0)}"
        moves = len(self.settings.moves) - 1
        after = f" after {moves} moves" if moves > 1 else " after 1 move" if moves == 1 else ""
        first = f"{self.label} · {step}" if self.label else step
        return first, f"α {number(used.alpha)}  β {number(used.beta)}  TV {number(used.tv)}{after}"


def contact_sheet(snapshots: Sequence[Snapshot], columns: int = 4) -> Image.Image:
    """Put snapshots on one white sheet, each with its caption under it. Raises ImageError when there are none."""
    if not snapshots:
        raise ImageError("there are no snapshots yet: take one first.")
    columns = min(columns, len(snapshots))
    font = ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), 13)  # Pillow's own has no Greek
    captions = [max(math.ceil(font.getlength(line)) for line in snapshot.caption) for snapshot in snapshots]
    wide = max(*captions, *(snapshot.image.width for snapshot in snapshots))
    high = max(snapshot.image.height for snapshot in snapshots)
    rows = -(-len(snapshots) // columns)
    cell = (wide + MARGIN, high + CAPTION + MARGIN)
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN, rows * cell[1] + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    for place, snapshot in enumerate(snapshots):
        left, top = MARGIN + place % columns * cell[0], MARGIN + place // columns * cell[1]
        sheet.paste(snapshot.image, (left, top))
        draw.text((left, top + snapshot.image.height + 4), "\n".join(snapshot.caption), "black", font)
    return sheet
