"""Call a function that somebody is still writing, and read what it returns: whatever happens becomes a sentence and a hint."""

from __future__ import annotations

import inspect
import numbers
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

Function = Callable[..., object]


class Answer(NamedTuple):
    """What a function made of one case: tensors, or the trouble that kept it from making any, or trouble besides."""

    tensors: list[Tensor]
    trouble: str = ""
    hint: str = ""


class Trouble(Exception):
    """What went wrong, in words, and what to do about it."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why, self.hint = why, hint


class Nothing(Trouble):
    """The function returned nothing: a stub, or a way through it without `return`."""


def call(function: Function, arguments: list, signature: str, advice: Mapping[str, str]) -> object:
    """Call a student's function and return its result.

    Raises Trouble for whatever the function raises, Nothing where it returns nothing; only an interrupt passes through.
    signature: how it is called, in words. advice: part of an error's text -> hint, looked at before `ADVICE`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # float(x) of a parameter warns, which some set-ups turn into an error
            result = function(*arguments)
    except KeyboardInterrupt:
        raise
    except NotImplementedError:
        raise Nothing("your function is not implemented so far.") from None
    except BaseException as error:  # SystemExit among them: a lesson goes on
        text = said(error)
        hint = find_advice(text, advice) if takes(function, arguments) else f"call it as {signature}."
        raise Trouble(f"it raised {text}", hint) from None
    if result is None or result is ...:
        raise Nothing("your function returns nothing so far.", "a way through your function ends without return.")
    return result


def takes(function: Function, arguments: list) -> bool:
    """Whether a function can be called with these arguments, as far as one can see from outside."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except Exception:  # functions written in C have no signature
        return True
    return True


def said(error: BaseException) -> str:
    """Type and message of an exception in one line."""
    try:
        return " ".join(f"{type(error).__name__}: {error}".split())[:160]
    except Exception:
        return type(error).__name__


def copied(thing: object) -> object:
    """A copy of an argument, tensors inside lists and dicts included, to see later whether it was changed."""
    if isinstance(thing, Tensor):
        return thing.detach().clone()
    if isinstance(thing, Mapping):
        return {key: copied(value) for key, value in thing.items()}
    return [copied(item) for item in thing] if isinstance(thing, list | tuple) else thing


def unchanged(now: object, before: object) -> bool:
    """Whether an argument is as its copy was."""
    if isinstance(before, Tensor):
        return isinstance(now, Tensor) and now.shape == before.shape and torch.equal(now.detach(), before)
    if isinstance(before, Mapping):
        return list(now) == list(before) and all(unchanged(now[key], before[key]) for key in before)
    if isinstance(before, list):
        return len(now) == len(before) and all(map(unchanged, now, before))
    return True


# --- reading a result: (the result, the right one) -> tensors --------------------------------------------------------------


def tensors(result: object, right: object) -> list[Tensor]:
    """One tensor, or a list or tuple of tensors. Raises Trouble for anything else."""
    found = list(result) if isinstance(result, list | tuple) else [result]
    strange = [item for item in found if not isinstance(item, Tensor)]
    if strange or not found:
        what = kind(strange[0]) if found else "an empty list"
        raise Trouble(f"expected a tensor, got {what}", find_advice(what, {}))
    return found


def few_numbers(result: object, right: object) -> list[Tensor]:
    """A few numbers as one row: a tensor, or a list, tuple or array of numbers and 0-d tensors. Raises Trouble otherwise."""
    if isinstance(result, list | tuple | np.ndarray):
        row = torch.tensor([as_number(item) for item in result], dtype=torch.float64)
    elif isinstance(result, Tensor):
        row = result.detach().double().flatten()
    else:
        raise Trouble(f"expected a tensor or a list of numbers, got {kind(result)}", "return the numbers alone, without names.")
    return [row]


def by_layer(result: object, right: object) -> list[Tensor]:
    """The values of a dict with the right one's keys, in their order. Raises Trouble for anything else."""
    if not isinstance(result, Mapping):
        raise Trouble(f"expected a dict, got {kind(result)}", "return a dict with the names of the layers as its keys.")
    if set(result) != set(right):
        wanted, got = (", ".join(map(str, names)) or "none" for names in (right, result))
        hint = "make the dict before the loop, fill it in the loop, return it after the loop."
        raise Trouble(f"expected the layers {wanted}, got {got}"[:160], hint)
    return tensors([result[key] for key in right], None)


def as_number(thing: object) -> float:
    """A number out of a number, or of a tensor or array with one entry. Raises Trouble for anything else."""
    if isinstance(thing, Tensor | np.ndarray) and np.prod(thing.shape) == 1:
        thing = thing.detach().item() if isinstance(thing, Tensor) else thing.item()
    if isinstance(thing, numbers.Real) and not isinstance(thing, bool):
        return float(thing)
    size = f" of shape {tuple(thing.shape)}" if isinstance(thing, Tensor | np.ndarray) else ""
    raise Trouble(f"expected a number, got {kind(thing)}{size}", "return one number: a float, or a tensor without axes.")


def kind(thing: object) -> str:
    """Say what a thing is: "a float", "an int", "the class Adam"."""
    if isinstance(thing, type):
        return f"the class {type.__getattribute__(thing, '__name__')}"
    name = type(thing).__name__
    return "nothing" if thing is None else f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


ADVICE = {  # part of an error's text -> hint; the first that fits
    "no gradient": "no gradient flows back: look for detach(), torch.no_grad(), .item() or .data.",
    "changed": "work on a copy: clone(), or operations whose name does not end in an underscore.",
    "attached": "return it detached, and make a copy of the input the parameter: x.detach().clone().requires_grad_().",
    "a float": "keep the tensor: leave out .item() and float().",
    "an int": "keep the tensor: leave out .item() and int().",
    "ndarray": "stay in PyTorch: leave out .numpy().",
    "a dict": "return the values alone, as a list.",
    "a generator": "return a list: with yield, a function makes a generator.",
    "a function": "return what the function gives, not the function: brackets are missing.",
    "a builtin_function_or_method": "return what the method gives, not the method: brackets are missing.",
    "the class": "make an object of the class, call it, and return what it gives.",
    "does not require grad": "nothing to differentiate: make the copy a parameter with requires_grad_().",
    "view size": "use reshape() in place of view().",
    "leaf Variable": "wrap what changes a parameter in `with torch.no_grad():`.",
    "inplace operation": "an operation ending in an underscore overwrote what the gradient needs: use the one without.",
    "NameError": "a typo, or a cell above that has not been run.",
    "UnboundLocalError": "a name is used before it has a value: is it set only inside an if or a loop?",
    "shape": "print the shapes just before that line.",
    "size": "print the shapes just before that line.",
    "dimension": "print the shapes just before that line.",
    "dtype": "make new tensors with the dtype of the input.",
}


def find_advice(text: str, own: Mapping[str, str]) -> str:
    """A hint for a kind of result or an error."""
    known = [*own.items(), *ADVICE.items()]
    return next((hint for part, hint in known if part in text), "run your function on a small example.")
