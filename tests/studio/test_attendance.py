"""Whether a page listens: with a clock of our own, with a real event loop, and in a busy notebook."""

import asyncio
import gc
import time
import weakref

import pytest

from styletools.studio import attendance as attendance_module
from styletools.studio.attendance import EVERY, SILENCE, Attendance


class Clock:
    """A time of its own, and an event loop that calls when that time has come."""

    def __init__(self):
        self.now, self.calls = 1000.0, []

    def monotonic(self):
        return self.now

    def call_later(self, delay, act, *arguments):
        self.calls.append((self.now + delay, act, arguments))

    def pass_by(self, seconds):
        """Let time go by, and call what is due on its way."""
        end = self.now + seconds
        while self.calls and min(self.calls)[0] <= end:
            due = min(self.calls, key=lambda call: call[0])
            self.calls.remove(due)
            self.now = max(self.now, due[0])
            due[1](*due[2])
        self.now = end

    def be_busy(self, seconds):
        """Another cell runs: time goes by, and nothing is called."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(attendance_module, "time", clock)
    monkeypatch.setattr(attendance_module.asyncio, "get_running_loop", lambda: clock)
    return clock


@pytest.fixture
def notes():
    return []


@pytest.fixture
def attendance(notes):
    return Attendance(lambda: notes.append("come"), lambda: notes.append("leave"))


def test_beats_every_two_seconds_are_enough(clock, attendance, notes):
    for _ in range(100):
        attendance.beat()
        clock.pass_by(2.0)
    assert notes == []
    assert len(clock.calls) == 1, "one look is waiting, not one for every beat"


def test_silence_is_noticed_within_ten_seconds_and_once(clock, attendance, notes):
    attendance.beat()
    clock.pass_by(SILENCE - 0.5)
    assert notes == []
    clock.pass_by(2.5)
    assert notes == ["leave"]
    assert SILENCE + 2 * EVERY < 10
    clock.pass_by(1000)
    assert notes == ["leave"]
    assert clock.calls == [], "nobody looks at the clock any more"


def test_a_page_that_comes_back_is_noticed_and_watched_again(clock, attendance, notes):
    attendance.beat()
    clock.pass_by(20)
    attendance.beat()
    assert notes == ["leave", "come"]
    attendance.beat()
    clock.pass_by(3)
    attendance.beat()
    assert notes == ["leave", "come"]
    clock.pass_by(20)
    assert notes == ["leave", "come", "leave"]


def test_without_any_beat_nothing_happens(clock, attendance, notes):
    clock.pass_by(1000)
    assert (notes, clock.calls) == ([], [])


def test_a_busy_notebook_proves_nothing(clock, attendance, notes):
    """While another cell runs, beats wait in the queue behind it: so does the look at the clock, which comes first."""
    attendance.beat()
    clock.pass_by(3)
    clock.be_busy(60)
    clock.pass_by(0)
    assert notes == [], "beats of this minute are still to be read"
    attendance.beat()
    clock.pass_by(5)
    assert notes == []
    clock.pass_by(5)
    assert notes == ["leave"], "and now it is silent"


def test_a_busy_notebook_whose_page_has_gone(clock, attendance, notes):
    attendance.beat()
    clock.be_busy(60)
    clock.pass_by(SILENCE + 2 * EVERY)
    assert notes == ["leave"]


def test_outside_a_notebook_nobody_is_watched(notes, attendance):
    attendance.beat()
    attendance.beat()
    assert notes == []


def test_with_a_real_event_loop(monkeypatch, notes, attendance):
    monkeypatch.setattr(attendance_module, "EVERY", 0.02)
    monkeypatch.setattr(attendance_module, "SILENCE", 0.2)

    async def wait_for(expected):
        end = time.monotonic() + 60
        while notes != expected:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)

    async def main():
        attendance.beat()
        await wait_for(["leave"])
        attendance.beat()
        assert notes == ["leave", "come"]
        await wait_for(["leave", "come", "leave"])

    asyncio.run(main())


def test_a_studio_that_nobody_sees_sleeps_and_wakes(open_studio, clock, rest):
    studio = open_studio(steps=None)
    studio.start()
    studio.hands.hear({"do": "beat", "id": "x"})
    clock.pass_by(20)
    frame = rest(studio)
    assert (frame.state, frame.asleep, studio.panel.frame["asleep"]) == ("paused", True, True)
    studio.hands.hear({"do": "beat", "id": "x"})
    assert studio.state == "running"
    studio.pause()
    rest(studio)
    clock.pass_by(20)
    studio.hands.hear({"do": "beat", "id": "x"})
    assert studio.state == "paused", "who has paused it wants it to hold"


def test_a_studio_that_is_gone_is_not_watched_for_ever(clock, rest):
    from styletools import Studio

    studio = Studio(size=32)
    studio.hands.hear({"do": "beat", "id": "x"})
    screen = weakref.ref(studio.screen)
    del studio
    clock.pass_by(20)
    gc.collect()
    assert screen() is None
