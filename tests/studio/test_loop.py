"""The live loop around engines that cost nothing: its states, its lock, its frames."""

import io
import itertools
import math
import random
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio import worker as worker_module
from styletools.studio.frame import Frame, Pulls, sentence
from styletools.studio.loop import LiveLoop

FIRST = st.Weights(1.0, 10.0, 0.5, {"relu1_1": 1.0})
JOB = st.Job("a", "b", 8, 5, weights=FIRST, coarse_to_fine=False)  # of which the loop reads the weights and steps only
OTHER = replace(JOB, seed=1)
STATES = ("idle", "running", "paused", "finished", "error")
AT_REST = ("idle", "paused", "finished", "error")
SOON = 60.0  # seconds that nothing here takes; the machine may be busy


class FakeError(RuntimeError):
    """What a fake engine raises."""


class FakeEngine:
    """Steps that cost nothing. Its picture is grey, as grey as it has steps."""

    def __init__(self, bench, job):
        self.bench, self.job, self.history, self.used, self.moves, self.pulls = bench, job, [], [], (), None

    def step(self, weights, measure=False):
        with self.bench.at_work("step"):
            if measure:
                self.bench.calls["measured step"] += 1
                self.bench.on.get("measured step", lambda number: None)(self.bench.calls["measured step"])
                self.pulls = self._pulls(weights)
            index = len(self.history) + 1
            self.used.append(weights)
            if not self.moves or self.moves[-1][1] != weights:
                self.moves = (*self.moves, (index, weights))
            self.history.append(st.Step(index, 1.0, 1.0, 1.0, 1.0, weights.alpha, weights.beta, weights.tv))
            return self.history[-1]

    def image(self):
        with self.bench.at_work("image"):
            return Image.new("RGB", (4, 4), (len(self.history) % 256,) * 3)

    def measure(self, weights):
        with self.bench.at_work("measure"):
            return self._pulls(weights)

    def _pulls(self, weights):
        unweighted = (1.0 + len(self.history), 2.0, float(self.job.seed))
        pairs = zip((weights.alpha, weights.beta, weights.tv), unweighted, strict=True)
        return Pulls(len(self.history), weights, tuple(torch.tensor([weight * norm]) for weight, norm in pairs))

    def state(self):
        with self.bench.at_work("state"):
            return {"history": tuple(self.history), "used": tuple(self.used), "moves": self.moves}

    def restore(self, state):
        with self.bench.at_work("restore"):
            self.history, self.used, self.moves = list(state["history"]), list(state["used"]), state["moves"]


class Bench:
    """A loop around fake engines, and notes of all that happens.

    on: {one of KINDS: function of the number of such calls so far, this one included}.
    """

    def __init__(self, steps=5, extras=None, **on):
        self.on, self.engines, self.frames, self.trouble = on, [], [], []
        self.calls = dict.fromkeys((*KINDS, "state", "restore", "measured step"), 0)
        self.workers = set()
        self._busy = threading.Lock()
        self.loop = LiveLoop(self.build, JOB, self.publish, steps=steps, extras=extras)

    @contextmanager
    def at_work(self, kind):
        if not self._busy.acquire(blocking=False):
            self.trouble.append(f"{kind} while another thread is at work")
            yield
            return
        try:
            self.workers.add(threading.current_thread())
            self.calls[kind] += 1
            self.on.get(kind, lambda number: None)(self.calls[kind])
            yield
        finally:
            self._busy.release()

    def build(self, job):
        with self.at_work("build"):
            self.engines.append(FakeEngine(self, job))
            return self.engines[-1]

    def publish(self, frame):
        with self.at_work("publish"):
            self.frames.append(frame)

    @property
    def engine(self):
        return self.engines[-1]

    def rest(self):
        """Wait until the loop rests, and check what must be so then."""
        assert self.loop.wait(SOON), "the loop did not come to rest"
        assert self.loop.state in AT_REST
        self.check()

    def check(self):
        frame = self.loop.frame
        assert self.trouble == []
        for engine in self.engines:
            assert [step.index for step in engine.history] == list(range(1, len(engine.history) + 1))
        if self.frames:
            assert frame is self.frames[-1]
            assert frame.state == self.loop.state
            assert (frame.weights, frame.job) == (self.loop.weights, self.loop.job)
        if frame.image is not None:
            assert frame.done == len(self.engine.history)
            assert frame.history == tuple(self.engine.history)
            assert frame.image.getpixel((0, 0))[0] == frame.done % 256
            assert spread(frame.moves, frame.done) == self.engine.used
            steps = self.loop.timeline.steps
            assert list(steps) == sorted(set(steps))
            assert steps[-1] == frame.done, "the timeline ends with what is shown"
            assert brightness(self.loop.timeline.at(frame.done)) == pytest.approx(frame.done % 256, abs=2)


KINDS = ("build", "step", "image", "measure", "publish")


class Door:
    """Stops a worker at its n-th call until the test opens."""

    def __init__(self, number):
        self.number, self.reached, self.opened = number, threading.Event(), threading.Event()

    def __call__(self, number):
        if number == self.number:
            self.reached.set()
            assert self.opened.wait(SOON)

    def wait(self):
        assert self.reached.wait(SOON)

    def open(self):
        self.opened.set()


def fail_at(*numbers, error=None):
    def hook(number):
        if number in numbers:
            raise error or FakeError("the engine fell off the table.")

    return hook


def brightness(moment):
    with Image.open(io.BytesIO(moment.jpeg)) as image:
        return image.getpixel((0, 0))[0]


def spread(moves, done):
    """The weights of every step that `moves` tell."""
    ends = [first for first, _ in moves[1:]] + [done + 1]
    return [weights for (first, weights), end in zip(moves, ends, strict=False) for _ in range(first, end)]


@pytest.fixture
def quick(monkeypatch):
    """Frames as fast as they come: where their pace is not what is tested."""
    monkeypatch.setattr(worker_module, "FRAMES_PER_SECOND", 1e5)
    monkeypatch.setattr(worker_module, "PUBLISHING", 1e9)


