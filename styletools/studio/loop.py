"""The loop behind the studio: one worker thread paints while any thread presses buttons and turns knobs.

Nothing in here knows a user interface. Buttons and sliders change, under one lock, what the worker reads before its next
piece of work; only the worker builds an engine, steps it, returns it to an earlier step and hands out frames (`worker`). It
lives as long as there is work.

    idle     --start-->  running  --pause-->  paused  --start-->  running  --last step-->  finished  --start-->  running
    any      --stop-->   idle (the picture stays until the next start)      any  --reset-->  idle (a new picture)
    any      --go_back, restore-->  paused (at that step)                   running  --sleep-->  paused  --wake-->  running
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import SettingsError
from ..jobs import Job
from ..recipes import Weights
from .frame import Engine, Frame, weights_at
from .timeline import Timeline
from .worker import Return, Worker

__all__ = ["Frame", "LiveLoop"]


class LiveLoop(Worker):
    """Paint in the background, obeying at once.

    build: makes an engine for a job. publish: shows a frame. extras: makes of the engine and the weights what a frame shows
    besides, now and then (`Frame.extra`). All three are called by the worker only; what publish and extras raise cannot stop
    the loop (it is kept in `front_end_error`). timeline: keeps the run's moments and checkpoints.
    steps: how many a press of start paints; None: until paused.

    Every method may be called from any thread and returns at once, but for `run`, `wait` and `capture`. `frame` is the last
    frame made, `error` what the engine raised.
    """

    def __init__(
        self,
        build: Callable[[Job], Engine],
        job: Job,
        publish: Callable[[Frame], None] = lambda frame: None,
        timeline: Timeline | None = None,
        steps: int | None = None,
        extras: Callable[[Engine, Weights], Any] | None = None,
    ) -> None:
        super().__init__(build, job, publish, timeline or Timeline(), steps, extras)

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
    def steps(self) -> int | None:
        """How many steps a press of start paints, None for until paused; a change moves the end of the present run."""
        return self._steps

    @steps.setter
    def steps(self, steps: int | None) -> None:
        with self._changed:
            self._steps = steps
            if self._state != "finished" and not self._borrowed:
                self._goal = None if steps is None else max(steps, self._done() + (self._state == "running"))
            self._ask_to_show()

    # --- buttons and knobs ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Paint: go on after a pause, paint on after the last step, begin again otherwise."""
        with self._changed:
            self._asleep = False
            if self._state != "running":
                self._begin_again_if_ended()
                self._run_on()
            self._wake()

    def pause(self) -> None:
        """Hold; the next start goes on."""
        with self._changed:
            if self._state == "running" or self._asleep:
                self._state, self._asleep = "paused", False
                self._ask_to_show()

    def step(self) -> None:
        """Make one step and hold."""
        with self._changed:
            self._begin_again_if_ended()
            self._state, self._asleep = "paused", False
            self._singles += 1
            self._wake()

    def stop(self) -> None:
        """End the run and keep its picture; the next start begins again."""
        with self._changed:
            if self._state != "error":
                self._state = "idle"
            self._singles, self._asleep = 0, False
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

    def nudge(self, **changes: Any) -> None:
        """Change weights as a hand does: a run that has come to its end paints on, to show what they do."""
        with self._changed:
            before = self._weights
            self.set(**changes)
            if self._state == "finished" and self._weights != before:
                self._run_on()
                self._wake()

    def show(self) -> None:
        """Hand out a frame soon, with what `extras` makes of the engine now."""
        with self._changed:
            self._extra_asked = True
            self._ask_to_show()

    def sleep(self) -> None:
        """Hold, because no page listens; `wake` goes on. What a program paints with `run` goes on."""
        with self._changed:
            if self._state == "running" and not self._borrowed:
                self._state, self._asleep = "paused", True
                self._ask_to_show()

    def wake(self) -> None:
        """Go on, if it was `sleep` that made it hold."""
        with self._changed:
            if self._asleep and self._state == "paused":
                self._state, self._asleep = "running", False
                self._wake()

    # --- back to what was ----------------------------------------------------------------------------------------------

    def go_back(self, step: int) -> None:
        """Return to the picture after a step that was made, and hold there: history and moves are those of then.

        The worker takes up the last checkpoint before it and paints the steps in between again. The next step has the weights
        of that one. An error is forgotten. Without an engine there is nothing to return to.
        """
        with self._changed:
            under_way = self._return
            if self._engine is None and under_way is None:
                return
            moves, state = (under_way.moves, under_way.state) if under_way else (self._engine.moves, None)
            step = max(0, min(step, self._done()))
            self._generation += 1  # what is being made belongs to the branch that is left
            self._weights = weights_at(moves, step) or self._weights
            self._hold_for(Return(step, moves, state))

    def restore(self, job: Job, state: Mapping[str, Any] | None = None, weights: Weights | None = None) -> None:
        """Take up a run again as it was after `job.done` steps, and hold there.

        job: with the moves that were made. state: of an engine of this run, after so many steps or fewer; the steps that are
        missing are painted again, without a state all of them. weights: of the next step, by default those of the job.
        """
        with self._changed:
            self._job, self._weights = replace(job, weights=job.first_weights, moves=(), done=None), weights or job.weights
            self._forget()
            step = (len(state["history"]) if state else 0) if job.done is None else job.done
            if not self._borrowed:
                self._goal = None if self._steps is None else max(self._steps, step)
            self._hold_for(Return(step, job.moves or ((1, job.weights),), state))

    def capture(self, timeout: float = 10.0) -> tuple[Frame, dict[str, Any]]:
        """A new frame, and the state of the engine that painted it, which `restore` takes.

        Raises what the engine raised when there is none, and SettingsError when the step under way takes too long.
        """
        with self._changed:
            if self._worker is threading.current_thread():
                return self.frame, self._engine.state()
            self._asked += 1
            ticket = self._asked
            self._wake()
            if not self._changed.wait_for(lambda: self._answered >= ticket, timeout):
                raise SettingsError("the step under way takes too long for a snapshot: pause, and try again.")
            frame, state = self._captured
        if state is None:
            raise self.error or SettingsError("there is no picture yet: press Start or Step first.")
        return frame, state

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
            while self._worker is not None:
                if not self._borrowed:  # a start that came since would paint on for ever
                    self._singles = 0
                    self.pause()
                self._changed.wait()
            self._singles = 0
            self._worker, self._borrowed, self._asleep = threading.current_thread(), True, False
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
                self._worker, self._borrowed = None, False
                self._wake()
        if self._state == "error" and self.error is not None:
            raise self.error
