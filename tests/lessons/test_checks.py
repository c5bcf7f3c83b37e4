"""The exercise checks: right answers pass, typical wrong ones are caught and get their hint, and nothing ever raises."""

import itertools
import math
import types

import better_answers
import control_answers
import numpy as np
import pytest
import torch
import wrong_paintings
import wrong_pictures
import wrong_styles
from right_answers import RIGHT, covariance, gram_matrix, paint, tv_round
from torch import nn

import styletools as st
from styletools.lessons.cases import numbers, uneven
from styletools.lessons.exercises import EXERCISES, NAMES, TASKS, VALUES

WRONG = wrong_pictures.WRONG + wrong_styles.WRONG + wrong_paintings.WRONG + better_answers.WRONG + control_answers.WRONG
FUNCTIONS = (*EXERCISES, *TASKS)


@pytest.fixture
def printed(capsys):
    """What a check prints."""

    def look(name, answer):
        assert st.check(name, answer) is None
        return capsys.readouterr().out

    return look


@pytest.mark.parametrize(("name", "number"), [(name, i) for name in FUNCTIONS for i in range(len(RIGHT[name]))])
def test_right_answers_pass_in_every_case(printed, name, number):
    lines = printed(name, RIGHT[name][number]).splitlines()
    word = "exact" if name in EXERCISES else "right"
    assert len(lines) >= 4
    assert all(line.startswith(f"  {word}  ") for line in lines[:-1])
    assert lines[-1] == f"{name}: all {len(lines) - 1} cases {word}."


@pytest.mark.parametrize(("name", "function", "hint"), WRONG, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(WRONG)])
def test_wrong_answers_are_caught_and_explained(printed, name, function, hint):
    text = printed(name, function)
    assert "WRONG" in text
    assert "all" not in text.splitlines()[-1].split("Hint")[0]
    assert any(words in text for words in hint.split("|"))


def test_every_exercise_has_its_answers_here():
    wrong = [name for name, _, _ in WRONG]
    assert {name: wrong.count(name) for name in FUNCTIONS if wrong.count(name) < 10} == {}
    assert {name: len(RIGHT[name]) for name in NAMES if len(RIGHT[name]) < 5} == {}
    assert len(NAMES) == len(set(NAMES)) == 31


SLIPS = [
    pytest.param(name, hint, slip, id=f"{name}-{number}-{hint}")
    for name, exercise in EXERCISES.items()
    for hint, slips in exercise.slips.items()
    for number, slip in enumerate(slips if isinstance(slips, list) else [slips])
]


@pytest.mark.parametrize(("name", "hint", "slip"), SLIPS)
def test_every_slip_earns_its_own_hint(printed, name, hint, slip):
    text = printed(name, slip)
    assert "WRONG" in text
    assert text.endswith(f"Hint: {hint}\n")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_batch_never_passes_by_its_first_picture_alone(printed, name):
    """Unequal pictures: another second picture changes the right answer by more than what is called close."""
    case = next((make for title, make in EXERCISES[name].cases.items() if title == "two at once, odd sizes"), None)
    if case is None:
        return
    first, *others = case()
    halved = torch.cat([first[:1], first[:1]])
    right, lame = (EXERCISES[name].reference(x, *others) for x in (first, halved))
    assert (right - lame).abs().max() > 0.1 * right.abs().max()


# --- stubs and odd answers ---------------------------------------------------------------------------------------------------


def raising(error):
    def function(*arguments):
        raise error

    return function


