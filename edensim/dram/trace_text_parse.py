"""Parsing blocks of trace text without a Python loop per line: words, numbers and operations as whole arrays.

A block is bytes that end with a newline. Words are separated by spaces, tabs, carriage returns and, where a format
says so, commas. A few million lines per second, against about half a million for a loop over lines.

Not handled: quoting, escapes, numbers with signs, underscores or exponents (all are errors of the caller's line).
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Base = Literal["any", "hex"]
Ints = npt.NDArray[np.int64]

NEWLINE, COMMA = 10, 44
COMMENT = re.compile(rb"#[^\n]*")
NUMBER = re.compile(r"0[xX]([0-9a-fA-F]+)|([0-9]+)")
HEX_NUMBER = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)()")
BLANKS = np.zeros(256, bool)
BLANKS[list(b" \t\r\n")] = True
DIGITS = np.full(256, 255, np.uint8)
for _value, _symbols in enumerate(
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "aA", "bB", "cC", "dD", "eE", "fF"]
):
    DIGITS[list(_symbols.encode())] = _value
UPPER = np.arange(256, dtype=np.uint64)
UPPER[ord("a") : ord("z") + 1] -= 32


class BadLineError(Exception):
    """A line that cannot be understood: `line` counts from 0 within the block, `problem` says why."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line, self.problem = int(line), problem


class Words(NamedTuple):
    """The words of the lines that are not blank.

    Attributes
    ----------
    text : uint8 array
        The block.
    start, end : int64 arrays (lines, words per line)
        Where each word begins and ends.
    line : int64 array (lines,)
        Number of the line within the block, from 0.
    """

    text: npt.NDArray[np.uint8]
    start: Ints
    end: Ints
    line: Ints

    def word(self, row: int, column: int) -> str:
        """One word as text."""
        return self.text[self.start[row, column] : self.end[row, column]].tobytes().decode("utf-8", "replace")


def split_words(block: bytes, commas: tuple[int, ...]) -> Words:
    """Cut a block into words and check that every line has the same number of them.

    Parameters
    ----------
    block : bytes
        Text that ends with a newline; `#` begins a comment.
    commas : tuple of int
        One entry per word of a line: how many commas (0 or 1) stand before it. All zero: commas belong to words.

    Raises
    ------
    BadLineError
        At the first line with another number of words or with commas elsewhere.
    """
    if b"#" in block:
        block = COMMENT.sub(b"", block)
    text = np.frombuffer(block, np.uint8)
    blank = BLANKS[text]
    if any(commas):
        blank |= text == COMMA
    edge = np.flatnonzero(np.diff(blank, prepend=True))
    start, end = edge[::2], edge[1::2]
    newlines = np.flatnonzero(text == NEWLINE)
    line = np.searchsorted(newlines, start)
    per_line = np.bincount(line, minlength=len(newlines))
    wrong = (per_line != len(commas)) & (per_line != 0)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise BadLineError(k, f"expected {len(commas)} fields, found {per_line[k]}")
    words = Words(text, start.reshape(-1, len(commas)), end.reshape(-1, len(commas)), line[:: len(commas)])
    if any(commas):
        _check_commas(words, commas, newlines)
    return words


def _check_commas(words: Words, commas: tuple[int, ...], newlines: Ints) -> None:
    """Refuse empty fields, missing commas, and commas at the ends of lines."""
    count = np.concatenate([[0], np.cumsum(words.text == COMMA, dtype=np.int32)])
    per_line = np.diff(count[newlines], prepend=0)
    # A line without words must have no comma either.
    expected = np.zeros(len(newlines), np.int64)
    expected[words.line] = sum(commas)
    wrong = per_line != expected
    before = np.diff(count[words.start], axis=1, prepend=0)[:, 1:] != np.array(commas[1:])
    wrong[words.line[before.any(axis=1)]] = True
    if wrong.any():
        raise BadLineError(int(np.argmax(wrong)), f"expected {sum(commas)} commas, one between two fields, none empty")


