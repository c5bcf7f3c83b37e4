"""Check an exercise: run the student's function on cases it has not seen, say what differs and which slip is the likely cause.

    st.check("gram_matrix", my_gram)

The exercises, with their cases and the usual slips, are the table in `styletools.exercises`. A result that is wrong in the way
one of the wrong formulas there is wrong earns that formula's hint.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .exercises import EXERCISES, Exercise, Function, Make, numbers

EXACT, CLOSE, ALIKE = 1e-5, 1e-2, 1e-4  # largest differences, as parts of the largest number expected
Case = tuple[str, Make, bool]  # its title, its arguments, whether the gradient is compared


class Answer(NamedTuple):
    """What a function made of one case: tensors, or the trouble that kept it from making any, or trouble besides."""

    tensors: list[Tensor]
    trouble: str = ""
    hint: str = ""


class Verdict(NamedTuple):
    """The judgement of one case: "exact", "close" or "WRONG", why, and the answer it is about."""

    word: str
    why: str
    answer: Answer


class NotYetError(Exception):
    """The function is still a stub."""


def check(name: str, function: Function) -> None:
    """Print one verdict a case for the student's function, and a hint if there is one. Never raises.

    name: a key of `EXERCISES`. function: the function itself, not its result.
    """
    if name not in list(EXERCISES):
        print(f"there is no exercise {name!r}; choose from {', '.join(EXERCISES)}.")
        return
    exercise = EXERCISES[name]
    if not callable(function):
        print(f"{name}: not yet: expected a function, got {kind(function)}. Give its name alone, without brackets behind it.")
        return
    cases = [(title, make, False) for title, make in exercise.cases.items()]
    if exercise.gradient:
        cases.append(("the gradient", cases[0][1], True))
    try:
        with torch.enable_grad():
            verdicts = [judge(exercise, make, gradient, function) for _, make, gradient in cases]
            hint = find_hint(exercise, cases, verdicts)
    except NotYetError as stub:
        print(f"{name}: not yet: {stub}")
        return
    except Exception as error:  # whatever a function may return, a lesson goes on
        print(f"{name}: your result cannot be compared ({type(error).__name__}): return a tensor of real numbers.")
        return
    if all(verdict.why and not verdict.answer.tensors for verdict in verdicts):  # it fails in every case: once will do
        print(f"  WRONG  every case: {verdicts[0].why}")
    else:
        for (title, _, _), verdict in zip(cases, verdicts, strict=True):
            print(f"  {verdict.word}  {title}" + (f": {verdict.why}" if verdict.why else ""))
    right = sum(verdict.word != "WRONG" for verdict in verdicts)
    exact = all(verdict.word == "exact" for verdict in verdicts)
    summary = f"all {right} cases exact." if exact else f"{right} of {len(cases)} cases right."
    print(f"{name}: {summary}" + (f" Hint: {hint}" if hint else ""))


def judge(exercise: Exercise, make: Make, gradient: bool, function: Function) -> Verdict:
    """Compare the student's answer to one case with the right one."""
    right, answer = run(exercise.reference, make, gradient), run(function, make, gradient)
    if not answer.tensors:
        hint = f"call it as {exercise.signature}." if "positional argument" in answer.trouble else answer.hint
        return Verdict("WRONG", answer.trouble, answer._replace(hint=hint))
    if len(answer.tensors) != len(right.tensors):
        return Verdict("WRONG", f"expected {len(right.tensors)} tensors, got {len(answer.tensors)}", answer)
    for mine, expected in zip(answer.tensors, right.tensors, strict=True):
        if mine.shape != expected.shape:
            return Verdict("WRONG", f"expected shape {tuple(expected.shape)}, got {tuple(mine.shape)}", answer)
    gap = difference(answer.tensors, right.tensors)
    if not gap <= CLOSE:  # not a number is not close
        return Verdict("WRONG", describe(answer.tensors, right.tensors), answer)
    if answer.trouble:
        return Verdict("WRONG", answer.trouble, answer)
    for mine, expected in zip(answer.tensors, right.tensors, strict=True):
        if mine.dtype != expected.dtype:
            names = (str(dtype).removeprefix("torch.") for dtype in (expected.dtype, mine.dtype))
            return Verdict("WRONG", "expected {}, got {}".format(*names), answer._replace(hint="keep the dtype of the input."))
    return Verdict("exact", "", answer) if gap <= EXACT else Verdict("close", describe(answer.tensors, right.tensors), answer)


