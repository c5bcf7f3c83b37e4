"""The loop behind the studio: one worker thread paints while any thread presses buttons and turns knobs.

Nothing in here knows a user interface. Buttons and sliders change, under one lock, what the worker reads before its next
piece of work; only the worker builds an engine, steps it and hands out frames. The worker lives as long as there is work.

    idle     --start-->  running  --pause-->  paused  --start-->  running  --last step-->  finished  --start-->  running
    any      --stop-->   idle (the picture stays until the next start)      any  --reset-->  idle (a new picture)
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from PIL import Image

from ..errors import StyleError
from ..jobs import Job, Moves
from ..recipes import Weights
from ..transfer import Step

FRAMES_PER_SECOND = 5
PUBLISHING = 0.10  # at most this part of the time goes into showing frames
MEASURING = 0.03  # and this part into measuring who pulls


@dataclass(frozen=True)
class Frame:
    """What can be shown at one moment."""

    state: str  # idle, running, paused, finished or error
    message: str  # one sentence when something went wrong, else empty
    job: Job  # as it began
    image: Image.Image | None  # None before anything was built
    history: tuple[Step, ...]
    moves: Moves
    goal: int  # the step at which the run ends
    steps_per_second: float  # 0 when unknown
    weights: Weights  # those of the next step
    pulls: tuple[float, float, float] | None  # gradient norms of the unweighted content, style and tv terms

    @property
    def done(self) -> int:
        """The number of steps made."""
        return len(self.history)

    @property
    def shares(self) -> tuple[float, float, float] | None:
        """Who pulls how much: the norms of the three weighted gradients as parts of their sum; None when nothing pulls."""
        if self.pulls is None:
            return None
        weighted = [w * g for w, g in zip((self.weights.alpha, self.weights.beta, self.weights.tv), self.pulls, strict=True)]
        total = sum(weighted)
        return (weighted[0] / total, weighted[1] / total, weighted[2] / total) if total > 0 else None


class Engine(Protocol):
    """What the loop drives: a `TransferEngine`, or something simple in a test."""

    history: Sequence[Step]
    moves: Moves

    def step(self, weights: Weights) -> Step:
        """Make one step with these weights."""

    def image(self) -> Image.Image:
        """Render the picture as it is now."""

    def pulls(self, weights: Weights) -> tuple[float, float, float]:
        """Measure the gradient norms of the unweighted content, style and tv terms."""


class LiveLoop:
    """Paint in the background, obeying at once.

    build: makes an engine for a job; called by the worker only. publish: shows a frame; called by the worker only, and
    what it raises cannot stop the loop (it is kept in `front_end_error`). A press of start paints `job.steps` steps.

    Every method may be called from any thread and returns at once, but for `run` and `wait`. `frame` is the last frame made,
    `error` what the engine raised.
    """

    def __init__(
        self,
        build: Callable[[Job], Engine],
        job: Job,
        publish: Callable[[Frame], None] = lambda frame: None,
    ) -> None:
        self.error: Exception | None = None
        self.front_end_error: Exception | None = None
        self.publishing_seconds = 0.0  # spent on frames so far
        self.frame = Frame("idle", "", job, None, (), (), job.steps, 0.0, job.weights, None)
        self._build, self._publish = build, publish
        self._changed = threading.Condition()  # guards everything below
        self._job, self._weights, self._steps = job, job.weights, job.steps
        self._state, self._message, self._goal = "idle", "", job.steps
        self._worker: threading.Thread | None = None  # the thread that has the engine to itself
        self._engine: Engine | None = None
        self._generation = 0  # counts new beginnings: what was made for an older one is thrown away
        self._singles = 0  # presses of step not yet answered
        self._show_asked = False
        self._pulls: tuple[float, float, float] | None = None
        self._pulls_of: tuple[int, Mapping[str, float]] | None = None  # the step and layer weights they were measured at
        self._next_frame = self._next_measurement = 0.0
        self._ends: deque[float] = deque(maxlen=20)  # when the last steps ended

    # --- buttons and knobs ---------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """Where the loop stands: idle, running, paused, finished or error. A step in flight may still end after a pause."""
        return self._state

    @property
    def job(self) -> Job:
        """What is painted, with the weights it began with."""
        return self._job

    @property
    def weights(self) -> Weights:
        """The weights of the next step."""
        return self._weights

    @property
    def steps(self) -> int:
        """How many steps a press of start paints; a change moves the end of the present run."""
        return self._steps

    @steps.setter
    def steps(self, steps: int) -> None:
        with self._changed:
            self._steps = steps
            if self._state != "finished":
                self._goal = max(steps, self._done() + (self._state == "running"))
            self._ask_to_show()

    def start(self) -> None:
        """Paint: go on after a pause, paint on after the last step, begin again otherwise."""
        with self._changed:
            if self._state != "running":
                self._begin_again_if_ended()
                if self._done() >= self._goal:
                    self._goal = self._done() + self._steps
                self._state = "running"
            self._wake()

    def pause(self) -> None:
        """Hold; the next start goes on."""
        with self._changed:
            if self._state == "running":
                self._state = "paused"
                self._ask_to_show()

    def step(self) -> None:
        """Make one step and hold."""
        with self._changed:
            self._begin_again_if_ended()
            self._state = "paused"
            self._singles += 1
            self._wake()

    def stop(self) -> None:
        """End the run and keep its picture; the next start begins again."""
        with self._changed:
            if self._state != "error":
                self._state = "idle"
            self._singles = 0
            self._ask_to_show()

    def reset(self, job: Job | None = None, weights: Weights | None = None, keep_running: bool = False) -> None:
        """Begin again with a first picture, with another job or other weights if given.

        keep_running: a loop that is running goes on running.
        """
        with self._changed:
            self._job, self._weights = job or self._job, weights or self._weights
            self._state = "running" if keep_running and self._state == "running" else "idle"
            self._forget()
            self._ask_to_show()

    def set(self, **changes: Any) -> None:
        """Change weights: set(beta=100). They count from the next step."""
        with self._changed:
            self._weights = replace(self._weights, **changes)
            self._ask_to_show()

    # --- waiting, and running without a thread ---------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the worker has nothing left to do; False when that takes longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._worker is None, timeout)

    def run(self, steps: int) -> None:
        """Paint `steps` more steps in the calling thread; an interrupt leaves the loop paused.

        Raises what the engine raises.
        """
        self.pause()
        with self._changed:
            self._singles = 0
            self._changed.wait_for(lambda: self._worker is None)
            self._worker = threading.current_thread()
            self._begin_again_if_ended()
            self._goal = self._done() + steps
            self._state = "running" if steps > 0 else self._state
            self._show_asked = True
        try:
            while self._has_work():
                self._turn()
        finally:
            with self._changed:
                if self._state == "running":  # interrupted: let a worker show where it came to rest
                    self._state, self._show_asked = "paused", True
                self._worker = None
                self._wake()
        if self._state == "error" and self.error is not None:
            raise self.error

    # --- under the lock ------------------------------------------------------------------------------------------------

    def _begin_again_if_ended(self) -> None:
        if self._state == "error" or (self._state == "idle" and self._done()):
            self._state = "idle"
            self._forget()

    def _forget(self) -> None:
        self._generation += 1
        self._engine, self._pulls, self._pulls_of = None, None, None
        self._message, self.error, self._singles, self._goal = "", None, 0, self._steps
        self._ends.clear()

    def _done(self) -> int:
        return len(self._engine.history) if self._engine else 0

    def _ask_to_show(self) -> None:
        self._show_asked = True
        self._wake()

    def _has_work(self) -> bool:
        return self._state == "running" or self._singles > 0 or self._show_asked

    def _wake(self) -> None:
        if self._worker is None and self._has_work():
            self._worker = threading.Thread(target=self._work, name="styletools studio", daemon=True)
            atexit.register(self._rest)
            self._worker.start()
        self._changed.notify_all()

    def _rest(self) -> None:
        """Come to rest before Python ends: a thread cut off in the middle of a step takes the whole process down."""
        self.stop()
        self.wait(10)

    # --- the worker ----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._has_work():
                    self._worker = None
                    atexit.unregister(self._rest)
                    self._changed.notify_all()
                    return
                only_showing = self._state != "running" and not self._singles
                early = self._next_frame - time.monotonic()
                if only_showing and early > 0:  # a slider is dragged over a resting picture: not every move needs a frame
                    self._changed.wait(early)
                    continue
            self._turn()

    def _turn(self) -> None:
        """Do one piece of work: build the engine, make a step, or only show what there is."""
        with self._changed:
            generation, engine, weights, failed = self._generation, self._engine, self._weights, self._state == "error"
            running = self._state == "running"
            stepping = engine is not None and (running or self._singles > 0)
            if stepping and self._singles:
                self._singles -= 1
            if self._show_asked and not stepping:
                self._next_frame, self._show_asked = 0.0, False
        try:
            step = None
            if engine is None and not failed:
                engine = self._build(self._job)
            elif stepping:
                step = engine.step(weights)
        except Exception as error:
            self._note(generation, engine, None, weights, error)
        else:
            self._note(generation, engine, step, weights)
        self._show()

    def _note(
        self, generation: int, engine: Engine | None, step: Step | None, weights: Weights, error: Exception | None = None
    ) -> None:
        """Take over what a piece of work has made, unless a new beginning came in between."""
        with self._changed:
            if generation != self._generation:
                return
            self._engine = engine
            if error is not None:
                self._state, self.error, self._message, self._singles = "error", error, sentence(error), 0
            if step is not None:
                self._ends.append(time.monotonic())
                if len(engine.history) >= self._goal and self._state in ("running", "paused") and not self._singles:
                    self._state = "finished"
            if self._state != "running":
                self._ends.clear()
                self._next_frame = 0.0

    def _show(self) -> None:
        """Hand out a frame if it is time for one; a loop at rest always shows where it came to rest."""
        with self._changed:
            now = time.monotonic()
            if self._state == "running" and now < self._next_frame:
                return
            generation, engine, weights = self._generation, self._engine, self._weights
            if engine is None and self._state != "error":
                return  # a new beginning came in between; it still has to be shown
            self._show_asked = False
        image = None
        try:
            if engine is not None:
                self._measure(generation, engine, weights, now)
                now = time.monotonic()
                image = engine.image()
        except Exception as error:
            self._note(generation, engine, None, weights, error)
        with self._changed:
            if generation != self._generation:
                return
            history, moves = (tuple(engine.history), engine.moves) if engine else ((), ())
            self.frame = Frame(
                self._state,
                self._message,
                self._job,
                image,
                history,
                moves,
                self._goal,
                self._speed(),
                self._weights,
                self._pulls,
            )
        try:
            self._publish(self.frame)
        except Exception as error:
            self.front_end_error = error
        cost = time.monotonic() - now
        self.publishing_seconds += cost
        self._next_frame = now + max(1 / FRAMES_PER_SECOND, cost / PUBLISHING)

    def _measure(self, generation: int, engine: Engine, weights: Weights, now: float) -> None:
        """Ask the engine who pulls, now and then while it runs, and for the picture a loop at rest shows."""
        place = (len(engine.history), weights.style_layers)
        if place == self._pulls_of:
            return
        new_layers = self._pulls_of is None or place[1] != self._pulls_of[1]
        if new_layers or self._state != "running" or now >= self._next_measurement:
            pulls = engine.pulls(weights)
            after = time.monotonic()
            with self._changed:
                if generation == self._generation:
                    self._pulls, self._pulls_of = pulls, place
            self._next_measurement = after + min(max(1.0, (after - now) / MEASURING), 4.0)

    def _speed(self) -> float:
        span = self._ends[-1] - self._ends[0] if len(self._ends) > 1 else 0.0
        return (len(self._ends) - 1) / span if span > 0 else 0.0


def sentence(error: Exception) -> str:
    """Say in one sentence what went wrong; errors of this package are written for their reader, others get their name."""
    text = " ".join(str(error).split()) or "no more is known"
    return text if isinstance(error, (StyleError, ValueError, RuntimeError)) else f"{type(error).__name__}: {text}"
