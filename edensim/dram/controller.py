"""A memory system ready to run: geometry, address map, timings and constraint tables compiled for the kernels.

Modelled: any number of channels, pseudo-channels, ranks, bank groups and banks; FCFS, FR-FCFS with or without row-hit
protection or a cap on it; write mode by hysteresis (while writes come as fast as they drain, reads wait: the tail of
read latencies); forwarding and coalescing from the write queue; refresh of all banks, of one bank after the other
or of the same bank of every group, at once or postponed; power-down and self refresh of ranks without work; rows that
stay open, or close after a number of accesses (RDA, WRA or a precharge of their own) or after a time, fixed or
adaptive; tRCD, tRAS and tRP per bank or subarray. Not modelled here: deep sleep of memories, clock stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from edensim.config.schema import Dram, OperatingPoint
from edensim.dram.channel_kernel import KEY_BITS
from edensim.dram.channel_state import new_channels
from edensim.dram.command_log import CommandLog, resolve_edges
from edensim.dram.commands import ACT, RD, RDA, REFAB, REFPB, REFSB, SREFEN, WR, WRA
from edensim.dram.counters import Counters
from edensim.dram.policy import auto_precharge, queue_policy
from edensim.dram.power_down_kernel import ACTIVE_DOWN, PRECHARGE_DOWN, SELF_REFRESH
from edensim.dram.refresh_rule import RefreshLimit
from edensim.dram.table import Edge, Refresh, RowLayout, Shape, compile_table
from edensim.dram.timing import TimingSet, bank_clocks, peak_bandwidth_gb_s, resolve_timing
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry, OperatingState, Organisation, resolve_operating_state

Int = NDArray[np.int64]
SINGLE = {REFPB: ("nREFIpb", "nRFCpb"), REFSB: ("nREFIsb", "nRFCsb")}
"""Interval and duration of refreshes of single banks."""


class DramSystem:
    """The channels of one memory at one operating state.

    Parameters
    ----------
    dram : schema.Dram
        The memory.
    state : OperatingState, optional
        What every bank runs at (default: nominal).

    Attributes
    ----------
    geometry, address_map, timing, state
        As resolved from the configuration.
    clocks : dict
        nRCD, nRAS, nRP, nRC of every bank, int64 [channels, banks]; where subarrays of a bank differ, of every
        subarray, int64 [channels, banks, subarrays].
    tables : record array [channels]
        Compiled constraints.
    """

    def __init__(self, dram: Dram, state: OperatingState | None = None) -> None:
        self.dram = dram
        self.state = state if state is not None else resolve_operating_state(dram, OperatingPoint(), [])
        self.geometry = Geometry.from_config(dram)
        self.address_map = AddressMap.from_config(self.geometry, dram)
        self.timing = resolve_timing(dram)
        self.clocks = bank_clocks(self.timing, self.state.row_times)
        edges = resolve_edges(self.timing.standard, self.timing.ck, {}, self.geometry.banks)
        self.policy = queue_policy(dram, self.timing, auto_precharge(edges))
        self.shape = bank_shape(self.geometry, self.policy.sleep is not None, self.policy.half_clock)
        self.refresh = refresh_schedule(dram, self.timing, self.shape, self.state.tREFI_scale)
        self.tables = self.compile()

    @property
    def period(self) -> Fraction:
        """Clock period in ps."""
        return self.timing.period

    @property
    def line_bytes(self) -> int:
        """Bytes of one request."""
        return self.dram.line_bytes or self.geometry.burst_bytes

    @property
    def peak_bandwidth_gb_s(self) -> float:
        """Bytes per ns when every clock of every data bus carries data."""
        return peak_bandwidth_gb_s(self.dram, self.timing)

    @property
    def first_group(self) -> Int:
        """For every bank of a channel, that of the first group of its rank which REFsb names for it."""
        bank, size = np.arange(self.geometry.banks), self.shape.node_span
        return bank // size * size + bank % self.geometry.banks_per_group

    def kinds_of_rows(self) -> Int:
        """Timings of all banks or subarrays, one column for each kind."""
        return np.unique(np.stack([self.clocks[name].ravel() for name in self.clocks]), axis=1)

    @property
    def row_layout(self) -> RowLayout | None:
        """Subarrays as the kernels see them; None where those of every bank are alike."""
        if self.clocks["nRCD"].ndim == 2:
            return None
        kinds = max(8, 1 << (self.kinds_of_rows().shape[1] - 1).bit_length())  # few lengths, few kernels to compile
        return RowLayout(self.geometry.subarray_rows, kinds)

    @property
    def is_switching(self) -> bool:
        """Whether the operating point changes during a run; see `edensim.dram.switching`."""
        return False

    def compile(self) -> np.ndarray:
        """The tables for the present `clocks` and `refresh`."""
        options = (self.policy.cap > 0, self.row_layout, self.is_switching)
        compiled: dict[bytes, np.ndarray] = {}
        tables = []
        for c in range(self.geometry.channels):
            mine = {name: cycles[c] for name, cycles in self.clocks.items()}
            key = b"".join(mine[name].tobytes() for name in sorted(mine))
            if key not in compiled:
                edges = resolve_edges(self.timing.standard, self.timing.ck, mine, self.geometry.banks)
                compiled[key] = compile_table(self.shape, edges, self.refresh, *options)
            tables.append(compiled[key])
        out = np.zeros(len(tables), tables[0].dtype)  # concatenate would lose the attribute access of records
        for c, table in enumerate(tables):
            out[c] = table[0]
        return out

    def new_channels(self, log_commands: bool = False) -> np.ndarray:
        """Idle channels at clock 0 (record array); `log_commands` keeps a command log in them."""
        policy = replace(
            self.policy, log_commands=log_commands, by_row=self.row_layout is not None, is_switching=self.is_switching
        )
        windows = (self.tables["window_id"].shape[2], int(self.tables["window_length"].max()))
        return new_channels(self.shape, policy, self.refresh, windows, self.geometry.channels)

    def counters(self, channels: np.ndarray, end_clock: int) -> Counters:
        """Read what the channels did up to `end_clock` (inclusive); open banks count as open until then.

        A bank or rank that an auto-precharge has not closed by then has been counted too far; that is taken back.
        """
        banks, ranks, counts = self.geometry.banks, self.shape.ranks, channels["counts"][:, :, : self.geometry.banks]
        is_open = channels["state"][:, :banks] != 0
        slept = self._slept(channels, end_clock)
        down = slept["pda_ck"] - channels["pda_ck"][:, :ranks]  # of those that still are: their open banks do not count
        running = end_clock - channels["open_since"][:, :banks]
        still_open = running - np.repeat(down, self.shape.node_span, axis=1)
        rank_running = end_clock - channels["node_open_since"][:, :ranks]
        # self refresh begins with a refresh
        n_ref = channels["counts"][:, REFAB, :ranks] + channels["counts"][:, SREFEN, :ranks]
        n_refpb = counts[:, REFPB].copy()
        n_refsb = counts[:, REFSB, self.first_group].copy()
        reads, writes = counts[:, RD] + counts[:, RDA], counts[:, WR] + counts[:, WRA]
        return Counters(
            period_ps=self.period,
            cycles=np.full(len(channels), end_clock, np.int64),
            n_act=counts[:, ACT].copy(),
            n_pre=channels["closings"][:, :banks].copy(),
            n_rd=reads,
            n_wr=writes,
            n_ref=n_ref,
            bank_open_ck=channels["open_ck"][:, :banks] + np.where(is_open, still_open, np.minimum(running, 0)),
            rank_open_ck=channels["node_open_ck"][:, :ranks]
            + np.where(channels["node_open"][:, :ranks] > 0, rank_running - down, np.minimum(rank_running, 0)),
            refreshing_ck=n_ref * self.timing.ck["nRFC"],
            row_hit=channels["hits"].copy(),
            row_miss=channels["misses"].copy(),
            row_conflict=channels["conflicts"].copy(),
            reads=reads.sum(axis=1) + channels["forwarded"],
            writes=writes.sum(axis=1) + channels["coalesced"],
            reads_forwarded=channels["forwarded"].copy(),
            writes_coalesced=channels["coalesced"].copy(),
            read_latency_ck_sum=channels["latency_sum"].copy(),
            cut_ck=channels["cut_ck"][:, :banks].copy(),
            n_refpb=n_refpb,
            n_refsb=n_refsb,
            bank_refreshing_ck=(n_refpb + n_refsb) * self.policy.bank_refresh,
            **slept,
            by_tag=channels["by_tag"][..., :banks].copy(),
        )

    def _slept(self, channels: np.ndarray, end_clock: int) -> dict[str, Int]:
        """Clocks of every rank in active and precharge power-down and in self refresh up to a clock."""
        out = {}
        for name, mode in (("pda_ck", ACTIVE_DOWN), ("pdp_ck", PRECHARGE_DOWN), ("sref_ck", SELF_REFRESH)):
            still = np.where(channels["sleep_mode"] == mode, np.maximum(end_clock - channels["sleep_from"], 0), 0)
            slept = (channels[name] + still)[:, : self.shape.ranks]  # of all ranks together where none sleeps
            out[name] = np.broadcast_to(slept, (len(channels), self.shape.ranks)).copy()
        return out

    def command_log(self, commands: tuple[Int, ...]) -> CommandLog:
        """A command log with the rules it is held to."""
        layout = Organisation(**{f.name: getattr(self.geometry, f.name) for f in fields(Organisation)})
        differs = any((self.clocks[n] != self.timing.ck[n]).any() for n in self.clocks)
        bank_ck = self.clocks if differs else {}
        if self.refresh.command == REFAB:
            refresh = RefreshLimit(self.refresh.period if self.refresh.first else 0, max(1, self.policy.postponed))
        else:
            refresh = RefreshLimit(self.refresh.period, self.policy.postponed, self.refresh.first[0])
        rows = 0 if self.row_layout is None else self.row_layout.subarray_rows
        name, ck = self.timing.standard.name, self.timing.ck
        return CommandLog(commands, name, self.period, ck, layout, bank_ck, refresh, rows)


def bank_shape(layout: Organisation, sleeps: bool = False, half_clock: bool = False) -> Shape:
    """Bank tree of one channel; see `Shape`."""
    if layout.banks > 1 << KEY_BITS:
        raise ConfigError(f"dram: {layout.banks} banks per channel; the controller handles at most {1 << KEY_BITS}")
    return Shape(layout, sleeps, half_clock)


def refresh_schedule(dram: Dram, timing: TimingSet, shape: Shape, scale: float) -> Refresh:
    """When refreshes fall due: of ranks together or scattered, or of banks in turn, each rank a clock later."""
    mode, ck, ranks, scatter = dram.controller.refresh, timing.ck, shape.ranks, dram.controller.refresh_scatter_ck
    if mode == "none":
        return Refresh(1, (), ())
    command = {"per_bank": REFPB, "same_bank": REFSB}.get(mode, REFAB)
    interval_name, duration_name = SINGLE.get(command, ("nREFI", "nRFC"))
    if interval_name not in ck or duration_name not in ck:
        what = "single banks" if mode == "per_bank" else "the same bank of every group"
        others = [name for name, c in (("per_bank", REFPB), ("same_bank", REFSB)) if set(SINGLE[c]) <= ck.keys()]
        known = ", ".join(f'"{x}"' for x in ("all_bank", *others))
        raise ConfigError(
            f'dram.controller.refresh = "{mode}": {dram.preset or timing.standard.name} has no refresh of {what} '
            f'here (no {interval_name} or {duration_name}); expected {known} or "none"'
        )
    interval = int(ck[interval_name] * Fraction(str(scale)))  # down: never later than asked
    busy = ck["nRFC"] + ranks  # less leaves some rank no clock to open a row in
    turns_of = shape.node_span if command == REFPB else shape.layout.banks_per_group
    if command != REFAB:  # its rows are closed first, and the bank before it has just been refreshed
        edges = resolve_edges(timing.standard, ck, {}, shape.banks)
        busy = ck["nRC"] + max(most_cycles(edges, command, command, "Bank"), ck[duration_name] // turns_of) + ranks
    if interval <= busy:
        what = f"{ranks} {'ranks' if ranks > 1 else 'rank'}" if command == REFAB else "a bank"
        raise ConfigError(
            f"tREFI_scale = {scale:g} makes the refresh interval {interval} clocks, but refreshing "
            f"{what} takes {busy} clocks"
        )
    if command != REFAB:
        if scatter:
            raise ConfigError(f'dram.controller.refresh_scatter_ck has no effect with refresh = "{mode}"; expected 0')
        return turns(shape, interval, turns_of, command)
    due = sorted(((k + 1) * scatter if scatter else interval, k) for k in range(ranks))
    if due[-1][0] > due[0][0] + interval:
        raise ConfigError(
            f"dram.controller.refresh_scatter_ck = {scatter} spreads {ranks} ranks over more than one refresh "
            f"interval of {interval} clocks"
        )
    return Refresh(interval, tuple(t for t, _ in due), tuple(k for _, k in due))


def turns(shape: Shape, interval: int, banks: int, command: int) -> Refresh:
    """Refreshes of `banks` banks of every rank in turn, one bank per interval, each rank a clock after the other."""
    span = shape.node_span
    due = sorted(((b + 1) * interval + r, r * span + b) for b in range(banks) for r in range(shape.ranks))
    return Refresh(banks * interval, tuple(t for t, _ in due), tuple(k for _, k in due), command)


def most_cycles(edges: Sequence[Edge], preceding: int, following: int, beyond: str) -> int:
    """Longest wait between two commands in one node of any level but `beyond`; 0 without any."""
    rows = [e for e in edges if e.scope != beyond and preceding in e.preceding and following in e.following]
    return max((int(e.cycles.max()) for e in rows), default=0)