@pytest.fixture
def clock(monkeypatch):
    """A clock of the loop's own that the test moves: clock.now += seconds."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(worker_module, "time", clock)
    return clock


# --- states ----------------------------------------------------------------------------------------------------------


def test_a_new_loop_is_idle_and_has_done_nothing():
    bench = Bench(steps=7)
    assert bench.loop.state == "idle"
    assert bench.loop.frame == Frame("idle", "", JOB, None, (), (), 7, 0.0, FIRST, None)
    assert (bench.loop.frame.done, bench.loop.frame.shares) == (0, None)
    assert (bench.loop.job, bench.loop.weights, bench.loop.steps) == (JOB, FIRST, 7)
    bench.rest()
    assert bench.engines == []


def test_start_paints_to_the_end_in_one_thread_that_is_not_ours():
    bench = Bench(steps=5)
    bench.loop.start()
    bench.rest()
    assert bench.loop.state == "finished"
    assert (len(bench.engines), bench.loop.frame.done, bench.loop.frame.goal) == (1, 5, 5)
    assert bench.loop.frame.message == ""
    (worker,) = bench.workers
    assert worker is not threading.current_thread()
    assert worker.daemon
    worker.join(SOON)
    assert not worker.is_alive(), "the worker lives as long as there is work"


def test_the_first_picture_is_shown_before_the_first_step_ends():
    bench = Bench(step=(door := Door(1)))
    bench.loop.start()
    door.wait()
    assert [(frame.state, frame.done) for frame in bench.frames] == [("running", 0)]
    door.open()
    bench.rest()


def test_start_of_a_finished_run_paints_on():
    bench = Bench(steps=5)
    for done in (5, 10, 15):
        bench.loop.start()
        bench.rest()
        assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("finished", done, done)
    assert len(bench.engines) == 1


def test_start_of_a_running_loop_changes_nothing():
    bench = Bench(step=(door := Door(3)))
    bench.loop.start()
    door.wait()
    bench.loop.start()
    bench.loop.start()
    door.open()
    bench.rest()
    assert (bench.loop.frame.done, len(bench.engines), len(bench.workers)) == (5, 1, 1)


def test_pause_holds_after_the_step_in_flight_and_start_goes_on():
    bench = Bench(step=(door := Door(3)))
    bench.loop.start()
    door.wait()
    bench.loop.pause()
    assert bench.loop.state == "paused"
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("paused", 3)
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, len(bench.engines)) == ("finished", 5, 1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", AT_REST)
def test_pause_of_a_loop_at_rest_changes_nothing(state):
    bench = at_rest(state)
    before, pieces = bench.loop.frame, sum(bench.calls.values())
    bench.loop.pause()
    bench.rest()
    assert bench.loop.state == state
    assert bench.loop.frame is before
    assert sum(bench.calls.values()) == pieces


def at_rest(state):
    """A bench at rest in this state; its run has a step or more."""
    bench = Bench()
    if state == "error":
        bench.on["step"] = fail_at(3)
    if state == "paused":
        bench.loop.step()
    else:
        bench.loop.start()
        bench.rest()
    if state == "idle":
        bench.loop.stop()
    bench.rest()
    bench.on.clear()
    assert bench.loop.state == state
    return bench


def test_step_makes_one_step_and_holds():
    bench = Bench()
    for done in (1, 2, 3):
        bench.loop.step()
        bench.rest()
        assert (bench.loop.state, bench.loop.frame.done) == ("paused", done)
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, len(bench.engines)) == ("finished", 5, 1)


def test_no_press_of_step_is_lost():
    bench = Bench(steps=50, build=(door := Door(1)))
    for _ in range(6):
        bench.loop.step()
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("paused", 6)


def test_step_of_a_running_loop_holds_it_one_step_later():
    bench = Bench(step=(door := Door(2)))
    bench.loop.start()
    door.wait()
    bench.loop.step()
    assert bench.loop.state == "paused"
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("paused", 3)


def test_the_last_step_finishes_the_run_also_when_made_singly():
    bench = Bench(steps=2)
    bench.loop.step()
    bench.rest()
    bench.loop.step()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 2)
    bench.loop.step()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 3)


def test_a_run_is_not_finished_while_presses_of_step_wait():
    bench = Bench(steps=2, build=(door := Door(1)))
    for _ in range(4):
        bench.loop.step()
    door.open()
    bench.rest()
    assert [frame.state for frame in bench.frames] == ["paused"] * 4 + ["finished"]


def test_stop_keeps_the_picture_until_the_next_start():
    bench = Bench(step=(door := Door(3)))
    bench.loop.start()
    door.wait()
    bench.loop.stop()
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("idle", 3)
    assert bench.loop.frame.image is not None
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, len(bench.engines)) == ("finished", 5, 2)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("begin", ["start", "step"])
@pytest.mark.parametrize("state", ["paused", "finished"])
def test_stop_at_rest_and_then_begin_again(state, begin):
    bench = at_rest(state)
    bench.loop.stop()
    bench.rest()
    assert bench.loop.state == "idle"
    getattr(bench.loop, begin)()
    bench.rest()
    assert bench.loop.frame.done == (5 if begin == "start" else 1)
    assert len(bench.engines) == 2


def test_stop_drops_presses_of_step_that_wait():
    bench = Bench(step=(door := Door(1)))
    for _ in range(4):
        bench.loop.step()
    door.wait()
    bench.loop.stop()
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("idle", 1)


def test_stop_before_the_first_step_keeps_the_engine():
    bench = Bench(build=(door := Door(1)))
    bench.loop.start()
    door.wait()
    bench.loop.stop()
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("idle", 0)
    bench.loop.start()
    bench.rest()
    assert (bench.loop.frame.done, len(bench.engines)) == (5, 1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", AT_REST)
def test_reset_shows_a_new_picture_and_is_idle(state):
    bench = at_rest(state)
    bench.loop.reset()
    bench.rest()
    frame = bench.loop.frame
    assert (frame.state, frame.done, frame.moves, frame.message, frame.goal) == ("idle", 0, (), "", 5)
    assert frame.image.getpixel((0, 0)) == (0, 0, 0)
    assert frame.pulls.norms == (1.0, 20.0, 0.0)
    assert bench.loop.error is None
    assert len(bench.engines) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("keep_running", [False, True])
@pytest.mark.parametrize("kind", [*KINDS, "measured step", "state"])
def test_reset_in_the_middle_of_anything(kind, keep_running):
    """What was made for the old job is thrown away, and the new first picture is shown, whatever was under way."""
    door = Door(2 if kind in ("step", "image") else 1)
    bench = Bench(**{"step": lambda number: time.sleep(0.001), kind: door})
    bench.loop.start()
    door.wait()
    keep_running &= kind != "measure"  # which is done at rest
    bench.loop.reset(OTHER, replace(FIRST, beta=3.0), keep_running=keep_running)
    assert bench.loop.state == ("running" if keep_running else "idle")
    door.open()
    bench.rest()
    frame = bench.loop.frame
    assert (frame.job, frame.weights.beta) == (OTHER, 3.0)
    assert (frame.state, frame.done) == (("finished", 5) if keep_running else ("idle", 0))
    assert bench.engine.job == OTHER
    assert all(weights.beta == 3.0 for weights in bench.engine.used)
    assert frame.pulls.norms[2] == OTHER.seed * FIRST.tv, "these are the pulls of another job"
    for frame in bench.frames:
        assert all(step.beta == (3.0 if frame.job == OTHER else 10.0) for step in frame.history), "half of it is old"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", AT_REST)
def test_keep_running_starts_nothing_that_rests(state):
    bench = at_rest(state)
    bench.loop.reset(OTHER, keep_running=True)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("idle", 0)


def test_set_at_rest_shows_the_first_picture_with_the_new_weights():
    bench = Bench()
    bench.loop.set(beta=77.0)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.weights.beta) == ("idle", 0, 77.0)
    assert bench.loop.frame.image is not None


def test_a_weight_that_does_not_exist_changes_nothing():
    bench = Bench()
    with pytest.raises(TypeError, match="gamma"):
        bench.loop.set(beta=2.0, gamma=1.0)
    assert bench.loop.weights == FIRST


def test_wait_gives_up_after_its_time():
    bench = Bench(step=(door := Door(1)))
    bench.loop.start()
    door.wait()
    assert not bench.loop.wait(0.01)
    door.open()
    bench.rest()


# --- how many steps ------------------------------------------------------------------------------------------------------


def test_steps_set_before_the_start():
    bench = Bench(steps=5)
    bench.loop.steps = 8
    bench.loop.start()
    bench.rest()
    assert (bench.loop.frame.done, bench.loop.frame.goal) == (8, 8)


@pytest.mark.parametrize(("steps", "done"), [(9, 9), (4, 4), (3, 4), (1, 4)])
def test_steps_set_while_running_move_the_end(steps, done):
    """During the fourth step; an end that lies behind is the step now made."""
    bench = Bench(steps=6, step=(door := Door(4)))
    bench.loop.start()
    door.wait()
    bench.loop.steps = steps
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("finished", done, done)


def test_steps_set_in_a_pause_and_then_start():
    bench = Bench(steps=6)
    for _ in range(4):
        bench.loop.step()
    bench.rest()
    bench.loop.steps = 2
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.goal) == ("paused", 4)
    bench.loop.start()
    bench.rest()
    assert bench.loop.frame.done == 4 + 2


def test_steps_set_after_the_end_count_from_the_next_start():
    bench = Bench(steps=3)
    bench.loop.start()
    bench.rest()
    bench.loop.steps = 10
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.goal) == ("finished", 3)
    bench.loop.start()
    bench.rest()
    assert bench.loop.frame.done == 13


def test_without_a_number_it_paints_until_paused():
    bench = Bench(steps=None, step=(door := Door(200)))
    bench.loop.start()
    door.wait()
    assert (bench.loop.state, bench.loop.frame.goal) == ("running", None)
    bench.loop.pause()
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("paused", 200, None)


def test_an_end_may_be_set_and_taken_away_while_it_paints():
    bench = Bench(steps=None, step=(door := Door(20)))
    bench.loop.start()
    door.wait()
    bench.loop.steps = 30
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("finished", 30, 30)
    bench.on["step"] = door = Door(100)
    bench.loop.steps = None
    bench.loop.start()
    door.wait()
    assert bench.loop.state == "running"
    bench.loop.pause()
    door.open()
    bench.rest()
    assert (bench.loop.frame.done, bench.loop.frame.goal) == (100, None)


def test_start_paints_until_paused_after_a_run_of_some_steps():
    bench = Bench(steps=None)
    bench.loop.run(3)
    assert (bench.loop.state, bench.loop.frame.goal) == ("finished", 3)
    bench.on["step"] = door = Door(50)
    bench.loop.start()
    door.wait()
    bench.loop.pause()
    door.open()
    bench.rest()
    assert (bench.loop.frame.done, bench.loop.frame.goal) == (50, None)


# --- a hand that paints on, a page that is closed ----------------------------------------------------------------------------


def test_a_nudge_after_the_end_paints_on():
    bench = Bench(steps=5)
    bench.loop.run(5)
    bench.loop.set(beta=3.0)
    bench.rest()
    assert bench.loop.state == "finished", "a program sets without starting"
    bench.loop.nudge(beta=4.0)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("finished", 10, 10)
    assert [weights.beta for weights in bench.engine.used] == [10.0] * 5 + [4.0] * 5


@pytest.mark.parametrize("state", AT_REST)
def test_a_nudge_that_changes_nothing_starts_nothing_and_others_only_after_the_end(state):
    bench = at_rest(state)
    done = bench.loop.frame.done
    bench.loop.nudge(beta=10.0)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == (state, done)
    if state != "finished":
        bench.loop.nudge(beta=11.0)
        bench.rest()
        assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.weights.beta) == (state, done, 11.0)


def test_a_weight_that_does_not_exist_nudges_nothing():
    bench = at_rest("finished")
    with pytest.raises(TypeError, match="gamma"):
        bench.loop.nudge(gamma=1.0)
    bench.rest()
    assert (bench.loop.state, bench.loop.weights) == ("finished", FIRST)


@pytest.fixture
def painting():
    """A bench that paints without end, as slowly as a mouse moves."""
    bench = Bench(steps=None, step=lambda number: time.sleep(0.0005))
    bench.loop.start()
    while bench.loop.frame.done < 3:
        time.sleep(0.001)
    yield bench
    bench.loop.stop()
    bench.rest()


def test_it_sleeps_and_goes_on_when_woken(painting):
    painting.loop.sleep()
    painting.rest()
    frame = painting.loop.frame
    assert (frame.state, frame.asleep) == ("paused", True)
    painting.loop.set(beta=3.0)
    painting.loop.sleep()
    painting.rest()
    assert (painting.loop.frame.asleep, painting.loop.frame.done) == (True, frame.done)
    painting.loop.wake()
    assert painting.loop.state == "running"
    while painting.loop.frame.done <= frame.done:
        time.sleep(0.001)
    assert not painting.loop.frame.asleep
    painting.loop.wake()
    assert painting.loop.state == "running"


@pytest.mark.parametrize("button", ["pause", "step", "stop", "reset"])
def test_a_button_pressed_in_its_sleep_counts(painting, button):
    painting.loop.sleep()
    painting.rest()
    getattr(painting.loop, button)()
    painting.rest()
    assert not painting.loop.frame.asleep
    painting.loop.wake()
    painting.rest()
    assert painting.loop.state == ("paused" if button in ("pause", "step") else "idle")


@pytest.mark.parametrize("state", AT_REST)
def test_a_loop_at_rest_neither_sleeps_nor_wakes(state):
    bench = at_rest(state)
    bench.loop.sleep()
    bench.loop.wake()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.asleep) == (state, False)


def test_a_run_that_ends_in_its_sleep_is_finished():
    bench = Bench(steps=3, step=(door := Door(3)))
    bench.loop.start()
    door.wait()
    bench.loop.sleep()
    door.open()
    bench.rest()
    bench.loop.wake()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.asleep) == ("finished", 3, False)


def test_what_a_program_runs_is_not_put_to_sleep():
    bench = Bench()
    bench.on["step"] = lambda number: bench.loop.sleep()
    bench.loop.run(7)
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 7)


# --- back to what was --------------------------------------------------------------------------------------------------------

SCRIPT = {4: {"beta": 5.0}, 9: {"alpha": 0.0}, 10: {"alpha": 0.5}, 30: {"style_layers": {"relu1_1": 2.0}}}


def painted(steps=40, script=SCRIPT, **options):
    """A bench with a run whose weights moved after those steps."""
    bench = Bench(steps=None, **options)
    bench.on["step"] = lambda number: bench.loop.set(**script.get(number, {}))
    bench.loop.run(steps)
    bench.on.pop("step")
    return bench


@pytest.mark.parametrize("step", [0, 1, 4, 5, 9, 10, 11, 29, 30, 31, 39, 40])
def test_going_back_leads_to_what_was(step):
    bench = painted()
    used, frame = list(bench.engine.used), bench.loop.frame
    bench.loop.go_back(step)
    assert bench.loop.state == "paused"
    bench.rest()
    back = bench.loop.frame
    assert (back.state, back.done, back.history) == ("paused", step, frame.history[:step])
    assert bench.engine.used == used[:step]
    assert back.moves == tuple(move for move in frame.moves if move[0] <= step)
    assert bench.loop.weights == used[max(0, step - 1)], "as the step there had them"
    assert (back.pulls.step, len(bench.engines)) == (step, 1)
    assert bench.loop.timeline.steps[-1] == step
    bench.loop.run(2)
    assert bench.engine.used == [*used[:step], *[used[max(0, step - 1)]] * 2], "another branch"


def test_steps_after_a_checkpoint_only_are_painted_again():
    bench = painted()
    kept = [bench.loop.timeline.nearest(step)[0] for step in range(41)]
    assert sorted(set(kept)) == [0, 4, 9, 30], "before each movement of a hand"
    before = bench.calls["step"], bench.calls["measured step"]
    bench.loop.go_back(25)
    bench.rest()
    assert (bench.calls["step"], bench.calls["measured step"]) == (before[0] + 25 - 9, before[1])


def test_without_a_checkpoint_it_is_painted_from_the_beginning():
    bench = painted()
    bench.loop.timeline.clear()
    history, used = bench.loop.frame.history, list(bench.engine.used)
    bench.loop.go_back(33)
    bench.rest()
    assert (bench.loop.frame.history, bench.engine.used) == (history[:33], used[:33])
    assert len(bench.engines) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", AT_REST)
def test_going_back_from_any_rest(state):
    bench = at_rest(state)
    bench.loop.go_back(1)
    bench.rest()
    frame = bench.loop.frame
    assert (frame.state, frame.done, frame.message, bench.loop.error) == ("paused", 1, "", None)
    assert len(bench.engines) == 1
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 5)


def test_going_back_from_the_middle_of_a_step():
    bench = Bench(steps=None, step=(door := Door(20)))
    bench.loop.start()
    door.wait()
    bench.loop.go_back(7)
    seen = len(bench.frames)
    time.sleep(0.6)  # so that a frame is due
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("paused", 7)
    assert bench.loop.timeline.steps[-1] == 7
    assert max(frame.done for frame in bench.frames[seen:]) == 7, "of the branch that was left nothing is shown any more"


def test_a_step_that_fails_after_going_back_was_asked_for_is_no_error():
    door = Door(20)

    def step(number):
        door(number)
        fail_at(20)(number)

    bench = Bench(steps=None, step=step)
    bench.loop.start()
    door.wait()
    bench.loop.go_back(7)
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.error) == ("paused", 7, None)
    assert all(frame.message == "" for frame in bench.frames)


@pytest.mark.parametrize(("asked", "there"), [(-3, 0), (41, 40), (10**9, 40)])
def test_steps_that_were_not_made_are_the_nearest_that_were(asked, there):
    bench = painted()
    bench.loop.go_back(asked)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("paused", there)


def test_a_run_takes_over_from_an_endless_one_that_began_while_it_waited():
    door = Door(2)
    bench = Bench(steps=None, step=door)
    bench.loop.start()
    door.wait()
    program = threading.Thread(target=bench.loop.run, args=(3,))
    program.start()
    while bench.loop.state != "paused":
        time.sleep(0.001)
    bench.loop.start()  # a hand, while the program waits for the step under way
    door.open()
    program.join(SOON)
    assert not program.is_alive()
    bench.rest()
    assert bench.loop.frame.done >= 5


@pytest.mark.parametrize("hand", ["steps", "start", "reset"])
def test_a_run_ends_where_it_was_told_to_whatever_hands_do(hand):
    bench = Bench(steps=5)

    def press(number):
        if number == 2:
            bench.loop.steps = None
            if hand == "start":
                bench.loop.pause()
                bench.loop.start()
            elif hand == "reset":
                bench.loop.reset(OTHER, keep_running=True)

    bench.on["step"] = press
    program = threading.Thread(target=bench.loop.run, args=(4,), daemon=True)
    program.start()
    program.join(SOON)
    assert not program.is_alive()
    bench.rest()
    assert bench.loop.frame.done == 4


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["step", "image"])
def test_a_way_back_that_fails_leaves_a_timeline_that_ends_with_what_is_shown(kind):
    bench = Bench(steps=2)
    bench.loop.start()
    bench.rest()  # a moment at step 2
    bench.loop.steps = 5
    bench.loop.start()
    bench.rest()

    def fail(number):
        if bench.engine.history == [] or kind == "step":
            raise FakeError("on the way back.")

    bench.on[kind] = fail
    bench.loop.go_back(3)
    assert bench.loop.wait(SOON)
    bench.on.clear()
    bench.loop.set(alpha=0.5)  # a frame of where it stands
    bench.rest()  # which checks the timeline
    frame = bench.loop.frame
    assert (frame.state, frame.done) == ("error", 0), "only the first step had a checkpoint"
    assert bench.loop.timeline.steps[-1] == 0


@pytest.mark.parametrize("failed", [False, True])
def test_without_an_engine_there_is_nothing_to_go_back_to(failed):
    bench = Bench(**({"build": fail_at(1)} if failed else {}))
    if failed:
        bench.loop.start()
        bench.rest()
    state = bench.loop.state
    bench.loop.go_back(3)
    bench.rest()
    assert bench.loop.state == state
    assert bench.loop.frame.done == 0


@pytest.fixture
def returning():
    """returning(step): a bench held on its way back to a step, after 3 steps were painted again; door.open() lets it go on."""

    def make(step, **options):
        bench = painted(**options)
        bench.on["step"] = door = Door(43)
        bench.loop.go_back(step)
        door.wait()
        return bench, door

    return make


def test_start_on_the_way_back_paints_on_after_it(returning):
    bench, door = returning(8, script={})
    bench.loop.steps = 30
    bench.loop.start()
    assert bench.loop.state == "running"
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 30)


def test_a_weight_set_on_the_way_back_counts_from_there_on(returning):
    bench, door = returning(8)
    bench.loop.set(beta=77.0)
    door.open()
    bench.rest()
    assert (bench.loop.frame.done, bench.loop.weights.beta) == (8, 77.0)
    assert bench.engine.used == [FIRST] * 4 + [replace(FIRST, beta=5.0)] * 4
    bench.loop.run(1)
    assert bench.engine.used[-1].beta == 77.0


@pytest.mark.parametrize(("second", "there"), [(2, 2), (6, 6), (8, 8), (25, 8)])
def test_going_back_on_the_way_back(returning, second, there):
    """Not further than to where it was going: what came after is forgotten."""
    bench, door = returning(8)
    expected = [FIRST] * 4 + [replace(FIRST, beta=5.0)] * 4
    bench.loop.go_back(second)
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.engine.used) == ("paused", there, expected[:there])


def test_other_buttons_on_the_way_back(returning):
    for button, state, done in (("pause", "paused", 8), ("stop", "idle", 8), ("step", "paused", 9), ("reset", "idle", 0)):
        bench, door = returning(8)
        getattr(bench.loop, button)()
        door.open()
        bench.rest()
        assert (bench.loop.state, bench.loop.frame.done) == (state, done), button


def test_a_failure_on_the_way_back_is_told():
    bench = painted()
    bench.on["step"] = fail_at(43)
    bench.loop.go_back(8)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.message) == ("error", "the engine fell off the table.")
    bench.loop.go_back(2)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.message) == ("paused", 2, "")


def test_two_frames_a_second_on_the_way_back(clock):
    bench = painted(200, script={})
    clock.now += 1.0
    before = len(bench.frames)

    def spend(number):
        clock.now += 0.05

    bench.on["step"] = spend
    bench.loop.go_back(150)
    bench.rest()
    states = {frame.state for frame in bench.frames[before:]}
    assert 150 * 0.05 * 2 * 0.8 < len(bench.frames) - before <= 150 * 0.05 * 2 + 3
    assert states == {"paused"}
    assert bench.loop.timeline.steps == tuple(step for step in bench.loop.timeline.steps if step <= 150)


@pytest.mark.parametrize("begin", ["nothing", "a state before", "the state", "a state after"])
def test_a_run_is_restored_into_a_new_loop(begin):
    bench, states = painted(), {}
    job = replace(JOB, moves=bench.loop.frame.moves, done=33, weights=replace(FIRST, tv=9.0))
    for name, step in (("a state after", 36), ("the state", 33), ("a state before", 20)):
        bench.loop.go_back(step)
        bench.rest()
        _, states[name] = bench.loop.capture(SOON)
    other = Bench(steps=10)
    other.loop.restore(job, states.get(begin))
    other.rest()
    frame = other.loop.frame
    assert (frame.state, frame.done, frame.goal, frame.weights.tv) == ("paused", 33, 33, 9.0)
    assert (frame.job.weights, frame.job.moves, frame.job.done) == (FIRST, (), None), "as it began"
    assert other.engine.used == painted().engine.used[:33]
    assert other.calls["step"] == {"a state before": 13, "the state": 0}.get(begin, 33)
    other.loop.go_back(30)
    other.rest()
    assert other.engine.used == painted().engine.used[:30]
    other.loop.start()
    other.rest()
    assert (other.loop.state, other.loop.frame.done) == ("finished", 33)


def test_a_state_alone_is_restored_where_it_was():
    bench = painted(script={})
    _, state = bench.loop.capture(SOON)
    bench.loop.reset()
    bench.loop.restore(JOB, state, replace(FIRST, beta=2.0))
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.weights.beta) == ("paused", 40, 2.0)


def test_going_back_before_a_restored_run_is_there():
    bench = painted()
    job = replace(JOB, moves=bench.loop.frame.moves, done=33)
    bench.on["build"] = door = Door(2)
    bench.loop.restore(job)
    door.wait()
    bench.loop.go_back(31)
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("paused", 31)
    assert bench.engine.used == painted().engine.used[:31]


@pytest.mark.parametrize("kind", ["build", "restore"])
def test_a_run_that_cannot_be_restored(kind):
    bench = painted()
    _, state = bench.loop.capture(SOON)
    bench.on[kind] = fail_at(*range(1, 9))
    bench.loop.restore(JOB, state)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.message) == ("error", "the engine fell off the table.")
    bench.on.clear()
    bench.loop.steps = 5
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 5)


# --- captures and checkpoints ------------------------------------------------------------------------------------------------


def test_a_captured_picture_and_state_belong_together(painting):
    found = []

    def capture():
        for _ in range(15):
            frame, state = painting.loop.capture(SOON)
            found.append((frame.done, len(state["history"]), frame.image.getpixel((0, 0))[0]))
            assert frame.history == state["history"]
            assert frame.moves == state["moves"]

    hands = [threading.Thread(target=capture) for _ in range(4)]
    for hand in hands:
        hand.start()
    for number in range(50):
        painting.loop.set(beta=float(number))
        time.sleep(0.001)
    for hand in hands:
        hand.join(60)
    assert len(found) == 60
    assert all(done == steps and grey == done % 256 for done, steps, grey in found)


def test_a_fresh_loop_builds_what_is_captured():
    bench = Bench()
    frame, state = bench.loop.capture(SOON)
    assert (frame.state, frame.done, frame.image.size, state["history"]) == ("idle", 0, (4, 4), ())
    bench.rest()


@pytest.mark.parametrize("state", AT_REST)
def test_a_loop_at_rest_is_captured(state):
    bench = at_rest(state)
    frame, captured = bench.loop.capture(SOON)
    assert (frame.state, frame.done, len(captured["history"])) == (state, bench.loop.frame.done, bench.loop.frame.done)
    bench.rest()


def test_capturing_what_cannot_be_built_or_copied():
    bench = Bench(build=fail_at(1), state=fail_at(1))
    for _ in range(2):
        with pytest.raises(FakeError, match="fell off"):
            bench.loop.capture(SOON)
        bench.rest()
    bench.loop.reset()
    with pytest.raises(FakeError, match="fell off"):
        bench.loop.capture(SOON)


def test_capturing_from_a_callback():
    found = []
    bench = Bench()
    bench.on["publish"] = lambda number: found.append(bench.loop.capture(0.0))
    with mock.patch.object(FakeEngine, "state", lambda engine: {"history": tuple(engine.history)}):
        bench.loop.run(3)
    assert [frame.done for frame, _ in found] == [len(state["history"]) for _, state in found]


def test_a_capture_does_not_wait_for_ever():
    bench = Bench(step=(door := Door(2)))
    bench.loop.start()
    door.wait()
    with pytest.raises(st.SettingsError, match="takes too long"):
        bench.loop.capture(0.01)
    door.open()
    bench.rest()
    assert bench.loop.capture(SOON)[0].done == 5


def test_a_checkpoint_every_ten_seconds_of_painting(clock):
    bench, _ = paced(clock, step=0.1, publish=0.001, steps=1000)
    kept = sorted({bench.loop.timeline.nearest(step)[0] for step in range(1000)})
    assert kept[0] == 0
    assert {after - before for before, after in itertools.pairwise(kept)} <= {99, 100, 101}
    assert len(kept) >= 10


def test_one_checkpoint_for_a_hand_that_drags():
    script = {number: {"beta": float(number)} for number in (*range(20, 40, 2), 60)}
    bench = painted(80, script)
    assert sorted({bench.loop.timeline.nearest(step)[0] for step in range(80)}) == [0, 20, 60]


# --- what the front end makes of the engine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", [0.001, 0.1])
def test_extras_take_little_time(clock, cost):
    calls = []

    def look(engine, weights):
        calls.append(clock.now)
        clock.now += cost
        return len(engine.history), weights.beta

    bench, _ = paced(clock, step=0.02, publish=0.001, steps=3000, extras=look)
    gaps = [after - before for before, after in itertools.pairwise(calls[:-1])]
    assert min(gaps) >= max(0.5, cost / 0.05)
    assert max(gaps) <= max(0.5, cost / 0.05) + 0.35, "as often as allowed"
    assert bench.loop.frame.extra == (3000, 10.0), "a loop at rest has looked at what it shows"
    assert all(frame.extra[0] <= frame.done for frame in bench.frames)


def test_extras_at_rest_are_made_once_and_when_asked_for():
    looks = []
    bench = Bench(extras=lambda engine, weights: looks.append(weights.beta) or len(looks))
    bench.loop.step()
    bench.rest()
    made = len(looks)
    assert bench.loop.frame.extra == made
    bench.loop.set(beta=3.0)
    bench.rest()
    assert len(looks) == made
    bench.loop.show()
    bench.rest()
    assert (looks[-1], bench.loop.frame.extra) == (3.0, made + 1)
    bench.loop.reset()
    bench.rest()
    assert bench.loop.frame.extra == made + 2


def test_extras_that_fail_cannot_stop_the_loop():
    error = FakeError("no such map.")
    bench = Bench(extras=lambda engine, weights: fail_at(1, error=error)(1))
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.message, bench.loop.frame.extra) == ("finished", "", None)
    assert bench.loop.front_end_error is error


# --- random sequences ------------------------------------------------------------------------------------------------------


ACTIONS = (
    "start", "pause", "step", "stop", "reset", "set", "run", "steps", "fail", "nudge", "sleep", "wake", "go_back", "capture",
)  # fmt: skip


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(some.lists(some.sampled_from(ACTIONS), max_size=12))
def test_any_sequence_at_rest_follows_the_state_diagram(actions):
    """Each action is followed by a wait; a few lines say what must then be so."""
    failing = []
    bench = Bench(steps=3, step=lambda number: fail_at(number)(number) if failing else None)
    state, done, goal, steps = "idle", 0, 3, 3
    with mock.patch.object(worker_module, "FRAMES_PER_SECOND", 1e5):
        for action in actions:
            if action == "fail":  # the next step does
                failing[:] = [True]
                continue
            if action in ("start", "step", "run") and (state == "error" or (state == "idle" and done)):
                done, goal = 0, steps
            if action in ("start", "step", "run"):
                if action == "start" and done >= goal:
                    goal = done + steps
                if action == "run":
                    goal = done + 2
                if failing:
                    state = "error"
                else:
                    done = done + 1 if action == "step" else goal
                    state = "finished" if done >= goal else "paused"
            elif action == "stop" and state != "error":
                state = "idle"
            elif action == "reset":
                state, done, goal = "idle", 0, steps
            elif action == "nudge" and state == "finished":
                goal = done + steps
                state, done = ("error", done) if failing else ("finished", goal)
                action = "nudge on"
            elif action == "go_back" and bench.loop._engine is not None:
                failing.clear()
                state, done = "paused", min(done, 1)
            elif action == "steps":
                steps = 4 if steps == 3 else 3
                goal = goal if state == "finished" else max(steps, done)
            act(bench.loop, action)
            failing.clear() if action in ("start", "step", "run", "nudge on") else None
            bench.rest()
            assert (bench.loop.state, bench.loop.steps) == (state, steps)
            if bench.frames:
                assert (bench.loop.frame.done, bench.loop.frame.goal) == (done, goal)
            assert (bench.loop.error is not None) == (state == "error") == bool(bench.loop.frame.message)


def act(loop, action, number=0):
    if action == "set":
        loop.set(beta=float(number))
    elif action == "run":
        try:
            loop.run(2)
        except FakeError as error:
            assert error is loop.error
    elif action == "steps":
        loop.steps = 4 if loop.steps == 3 else 3
    elif action in ("nudge", "nudge on"):
        loop.nudge(tv=loop.weights.tv + 1)
    elif action == "go_back":
        loop.go_back(1)
    elif action == "capture":
        loop.capture(SOON)
    else:
        getattr(loop, action)()
    if action in ("start", "step"):
        assert loop.wait(SOON)


PRESSES = (
    "start", "start", "pause", "step", "stop", "reset", "keep", "set", "set", "run", "steps", "nudge", "sleep", "wake", "show",
    "go_back", "go_back", "restore", "capture",
)  # fmt: skip


def check_capture(captured):
    frame, state = captured
    assert frame.history == state["history"]
    assert frame.image is None or frame.image.getpixel((0, 0))[0] == frame.done % 256


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", range(12))
def test_random_sequences_from_several_threads(seed):
    """Four threads press and turn at random; afterwards the loop rests, is in order and obeys."""
    chance = random.Random(seed)
    often = 0.02 if seed % 2 else 0.0

    def work(number):
        time.sleep(0.0002)
        if chance.random() < often:
            raise FakeError("by chance.")

    bench = Bench(steps=12, step=work, image=work, measure=work, state=work, restore=work, build=work, publish=work)
    unexpected = []

    def press(seed):
        mine = random.Random(seed)
        try:
            for number in range(40):
                action = mine.choice(PRESSES)
                if action in ("run", "capture"):
                    try:
                        bench.loop.run(mine.randrange(4)) if action == "run" else check_capture(bench.loop.capture(SOON))
                    except FakeError:
                        assert often
                    except st.SettingsError:  # it failed, and another hand has reset it since
                        assert often and action == "capture"
                elif action == "nudge":
                    bench.loop.nudge(beta=float(number))
                elif action == "go_back":
                    bench.loop.go_back(mine.randrange(12))
                elif action == "restore":
                    moves = ((1, replace(FIRST, beta=1.0)), (3, FIRST))
                    bench.loop.restore(replace(JOB, seed=seed + number, moves=moves, done=mine.randrange(6)))
                elif action == "keep":
                    bench.loop.reset(replace(JOB, seed=seed + number), keep_running=True)
                elif action == "set":
                    bench.loop.set(**{mine.choice(["alpha", "beta", "tv"]): float(number)})
                elif action == "steps":
                    bench.loop.steps = mine.choice([*range(1, 20), None])
                else:
                    getattr(bench.loop, action)()
                assert bench.loop.state in STATES
                if mine.random() < 0.3:
                    time.sleep(mine.random() * 0.002)
        except BaseException as error:
            unexpected.append(error)

    hands = [threading.Thread(target=press, args=(100 * seed + number,)) for number in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
        assert not hand.is_alive(), "a button did not return"
    assert unexpected == []
    bench.loop.steps = 12
    assert bench.loop.wait(SOON)
    bench.on.clear()
    bench.loop.set(alpha=0.25)  # a frame of the engine as it is, for whatever failed last
    bench.rest()
    assert {frame.state for frame in bench.frames} <= set(STATES)
    bench.loop.start()
    bench.rest()
    assert bench.loop.state == "finished"
    assert bench.loop.frame.done == bench.loop.frame.goal > 0
    assert bench.engine.used[-1].alpha == 0.25
    used = list(bench.engine.used)
    bench.loop.go_back(len(used) // 2)
    bench.rest()
    assert bench.engine.used == used[: len(used) // 2]


# --- weights -------------------------------------------------------------------------------------------------------------


def test_a_weight_set_during_a_step_is_used_by_the_next():
    bench = Bench(step=(door := Door(3)))
    bench.loop.start()
    door.wait()
    bench.loop.set(beta=99.0)
    door.open()
    bench.rest()
    assert [weights.beta for weights in bench.engine.used] == [10.0] * 3 + [99.0] * 2
    changed = replace(FIRST, beta=99.0)
    assert bench.loop.frame.moves == ((1, FIRST), (4, changed))


def test_a_weight_set_before_every_step_is_used_by_it():
    bench = Bench(steps=30)
    bench.on["step"] = lambda number: bench.loop.set(beta=float(number), tv=number / 7)
    bench.loop.run(30)
    assert [weights.beta for weights in bench.engine.used] == [10.0, *map(float, range(1, 30))]
    assert bench.loop.frame.moves == tuple(enumerate(bench.engine.used, start=1))
    bench.check()


def test_moves_tell_changes_only():
    """A weight turned and turned back between two steps, or set to what it was, is no move."""
    bench = Bench(steps=8)
    script = {2: {"beta": 10.0}, 4: {"beta": 5.0}, 5: {"beta": 10.0}, 6: {"style_layers": {"relu1_1": 2.0}}}

    def turn(number):
        if number == 3:
            bench.loop.set(alpha=9.0)
            bench.loop.set(alpha=1.0)
        bench.loop.set(**script.get(number, {}))

    bench.on["step"] = turn
    bench.loop.run(8)
    layers = {"relu1_1": 2.0}
    assert bench.loop.frame.moves == (
        (1, FIRST), (5, replace(FIRST, beta=5.0)), (6, FIRST), (7, replace(FIRST, style_layers=layers)),
    )  # fmt: skip
    bench.check()


def test_moves_begin_anew_with_a_new_run():
    bench = Bench(steps=3)
    bench.loop.run(2)
    bench.loop.set(beta=4.0)
    bench.loop.run(1)
    assert len(bench.loop.frame.moves) == 2
    bench.loop.reset()
    bench.loop.run(2)
    assert bench.loop.frame.moves == ((1, replace(FIRST, beta=4.0)),)


def test_no_update_is_lost():
    """Several hands at several weights: the last turn of each counts, none takes back another's."""
    bench = Bench(steps=10**6, step=lambda number: time.sleep(0.0001))
    bench.loop.start()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def turn(name):
            for number in range(400):
                bench.loop.set(**{name: float(number)})

        def layer():
            for number in range(400):
                bench.loop.set(style_layers={"relu1_1": float(number)})

        hands = [threading.Thread(target=turn, args=(name,)) for name in ("alpha", "beta", "tv")]
        hands.append(threading.Thread(target=layer))
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join(60)
    finally:
        sys.setswitchinterval(usual)
    bench.loop.pause()
    bench.rest()
    bench.loop.step()
    bench.rest()
    expected = st.Weights(399.0, 399.0, 399.0, {"relu1_1": 399.0})
    assert bench.loop.weights == expected
    assert bench.engine.used[-1] == expected
    for name in ("alpha", "beta", "tv"):
        values = [getattr(weights, name) for weights in bench.engine.used]
        changed = [new for old, new in itertools.pairwise(values) if new != old]
        assert changed == sorted(changed), "a weight went back"


