"""Numbers of the DRAM commands, shared by kernels, logs, checker and reference."""

from __future__ import annotations

from typing import Any

RD, WR, ACT, PRE, RDA, WRA, REFPB, PREAB, REFAB, ACT2, CASRD, CASWR, REFSB = range(13)
FOREIGN = REF2B, REFDB, PRESB = 13, 14, 15  # only in command traces of others
PDEA, PDEP, PDXA, PDXP, SREFEN, SREFEX = range(16, 22)
"""Entry into and exit from power-down, active and precharge, and self refresh."""
COMMAND_NAMES = (
    *("RD", "WR", "ACT", "PREpb", "RDA", "WRA", "REFpb", "PREab", "REFab"),
    *("ACT2", "CAS_RD", "CAS_WR"),  # LPDDR5: second half of an activation, synchronisation of the data clock
    "REFsb",  # DDR5: the same bank of every bank group; it addresses that of the rank's first group
    *("REFp2b", "REFdb", "PREsb", "PDEA", "PDEP", "PDXA", "PDXP", "SREFEN", "SREFEX"),
)
COMMANDS = {name: code for code, name in enumerate(COMMAND_NAMES)}
N_COMMANDS = len(COMMAND_NAMES)
COLUMN_COMMANDS = (RD, WR, RDA, WRA)
BANK_COMMANDS = 7
"""The first seven have a next-allowed time per bank, those that address a rank one per rank.

REFsb has those of REFpb: no memory has both."""
RANK_COMMANDS = (PREAB, REFAB, PDEA, PDEP, PDXA, PDXP, SREFEN, SREFEX)
"""Those with a next-allowed time per rank, in the order of these; all but two only where ranks are powered down."""
SLEEP_COMMANDS = RANK_COMMANDS[2:]

DSMEN, DSMEX, NOP, END = range(22, 26)  # only in command traces of others
TRACE_NAMES = (
    *("RD", "WR", "ACT", "PRE", "RDA", "WRA", "REFB", "PREA", "REFA", "ACT2", "CASRD", "CASWR"),
    *("REFSB", "REF2B", "REFDB", "PRESB", "PDEA", "PDEP", "PDXA", "PDXP", "SREFEN", "SREFEX", "DSMEN", "DSMEX"),
    *("NOP", "END"),
)
"""Every command that can be priced, by number, as DRAMPower spells it (its REFP2B is REF2B here)."""
WITHOUT_ENERGY = (ACT2, CASRD, CASWR)
"""Only in logs of edensim: the activation is priced at its first half."""
N_TRACE = len(TRACE_NAMES)


def is_rank_command(command: Any) -> Any:
    """Whether a command addresses a whole rank; of a number a bool, of an array an array."""
    return (command == PREAB) | (command == REFAB) | ((command >= PDEA) & (command <= SREFEX))
