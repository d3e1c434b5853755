"""Command logs: what was on the command bus of every channel, with all that is needed to check it again.

The file is an `.npz` readable by numpy.load: `header.json` (standard, clock period, timings in clocks, those of single
banks or subarrays where they differ, switches of them, geometry, refresh interval) and per channel k the arrays
`clock_k` int64, `command_k` uint8, `bank_k` int16, `row_k` int32, `column_k` int32. Never pickle. Here a log is held in
memory, 40 bytes per command; it is written in a stream by `command_log_write`, read in one by `command_log_blocks`, and
as text of other simulators by `command_write`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.archive import Archive
from edensim.dram.command_log_write import COLUMNS, HEADER, log_output
from edensim.dram.commands import COMMANDS
from edensim.dram.refresh_rule import RefreshLimit
from edensim.dram.standard import Standard, evaluate, load_standard, standard_names
from edensim.dram.table import Edge
from edensim.errors import InputError
from edensim.memory import Organisation

Int = npt.NDArray[np.int64]
FORMAT, VERSION = "edensim command log", 3
WHAT = "a command log (.npz) as edensim writes it"
MAX_CHANNELS, MAX_BANKS = 64, 4096
PER_BANK = ("nRCD", "nRAS", "nRP", "nRC")
LOG_END = (1 << 40) - 1
"""Every clock of a log lies before it."""


@dataclass(frozen=True)
class LogSwitch:
    """A switch of the operating point in a log; `LOG_END` where a channel did not come to it.

    Attributes
    ----------
    quiet, since : int64 arrays, shape (channels,)
        First clock without commands; first clock, the same or later, from which the new timings hold.
    bank_ck : mapping of str to int64 arrays
        Timings that hold then, as in `CommandLog`; all four of them.
    """

    quiet: Int
    since: Int
    bank_ck: Mapping[str, Int]


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
    bank_ck : mapping of str to int64 arrays, shape (channels, banks) or (channels, banks, subarrays)
        nRCD, nRAS, nRP, nRC where banks or subarrays differ from `timing_ck`; empty = nowhere.
    refresh : RefreshLimit
        How often the run refreshed every rank; the default is never.
    subarray_rows : int
        Rows of a subarray, where timings differ by subarray.
    switches : tuple of LogSwitch
        Changes of `bank_ck`, in order of time.
    """

    commands: tuple[Int, ...]
    standard: str
    period_ps: Fraction
    timing_ck: Mapping[str, int]
    geometry: Organisation
    bank_ck: Mapping[str, Int] = field(default_factory=dict)
    refresh: RefreshLimit = RefreshLimit(0)
    subarray_rows: int = 0
    switches: tuple[LogSwitch, ...] = ()

    def edges(self, channel: int, switch: int = 0) -> list[Edge]:
        """The constraint table that channel ran under after so many switches."""
        of_banks = self.switches[switch - 1].bank_ck if switch else self.bank_ck
        mine = {name: cycles[channel] for name, cycles in of_banks.items()}
        return resolve_edges(load_standard(self.standard), self.timing_ck, mine, self.geometry.banks)

    def save(self, path: str | Path, force: bool = False) -> None:
        """Write the log; the file appears under its name only when it is complete.

        Raises
        ------
        OutputError
            The file exists (and not `force`), or cannot be written.
        """
        with log_output(path, self.header, len(self.commands), force) as keep:
            for channel, commands in enumerate(self.commands):
                keep(channel, commands)

    def header(self) -> str:
        """What the file says about the commands, as JSON."""
        data = {
            "format": FORMAT,
            "version": VERSION,
            "standard": self.standard,
            "clock_ps": [self.period_ps.numerator, self.period_ps.denominator],
            "timing_ck": dict(self.timing_ck),
            "bank_ck": _listed(self.bank_ck),
            "geometry": asdict(self.geometry),
            "refresh": vars(self.refresh),
            "subarray_rows": self.subarray_rows,
            "switches": [
                {"quiet": x.quiet.tolist(), "since": x.since.tolist(), "bank_ck": _listed(x.bank_ck)}
                for x in self.switches
            ],
            "command_codes": COMMANDS,
            "columns": "clock_k: clocks; bank_k: bank of channel k (rank for PREab, REFab); column_k: burst in the row",
        }
        return json.dumps(data, indent=1)


