"""What the studio shows: plain functions, known values, and markup that is well formed whatever the numbers."""

import io
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio import views
from styletools.studio.loop import Frame

WEIGHTS = st.Weights(2.0, 300.0, 0.5, {})
FRAME = Frame("running", "", st.Job("a", "b", 8, 100, weights=WEIGHTS), None, (), (), 100, 0.0, WEIGHTS, None)


def make_history(totals, alpha=1.0, beta=10.0, tv=0.5):
    """Steps whose content loss is all of the total, style a tenth of it and tv nothing."""
    return tuple(
        st.Step(i, total, total / alpha, 0.1 * total / beta, 0.0, alpha, beta, tv) for i, total in enumerate(totals, start=1)
    )


def parse(markup):
    """As the browser does, but unforgiving."""
    return ET.fromstring(f"<div>{markup}</div>")


def numbers(polyline):
    return [tuple(map(float, point.split(","))) for point in polyline.get("points").split()]


def plot(history, moves=(), goal=100):
    """A loss plot as XML: (all, curves by colour)."""
    (svg,) = parse(views.loss_plot(history, moves, goal))
    return svg, {st.COLORS[name]: None for name in st.COLORS} | {line.get("stroke"): line for line in svg.iter("polyline")}


# --- pictures ----------------------------------------------------------------------------------------------------------


def test_jpeg():
    picture = st.sample("chelsea").resize((60, 40))
    again = Image.open(io.BytesIO(views.jpeg(picture)))
    assert (again.format, again.size) == ("JPEG", (60, 40))
    assert len(views.jpeg(picture, 30)) < len(views.jpeg(picture)) < len(views.jpeg(picture, 98))


@pytest.mark.parametrize(("part", "edge"), [(0.25, 10), (0.5, 20), (0.03, 1), (0.98, 39)])
def test_wipe(part, edge):
    red, blue = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (80, 60), "blue")
    both = views.wipe(red, blue, part)
    assert both.size == red.size
    row = [both.getpixel((x, 15)) for x in range(40)]
    assert row[: edge - 1] == [(0, 0, 255)] * (edge - 1)
    assert row[edge - 1 : edge + 1] == [(255, 255, 255)] * 2
    assert row[edge + 1 :] == [(255, 0, 0)] * (40 - edge - 1)
    assert red.getcolors() == [(1200, (255, 0, 0))], "the painting itself stays as it is"


def test_wipe_at_its_ends():
    red, blue = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (40, 30), "blue")
    assert views.wipe(red, blue, 0.0) is red
    assert views.wipe(red, blue, 1.0).tobytes() == blue.tobytes()


def test_the_photograph_stays_in_its_place():
    """It is uncovered, not squeezed in."""
    photograph = Image.new("RGB", (40, 30), "blue")
    photograph.paste("green", (0, 0, 10, 30))
    both = views.wipe(Image.new("RGB", (40, 30), "red"), photograph, 0.5)
    assert both.getpixel((9, 5)) == (0, 128, 0)
    assert both.getpixel((10, 5)) == (0, 0, 255)


# --- numbers and bars ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "beta", "text"),
    [(1, 20, "20"), (2, 300, "150"), (1, 1e6, "1e+06"), (3, 1, "0.333"), (1, 0, "0"), (0, 5, "∞"), (0, 0, "–")],
)
def test_ratio(alpha, beta, text):
    assert views.ratio(st.Weights(alpha, beta, 1.0, {})) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (6.6, "0:07"), (59.4, "0:59"), (59.6, "1:00"), (83, "1:23"), (3600, "60:00")]
)
def test_duration(seconds, text):
    assert views.duration(seconds) == text


def test_pull_bar_of_known_pulls():
    """Weights times norms are 2, 6 and 2: 20, 60 and 20 percent."""
    frame = replace(FRAME, pulls=(1.0, 0.02, 4.0))
    bar = parse(views.pull_bar(frame)).find("div[@class='st-bar']")
    assert [part.get("style").split(";")[0] for part in bar] == ["width:20.0%", "width:60.0%", "width:20.0%"]
    assert [part.get("style").split("background:")[1] for part in bar] == [st.COLORS[name] for name in views.TERMS]
    assert [part.text for part in bar] == ["content 20%", "style 60%", "tv 20%"]
    assert [float(bar.get(f"data-{name}")) for name in views.TERMS] == pytest.approx([0.2, 0.6, 0.2])
    assert bar.get("aria-label") == "who pulls: content 20%, style 60%, tv 20%"
    assert "150" in "".join(parse(views.pull_bar(frame)).itertext())


