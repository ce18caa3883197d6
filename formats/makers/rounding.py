"""Decimal text to float32 by exact arithmetic: to the nearest double, then to the nearest float, ties to even.

An oracle that shares no code with the readers under test, nor with Python's float().
"""

from __future__ import annotations

import struct
from fractions import Fraction


def float32_bits(number: str) -> str:
    """Return the float32 bits of a number as eight hexadecimal digits; every NaN is ``7fc00000``."""
    text = number.lower()
    sign = 0x80000000 if text.startswith("-") else 0
    digits = text.lstrip("+-")
    if digits == "nan":
        return "7fc00000"
    single = None if digits == "inf" else _single(Fraction(digits))
    bits = 0x7F800000 if single is None else int.from_bytes(struct.pack("<f", float(single)), "little")
    return f"{sign | bits:08x}"


def _single(exact: Fraction) -> Fraction | None:
    double = nearest(exact, 53, -1074, 1024)
    return None if double is None else nearest(double, 24, -149, 128)


def nearest(exact: Fraction, precision: int, least: int, overflow: int) -> Fraction | None:
    """Round to a binary floating-point number, ties to even; None if the result is too large.

    Parameters
    ----------
    precision
        Bits of the significand.
    least
        Exponent of the smallest denormal.
    overflow
        Exponent of the smallest power of two that is too large.
    """
    if not exact:
        return exact
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    if exact < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** max(exponent - precision + 1, least)
    rounded = round(exact / unit) * unit  # round() of a Fraction rounds ties to even
    return rounded if rounded < Fraction(2) ** overflow else None
