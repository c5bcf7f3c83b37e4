"""One thread or all: the race, on a clock of its own."""

from itertools import pairwise

import pytest
import torch

from styletools.threads import LATE, SOON, ThreadRace, threads


class Workshop:
    """Laps that take as long as `costs` says: {number of threads: seconds}."""

    def __init__(self, costs, counts=(2, 1)):
        self.now, self.costs = 0.0, costs
        self.race = ThreadRace(counts, lambda: self.now)
        self.laps = []  # (when, number of threads PyTorch really had)

    def lap(self, seconds=None):
        with self.race.lap():
            count = torch.get_num_threads()
            self.laps.append((self.now, count))
            self.now += self.costs[count] if seconds is None else seconds

    def work(self, seconds):
        """Make laps for so long; returns the numbers of threads used."""
        first, until = len(self.laps), self.now + seconds
        while self.now < until:
            self.lap()
        return [count for _, count in self.laps[first:]]


@pytest.fixture(autouse=True)
def two_threads():
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2, "a lap must leave PyTorch's number of threads as it was"
    torch.set_num_threads(usual)


def starts_of_trials(laps):
    """When laps with one thread began, each row of them counted once."""
    return [when for (_, before), (when, count) in pairwise(laps) if count == 1 and before != 1]


def test_all_threads_are_tried_first_and_kept_when_they_are_faster():
    shop = Workshop({2: 0.05, 1: 0.09})
    used = shop.work(100)
    assert shop.race.count == 2
    assert used[0] == 2
    assert used.count(1) / len(used) < 0.02


def test_trials_that_lose_become_rare():
    shop = Workshop({2: 0.01, 1: 0.02})
    shop.work(200)
    starts = [0.0, *starts_of_trials(shop.laps)]
    gaps = [after - before for before, after in pairwise(starts)]
    assert gaps[:4] == pytest.approx([SOON, 2 * SOON, 4 * SOON, 8 * SOON], abs=0.1)
    assert gaps[3:] == pytest.approx([LATE] * len(gaps[3:]), abs=0.1)
    assert len(gaps) > 10


def test_a_trial_is_two_laps():
    shop = Workshop({2: 0.01, 1: 0.02})
    assert shop.work(2 * SOON).count(1) == 2


def test_one_thread_is_taken_when_it_is_ten_times_faster():
    shop = Workshop({2: 0.5, 1: 0.05})
    shop.work(SOON + 1)
    assert shop.race.count == 1
    used = shop.work(100)
    assert used.count(1) / len(used) > 0.98


def test_the_first_lap_of_a_trial_does_not_count():
    """It wakes threads up."""
    shop = Workshop({2: 0.5, 1: 0.05})
    shop.work(SOON)
    shop.lap(5.0)
    assert shop.laps[-1][1] == 1
    shop.lap()
    assert shop.race.count == 1


def test_a_tie_changes_nothing():
    shop = Workshop({2: 0.1, 1: 0.095})
    shop.work(100)
    assert shop.race.count == 2


def test_it_comes_back_when_the_cores_are_free_again():
    shop = Workshop({2: 0.5, 1: 0.05})
    shop.work(60)
    assert shop.race.count == 1
    shop.costs = {2: 0.03, 1: 0.05}
    shop.work(LATE + 2)
    assert shop.race.count == 2
    shop.work(60)
    assert shop.race.count == 2


def test_a_sudden_slowdown_is_noticed_at_once():
    """Also long after the last trial."""
    shop = Workshop({2: 0.05, 1: 0.08})
    shop.work(60)
    shop.work(max(0.0, shop.race._next_trial - LATE / 2 - shop.now))
    shop.costs = {2: 0.5, 1: 0.08}
    for _ in range(4):
        shop.lap()
    assert shop.race.count == 1


def test_it_wins_and_loses_for_as_long_as_it_is_driven():
    """Whatever the costs do, after a while the race follows the faster one."""
    shop = Workshop({2: 0.05, 1: 0.08})
    for slow in (2, 1, 2, 1, 2):
        shop.costs = {1: 0.06, 2: 0.06, slow: 0.6}
        shop.work(3 * LATE)
        assert shop.race.count == 3 - slow


def test_one_count_only_is_never_left():
    shop = Workshop({1: 0.05}, counts=(1,))
    assert set(shop.work(100)) == {1}
    shop = Workshop({2: 0.05}, counts=(2,))
    shop.work(10)
    shop.lap(5.0)  # a slow lap calls for a trial, of which there is none
    assert set(shop.work(50)) == {2}


def test_the_counts_are_all_threads_there_are_and_one():
    assert ThreadRace().counts == (2, 1)
    torch.set_num_threads(1)
    assert ThreadRace().counts == (1,)
    torch.set_num_threads(2)


def test_an_exception_restores_the_number_of_threads_and_is_no_lap():
    shop = Workshop({2: 0.5, 1: 0.05})
    shop.work(SOON)
    known = dict(shop.race.seconds)
    with pytest.raises(KeyboardInterrupt), shop.race.lap():
        assert torch.get_num_threads() == 1, "this is the lap of a trial"
        raise KeyboardInterrupt
    assert torch.get_num_threads() == 2
    assert shop.race.seconds == known
    shop.work(2)
    assert shop.race.count == 1, "the trial is made up for"


def test_threads_for_a_while():
    with threads(1):
        assert torch.get_num_threads() == 1
        with threads(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError), threads(1):
        _ = 1 / 0
    assert torch.get_num_threads() == 2
