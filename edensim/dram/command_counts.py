"""Command traces turned into counters: what every bank and rank did, and for how long, in clocks.

A trace may come in pieces of any size; memory does not grow with it. Legality is judged by the state of banks and ranks
only (an open row, a bank in refresh, power-down), not by timings: a trace of another speed bin can be priced, and a
command that comes before a precharge or refresh is over by this device's timings ends it early and is counted.

Not modelled: several channels in one counter, refresh of part of the array, modes that change while the trace runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from edensim.dram import command_kernel as kernel
from edensim.dram.commands import N_TRACE, TRACE_NAMES
from edensim.errors import InputError

Int = npt.NDArray[np.int64]
PER_BANK = {
    "n_act": kernel.N_ACT,
    "n_pre": kernel.N_PRE,
    "n_rd": kernel.N_RD,
    "n_wr": kernel.N_WR,
    "n_rda": kernel.N_RDA,
    "n_wra": kernel.N_WRA,
    "n_refab": kernel.N_REFAB,
    "n_refpb": kernel.N_REFPB,
    "n_refsb": kernel.N_REFSB,
    "n_ref2b": kernel.N_REF2B,
    "n_refdb": kernel.N_REFDB,
    "open_ck": kernel.OPEN_CK,
    "cut_ck": kernel.CUT_CK,
}
PER_RANK = {
    "active_ck": kernel.ACTIVE_CK,
    "pda_ck": kernel.PDA_CK,
    "pdp_ck": kernel.PDP_CK,
    "sref_ck": kernel.SREF_CK,
    "dsm_ck": kernel.DSM_CK,
}
CONF = {
    "nRCD": kernel.RCD,
    "nRAS": kernel.RAS,
    "nRP": kernel.RP,
    "nRFC": kernel.RFC,
    "nRFCpb": kernel.RFC_PB,
    "nRFCsb": kernel.RFC_SB,
    "nRFC2b": kernel.RFC_2B,
    "nRFCdb": kernel.RFC_DB,
    "nRDA": kernel.RDA_CK,
    "nWRA": kernel.WRA_CK,
}
TEXTS = {
    kernel.BACKWARDS: "time runs backwards: clock {clock} after {latest}",
    kernel.NEGATIVE: "the clock is {clock}; expected 0 or more",
    kernel.NO_SUCH_RANK: "rank {rank} of a memory with {ranks}; expected 0 to {last_rank}",
    kernel.NO_SUCH_BANK: "bank {bank} of a rank with {banks}; expected 0 to {last_bank}",
    kernel.AFTER_END: "a command after END",
    kernel.ALREADY_OPEN: "{command} opens rank {rank} bank {bank}, which has an open row already; a PRE is missing",
    kernel.NOT_OPEN: "{command} needs an open row in rank {rank} bank {bank}, which is closed; an ACT is missing",
    kernel.IS_CLOSING: "{command} after a column command with auto-precharge closed the row of rank {rank} bank {bank}",
    kernel.IS_REFRESHING: "{command} in rank {rank} bank {bank}, which is being refreshed",
    kernel.REFRESH_OF_OPEN: "{command} refreshes a bank of rank {rank} that has an open row; a PRE or PREA is missing",
    kernel.UNSUPPORTED: "{command} is not known to this device (or its timing or current is not given)",
    kernel.ASLEEP: "{command} while rank {rank} is in power-down or self refresh; the exit command is missing",
    kernel.NOT_ASLEEP: "{command} does not fit: rank {rank} is not in the state that it enters from or leaves",
    kernel.OPEN_IN_PDEP: "PDEP (precharge power-down) while a bank of rank {rank} is open; PDEA is meant, or PRE",
    kernel.CLOSED_IN_PDEA: "PDEA (active power-down) while all banks of rank {rank} are closed; PDEP is meant",
    kernel.OPEN_IN_SREF: "{command} while a bank of rank {rank} is open; a PRE or PREA is missing",
    kernel.UNKNOWN: "command number {code} is unknown; expected 0 to {last_code}",
}


class BadCommandError(InputError):
    """A command that cannot be carried out: `index` counts from 0 over the arrays of the call, `problem` says why."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(f"command {index}: {problem}")
        self.index, self.problem = index, problem


