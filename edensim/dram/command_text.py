"""Command traces as text, read in a stream: DRAMPower's CSV, ramulator 2's command CSV, DRAMsim3's command trace.

============== ============================================== =====================================================
`drampower`    `17,RD,0,2,10,4,8,1096dda2429332d1`            clock, command, rank, bank group, bank within the rank,
                                                              row, column; data in hexadecimal after RD and WR, or not
`ramulator2`   `17,RD,0,0,2,1,4,8,0,-1`                       CmdTraceRecorder (version 2.1), with its header line
                                                              `clock,command,Channel,Rank,BankGroup,Bank,…`
`dramsim3`     `17   read   0  0  2  1  0x4  0x8`             build with CMD_TRACE: clock, command, channel, rank, bank
                                                              group, bank within it, row, column
============== ============================================== =====================================================

Accepted everywhere: comments from `#` on, blank lines, Windows line ends, a byte order mark, spaces around commas,
commands in capitals or not, gzip (known by its content). Clocks, ranks and banks are decimal. One channel per file.
A command that is not known is an error, never a NOP; so are wrong numbers of columns.

Not handled: ramulator 2's binary traces, its VRR and RFM commands, several channels in one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edensim.dram import command_text_kernel as kernel
from edensim.dram import commands as known
from edensim.dram.line_counter import LineCounter
from edensim.dram.power_device import PowerDevice
from edensim.dram.trace_text import first_line, read_blocks
from edensim.errors import ConfigError, InputError, did_you_mean

Int = npt.NDArray[np.int64]
WIDTHS = (8, 16, 32, 64, 128)
DRAMPOWER = {name: code for code, name in enumerate(known.TRACE_NAMES) if code not in known.WITHOUT_ENERGY}
DRAMPOWER |= {"REFP2B": known.REF2B}
RAMULATOR2 = {
    **dict(zip(known.COMMAND_NAMES, range(known.N_COMMANDS), strict=True)),
    **{"PRE": known.PRE, "PREA": known.PREAB, "REFsb": known.REFSB, "REFp2b": known.REF2B, "PREsb": known.PRESB},
    # Two-step activation opens the row with its second half; CAS only wakes the data strobe.
    **{"ACT1": known.NOP, "ACT2": known.ACT, "ACT-1": known.NOP, "ACT-2": known.ACT},
    **dict.fromkeys(("CAS", "CAS_RD", "CAS_WR", "CASRD", "CASWR"), known.NOP),
}
DRAMSIM3 = {
    "read": known.RD,
    "read_p": known.RDA,
    "write": known.WR,
    "write_p": known.WRA,
    "activate": known.ACT,
    "precharge": known.PRE,
    "refresh_bank": known.REFPB,
    "refresh": known.REFAB,
    "self_refresh_enter": known.SREFEN,
    "self_refresh_exit": known.SREFEX,
}
RAMULATOR2_COLUMNS = {
    "clock": kernel.CLOCK,
    "command": kernel.COMMAND,
    "channel": kernel.CHANNEL,
    "rank": kernel.RANK,
    "bankgroup": kernel.GROUP,
    "bank": kernel.BANK,
    "row": kernel.ROW,
    "column": kernel.COLUMN,
    "type": kernel.NUMBER,
    "source": kernel.NUMBER,
}
TEXT_FORMATS = ("drampower", "ramulator2", "dramsim3")


@dataclass(frozen=True)
class Layout:
    """Columns of a format: names, what they mean, how many at the end may be missing."""

    format: str
    names: tuple[str, ...]
    roles: tuple[int, ...]
    optional: int
    commas: bool
    in_group: bool
    commands: Mapping[str, int]
    header: bool = False


DRAMPOWER_LAYOUT = Layout(
    "drampower",
    ("clock", "command", "rank", "bank group", "bank", "row", "column", "data"),
    (kernel.CLOCK, kernel.COMMAND, kernel.RANK, kernel.GROUP, kernel.BANK, kernel.ROW, kernel.COLUMN, kernel.DATA),
    optional=1,
    commas=True,
    in_group=False,
    commands=DRAMPOWER,
)
DRAMSIM3_LAYOUT = Layout(
    "dramsim3",
    ("clock", "command", "channel", "rank", "bank group", "bank", "row", "column"),
    (
        *(kernel.CLOCK, kernel.COMMAND, kernel.CHANNEL, kernel.RANK, kernel.GROUP, kernel.BANK),
        *(kernel.HEX_ROW, kernel.HEX_COLUMN),
    ),
    optional=0,
    commas=False,
    in_group=True,
    commands=DRAMSIM3,
)


@dataclass(frozen=True)
class Commands:
    """A piece of a command trace: arrays of equal length, and the line of each command in the file."""

    clocks: Int
    commands: npt.NDArray[np.uint8]
    ranks: npt.NDArray[np.int16]
    banks: npt.NDArray[np.int16]
    lines: Int


@dataclass
class CommandText:
    """A text command trace of a device; `pieces` parses it.

    Parameters
    ----------
    path : Path
    device : PowerDevice
        Tells the bank groups, and the width of the data lines.
    format : str, optional
        One of `TEXT_FORMATS`; by default the first line tells.

    Attributes
    ----------
    lines : LineCounter
        Levels and edges of data and command lines counted so far.
    """

    path: Path
    device: PowerDevice
    format: str | None = None
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        self.layout = find_layout(self.path, self.format)
        device, layout = self.device, self.layout
        self._conf = np.zeros(kernel.CONF_FIELDS, np.int64)
        self._conf[kernel.COLUMNS], self._conf[kernel.OPTIONAL] = len(layout.names), layout.optional
        self._conf[kernel.COMMAS], self._conf[kernel.IN_GROUP] = layout.commas, layout.in_group
        self._conf[kernel.GROUPS], self._conf[kernel.BANKS_PER_GROUP] = device.bank_groups, device.banks_per_group
        self._run = np.zeros(kernel.RUN_FIELDS, np.int64)
        self._run[kernel.THE_CHANNEL] = -1
        self.lines = LineCounter(device)
        self._table = _command_table(layout.commands)

    @property
    def has_data(self) -> bool:
        """Whether every column command so far came with data that were counted."""
        return bool(self.lines.bursts) and not self._run[kernel.WITHOUT_DATA]

    @property
    def group_mismatches(self) -> int:
        """Commands whose bank group is not that of their bank (DRAMPower's bank counts over the rank)."""
        return int(self._run[kernel.MISMATCH])

    def pieces(self) -> Iterator[Commands]:
        """Yield the commands in order.

        Raises
        ------
        InputError
            With the line, at the first that is not understood; for damaged files and those without any command.
        """
        empty, skip = True, self.layout.header
        for first, block in read_blocks(self.path):
            if skip:
                first, block, skip = _drop_header(first, block)
            part = self._parse(first, block)
            if len(part.clocks):
                empty = False
                yield part
        if empty:
            raise InputError(f"{self.path}: the trace is empty (no command in it); expected at least one")

    def refusal(self, line: int, problem: str) -> InputError:
        """An error about a line of the file."""
        return InputError(f"{self.path}:{line}: {problem} ({self.layout.format} command trace)")

    def _parse(self, first: int, block: bytes) -> Commands:
        n = block.count(b"\n") + 1
        clocks, lines = np.empty(n, np.int64), np.empty(n, np.int64)
        commands, ranks, banks = np.empty(n, np.uint8), np.empty(n, np.int16), np.empty(n, np.int16)
        roles = np.array(self.layout.roles, np.int64)
        text = np.frombuffer(block, np.uint8)
        state = (self._conf, self._run, self.lines.state)
        out = (clocks, commands, ranks, banks, lines)
        found = kernel.parse_commands(text, roles, *self._table, *state, *out)
        if self._run[kernel.PROBLEM]:
            raise self._explain(first, block)
        lines += first
        return Commands(clocks[:found], commands[:found], ranks[:found], banks[:found], lines[:found])

    def _explain(self, first: int, block: bytes) -> InputError:
        number, column = int(self._run[kernel.LINE]), int(self._run[kernel.WORD])
        layout, problem = self.layout, int(self._run[kernel.PROBLEM])
        line = block.split(b"\n", number + 1)[number].partition(b"#")[0].decode("utf-8", "replace").strip()
        words = [word.strip() for word in (line.split(",") if layout.commas else line.split())]
        word = words[column][:40] if column < len(words) else ""
        name = layout.names[column] if column < len(layout.names) else "column"
        most, least = len(layout.names), len(layout.names) - layout.optional
        expected = f"expected {least}" if most == least else f"expected {least} or {most}"
        columns = f"{len(words)} columns; {expected}: {', '.join(layout.names)}"
        near = did_you_mean(word, layout.commands, f"known are {', '.join(layout.commands)}")
        texts = {
            kernel.FEW_COLUMNS: columns,
            kernel.MANY_COLUMNS: columns + (" (data follow column commands only)" if column < most else ""),
            kernel.EMPTY_FIELD: f"the {name} is empty",
            kernel.NOT_DECIMAL: f"the {name} is {word!r}; expected a decimal number, 0 or more",
            kernel.HEX_IN_DECIMAL: f"the {name} is {word!r}, which is hexadecimal; expected a decimal number",
            kernel.NOT_HEX: f"the {name} is {word!r}; expected a hexadecimal number after 0x",
            kernel.UNKNOWN_COMMAND: f"unknown command {word!r}{near}",
            kernel.TOO_LARGE: f"the {name} is {word}; expected at most 2^56",
            kernel.OTHER_CHANNEL: f"channel {word} after channel {self._run[kernel.THE_CHANNEL]}; expected one a file",
            kernel.BAD_GROUP: f"a bank group beyond the {self.device.bank_groups} of {self.device.name}",
            kernel.BAD_BANK: f"a bank outside the {self.device.banks_per_group} of a bank group of {self.device.name}",
            kernel.ODD_DATA: f"the data are {word!r}; expected hexadecimal digits for whole beats of "
            f"{self.device.devices * self.device.width_bits} bits",
        }
        return self.refusal(first + number, f"{texts[problem]}, in {line[:80]!r}")


def find_layout(path: Path, format: str | None = None) -> Layout:
    """Layout of a trace, by name or by its first line.

    Raises
    ------
    ConfigError
        A format that does not exist.
    InputError
        The first line is of no known format.
    """
    if format is not None and format not in TEXT_FORMATS:
        near = did_you_mean(format, TEXT_FORMATS, f"expected one of {', '.join(TEXT_FORMATS)}")
        raise ConfigError(f"command trace format {format!r} is unknown{near}")
    line = first_line(path)
    words = line.replace(",", " ").split()
    if format is None:
        if words[0].lower() == "clock":
            format = "ramulator2"
        elif "," in line:
            format = "drampower"
        elif len(words) > 1 and words[1].lower() in DRAMSIM3:
            format = "dramsim3"
        else:
            raise InputError(
                f"{path}:1: {line[:60]!r} is the first line of no known command trace; expected a CSV of DRAMPower "
                "(17,RD,0,2,10,4,8), of ramulator 2 (with its header line clock,command,…), or a DRAMsim3 command trace"
            )
    return {"drampower": DRAMPOWER_LAYOUT, "dramsim3": DRAMSIM3_LAYOUT}.get(format) or _ramulator2_layout(path, line)


def _ramulator2_layout(path: Path, header: str) -> Layout:
    names = tuple(name.strip() for name in header.split(","))
    lower = [name.lower() for name in names]
    unknown = [name for name in lower if name not in RAMULATOR2_COLUMNS]
    missing = [name for name in ("clock", "command", "bank") if name not in lower]
    if unknown or missing or len(set(lower)) < len(lower):
        raise InputError(
            f"{path}:1: the header line of a ramulator 2 command trace is expected, found {header[:80]!r} "
            f"(not understood: {', '.join([*unknown, *missing]) or 'a column twice'}); "
            "expected clock,command,Channel,Rank,BankGroup,Bank,Row,Column,type,source"
        )
    roles = tuple(RAMULATOR2_COLUMNS[name] for name in lower)
    return Layout("ramulator2", names, roles, 0, True, "bankgroup" in lower, RAMULATOR2, header=True)


def _drop_header(first: int, block: bytes) -> tuple[int, bytes, bool]:
    """Drop lines up to and including the first with words in it; True if that line has not come yet."""
    while block:
        line, _, block = block.partition(b"\n")
        first += 1
        if line.partition(b"#")[0].strip():
            return first, block, False
    return first, block, True


def _command_table(names: Mapping[str, int]) -> tuple[Int, npt.NDArray[np.int16]]:
    """Hash table of the kernel, by the capitalised name, with linear probing."""
    keys, codes = np.zeros(kernel.SLOTS, np.int64), np.full(kernel.SLOTS, -1, np.int16)
    for name in sorted({name.upper() for name in names}):
        code = next(code for known_name, code in names.items() if known_name.upper() == name)
        key = 0
        for letter in name.encode():
            key = key * kernel.HASH_FACTOR + letter & kernel.HASH_MASK
        slot = key % kernel.SLOTS
        while codes[slot] >= 0:
            slot = (slot + 1) % kernel.SLOTS
        keys[slot], codes[slot] = key, code
    return keys, codes
