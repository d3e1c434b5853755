"""Repeated reads of the same rows, and what fits need of them: how often each cell flipped while it stored a 0 or a 1.

A file of reads (.npz) holds, for R reads of N rows of B bytes:

    reads    uint8 (R, N, B)   what was read; bit k of a byte is its k-th least significant, as in a DRAM row
    stored   uint8 (S, N, B)   what had been written, S patterns
    pattern  int   (R,)        which pattern each read found (may be missing if S is 1)
    bank, row, channel int (N,) where each row lies (default: bank 0, rows 0 … N-1, channel 0)
    vdd, tRCD_ns, tRAS_ns, tRP_ns, temperature_C   numbers, the operating point, for the record (optional)

Cells that never flipped are counted, not listed: memory follows the number of cells with errors.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.errors import InputError
from edensim.output import atomic_output

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
SETTINGS = ("vdd", "tRCD_ns", "tRAS_ns", "tRP_ns", "temperature_C")
FOLDS = 3
"""Cells are dealt into so many folds, (row + bit) modulo it; fold 0 is held out when models are compared."""
MOST_PATTERNS = 16


@dataclass(frozen=True, eq=False)
class Reads:
    """Repeated reads; see the module docstring for shapes. `setting` holds the operating point."""

    reads: Bytes
    stored: Bytes
    pattern: Ints
    channel: Ints
    bank: Ints
    row: Ints
    setting: dict[str, float] = field(default_factory=dict)
    source: str = "reads"

    def __post_init__(self) -> None:
        count, rows, width = self.reads.shape
        if self.stored.shape[1:] != (rows, width) or not 1 <= len(self.stored) <= MOST_PATTERNS:
            raise InputError(
                f"{self.source}: stored has shape {self.stored.shape}; expected (patterns, {rows}, {width}) as reads "
                f"has {self.reads.shape}, with at most {MOST_PATTERNS} patterns"
            )
        if self.pattern.shape != (count,) or self.pattern.min() < 0 or self.pattern.max() >= len(self.stored):
            raise InputError(
                f"{self.source}: pattern must hold 0 … {len(self.stored) - 1} for each of the {count} reads"
            )
        for name in ("channel", "bank", "row"):
            if getattr(self, name).shape != (rows,) or getattr(self, name).min() < 0:
                raise InputError(f"{self.source}: {name} must hold a number, 0 or more, for each of the {rows} rows")
        if np.bincount(self.pattern).max() < 2:
            raise InputError(
                f"{self.source}: no pattern was read twice ({count} reads of {len(self.stored)} patterns); expected "
                "repeated reads of the same data: one read cannot tell many cells that fail rarely from few that fail "
                "always"
            )


def load_reads(path: str | Path) -> Reads:
    """Read a file of reads.

    Raises
    ------
    InputError
        If it is no such file: missing arrays, wrong shapes or types (objects are never loaded), no repetitions.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{path}: cannot be read as .npz without pickled objects ({error})") from None
    missing = [name for name in ("reads", "stored") if name not in arrays]
    if missing:
        known = ", ".join(arrays) or "nothing"
        raise InputError(f"{path}: holds no {' and no '.join(missing)} (found {known}); expected reads and stored")
    for name in ("reads", "stored"):
        if arrays[name].dtype != np.uint8 or arrays[name].ndim != 3 or not arrays[name].size:
            raise InputError(
                f"{path}: {name} is {arrays[name].dtype} of shape {arrays[name].shape}; "
                "expected uint8 (reads or patterns, rows, bytes of a row), none of them 0"
            )
    count, rows, _ = arrays["reads"].shape
    defaults = {
        "pattern": np.zeros(count, np.int64),
        "channel": np.zeros(rows, np.int64),
        "bank": np.zeros(rows, np.int64),
        "row": np.arange(rows),
    }
    places = {name: _integers(path, name, arrays.get(name, default)) for name, default in defaults.items()}
    if len(arrays["stored"]) > 1 and "pattern" not in arrays:
        raise InputError(f"{path}: {len(arrays['stored'])} patterns, but no array `pattern` says which each read found")
    setting = {name: _number(path, name, arrays[name]) for name in SETTINGS if name in arrays}
    return Reads(arrays["reads"], arrays["stored"], **places, setting=setting, source=str(path))


def save_reads(path: str | Path, reads: Reads, force: bool = False) -> None:
    """Write a file of reads, compressed.

    Raises
    ------
    OutputError
        If the file exists (unless `force`) or cannot be written.
    """
    names = ("reads", "stored", "pattern", "channel", "bank", "row")
    arrays: dict[str, Any] = {name: getattr(reads, name) for name in names}
    arrays |= {name: np.float64(value) for name, value in reads.setting.items()}
    with atomic_output(path, force) as file:
        np.savez_compressed(file, **arrays)


