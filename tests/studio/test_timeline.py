"""The run so far: bounded moments and checkpoints, and moves in words."""

import io
import itertools
import math
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio.frame import Frame
from styletools.studio.timeline import Moment, Timeline, drags, moves_in_words, size_of

OWN = {"relu1_1": 0.5, "relu3_1": 0.2}
FIRST = st.Weights(1.0, 20.0, 2.0, OWN)
JOB = st.Job("a", "b", 8, 5, weights=FIRST, coarse_to_fine=False)
TEN = replace(FIRST, beta=10.0)


def make_frame(done, moves=((1, FIRST),), size=(6, 4), image=True):
    """A frame whose picture is as grey as it has steps."""
    steps = tuple(st.Step(index, 9.0, 1.0, 0.25, 2.0, 2.0, 8.0, 0.5) for index in range(1, done + 1))
    grey = (min(255, done),) * 3
    picture = Image.new("RGB", size, grey) if image else None
    return Frame("running", "", JOB, picture, steps, moves if done else (), None, 0.0, FIRST, None)


def make_moments(*steps, size=(6, 4)):
    timeline = Timeline(moments=1000)
    for step in steps:
        timeline.add(make_frame(step, size=size))
    return timeline.moments


def grey(image):
    return image.convert("RGB").getpixel((1, 1))[0]


def opened(moment):
    return Image.open(io.BytesIO(moment.jpeg))


# --- moments ----------------------------------------------------------------------------------------------------------------


def test_a_moment_tells_what_its_step_felt():
    timeline = Timeline()
    timeline.add(make_frame(7, ((1, FIRST), (5, TEN))))
    (moment,) = timeline.moments
    assert (moment.step, moment.total, moment.content, moment.style, moment.tv) == (7, 9.0, 2.0, 2.0, 1.0)
    assert moment.weights == TEN
    assert (opened(moment).format, opened(moment).size, grey(opened(moment))) == ("JPEG", (6, 4), 7)


def test_the_first_moment_has_no_losses_yet():
    timeline = Timeline()
    timeline.add(make_frame(0))
    (moment,) = timeline.moments
    assert (moment.step, moment.weights) == (0, FIRST)
    assert all(math.isnan(loss) for loss in (moment.total, moment.content, moment.style, moment.tv))


def test_one_moment_a_step_and_none_without_a_picture():
    timeline = Timeline()
    for frame in (
        make_frame(0, image=False),
        make_frame(3),
        make_frame(3),
        make_frame(2),
        make_frame(4, image=False),
        make_frame(5),
    ):
        timeline.add(frame)
    assert timeline.steps == (3, 5)


def test_the_moment_at_a_step_is_the_last_before_it():
    timeline = Timeline()
    assert timeline.at(3) is None
    for step in (2, 5, 9):
        timeline.add(make_frame(step))
    assert [timeline.at(step).step for step in (0, 2, 4, 5, 8, 9, 100)] == [2, 2, 2, 5, 5, 9, 9]


def test_a_cut_forgets_what_came_later():
    timeline = Timeline()
    for step in (2, 5, 9):
        timeline.add(make_frame(step))
        timeline.keep(step, {"step": step})
    timeline.cut(5)
    assert timeline.steps == (2, 5)
    assert timeline.nearest(100) == (5, {"step": 5})
    timeline.add(make_frame(6))
    assert timeline.steps == (2, 5, 6)
    timeline.clear()
    assert (timeline.steps, timeline.moments, timeline.nearest(100)) == ((), (), None)


def test_when_there_are_too_many_every_second_one_goes_and_later_ones_come_half_as_often():
    timeline = Timeline(moments=8)
    for step in range(9):
        timeline.add(make_frame(step))
    assert timeline.steps == (0, 2, 4, 6, 8)
    shown = []
    for step in range(9, 17):
        timeline.add(make_frame(step))
        shown.append(timeline.steps[3:])
    assert shown == [
        (6, 8, 9), (6, 8, 10), (6, 8, 10, 11), (6, 8, 10, 12), (6, 8, 10, 12, 13), (6, 8, 10, 12, 14), (12, 15), (12, 16),
    ]  # fmt: skip
    assert timeline.steps == (0, 4, 8, 12, 16)


