"""The constraint table compiled to flat arrays: delay rows, single entries, windows and refresh timers.

A command at bank k moves the next-allowed time of whole rows of targets: `allowed[f, :] = max(allowed[f, :], t +
delay[p, k, f, :])` for every command f that a constraint with preceding command p names. Scope, sibling, rank switch
and timings of single banks are then only different numbers in these rows. Rows that touch nothing but the own bank
are kept as single entries; constraints over the n-th last command (tFAW) are rows counted from that command's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.commands import (
    ACT,
    ACT2,
    BANK_COMMANDS,
    CASRD,
    CASWR,
    COLUMN_COMMANDS,
    N_COMMANDS,
    PRE,
    PREAB,
    RANK_COMMANDS,
    RD,
    RDA,
    REFAB,
    REFPB,
    REFSB,
    SLEEP_COMMANDS,
    WR,
    WRA,
    is_rank_command,
)
from edensim.jit import LANES
from edensim.memory import Organisation

Int = NDArray[np.int64]


def room(wanted: int, least: int) -> int:
    """A length for `wanted` entries, of which there are few different ones: `least` or a power of two beyond it."""
    return max(least, 1 << (wanted - 1).bit_length())


@dataclass(frozen=True)
class Shape:
    """Banks of one channel as a tree, and how the kernel's arrays follow from it.

    `sleeps`: ranks are powered down; `half_clock`: clocks are half clocks, and column commands go at odd ones only.
    """

    layout: Organisation
    sleeps: bool = False
    half_clock: bool = False

    @property
    def banks(self) -> int:
        """Banks of the channel."""
        return self.layout.banks

    @property
    def node_span(self) -> int:
        """Banks of one rank, the unit of PREab and REFab."""
        return self.layout.banks_per_rank

    @property
    def ranks(self) -> int:
        """Ranks of the channel, over all pseudo-channels."""
        return self.layout.ranks_per_channel

    @property
    def padded(self) -> int:
        """Banks rounded up to whole vector lanes."""
        return -(-self.banks // LANES) * LANES

    @property
    def padded_ranks(self) -> int:
        """Room for ranks: a power of two, so that memories with few ranks share a kernel."""
        return room(self.ranks, 4)

    @property
    def allowed_size(self) -> int:
        """Next-allowed times: seven rows of banks, rows of ranks, one dummy cell."""
        per_rank = len(RANK_COMMANDS) - (0 if self.sleeps else len(SLEEP_COMMANDS))
        return BANK_COMMANDS * self.padded + per_rank * self.padded_ranks + 1

    def rank_row(self, command: int) -> int:
        """Where the next-allowed times of a command that addresses ranks begin."""
        return BANK_COMMANDS * self.padded + RANK_COMMANDS.index(command) * self.padded_ranks

    def banks_of(self, command: int, target: int) -> Int:
        """Banks that a command addresses: those of a rank, one, or the same bank of every group."""
        if is_rank_command(command):
            return np.arange(target * self.node_span, (target + 1) * self.node_span)
        if command == REFSB:
            return np.arange(target, (target // self.node_span + 1) * self.node_span, self.layout.banks_per_group)
        return np.array([target])

    def span(self, level: str) -> int:
        """Banks below a node of `level`."""
        return self.layout.spans[level]

    def parent_span(self, level: str) -> int:
        """Banks below the parent of a node of `level`."""
        return self.span(level) * self.layout.fan_out[level]


@dataclass(frozen=True)
class Edge:
    """One resolved constraint: in a node of `scope`, `following` waits `cycles` after the `window`-th last `preceding`.

    `cycles` (int64, one per bank): the value for the bank that the preceding command addresses; for PREab and REFab,
    that of the bank of the following command; for a pair of rank commands the largest of the rank. `sibling`: applies
    to the other nodes of the level under the same parent instead.

    `rows` (int64 [banks, subarrays]): where the value depends on the subarray of a row, that of the row which the bank
    in question has or last had open, an ACT's own included; `cycles` is then the least of each bank, which also holds
    before the first row of a run is opened.
    """

    name: str
    scope: str
    preceding: tuple[int, ...]
    following: tuple[int, ...]
    cycles: Int
    window: int = 1
    sibling: bool = False
    rows: Int | None = None

    @property
    def is_uneven(self) -> bool:
        """Whether the value differs between banks, or may between rows."""
        return self.rows is not None or bool(self.cycles.min() < self.cycles.max())


@dataclass(frozen=True)
class Refresh:
    """Refreshes that fall due once in every period: clock of the first, and which, in order of time; none = never.

    `command` is REFAB, and `nodes` are ranks; or it is REFPB, and they are banks; or REFSB, and they are banks of the
    first group of a rank.
    """

    period: int
    first: tuple[int, ...]
    nodes: tuple[int, ...]
    command: int = REFAB


def reach(shape: Shape, edge: Edge, issuing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Banks whose commands an edge delays, by the banks that the preceding command addresses: bool [issuers, banks]."""
    span = shape.span(edge.scope)
    own: NDArray[np.bool_] = issuing.reshape(len(issuing), -1, span).any(axis=2).repeat(span, axis=1)
    if not edge.sibling:
        return own
    parent = np.arange(shape.banks) // shape.parent_span(edge.scope)
    others: NDArray[np.bool_] = (parent == parent[issuing.argmax(axis=1)][:, None]) & ~own
    return others


