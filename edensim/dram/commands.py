"""Numbers of the DRAM commands, shared by kernels, logs, checker and reference."""

from __future__ import annotations

from typing import Any

RD, WR, ACT, PRE, RDA, WRA, REFPB, PREAB, REFAB = range(9)
COMMAND_NAMES = ("RD", "WR", "ACT", "PREpb", "RDA", "WRA", "REFpb", "PREab", "REFab")
COMMANDS = {name: code for code, name in enumerate(COMMAND_NAMES)}
N_COMMANDS = len(COMMAND_NAMES)
BANK_COMMANDS = 7
"""The first seven address one bank; PREab and REFab address a rank."""

# Commands that no controller of edensim gives, but command traces of others hold.
REFSB, REF2B, REFDB, PRESB, PDEA, PDEP, PDXA, PDXP, SREFEN, SREFEX, DSMEN, DSMEX, NOP, END = range(9, 23)
TRACE_NAMES = (
    *("RD", "WR", "ACT", "PRE", "RDA", "WRA", "REFB", "PREA", "REFA"),
    *("REFSB", "REF2B", "REFDB", "PRESB", "PDEA", "PDEP", "PDXA", "PDXP", "SREFEN", "SREFEX", "DSMEN", "DSMEX"),
    *("NOP", "END"),
)
"""Every command that can be priced, by number, as DRAMPower spells it (its REFP2B is REF2B here)."""
N_TRACE = len(TRACE_NAMES)


def is_rank_command(command: Any) -> Any:
    """Whether a command addresses a whole rank; of a number a bool, of an array an array."""
    return (command == PREAB) | (command == REFAB)
