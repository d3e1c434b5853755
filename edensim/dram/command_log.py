"""Command logs: what was on the command bus of every channel, with all that is needed to check it again.

The file is an `.npz` readable by numpy.load: `header.json` (standard, clock period, timings in clocks, those of single
banks where they differ, geometry) and per channel k the arrays `clock_k` int64, `command_k` uint8, `bank_k` int16,
`row_k` int32, `column_k` int32. Never pickle. Not here: text formats of other simulators, streaming (a log is held in
memory, 40 bytes per command).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.dram.commands import COMMANDS
from edensim.dram.standard import Standard, evaluate, load_standard, standard_names
from edensim.dram.table import Edge
from edensim.dram.trace_npz import Archive
from edensim.errors import InputError
from edensim.memory import Organisation
from edensim.output import atomic_output

Int = npt.NDArray[np.int64]
FORMAT, VERSION, HEADER = "edensim command log", 1, "header.json"
WHAT = "a command log (.npz) as edensim writes it"
COLUMNS = {"clock": np.int64, "command": np.uint8, "bank": np.int16, "row": np.int32, "column": np.int32}
DATE = (1980, 1, 1, 0, 0, 0)  # of every member, so that equal logs are equal files
MAX_CHANNELS, MAX_BANKS = 64, 4096
PER_BANK = ("nRCD", "nRAS", "nRP", "nRC")


@dataclass(frozen=True)
class CommandLog:
    """Commands of all channels and the rules they are held to.

    Attributes
    ----------
    commands : tuple of int64 arrays, shape (n, 5)
        Per channel: clock, command code, bank (rank for PREab, REFab), row (ACT only, else -1), column (RD, WR, RDA,
        WRA only, else -1).
    standard : str
        Name of the family ("DDR4").
    period_ps : Fraction
        Clock period.
    timing_ck : mapping of str to int
        All n-names, in clocks.
    geometry : Organisation
    bank_ck : mapping of str to int64 arrays, shape (channels, banks)
        nRCD, nRAS, nRP, nRC where banks differ from `timing_ck`; empty = nowhere.
    """

    commands: tuple[Int, ...]
    standard: str
    period_ps: Fraction
    timing_ck: Mapping[str, int]
    geometry: Organisation
    bank_ck: Mapping[str, Int] = field(default_factory=dict)

    def edges(self, channel: int) -> list[Edge]:
        """The constraint table that channel ran under."""
        mine = {name: cycles[channel] for name, cycles in self.bank_ck.items()}
        return resolve_edges(load_standard(self.standard), self.timing_ck, mine, self.geometry.banks)

    def save(self, path: str | Path, force: bool = False) -> None:
        """Write the log; the file appears under its name only when it is complete.

        Raises
        ------
        OutputError
            The file exists (and not `force`), or cannot be written.
        """
        with atomic_output(path, force) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            header = json.dumps(self._header(), indent=1)
            archive.writestr(zipfile.ZipInfo(HEADER, DATE), header, zipfile.ZIP_DEFLATED)
            for k, log in enumerate(self.commands):
                for column, (name, dtype) in enumerate(COLUMNS.items()):
                    member = zipfile.ZipInfo(f"{name}_{k}.npy", DATE)
                    member.compress_type = zipfile.ZIP_DEFLATED
                    with archive.open(member, "w", force_zip64=True) as stream:
                        np.lib.format.write_array(stream, log[:, column].astype(dtype), allow_pickle=False)

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "standard": self.standard,
            "clock_ps": [self.period_ps.numerator, self.period_ps.denominator],
            "timing_ck": dict(self.timing_ck),
            "bank_ck": {name: np.asarray(cycles).tolist() for name, cycles in self.bank_ck.items()},
            "geometry": asdict(self.geometry),
            "command_codes": COMMANDS,
            "columns": "clock_k: clocks; bank_k: bank of channel k (rank for PREab, REFab); column_k: burst in the row",
        }


def load_command_log(path: str | Path) -> CommandLog:
    """Read a command log.

    Raises
    ------
    InputError
        The file is missing, damaged, no command log, or contradicts itself.
    """
    path = Path(path)
    with Archive(path, WHAT) as archive:
        archive.refuse_bomb()
        if HEADER not in archive.texts:
            raise InputError(f"{path}: has no member {HEADER}; expected {WHAT}")
        header = read_header(archive.text(HEADER), path)
        commands = tuple(read_channel(archive, k) for k in range(header["geometry"].channels))
    return CommandLog(commands, **header)


def read_header(text: str, path: Path) -> dict[str, Any]:
    """Parse and check the header of a log; returns the arguments of `CommandLog` except the commands."""
    try:
        header = json.loads(text)
        if header["format"] != FORMAT or header["version"] != VERSION:
            found = f"{header['format']!r} version {header['version']!r}"
            raise InputError(f"{path}: is {found}; expected {FORMAT!r} version {VERSION}")
        geometry = Organisation(**{name: whole(size, 1) for name, size in header["geometry"].items()})
        numerator, denominator = header["clock_ps"]
        bank_ck = {name: np.array(header["bank_ck"][name], np.int64) for name in header["bank_ck"]}
        out = {
            "standard": str(header["standard"]),
            "period_ps": Fraction(whole(numerator, 1), whole(denominator, 1)),
            "timing_ck": {str(name): whole(clocks, 0) for name, clocks in header["timing_ck"].items()},
            "geometry": geometry,
            "bank_ck": bank_ck,
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise InputError(f"{path}: its {HEADER} is malformed ({reason}); expected {WHAT}") from None
    check_header(out, path)
    return out


def check_header(header: dict[str, Any], path: Path) -> None:
    """Hold the header against the standard it names and against itself."""
    where, geometry = f"{path}: its {HEADER}", header["geometry"]
    if header["standard"] not in standard_names():
        raise InputError(f"{where} names the standard {header['standard']!r}; known are {', '.join(standard_names())}")
    if geometry.banks > MAX_BANKS or geometry.channels > MAX_CHANNELS:
        raise InputError(
            f"{where} has {geometry.channels} channels of {geometry.banks} banks; "
            f"at most {MAX_CHANNELS} of {MAX_BANKS} are read"
        )
    missing = set(load_standard(header["standard"]).names) - header["timing_ck"].keys()
    if missing:
        raise InputError(f"{where} lacks the timings {', '.join(sorted(missing))} (in clocks)")
    for name, cycles in header["bank_ck"].items():
        if name not in PER_BANK or cycles.shape != (geometry.channels, geometry.banks) or cycles.min() < 0:
            raise InputError(
                f"{where} has bank_ck.{name} of shape {cycles.shape}; expected one of {', '.join(PER_BANK)} with "
                f"clocks >= 0 for {geometry.channels} channels x {geometry.banks} banks"
            )


def whole(value: Any, low: int) -> int:
    """A whole number of at least `low` and less than 2^40 from a JSON header."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value < 1 << 40:
        raise ValueError(f"{value!r} is not a whole number from {low} to 2^40")
    return value