def felt(weights, *norms, step=0):
    """Pulls with these norms."""
    return Pulls(step, weights, tuple(torch.tensor([norm]) for norm in norms))


def test_shares_are_weighted_gradients_as_parts_of_one():
    weights = st.Weights(1.0, 2.0, 0.5, {})
    frame = replace(Bench().loop.frame, pulls=felt(weights, 2.0, 6.0, 2.0), weights=weights)
    assert frame.shares == pytest.approx((0.2, 0.6, 0.2))
    assert replace(frame, pulls=felt(weights, 0.0, 0.0, 0.0)).shares is None
    assert replace(frame, pulls=None).shares is None
    assert replace(frame, pulls=felt(weights, 1.0, math.inf, 1.0)).shares is None, "a gradient that overflowed is no share"


def test_a_weight_that_has_moved_since_counts_at_once():
    before = st.Weights(1.0, 2.0, 0.0, {})
    frame = replace(Bench().loop.frame, pulls=felt(before, 2.0, 6.0, 0.0), weights=st.Weights(2.0, 1.0, 3.0, {}))
    assert frame.shares == pytest.approx((4 / 7, 3 / 7, 0.0)), "of TV nothing is known"
    assert replace(frame, known=(9.0, 9.0, 1.0)).shares == pytest.approx((0.4, 0.3, 0.3)), "as it pulled before it was muted"
    assert replace(frame, weights=st.Weights(0.0, 2.0, 0.0, {})).shares == (0.0, 1.0, 0.0)
    assert replace(frame, weights=st.Weights(0.0, 0.0, 0.0, {})).shares is None


