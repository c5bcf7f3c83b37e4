"""What the studio shows: plain functions and known values."""

import io
import json
import math
from dataclasses import replace

import pytest
import torch
from PIL import Image

import styletools as st
from styletools.studio import views
from styletools.studio.frame import Frame, Pulls
from styletools.studio.timeline import Timeline

WEIGHTS = st.Weights(2.0, 300.0, 0.5, {})
JOB = st.Job("eilean_donan", "great_wave", 8, 100, weights=WEIGHTS)
FRAME = Frame("running", "", JOB, None, (), (), 100, 0.0, WEIGHTS, None)


def make_history(totals, alpha=1.0, beta=10.0, tv=0.5):
    return tuple(
        st.Step(i, total, total / alpha, 0.1 * total / beta, 0.0, alpha, beta, tv) for i, total in enumerate(totals, start=1)
    )


def pulling(*norms):
    """What three gradients of these lengths pull."""
    gradients = tuple(torch.full((1, 3, 1, 1), norm / math.sqrt(3)) for norm in norms)
    return Pulls(0, WEIGHTS, gradients)


# --- pictures -----------------------------------------------------------------------------------------------------------


def test_jpeg():
    picture = st.sample("chelsea").resize((60, 40))
    again = Image.open(io.BytesIO(views.jpeg(picture)))
    assert (again.format, again.size) == ("JPEG", (60, 40))
    assert len(views.jpeg(picture, 30)) < len(views.jpeg(picture)) < len(views.jpeg(picture, 98))


def test_png_keeps_every_pixel():
    picture = st.sample("chelsea").resize((60, 40))
    again = Image.open(io.BytesIO(views.png(picture)))
    assert (again.format, again.tobytes()) == ("PNG", picture.tobytes())


# --- words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "beta", "text"),
    [(1, 20, "20"), (2, 300, "150"), (1, 1e6, "10⁶"), (3, 1, "0.333"), (1, 0, "0"), (0, 5, "∞"), (0, 0, "–")],
)
def test_ratio(alpha, beta, text):
    assert views.ratio(st.Weights(alpha, beta, 1.0, {})) == text


@pytest.mark.parametrize(
    ("changes", "step", "text"),
    [
        ({}, 120, "Painting of eilean donan in the manner of great wave, step 120"),
        ({}, 0, "eilean donan, before the first step"),
        ({"init": "noise"}, 0, "Painting of eilean donan in the manner of great wave, step 0"),
        ({"content": "/home/me/my_cat.jpg"}, 12345, "Painting of my cat in the manner of great wave, step 12\u202f345"),
        ({"content": b"", "style": b""}, 1, "Painting of a photograph of yours in the manner of a picture of yours, step 1"),
    ],
)
def test_alt_text(changes, step, text):
    assert views.alt_text(replace(JOB, **changes), step) == text


def test_who_pulls_in_words():
    assert views.shares_in_words((0.2, 0.798, 0.002)) == "content 20\u202f%, style 80\u202f%, TV <\u202f1\u202f%"
    assert views.shares_in_words(None) == "nothing pulls yet"


# --- values for the page ------------------------------------------------------------------------------------------------


def test_a_frame_before_the_first_step():
    data = views.frame_data(replace(FRAME, state="idle"))
    assert (data["state"], data["message"], data["asleep"]) == ("idle", "", False)
    assert (data["step"], data["goal"], data["speed"], data["left"]) == (0, 100, 0, None)
    assert (data["weights"], data["shares"]) == (None, None)
    assert data["next"] == {"alpha": 2, "beta": 300, "tv": 0.5}
    assert data["ratio"] == "150"
    assert data["svg"].startswith("<svg")


def test_a_frame_tells_what_the_last_step_used_and_what_the_next_will():
    data = views.frame_data(replace(FRAME, history=make_history([3.0, 2.0], alpha=0.5, beta=40.0, tv=0.25)))
    assert (data["step"], data["weights"]) == (2, {"alpha": 0.5, "beta": 40.0, "tv": 0.25})
    assert data["next"] == {"alpha": 2, "beta": 300, "tv": 0.5}
    assert data["alt"].endswith("step 2")


def test_shares_are_those_of_the_frame():
    data = views.frame_data(replace(FRAME, pulls=pulling(2, 6, 2)))
    assert data["shares"] == pytest.approx([0.2, 0.6, 0.2])
    assert data["pull"] == "content 20\u202f%, style 60\u202f%, TV 20\u202f%"


@pytest.mark.parametrize(
    ("done", "goal", "speed", "left"),
    [(40, 100, 16.0, 3.8), (40, 30, 16.0, 0), (40, 100, 0.0, None), (40, None, 16.0, None), (0, 0, 0.0, None)],
)
def test_the_time_left(done, goal, speed, left):
    data = views.frame_data(replace(FRAME, history=make_history([1.0] * done), goal=goal, steps_per_second=speed))
    assert (data["goal"], data["left"]) == (goal, left)


@pytest.mark.parametrize("goal", [100, None])
def test_a_frame_is_json(goal):
    """Strictly: no NaN and no infinity, which a browser could not read."""
    history = (*make_history([1.0, 1e-300]), st.Step(3, math.inf, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0))
    frame = replace(FRAME, history=history, pulls=pulling(0, 0, 0), goal=goal, asleep=True, message='<b>"no" & more')
    assert json.loads(json.dumps(views.frame_data(frame), allow_nan=False))["message"] == '<b>"no" & more'


def test_a_timeline():
    timeline = Timeline()
    assert views.timeline_data(timeline, ()) == {"first": 0, "last": 0, "steps": [], "moves": []}
    moves = ((1, WEIGHTS), (2, replace(WEIGHTS, beta=3e6)))
    for done in range(4):
        timeline.add(
            replace(FRAME, image=Image.new("RGB", (8, 8)), history=make_history([1.0] * done), moves=moves[: min(done, 2)])
        )
    data = views.timeline_data(timeline, moves)
    assert data == {"first": 0, "last": 3, "steps": [0, 1, 2, 3], "moves": [{"step": 2, "text": "β 300 to 3·10⁶"}]}
    json.dumps(data, allow_nan=False)


def test_a_moment():
    timeline, picture = Timeline(), Image.new("RGB", (8, 8))
    timeline.add(replace(FRAME, image=picture))
    timeline.add(replace(FRAME, image=picture, history=make_history([3.0, 2.0]), moves=((1, WEIGHTS),)))
    first, last = (views.moment_data(moment) for moment in timeline.moments)
    assert first == {
        "step": 0, "losses": {}, "weights": {"alpha": 2, "beta": 300, "tv": 0.5}, "text": "step 0 · α 2  β 300  TV 0.5",
    }  # fmt: skip
    assert last["losses"] == {"total": "2", "content": "2", "style": "0.2", "tv": "0"}
    assert last["text"] == "step 2 · α 2  β 300  TV 0.5 · total 2, content 2, style 0.2, tv 0"
    json.dumps([first, last], allow_nan=False)
