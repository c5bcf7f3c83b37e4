"""Compare a student's function with the right one on all cases of an exercise, and name the likely slip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from .calling import Answer, Function, Nothing, Trouble, call, copied, find_advice, tensors, unchanged
from .cases import Make, numbers

EXACT, CLOSE, ALIKE = 1e-5, 1e-3, 1e-4  # largest differences, as parts of the largest number expected
Slip = Function | Sequence[Function]


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise whose result is known: how the function is called, the right one, the cases, and what usually goes wrong."""

    signature: str
    reference: Function
    cases: dict[str, Make]
    slips: dict[str, Slip]  # hint -> the wrong function that deserves it, or several
    gradient: bool = True  # whether a gradient must flow back through the function
    read: Callable[[object, object], list[Tensor]] = tensors
    advice: Mapping[str, str] = field(default_factory=dict)  # part of a trouble -> hint


class Case(NamedTuple):
    """Its title, what makes its arguments, whether the gradient is compared."""

    title: str
    make: Make
    gradient: bool


class Verdict(NamedTuple):
    """The judgement of one case: "exact", "close" or "WRONG", why, and the answer it is about."""

    word: str
    why: str
    answer: Answer


def cases_of(exercise: Exercise) -> list[Case]:
    """The cases of an exercise and, if it has one, that of the gradient."""
    cases = [Case(title, make, False) for title, make in exercise.cases.items()]
    return [*cases, Case("the gradient", cases[0].make, True)] if exercise.gradient else cases


def judge_all(exercise: Exercise, function: Function) -> list[tuple[str, Verdict]]:
    """(title, verdict) of every case. Raises Nothing where the function returns nothing in any of them."""
    answers = [run(exercise, function, case) for case in cases_of(exercise)]
    if all(isinstance(answer, Nothing) for answer in answers):
        raise answers[0]
    told = [Answer([], "it returned nothing", a.hint) if isinstance(a, Nothing) else a for a in answers]
    return [(case.title, judge(exercise, case, answer)) for case, answer in zip(cases_of(exercise), told, strict=True)]


def judge(exercise: Exercise, case: Case, answer: Answer) -> Verdict:
    """Compare the student's answer to one case with the right one."""
    right = run_known(exercise, exercise.reference, case).tensors
    if not answer.tensors:
        return Verdict("WRONG", answer.trouble, answer)
    if len(answer.tensors) != len(right):
        hint = f"return {len(right)}, in the order that was asked for."
        return Verdict("WRONG", f"expected {len(right)} tensors, got {len(answer.tensors)}", answer._replace(hint=hint))
    for mine, expected in zip(answer.tensors, right, strict=True):
        if mine.shape != expected.shape:
            return Verdict("WRONG", f"expected shape {tuple(expected.shape)}, got {tuple(mine.shape)}", answer)
    gap = difference(answer.tensors, right)
    if not gap <= CLOSE:  # not a number is not close
        return Verdict("WRONG", describe(answer.tensors, right), answer)
    if answer.trouble:
        return Verdict("WRONG", answer.trouble, answer)
    for mine, expected in zip(answer.tensors, right, strict=True):
        if mine.dtype != expected.dtype:
            names = (str(dtype).removeprefix("torch.") for dtype in (expected.dtype, mine.dtype))
            return Verdict("WRONG", "expected {}, got {}".format(*names), answer._replace(hint="keep the dtype of the input."))
    return Verdict("exact", "", answer) if gap <= EXACT else Verdict("close", describe(answer.tensors, right), answer)


def run(exercise: Exercise, function: Function, case: Case) -> Answer | Nothing:
    """Call a function on new arguments; with `case.gradient`, the answer is the gradient on the first of them."""
    arguments = list(case.make())
    if case.gradient:
        leaf, place = first_tensor(arguments)
        arguments[place] = leaf * 1  # not a leaf itself, so that in-place operations are allowed on it
    before = copied(arguments)
    try:
        result = call(function, arguments, exercise.signature, exercise.advice)
        read = exercise.read(result, exercise.reference(*case.make()))
        if case.gradient:
            return gradient_of(read, leaf)
    except Nothing as nothing:
        return nothing
    except Trouble as trouble:
        return Answer([], trouble.why, trouble.hint)
    if not unchanged(arguments, before):
        return Answer(read, "it changed its input", find_advice("changed", exercise.advice))
    if any(isinstance(now, Tensor) and now.requires_grad for now in arguments) or any(t.requires_grad for t in read):
        return Answer(read, "a gradient is still attached", find_advice("attached", exercise.advice))
    return Answer(read)


