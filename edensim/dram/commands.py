"""Numbers of the DRAM commands, shared by kernels, logs, checker and reference."""

from __future__ import annotations

RD, WR, ACT, PRE, RDA, WRA, REFPB, PREAB, REFAB = range(9)
COMMAND_NAMES = ("RD", "WR", "ACT", "PREpb", "RDA", "WRA", "REFpb", "PREab", "REFab")
COMMANDS = {name: code for code, name in enumerate(COMMAND_NAMES)}
N_COMMANDS = len(COMMAND_NAMES)
BANK_COMMANDS = 7
"""The first seven address one bank; PREab and REFab address a rank."""