def test_what_a_muted_term_pulled_is_remembered():
    bench = Bench()
    bench.loop.run(3)
    assert bench.loop.frame.known == (4.0, 2.0, 0.0)
    bench.loop.set(beta=0.0)
    bench.loop.run(1)
    assert bench.loop.frame.pulls.norms == (5.0, 0.0, 0.0)
    assert bench.loop.frame.known == (5.0, 2.0, 0.0)


# --- without a thread -----------------------------------------------------------------------------------------------------


def test_run_works_in_the_calling_thread():
    bench = Bench(steps=99)
    bench.loop.run(4)
    assert bench.workers == {threading.current_thread()}
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("finished", 4, 4)
    bench.check()
    bench.loop.run(3)
    assert (bench.loop.frame.done, len(bench.engines)) == (7, 1)
    bench.rest()
    assert bench.workers == {threading.current_thread()}


def test_run_and_start_use_the_same_weights():
    def turn(bench):
        return lambda number: bench.loop.set(beta=float(number // 3))

    run, started = Bench(steps=12), Bench(steps=12)
    run.on["step"], started.on["step"] = turn(run), turn(started)
    run.loop.run(12)
    started.loop.start()
    started.rest()
    assert run.engine.used == started.engine.used
    assert run.loop.frame.moves == started.loop.frame.moves
    assert run.loop.frame.history == started.loop.frame.history


def test_run_takes_over_from_the_worker():
    bench = Bench(steps=50, step=(door := Door(3)))
    bench.loop.start()
    door.wait()

    def open_when_asked():  # while run waits for the worker to let go
        while bench.loop.state == "running":
            time.sleep(0.001)
        door.open()

    threading.Thread(target=open_when_asked).start()
    bench.loop.run(4)
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.goal) == ("finished", 7, 7)
    assert len(bench.engines) == 1
    bench.check()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", AT_REST)
def test_run_of_no_steps_only_shows(state):
    bench = at_rest(state)
    done = bench.loop.frame.done
    bench.loop.run(0)
    bench.check()
    assert bench.loop.frame.done == (0 if state in ("idle", "error") else done)
    assert bench.loop.state == ("idle" if state == "error" else state)


@pytest.mark.parametrize("kind", ["build", "step", "image", "measure"])
def test_run_raises_what_the_engine_raises(kind):
    bench = Bench(**{kind: fail_at(1, error=(error := FakeError("no paint.")))})
    with pytest.raises(FakeError) as caught:
        bench.loop.run(3)
    assert caught.value is error
    assert (bench.loop.state, bench.loop.frame.state, bench.loop.frame.message) == ("error", "error", "no paint.")
    bench.loop.run(3)
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 3)
    bench.check()


