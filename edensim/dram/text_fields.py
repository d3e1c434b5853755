"""Lines of text made of whole arrays: every field of many lines at once, without a Python loop per line.

A field is a table of symbols, one row per line, and a mask of the symbols that are to be written; lines are fields side
by side. Two to five million lines per second. Not handled: padding to a width, floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

HEX_SYMBOLS = np.frombuffer(b"0123456789abcdef", np.uint8)
MINUS = ord("-")

Bytes = npt.NDArray[np.uint8]
Field = tuple[Bytes, npt.NDArray[np.bool_]]
"""One field of many lines: symbols (lines, width), and which of them are to be written."""


def text(*fields: Field) -> bytes:
    """Lines made of fields side by side; a field of one row is repeated on every line."""
    count = max(len(symbols) for symbols, _ in fields)
    symbols = np.hstack([np.broadcast_to(s, (count, s.shape[1])) for s, _ in fields])
    keep = np.hstack([np.broadcast_to(k, (count, k.shape[1])) for _, k in fields])
    return symbols[keep].tobytes()


def constant(word: bytes) -> Field:
    """The same word on every line."""
    return np.frombuffer(word, np.uint8)[None], np.ones((1, len(word)), bool)


def choice(which: npt.NDArray[Any], words: Sequence[bytes]) -> Field:
    """One of several words on every line, by number; no word may hold a zero byte."""
    width = max(map(len, words))
    table = np.array([list(word.ljust(width, b"\0")) for word in words], np.uint8).reshape(len(words), width)
    symbols = table[which]
    return symbols, symbols != 0


def hexadecimal(values: npt.NDArray[np.uint64]) -> Field:
    """Unsigned numbers in hexadecimal, without 0x."""
    width = max(1, -(-int(values.max()).bit_length() // 4))
    symbols = np.empty((len(values), width), np.uint8)
    for k in range(width):
        symbols[:, width - 1 - k] = HEX_SYMBOLS[(values >> np.uint64(4 * k)) & np.uint64(15)]
    return symbols, _without_leading_zeros(symbols)


def decimal(values: npt.NDArray[Any]) -> Field:
    """Numbers of 0 and more in decimal."""
    width = len(str(int(values.max())))
    symbols = np.empty((len(values), width), np.uint8)
    for k in range(width):
        values, digit = np.divmod(values, values.dtype.type(10))
        symbols[:, width - 1 - k] = digit + 48
    return symbols, _without_leading_zeros(symbols)


def signed(values: npt.NDArray[np.int64]) -> Field:
    """Numbers of either sign in decimal."""
    symbols, keep = decimal(np.abs(values))
    minus = np.full((len(values), 1), MINUS, np.uint8)
    return np.hstack([minus, symbols]), np.hstack([(values < 0)[:, None], keep])


def _without_leading_zeros(symbols: Bytes) -> npt.NDArray[np.bool_]:
    keep = np.logical_or.accumulate(symbols != 48, axis=1)
    keep[:, -1] = True
    return keep
