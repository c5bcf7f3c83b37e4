"""Check an exercise: try the student's answer on cases it has not seen, say what differs and which slip is the likely cause.

    st.check("gram_matrix", my_gram)  # a function
    st.check("next_side", 224)  # a value

Each case gets one verdict, and the whole one hint. What is known of each exercise stands in the tables that `exercises` joins.
"""

from __future__ import annotations

import warnings

import torch

from .calling import Nothing, kind
from .exercises import EXERCISES, NAMES, TASKS, VALUES
from .judging import find_hint, judge_all
from .open_tasks import try_all
from .values import judge_value


def check(name: str, answer: object) -> None:
    """Print one verdict a case for the student's answer, and a hint if there is one. Never raises.

    name: one of `exercises.NAMES`. answer: the function itself, not its result, or for some a value; None for none yet.
    """
    if not isinstance(name, str) or name not in NAMES:
        shown = repr(name) if isinstance(name, str) else kind(name)
        print(f"there is no exercise {shown}; choose from {', '.join(NAMES)}.")
        return
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd results, that somebody's settings would turn into errors
            lines = about_value(name, answer) if name in VALUES else about_function(name, answer)
    except Nothing as stub:
        lines = [f"{name}: not yet: {stub.why}"]
    except Exception as error:  # whatever an answer may be, a lesson goes on
        what = "a number, a word or a tensor, as the exercise says." if name in VALUES else "a tensor of real numbers."
        lines = [f"{name}: your result cannot be compared ({type(error).__name__}): return {what}"]
    print("\n".join(lines))


def about_value(name: str, answer: object) -> list[str]:
    """What to print about a value. Raises Nothing when there is none."""
    if answer is None or answer is ...:
        raise Nothing("put your answer in the place of None.")
    right, sentence, hint = judge_value(VALUES[name], answer)
    return [f"{name}: {'right' if right else 'WRONG'}: {sentence.rstrip('.')}." + (f" Hint: {hint}" if hint else "")]


def about_function(name: str, function: object) -> list[str]:
    """What to print about a function. Raises Nothing for a stub."""
    if function is None or function is ... or not callable(function):
        raise Nothing(f"expected a function, got {kind(function)}. Give its name alone, without brackets behind it.")
    if name in TASKS:
        judged = try_all(TASKS[name], function)
        lines = [("WRONG" if why else "right", title, why) for title, why, _ in judged]
        hint = next((hint for _, why, hint in judged if why), "")
    else:
        verdicts = judge_all(EXERCISES[name], function)
        lines = [(verdict.word, title, verdict.why) for title, verdict in verdicts]
        hint = find_hint(EXERCISES[name], verdicts)
    return [*told(lines), f"{name}: {summary(lines)}" + (f" Hint: {hint}" if hint else "")]


def told(lines: list[tuple[str, str, str]]) -> list[str]:
    """One line a case, or one for all where the same keeps the function from working in every case."""
    if all(why.startswith(("it raised", "expected a ")) for _, _, why in lines):
        return [f"  WRONG  every case: {lines[0][2]}"]
    return [f"  {word}  {title}" + (f": {why}" if why else "") for word, title, why in lines]


def summary(lines: list[tuple[str, str, str]]) -> str:
    """How many cases are right."""
    words = [word for word, _, _ in lines]
    right = len(words) - words.count("WRONG")
    if right < len(words) or "close" in words:
        return f"{right} of {len(words)} cases right."
    return f"all {right} cases {words[0]}."