@pytest.mark.parametrize("kind", ["build", "step", "image", "measured step", "state", "publish"])
def test_an_interrupt_leaves_run_paused_and_the_loop_usable(kind):
    bench = Bench(**{kind: fail_at(1, error=KeyboardInterrupt())})
    with pytest.raises(KeyboardInterrupt):
        bench.loop.run(4)
    assert bench.loop.state == "paused"
    bench.rest()
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 4)
    bench.loop.run(2)
    assert bench.loop.frame.done == 6


def test_buttons_pressed_during_run_count():
    for button, state, done in (("pause", "paused", 3), ("stop", "idle", 3), ("reset", "idle", 0), ("step", "paused", 4)):
        bench = Bench()
        bench.on["step"] = lambda number, bench=bench, button=button: getattr(bench.loop, button)() if number == 3 else None
        bench.loop.run(10)
        assert (bench.loop.state, bench.loop.frame.state, bench.loop.frame.done) == (state, state, done), button
        bench.check()


# --- engines that fail --------------------------------------------------------------------------------------------------------


def test_a_failing_build_is_told_in_one_sentence_and_start_tries_again():
    bench = Bench(build=fail_at(1, 2, error=ValueError("there is no\n such   picture.")))
    for attempt in (1, 2):
        bench.loop.start()
        bench.rest()
        frame = bench.loop.frame
        assert (frame.state, frame.message, frame.image) == ("error", "there is no such picture.", None)
        assert isinstance(bench.loop.error, ValueError)
        assert bench.calls["build"] == attempt, "it must not try without being asked"
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.message) == ("finished", 5, "")
    assert bench.loop.error is None


