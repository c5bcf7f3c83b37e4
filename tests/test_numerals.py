"""One way to write a number, everywhere in the studio."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from styletools import numerals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.05, "0.05"), (20, "20"), (400.0, "400"), (1000, "1000"), (9999.9, "10\u202f000"), (12000, "12\u202f000"),
        (123.456, "123"), (99960, "10⁵"), (1e5, "10⁵"), (3.9e6, "3.9·10⁶"), (1e6, "10⁶"), (0.001, "0.001"),
        (0.00123, "0.00123"), (0.0004, "4·10⁻⁴"), (1e-12, "10⁻¹²"),
        (-3.2, "−3.2"), (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "–"),
        (0.1 + 0.2, "0.3"), (5e-324, "4.9·10⁻³²⁴"),
    ],
)  # fmt: skip
def test_number(value, text):
    assert numerals.number(value) == text


@given(some.floats(1e-300, 1e300))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_a_number_says_about_what_it_is(value):
    text = numerals.number(value)
    plain = text.replace(numerals.THIN, "").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    if numerals.PLAIN_FROM <= float(f"{value:.3g}") < numerals.PLAIN_TO:
        digits, power = plain, "0"
    else:
        digits, power = plain.split("·10") if "·" in plain else ("1", plain.removeprefix("10"))
    assert float(f"{digits}e{power}") == pytest.approx(value, rel=0.051)
    assert len(text) <= 10


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (7, "7"), (1200, "1200"), (12345, "12\u202f345"), (10**7, "10\u202f000\u202f000")]
)
def test_whole(count, text):
    assert numerals.whole(count) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0\u202f%"), (1, "100\u202f%"), (0.615, "62\u202f%"), (0.001, "<\u202f1\u202f%"), (0.999, ">\u202f99\u202f%")],
)
def test_percent(part, text):
    assert numerals.percent(part) == text
