"""The live loop around engines that cost nothing: its states, its lock, its frames."""

import itertools
import random
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio import loop as loop_module
from styletools.studio.loop import Frame, LiveLoop, sentence

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
        self.bench, self.job, self.history, self.used, self.moves = bench, job, [], [], ()

    def step(self, weights):
        with self.bench.at_work("step"):
            index = len(self.history) + 1
            self.used.append(weights)
            if not self.moves or self.moves[-1][1] != weights:
                self.moves = (*self.moves, (index, weights))
            self.history.append(st.Step(index, 1.0, 1.0, 1.0, 1.0, weights.alpha, weights.beta, weights.tv))
            return self.history[-1]

    def image(self):
        with self.bench.at_work("image"):
            return Image.new("RGB", (4, 4), (len(self.history) % 256,) * 3)

    def pulls(self, weights):
        with self.bench.at_work("pulls"):
            return 1.0 + len(self.history), 2.0, float(self.job.seed)


class Bench:
    """A loop around fake engines, and notes of all that happens.

    on: {"build" | "step" | "image" | "pulls" | "publish": function of the number of such calls so far, this one included}.
    """

    def __init__(self, steps=5, **on):
        self.on, self.calls, self.engines, self.frames, self.trouble = on, dict.fromkeys(KINDS, 0), [], [], []
        self.workers = set()
        self._busy = threading.Lock()
        self.loop = LiveLoop(self.build, replace(JOB, steps=steps), self.publish)

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


KINDS = ("build", "step", "image", "pulls", "publish")


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


def spread(moves, done):
    """The weights of every step that `moves` tell."""
    ends = [first for first, _ in moves[1:]] + [done + 1]
    return [weights for (first, weights), end in zip(moves, ends, strict=False) for _ in range(first, end)]


@pytest.fixture
def quick(monkeypatch):
    """Frames as fast as they come: where their pace is not what is tested."""
    monkeypatch.setattr(loop_module, "FRAMES_PER_SECOND", 1e5)
    monkeypatch.setattr(loop_module, "PUBLISHING", 1e9)