def test_a_failed_build_is_not_tried_again_by_a_slider():
    bench = Bench(build=fail_at(1))
    bench.loop.start()
    bench.rest()
    bench.loop.set(beta=3.0)
    bench.loop.stop()
    bench.rest()
    assert (bench.loop.state, bench.calls["build"]) == ("error", 1)
    assert bench.loop.frame.message == "the engine fell off the table."
    assert bench.loop.frame.weights.beta == 3.0


def test_another_job_recovers_from_a_failed_build():
    bench = Bench()
    bench.on["build"] = lambda number: fail_at(number)(number) if bench.loop.job == JOB else None
    bench.loop.start()
    bench.rest()
    assert bench.loop.state == "error"
    bench.loop.reset(OTHER)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.message, bench.loop.frame.job) == ("idle", "", OTHER)
    bench.loop.start()
    bench.rest()
    assert bench.loop.state == "finished"


def test_a_build_that_fails_after_a_reset_is_no_error():
    bench = Bench()
    door = Door(1)

    def build(number):
        door(number)
        if number == 1:
            raise FakeError("for a job that nobody wants any more.")

    bench.on["build"] = build
    bench.loop.start()
    door.wait()
    bench.loop.reset(OTHER, keep_running=True)
    door.open()
    bench.rest()
    assert (bench.loop.state, bench.loop.error, bench.loop.frame.done) == ("finished", None, 5)
    assert all(frame.message == "" for frame in bench.frames)


