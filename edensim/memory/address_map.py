"""The address map: line number <-> (channel, bank, row, column), as a table of bit runs and its exact inverse.

A *line* is one burst: line = byte address // burst_bytes. A bank index counts through a channel as `Organisation`
says; a column counts bursts in a row.

The order of the fields is a string of tokens from the highest to the lowest address bits, for example
"RoBaRaCoCh": `Ro` row, `Ba` bank, `Bg` bank group, `Ra` rank, `Co` column, `Ch` channel; `Pc` pseudo-channel and `Si`
stack ID of HBM. `Ba` without `Bg` stands for bank above bank group, `Ra` without `Si` and `Pc` for stack ID above rank
above pseudo-channel. `CoH` and `CoL2` together split the column into its upper bits and its lowest 2 (or 1 … 9).
Two names of ramulator 2 have the meaning they have there: "ChRaBaRoCo" (bank *below* bank group) and "MOP4CLXOR".

Channels may be interleaved by more than a burst (a size that overrides where `Ch` stands), and bits of the channel,
rank and bank may be hashed with others, see `address_hash`.

Not modelled: maps that differ between channels, hashes of a number of channels that is no power of two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.config.schema import Dram
from edensim.errors import ConfigError, Problem
from edensim.memory.address_hash import NONE, CollisionError, HashError, Pair, hash_pairs, inverse, uses
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
    address_hash : str
        What is mixed into channel, rank and bank, see `address_hash`.
    channel_interleave_bytes : int, optional
        Bytes of neighbouring addresses in one channel, a power of two, at least a burst (default: as `order` says).

    Raises
    ------
    ConfigError
        If tokens are unknown, missing or given twice, if a number of channels that is no power of two is not lowest or
        to be hashed, or if the hash makes the map no bijection.
    """

    def __init__(
        self, geometry: Geometry, order: str, address_hash: str = NONE, channel_interleave_bytes: int | None = None
    ) -> None:
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
        runs = [fields[token] for token in reversed(tokens)]
        if channel_interleave_bytes is not None:
            runs = _interleaved(geometry, runs, channel_interleave_bytes)
        self._moves = self._inverse = plain = _stack(runs)
        mixed = _pairs(_column_hashes(geometry, plain)) if order == MOP4CLXOR else []
        try:
            mixed += _hash_pairs(geometry, fields, plain, address_hash)
            if mixed:
                self._moves, self._inverse = _with_inverse(plain, mixed)
        except HashError as error:
            text = f"dram.address_hash = {address_hash!r}: {error}"
            raise ConfigError(Problem(text, "dram.address_hash", "dram.channels")) from None
        except CollisionError as error:
            raise ConfigError(self._no_bijection(order, address_hash, *error.args)) from None

    def _no_bijection(self, order: str, address_hash: str, line: int) -> str:
        """Message about two lines that have one place, line 0 being the other."""
        return (
            f"dram.address_map = {order!r} with dram.address_hash = {address_hash!r} is no bijection: addresses 0x0 "
            f"and {line * self.modulus * self.geometry.burst_bytes:#x} are both channel 0, bank 0, row 0, column 0"
        )

    @classmethod
    def from_config(cls, geometry: Geometry, dram: Dram) -> AddressMap:
        """The map of a `[dram]` table."""
        return cls(geometry, dram.address_map, dram.address_hash, dram.channel_interleave_bytes)

    def equals(self, other: AddressMap) -> bool:
        """Whether every line has the same place in both."""
        if self is other:
            return True
        (mine, moves), (its, others) = self.kernel_table(), other.kernel_table()
        return self.geometry == other.geometry and mine == its and np.array_equal(moves, others)

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
        _apply(self._moves, number // self.modulus, out)
        return out[CHANNEL], out[BANK], out[ROW], out[COLUMN]

    def encode(self, channel: ArrayLike, bank: ArrayLike, row: ArrayLike, column: ArrayLike) -> Ints:
        """Line numbers of places; the exact inverse of `decode` for places inside the geometry."""
        places = np.broadcast_arrays(*(np.asarray(x).astype(np.int64) for x in (channel, bank, row, column)))
        line = _gather(self._inverse, places)
        return line * self.modulus + places[CHANNEL] if self.modulus > 1 else line

    def kernel_table(self) -> tuple[int, Ints]:
        """Channel modulus (1: none) and int64 array (n, 4) of `Move`s for `decode_line` and `decode_lines`.

        channel = line % modulus and line //= modulus come first if the modulus is above 1.
        """
        return self.modulus, np.array(self._moves, np.int64).reshape(-1, 4)


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


def _interleaved(geometry: Geometry, runs: list[Run], size: int) -> list[Run]:
    """Bits of runs, one by one, with those of the channel moved above the addresses of one piece of `size` bytes."""
    burst, most = geometry.burst_bytes, geometry.capacity_bytes // geometry.channels
    where = f"dram.channel_interleave_bytes = {size}"
    if not is_power_of_two(geometry.channels):
        raise ConfigError(
            f"{where}: {geometry.channels} channels are no power of two and can only be interleaved burst by burst; "
            "leave the key out"
        )
    if not is_power_of_two(size) or not burst <= size <= most:
        raise ConfigError(
            f"{where}: expected a power of two from {burst} (a burst of dram.burst_length x dram.channel_width_bits) "
            f"to {most} byte (a channel)"
        )
    bits = [Run(run.target, run.target_shift + k, 1) for run in runs for k in range(run.bits)]
    others = [bit for bit in bits if bit.target != CHANNEL]
    below = _bits(size // burst)
    return [*others[:below], *(bit for bit in bits if bit.target == CHANNEL), *others[below:]]


def _hash_pairs(geometry: Geometry, fields: Mapping[str, Run], plain: list[Move], address_hash: str) -> list[Pair]:
    """What the hash mixes into channel, rank and bank."""
    if not is_power_of_two(geometry.channels) and uses("Ch", address_hash):
        raise HashError(
            f"{geometry.channels} channels are no power of two, so hashing them is no bijection: an XOR would leave "
            f"0 … {geometry.channels - 1}"
        )
    whole = {name: run for name, run in fields.items() if name[:3] not in ("CoH", "CoL")}
    bits = {name: [(run.target, run.target_shift + k) for k in range(run.bits)] for name, run in whole.items()}
    return hash_pairs(address_hash, bits, dict(_pairs(plain)))


def _pairs(moves: list[Move]) -> list[Pair]:
    """Moves bit by bit."""
    return [
        ((target, target_shift + k), source_shift + k)
        for target, source_shift, mask, target_shift in moves
        for k in range(mask.bit_length())
    ]


def _with_inverse(plain: list[Move], mixed: list[Pair]) -> tuple[list[Move], list[Move]]:
    """Moves of a map that also mixes, and of its inverse."""
    back = inverse([*_pairs(plain), *mixed], [bit for bit, _ in _pairs(plain)])
    return [*plain, *_diagonals(mixed)], _diagonals(back)


def _diagonals(pairs: list[Pair]) -> list[Move]:
    """Moves of as many bits at once as can be, for single bits in any order."""
    alike = sorted(pairs, key=lambda pair: (pair[0][0], pair[0][1] - pair[1], pair[1]))
    return _join([Move(target, line, 1, to) for (target, to), line in alike])


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


def _gather(moves: list[Move], places: Sequence[Ints]) -> Ints:
    """Line numbers (after removal of an odd channel count) of places, by the moves of the inverse."""
    line = np.zeros_like(places[CHANNEL])
    for target, source_shift, mask, target_shift in moves:
        line ^= ((places[target] >> target_shift) & mask) << source_shift
    return line


def _bits(size: int) -> int:
    return size.bit_length() - 1