def allowed_row(command: int) -> int:
    """Row of next-allowed times of a command that addresses banks."""
    return REFPB if command == REFSB else command


def gathered(shape: Shape, cycles: Int) -> Int:
    """What REFsb has to wait: the longest of its banks, at the bank that it addresses; int64 [issuers, banks]."""
    out = np.zeros_like(cycles)
    size = shape.layout.banks_per_group
    by_group = (len(cycles), shape.ranks, -1, size)
    out.reshape(by_group)[:, :, 0] = cycles.reshape(by_group).max(axis=2)
    return out


def full_delays(shape: Shape, edges: Sequence[Edge], preceding: int, issued: Sequence[int]) -> Int:
    """Delay of every target after one command: int64 [issuing bank or rank, target of `allowed`]; 0 = no constraint.

    A constraint of 0 clocks counts as 1, which a channel with one command per clock keeps anyway, so that the layout of
    the table does not depend on the operating point.
    """
    by_rank = is_rank_command(preceding)
    issuers = shape.ranks if by_rank else shape.banks
    issuing = np.zeros((issuers, shape.banks), bool)
    for k in range(issuers):
        issuing[k, shape.banks_of(preceding, k)] = True
    out = np.zeros((issuers, shape.allowed_size - 1), np.int64)
    for edge in edges:
        if preceding not in edge.preceding or edge.window > 1:
            continue
        hit = reach(shape, edge, issuing)
        waits = np.where(hit, np.maximum(edge.cycles if by_rank else edge.cycles[:, None], 1), 0)
        longest = np.where(issuing, np.maximum(edge.cycles, 1), 0).max(axis=1)
        for f in (f for f in edge.following if f in issued):
            if f in RANK_COMMANDS:
                at, ranks = shape.rank_row(f), hit.reshape(issuers, shape.ranks, -1).any(axis=2)
                found = np.where(ranks, longest[:, None], 0)
            else:
                at, found = allowed_row(f) * shape.padded, gathered(shape, waits) if f == REFSB else waits
            row = out[:, at : at + found.shape[1]]
            np.maximum(row, found, out=row)
    return out


@dataclass(frozen=True)
class RowLayout:
    """Rows of a subarray, and how many kinds of subarrays a table has room for: at most all that differ in clocks."""

    subarray_rows: int
    kinds: int


