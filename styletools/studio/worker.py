"""The worker's half of the loop: one piece of work after the other, and frames of it, while `loop` says what is wanted."""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..history import Pulls, Step
from ..jobs import Job, Moves
from ..recipes import Weights
from .frame import Engine, Frame, sentence, unweighted, weights_at
from .pace import Pace, unmeasured
from .timeline import APART, Timeline

FRAMES_PER_SECOND = 5
PUBLISHING = 0.10  # at most this part of the time goes into showing frames
FRAMES_OF_A_RETURN = 2  # a second, while steps are painted again
EXTRAS_EVERY = 0.5  # seconds, at least, between two looks of the front end at the engine
EXTRAS = 0.05  # at most this part of the time goes into them
KEEP_EVERY = 10.0  # seconds of painting between two checkpoints


@dataclass(frozen=True)
class Return:
    """A way back, or into a new engine: to which step, with which moves, from which state at best."""

    step: int
    moves: Moves
    state: Mapping[str, Any] | None = None


class Worker:
    """What `LiveLoop` wants done. One thread at a time is in `_turn`; all else below is guarded by `_changed`."""

    def __init__(
        self,
        build: Callable[[Job], Engine],
        job: Job,
        publish: Callable[[Frame], None],
        timeline: Timeline,
        steps: int | None,
        extras: Callable[[Engine, Weights], Any] | None,
    ) -> None:
        self.timeline = timeline
        self.error: Exception | None = None
        self.front_end_error: Exception | None = None
        self.publishing_seconds = 0.0  # spent on frames so far
        self.frame = Frame("idle", "", job, None, (), (), steps, 0.0, job.weights, None)
        self._build, self._publish, self._extras = build, publish, extras
        self._changed = threading.Condition()  # guards everything below
        self._job, self._weights, self._steps = job, job.weights, steps
        self._state, self._message, self._goal = "idle", "", steps
        self._asleep = False  # whether it is `sleep` that made it hold
        self._worker: threading.Thread | None = None  # the thread that has the engine to itself
        self._borrowed = False  # whether that is the thread of a program, in `run`
        self._engine: Engine | None = None
        self._generation = 0  # counts new beginnings: what was made for an older one is thrown away
        self._singles = 0  # presses of step not yet answered
        self._return: Return | None = None  # the step on which it has to be before anything else
        self._returning: Return | None = None  # the one that the engine is on its way to
        self._show_asked = self._extra_asked = False
        self._asked = self._answered = 0  # captures
        self._captured: tuple[Frame, dict[str, Any] | None] = (self.frame, None)
        self._pulls: Pulls | None = None
        self._known = (0.0, 0.0, 0.0)
        self._extra, self._extra_of = None, (-1, -1)  # and the generation and the step it was made of
        self._next_frame = self._next_extra = self._kept_at = 0.0
        self._pace = Pace()
        self._ends: deque[float] = deque(maxlen=20)  # when the last steps ended

    # --- under the lock ------------------------------------------------------------------------------------------------

    def _run_on(self) -> None:
        if self._borrowed:
            pass  # a program's run ends where it was told to
        elif self._steps is None:
            self._goal = None
        elif self._goal is None or self._done() >= self._goal:
            self._goal = self._done() + self._steps
        self._state = "running"

    def _begin_again_if_ended(self) -> None:
        if self._state == "error" or (self._state == "idle" and self._done()):
            self._state = "idle"
            self._forget()

    def _forget(self) -> None:
        self._generation += 1
        self._engine, self._pulls, self._return, self._returning, self._asleep = None, None, None, None, False
        self._message, self.error, self._singles = "", None, 0
        self._goal = self._goal if self._borrowed else self._steps
        self._known, self._extra, self._next_extra = (0.0, 0.0, 0.0), None, 0.0
        self._ends.clear()
        self._pace.forget()

    def _hold_for(self, wanted: Return) -> None:
        self._return, self._state, self._asleep, self._singles, self._message, self.error = wanted, "paused", False, 0, "", None
        self._ask_to_show()

    def _done(self) -> int:
        """The steps of the run: while it returns, those it will have."""
        return self._return.step if self._return else len(self._engine.history) if self._engine else 0

    def _ask_to_show(self) -> None:
        self._show_asked = True
        self._wake()

    def _has_work(self) -> bool:
        wanted = self._singles > 0 or self._return is not None or self._show_asked or self._asked > self._answered
        return self._state == "running" or wanted

    def _wake(self) -> None:
        if self._worker is None and self._has_work():
            self._worker = threading.Thread(target=self._work, name="styletools studio", daemon=True)
            atexit.register(self._rest)
            self._worker.start()
        self._changed.notify_all()

    def _rest(self) -> None:
        """Come to rest before Python ends: a thread cut off in the middle of a step takes the whole process down."""
        with self._changed:
            self._state, self._singles, self._return = "idle", 0, None
            self._changed.wait_for(lambda: self._worker is None, 10)

    # --- the worker ----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._has_work():
                    self._worker = None
                    atexit.unregister(self._rest)
                    self._changed.notify_all()
                    return
                painting = self._state == "running" or self._singles or self._return or self._asked > self._answered
                early = self._next_frame - time.monotonic()
                if not painting and early > 0:  # a slider is dragged over a resting picture: not every move needs a frame
                    self._changed.wait(early)
                    continue
            self._turn()

    def _turn(self) -> None:
        """Do one piece of work: build the engine, make a step, now or again, or only show what there is."""
        with self._changed:
            generation, engine, job, weights = self._generation, self._engine, self._job, self._weights
            failed, running, wanted = self._state == "error", self._state == "running", self._return
            stepping = engine is not None and wanted is None and (running or self._singles > 0)
            if stepping and self._singles:
                self._singles -= 1
            if self._show_asked and not stepping and wanted is None:
                self._next_frame, self._show_asked = 0.0, False
        try:
            step, pulls = None, None
            if engine is None and not failed:
                self.timeline.clear()
                engine = self._build(job)
            elif engine is not None and wanted is not None:
                engine = self._approach(engine, wanted, job)
            elif stepping:
                step, pulls = self._step(engine, weights, running)
        except Exception as error:
            self._note(generation, engine, None, None, error)
        else:
            self._note(generation, engine, step, pulls)
        self._show()

    def _step(self, engine: Engine, weights: Weights, running: bool) -> tuple[Step, Pulls | None]:
        """Make a step, measured if it is time to, after a checkpoint where the weights are new."""
        began, done = time.monotonic(), len(engine.history)
        latest, used = engine.moves[-1] if engine.moves else (0, weights)
        moves = used != weights and (len(engine.moves) == 1 or done + 1 - latest >= APART)  # a drag begins
        if done == 0 or moves or began - self._kept_at >= KEEP_EVERY:
            self.timeline.keep(done, engine.state())
            self._kept_at = began = time.monotonic()
        measure = running and self._pace.due(self._pulls, weights, began)
        step = engine.step(weights, measure)
        self._pace.note(began, time.monotonic() - began, measure)
        return step, engine.pulls if measure else None

    def _approach(self, engine: Engine, wanted: Return, job: Job) -> Engine:
        """Come one piece nearer to the step that is wanted: take up the best state there is, or paint a step again."""
        if self._returning is not wanted:
            self.timeline.cut(wanted.step)
            kept = self.timeline.nearest(wanted.step)
            state = kept[1] if kept else wanted.state
            if state is not None and len(state["history"]) <= wanted.step:
                engine.restore(state)
                self.timeline.keep(len(engine.history), state)
            elif engine.history:
                engine = self._build(job)
            self._returning, self._kept_at = wanted, time.monotonic()
        elif len(engine.history) < wanted.step:
            engine.step(weights_at(wanted.moves, len(engine.history) + 1))
        if len(engine.history) == wanted.step:
            with self._changed:
                if self._return is wanted:
                    self._return, self._show_asked = None, True
        return engine

    def _note(
        self, generation: int, engine: Engine | None, step: Step | None, pulls: Pulls | None, error: Exception | None = None
    ) -> None:
        """Take over what a piece of work has made, unless a new beginning came in between."""
        with self._changed:
            if generation != self._generation:
                return
            self._engine = engine
            if error is not None:
                self._state, self.error, self._message = "error", error, sentence(error)
                self._singles, self._return = 0, None
                if engine is not None:
                    self.timeline.cut(len(engine.history))  # it may have failed on its way back
            if pulls is not None:
                self._pulls, self._known = pulls, unweighted(pulls, self._known)
            if step is not None:
                self._ends.append(time.monotonic())
                ended = self._goal is not None and len(engine.history) >= self._goal
                if ended and self._state in ("running", "paused") and not self._singles:
                    self._state, self._asleep = "finished", False
            if self._state != "running":
                self._ends.clear()
                self._next_frame = self._next_frame if self._return else 0.0

    # --- frames --------------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Hand out a frame if it is time for one; a loop at rest always shows where it came to rest."""
        with self._changed:
            now = time.monotonic()
            returning, asked = self._return is not None, self._asked
            capturing = asked > self._answered and not returning
            if (self._state == "running" or returning) and now < self._next_frame and not capturing:
                return
            generation, engine, weights, running = self._generation, self._engine, self._weights, self._state == "running"
            if (engine is None and self._state != "error") or (returning and self._returning is not self._return):
                return  # a new beginning came in between, or a way back has not begun; it still has to be shown
            self._show_asked = False
        image, state = None, None
        try:
            if engine is not None:
                if not returning:
                    self._measure(generation, engine, weights)
                    self._look(generation, engine, weights, running)
                now = time.monotonic()
                image = engine.image()
                state = engine.state() if capturing else None
        except Exception as error:
            self._note(generation, engine, None, None, error)
        with self._changed:
            if generation != self._generation:
                return
            self.frame = self._frame(engine, image)
            if capturing:
                self._captured, self._answered = (self.frame, state), asked
                self._changed.notify_all()
        try:
            if not returning:
                self.timeline.add(self.frame)
            self._publish(self.frame)
        except Exception as error:
            self.front_end_error = error
        cost = time.monotonic() - now
        self.publishing_seconds += cost
        self._next_frame = now + max(1 / (FRAMES_OF_A_RETURN if returning else FRAMES_PER_SECOND), cost / PUBLISHING)

    def _frame(self, engine: Engine | None, image: Any) -> Frame:
        history, moves = (tuple(engine.history), engine.moves) if engine else ((), ())
        span = self._ends[-1] - self._ends[0] if len(self._ends) > 1 else 0.0
        return Frame(
            self._state, self._message, self._job, image, history, moves, self._goal,
            (len(self._ends) - 1) / span if span > 0 else 0.0, self._weights, self._pulls, self._known, self._asleep,
            self._extra,
        )  # fmt: skip

    def _measure(self, generation: int, engine: Engine, weights: Weights) -> None:
        """Measure who pulls at the picture a loop at rest shows, once."""
        old = self._pulls is None or self._pulls.step != len(engine.history) or unmeasured(self._pulls, weights)
        if old and self._state not in ("running", "error"):
            pulls = engine.measure(weights)
            with self._changed:
                if generation == self._generation:
                    self._pulls, self._known = pulls, unweighted(pulls, self._known)

    def _look(self, generation: int, engine: Engine, weights: Weights, running: bool) -> None:
        """Have the front end make what it shows besides, now and then, and of the picture a loop at rest shows."""
        now, place = time.monotonic(), (generation, len(engine.history))
        due = now >= self._next_extra if running else place != self._extra_of
        if self._extras is None or not (due or self._extra_asked):
            return
        self._extra_asked = False
        try:
            extra = self._extras(engine, weights)
        except Exception as error:
            self.front_end_error, extra = error, None
        after = time.monotonic()
        with self._changed:
            if generation == self._generation:
                self._extra, self._extra_of = extra, place
                self._next_extra = after + max(EXTRAS_EVERY, (after - now) / EXTRAS)
