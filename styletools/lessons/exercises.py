"""All exercises that `check` knows, in the order of the lessons.

`EXERCISES` have one right result (`judging`), `TASKS` many (`open_tasks`); `VALUES` are answered without a function (`values`).
A new exercise is a new entry in one of their tables: what is right, what to try it on, and the usual slips with their hints.
"""

from __future__ import annotations

from collections.abc import Callable

from . import on_better_paint, on_control, on_features, on_painting, on_style, values
from .judging import Exercise
from .open_tasks import TASKS
from .values import Remark

EXERCISES: dict[str, Exercise] = {
    **on_features.EXERCISES, **on_style.EXERCISES, **on_painting.EXERCISES, **on_better_paint.EXERCISES,
    **on_control.EXERCISES,
}  # fmt: skip
VALUES: dict[str, Callable[[object], Remark]] = {**values.VALUES, **on_better_paint.VALUES, **on_control.VALUES}
NAMES: tuple[str, ...] = (*EXERCISES, *TASKS, *VALUES)
