"""The reference controller against ramulator2 2.1, command for command, and on cases worked out by hand."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np
import pytest

from edensim.dram.command_log import resolve_edges
from edensim.dram.commands import ACT, PRE, PREAB, RD, REFAB
from edensim.dram.generate import golden_trace
from edensim.dram.reference import Requests, Settings, Tally, simulate
from edensim.dram.table import Edge
from edensim.dram.timing import resolve_timing
from edensim.memory import Geometry
from tests.dram.parity import constraint_table, decode, golden_records, parity_dram, settings

MILESTONES = {
    ("ddr4_2400_frfcfs32", "s1_streams16", 0): [(1000, 3136, 2155405752), (10000, 33606, 1673553480)],
    ("ddr4_2400_frfcfs32", "s2_random_writes", 0): [(1000, 2185, 889224213)],
    ("ddr4_2400_rowhit32", "s1_streams16", 0): [(1000, 3346, 1435140315)],
    ("ddr4_2400_2rank_frfcfs32", "s1_streams16", 0): [(1000, 3096, 4092214011)],
    ("ddr4_2400_2rank_rowhit32", "s1_streams16", 0): [(1000, 3238, 2101478435)],
    ("ddr4_2400_2rank_scatter", "s4_rank_pingpong", 0): [(1000, 4085, 507920011), (10000, 43857, 2339957968)],
    ("ddr4_3200_frfcfs32", "s3_dnn_like", 0): [(1000, 5812, 427649761)],
    ("ddr4_2400_chrabaroco", "s1_streams16", 0): [(1000, 2619, 2016272320)],
    ("ddr4_2400_mop4clxor", "s1_streams16", 0): [(1000, 2453, 4077883850)],
    ("ddr4_2400_2ch", "s3_dnn_like", 0): [(1000, 4992, 86750240)],
    ("ddr4_2400_2ch", "s3_dnn_like", 1): [(1000, 4999, 371624861)],
    ("ddr3_1600_frfcfs32", "s3_dnn_like", 0): [(1000, 3880, 607173961), (10000, 40530, 185459728)],
    ("ddr5_4800_frfcfs32", "s3_dnn_like", 0): [(1000, 13161, 4291724247)],
    ("gddr6_14000_frfcfs32", "s3_dnn_like", 0): [(1000, 2890, 3515788994)],
    ("lpddr5_6400_allbank", "s3_dnn_like", 0): [(1000, 2424, 2732982513), (10000, 24802, 2880533906)],
    ("lpddr5_6400_perbank", "s3_dnn_like", 0): [(1000, 2558, 3045106739), (10000, 24905, 720882039)],
    ("hbm2_2000_frfcfs32", "s3_dnn_like", 0): [(1000, 1825, 1835658678), (10000, 18781, 3860065652)],
    ("hbm3_6400_frfcfs32", "s3_dnn_like", 0): [(1000, 4295, 1651357218), (10000, 45801, 2776749621)],
    ("hbm3_6400_perbank", "s3_dnn_like", 0): [(1000, 5399, 3885416384)],
}
"""From runs of ramulator2 2.1 (commit c5b1c3a): (preset, trace, channel) -> (k, clock of the k-th command, CRC-32 of
the first k records)."""

NEEDED = {1000: 2000, 10000: 9800}  # requests that lead to so many commands
cached_trace = lru_cache(maxsize=2)(golden_trace)


READ, WRITE = False, True
Small = tuple[int, int, int, bool, int]
"""Bank, row, column, is_write, arrival."""
FREE = Settings(row_hit_first=True, read_queue=8, write_queue=8, read_latency=20)


def small(*requests: Small, rules: list[Edge] | None = None, chosen: Settings = FREE) -> Tally:
    """Run requests on one DDR4-2400 rank: nRCD = nRP = CL = 16, nRAS 39, nWR 18, CWL 12, nBL 4."""
    dram = parity_dram("ddr4_2400_rowhit32")
    bank, row, column, is_write, arrival = np.array(requests, np.int64).T
    places = Requests(np.zeros_like(bank), bank, row, column, is_write, arrival)
    return simulate([rules or constraint_table(dram)], Geometry.from_config(dram), chosen, places)


def run(preset: str, trace: str, count: int) -> Tally:
    """Run the reference on the first requests of a golden trace."""
    dram = parity_dram(preset)
    head = {name: column[:count] for name, column in cached_trace(trace).items()}
    return simulate(
        [constraint_table(dram)] * dram.channels, Geometry.from_config(dram), settings(dram), decode(dram, head)
    )


@pytest.mark.parametrize(("preset", "trace"), sorted({key[:2] for key in MILESTONES}))
def test_commands_equal_ramulator2(preset: str, trace: str) -> None:
    """The first commands are those of ramulator2 2.1: same clock, command, place, row and column."""
    wanted = {key[2]: marks for key, marks in MILESTONES.items() if key[:2] == (preset, trace)}
    result = run(preset, trace, NEEDED[max(marks[-1][0] for marks in wanted.values())])
    for channel, marks in wanted.items():
        log = np.array(result.commands[channel])
        records = golden_records(log, parity_dram(preset))
        for count, clock, crc in marks:
            assert log[count - 1, 0] == clock
            assert zlib.crc32(records[:count].tobytes()) == crc


def test_one_read() -> None:
    """A read of a closed bank takes one clock to be seen, then nRCD, CL and the burst."""
    result = small((3, 7, 5, READ, 0))
    assert result.commands == [[(1, ACT, 3, 7, -1), (17, RD, 3, -1, 5)]]
    assert (result.cycles, result.read_latency_sum, result.misses) == (37, 37, 1)


def test_conflict_waits_for_row_cycle() -> None:
    """Another row of the bank: PRE after nRAS, ACT after nRP, RD after nRCD; its latency counts from clock 1."""
    result = small((3, 7, 5, READ, 0), (3, 8, 6, READ, 0))
    assert result.commands[0][2:] == [(40, PRE, 3, -1, -1), (56, ACT, 3, 8, -1), (72, RD, 3, -1, 6)]
    assert (result.read_latency_sum, result.misses, result.conflicts) == (37 + 91, 1, 1)


def test_forwarding_and_coalescing() -> None:
    """Only a write that still waits serves reads and absorbs writes of its address; neither is classified."""
    same = [(0, 4, 2, WRITE, 0), (0, 4, 2, READ, 0), (0, 4, 2, WRITE, 0)]
    result = small((0, 1, 2, WRITE, 0), *same, (0, 4, 3, READ, 0))
    assert (result.forwarded, result.coalesced, result.reads) == (1, 1, 2)
    assert result.hits + result.misses + result.conflicts == 3
    first_pre = next(clock for clock, command, *_ in result.commands[0] if command == PRE)
    assert first_pre == 17 + 12 + 4 + 18, "write recovery counts from the end of the data"


def test_full_queue_blocks_all_later_requests() -> None:
    """With one entry the third read, to another bank, is accepted only after the second was activated (clock 56)."""
    one = Settings(row_hit_first=True, read_queue=1, write_queue=1, read_latency=20)
    result = small((0, 1, 0, READ, 0), (0, 2, 0, READ, 0), (1, 1, 0, READ, 0), chosen=one)
    acts = [(clock, bank) for clock, command, bank, *_ in result.commands[0] if command == ACT]
    assert acts == [(1, 0), (56, 0), (62, 1)], "the last one waits nRRD_L = 6 after the second"


def test_refresh_closes_all_banks_and_blocks_new_requests() -> None:
    """At nREFI the rank is precharged and refreshed; a request arriving then is activated nRFC = 433 later."""
    chosen = Settings(row_hit_first=True, read_queue=8, write_queue=8, read_latency=20, refresh_interval=9364)
    result = small((0, 1, 0, READ, 0), (0, 1, 1, READ, 9364), chosen=chosen)
    wanted = [(9364, PREAB, 0, -1, -1), (9380, REFAB, 0, -1, -1), (9813, ACT, 0, 1, -1), (9829, RD, 0, -1, 1)]
    assert result.commands[0][2:] == wanted
    assert (result.hits, result.misses) == (0, 2)


@pytest.mark.parametrize(("row_hit_first", "precharged"), [(False, 40), (True, 71)])
def test_row_hit_first_keeps_the_row_of_an_older_hit(row_hit_first: bool, precharged: int) -> None:
    """A hit waits for the write-to-read turnaround (clock 62); only FRFCFS lets a younger conflict close its row."""
    requests = ((0, 1, 0, READ, 0), (1, 1, 0, WRITE, 20), (0, 1, 1, READ, 37), (0, 2, 0, READ, 38))
    chosen = Settings(row_hit_first=row_hit_first, read_queue=8, write_queue=8, read_latency=20)
    result = small(*requests, chosen=chosen)
    assert next(clock for clock, command, *_ in result.commands[0] if command == PRE) == precharged
    assert (62, RD, 0, -1, 1) in result.commands[0] or not row_hit_first


def test_banks_may_differ() -> None:
    """nRCD, nRAS and nRP of single banks replace the common ones in every constraint they enter."""
    timing = resolve_timing(parity_dram("ddr4_2400_rowhit32"))
    slow, fast = np.full(16, 16), np.full(16, 16)
    slow[0], fast[0] = 20, 8
    own = {"nRCD": fast, "nRP": slow, "nRAS": slow + 23, "nRC": 2 * slow + 23}
    rules = resolve_edges(timing.standard, timing.ck, own, 16)
    result = small((0, 1, 0, READ, 0), (0, 2, 0, READ, 0), (1, 1, 0, READ, 200), rules=rules)
    assert [clock for clock, *_ in result.commands[0]] == [1, 9, 44, 64, 72, 201, 217]