@pytest.mark.parametrize(("kind", "number"), [("step", 2), ("image", 2), ("measure", 1), ("measured step", 1), ("state", 1)])
def test_an_engine_that_fails_at_work(kind, number):
    bench = Bench(**{kind: fail_at(number)})
    bench.loop.start()
    bench.rest()
    frame = bench.loop.frame
    assert (frame.state, frame.message) == ("error", "the engine fell off the table.")
    assert isinstance(bench.loop.error, FakeError)
    if kind == "step":
        assert frame.image is not None, "the picture so far stays"
        assert frame.done == 1
    bench.loop.start()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, len(bench.engines)) == ("finished", 5, 2)


def test_presses_of_step_end_with_an_error():
    bench = Bench(step=fail_at(2))
    for _ in range(4):
        bench.loop.step()
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.calls["step"]) == ("error", 1, 2)


def test_an_engine_that_cannot_draw_at_all_does_not_turn_in_circles():
    bench = Bench(image=fail_at(*range(1, 1000)))
    bench.loop.start()
    bench.rest()
    bench.loop.set(beta=2.0)
    bench.rest()
    assert bench.loop.state == "error"
    assert bench.calls["image"] <= 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("too\n small."), "too small."),
        (FakeError("out of paint."), "out of paint."),
        (KeyError("relu9_9"), "KeyError: 'relu9_9'"),
        (ZeroDivisionError(), "ZeroDivisionError: no more is known"),
        (RuntimeError(), "no more is known"),
    ],
)
def test_sentences(error, expected):
    assert sentence(error) == expected


