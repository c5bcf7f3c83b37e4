"""How the studio writes numbers: one way for all of them."""

from __future__ import annotations

import math

THIN = "\u202f"  # the narrow space, which no line breaks at, between thousands
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN_FROM, PLAIN_TO = 1e-3, 1e5  # numbers in between are written without a power of ten


def number(value: float) -> str:
    """A number in three digits: 0.05, 20, 400, 12 000; beyond 0.001 and 100 000 in two with a power of ten: 3.9·10⁶."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    sign, size = "−" if value < 0 else "", float(f"{abs(value):.3g}")
    if size == 0:
        return "0"
    if PLAIN_FROM <= size < PLAIN_TO:
        text = f"{size:.10f}".rstrip("0").rstrip(".") if size < 1000 else whole(round(size))
        return sign + text
    digits, exponent = f"{abs(value):.1e}".split("e")
    power = f"10{str(int(exponent)).translate(RAISED)}"
    digits = digits.removesuffix(".0")
    return sign + (power if digits == "1" else f"{digits}·{power}")


def whole(count: int) -> str:
    """A count in full: 7, 1200, 12 000."""
    return f"{count:,}".replace(",", THIN) if abs(count) >= 10_000 else str(count)


def percent(part: float) -> str:
    """A part of 1 as a whole percentage, or the bounds beyond which it would say all or nothing: 62 %, < 1 %, > 99 %."""
    if 0 < part < 0.005:
        return f"<{THIN}1{THIN}%"
    return f">{THIN}99{THIN}%" if 0.995 <= part < 1 else f"{part * 100:.0f}{THIN}%"
