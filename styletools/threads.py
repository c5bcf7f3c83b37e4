"""All cores or one? Threads that wait for each other at every layer are slower than one alone when another program, a browser
say, keeps a core busy: on two cores up to ten times. So measure, now and then, and take the faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

SOON, LATE = 2.0, 16.0  # seconds until the other number of threads is tried again, at first and after many losses


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Have PyTorch use `count` threads for a while."""
    usual = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


class ThreadRace:
    """Time pieces of work, and choose the number of threads that does them faster: all there are, or one.

    with race.lap():
        step()

    Outside of laps PyTorch has the number of threads it had. counts: the numbers to choose from, the first is tried first.
    clock: seconds, for tests.
    """

    def __init__(self, counts: tuple[int, ...] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts = counts or tuple({torch.get_num_threads(): None, 1: None})
        self.clock = clock
        self.count = self.counts[0]  # the faster one so far
        self.seconds: dict[int, float] = {}  # of a lap, by number of threads; smoothed
        self._pause, self._next_trial = SOON, clock() + SOON
        self._trial = 0  # laps left of a trial

    @contextmanager
    def lap(self) -> Iterator[None]:
        """Do one piece of work with the number of threads that is faster, or on trial."""
        on_trial = self._trial > 0 or (len(self.counts) > 1 and self.clock() >= self._next_trial)
        count = self._other() if on_trial else self.count
        with threads(count):
            start = self.clock()
            yield
        self._note(count, self.clock() - start, on_trial)

    def _other(self) -> int:
        return next((count for count in self.counts if count != self.count), self.count)

    def _note(self, count: int, seconds: float, on_trial: bool) -> None:
        old = self.seconds.get(count)
        if on_trial:  # two laps, of which the second counts: the first wakes threads up
            self._trial = 0 if self._trial else 1
            self.seconds[count] = seconds
            if not self._trial:
                self._judge()
        else:
            self.seconds[count] = seconds if old is None else 0.8 * old + 0.2 * seconds
            if old is not None and count > 1 and seconds > 3 * old:  # something else wants the cores
                self._next_trial = self.clock()

    def _judge(self) -> None:
        other = self._other()
        if self.seconds[other] < 0.9 * self.seconds.get(self.count, float("inf")):
            self.count, self._pause = other, SOON
        else:
            self._pause = min(2 * self._pause, LATE)
        self._next_trial = self.clock() + self._pause