def compile_rows(
    shape: Shape, edges: Sequence[Edge], issued: Sequence[int], layout: RowLayout | None
) -> dict[str, Int]:
    """What subarrays ask for beyond the least of their bank, as single entries by kind of subarray.

    `kind_of` int64 [banks, subarrays]; `by_row_n` int64 [commands]: entries of a command; `by_row_at` and
    `by_row_delay` int64 [commands, kinds, banks, entries]: a command that concerns a row of the kind at that bank
    delays that cell of `allowed`. Kind 0 delays nothing; it is that of banks which never had a row open.
    """
    mine = [edge for edge in edges if edge.rows is not None]
    fields = {"kind_of": np.zeros((1, 1), np.int64), "by_row_n": np.zeros(N_COMMANDS, np.int64)}
    if layout is None:
        return fields | {x: np.zeros((1, 1, 1, 1), np.int64) for x in ("by_row_at", "by_row_delay")}
    clocks = np.stack([edge.rows for edge in mine if edge.rows is not None])
    values, kind_of = np.unique(clocks.reshape(len(mine), -1), axis=1, return_inverse=True)
    fields["kind_of"] = kind_of.reshape(clocks.shape[1:]).astype(np.int64) + 1
    delays: dict[int, Int] = {}
    for p in (*issued, ACT2):
        preceded = [(j, edge) for j, edge in enumerate(mine) if p in edge.preceding]
        for k, cycles in enumerate(values.T if preceded else (), 1):
            own = [replace(edge, cycles=np.full(shape.banks, cycles[j])) for j, edge in preceded]
            table = full_delays(shape, own, p, issued)
            if is_rank_command(p):  # bank by bank: of the other banks' own rows this one knows nothing
                table = np.repeat(table, shape.node_span, axis=0)
                target = np.arange(BANK_COMMANDS * shape.padded) % shape.padded
                table[:, : len(target)] *= target == np.arange(shape.banks)[:, None]
            if k == 1:
                delays[p] = np.zeros((layout.kinds + 1, *table.shape), np.int64)
                fields["by_row_n"][p] = (table > 0).sum(axis=1).max()
            delays[p][k] = table
    size = (N_COMMANDS, layout.kinds + 1, shape.padded, room(int(fields["by_row_n"].max()), 4))
    fields["by_row_at"] = np.full(size, shape.allowed_size - 1, np.int64)
    fields["by_row_delay"] = np.zeros(size, np.int64)
    for p, tables in delays.items():
        for b in range(shape.banks):
            at = np.flatnonzero(tables[1, b])
            fields["by_row_at"][p, :, b, : len(at)] = at
            fields["by_row_delay"][p, :, b, : len(at)] = tables[:, b, at]
    return fields


def compile_table(
    shape: Shape,
    edges: Sequence[Edge],
    refresh: Refresh,
    closes_rows: bool = False,
    by_row: RowLayout | None = None,
    closes_ranks: bool = False,
) -> np.ndarray:
    """Compile the constraints of one channel to a table record (shape [1]); its delay rows are int32, flat.

    Its lengths are part of the type that kernels are compiled for; they are rounded up, so that few kernels serve all.

    `by_row` is for edges that depend on rows.

    Constraints on commands that no controller issues with this refresh and row policy (`closes_rows`: by RDA and WRA;
    `closes_ranks`: by PREab, beside refreshes) compile to nothing.
    """
    issued = [RD, WR, ACT, PRE, *((RDA, WRA) if closes_rows else ())]
    issued += [PREAB, REFAB] if refresh.command == REFAB else [refresh.command, *((PREAB,) if closes_ranks else ())]
    if shape.sleeps:
        issued = [*dict.fromkeys([*issued, PREAB, *SLEEP_COMMANDS])]
    pad, dummy = shape.padded, shape.allowed_size - 1
    fields: dict[str, Int] = {x: np.zeros(N_COMMANDS, np.int64) for x in ("row_n", "one_n", "window_n")}
    fields |= {x: np.zeros((N_COMMANDS, BANK_COMMANDS), np.int64) for x in ("row_target", "row_at")}
    fields["gap"] = np.ones((N_COMMANDS, 3), np.int64)
    fields["reach"] = np.zeros((N_COMMANDS, pad, 2), np.int64)
    rows: list[NDArray[np.int32]] = [np.zeros(pad, np.int32)]
    at = pad
    singles: dict[int, list[list[tuple[int, int]]]] = {}
    for p in (*issued, ACT2, CASRD, CASWR):  # nothing waits for the last three: they are never targets
        table = full_delays(shape, edges, p, issued)
        if shape.half_clock and p in COLUMN_COMMANDS:
            drop_half_clocks(shape, table)
        fields["gap"][p] = least_waits(shape, table, issued)
        fields["reach"][p, : len(table)] = blocks_reached(table[:, : BANK_COMMANDS * pad], pad)
        for f in range(BANK_COMMANDS):
            part = table[:, f * pad : (f + 1) * pad]
            beyond = part.copy()
            if not is_rank_command(p):
                np.fill_diagonal(beyond, 0)
            if beyond.any():
                fields["row_target"][p, fields["row_n"][p]] = f
                fields["row_at"][p, fields["row_n"][p]] = at
                fields["row_n"][p] += 1
                rows.append(part.astype(np.int32).ravel())
                at += part.size
                part[:] = 0
        singles[p] = [[(int(x), int(line[x])) for x in np.flatnonzero(line)] for line in table]
        fields["one_n"][p] = max(map(len, singles[p]))
    fields["one_at"] = np.full((N_COMMANDS, pad, room(int(fields["one_n"].max()), 8)), dummy, np.int64)
    fields["one_delay"] = np.zeros_like(fields["one_at"])
    for p, per_issuer in singles.items():
        for k, entries in enumerate(per_issuer):
            for j, (x, cycles) in enumerate(entries):
                fields["one_at"][p, k, j] = x
                fields["one_delay"][p, k, j] = cycles
    window_rows = compile_windows(shape, edges, fields, at, issued)
    fields |= compile_rows(shape, edges, issued, by_row)
    fields |= {x: np.zeros(pad, np.int64) for x in ("timer_at", "timer_node")}
    timers = max(1, len(refresh.nodes))
    fields["timer_at"][:timers], fields["timer_node"][:timers] = refresh.first or (0,), refresh.nodes or (0,)
    delay = np.concatenate(rows + window_rows)
    layout = [(n, np.int64, v.shape) for n, v in fields.items()]
    scalars = {"timer_period": refresh.period, "timer_command": refresh.command, "timers": timers}
    scalars["subarray_rows"] = 1 if by_row is None else by_row.subarray_rows
    layout += [(name, np.int64, ()) for name in scalars]
    record = np.zeros(1, np.dtype((np.record, [*layout, ("delay", np.int32, (room(len(delay), 16 * pad * pad),))])))
    for name, value in (fields | scalars).items():
        record[name][0] = value
    record["delay"][0, : len(delay)] = delay
    return record