@pytest.fixture
def clock(monkeypatch):
    """A clock of the loop's own that the test moves: clock.now += seconds."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(loop_module, "time", clock)
    return clock


# --- states ----------------------------------------------------------------------------------------------------------


def test_a_new_loop_is_idle_and_has_done_nothing():
    bench = Bench(steps=7)
    assert bench.loop.state == "idle"
    assert bench.loop.frame == Frame("idle", "", replace(JOB, steps=7), None, (), (), 7, 0.0, FIRST, None)
    assert (bench.loop.frame.done, bench.loop.frame.shares) == (0, None)
    assert (bench.loop.job, bench.loop.weights, bench.loop.steps) == (replace(JOB, steps=7), FIRST, 7)
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
    assert frame.pulls == (1.0, 2.0, 0.0)
    assert bench.loop.error is None
    assert len(bench.engines) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("keep_running", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_reset_in_the_middle_of_anything(kind, keep_running):
    """What was made for the old job is thrown away, and the new first picture is shown, whatever was under way."""
    door = Door(2 if kind in ("step", "image") else 1)
    bench = Bench(**{"step": lambda number: time.sleep(0.001), kind: door})
    bench.loop.start()
    door.wait()
    bench.loop.reset(OTHER, replace(FIRST, beta=3.0), keep_running=keep_running)
    assert bench.loop.state == ("running" if keep_running else "idle")
    door.open()
    bench.rest()
    frame = bench.loop.frame
    assert (frame.job, frame.weights.beta) == (OTHER, 3.0)
    assert (frame.state, frame.done) == (("finished", 5) if keep_running else ("idle", 0))
    assert bench.engine.job == OTHER
    assert all(weights.beta == 3.0 for weights in bench.engine.used)
    assert frame.pulls[2] == OTHER.seed, "these are the pulls of another job"
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


# --- random sequences ------------------------------------------------------------------------------------------------------


ACTIONS = ("start", "pause", "step", "stop", "reset", "set", "run", "steps", "fail")


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(some.lists(some.sampled_from(ACTIONS), max_size=12))
def test_any_sequence_at_rest_follows_the_state_diagram(actions):
    """Each action is followed by a wait; a few lines say what must then be so."""
    failing = []
    bench = Bench(steps=3, step=lambda number: fail_at(number)(number) if failing else None)
    state, done, goal, steps = "idle", 0, 3, 3
    with mock.patch.object(loop_module, "FRAMES_PER_SECOND", 1e5):
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
            elif action == "steps":
                steps = 4 if steps == 3 else 3
                goal = goal if state == "finished" else max(steps, done)
            act(bench.loop, action)
            failing.clear() if action in ("start", "step", "run") else None
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
    elif action == "fail":
        pass
    else:
        getattr(loop, action)()
    if action in ("start", "step"):
        assert loop.wait(SOON)


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

    bench = Bench(steps=12, step=work, image=work, pulls=work, build=work, publish=work)
    unexpected = []

    def press(seed):
        mine = random.Random(seed)
        try:
            for number in range(40):
                action = mine.choice(["start", "start", "pause", "step", "stop", "reset", "keep", "set", "set", "run", "steps"])
                if action == "run":
                    try:
                        bench.loop.run(mine.randrange(4))
                    except FakeError:
                        assert often
                elif action == "keep":
                    bench.loop.reset(replace(JOB, seed=seed + number), keep_running=True)
                elif action == "set":
                    bench.loop.set(**{mine.choice(["alpha", "beta", "tv"]): float(number)})
                elif action == "steps":
                    bench.loop.steps = mine.randrange(1, 20)
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


def test_shares_are_weighted_gradients_as_parts_of_one():
    frame = replace(Bench().loop.frame, pulls=(2.0, 3.0, 4.0), weights=st.Weights(1.0, 2.0, 0.5, {}))
    assert frame.shares == pytest.approx((0.2, 0.6, 0.2))
    assert replace(frame, weights=st.Weights(0.0, 2.0, 0.0, {})).shares == (0.0, 1.0, 0.0)
    assert replace(frame, weights=st.Weights(0.0, 0.0, 0.0, {})).shares is None
    assert replace(frame, pulls=(0.0, 0.0, 0.0)).shares is None
    assert replace(frame, pulls=None).shares is None


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


@pytest.mark.parametrize("kind", ["build", "step", "image", "pulls"])
def test_run_raises_what_the_engine_raises(kind):
    bench = Bench(**{kind: fail_at(1, error=(error := FakeError("no paint.")))})
    with pytest.raises(FakeError) as caught:
        bench.loop.run(3)
    assert caught.value is error
    assert (bench.loop.state, bench.loop.frame.state, bench.loop.frame.message) == ("error", "error", "no paint.")
    bench.loop.run(3)
    assert (bench.loop.state, bench.loop.frame.done) == ("finished", 3)
    bench.check()


@pytest.mark.parametrize("kind", ["build", "step", "image", "pulls", "publish"])
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


@pytest.mark.parametrize("kind", ["step", "image", "pulls"])
def test_an_engine_that_fails_at_work(kind):
    bench = Bench(**{kind: fail_at(2)})
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


def paced(clock, step, publish, steps, pulls=0.0, on=None):
    """Run with made-up durations; returns the bench and the times at which frames of a running loop were asked for."""
    bench, times = Bench(), []

    def show(number):
        times.append(clock.now)
        clock.now += publish

    def tick(seconds):
        def spend(number):
            clock.now += seconds

        return spend

    bench.on |= {"step": tick(step), "publish": show, "pulls": tick(pulls), **(on or {})}
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


def test_measuring_who_pulls_takes_little_time(clock):
    began = clock.now
    bench, _ = paced(clock, step=0.02, publish=0.001, steps=4000, pulls=0.12)
    assert bench.calls["pulls"] > 20
    assert 0.12 * bench.calls["pulls"] < 0.06 * (clock.now - began)


def test_the_pulls_of_a_loop_at_rest_are_those_of_its_picture(clock):
    bench, _ = paced(clock, step=0.001, publish=0.001, steps=40)
    assert bench.loop.frame.pulls == (41.0, 2.0, 0.0)
    asked = bench.calls["pulls"]
    bench.loop.run(0)
    assert bench.calls["pulls"] == asked, "nothing has changed"


def test_new_layer_weights_are_measured_in_the_next_frame(clock):
    """Without waiting for the second that lies between two measurements."""
    measured = []

    def turn(number):
        clock.now += 0.01
        if number == 110:
            bench.loop.set(style_layers={"relu1_1": 5.0})

    class Engine(FakeEngine):
        def pulls(self, weights):
            measured.append((len(self.history), weights.style_layers["relu1_1"]))
            return super().pulls(weights)

    bench = Bench(step=turn)
    bench.loop._build = lambda job: Engine(bench, job)
    bench.loop.run(150)
    ((first, _), *_) = [one for one in measured if one[1] == 5.0]
    assert 110 <= first <= 131
    assert len(measured) < 6


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
