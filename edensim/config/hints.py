"""Guesses at what was meant by a value that is not allowed: a wrong unit, quotes around a number, a misspelt word."""

from __future__ import annotations

import re
from typing import Any

from edensim.config.keys import Key
from edensim.config.tree import show_value
from edensim.errors import did_you_mean, perhaps

# Values that are not only allowed but likely; a guess outside them is not offered (7 V is hardly meant as 0.007 V).
_LIKELY = {
    "V": (0.3, 5.0),
    "ns": (0.5, 1e6),
    "MHz": (10.0, 10_000.0),
    "MT/s": (100.0, 20_000.0),
    "fraction": (0.005, 1.0),
    "byte": (8.0, float(1 << 40)),
    "Mbit": (64.0, float(1 << 20)),
    "mA": (0.1, 1000.0),
    "pF": (0.1, 100.0),
    "ohm": (1.0, 1000.0),
    "ps": (50.0, 20_000.0),
}
_BINARY = (1024, 1024**2)
_DECIMAL = (1e-3, 1e-6, 1e-9, 1e-12, 1e3, 1e6, 1e9)
_PERCENT = (1e-2,)
_QUANTITY = re.compile(r"\s*([-+]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z/%µ]*)\s*")


def guess_at(key: Key, value: Any) -> str:
    """A guess at the right value, as `perhaps` offers it, or an empty text."""
    if isinstance(value, str):
        return _for_text(key, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if key.kind == "text":
        return perhaps(f'"{show_value(value)}"')
    if key.kind == "integer" and isinstance(value, float) and value.is_integer() and key.allows(value):
        return perhaps(str(int(value)))
    return unit_slip(key, value)


def unit_slip(key: Key, value: float) -> str:
    """For a number that is right in another unit (1100 for 1.1 V), the number in the unit of the key."""
    if not key.numeric or key.unit not in _LIKELY or abs(value) > 1e300:
        return ""
    low, high = _LIKELY[key.unit]
    factors = _BINARY if key.unit in ("byte", "Mbit") else _PERCENT if key.unit == "fraction" else _DECIMAL
    for factor in factors:
        guess = float(f"{value * factor:.12g}")
        if low <= guess <= high and key.allows(guess) and (key.kind == "number" or guess.is_integer()):
            unit = "" if key.unit == "fraction" else f" {key.unit}"
            return perhaps(f"{int(guess) if guess.is_integer() else guess}{unit}")
    return ""


def _for_text(key: Key, value: str) -> str:
    if key.kind == "choice":
        return did_you_mean(value, key.choices, show=show_value)
    if key.kind == "boolean" and value.lower() in ("true", "false"):
        return f"; write {value.lower()} without quotes"
    match = _QUANTITY.fullmatch(value)
    if not (key.numeric and match):
        return ""
    number = match[1].replace("_", "")
    unit = f" (the unit, {key.unit}, is implied)" if match[2] and key.unit else ""
    return f"; write the bare number {number}{unit}" if not match[2] or unit else ""