# --- a front end that fails or is slow ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["start", "run"])
def test_a_publish_that_always_fails_cannot_stop_the_loop(way):
    error = OSError("the browser is gone.")
    bench = Bench(publish=fail_at(*range(1, 1000), error=error))
    bench.loop.start() if way == "start" else bench.loop.run(5)
    bench.rest()
    assert (bench.loop.state, bench.loop.frame.done, bench.loop.frame.message) == ("finished", 5, "")
    assert bench.loop.front_end_error is error
    assert bench.loop.error is None
    assert bench.frames == []


def test_publish_may_press_buttons():
    """A front end that calls back from its callback: any thread may press."""
    bench = Bench(steps=4)
    bench.on["publish"] = lambda number: bench.loop.set(tv=3.0) if number == 1 else None
    bench.loop.start()
    bench.rest()
    assert bench.engine.used[-1].tv == 3.0


def paced(clock, step, publish, steps, measure=0.0, on=None, extras=None):
    """Run with made-up durations; returns the bench and the times at which frames of a running loop were asked for."""
    bench, times = Bench(extras=extras), []

    def show(number):
        times.append(clock.now)
        clock.now += publish

    def tick(seconds):
        def spend(number):
            clock.now += seconds

        return spend

    bench.on |= {"step": tick(step), "publish": show, "measure": tick(measure), "measured step": tick(measure), **(on or {})}
    bench.loop.run(steps)
    return bench, times


@pytest.mark.parametrize(("step", "publish"), [(0.005, 0.001), (0.02, 0.03), (0.02, 0.25), (0.5, 0.01), (0.0007, 0.019)])
def test_at_most_five_frames_a_second_and_a_tenth_of_the_time(clock, step, publish):
    began = clock.now
    bench, times = paced(clock, step, publish, steps=min(5000, round(60 / step)))
    total = clock.now - began
    gaps = [after - before for before, after in itertools.pairwise(times[:-1])]  # the last one shows where it came to rest
    assert min(gaps) > 0.2 - 1e-6
    assert bench.loop.publishing_seconds == pytest.approx(publish * len(times))
    assert bench.loop.publishing_seconds < 0.1 * total + 2 * publish
    allowed = max(0.2, publish / 0.1, step)
    assert max(gaps) < allowed + step + 1e-6, "and no fewer than allowed"


@pytest.mark.parametrize(("step", "measure"), [(0.02, 0.007), (0.02, 0.012), (0.1, 0.035), (2.0, 0.8)])
def test_measuring_takes_at_most_a_twentieth_of_the_time(clock, step, measure):
    began = clock.now
    bench, _ = paced(clock, step, publish=0.001, steps=round(120 / step), measure=measure)
    measured = bench.calls["measured step"]
    total = clock.now - began
    assert measure * measured <= 0.05 * total + 2 * measure
    assert measured >= 0.8 * total / (max(0.3, measure / 0.05) + step + measure), "and is done as often as allowed"


def test_who_pulls_is_at_most_half_a_second_old(clock):
    """From the moment of measuring to that at which the next frame takes its place."""
    at, ages = [], []
    note = lambda number: at.append(clock.now)  # noqa: E731
    bench, times = paced(clock, step=0.02, publish=0.002, steps=2000, on={"measured step": note})
    for frame, shown, gone in zip(bench.frames, times, times[1:], strict=False):
        if frame.pulls is not None and frame.state == "running":
            ages.append(gone - max(one for one in at if one <= shown))
    assert len(ages) > 100
    assert max(ages) <= 0.56, "half a second, and what is left of a step"


def test_a_slow_first_step_does_not_put_off_measuring(clock):
    """It loads libraries; that is not what measuring costs."""

    def step(number):
        clock.now += 1.0 if number == 1 else 0.02

    bench, _ = paced(clock, 0, 0.001, steps=100, on={"step": step})
    assert bench.calls["measured step"] >= 4


def test_single_steps_are_not_measured_but_their_picture_is():
    bench = Bench()
    for _ in range(3):
        bench.loop.step()
        bench.rest()
        assert bench.loop.frame.pulls.step == bench.loop.frame.done
    assert (bench.calls["measured step"], bench.calls["measure"]) == (0, 4), "the first picture's too"


def test_the_pulls_of_a_loop_at_rest_are_those_of_its_picture(clock):
    bench, _ = paced(clock, step=0.001, publish=0.001, steps=40)
    assert (bench.loop.frame.pulls.step, bench.loop.frame.pulls.norms) == (40, (41.0, 20.0, 0.0))
    asked = bench.calls["measure"]
    bench.loop.run(0)
    assert bench.calls["measure"] == asked, "nothing has changed"
    clock.now += 1.0
    bench.loop.set(beta=3.0)
    bench.rest()
    assert bench.calls["measure"] == asked, "its share is known"
    clock.now += 1.0
    bench.loop.set(style_layers={"relu1_1": 2.0})
    bench.rest()
    assert bench.calls["measure"] == asked + 1


@pytest.mark.parametrize(
    ("before", "after"), [({}, {"style_layers": {"relu1_1": 5.0}}), ({"alpha": 0.0}, {"alpha": 1.0})], ids=["layers", "unmuted"]
)
def test_what_was_not_measured_yet_is_in_the_next_frame(clock, before, after):
    """Without waiting for the time that lies between two measurements."""
    measured = []

    def turn(number):
        clock.now += 0.01
        if number == 110:
            bench.loop.set(**after)

    bench = Bench(step=turn)
    bench.loop.set(**before)
    bench.on["measured step"] = lambda number: measured.append((len(bench.engine.history), bench.loop.weights))
    bench.loop.run(150)
    ((first, _), *_) = [one for one in measured if one[1] == replace(FIRST, **after)]
    assert 110 <= first <= 121
    assert len(measured) < 8


def test_speed_is_that_of_the_last_steps(clock):
    def step(number):
        clock.now += 0.5 if number <= 60 else 0.05

    bench, _ = paced(clock, 0, 0.0, steps=100, on={"step": step})
    speeds = [frame.steps_per_second for frame in bench.frames if frame.state == "running"]
    assert speeds[0] == 0, "unknown before two steps"
    assert speeds[10] == pytest.approx(2.0)
    assert speeds[-1] == pytest.approx(20.0, rel=0.2)
    assert bench.loop.frame.steps_per_second == 0, "a loop at rest has none"


def test_slow_frames_of_a_real_front_end_cost_little():
    """In real time and in the background. However busy the machine is, a frame's price is paid before the next one."""
    bench, spent, enough = Bench(steps=10**6), [], threading.Event()

    def show(number):
        spent.append(bench.loop.publishing_seconds)
        enough.set() if number == 4 else None
        time.sleep(0.03)

    bench.on |= {"step": lambda number: time.sleep(0.002), "publish": show}
    began = time.monotonic()
    bench.loop.start()
    assert enough.wait(SOON)
    bench.loop.pause()
    bench.rest()
    total = time.monotonic() - began
    spent.append(bench.loop.publishing_seconds)
    costs = [after - before for before, after in itertools.pairwise(spent)]
    assert min(costs) > 0.029
    assert len(costs) == len(bench.frames) <= 3 + 5 * total
    assert bench.loop.publishing_seconds < 0.1 * total + costs[-1] + max(costs)


def test_a_slider_dragged_over_a_resting_picture_does_not_need_a_frame_a_move():
    bench = Bench()
    bench.loop.step()
    bench.rest()
    before = len(bench.frames)
    began = time.monotonic()
    for number in range(300):
        bench.loop.set(beta=float(number))
    bench.rest()
    assert len(bench.frames) - before <= 2 + 5 * (time.monotonic() - began)
    assert bench.loop.frame.weights.beta == 299.0, "the last move is shown"
