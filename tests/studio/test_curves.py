"""The loss curves: known places, gaps, marks, and SVG that is well formed whatever the numbers."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import styletools as st
from styletools.studio import curves

WEIGHTS = st.Weights(2.0, 300.0, 0.5, {})
TERMS = ("total", "content", "style", "tv")
LEFT, RIGHT = curves.LEFT, 430 - curves.RIGHT
TOP, BOTTOM = curves.TOP, 210 - curves.BOTTOM


def step(index, content, style, tv, alpha=1.0, beta=1.0, tv_weight=1.0):
    return st.Step(index, alpha * content + beta * style + tv_weight * tv, content, style, tv, alpha, beta, tv_weight)


def falling(totals):
    """Steps whose content loss is all of the total, style a tenth of it and tv nothing."""
    return tuple(st.Step(i, total, total, 0.1 * total, 0.0, 1.0, 1.0, 0.5) for i, total in enumerate(totals, start=1))


def plot(history, moves=(), goal: int | None = 100):
    """A plot as XML, and its curves: name -> pieces of (x, y)."""
    svg = ET.fromstring(curves.loss_plot(history, moves, goal))
    paths = {path.get("class").removeprefix("st-line-"): path.get("d") for path in svg.iter("path")}
    return svg, {name: [points(piece) for piece in paths[name].split("M")[1:]] for name in paths}


def points(piece):
    if dash := re.fullmatch(r"([\d.-]+),([\d.-]+) h6 ?", piece):
        return [(float(dash[1]) + 3, float(dash[2]))]
    return [tuple(map(float, point.split(","))) for point in piece.strip().split(" L")]


def move_at(*steps):
    return tuple((first, replace(WEIGHTS, beta=float(first))) for first in steps)


def marks(svg):
    return {int(group.get("data-step")): group for group in svg.iter("g")}


# --- curves -------------------------------------------------------------------------------------------------------------


def test_the_curves_are_total_and_weighted_terms():
    """Content is all of the total, style a tenth; equal distances are equal factors."""
    _, lines = plot(falling([100.0, 10.0, 1.0]), goal=3)
    (total,), (content,), (style,) = (lines[name] for name in ("total", "content", "style"))
    assert total == content
    assert total[1][1] - total[0][1] == pytest.approx(total[2][1] - total[1][1], abs=0.2)
    assert style[0][1] == pytest.approx(total[1][1], abs=0.2)
    assert lines["tv"] == [], "a term that is zero has no place on a log scale"
    assert [x for x, _ in total] == pytest.approx([LEFT, (LEFT + RIGHT) / 2, RIGHT], abs=0.1)


def test_weights_count():
    history = [step(1, 1.0, 1.0, 1.0, alpha=10.0, beta=100.0, tv_weight=1000.0)]
    _, lines = plot(history)
    heights = [lines[name][0][0][1] for name in ("content", "style", "tv")]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] > heights[2]


def test_a_muted_term_leaves_a_gap():
    """Steps 1 to 40 and 71 to 100: nothing is drawn between."""
    history = [step(i, 1.0, 2.0, 1.0, alpha=0.0 if 40 < i <= 70 else 6.0) for i in range(1, 101)]
    _, lines = plot(history)
    before, after = lines["content"]
    assert before[-1][0] == pytest.approx(LEFT + (RIGHT - LEFT) * 39 / 99, abs=0.1)
    assert after[0][0] == pytest.approx(LEFT + (RIGHT - LEFT) * 70 / 99, abs=0.1)
    assert len(lines["style"]) == len(lines["total"]) == 1


def test_a_gap_of_a_long_run_is_where_the_move_was():
    """Though of 8000 steps only every fiftieth is drawn."""
    weights = [(1, WEIGHTS), (4001, replace(WEIGHTS, alpha=0.0)), (4021, WEIGHTS)]
    history = [step(i, 1.0, 2.0, 1.0, alpha=0.0 if 4000 < i <= 4020 else 2.0) for i in range(1, 8001)]
    _, lines = plot(history, tuple(weights), 8000)
    before, after = lines["content"]
    assert before[-1][0] < after[0][0]
    assert after[0][0] - before[-1][0] < curves.APART


def test_a_term_below_the_floor_leaves_a_gap():
    """Five powers of ten under the highest value, and back: no line along the floor."""
    history = [step(i, 1e-5 if 20 <= i < 60 else 0.5, 1.0, 0.0) for i in range(1, 101)]
    _, lines = plot(history)
    assert len(lines["content"]) == 2
    assert all(y < BOTTOM - 10 for piece in lines["content"] for _, y in piece)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 1e305])
def test_what_is_no_number_leaves_a_gap(value):
    history = [step(i, value if i == 5 else 1.0, 1.0, 1.0) for i in range(1, 11)]
    _, lines = plot(history)
    assert [len(piece) for piece in lines["content"]] == [4, 5]


def test_a_single_step_can_be_seen():
    svg, lines = plot([step(1, 1.0, 1.0, 1.0)])
    assert all(lines[name][0][0][0] == LEFT for name in TERMS)
    assert " h6" in next(svg.iter("path")).get("d")


@pytest.mark.parametrize("count", [1, 2, 159, 160, 161, 1000, 12345])
def test_no_curve_has_more_points_than_can_be_seen(count):
    svg, lines = plot(falling([1.0] * count))
    (total,) = lines["total"]
    assert min(count, curves.POINTS // 2) <= len(total) <= curves.POINTS + 1
    assert total[0][0] == LEFT
    assert total[-1][0] == pytest.approx(LEFT + (RIGHT - LEFT) * (count - 1) / (max(100, count) - 1), abs=0.1)
    assert len(ET.tostring(svg)) < 20_000


def test_an_hour_of_moves_stays_small():
    weights = tuple((i, replace(WEIGHTS, beta=float(i))) for i in range(1, 100_000, 40))
    svg, lines = plot(falling([1.0] * 100_000), weights, None)
    assert sum(map(len, lines["total"])) < 400
    assert len(ET.tostring(svg)) < 80_000


def test_a_plot_of_nothing():
    svg, lines = plot(())
    assert lines == {name: [] for name in TERMS}
    assert "nothing is painted yet" in svg.get("aria-label")


loss = some.one_of(some.just(0.0), some.floats(1e-300, 1e300), some.floats(0.0, 10.0))


@given(
    some.lists(some.tuples(loss, loss, loss), max_size=30),
    some.one_of(some.none(), some.integers(0, 50)),
    some.sampled_from([(1e-3, 1e3), (1.0, 0.0), (0.0, 0.0)]),
)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_losses_make_a_plot_inside_its_frame(terms, goal, weights):
    history = [step(i, *losses, *weights, 0.5) for i, losses in enumerate(terms, start=1)]
    svg, lines = plot(history, move_at(1, 9), goal)
    for piece in [piece for pieces in lines.values() for piece in pieces]:
        for x, y in piece:
            assert LEFT <= x <= RIGHT + 0.05
            assert TOP - 0.05 <= y <= BOTTOM + 0.05
    for line in svg.iter("line"):
        assert all(math.isfinite(float(line.get(end))) for end in ("x1", "x2", "y1", "y2"))


# --- axes and words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "goal", "last"),
    [
        (0, 300, 300), (50, 300, 300), (320, 300, 320), (0, 0, 2), (1, 1, 2),
        (0, None, 50), (50, None, 50), (51, None, 60), (61, None, 80), (99, None, 100), (101, None, 150), (12345, None, 15000),
    ],
)  # fmt: skip
def test_the_axis_ends_at_the_goal_or_at_a_round_number(done, goal, last):
    assert curves.axis_end(done, goal) == last


@given(some.integers(2, 10**7))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_there_are_a_few_steps_under_the_axis(last):
    shown = curves.steps_shown(last)
    assert len(shown) <= 5
    assert all(0 < step <= 0.75 * last for step in shown)


def ticks(svg):
    return [text.text for text in svg.iter("text") if text.get("class") == "st-tick"]


def test_the_axes_are_labelled():
    svg, _ = plot(falling([300.0, 20.0, 0.4]))
    assert ticks(svg) == ["0.1", "1", "10", "100", "20", "40", "60", "step 100"]
    svg, _ = plot(falling([3e6, 2e5]), goal=None)
    assert ticks(svg)[-4:] == ["10", "20", "30", "step 50"]
    assert "10⁶" in ticks(svg)


@pytest.mark.parametrize("totals", [[1.0, 0.9], [3.0, 2.0], [1.0, 0.2], [1.0, 0.01], [7.7]])
def test_every_plot_has_two_values_on_its_axis(totals):
    history = [st.Step(i, total, total, 0.0, 0.0, 1.0, 1.0, 1.0) for i, total in enumerate(totals, start=1)]
    svg, _ = plot(history)
    assert sum(line.get("class") == "st-grid" for line in svg.iter("line")) >= 2


def test_the_legend_tells_the_values_of_the_last_step():
    svg, _ = plot(falling([300.0, 20.0]))
    words = [text.text for text in svg.iter("text") if text.get("class").startswith("st-text-")]
    assert words == ["total 20", "α·content 20", "β·style 2", "TV 0"]
    assert svg.get("aria-label").startswith("Loss curves on a log scale up to step 2: total 20, α·content 20")
    assert svg.get("role") == "img"


def test_no_colour_is_written_into_a_plot():
    text = curves.loss_plot(falling([1.0] * 50), move_at(1, 20), 100)
    assert "style=" not in text
    assert set(re.findall(r'(?:stroke|fill)="(\w+)"', text)) == {"none", "transparent"}


# --- moves --------------------------------------------------------------------------------------------------------------


def test_a_mark_stands_at_its_step_and_says_what_moved():
    svg, lines = plot(falling([1.0] * 100), move_at(1, 50))
    (group,) = marks(svg).values()
    (total,) = lines["total"]
    assert group.get("data-step") == "50"
    assert group.find("title").text == "step 50: β 1→50"
    assert group.find("text").text == "β 1→50"
    for line in group.iter("line"):
        assert line.get("x1") == line.get("x2")
        assert float(line.get("x1")) == total[49][0]


def test_a_drag_is_one_mark():
    svg, _ = plot(falling([1.0] * 100), move_at(1, 20, 21, 22, 23, 25, 60, 61))
    assert sorted(marks(svg)) == [20, 60]


def test_words_of_marks_do_not_overlap():
    svg, _ = plot(falling([1.0] * 1000), move_at(1, *range(100, 1000, 20)), None)
    rows: dict[str, list[tuple[float, float]]] = {}
    for group in marks(svg).values():
        if (text := group.find("text")) is not None:
            half = curves.LETTER * len(text.text) / 2
            rows.setdefault(text.get("y"), []).append((float(text.get("x")) - half, float(text.get("x")) + half))
    assert len(rows) == 2
    for places in rows.values():
        places.sort()
        assert all(right < left for (_, right), (left, _) in pairwise(places))
        assert places[0][0] >= LEFT
        assert places[-1][1] <= 430


def test_the_latest_move_always_has_its_words():
    svg, _ = plot(falling([1.0] * 1000), move_at(1, *range(100, 1000, 10)), None)
    latest = marks(svg)[990]
    assert latest.find("text").text == "β 980→990"
    places = sorted(float(group.find("line").get("x1")) for group in marks(svg).values())
    assert all(b - a >= curves.APART - 0.11 for a, b in pairwise(places))
