"""XOR hashing of an address map: bits of the channel, rank or bank mixed with other bits of the address.

A hash is a text of terms, "none", or names of terms, separated by spaces. In a term `BaBg^Ro` the bits of the fields
on the left are XORed with those of the fields on the right; both are written from high to low like an address map, and
a number after a field takes its lowest bits only (`Ro4`). If the right has more bits than the left, they are folded:
with n bits on the left, its bit k takes the bits k, k + n, k + 2n … of the right. All right sides mean the bits as
`address_map` places them, before any hash. `BaBg^Ro4` on 16 banks is the permutation-based page interleaving of Zhang,
Zhu and Zhang (MICRO-33, 2000).

Only bits of the channel, rank and bank change, so the lines of a row stay in one row, and a row keeps its number. A
hash is a linear map over XOR; whether it can be inverted is decided by elimination, whatever its terms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from edensim.errors import did_you_mean

Bit = tuple[int, int]
"""Coordinate (channel, bank, row or column) and number of a bit in it."""
Pair = tuple[Bit, int]
"""`place bit ^= line bit`."""

NONE = "none"
NAMED = {"bank": "BaBg^Ro", "channel": "Ch^RoBaBgRaCo"}
"""Rows next to each other in other banks; equal strides of any power of two in all channels."""
TARGETS = ("Ch", "Pc", "Ra", "Si", "Ba", "Bg")
FIELD = r"[A-Z][a-z]"
TERM = re.compile(rf"((?:{FIELD}\d*)+)\^((?:{FIELD}\d*)+)")
PART = re.compile(rf"({FIELD})(\d*)")


class HashError(ValueError):
    """What is wrong with a hash; the caller knows the key it came from."""


class CollisionError(ValueError):
    """A map that is no bijection: line 0 and line `args[0]` have the same place."""


def uses(field: str, text: str) -> bool:
    """Whether a hash names a field."""
    return any(field in (name for name, _ in PART.findall(NAMED.get(word, word))) for word in text.split())


def hash_pairs(text: str, fields: Mapping[str, Sequence[Bit]], line_bit: Mapping[Bit, int]) -> list[Pair]:
    """What a hash mixes into which bit.

    Parameters
    ----------
    text : str
        As in the module docstring.
    fields : dict of str to sequence of Bit
        Bits of every field, lowest first.
    line_bit : dict of Bit to int
        Which bit of the line number `address_map` places there.

    Raises
    ------
    HashError
        A term that cannot be read, names an unknown field, or changes rows or columns.
    """
    words = [] if text == NONE else text.split()
    if text != NONE and not words:
        raise HashError(_expected("no term"))
    pairs: list[Pair] = []
    for word in words:
        term = TERM.fullmatch(NAMED.get(word, word))
        if term is None:
            raise HashError(_expected(f"{word!r} is no term{did_you_mean(word, [NONE, *NAMED])}"))
        left, right = (_bits(word, side, fields) for side in term.groups())
        wrong = [name for name, _ in PART.findall(term.group(1)) if name not in TARGETS]
        if wrong:
            raise HashError(
                f"{word!r} changes {' and '.join(wrong)}, but a hash may change the channel, rank and bank only "
                f"({', '.join(x for x in TARGETS if x in fields)} on the left of ^), so that a row stays whole"
            )
        pairs += [(left[k % len(left)], line_bit[bit]) for k, bit in enumerate(right) if left]
    return pairs


def inverse(pairs: Iterable[Pair], bits: Sequence[Bit]) -> list[Pair]:
    """The inverse of a linear map from line bits 0 … n - 1 to n place bits, as pairs of place bit and line bit.

    Raises
    ------
    CollisionError
        The map is no bijection.
    """
    index = {bit: k for k, bit in enumerate(bits)}
    columns = [0] * len(bits)
    for bit, source in pairs:
        columns[source] ^= 1 << index[bit]
    basis: dict[int, tuple[int, int]] = {}  # highest place bit -> what line bits together set, and which those are
    for source, column in enumerate(columns):
        value, lines = _reduced(column, 1 << source, basis)
        if not value:
            raise CollisionError(lines)
        basis[value.bit_length() - 1] = (value, lines)
    solved = [_reduced(1 << k, 0, basis)[1] for k in range(len(bits))]
    return [(bits[k], line) for k, lines in enumerate(solved) for line in range(len(bits)) if lines >> line & 1]


def _reduced(value: int, lines: int, basis: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
    """Remove from `value` every highest bit that the basis has."""
    while value and (entry := basis.get(value.bit_length() - 1)):
        value, lines = value ^ entry[0], lines ^ entry[1]
    return value, lines


def _bits(term: str, side: str, fields: Mapping[str, Sequence[Bit]]) -> list[Bit]:
    """Bits of one side of a term, lowest first."""
    found: list[Bit] = []
    for name, count in reversed(PART.findall(side)):
        if name not in fields:
            known = f"fields are {', '.join(fields)}"
            raise HashError(f"{term!r} names {name!r}{did_you_mean(name, fields, known)}")
        found += fields[name][: int(count) if count else None]
    return found


def _expected(found: str) -> str:
    named = ", ".join(f"{name} ({term})" for name, term in NAMED.items())
    return f"{found}; expected {NONE}, or {named}, or terms like BaBg^Ro or Ch^RoCo separated by spaces"