@given(some.tuples(*[some.floats(0, 1e12)] * 3), some.tuples(*[some.floats(0, 1e12)] * 3))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_pull_bars_fill_the_width(pulls, weights):
    frame = replace(FRAME, pulls=pulls, weights=st.Weights(*weights, {}))
    bar = parse(views.pull_bar(frame)).find("div[@class='st-bar']")
    widths = [float(re.match(r"width:([\d.]+)%", part.get("style"))[1]) for part in bar]
    if frame.shares is None:
        assert widths == []
    else:
        assert sum(widths) == pytest.approx(100, abs=0.16)
        assert sum(float(bar.get(f"data-{name}")) for name in views.TERMS) == pytest.approx(1, abs=2e-4)


def test_small_shares_have_no_words_that_would_not_fit():
    frame = replace(FRAME, weights=st.Weights(1.0, 1.0, 1.0, {}), pulls=(89.0, 8.0, 3.0))
    bar = parse(views.pull_bar(frame)).find("div[@class='st-bar']")
    assert [part.text for part in bar] == ["content 89%", "8%", None]
    assert [part.get("title") for part in bar] == ["content 89%", "style 8%", "tv 3%"]


def test_pull_bar_before_anything_was_measured():
    bar = parse(views.pull_bar(FRAME)).find("div[@class='st-bar']")
    assert len(bar) == 0
    assert "nothing pulls yet" in bar.get("aria-label")


def test_progress():
    def text(frame):
        bar, words = parse(views.progress(frame))
        return bar.find("i").get("style"), words.text

    assert text(FRAME) == ("width:0.0%", "step 0 of 100")
    painting = replace(FRAME, history=make_history([1.0] * 40), steps_per_second=16.0)
    assert text(painting) == ("width:40.0%", "step 40 of 100 · 16.0 steps/s · 0:04 left")
    assert text(replace(painting, goal=30)) == ("width:100.0%", "step 40 of 30 · 16.0 steps/s · 0:00 left")
    assert text(replace(FRAME, goal=0)) == ("width:100.0%", "step 0 of 0")


def test_status_tells_what_the_last_step_used():
    """Not what the next one will."""
    frame = replace(FRAME, history=make_history([3.0, 2.0], alpha=0.5, beta=40.0, tv=0.25))
    (span,) = parse(views.status(frame))
    assert (span.text, span.get("class")) == ("running", "st-state st-running")
    assert {name: span.get(f"data-{name}") for name in ("state", "step", "alpha", "beta", "tv")} == {
        "state": "running", "step": "2", "alpha": "0.5", "beta": "40", "tv": "0.25",
    }  # fmt: skip
    (span,) = parse(views.status(FRAME))
    assert (span.get("data-step"), span.get("data-beta")) == ("0", None)


def test_a_problem_is_shown_as_text_whatever_is_in_it():
    message = '<img src=x onerror="alert(1)"> & "co" is not a picture.'
    (span,) = parse(views.problem(message))
    assert span.text == message
    assert (len(span), span.get("role")) == (0, "alert")
    assert views.problem("") == ""
    state, problem = parse(views.status(replace(FRAME, state="error", message=message)))
    assert (state.text, problem.text) == ("error", message)


def test_lines_are_text_too():
    assert "".join(parse(views.lines(["<b>1", "a & b"]).replace("<br>", "<br/>")).itertext()) == "<b>1a & b"
    assert views.lines(["one", "two"]) == "one<br>two"


# --- the loss plot -----------------------------------------------------------------------------------------------------------


def move_at(*steps):
    return tuple((step, replace(WEIGHTS, beta=float(step))) for step in steps)