def drop_half_clocks(shape: Shape, table: Int) -> None:
    """Take from the delays of a column command those of other column commands that their clocks keep anyway."""
    for f in COLUMN_COMMANDS:
        row = table[:, f * shape.padded : (f + 1) * shape.padded]
        row[row <= 2] = 0


def blocks_reached(delays: NDArray[np.integer[Any]], padded: int) -> Int:
    """First and behind the last block of LANES banks that anything at each bank or node delays: int64 [nodes, 2].

    `delays` are rows of `padded` banks, one behind the other: [nodes, rows x padded].
    """
    reached = np.any(delays.reshape(len(delays), -1, padded // LANES, LANES) > 0, axis=(1, 3))
    ends = reached.shape[1] - reached[:, ::-1].argmax(axis=1)
    return np.stack([reached.argmax(axis=1), np.where(reached.any(axis=1), ends, 0)], axis=1)


def least_waits(shape: Shape, table: Int, issued: Sequence[int]) -> list[int]:
    """Clocks after a command in which no bank at all may take a column command, an ACT, a PRE (1: none beyond its own).

    `table` are the delays of that command, see `full_delays`.
    """
    kinds = (COLUMN_COMMANDS, (ACT,), (PRE,))
    return [
        max(1, min(int(table[:, f * shape.padded :][:, : shape.banks].min()) for f in kind if f in issued))
        for kind in kinds
    ]


def compile_windows(
    shape: Shape, edges: Sequence[Edge], fields: dict[str, Int], at: int, issued: Sequence[int]
) -> list[NDArray[np.int32]]:
    """Fill the window fields; returns the delay rows of the windows, which begin at `at`."""
    windows = [
        (members, f, e)
        for e in edges
        if e.window > 1
        for members in [[p for p in e.preceding if p in issued]]
        for f in e.following
        if members and f in issued
    ]
    n = max(len(windows), 1)
    fields["window_id"] = np.zeros((N_COMMANDS, n), np.int64)
    fields["window_node"] = np.zeros((n, shape.padded), np.int64)
    fields["window_reach"] = np.zeros((n, shape.padded, 2), np.int64)
    fields |= {x: np.ones(n, np.int64) for x in ("window_length", "window_target", "window_at")}
    rows = []
    for k, (members, f, edge) in enumerate(windows):
        node = np.arange(shape.banks) // shape.span(edge.scope)
        for p in members:  # they count together
            fields["window_id"][p, fields["window_n"][p]] = k
            fields["window_n"][p] += 1
        fields["window_length"][k] = edge.window
        fields["window_target"][k] = allowed_row(f)
        fields["window_node"][k, : len(node)] = node
        fields["window_at"][k] = at
        part = np.zeros((int(node[-1]) + 1, shape.padded), np.int32)
        part[node, np.arange(shape.banks)] = edge.cycles
        fields["window_reach"][k, : len(part)] = blocks_reached(part, shape.padded)
        rows.append(part.ravel())
        at += part.size
    return rows