def _listed(bank_ck: Mapping[str, Int]) -> dict[str, Any]:
    return {name: np.asarray(cycles).tolist() for name, cycles in bank_ck.items()}


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
        bank_ck = _arrays(header["bank_ck"])
        switches = tuple(
            LogSwitch(np.array(x["quiet"], np.int64), np.array(x["since"], np.int64), _arrays(x["bank_ck"]))
            for x in header["switches"]
        )
        out = {
            "standard": str(header["standard"]),
            "period_ps": Fraction(whole(numerator, 1), whole(denominator, 1)),
            "timing_ck": {str(name): whole(clocks, 0) for name, clocks in header["timing_ck"].items()},
            "geometry": geometry,
            "bank_ck": bank_ck,
            "refresh": RefreshLimit(**{n: whole(header["refresh"][n], 0) for n in RefreshLimit.__annotations__}),
            "subarray_rows": whole(header["subarray_rows"], 0),
            "switches": switches,
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
    standard = load_standard(header["standard"])
    missing = set(standard.names) - set(standard.optional_names) - header["timing_ck"].keys()
    if missing:
        raise InputError(f"{where} lacks the timings {', '.join(sorted(missing))} (in clocks)")
    rows = header["subarray_rows"]
    per_bank = (geometry.channels, geometry.banks, *([-(-geometry.rows // rows)] if rows else []))
    clocks = [header["bank_ck"].items(), *(switch.bank_ck.items() for switch in header["switches"])]
    for name, cycles in (pair for pairs in clocks for pair in pairs):
        if name not in PER_BANK or cycles.shape != per_bank or cycles.min() < 0:
            raise InputError(
                f"{where} has bank_ck.{name} of shape {cycles.shape}; expected one of {', '.join(PER_BANK)} with "
                f"clocks >= 0 for {geometry.channels} channels x {geometry.banks} banks"
                + (f" x {per_bank[2]} subarrays of {rows} rows" if rows else "")
            )
    for switch in header["switches"]:
        fits = switch.quiet.shape == switch.since.shape == (geometry.channels,)
        if not fits or (switch.quiet < 0).any() or (switch.since < switch.quiet).any():
            raise InputError(
                f"{where} has a switch with quiet = {switch.quiet.tolist()} and since = {switch.since.tolist()}; "
                f"expected clocks of {geometry.channels} channels, 0 <= quiet <= since"
            )
    if header["switches"] and not all(set(dict(pairs)) == set(PER_BANK) for pairs in clocks):
        raise InputError(f"{where} has switches; expected {', '.join(PER_BANK)} before and after each of them")


def _arrays(bank_ck: Mapping[str, Any]) -> dict[str, Int]:
    return {str(name): np.array(cycles, np.int64) for name, cycles in bank_ck.items()}


def whole(value: Any, low: int) -> int:
    """A whole number of at least `low` and less than 2^40 from a JSON header."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= LOG_END:
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
        All n-names of the standard, in clocks; constraints on optional ones that are missing are left out.
    bank_ck : mapping of str to int64 array, shape (banks,) or (banks, subarrays)
        Timings of single banks, or of the rows of their subarrays; they replace those of `timing_ck`.
    banks : int
        Banks of the channel.
    """
    names = dict(timing_ck) | dict(bank_ck)
    found = []
    for row in standard.constraints_on(names):
        clocks, rows = np.asarray(evaluate(row.latency, names), np.int64), None
        if clocks.ndim == 2:
            clocks, rows = clocks.min(axis=1), clocks
        cycles = np.broadcast_to(clocks, (banks,))
        names_of = codes(row.preceding), codes(row.following)
        found.append(Edge(row.name, row.scope, *names_of, cycles, row.window, row.sibling, rows))
    return found


def codes(names: Sequence[str]) -> tuple[int, ...]:
    """Command codes of names."""
    return tuple(COMMANDS[name] for name in names)