def test_moments_before_moves_and_at_checkpoints_stay():
    timeline = Timeline(moments=20)
    moves = ((1, FIRST), (8, TEN), (33, FIRST), (70, TEN))
    for step in range(100):
        if step == 51:
            timeline.keep(step, {})
        timeline.add(make_frame(step, tuple(move for move in moves if move[0] <= step)))
    assert len(timeline.steps) <= 20
    assert {0, 7, 32, 51, 69, 99} <= set(timeline.steps)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    some.integers(2, 12),
    some.lists(some.tuples(some.integers(1, 9), some.booleans(), some.booleans()), max_size=120),
    some.lists(some.integers(0, 300), max_size=2),
)
def test_however_long_it_goes_on_it_is_bounded_and_ends_with_the_newest(most, frames, cuts):
    timeline, step, moves = Timeline(moments=most), 0, [(1, FIRST)]
    cuts = set(cuts)
    for number, (gap, moved, kept) in enumerate(frames):
        if number in cuts:
            timeline.cut(step // 2)
            step, moves = step // 2, [(1, FIRST)]
        step += gap
        if moved:
            moves.append((step, replace(FIRST, beta=float(number))))
        if kept:
            timeline.keep(step - 1, {})
        timeline.add(make_frame(step, tuple(moves)))
        assert len(timeline.steps) <= max(2, most)
        assert list(timeline.steps) == sorted(set(timeline.steps))
        assert timeline.steps[-1] == step
        assert timeline.at(step).step == step


def test_an_evening_of_painting_stays_even():
    timeline = Timeline(moments=50)
    for step in range(0, 20_000, 7):
        frame = make_frame(0)
        last = st.Step(step, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
        timeline.add(SimpleNamespace(done=step, image=frame.image, history=(last,), moves=((1, FIRST),), weights=FIRST))
    gaps = [after - before for before, after in itertools.pairwise(timeline.steps[:-1])]
    assert 20 <= len(timeline.steps) <= 50
    assert max(gaps) <= 2 * min(gaps)


def test_many_hands_at_one_timeline():
    timeline, unexpected = Timeline(moments=10, checkpoint_bytes=2000), []

    def work(kind):
        try:
            for step in range(150):
                if kind == 0:
                    timeline.add(make_frame(step))
                    timeline.keep(step, {"tensor": torch.zeros(50)})
                elif kind == 1 and step % 40 == 39:
                    timeline.cut(step // 2) if step % 80 == 39 else timeline.clear()
                else:
                    steps, nearest = timeline.steps, timeline.nearest(step)
                    assert list(steps) == sorted(steps)
                    assert len(timeline.moments) <= 10
                    assert nearest is None or nearest[0] <= step
                    timeline.at(step)
        except BaseException as error:
            unexpected.append(error)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        hands = [threading.Thread(target=work, args=(kind,)) for kind in range(4)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join(60)
    finally:
        sys.setswitchinterval(usual)
    assert unexpected == []


# --- checkpoints --------------------------------------------------------------------------------------------------------------


def test_the_nearest_checkpoint_is_at_or_before():
    timeline = Timeline()
    assert timeline.nearest(3) is None
    for step in (10, 0, 20):  # in whatever order
        timeline.keep(step, f"state {step}")
    assert [timeline.nearest(step) for step in (-1, 0, 9, 10, 19, 99)] == [
        None, (0, "state 0"), (0, "state 0"), (10, "state 10"), (10, "state 10"), (20, "state 20"),
    ]  # fmt: skip
    timeline.keep(10, "another")
    assert timeline.nearest(10) == (10, "another")


def test_checkpoints_have_a_limit_and_the_first_and_the_newest_stay():
    timeline, state = Timeline(checkpoint_bytes=10_000), {"tensor": torch.zeros(250)}  # 1000 bytes each
    for step in range(100):
        timeline.keep(step, state)
        kept = sorted({timeline.nearest(one)[0] for one in range(step + 1)})
        assert len(kept) <= 10
        assert (kept[0], kept[-1]) == (0, step)
    gaps = [after - before for before, after in itertools.pairwise(kept[:-1])]
    assert (len(kept), max(gaps) <= 2 * min(gaps)) == (10, True), "the others lie evenly in between"


def test_two_checkpoints_stay_however_large_they_are():
    timeline = Timeline(checkpoint_bytes=10)
    for step in range(5):
        timeline.keep(step, {"tensor": torch.zeros(250)})
    assert [timeline.nearest(step)[0] for step in range(5)] == [0, 0, 0, 0, 4]


def test_the_size_of_a_state():
    shared = tuple(range(5))
    state = {"a": torch.zeros(3), "b": {"c": [torch.zeros(2, dtype=torch.float64), 7, None]}, "history": shared, "d": 0.5}
    assert size_of(state) == 12 + 16 + 5 * 8


# --- moves --------------------------------------------------------------------------------------------------------------------


def moved(*changes):
    """Moves from changes of the first weights: (step, {name: weight})."""
    weights, moves = FIRST, [(1, FIRST)]
    for step, change in changes:
        weights = replace(weights, **change)
        moves.append((step, weights))
    return tuple(moves)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ((), []),
        (moved(), []),
        (moved((120, {"beta": 400.0})), [(120, "β 20 to 400")]),
        (moved((120, {"beta": 0.0}), (140, {"beta": 20.0})), [(120, "β 20 to 0"), (140, "β 0 to 20")]),
        (moved((2, {"alpha": 3.0, "tv": 0.05})), [(2, "α 1 to 3, TV 2 to 0.05")]),
        (moved((9, {"beta": 12345.0})), [(9, "β 20 to 12\u202f300")]),
        (moved((9, {"style_layers": {**OWN, "relu3_1": 0.4}})), [(9, "relu3_1 × 2")]),
        (moved((9, {"style_layers": {**OWN, "relu3_1": 0.0}})), [(9, "relu3_1 × 0")]),
        (moved((9, {"style_layers": {"relu1_1": 0.5}})), [(9, "relu3_1 × 0")]),
        (moved((9, {"style_layers": {**OWN, "relu2_2": 0.25}})), [(9, "relu2_2 0.25")]),
    ],
)
def test_moves_in_words(moves, expected):
    assert moves_in_words(moves) == expected


def test_layers_are_told_as_multiples_of_the_first():
    moves = moved((9, {"style_layers": {**OWN, "relu3_1": 0.4}}), (29, {"style_layers": {**OWN, "relu3_1": 0.8}}))
    assert moves_in_words(moves) == [(9, "relu3_1 × 2"), (29, "relu3_1 × 4")]


def test_a_drag_is_one_move():
    """Moves less than five steps apart, however long that goes on; two hands at two sliders as well."""
    drag = [(step, {"beta": float(step)}) for step in range(30, 60, 4)]
    moves = moved((3, {"beta": 25.0}), *drag, (60, {"tv": 1.0}), (65, {"tv": 3.0}))
    assert moves_in_words(moves) == [(3, "β 20 to 25"), (30, "β 25 to 58, TV 2 to 1"), (65, "TV 1 to 3")]
    assert [step for step, _, _ in drags(moves)] == [3, 30, 65]


def test_a_drag_that_ends_where_it_began_is_none():
    assert moves_in_words(moved((30, {"beta": 99.0}), (32, {"beta": 20.0}), (50, {"beta": 7.0}))) == [(50, "β 20 to 7")]


def test_a_moment_is_a_value():
    one = Moment(3, b"jpeg", 1.0, 2.0, 3.0, 4.0, FIRST)
    assert one == Moment(3, b"jpeg", 1.0, 2.0, 3.0, 4.0, FIRST)
    with pytest.raises(AttributeError):
        one.step = 4
