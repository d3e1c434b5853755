"""Command logs of edensim (`.npz`) read in pieces for pricing, with flat memory; the checker loads them whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edensim.archive import Archive
from edensim.dram.command_log import COLUMNS, HEADER, WHAT, read_header
from edensim.dram.command_text import Commands
from edensim.dram.commands import N_COMMANDS, NOP, WITHOUT_ENERGY, is_rank_command
from edensim.dram.power_device import PowerDevice
from edensim.errors import InputError
from edensim.memory import Organisation

CHUNK = 1 << 20


class CommandLogStream:
    """A command log whose header has been read.

    Parameters
    ----------
    path : Path
    device : PowerDevice
        What it is priced as; ranks and banks must be those of the log.

    Attributes
    ----------
    geometry : Organisation
    """

    format = "edensim"

    def __init__(self, path: Path, device: PowerDevice) -> None:
        self.path, self.device = Path(path), device
        with Archive(self.path, WHAT) as archive:
            archive.refuse_bomb()
            if HEADER not in archive.texts:
                raise InputError(f"{self.path}: has no member {HEADER}; expected {WHAT}")
            header = read_header(archive.text(HEADER), self.path)
        self.geometry: Organisation = header["geometry"]
        g = self.geometry
        found, wanted = (
            (g.ranks_per_channel, g.groups_per_rank, g.banks_per_group),
            (
                device.ranks,
                device.bank_groups,
                device.banks_per_group,
            ),
        )
        if found != wanted:
            shapes = " but ".join("{} ranks of {} groups of {} banks".format(*x) for x in (found, wanted))
            raise InputError(f"{self.path}: the log is of {shapes} were expected by --dram ({device.name})")

    def pieces(self, channel: int) -> Iterator[Commands]:
        """Yield the commands of one channel in order."""
        with Archive(self.path, WHAT) as archive, ExitStack() as stack:
            members = [archive.members.get(f"{name}_{channel}") for name in COLUMNS]
            for name, member in zip(COLUMNS, members, strict=True):
                if member is None or member.dtype != COLUMNS[name]:
                    raise InputError(f"{self.path}: array {name}_{channel} is missing or of another type")
            if len({member.count for member in members if member is not None}) != 1:
                raise InputError(f"{self.path}: the arrays of channel {channel} have different lengths")
            assert members[0] is not None
            left, first, latest = members[0].count, 0, 0
            columns = [
                stack.enter_context(archive.column(f"{name}_{channel}")) for name in ("clock", "command", "bank")
            ]
            while left:
                size = min(left, CHUNK)
                clocks, commands, places = (column.read(size) for column in columns)
                before = np.append(latest, clocks[:-1])
                if (clocks < before).any():
                    k = int(np.argmax(clocks < before))
                    raise self.refusal(first + k, _out_of_order(channel, int(before[k]), int(clocks[k])))
                latest = int(clocks[-1])
                if commands.max() >= N_COMMANDS:
                    k = int(np.argmax(commands >= N_COMMANDS))
                    raise self.refusal(first + k, f"command number {commands[k]} is unknown")
                commands[np.isin(commands, WITHOUT_ENERGY)] = NOP
                wide = is_rank_command(commands)
                ranks = np.where(wide, places, places // self.device.banks).astype(np.int16)
                banks = np.where(wide, 0, places % self.device.banks).astype(np.int16)
                yield Commands(clocks.astype(np.int64), commands, ranks, banks, np.arange(first, first + size))
                left, first = left - size, first + size

    def refusal(self, index: int, problem: str) -> InputError:
        """An error about a command, by its index in the channel."""
        return InputError(f"{self.path}: command {index}: {problem} (edensim command log)")


def _out_of_order(channel: int, before: int, clock: int) -> str:
    if clock < 0:
        return f"its clock in channel {channel} is {clock}; expected 0 or more"
    return (
        f"its clock in channel {channel} is {clock}, but the command before it has clock {before}; expected clocks "
        "that never go back: sort the commands of every channel by clock"
    )