def read_channel(archive: Archive, channel: int) -> Int:
    """The commands of one channel: int64 [n, 5]."""
    counts = set()
    for name, dtype in COLUMNS.items():
        member = archive.members.get(f"{name}_{channel}")
        if member is None or member.dtype != dtype:
            found = "nothing" if member is None else str(member.dtype)
            raise InputError(f"{archive.path}: array {name}_{channel}: expected {np.dtype(dtype)}, found {found}")
        counts.add(member.count)
    if len(counts) > 1:
        raise InputError(f"{archive.path}: the arrays of channel {channel} have different lengths ({sorted(counts)})")
    count = counts.pop()
    return np.stack([archive.column(f"{name}_{channel}").read(count).astype(np.int64) for name in COLUMNS], axis=1)


def resolve_edges(
    standard: Standard, timing_ck: Mapping[str, int], bank_ck: Mapping[str, Int], banks: int
) -> list[Edge]:
    """Work out the constraint table of one channel.

    Parameters
    ----------
    standard : Standard
    timing_ck : mapping of str to int
        All n-names of the standard, in clocks.
    bank_ck : mapping of str to int64 array, shape (banks,)
        Timings of single banks; they replace those of `timing_ck`.
    banks : int
        Banks of the channel.
    """
    names = dict(timing_ck) | dict(bank_ck)
    return [
        Edge(
            row.name,
            row.scope,
            codes(row.preceding),
            codes(row.following),
            np.broadcast_to(np.asarray(evaluate(row.latency, names), np.int64), (banks,)),
            row.window,
            row.sibling,
        )
        for row in standard.constraints
    ]


def codes(names: Sequence[str]) -> tuple[int, ...]:
    """Command codes of names."""
    return tuple(COMMANDS[name] for name in names)
