"""Snapshots: a picture with everything that is needed to paint it again, alone or many on one sheet.

The settings are text inside the PNG file, under the key `SETTINGS_KEY`, so that a picture found years later still says how it
was made: `read_settings("sheet.png")`.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from .images import ImageError, Source, fit_size, load_image
from .live import Frame, Moves, Plan, Weights

SETTINGS_KEY = "styletools"  # of the text inside a PNG file
MARGIN, CAPTION = 12, 44  # pixels on a contact sheet


@dataclass(frozen=True)
class Settings:
    """A run: what is painted, the weights of every step, and how many steps were made."""

    plan: Plan
    weights: Weights  # those of the next step
    moves: Moves = ()  # (number of the first step that used them, weights)
    done: int = 0
    steps: int = 300  # how many a press of start paints

    def to_json(self) -> str:
        """Write as text. Pictures without a name go in at the size they are painted, so nothing is lost for painting."""
        plan = {**vars(self.plan), "content": pack(self.plan.content, self.plan), "style": pack(self.plan.style, self.plan)}
        return json.dumps({**asdict(replace(self, plan=None)), "plan": plan})

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what `to_json` wrote. Raises ImageError when the text is something else."""
        try:
            about = json.loads(text)
            plan = about["plan"]
            return cls(
                Plan(**{**plan, "content": unpack(plan["content"]), "style": unpack(plan["style"])}),
                Weights(**about["weights"]),
                tuple((step, Weights(**weights)) for step, weights in about["moves"]),
                about["done"],
                about["steps"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ImageError("these are not settings of a studio.") from error


@dataclass(frozen=True)
class Snapshot:
    """A picture and how it came about."""

    image: Image.Image
    settings: Settings
    label: str

    @classmethod
    def of(cls, frame: Frame, steps: int, label: str = "") -> Snapshot:
        """Take one of a frame. Raises ImageError when there is no picture in it yet."""
        if frame.image is None:
            raise ImageError("there is no picture yet: press Start or Step first.")
        settings = Settings(frame.plan, frame.weights, frame.moves, frame.done, steps)
        return cls(frame.image, settings, label)

    @property
    def caption(self) -> tuple[str, str]:
        """Two lines: label and step; the weights of the last step."""
        used = self.settings.moves[-1][1] if self.settings.moves else self.settings.weights
        first = f"{self.label} · step {self.settings.done}" if self.label else f"step {self.settings.done}"
        moved = " (moved)" if len(self.settings.moves) > 1 else ""
        return first, f"α {used.alpha:.3g}  β {used.beta:.3g}  TV {used.tv:.3g}{moved}"


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
    for number, snapshot in enumerate(snapshots):
        left, top = MARGIN + number % columns * cell[0], MARGIN + number // columns * cell[1]
        sheet.paste(snapshot.image, (left, top))
        draw.text((left, top + snapshot.image.height + 4), "\n".join(snapshot.caption), "black", font)
    return sheet


def save_png(image: Image.Image, settings: Sequence[Settings], path: str | Path) -> None:
    """Write a PNG with settings inside. Raises ImageError when that fails."""
    info = PngInfo()
    info.add_itxt(SETTINGS_KEY, json.dumps([json.loads(one.to_json()) for one in settings]))
    try:
        image.save(path, format="PNG", pnginfo=info)
    except OSError as error:
        raise ImageError(f"cannot write a picture to {path} ({error}).") from error


def read_settings(path: str | Path) -> list[Settings]:
    """Read the settings inside a PNG that `save_png` wrote, one for each picture on it. Raises ImageError if there are none."""
    load_image(path)  # says so when there is no such file, or no picture in it
    with Image.open(path) as image:
        text = image.info.get(SETTINGS_KEY)
    if text is None:
        raise ImageError(f"{path} has no settings of a studio inside.")
    try:
        found = [Settings.from_json(json.dumps(one)) for one in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise ImageError(f"the settings inside {path} are damaged.") from error
    return found


def pack(source: Source, plan: Plan) -> Any:
    """A picture as JSON: its name, or itself at the size it is painted."""
    if isinstance(source, str | Path):
        return str(source)
    picture = load_image(source)
    height, width = fit_size(picture.height, picture.width, plan.size)
    buffer = io.BytesIO()
    picture.resize((width, height), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return {"png": base64.b64encode(buffer.getvalue()).decode()}


def unpack(packed: Any) -> Source:
    """Do the reverse of `pack`."""
    return packed if isinstance(packed, str) else base64.b64decode(packed["png"])
