"""What simple loads must take on every shipped memory, worked out from its timings alone."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace_requests import Requests
from edensim.jit import JIT_DISABLED
from tests.dram.preset_dram import OWN

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests per memory need compiled kernels")


def memory(name: str, refresh: str = "none", *more: str) -> DramSystem:
    """One channel of a shipped memory."""
    overrides = ["dram.channels=1", f"dram.controller.refresh={refresh}", *more]
    return DramSystem(load_config({"dram": {"preset": name}}, set=overrides).config.dram)


def read(system: DramSystem, bank: object, row: object, column: object = 0, gap: int = 0) -> ReplayResult:
    """Replay reads of places, one every `gap` clocks."""
    line = system.address_map.encode(0, bank, row, column).astype(np.uint64)  # type: ignore[arg-type]
    count = len(line)
    arrival = np.arange(count, dtype=np.uint64) * np.uint64(gap)
    addr = line * np.uint64(system.line_bytes)
    return replay_requests(system, [Requests(addr, np.zeros(count, np.uint8), arrival)])


def interleaved(system: DramSystem) -> np.ndarray:
    """Banks in an order in which successive ones lie in different pseudo-channels, then bank groups."""
    g = system.geometry
    return np.arange(g.banks).reshape(g.pseudo_channels, g.groups_per_rank, g.banks_per_group).T.ravel()


def activate_to_read(system: DramSystem, wait: int | None = None) -> int:
    """Clocks from ACT to RD: tRCD (`wait`), one more where ACT is longer (HBM) or the data clock must start (LPDDR5).

    In half clocks (HBM3) both go at rising edges.
    """
    wait = system.timing.ck["nRCD"] if wait is None else wait
    if system.dram.standard in ("HBM2", "HBM3", "LPDDR5"):
        wait += 1
    return wait + wait % 2 if system.dram.standard == "HBM3" else wait


@pytest.mark.parametrize("name", OWN)
def test_unloaded_latency(name: str) -> None:
    """A lone read of a closed row takes 1 + tRCD + read latency; one of the open row 1 + read latency.

    In LPDDR5 a data clock that has stopped costs one clock either way.
    """
    system = memory(name)
    rcd, latency = activate_to_read(system), system.timing.read_latency
    first = read(system, [3], [7], [0])
    assert first.cycles == int(first.counters.read_latency_ck_sum[0]) == 1 + rcd + latency
    assert system.timing.unloaded_read_ns == pytest.approx(float(first.cycles * system.period / 1000))
    hits = read(system, [3] * 5, [7] * 5, range(5), gap=1000)
    starts = 4 if system.dram.standard == "LPDDR5" else 0
    assert int(hits.counters.read_latency_ck_sum[0]) == 5 * (1 + latency) + rcd + starts


@pytest.mark.parametrize("name", OWN)
def test_streaming_peak(name: str) -> None:
    """A sequential read stream keeps the data bus busy all the time but for refreshes: 1 - tRFC / tREFI of the peak.

    Around a refresh the bus also idles while rows are closed and opened again, at most a row cycle and a read. The
    queue must see further ahead than a row takes to open; the two pseudo-channels of HBM3 share one of 32 otherwise.
    """
    system = memory(name, "all_bank", *(["dram.controller.read_queue=64"] if name.startswith("hbm3") else []))
    ck = system.timing.ck
    refreshes, buses = 12, system.geometry.pseudo_channels
    count = buses * refreshes * ck["nREFI"] // ck["nBL"]
    line = np.arange(count, dtype=np.uint64)
    addr = line * np.uint64(system.line_bytes)
    result = replay_requests(system, [Requests(addr, np.zeros(count, np.uint8), np.zeros(count, np.uint64))])
    busy = count * ck["nBL"] / buses / result.cycles
    most = 1 - ck["nRFC"] / ck["nREFI"]
    turnaround = ck["nRC"] + ck["nRCD"] + system.timing.read_latency + ck["nRTP"]
    assert int(result.counters.n_ref.sum()) >= refreshes
    assert 1 - (ck["nRFC"] + turnaround) / ck["nREFI"] - 0.002 <= busy <= most


@pytest.mark.parametrize("name", OWN)
def test_random_rate_of_one_bank_is_tRC(name: str) -> None:  # noqa: N802
    """Reads of ever other rows of one bank follow each other by tRC, or tRAS + tRP where rounding makes that longer."""
    system = memory(name)
    ck, count = system.timing.ck, 200
    result = read(system, np.full(count, 3), np.arange(count))
    cycle = max(ck["nRC"], ck["nRAS"] + ck["nRP"])
    assert result.cycles == 1 + (count - 1) * cycle + activate_to_read(system) + system.timing.read_latency


@pytest.mark.parametrize("name", OWN)
def test_random_rate_of_all_banks_is_tFAW(name: str) -> None:  # noqa: N802
    """Reads of ever other rows of all banks are bound by four ACTs per tFAW, by tRRD, by tRC over the banks or the bus.

    Pseudo-channels double that, but share a row bus on which PRE and ACT take their clocks. An ACT may find the command
    bus taken by a PRE or RD: up to half a clock is lost per request.
    """
    system = memory(name)
    ck, banks = system.timing.ck, interleaved(system)
    rounds = 2048 // len(banks)
    result = read(system, np.tile(banks, rounds), np.repeat(np.arange(rounds), len(banks)))
    per_rank = max(ck["nFAW"] / 4, ck["nRRD_S"], ck["nBL"]) / system.geometry.pseudo_channels
    row_bus = {"HBM2": 2 + 1, "HBM3": 3 + 1, "LPDDR5": 4}.get(system.dram.standard, 1)  # LPDDR5: ACT, ACT2, RD, PRE
    bound = max(per_rank, ck["nRC"] / len(banks), row_bus)
    count = rounds * len(banks)
    assert int(result.counters.n_act.sum()) == count
    start = activate_to_read(system) + system.timing.read_latency
    assert (count - 4) * bound <= result.cycles <= count * (bound + 0.5) + start