def run(function: Function, make: Make, gradient: bool = False) -> Answer:
    """Call a function on new arguments. With `gradient`, the answer is the gradient on the first tensor among them.

    Raises NotYetError for a stub and nothing else; an exception of the function becomes a trouble.
    """
    arguments = list(make())
    place = next(i for i, argument in enumerate(arguments) if isinstance(argument, Tensor))
    if gradient:
        leaf = arguments[place].requires_grad_()
        arguments[place] = leaf * 1  # not a leaf itself, so that in-place operations are allowed on it
    given = [(argument, argument.detach().clone()) for argument in arguments if isinstance(argument, Tensor)]
    try:
        result = function(*arguments)
        if result is None or result is ...:
            raise NotYetError("your function returns nothing so far.")
        tensors = list(result) if isinstance(result, list | tuple) else [result]
        strange = next((item for item in tensors if not isinstance(item, Tensor)), None)
        if strange is not None or not tensors:
            return Answer([], f"expected a tensor, got {kind(strange)}", advice(kind(strange)))
        if gradient:
            total = sum((t * numbers(*t.shape, seed=9, dtype=t.dtype)).sum() for t in tensors)
            if not total.requires_grad:
                return Answer([], "no gradient", advice("no gradient"))
            return Answer([torch.autograd.grad(total, leaf, materialize_grads=True)[0]])
    except NotYetError:
        raise
    except NotImplementedError:
        raise NotYetError("your function is not implemented so far.") from None
    except (Exception, SystemExit) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        return Answer([], f"it raised {text}", advice(text))
    if any(now.shape != before.shape or not torch.equal(now.detach(), before) for now, before in given):
        return Answer(tensors, "it changed its input", advice("changed"))
    if any(now.requires_grad for now, _ in given) or any(t.requires_grad for t in tensors):
        return Answer(tensors, "a gradient is still attached", advice("attached"))
    return Answer(tensors)


def find_hint(exercise: Exercise, cases: list[Case], verdicts: list[Verdict]) -> str:
    """Name the likely slip: the wrong formula that explains most of the wrong answers, else what the first trouble suggests."""
    pairs = [(make, v.answer.tensors) for (_, make, gradient), v in zip(cases, verdicts, strict=True) if not gradient]
    wrong = [(make, mine) for make, mine in pairs if mine and difference(mine, run(exercise.reference, make).tensors) > EXACT]
    best, most = "", 0
    for hint, slip in exercise.slips.items():
        explained = sum(difference(mine, run(slip, make).tensors) <= ALIKE for make, mine in wrong)
        best, most = (hint, explained) if explained > most else (best, most)
    troubles = [v.answer.hint for v in verdicts if v.word == "WRONG" and v.answer.hint]
    if best or troubles:
        return best or troubles[0]
    if any(v.why.startswith("expected shape") for v in verdicts):
        return "print the shape after every line, and compare it with what you expect."
    only_gradient = [case[2] for case, v in zip(cases, verdicts, strict=True) if v.word == "WRONG"] == [True]
    return "the values are right and their gradient is not: is a part of the formula detached?" if only_gradient else ""


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


def kind(thing: object) -> str:
    """Say what a thing is: "a float", "an int"."""
    name = type(thing).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


ADVICE = {  # part of an error's text -> hint; the first that fits
    "no gradient": "no gradient flows back: look for detach(), torch.no_grad(), .item() or .data.",
    "changed": "work on a copy: clone(), or operations whose name does not end in an underscore.",
    "attached": "return it detached, and make a copy of the input the parameter: x.detach().clone().requires_grad_().",
    "a float": "keep the tensor: leave out .item() and float().",
    "an int": "keep the tensor: leave out .item() and int().",
    "ndarray": "stay in PyTorch: leave out .numpy().",
    "a dict": "return the values alone, as a list.",
    "does not require grad": "nothing to differentiate: make the copy a parameter with requires_grad_().",
    "view size": "use reshape() in place of view().",
    "leaf Variable": "wrap what changes a parameter in `with torch.no_grad():`.",
    "inplace operation": "an operation ending in an underscore overwrote what the gradient needs: use the one without.",
    "NameError": "a typo, or a cell above that has not been run.",
    "shape": "print the shapes just before that line.",
    "size": "print the shapes just before that line.",
    "dimension": "print the shapes just before that line.",
    "dtype": "make new tensors with the dtype of the input.",
}


def advice(text: str) -> str:
    """A hint for a kind of result or an error."""
    return next((hint for part, hint in ADVICE.items() if part in text), "run your function on a small tensor of your own.")