@pytest.mark.parametrize(
    ("moves", "lines"),
    [
        ((), []),
        ((1,), []),
        ((1, 50), [50]),
        ((1, 2), [2]),
        ((1, 3, 4, 5, 6), [3]),
        ((1, 20, 21, 22, 23, 25, 60, 61), [20, 60]),
        ((1, 20, 24, 28, 32), [20]),  # a slow drag is one movement
        ((1, 20, 25, 30), [20, 25, 30]),
    ],
)
def test_one_dashed_line_a_movement_of_the_hand(moves, lines):
    assert views.starts_of_moves(move_at(*moves)) == lines
    svg, curves = plot(make_history([1.0] * 100), move_at(*moves))
    dashed = [line for line in svg.iter("line") if line.get("class") == "st-move"]
    assert len(dashed) == len(lines)
    points = dict(enumerate(numbers(curves[st.COLORS["total"]]), start=1))
    for line, step in zip(dashed, lines, strict=True):
        assert line.get("x1") == line.get("x2")
        assert float(line.get("x1")) == points[step][0], "it stands at its step"
        assert float(line.get("y1")) < float(line.get("y2"))


def test_the_curves_are_total_and_weighted_terms():
    """Content is all of the total, style a tenth; equal distances are equal factors."""
    totals = [100.0, 10.0, 1.0]
    _, curves = plot(make_history(totals), goal=3)
    total, content, style = (numbers(curves[st.COLORS[name]]) for name in ("total", "content", "style"))
    assert total == content
    assert total[1][1] - total[0][1] == pytest.approx(total[2][1] - total[1][1], abs=0.2)
    assert style[0][1] == pytest.approx(total[1][1], abs=0.2)
    assert curves[st.COLORS["tv"]].get("points") == "", "a term that is zero has no place on a log scale"
    left, right = total[0][0], total[-1][0]
    assert left < right < 430
    assert total[1][0] == pytest.approx((left + right) / 2, abs=0.1)


def test_the_plot_leaves_room_for_the_steps_to_come():
    _, curves = plot(make_history([1.0] * 50), goal=99)
    points = numbers(curves[st.COLORS["total"]])
    assert points[-1][0] == pytest.approx((44 + 422) / 2, abs=0.1)


@pytest.mark.parametrize("count", [1, 2, 159, 160, 161, 1000, 12345])
def test_no_curve_has_more_points_than_can_be_seen(count):
    svg, curves = plot(make_history([1.0] * count))
    points = numbers(curves[st.COLORS["total"]])
    assert min(count, views.POINTS // 2) <= len(points) <= views.POINTS
    assert points[-1][0] <= 422.05
    assert len(ET.tostring(svg)) < 20_000


def test_a_plot_of_nothing():
    svg, _ = plot(())
    assert all(line.get("points") == "" for line in svg.iter("polyline"))
    assert len(list(svg.iter("polyline"))) == 4
    assert svg.get("aria-label")


loss = some.one_of(some.just(0.0), some.floats(1e-300, 1e300), some.floats(0.0, 10.0))
steps = some.lists(some.tuples(loss, loss, loss), max_size=30)


@given(steps, some.integers(0, 50), some.sampled_from([(1e-3, 1e3), (1.0, 0.0), (0.0, 0.0)]))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_losses_make_a_plot_inside_its_frame(terms, goal, weights):
    alpha, beta = weights
    history = [
        st.Step(i, alpha * c + beta * s + 0.5 * t, c, s, t, alpha, beta, 0.5) for i, (c, s, t) in enumerate(terms, start=1)
    ]
    svg, _ = plot(history, move_at(1, 9), goal)
    assert len(list(svg.iter("polyline"))) == 4
    for curve in svg.iter("polyline"):
        for x, y in numbers(curve):
            assert 44 <= x <= 422.05
            assert 22 - 0.05 <= y <= 190 - 24 + 0.05
    for line in svg.iter("line"):
        assert all(math.isfinite(float(line.get(end))) for end in ("x1", "x2", "y1", "y2"))


def test_the_axis_tells_powers_of_ten():
    svg, _ = plot(make_history([300.0, 20.0, 0.4]))
    ticks = [text.text for text in svg.iter("text") if text.get("text-anchor") == "end"]
    assert ticks[:-1] == ["0.1", "1", "10", "100"]
    assert ticks[-1] == "step 100"