@dataclass(frozen=True, eq=False)
class Counts:
    """Flips of every cell over all reads.

    Attributes
    ----------
    reads : int
        R, reads of every cell.
    rows, bits : int
        Rows, and bits of a row.
    bank, row : int64 arrays (rows,)
        Place of each row; `bank` counts channels, too, if there are several.
    at_row, at_bit : int64 arrays
        Cells that flipped at least once: index of the row, bit.
    k1, k0, n1 : int64 arrays
        Their flips while storing 1 and 0, and how many of the R reads found them storing 1.
    ones : int64 array (categories,)
        Values that n1 takes anywhere, rising.
    cells : int64 array (rows, folds, categories)
        Cells of each row by bit modulo `FOLDS` and n1.
    """

    reads: int
    rows: int
    bits: int
    bank: Ints
    row: Ints
    at_row: Ints
    at_bit: Ints
    k1: Ints
    k0: Ints
    n1: Ints
    ones: Ints
    cells: Ints

    @property
    def fold(self) -> Ints:
        """Fold of every cell that flipped."""
        return (self.at_row + self.at_bit) % FOLDS

    def cells_of(self, folds: tuple[int, ...]) -> Ints:
        """Cells of each row in some folds by n1: (rows, categories)."""
        residue = (np.array(folds)[None, :] - np.arange(self.rows)[:, None]) % FOLDS
        return np.asarray(np.take_along_axis(self.cells, residue[:, :, None], axis=1).sum(1))

    def of_rows(self, kept: Ints) -> Counts:
        """Counts of some rows alone, by index."""
        index = np.full(self.rows, -1)
        index[kept] = np.arange(len(kept))
        mine = index[self.at_row] >= 0
        own = {name: getattr(self, name)[mine] for name in ("at_bit", "k1", "k0", "n1")}
        return Counts(
            self.reads, len(kept), self.bits, self.bank[kept], self.row[kept], index[self.at_row[mine]], **own,
            ones=self.ones, cells=self.cells[kept],
        )  # fmt: skip


def count_flips(reads: Reads) -> Counts:
    """Count the flips of every cell."""
    total, rows, width = reads.reads.shape
    repeats = np.bincount(reads.pattern, minlength=len(reads.stored))
    found = [_flips_of_row(reads, r) for r in range(rows)]
    categories = np.array([int(repeats[_members(code)].sum()) for code in range(1 << len(reads.stored))])
    ones, inverse = np.unique(categories, return_inverse=True)
    cells = np.zeros((rows, FOLDS, len(ones)), np.int64)
    for r in range(rows):
        for fold, codes in _codes(reads, r):
            cells[r, fold] = np.bincount(inverse[codes], minlength=len(ones))
    used = cells.any(axis=(0, 1))
    bits, k1, k0, n1 = (np.concatenate([part[k] for part in found]) for k in range(4))
    at_row = np.repeat(np.arange(rows), [len(part[0]) for part in found])
    bank = reads.channel * (reads.bank.max() + 1) + reads.bank
    return Counts(total, rows, 8 * width, bank, reads.row, at_row, bits, k1, k0, n1, ones[used], cells[:, :, used])


def _flips_of_row(reads: Reads, r: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Bits of a row that ever flipped: their numbers, flips while storing 1 and 0, reads that found a 1."""
    stored = reads.stored[reads.pattern, r]
    wrong = reads.reads[:, r] ^ stored
    touched = np.flatnonzero(wrong.any(axis=0))
    flips = np.unpackbits(wrong[:, touched], axis=1, bitorder="little").astype(bool)
    ones = np.unpackbits(stored[:, touched], axis=1, bitorder="little").astype(bool)
    kept = np.flatnonzero(flips.any(axis=0))
    flips, ones = flips[:, kept], ones[:, kept]
    bits = (touched[:, None] * 8 + np.arange(8)).ravel()[kept]
    return bits, (flips & ones).sum(0), (flips & ~ones).sum(0), ones.sum(0)


def _codes(reads: Reads, r: int) -> Iterator[tuple[int, Ints]]:
    """For each fold of bits, which patterns store a 1 in them, as bits of a number."""
    ones = np.unpackbits(reads.stored[:, r], axis=1, bitorder="little").astype(np.int64)
    codes = (ones << np.arange(len(ones))[:, None]).sum(0)
    for fold in range(FOLDS):
        yield fold, codes[fold::FOLDS]


def _members(code: int) -> list[int]:
    return [k for k in range(MOST_PATTERNS) if code >> k & 1]


def _integers(path: str | Path, name: str, value: NDArray[Any]) -> Ints:
    if not np.issubdtype(value.dtype, np.integer) or value.ndim != 1:
        raise InputError(
            f"{path}: {name} is {value.dtype} of shape {value.shape}; expected whole numbers, one per row or read"
        )
    return value.astype(np.int64)


def _number(path: str | Path, name: str, value: NDArray[Any]) -> float:
    if not np.issubdtype(value.dtype, np.number) or value.size != 1 or not np.isfinite(value).all():
        raise InputError(f"{path}: {name} must be one finite number")
    return float(value.reshape(()))
