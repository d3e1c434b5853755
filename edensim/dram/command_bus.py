"""What a command looks like on its lines: truth tables of DDR4, DDR5, LPDDR4 and LPDDR5 as data.

From the truth tables of JESD79-4, JESD79-5, JESD209-4 and JESD209-5, with the levels that DRAMPower 6.2 gives to what
these leave open: free lines are high where idle lines are (DDR4, DDR5) and low elsewhere; chip IDs are high;
bursts have full length. Activations of LPDDR5 are ACT-1 and ACT-2 without a gap.

A pattern is a text: words are separated by `|`, lines by spaces. `0` and `1` are levels, `1*5` five of them, and `R4-7`
stands for bits 4 to 7 of the row (C column, B bank of the rank, G bank group), one line each.

Not modelled: clock enable, chip select of LPDDR and DDR5, CAS commands that wake the strobe of LPDDR5, parity, burst
chop, other standards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from edensim.dram import line_kernel as kernel
from edensim.dram.commands import N_TRACE, TRACE_NAMES

Int = npt.NDArray[np.int64]
FIELDS = {"R": kernel.ROW, "C": kernel.COLUMN, "B": kernel.BANK, "G": kernel.GROUP}

# CS_n ACT_n | bank group, bank | chip IDs and burst chop | A0 to A13, then WE/A14 CAS/A15 RAS/A16 A17
DDR4 = {
    "ACT": "0 0 G0-1 B0-1 1*3 R0-17",
    "PRE": "0 1 G0-1 B0-1 1*3 1*10 0 1*3 0 1 0 1",
    "PREA": "0 1 1*4 1*3 1*14 0 1 0 1",
    "REFA": "0 1 1*4 1*3 1*14 1 0 0 1",
    "SREFEN": "0 1 1*4 1*3 1*14 1 0 0 1",
    "SREFEX": "1*27 | 0 1*26",
    "RD": "0 1 G0-1 B0-1 1*3 0*3 C3-9 0 1*3 1 0 1 1",
    "RDA": "0 1 G0-1 B0-1 1*3 0*3 C3-9 1 1*3 1 0 1 1",
    "WR": "0 1 G0-1 B0-1 1*3 1*3 C3-9 0 1*3 0 0 1 1",
    "WRA": "0 1 G0-1 B0-1 1*3 1*3 C3-9 1 1*3 0 0 1 1",
    "PDEA": "1*27",
    "PDEP": "1*27",
    "PDXA": "1*27",
    "PDXP": "1*27",
}
DDR5 = {
    "ACT": "0 0 R0-3 B0-1 G0-2 1*3 | R4-16 1",
    "PRE": "1 1 0 1 1 1 B0-1 G0-2 1*3",
    "PRESB": "1 1 0 1 0 1 B0-1 1*3 1*3",
    "PREA": "1 1 0 1 0 1 1*4 0 1*3",
    "REFSB": "1 1 0 0 1 1 B0-1 1*3 1*3",
    "REFA": "1 1 0 0 1 1 1*4 0 1*3",
    "RD": "1 0 1 1 1 1 B0-1 G0-2 1*3 | 0*2 C4-10 1 1 1 1 1",
    "RDA": "1 0 1 1 1 1 B0-1 G0-2 1*3 | 0*2 C4-10 1 0 1 1 1",
    "WR": "1 0 1 1 0 1 B0-1 G0-2 1*3 | 1*2 C4-10 1 1 1 1 1",
    "WRA": "1 0 1 1 0 1 B0-1 G0-2 1*3 | 1*2 C4-10 1 0 1 1 1",
    "SREFEN": "1 1 1 0 1 1*5 0 1*3",
    "PDEA": "1 1 1 0 1 1*6 0 1*2",
    "PDEP": "1 1 1 0 1 1*6 0 1*2",
    "PDXA": "1*14",
    "PDXP": "1*14",
    "NOP": "1*14",
}
LPDDR4 = {
    "ACT": "1 0 R12-15 | B0-2 R16 R10-11 | R17-18 R6-9 | R0-5",
    "PRE": "0*4 1 0 | B0-2 0*3",
    "PREA": "0*4 1 1 | 0*6",
    "REFB": "0*3 1 0 0 | B0-2 0*3",
    "REFA": "0*3 1 0 1 | 0*6",
    "RD": "0 1 0*3 0 | B0-2 0 C9 0 | 0 1 0*2 1 C8 | 0*2 C4-7",
    "RDA": "0 1 0*3 0 | B0-2 0 C9 1 | 0 1 0*2 1 C8 | 0*2 C4-7",
    "WR": "0*2 1 0*2 0 | B0-2 0 C9 0 | 0 1 0*2 1 C8 | 0*2 C4-7",
    "WRA": "0*2 1 0*2 0 | B0-2 0 C9 1 | 0 1 0*2 1 C8 | 0*2 C4-7",
    "SREFEN": "0*3 1 1 0 | 0*6",
    "SREFEX": "0*2 1 0 1 0 | 0*6",
}
# BANKS stands for the bank address: 16 banks, 4 bank groups or 8 banks.
LPDDR5 = {
    "ACT": "1 1 1 R14-17 | BANKS R11-13 | 1 1 0 R7-10 | R0-6",
    "PRE": "0*3 1*4 | BANKS 0*3",
    "PREA": "0*3 1*4 | 0*6 1",
    "REFB": "0*3 1*3 0 | SOME 0*4",
    "REF2B": "0*3 1*3 0 | SOME 0*4",
    "REFA": "0*3 1*3 0 | 0*6 1",
    "RD": "1 0 0 C0 C3-5 | BANKS C1-2 0",
    "RDA": "1 0 0 C0 C3-5 | BANKS C1-2 1",
    "WR": "0 1 1 C0 C3-5 | BANKS C1-2 0",
    "WRA": "0 1 1 C0 C3-5 | BANKS C1-2 1",
    "SREFEN": "0*3 1 0 1 1 | 0*7",
    "SREFEX": "0*3 1 0 1 0 | 0*7",
    "PDEA": "0*3 1 0 1 1 | 0*6 1",
    "PDEP": "0*3 1 0 1 1 | 0*6 1",
    "PDXA": "0*3 1 0 1 0 | 0*7",
    "PDXP": "0*3 1 0 1 0 | 0*7",
    "DSMEN": "0*3 1 0 1 1 | 0*5 1 0",
    "DSMEX": "0*3 1 0 1 0 | 0*7",
}
LPDDR5_BANKS = {(16, 1): ("B0-3", "B0-2"), (16, 4): ("B0-1 G0-1", "B0-1 G0"), (8, 1): ("B0-2 0", "B0-2")}
"""(banks, bank groups) -> bank address of row and column commands, and of refreshes of one bank."""


@dataclass(frozen=True, eq=False)
class CommandBus:
    """Command and address lines of a channel.

    Attributes
    ----------
    lines : int
        Lines whose levels are counted.
    clock_words : int
        Words that move in a clock.
    idle_high : bool
        Level between commands, which costs nothing.
    words : int64 [commands, 1 + 4]
        Number of words of each command (0: it is not seen on the bus) and their fixed levels.
    parts : int64 [commands, 16, 5]
        Where bits of the address go: field, word, first bit of the field, mask of its width, place in the word.
    """

    lines: int
    clock_words: int
    idle_high: bool
    words: Int
    parts: Int

    @property
    def idle_word(self) -> int:
        """All lines at the idle level."""
        return (1 << self.lines) - 1 if self.idle_high else 0


@lru_cache(maxsize=32)
def command_bus(standard: str, banks: int, bank_groups: int) -> CommandBus | None:
    """The command bus of a device by standard, banks of a rank and bank groups; None where it is not modelled."""
    if standard == "DDR4":
        return _compile(DDR4, 27, 1, True)
    if standard == "DDR5":
        return _compile(DDR5, 14, 1, True)
    if standard == "LPDDR4":
        return _compile(LPDDR4, 6, 1, False)
    if standard == "LPDDR5" and (banks, bank_groups) in LPDDR5_BANKS:
        every, some = LPDDR5_BANKS[banks, bank_groups]
        patterns = {name: text.replace("BANKS", every).replace("SOME", some) for name, text in LPDDR5.items()}
        return _compile(patterns, 7, 2, False)
    return None


def _compile(patterns: Mapping[str, str], lines: int, clock_words: int, idle_high: bool) -> CommandBus:
    words = np.zeros((N_TRACE, 1 + kernel.MOST_WORDS), np.int64)
    parts = np.zeros((N_TRACE, kernel.MOST_PARTS, 5), np.int64)
    for name, text in patterns.items():
        command, found = TRACE_NAMES.index(name), 0
        for k, word in enumerate(text.split("|")):
            place = 0
            for token in word.split():
                level, times = re.fullmatch(r"([01])(?:\*(\d+))?", token), 1
                if level is not None:
                    times = int(level[2] or 1)
                    words[command, 1 + k] |= int(level[1]) * ((1 << times) - 1) << place
                else:
                    first, last = (int(x) for x in (token[1:].split("-") * 2)[:2])
                    times = last - first + 1
                    parts[command, found] = FIELDS[token[0]], k, first, (1 << times) - 1, place
                    found += 1
                place += times
            if place != lines:
                raise ValueError(f"{name}, word {k}: {place} lines of {lines}")
            words[command, 0] = k + 1
    return CommandBus(lines, clock_words, idle_high, words, parts)