def pass_only(*arguments):
    pass


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("stub", [pass_only, lambda *a: ..., raising(NotImplementedError()), None, ...])
def test_stubs_are_not_yet(printed, name, stub):
    text = printed(name, stub)
    assert text.startswith(f"{name}: not yet: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("stub", [None, ...])
def test_unanswered_values_are_not_yet(printed, name, stub):
    assert printed(name, stub) == f"{name}: not yet: put your answer in the place of None.\n"


def test_a_way_without_return_is_wrong_and_not_a_stub(printed):
    text = printed("paint", lambda start, loss_of, steps, rate: paint(start, loss_of, steps, rate) if steps else None)
    assert "WRONG  no step: it returned nothing" in text
    assert "ends without return" in text
    text = printed("tv_round", lambda x: tv_round(x) if x.std() > 2 else None)
    assert "tv_round: not yet" not in text
    assert "Hint: a way through your function ends without return." in text


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


class Stubborn:
    """Refuses whatever is asked of it."""

    def __eq__(self, other):
        raise ValueError("no comparison")

    __hash__ = None

    def __repr__(self):
        raise ValueError("no text")

    def __len__(self):
        raise ValueError("no length")

    def __bool__(self):
        raise ValueError("neither")

    def __getattr__(self, name):
        raise ValueError("nothing")


def endless():
    while True:
        yield torch.zeros(2)


def spoils(*arguments):
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            argument.requires_grad_(False).resize_(1).fill_(torch.nan)
        elif isinstance(argument, list | dict):
            argument.clear()
    return arguments[0]


THINGS = [
    0, 0.5, -3, True, 1e400, math.nan, 1j, 10**400, "", "text", b"bytes", [], (), {}, set(), [None], [[1, 2], [3]], {"a": 1},
    {"relu1_1": torch.zeros(2), "relu2_1": None}, range(3), slice(1), endless(), iter([]), torch, st, np, types, int,
    nn.MSELoss,
    nn.ReLU(), object(), Stubborn(), [Stubborn()], ValueError("x"), ValueError, NotImplemented, np.zeros(3), np.zeros((0, 2)),
    np.array(["a"]), np.array(None), np.float64("nan"), np.datetime64("2020"), torch.tensor([]), torch.tensor(torch.nan),
    torch.tensor(True), torch.tensor(1j), torch.zeros(2, device="meta"), torch.eye(3).to_sparse(), torch.zeros(3, 3, 128, 128),
    torch.zeros(3, 3, 128, 128, dtype=torch.complex64), torch.full((3, 3, 128, 128), torch.inf), torch.zeros(1,
    requires_grad=True),
    torch.float32, torch.device("cpu"), max, len, raising,
    nn.Parameter(torch.zeros(3)), [torch.zeros(2), torch.zeros(3)], [1.0, "2"], itertools.count(), memoryview(b"x"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_thing_makes_a_check_raise(printed, name):
    for number, thing in enumerate(THINGS):
        for answer in (thing, lambda *a, thing=thing: thing) if name in FUNCTIONS else (thing,):
            text = printed(name, answer)
            assert text.startswith((f"{name}: ", "  ")), number
            assert f"{name}: all " not in text, number
            assert ": right: " not in text, number


ODD = [
    raising(ValueError("a message\nof two lines")), raising(SystemExit(3)), raising(KeyError("x")), raising(Unprintable()),
    raising(RecursionError()), raising(GeneratorExit()), raising(BaseException("bare")), raising(MemoryError()),
    raising(StopIteration()), raising(Warning("w")), spoils, lambda: 0, lambda *, x: x, lambda *a: a, lambda *a: a[0],
    lambda *a: [t for t in a if isinstance(t, torch.Tensor)], lambda *a: [float(x) for x in a[0].flatten()],
    lambda *a: [x for row in a[0] for x in row], lambda *a: sum(x for x in a[0].flatten()), lambda *a: endless(),
    lambda *a: a[0].detach().numpy(), lambda *a: torch.no_grad, lambda *a: type(a[0]), lambda *a: lambda: 0, endless,
]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_makes_a_check_raise(printed, name):
    for number, function in enumerate(ODD):
        text = printed(name, function)
        assert text.startswith((f"{name}: ", "  ")), number
        assert f"{name}: all " not in text, number


@pytest.mark.parametrize("thing", [3, torch.zeros(2), "gram", [gram_matrix], torch])
def test_what_is_no_function_is_named(printed, thing):
    assert printed("gram_matrix", thing).startswith("gram_matrix: not yet: expected a function, got a")


def test_unknown_exercises_are_answered_with_the_known_ones(printed):
    for name in ("gram", "", None, 3, [1], Stubborn(), torch.zeros(2), np.zeros(3)):
        text = printed(name, gram_matrix)
        assert text.startswith("there is no exercise ")
        assert "gram_matrix, covariance" in text


def test_an_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        st.check("gram_matrix", raising(KeyboardInterrupt()))


# --- what is printed ---------------------------------------------------------------------------------------------------------


def test_an_exception_is_one_line_with_type_message_and_hint(printed):
    text = printed("gram_matrix", lambda f: f.view(3, -1) @ f)
    assert "every case: it raised RuntimeError: " in text
    assert "Hint: print the shapes" in text
    assert text.count("\n") == 2
    assert "call it as f(features, target)." in printed("content_loss", lambda f: f)
    assert "a typo, or a cell above" in printed("tv_loss", lambda x: undefined(x))  # noqa: F821


def test_shapes_are_compared(printed):
    assert "expected shape (2, 5, 5), got (2, 5)" in printed("gram_matrix", lambda f: gram_matrix(f)[..., 0])


def test_a_constant_factor_is_named(printed):
    assert "7 times what was expected" in printed("covariance", lambda f: 7 * covariance(f))


def test_close_answers_are_called_close_and_not_exact(printed):
    text = printed("gram_matrix", lambda f: gram_matrix(f) + 1e-4)
    assert "  close  one picture: largest difference 0.0001" in text
    assert text.splitlines()[-1] == "gram_matrix: 4 of 4 cases right."


def test_a_check_leaves_the_random_numbers_alone(printed):
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    for name in NAMES:
        printed(name, RIGHT[name][0])
    assert torch.rand(1) == first


@pytest.mark.parametrize("name", NAMES)
def test_a_check_works_where_gradients_are_switched_off(printed, name):
    with torch.no_grad():
        text = printed(name, RIGHT[name][0])
    assert ": all " in text or ": right: " in text


def test_a_check_prints_the_same_text_twice(printed):
    for name, function, _ in WRONG[::7]:
        assert printed(name, function) == printed(name, function)


def test_the_numbers_of_the_cases_are_the_same_in_every_dtype():
    for make in (numbers, uneven):
        assert torch.equal(make(2, 3, 4, seed=1).double(), make(2, 3, 4, seed=1, dtype=torch.float64))
    assert len(numbers(100).unique()) > 95


def test_the_numbers_of_the_cases_are_uneven():
    x = uneven(2, 3, 40, 50)
    assert x[1].std() > 2 * x[0].std()
    assert x.mean() > 0.3 * x.std()


@pytest.mark.parametrize("eps", [1e-2, 0.1, 1.0, 0.0])
def test_the_epsilon_of_the_round_variation_has_its_limits(printed, eps):
    assert ("WRONG" in printed("tv_round", lambda x: tv_round(x, eps))) == (eps != 1e-2)
