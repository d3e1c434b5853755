"""Random memories and traces small enough for the reference controller, mean enough to hit every rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from edensim.dram.command_log import resolve_edges
from edensim.dram.reference import Requests, Settings
from edensim.dram.reference_switch import SwitchRule
from edensim.dram.standard import evaluate, load_standard, standard_names
from edensim.dram.table import Edge
from edensim.memory import Organisation
from tests.dram.parity import family_rules

ROWS, COLUMNS = 3, 4


@dataclass(frozen=True)
class Scenario:
    """One memory and a trace for it. `bank_ck`: timings of single banks, int64 [channels, banks], or nothing.

    Of rows, int64 [channels, banks, ROWS], where a row is a subarray.
    """

    geometry: Organisation
    standard: str
    timing_ck: Mapping[str, int]
    bank_ck: Mapping[str, NDArray[np.int64]]
    settings: Settings
    requests: Requests

    @cached_property
    def edges(self) -> list[list[Edge]]:
        """The constraint table of every channel."""
        return tables(self.standard, self.timing_ck, self.bank_ck, self.geometry)


def tables(
    standard: str, ck: Mapping[str, int], own: Mapping[str, NDArray[np.int64]], geometry: Organisation
) -> list[list[Edge]]:
    """The constraint table of every channel."""
    family = load_standard(standard)
    return [
        resolve_edges(family, ck, {name: cycles[k] for name, cycles in own.items()}, geometry.banks)
        for k in range(geometry.channels)
    ]


def layouts(levels: tuple[str, ...]) -> st.SearchStrategy[Organisation]:
    """1-2 channels, ranks, pseudo-channels, stack IDs, 1-4 bank groups of 1-4 banks, three included.

    1 where a family has no such level.
    """

    def some(level: str, most: int) -> st.SearchStrategy[int]:
        return st.integers(1, most if level in levels else 1)

    return st.builds(
        Organisation,
        st.integers(1, 2),
        some("Rank", 2),
        some("BankGroup", 4),
        st.integers(1, 4),
        st.just(ROWS),
        st.just(COLUMNS),
        pseudo_channels=some("PseudoChannel", 2),
        stack_ids=some("Sid", 2),
    )


def timings(names: tuple[str, ...], smallest: int) -> st.SearchStrategy[dict[str, int]]:
    """Every n-name on its own, in no sensible relation to the others, up to its limit.

    No data sheet has zero for nRTP and nBL; with two buses a precharge could go in the clock of its column command.
    nREF_AFTER_PRE says whether a rule holds, 0 or 1.
    """
    limits = {"nRFC": 60, "nRFCpb": 40, "nRFCsb": 40, "nFAW": 80, "nCAS": 1, "nREF_AFTER_PRE": 1}
    least = {"nAAD": 1, "nRTP": 1, "nBL": 1}
    return st.fixed_dictionaries({name: st.integers(least.get(name, smallest), limits.get(name, 14)) for name in names})


@st.composite
def bank_timings(
    draw: st.DrawFn, channels: int, banks: int, smallest: int, by_row: bool = False
) -> Mapping[str, NDArray[np.int64]]:
    """NRCD, nRAS, nRP of every bank (or row) of every channel, and their nRC; or none."""
    if by_row:  # from a seed: there are too many to be drawn one by one
        rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
        size = (channels, banks, ROWS)
        own = {n: rng.integers(smallest, 26, size) for n in ("nRCD", "nRAS", "nRP")}
        # A row is not closed before it could be read: else an ACT would bind what follows a later one.
        return own | {"nRC": own["nRAS"] + own["nRP"], "nRCD": np.minimum(own["nRCD"], own["nRAS"])}
    if draw(st.booleans()):
        return {}
    values = st.lists(st.integers(smallest, 25), min_size=channels * banks, max_size=channels * banks)
    own = {n: np.array(draw(values), np.int64).reshape(channels, banks) for n in ("nRCD", "nRAS", "nRP")}
    return own | {"nRC": own["nRAS"] + own["nRP"]}


GAPS = {"dense": [0], "near": [0, 1, 2, 3], "wide": [0, 5, 40], "bursts": [0] * 12 + [300]}


@st.composite
def requests_for(draw: st.DrawFn, geometry: Organisation) -> Requests:
    """Up to 80 requests, dense or sparse, over few places, so that hits, conflicts and equal addresses abound.

    They come from a seed: built value by value, Hypothesis would keep the traces too short for full queues.
    """
    count = draw(st.integers(1, 80))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    banks = rng.permutation(geometry.banks)[: draw(st.integers(1, 8))]
    write_share = draw(st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]))
    gaps = GAPS[draw(st.sampled_from(sorted(GAPS)))]
    return Requests(
        channel=rng.integers(0, geometry.channels, count),
        bank=rng.choice(banks, count),
        row=rng.integers(0, draw(st.integers(1, ROWS)), count),
        column=rng.integers(0, draw(st.integers(1, COLUMNS)), count),
        is_write=(rng.random(count) < write_share).astype(np.int64),
        arrival=np.cumsum(rng.choice(gaps, count)),
    )


def sleep_rules() -> st.SearchStrategy[dict[str, Any]]:
    """When ranks are powered down: power-down, self refresh or both, after many or few clocks; or never."""
    after = st.sampled_from([None, 0, 1, 7, 30])
    rules = st.fixed_dictionaries(
        {
            "power_down_after": after,
            "self_refresh_after": st.sampled_from([None, None, 20, 90]),
            "closes_before_sleep": st.booleans(),
            "auto_precharge": st.tuples(st.integers(0, 9), st.integers(0, 9)),
        }
    )
    return rules.map(lambda x: {} if x["power_down_after"] is x["self_refresh_after"] is None else x)


@st.composite
def scenarios(
    draw: st.DrawFn,
    layout: Organisation | None = None,
    caps: tuple[int, ...] = (0,),
    family: str = "DDR4",
    per_bank: bool | None = None,
    same_bank: bool | None = None,
    row_hit_first: bool | None = None,
    own_policies: bool = False,
    sleeps: bool = False,
    by_row: bool = False,
    switching: bool = False,
) -> Scenario:
    """Any scenario; given a layout, scenarios of one family that differ in nothing the kernel is compiled for.

    `caps`: accesses after which a row is closed (0: never), one of which is drawn.
    `own_policies`: also FCFS, caps on row hits and rows closed by time, which are kernels of their own.
    `sleeps`: ranks may be powered down, where a family has that.
    `switching`: one or two switches of the operating point.
    `by_row`: timings differ from row to row, each of which is a subarray.
    `per_bank`, `same_bank` and `row_hit_first` are drawn if not given; only the last may differ in one compiled kernel.
    """
    smallest = 1 if layout else 0
    standard = load_standard(draw(st.sampled_from([family] if layout else standard_names())))
    geometry = layout or draw(layouts(standard.levels))
    sleep = draw(sleep_rules()) if sleeps and standard.sleep else {}
    ck = draw(timings(standard.names + (standard.sleep.names if sleep and standard.sleep else ()), smallest))
    own = draw(bank_timings(geometry.channels, geometry.banks, smallest, by_row))
    # An interval that leaves time for requests: shorter ones starve them for ever, here as in any controller.
    edges = sum(tables(standard.name, ck, own, geometry), [])
    own_ck = {name: np.full((geometry.channels, geometry.banks), ck[name]) for name in ("nRCD", "nRAS", "nRP", "nRC")}
    later = []
    for _ in range(draw(st.integers(1, 2)) if switching else 0):
        other = draw(bank_timings(geometry.channels, geometry.banks, smallest, by_row)) or own_ck
        rule = (draw(st.integers(0, 300)), draw(st.sampled_from(["drained", "blocking", "immediate"])))
        later.append(SwitchRule(*rule, draw(st.integers(0, 60)), tuple(tables(standard.name, ck, other, geometry))))
    later.sort(key=lambda rule: rule.clock)
    edges += [edge for rule in later for table in rule.edges for edge in table]
    longest = max(
        int((edge.cycles if edge.rows is None else edge.rows).max())
        for edge in edges
        if edge.name not in ("tRFC", "tRFCpb", "tRFCsb")
    )
    refreshing = max(ck["nRFC"], ck.get("nRFCpb", 0), ck.get("nRFCsb", 0))
    busy = geometry.ranks_per_channel * (refreshing + 4 * longest)
    interval = draw(st.one_of(st.just(0), st.integers(busy + 20, busy + 300))) if not layout else busy + 20
    if per_bank is None:
        per_bank = "nREFIpb" in standard.names and draw(st.booleans())
    if same_bank is None:
        same_bank = "nREFIsb" in standard.names and draw(st.booleans())
    own_rules: dict[str, Any] = {}
    if own_policies:
        own_rules = {
            "hit_cap": draw(st.sampled_from([0, 1, 3])),
            "postponed": draw(st.sampled_from([0, 0, 1, 2])),
        }
    if own_policies:
        timeout = draw(st.sampled_from([0, 0, 1, 7, 30]))
        own_rules |= {
            "in_order": draw(st.sampled_from([False, False, True])),
            "row_timeout": timeout,
            "timeout_range": draw(st.sampled_from([(timeout, timeout), (max(1, timeout // 4), 4 * timeout)])),
        }
        caps = caps if not timeout else (0,)
    settings = Settings(
        row_hit_first=draw(st.booleans()) if row_hit_first is None else row_hit_first,
        read_queue=draw(st.integers(1, 8)),
        write_queue=draw(st.integers(1, 8)),
        read_latency=int(evaluate(standard.read_latency, ck)),
        refresh_interval=interval,
        refresh_scatter=draw(st.integers(0, interval // geometry.ranks_per_channel)),
        write_marks=draw(st.sampled_from([(0.8, 0.2), (0.5, 0.0), (1.0, 0.9)])),
        row_cap=draw(st.sampled_from(caps)),
        drops_stale=draw(st.booleans()) if caps != (0,) else False,
        write_latency=draw(st.sampled_from([0, ck["nCWL"] + ck["nBL"]])),
        per_bank_refresh=per_bank,
        subarray_rows=int(by_row),
        switches=tuple(later),
        same_bank_refresh=same_bank,
        **family_rules(standard, ck),
        **own_rules,
        **sleep,
    )
    return Scenario(geometry, standard.name, ck, own, settings, draw(requests_for(geometry)))
