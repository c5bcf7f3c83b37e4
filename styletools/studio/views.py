"""What the studio shows, as plain functions: a frame in; bytes, SVG or values that JSON can hold out. No widgets, no threads.

Loss curves are SVG text and pictures JPEG, because both take well under a millisecond; a matplotlib figure takes a hundred.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from ..images import Source
from ..jobs import Job, Moves
from ..numerals import number, percent, whole
from ..recipes import Weights
from .curves import loss_plot
from .frame import Frame
from .timeline import Moment, Timeline, moves_in_words

TERMS = ("content", "style", "tv")


# --- pictures ----------------------------------------------------------------------------------------------------------


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """A picture as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file, which keeps the squares of a Gram matrix sharp."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


# --- words -------------------------------------------------------------------------------------------------------------


def ratio(weights: Weights) -> str:
    """Beta over alpha as one number."""
    if weights.alpha == 0:
        return "∞" if weights.beta > 0 else "–"
    return number(weights.beta / weights.alpha)


def name_of(picture: Source | Tensor) -> str:
    """What a picture is called in a sentence: great wave, my cat; nothing when it has no name."""
    return Path(picture).stem.replace("_", " ") if isinstance(picture, str | Path) else ""


def alt_text(job: Job, step: int) -> str:
    """What the picture shows, for who cannot see it."""
    content = name_of(job.content) or "a photograph of yours"
    style = " and ".join(name_of(one.picture) or "a picture of yours" for one in job.styles)
    if step == 0 and job.start == "content":
        return f"{content}, before the first step"
    return f"Painting of {content} in the manner of {style}, step {whole(step)}"


def weights_in_words(weights: Weights) -> str:
    """The three weights in one line."""
    return f"α {number(weights.alpha)}  β {number(weights.beta)}  TV {number(weights.tv)}"


def shares_in_words(shares: tuple[float, float, float] | None) -> str:
    """Who pulls how much."""
    if shares is None:
        return "nothing pulls yet"
    return ", ".join(f"{term} {percent(share)}" for term, share in zip(("content", "style", "TV"), shares, strict=True))


# --- values for the page --------------------------------------------------------------------------------------------------


def weights_data(weights: Weights) -> dict[str, float]:
    """Three weights by name."""
    return {"alpha": float(weights.alpha), "beta": float(weights.beta), "tv": float(weights.tv)}


def used(frame: Frame) -> dict[str, float] | None:
    """The weights of the last step made, None before the first."""
    if not frame.history:
        return None
    last = frame.history[-1]
    return {"alpha": float(last.alpha), "beta": float(last.beta), "tv": float(last.tv_weight)}


def seconds_left(frame: Frame) -> float | None:
    """How long it will take to the goal; None without a goal or a speed."""
    if frame.goal is None or not frame.steps_per_second:
        return None
    return round(max(0, frame.goal - frame.done) / frame.steps_per_second, 1)


def frame_data(frame: Frame) -> dict[str, Any]:
    """A frame as values that JSON can hold; its picture goes beside it."""
    return {
        "state": frame.state,
        "message": frame.message,
        "asleep": frame.asleep,
        "step": frame.done,
        "goal": frame.goal,
        "speed": round(frame.steps_per_second, 1),
        "left": seconds_left(frame),
        "weights": used(frame),
        "next": weights_data(frame.weights),
        "ratio": ratio(frame.weights),
        "shares": None if frame.shares is None else [round(share, 4) for share in frame.shares],
        "pull": shares_in_words(frame.shares),
        "svg": loss_plot(frame.history, frame.moves, frame.goal),
        "alt": alt_text(frame.job, frame.done),
    }


def timeline_data(timeline: Timeline, moves: Moves) -> dict[str, Any]:
    """Where the timeline begins and ends, the steps it has pictures of, and the moves in words."""
    steps = list(timeline.steps)
    said = [{"step": step, "text": text} for step, text in moves_in_words(moves)]
    return {"first": min(steps, default=0), "last": max(steps, default=0), "steps": steps, "moves": said}


def moment_data(moment: Moment) -> dict[str, Any]:
    """A moment of the timeline, but for its picture. The losses are weighted, and unknown before the first step."""
    losses = {name: number(getattr(moment, name)) for name in ("total", *TERMS)} if moment.step else {}
    words = [f"step {whole(moment.step)}", weights_in_words(moment.weights)]
    words += [", ".join(f"{name} {text}" for name, text in losses.items())] if losses else []
    return {"step": moment.step, "losses": losses, "weights": weights_data(moment.weights), "text": " · ".join(words)}


def gram_text(layer: str, distance: float) -> str:
    """How far a layer's Gram matrix is from the style picture's; see `maps.gram_distance`."""
    return f"{layer}: distance {number(distance)} from the style picture's"
