"""What simple loads must take on a memory, worked out from its timings alone, beside what they take when replayed.

The tests hold every shipped memory to these; `benchmarks/validation.py` prints them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace_requests import Requests

REFRESHES = 12


@dataclass(frozen=True)
class Form:
    """A quantity as simulated, and the closed interval the timings allow; exact forms have low = high."""

    simulated: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether what was simulated lies in the interval."""
        return self.low <= self.simulated <= self.high


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


def closed_row_read(name: str) -> Form:
    """Clocks of a lone read of a closed row: 1 + tRCD + read latency (HBM, LPDDR5: see `activate_to_read`)."""
    system = memory(name)
    done = read(system, [3], [7], [0])
    exact = 1 + activate_to_read(system) + system.timing.read_latency
    assert done.cycles == int(done.counters.read_latency_ck_sum[0])
    return Form(done.cycles, exact, exact)


def open_row_read(name: str) -> Form:
    """Clocks of a lone read of the open row: 1 + read latency, and one to start the data clock of LPDDR5."""
    system = memory(name)
    first, done = read(system, [3], [7], [0]), read(system, [3] * 5, [7] * 5, range(5), gap=1000)
    waited = int((done.counters.read_latency_ck_sum - first.counters.read_latency_ck_sum)[0])
    exact = 1 + system.timing.read_latency + (1 if system.timing.standard.wck_read else 0)
    return Form(waited / 4, exact, exact)


def streaming(name: str) -> Form:
    """Share of the peak that a sequential read stream reaches: 1 - tRFC / tREFI.

    Around a refresh the bus also idles while rows are closed and opened again, at most a row cycle and a read. The
    queue must see further ahead than a row takes to open; the two pseudo-channels of HBM3 share one of 32 otherwise.
    """
    system = memory(name, "all_bank", *(["dram.controller.read_queue=64"] if name.startswith("hbm3") else []))
    ck, buses = system.timing.ck, system.geometry.pseudo_channels
    count = buses * REFRESHES * ck["nREFI"] // ck["nBL"]
    addr = np.arange(count, dtype=np.uint64) * np.uint64(system.line_bytes)
    done = replay_requests(system, [Requests(addr, np.zeros(count, np.uint8), np.zeros(count, np.uint64))])
    assert int(done.counters.n_ref.sum()) >= REFRESHES
    turnaround = ck["nRC"] + ck["nRCD"] + system.timing.read_latency + ck["nRTP"]
    most = 1 - ck["nRFC"] / ck["nREFI"]
    return Form(count * ck["nBL"] / buses / done.cycles, most - turnaround / ck["nREFI"] - 0.002, most)


def random_in_one_bank(name: str) -> Form:
    """Clocks per read of ever other rows of one bank: tRC, or tRAS + tRP where rounding makes that longer."""
    system = memory(name)
    ck, count = system.timing.ck, 200
    done = read(system, np.full(count, 3), np.arange(count))
    cycle = max(ck["nRC"], ck["nRAS"] + ck["nRP"])
    start = 1 + activate_to_read(system) + system.timing.read_latency
    return Form((done.cycles - start) / (count - 1), cycle, cycle)


def random_in_all_banks(name: str) -> Form:
    """Clocks per read of ever other rows of all banks: most of tFAW / 4, tRRD, tRC over the banks, and the bus.

    Pseudo-channels double that, but share a row bus on which PRE and ACT take their clocks. An ACT may find the command
    bus taken by a PRE or RD: up to half a clock is lost per request.
    """
    system = memory(name)
    ck, banks = system.timing.ck, interleaved(system)
    rounds = 2048 // len(banks)
    count = rounds * len(banks)
    done = read(system, np.tile(banks, rounds), np.repeat(np.arange(rounds), len(banks)))
    assert int(done.counters.n_act.sum()) == count
    per_rank = max(ck["nFAW"] / 4, ck["nRRD_S"], ck["nBL"]) / system.geometry.pseudo_channels
    row_bus = {"HBM2": 2 + 1, "HBM3": 3 + 1, "LPDDR5": 4}.get(system.dram.standard, 1)  # LPDDR5: ACT, ACT2, RD, PRE
    bound = max(per_rank, ck["nRC"] / len(banks), row_bus)
    start = activate_to_read(system) + system.timing.read_latency
    return Form(done.cycles / count, (count - 4) * bound / count, bound + 0.5 + start / count)


FORMS: tuple[Callable[[str], Form], ...] = (
    closed_row_read,
    open_row_read,
    streaming,
    random_in_one_bank,
    random_in_all_banks,
)