def parse_numbers(words: Words, column: int, base: Base, largest: int = 2**64 - 1) -> npt.NDArray[np.uint64]:
    """Parse the words of one column as unsigned numbers.

    Parameters
    ----------
    words : Words
    column : int
        Which word of each line.
    base : "any" or "hex"
        "any": hexadecimal after 0x, else decimal; "hex": hexadecimal with or without 0x.
    largest : int
        Largest value allowed.

    Returns
    -------
    uint64 array (lines,)

    Raises
    ------
    BadLineError
        At the first word that is no number, or larger than `largest`.
    """
    text, start, end = words.text, words.start[:, column].copy(), words.end[:, column]
    if len(start) == 0:
        return np.empty(0, np.uint64)
    second = text[np.minimum(start + 1, len(text) - 1)]
    prefixed = (text[start] == ord("0")) & ((second | 32) == ord("x")) & (end - start > 2)
    start[prefixed] += 2
    is_hex = np.ones(len(start), bool) if base == "hex" else prefixed
    values = np.empty(len(start), np.uint64)
    bad = np.zeros(len(start), bool)
    for radix, mine, most in ((16, is_hex, 16), (10, ~is_hex, 19)):
        if mine.all():
            values, bad = _digits(text, start, end, radix, most)
        elif mine.any():
            values[mine], bad[mine] = _digits(text, start[mine], end[mine], radix, most)
    if not bad.any() and int(values.max()) <= largest:
        return values
    for row in np.flatnonzero(bad | (values > np.uint64(largest))):
        values[row] = _number(words, int(row), column, base, largest)
    return values


def _digits(
    text: npt.NDArray[np.uint8], start: Ints, end: Ints, radix: int, most: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[Any]]:
    """Values of words of at most `most` digits, and which words are something else."""
    length = end - start
    bad = length > most
    values = np.zeros(len(start), np.uint64)
    shortest = int(length.min())
    for k in range(min(most, int(length.max()))):
        digit = DIGITS[text[end - (1 + k)]]
        if k >= shortest:
            digit = np.where(k < length, digit, 0)
        bad |= digit >= radix
        values += digit.astype(np.uint64) * np.uint64(radix**k)
    return values, bad


def _number(words: Words, row: int, column: int, base: Base, largest: int) -> int:
    """Return one number the slow way: very long ones, and a message for what is none."""
    word = words.word(row, column)
    match = (HEX_NUMBER if base == "hex" else NUMBER).fullmatch(word)
    if match is None or len(word) > 1000:
        kind = "a hexadecimal number" if base == "hex" else "a decimal number, or a hexadecimal one after 0x"
        raise BadLineError(words.line[row], f"expected {kind}, found {word[:40]!r}")
    value = int(match[1], 16) if match[1] else int(match[2])
    if value > largest:
        raise BadLineError(words.line[row], f"expected a number from 0 to {largest}, found {word[:40]}")
    return value


def parse_operations(
    words: Words, column: int, reads: tuple[str, ...], writes: tuple[str, ...]
) -> npt.NDArray[np.uint8]:
    """1 where the word is one of `writes`, 0 where it is one of `reads`; see `parse_choices`."""
    return parse_choices(words, column, (reads, writes))


def parse_choices(words: Words, column: int, choices: tuple[tuple[str, ...], ...]) -> npt.NDArray[np.uint8]:
    """Which of some lists of words the word of a column is in (capitals or not; at most 8 letters).

    Raises
    ------
    BadLineError
        At the first word that is in none of them.
    """
    start, end = words.start[:, column], words.end[:, column]
    if len(start) == 0:
        return np.empty(0, np.uint8)
    length = end - start
    key = np.zeros(len(start), np.uint64)
    for k in range(min(8, int(length.max()))):
        letter = UPPER[words.text[np.minimum(start + k, len(words.text) - 1)]]
        key |= np.where(k < length, letter, 0) << np.uint64(8 * k)
    which = np.full(len(start), len(choices), np.uint8)
    for number, names in enumerate(choices):
        for name in names:
            which[key == np.uint64(int.from_bytes(name.encode(), "little"))] = number
    which[length > 8] = len(choices)
    if (which == len(choices)).any():
        row = int(np.argmax(which))
        expected = ", ".join(name for names in choices for name in names)
        raise BadLineError(
            words.line[row], f"unknown operation {words.word(row, column)[:40]!r}; expected one of {expected}"
        )
    return which
