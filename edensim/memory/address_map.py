"""The address map: line number <-> (channel, bank, row, column), as a table of bit runs and its exact inverse.

A *line* is one burst: line = byte address // burst_bytes. A bank index counts through a channel as `Organisation`
says; a column counts bursts in a row.

The order of the fields is a string of tokens from the highest to the lowest address bits, for example
"RoBaRaCoCh": `Ro` row, `Ba` bank, `Bg` bank group, `Ra` rank, `Co` column, `Ch` channel; `Pc` pseudo-channel and `Si`
stack ID of HBM. `Ba` without `Bg` stands for bank above bank group, `Ra` without `Si` and `Pc` for stack ID above rank
above pseudo-channel. `CoH` and `CoL2` together split the column into its upper bits and its lowest 2 (or 1 … 9).
Two names of ramulator 2 have the meaning they have there: "ChRaBaRoCo" (bank *below* bank group) and "MOP4CLXOR".

Not modelled: maps that hash row bits into banks (other than MOP4CLXOR) or that differ between channels.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.errors import ConfigError
from edensim.memory.geometry import Geometry, is_power_of_two

Ints = NDArray[np.int64]
Coordinates = tuple[Ints, Ints, Ints, Ints]

CHANNEL, BANK, ROW, COLUMN = range(4)
MOP4CLXOR = "MOP4CLXOR"
PARITY_NAMES = {"ChRaBaRoCo": "ChPcRaSiBgBaRoCo", MOP4CLXOR: "RoCoHBaBgSiRaPcCoL2Ch"}
BANK_TOKENS = {"PseudoChannel": "Pc", "Rank": "Ra", "Sid": "Si", "BankGroup": "Bg", "Bank": "Ba"}
TOKEN = re.compile(r"Ro|Ba|Bg|Si|Ra|Pc|CoH|CoL[1-9]|Co|Ch")


class Move(NamedTuple):
    """One run of bits: `out[target] ^= ((line >> source_shift) & mask) << target_shift`."""

    target: int
    source_shift: int
    mask: int
    target_shift: int


class Run(NamedTuple):
    """Where the bits of one field stand: in which coordinate, from which bit on, how many."""

    target: int
    target_shift: int
    bits: int


class AddressMap:
    """Bijection between the lines of a memory and their places.

    Parameters
    ----------
    geometry : Geometry
        Size of the memory.
    order : str
        Order of the fields, high to low, or a parity name; see the module docstring.

    Raises
    ------
    ConfigError
        If tokens are unknown, missing or given twice, or if a number of channels that is no power of two is not lowest.
    """

    def __init__(self, geometry: Geometry, order: str) -> None:
        self.geometry = geometry
        self.order = order
        tokens = parse_order(PARITY_NAMES.get(order, order), order)
        fields = _fields(geometry, tokens)
        odd = not is_power_of_two(geometry.channels)
        if odd and tokens[-1] != "Ch":
            raise ConfigError(
                f"dram.address_map = {order!r}: {geometry.channels} channels are no power of two, "
                "so Ch must be the last (lowest) field"
            )
        self.modulus = geometry.channels if odd else 1
        self._moves = _stack([fields[token] for token in reversed(tokens)])
        self._hashes = _column_hashes(geometry, self._moves) if order == MOP4CLXOR else []

    def decode(self, line: ArrayLike) -> Coordinates:
        """Places of lines.

        Parameters
        ----------
        line : array_like of int
            Line numbers, any shape, 0 … 2^63 - 1. Numbers beyond the capacity wrap around.

        Returns
        -------
        channel, bank, row, column : int64 arrays of the same shape
            bank: index within the channel; column: burst within the row.
        """
        number = np.asarray(line).astype(np.int64)
        out = [np.zeros_like(number) for _ in range(4)]
        out[CHANNEL] += number % self.modulus
        _apply([*self._moves, *self._hashes], number // self.modulus, out)
        return out[CHANNEL], out[BANK], out[ROW], out[COLUMN]

    def encode(self, channel: ArrayLike, bank: ArrayLike, row: ArrayLike, column: ArrayLike) -> Ints:
        """Line numbers of places; the exact inverse of `decode` for places inside the geometry."""
        places = np.broadcast_arrays(*(np.asarray(x).astype(np.int64) for x in (channel, bank, row, column)))
        out = [x.copy() for x in places]
        # What MOP4CLXOR mixes into rank, bank and row depends on the column alone, so it can be undone first.
        _apply(self._hashes, _gather([m for m in self._moves if m.target == COLUMN], out), out)
        line = _gather(self._moves, out)
        return line * self.modulus + out[CHANNEL] if self.modulus > 1 else line

    def kernel_table(self) -> tuple[int, Ints]:
        """Channel modulus (1: none) and int64 array (n, 4) of `Move`s for `decode_line` and `decode_lines`.

        channel = line % modulus and line //= modulus come first if the modulus is above 1.
        """
        return self.modulus, np.array([*self._moves, *self._hashes], np.int64).reshape(-1, 4)


def parse_order(order: str, name: str = "") -> list[str]:
    """Split an order of address fields into tokens, high to low, and check that each field is there once.

    Raises
    ------
    ConfigError
        Naming what is unknown, missing or doubled; `name` is the spelling shown in the message.
    """
    where = f"dram.address_map = {name or order!r}"
    tokens = TOKEN.findall(order)
    if "".join(tokens) != order or not tokens:
        raise ConfigError(
            f"{where}: unknown text {TOKEN.sub(' ', order).strip()!r}; expected Ro, Ba, Bg, Ra, Co (or CoH and CoL2) "
            "and Ch, for HBM also Pc and Si, in any order from high to low address bits, e.g. RoBaRaCoCh, or MOP4CLXOR"
        )
    for token, neighbour, step in (("Bg", "Ba", 1), ("Si", "Ra", 0), ("Pc", "Ra", 1)):
        if token not in tokens and neighbour in tokens:
            tokens.insert(tokens.index(neighbour) + step, token)
    found = Counter(token[:3] for token in tokens)
    column = ["CoH", "CoL"] if found["CoH"] or found["CoL"] else ["Co"]
    expected = ["Ro", "Ba", "Bg", "Si", "Ra", "Pc", *column, "Ch"]
    missing = [token for token in expected if not found[token] and token not in ("Si", "Pc")]
    doubled = [token for token, count in found.items() if count > 1 or token not in expected]
    if missing or doubled:
        found_wrong = {"missing": missing, "given more than once": doubled}
        parts = [f"{what} {', '.join(wrong)}" for what, wrong in found_wrong.items() if wrong]
        raise ConfigError(f"{where}: {'; '.join(parts)}")
    return tokens


def _fields(geometry: Geometry, tokens: list[str]) -> dict[str, Run]:
    """Where every field stands in channel, bank, row and column."""
    columns = _bits(geometry.columns)
    fields = {
        "Ch": Run(CHANNEL, 0, _bits(geometry.channels) if is_power_of_two(geometry.channels) else 0),
        **_bank_fields(geometry),
        "Ro": Run(ROW, 0, _bits(geometry.rows)),
        "Co": Run(COLUMN, 0, columns),
    }
    for low in (token for token in tokens if token.startswith("CoL")):
        split = min(int(low[3:]), columns)
        fields |= {low: Run(COLUMN, 0, split), "CoH": Run(COLUMN, split, columns - split)}
    return fields


def _bank_fields(geometry: Geometry) -> dict[str, Run]:
    """The fields that make up the bank index, outermost first."""
    spans, sizes = geometry.spans, geometry.fan_out
    return {token: Run(BANK, _bits(spans[level]), _bits(sizes[level])) for level, token in BANK_TOKENS.items()}


def _stack(runs: list[Run]) -> list[Move]:
    """Lay runs one above the other from address bit 0 up."""
    bits = [(run.target, run.target_shift + k) for run in runs for k in range(run.bits)]
    return _join([Move(target, at, 1, to) for at, (target, to) in enumerate(bits)])


def _join(moves: list[Move]) -> list[Move]:
    """Merge moves that continue each other at both ends."""
    joined: list[Move] = []
    for move in moves:
        if joined:
            last = joined[-1]
            bits = last.mask.bit_length()
            if move == Move(last.target, last.source_shift + bits, 1, last.target_shift + bits):
                joined[-1] = last._replace(mask=2 * last.mask + 1)
                continue
        joined.append(move)
    return joined


def _column_hashes(geometry: Geometry, moves: list[Move]) -> list[Move]:
    """MOP4CLXOR: rank, bank group, bank and row take, in this order, the next bits of the column into an XOR.

    Of HBM pseudo-channel and stack ID come before and after the rank.
    """
    source: dict[int, int] = {}  # column bit -> line bit
    for move in moves:
        if move.target == COLUMN:
            source |= {move.target_shift + k: move.source_shift + k for k in range(move.mask.bit_length())}
    fields = [*_bank_fields(geometry).values(), Run(ROW, 0, _bits(geometry.rows))]
    targets = [(run.target, run.target_shift + k) for run in fields for k in range(run.bits)]
    pairs = zip(targets, sorted(source), strict=False)  # the column ends first
    return _join([Move(target, source[bit], 1, to) for (target, to), bit in pairs])


def _apply(moves: list[Move], line: Ints, out: list[Ints]) -> None:
    for target, source_shift, mask, target_shift in moves:
        out[target] ^= ((line >> source_shift) & mask) << target_shift


def _gather(moves: list[Move], places: list[Ints]) -> Ints:
    """Line numbers (after removal of an odd channel count) whose moved bits are those of the places."""
    line = np.zeros_like(places[CHANNEL])
    for target, source_shift, mask, target_shift in moves:
        line |= ((places[target] >> target_shift) & mask) << source_shift
    return line


def _bits(size: int) -> int:
    return size.bit_length() - 1
