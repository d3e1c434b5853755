"""Levels and edges of the lines of one channel, counted while a command trace is read.

Data are counted where the trace has them, commands where the device is a memspec of a standard in
`edensim.dram.command_bus` (a device in TOML describes no command lines).
"""

from __future__ import annotations

import numpy as np

from edensim.dram import line_kernel as kernel
from edensim.dram.command_bus import command_bus
from edensim.dram.interface import LineCounts, idles_high
from edensim.dram.power_device import PowerDevice

WIDTHS = (8, 16, 32, 64, 128)
"""Data lines of a channel that can be counted."""
DBI = {"none": kernel.DBI_OFF, "low": kernel.DBI_LOW, "high": kernel.DBI_HIGH}


class LineCounter:
    """State of `line_kernel` for a device.

    Parameters
    ----------
    device : PowerDevice

    Attributes
    ----------
    state : record array of length 1
        `line_kernel.LINES`.
    """

    def __init__(self, device: PowerDevice) -> None:
        self.width = device.devices * device.width_bits
        self.dbi = device.dbi if self.width in WIDTHS else "none"
        self.state = np.zeros(1, kernel.LINES)
        lines = self.state[0]
        lines.lanes = self.width // 8 if self.width in WIDTHS else 0
        lines.clock_beats, lines.dbi = round(device.burst_length / device.burst_ck), DBI[self.dbi]
        lines.idle = 255 if idles_high(device.standard) else 0
        lines.levels[:] = lines.idle
        bus = command_bus(device.standard, device.banks, device.bank_groups) if device.lines else None
        self._command_lines = 0 if bus is None else bus.lines
        if bus is not None:
            lines.words[:], lines.parts[:], lines.clock_words = bus.words, bus.parts, bus.clock_words
            lines.level = lines.idle_word = bus.idle_word

    def rest(self, clock: int) -> None:
        """Count what is on the lines up to the end of the trace at `clock`."""
        lines = self.state[0]
        for row in (kernel.READ, kernel.WRITE):
            if clock * lines.clock_beats > lines.bus[row, kernel.FREE_AT]:
                kernel.rest_data(lines, row)
        kernel.settle_command(lines, clock)

    @property
    def bursts(self) -> int:
        """Bursts with data that were counted."""
        return int(self.state[0].bus[:2, kernel.BURSTS].sum())

    def data(self) -> tuple[LineCounts, LineCounts]:
        """Read and write data, their DBI lines included."""
        lines = self.width * 9 // 8 if self.dbi != "none" else self.width
        return self._counts(kernel.READ, lines), self._counts(kernel.WRITE, lines)

    def commands(self) -> LineCounts | None:
        """The command bus; None where its patterns are not known."""
        return self._counts(kernel.COMMANDS, self._command_lines) if self._command_lines else None

    def _counts(self, row: int, lines: int) -> LineCounts:
        bursts, beats, ones, rises = (
            int(self.state[0].bus[row, k]) for k in (kernel.BURSTS, kernel.BEATS, kernel.ONES, kernel.RISES)
        )
        return LineCounts(bursts, beats, ones, beats * lines - ones, rises)
