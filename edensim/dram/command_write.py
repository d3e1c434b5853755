"""Command traces written in the formats of other simulators, in a stream; one file per channel.

============== ===================================== ==============================================================
`native`       `.npz`, see `command_log`             all channels in one file, with the rules they are held to
`drampower`    `17,RD,0,2,10,4,8`                    clock, command, rank, bank group, bank within the rank, row,
                                                     column; ends with END at the last clock of all channels
`ramulator2`   `17,RD,0,0,2,2,4,8,0,-1`              as its CmdTraceRecorder, with the header line; type 0 for reads,
                                                     1 for writes, source -1
`dramsim3`     `17 read 0 0 2 2 0x4 0x8`             as a build with CMD_TRACE, columns not padded
============== ===================================== ==============================================================

`command_text` reads them. Columns are bursts in the row. The row is that which is open in the bank; where ramulator 2
and DRAMsim3 print a precharge with the row of the request behind it, this is the row that is closed. DRAMsim3 closes
banks one by one: a precharge of all banks becomes one of every open bank, at the same clock. Commands that a format
does not have are left out and counted.

Not written: data, ramulator 2's binary form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from edensim.dram import command_text
from edensim.dram.command_log import CommandLog, Int
from edensim.dram.command_log_blocks import log_blocks, read_about
from edensim.dram.command_log_write import Sink, log_output
from edensim.dram.command_rows_kernel import with_open_rows
from edensim.dram.commands import COMMAND_NAMES, N_COMMANDS, PREAB, RD, RDA, REFAB, WR, WRA
from edensim.dram.text_fields import choice, constant, decimal, hexadecimal, signed, text
from edensim.dram.trace_convert import LINES_AT_A_TIME, text_output
from edensim.errors import ConfigError, did_you_mean
from edensim.memory import Organisation

NATIVE = "native"
COMMAND_FORMATS = (NATIVE, *command_text.TEXT_FORMATS)


@dataclass
class CommandOutput:
    """An open command trace; call it with a channel and its commands, in order.

    Attributes
    ----------
    paths : list of Path
        Files that are written.
    counts : Counter
        Commands taken so far, by channel.
    left_out : Counter
        Commands that the format does not have, by name.
    """

    sink: Sink
    paths: list[Path]
    counts: Counter[int] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def __call__(self, channel: int, commands: Int) -> None:
        """Take commands: int64 (n, 5) of clock, command, place, row, column. Channels may come from several threads."""
        self.counts[channel] += len(commands)
        self.sink(channel, commands)


def check_command_format(name: str) -> str:
    """Return a format of command traces, or raise `ConfigError` with the nearest."""
    if name not in COMMAND_FORMATS:
        hint = did_you_mean(name, COMMAND_FORMATS, f"expected one of {', '.join(COMMAND_FORMATS)}")
        raise ConfigError(f"command trace format {name!r} is unknown{hint}")
    return name


def channel_paths(path: str | Path, channels: int) -> list[Path]:
    """File of each channel: `path` for one, else with `.ch0`, `.ch1` … before its suffixes (`a.ch0.csv.gz`)."""
    path = Path(path)
    if channels == 1:
        return [path]
    packed = ".gz" if path.suffix == ".gz" else ""
    plain = Path(path.name.removesuffix(".gz"))
    return [path.with_name(f"{plain.stem}.ch{k}{plain.suffix}{packed}") for k in range(channels)]


@contextmanager
def command_output(
    path: str | Path,
    format: str,
    about: CommandLog,
    force: bool = False,
    header: Callable[[], str] | None = None,
) -> Iterator[CommandOutput]:
    """Open a command trace; its files appear under their names only when the block ends well.

    Parameters
    ----------
    path : str or Path
        Text that ends in `.gz` is packed. Several channels: see `channel_paths`.
    format : str
        One of `COMMAND_FORMATS`.
    about : CommandLog
        What the commands belong to; its own commands are not written.
    force : bool
        Replace existing files.
    header : callable, optional
        Gives the header of an own log in the end, if `about` does not know yet what will have happened.

    Raises
    ------
    ConfigError
        Unknown format.
    OutputError
        A file exists (and not `force`), or cannot be written.
    """
    channels = about.geometry.channels
    if check_command_format(format) == NATIVE:
        with log_output(path, header or about.header, channels, force) as keep:
            yield CommandOutput(keep, [Path(path)])
        return
    paths = channel_paths(path, channels)
    with ExitStack() as stack:
        files = [stack.enter_context(text_output(one, force)) for one in paths]
        writers = [_ChannelText(file, format, about, k) for k, file in enumerate(files)]
        output = CommandOutput(lambda channel, commands: writers[channel].write(commands), paths)
        yield output
        last = max(writer.clock for writer in writers)
        for writer in writers:
            writer.finish(last)
            output.left_out += writer.left_out


def convert_log(source: str | Path, target: str | Path, format: str, force: bool = False) -> CommandOutput:
    """Write a command log of edensim in another format.

    Raises
    ------
    InputError, ConfigError, OutputError
        Bad log; unknown format; a target exists or cannot be written.
    """
    about = read_about(source)
    with command_output(target, format, about, force) as output:
        for channel in range(about.geometry.channels):
            for block in log_blocks(source, channel):
                output(channel, block)
    return output


def foreign_names(format: str, standard: str) -> dict[int, str]:
    """Command number -> name in a text format; what a format does not have is missing."""
    if format == "ramulator2":
        names = dict(enumerate(COMMAND_NAMES))
        return names | {code: "ACT1" for code, name in names.items() if name == "ACT" and standard == "LPDDR5"}
    known = {"drampower": command_text.DRAMPOWER, "dramsim3": command_text.DRAMSIM3}[format]
    return {code: name for name, code in reversed(known.items()) if code < N_COMMANDS}


class _ChannelText:
    """Text of one channel."""

    def __init__(self, file: IO[bytes], format: str, about: CommandLog, channel: int) -> None:
        self.file, self.format, self.channel = file, format, channel
        self.geometry: Organisation = about.geometry
        self.names = foreign_names(format, about.standard)
        self.words = [self.names.get(code, "").encode() for code in range(N_COMMANDS)]
        self.has_groups = self.geometry.banks_per_rank > self.geometry.banks_per_group
        self.open_row = np.full(self.geometry.banks, -1, np.int64)
        self.clock, self.left_out = 0, Counter[str]()
        if format == "ramulator2":
            group = ",BankGroup" if self.has_groups else ""
            file.write(f"clock,command,Channel,Rank{group},Bank,Row,Column,type,source\n".encode())

    def write(self, commands: Int) -> None:
        """Add commands."""
        for start in range(0, len(commands), LINES_AT_A_TIME):
            lines = self._known(self._with_rows(np.ascontiguousarray(commands[start : start + LINES_AT_A_TIME])))
            if len(lines):
                self.file.write(self._lines(lines))
        if len(commands):
            self.clock = int(commands[-1, 0])

    def finish(self, clock: int) -> None:
        """End the trace at a clock."""
        if self.format == "drampower":
            self.file.write(f"{clock},END,0,0,0,0,0\n".encode())

    def _with_rows(self, commands: Int) -> Int:
        split = PREAB not in self.names
        room = int(np.count_nonzero(commands[:, 1] == PREAB)) * self.geometry.banks_per_rank if split else 0
        out = np.empty((len(commands) + room, 5), np.int64)
        return out[: with_open_rows(commands, out, self.open_row, self.geometry.banks_per_rank, split)]

    def _known(self, commands: Int) -> Int:
        known = np.isin(commands[:, 1], list(self.names))
        for code, count in zip(*np.unique(commands[~known, 1], return_counts=True), strict=True):
            self.left_out[COMMAND_NAMES[code]] += int(count)
        return commands[known]

    def _lines(self, commands: Int) -> bytes:
        clock, command, place, row, column = commands.T
        wide, g = np.isin(command, (PREAB, REFAB)), self.geometry
        rank = np.where(wide, place, place // g.banks_per_rank)
        bank = np.where(wide, 0, place % g.banks_per_rank)
        word = choice(command, self.words)
        if self.format == "drampower":
            numbers = [rank, bank // g.banks_per_group, bank, np.maximum(row, 0), np.maximum(column, 0)]
            return _separated(b",", decimal(clock), word, *map(decimal, numbers))
        group, bank = np.divmod(bank, g.banks_per_group)
        channel = constant(str(self.channel).encode())
        if self.format == "dramsim3":
            hexes = [_hexadecimal(np.maximum(x, 0)) for x in (row, column)]
            return _separated(b" ", decimal(clock), word, channel, *map(decimal, (rank, group, bank)), *hexes)
        group, bank = (np.where(wide, -1, x) for x in (group, bank))
        kind = np.select([np.isin(command, (RD, RDA)), np.isin(command, (WR, WRA))], [0, 1], -1)
        numbers = [rank, *([group] if self.has_groups else []), bank, row, column, kind]
        return _separated(b",", decimal(clock), word, channel, *map(signed, numbers), constant(b"-1"))


def _hexadecimal(values: Int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    symbols, keep = hexadecimal(values.astype(np.uint64))
    prefix, kept = constant(b"0x")
    count = len(values)
    return np.hstack([np.repeat(prefix, count, 0), symbols]), np.hstack([np.repeat(kept, count, 0), keep])


def _separated(separator: bytes, *fields: tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]) -> bytes:
    between = constant(separator)
    spread = [part for one in fields for part in (one, between)]
    return text(*spread[:-1], constant(b"\n"))
