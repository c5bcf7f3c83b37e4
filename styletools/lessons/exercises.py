"""All exercises that `check` knows, in the order of the lessons.

`EXERCISES` have one right result (`judging`), `TASKS` many (`open_tasks`); `VALUES` are answered without a function (`values`).
A new exercise is a new entry in one of their tables: what is right, what to try it on, and the usual slips with their hints.
"""

from __future__ import annotations

from . import on_features, on_painting, on_style
from .judging import Exercise
from .open_tasks import TASKS
from .values import VALUES

EXERCISES: dict[str, Exercise] = {**on_features.EXERCISES, **on_style.EXERCISES, **on_painting.EXERCISES}
NAMES: tuple[str, ...] = (*EXERCISES, *TASKS, *VALUES)
