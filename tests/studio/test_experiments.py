"""The experiments of a class: every one can be set up, followed and read aloud."""

import inspect

import pytest

import styletools as st
from styletools.studio.experiments import EXPERIMENTS

EACH = pytest.mark.parametrize("one", EXPERIMENTS.values(), ids=EXPERIMENTS)


def test_the_experiments_of_lesson_07_are_there():
    assert {"beta_ladder", "mute_alpha", "tv_up", "from_noise", "who_pulls", "fallen_beta"} <= set(EXPERIMENTS)
    assert len({one.title for one in EXPERIMENTS.values()}) == len(EXPERIMENTS)
    assert all(key == one.key for key, one in EXPERIMENTS.items())


@EACH
def test_a_studio_takes_the_set_up(one):
    known = inspect.signature(st.Studio).parameters
    assert set(one.setup) <= set(known)
    styles = [style.picture for style in st.Job(one.setup["content"], one.setup["style"]).styles]
    assert {one.setup["content"], *styles} <= set(st.sample_names())
    weights = {name: one.setup[name] for name in ("alpha", "beta", "tv") if name in one.setup}
    assert all(value >= 0 for value in weights.values())
    st.Job(**{name: value for name, value in one.setup.items() if name not in weights})


@EACH
def test_a_script_goes_forward_and_ends_soon(one):
    steps = [step for step, _ in one.script]
    assert steps == sorted(set(steps))
    assert all(0 < step <= 600 for step in steps), "a class waits half a minute"
    for _, weights in one.script:
        assert weights
        assert set(weights) <= {"alpha", "beta", "tv"}
        assert all(value >= 0 for value in weights.values())


@EACH
def test_it_asks_first_and_answers_briefly(one):
    assert one.question.endswith("?")
    assert one.look_at.endswith(".")
    assert one.answer.endswith(".")
    assert len(one.question.split()) <= 40
    assert len(one.look_at.split()) <= 60
    assert 10 <= len(one.answer.split()) <= 60
    assert not any(sign in one.question + one.look_at + one.answer for sign in "<>\n")