@dataclass(frozen=True, eq=False)
class CommandCounts:
    """What the banks and ranks of one channel did up to a clock. Counts of two windows add up.

    Attributes
    ----------
    clocks : int
        Clocks that went by.
    n_act, n_rd, n_wr, n_rda, n_wra : int64 [ranks, banks]
        Commands.
    n_pre : int64 [ranks, banks]
        Transitions from open to closed, by whichever command.
    n_refab, n_refpb, n_refsb, n_ref2b, n_refdb : int64 [ranks, banks]
        Refreshes the bank took part in: of all banks, one bank, the same bank of every group, two banks.
    open_ck : int64 [ranks, banks]
        Clocks the bank was open or refreshed, without power-down.
    cut_ck : int64 [ranks, banks]
        Clocks by which rows closed before the device's tRAS, summed over the precharges.
    active_ck, pda_ck, pdp_ck, sref_ck, dsm_ck : int64 [ranks]
        Clocks with a bank open, in active and precharge power-down, self refresh, deep sleep.
    """

    clocks: int
    n_act: Int
    n_pre: Int
    n_rd: Int
    n_wr: Int
    n_rda: Int
    n_wra: Int
    n_refab: Int
    n_refpb: Int
    n_refsb: Int
    n_ref2b: Int
    n_refdb: Int
    open_ck: Int
    cut_ck: Int
    active_ck: Int
    pda_ck: Int
    pdp_ck: Int
    sref_ck: Int
    dsm_ck: Int

    @property
    def standby_ck(self) -> Int:
        """Clocks with all banks closed, neither in power-down nor in self refresh, int64 [ranks]."""
        return self.clocks - self.active_ck - self.pda_ck - self.pdp_ck - self.sref_ck - self.dsm_ck

    @property
    def bursts(self) -> int:
        """Column commands."""
        return int(sum(x.sum() for x in (self.n_rd, self.n_wr, self.n_rda, self.n_wra)))

    def __add__(self, other: CommandCounts) -> CommandCounts:
        return CommandCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: CommandCounts) -> CommandCounts:
        return CommandCounts(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))


class CommandCounter:
    """Counts the commands of one channel, piece by piece.

    Parameters
    ----------
    ranks, banks : int
        Ranks, and banks of a rank.
    banks_per_group : int
        Banks of a bank group; `banks` where there are no groups.
    clocks : mapping of str to int
        nRCD, nRAS, nRP, nRFC, nRDA and nWRA (from RDA or WRA to its precharge) and, where the device has such commands,
        nRFCpb, nRFCsb, nRFC2b, nRFCdb.
    deep_sleep : bool
        The device knows DSMEN.
    """

    def __init__(
        self, ranks: int, banks: int, banks_per_group: int, clocks: Mapping[str, int], deep_sleep: bool = False
    ) -> None:
        self.ranks, self.banks, self.banks_per_group = ranks, banks, banks_per_group
        self._bank = np.zeros((ranks * banks, kernel.BANK_FIELDS), np.int64)
        self._rank = np.zeros((ranks, kernel.RANK_FIELDS), np.int64)
        self._rank[:, kernel.NEXT] = kernel.NEVER
        self._run = np.zeros(kernel.RUN_FIELDS, np.int64)
        self._conf = np.full(kernel.CONF_FIELDS, -1, np.int64)
        self._conf[[kernel.BANKS, kernel.BANKS_PER_GROUP, kernel.HAS_DSM]] = banks, banks_per_group, deep_sleep
        for name, cell in CONF.items():
            self._conf[cell] = clocks.get(name, -1)

    @property
    def clock(self) -> int:
        """Clock of the latest command."""
        return int(self._run[kernel.CLOCK])

    @property
    def early(self) -> int:
        """Commands that came before a precharge or refresh of their bank was over by the device's timings."""
        return int(self._run[kernel.EARLY])

    def feed(
        self,
        clocks: npt.NDArray[np.integer],
        commands: npt.NDArray[np.integer],
        ranks: npt.NDArray[np.integer],
        banks: npt.NDArray[np.integer],
        start: int = 0,
        stop_clock: int = kernel.NEVER,
    ) -> int:
        """Count commands; returns the index of the first that is not before `stop_clock`.

        Parameters
        ----------
        clocks : integer array (n,)
            Clock of each command, never falling.
        commands : integer array (n,)
            Numbers of `edensim.dram.commands.TRACE_NAMES`.
        ranks, banks : integer arrays (n,)
            Rank, and bank within the rank (0 where a command has none).
        start : int
            First command to count.

        Raises
        ------
        BadCommandError
            At the first command that is illegal in the state of its bank or rank, goes back in time or does not exist.
        """
        arrays = (
            clocks.astype(np.int64, copy=False),
            commands.astype(np.uint8, copy=False),
            ranks.astype(np.int16, copy=False),
            banks.astype(np.int16, copy=False),
        )
        done = int(kernel.count_commands(self._bank, self._rank, self._run, self._conf, *arrays, start, stop_clock))
        if self._run[kernel.PROBLEM]:
            raise self._refusal(done, *(int(array[done]) for array in arrays))
        return done

    def counts(self, clock: int | None = None) -> CommandCounts:
        """Counters up to a clock at or after the latest command (default: that of the latest command)."""
        clock = self.clock if clock is None else clock
        bank, rank = self._bank.copy(), self._rank.copy()
        kernel.take_stock(self._bank, self._rank, bank, rank, self._conf, clock)
        shape = (self.ranks, self.banks)
        per_bank = {name: bank[:, column].reshape(shape) for name, column in PER_BANK.items()}
        return CommandCounts(clock, **per_bank, **{name: rank[:, column] for name, column in PER_RANK.items()})

    def _refusal(self, index: int, clock: int, command: int, rank: int, bank: int) -> BadCommandError:
        text = TEXTS[int(self._run[kernel.PROBLEM])].format(
            clock=clock,
            latest=self.clock,
            command=TRACE_NAMES[command] if command < N_TRACE else command,
            code=command,
            last_code=N_TRACE - 1,
            rank=rank,
            ranks=self.ranks,
            last_rank=self.ranks - 1,
            bank=bank,
            banks=self.banks,
            last_bank=self.banks - 1,
        )
        return BadCommandError(index, text)