@cache
def run_known(exercise: Exercise, function: Function, case: Case) -> Answer | Nothing:
    """The same for a function of our own, whose answers do not change: computed once."""
    return run(exercise, function, case)


def first_tensor(arguments: list) -> tuple[Tensor, int]:
    """The first tensor among the arguments, made a parameter, and its place; a network comes before it in some."""
    place = next(i for i, argument in enumerate(arguments) if isinstance(argument, Tensor))
    return arguments[place].requires_grad_(), place


def gradient_of(answer: list[Tensor], leaf: Tensor) -> Answer:
    """The gradient on the leaf of all numbers of the answer, each with a weight of its own."""
    try:
        total = sum((t * numbers(*t.shape, seed=9, dtype=t.dtype)).sum() for t in answer)
        if not total.requires_grad:
            return Answer([], "no gradient", find_advice("no gradient", {}))
        return Answer([torch.autograd.grad(total, leaf, materialize_grads=True)[0]])
    except RuntimeError as error:
        text = " ".join(str(error).split())[:160]
        return Answer([], f"its gradient raised {text}", find_advice(text, {}))


# --- the likely slip -------------------------------------------------------------------------------------------------------


def find_hint(exercise: Exercise, judged: list[tuple[str, Verdict]]) -> str:
    """Name the likely slip: the wrong formula that gives most of the same results, else what the first trouble suggests."""
    verdicts = [verdict for _, verdict in judged]
    if all(verdict.word == "exact" for verdict in verdicts):
        return ""
    slip = find_slip(exercise, verdicts)
    troubles = [v.answer.hint for v in verdicts if v.word == "WRONG" and v.answer.hint]
    if slip or troubles:
        return slip or troubles[0]
    if any(v.why.startswith("expected shape") for v in verdicts):
        return "print the shape after every line, and compare it with what you expect."
    only_gradient = [title for title, v in judged if v.word == "WRONG"] == ["the gradient"]
    return "the values are right and their gradient is not: is a part of the formula detached?" if only_gradient else ""


def find_slip(exercise: Exercise, verdicts: list[Verdict]) -> str:
    """The hint of the wrong function that agrees with the student's in most cases, a wrong one among them; else ""."""
    cases = [(c, v) for c, v in zip(cases_of(exercise), verdicts, strict=True) if not c.gradient and v.answer.tensors]
    right = [run_known(exercise, exercise.reference, case).tensors for case, _ in cases]
    wrong = [difference(v.answer.tensors, r) > EXACT for (_, v), r in zip(cases, right, strict=True)]
    best, most = "", 0  # the hint of the slip so far that agrees in most cases
    for hint, slips in exercise.slips.items() if any(wrong) else ():
        for slip in slips if isinstance(slips, list | tuple) else [slips]:
            answers = [run_known(exercise, slip, case) for case, _ in cases]
            made = [answer.tensors if isinstance(answer, Answer) else [] for answer in answers]
            alike = [difference(v.answer.tensors, m) <= ALIKE for m, (_, v) in zip(made, cases, strict=True)]
            tells = [w and difference(m, r) > EXACT for w, m, r in zip(wrong, made, right, strict=True)]
            agree = sum(alike) if any(a and t for a, t in zip(alike, tells, strict=True)) else 0
            best, most = (hint, agree) if agree > most else (best, most)
    return best


# --- numbers ---------------------------------------------------------------------------------------------------------------


def difference(mine: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference, as a part of the largest number expected; infinite for other shapes."""
    if not mine or not expected or [t.shape for t in mine] != [t.shape for t in expected]:
        return float("inf")
    a, b = flat(mine), flat(expected)
    gap = float((a - b).abs().max() / b.abs().max().clamp_min(1e-30))
    return gap if gap == gap else float("inf")


def flat(tensors: list[Tensor]) -> Tensor:
    """All their numbers in one row."""
    return torch.cat([tensor.detach().double().cpu().flatten() for tensor in tensors])


def describe(mine: list[Tensor], expected: list[Tensor]) -> str:
    """The largest difference in words and, if every number is off by the same factor, that factor."""
    a, b = flat(mine), flat(expected)
    if not a.isfinite().all():
        return "not a finite number"
    factor = float(a @ b / (b @ b))
    text = f"largest difference {rounded(float((a - b).abs().max()))}"
    if abs(factor) > 1e-9 and float((a - factor * b).abs().max() / a.abs().max()) < ALIKE:
        text += f"; {rounded(factor, 3)} times what was expected"
    return text


def rounded(number: float, digits: int = 1) -> str:
    """A number with few significant digits, rounded in two stages so that a last bit cannot tip it."""
    steady = float(format(number, ".3e"))
    return format(float(format(steady, f".{digits - 1}e")), "g")
