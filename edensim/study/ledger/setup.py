"""A simulation that the ledger needs, as the settings of one point of a sweep.

Voltage is no part of it, unless timings follow from it: commands and times do not depend on VDD, so one simulation is
priced at every voltage and with every voltage model (`pricing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edensim.study.ledger.corner import Corner

BASE: dict[str, Any] = {
    "title": "The numbers of the EDEN paper",
    "workload": {"network": "alexnet"},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
}
"""What the points of the sweep depart from; each point sets everything that matters."""
DDR4 = ("RoBaRaCoBgCh", "RoCoRaBaBgCh")
"""Maps of memories with bank groups: shipped, and interleaved: successive bursts go to all banks in turn."""
GDDR5 = ("RoBaRaCoHBgCoL2Ch", "RoCoRaBaBgCh")
"""The first as in configs/gpu-yolo-tiny.toml: 128 bytes in a row."""


@dataclass(frozen=True)
class Organisation:
    """A memory behind a stated capacity: preset, rate, channels, ranks; address maps, shipped and interleaved; V."""

    preset: str
    data_rate_mt_s: int
    channels: int
    ranks: int
    maps: tuple[str, str]
    nominal_vdd: float = 1.2


MEMORIES = {
    # 4 GB in the paper: 16 banks as its profiled module, with the shipped 8 Gb devices, so 8 GB; or 4 GB of 8 banks.
    "DDR4-2400": {
        "stated": Organisation("ddr4-2400r-8gb-x8", 2400, 1, 1, DDR4),
        "other": Organisation("ddr4-2400r-8gb-x16", 2400, 1, 1, DDR4),
    },
    # 4 GB in the paper: 1 GB to a rank; four ranks, or two on each of two channels.
    "LPDDR3-1600": {
        "stated": Organisation("lpddr3-1600-4gb-x32", 1600, 1, 4, ("RoBaRaCoCh", "RoCoRaBaCh")),
        "other": Organisation("lpddr3-1600-4gb-x32", 1600, 2, 2, ("RoBaRaCoCh", "RoCoRaBaCh")),
    },
    # 8 GB on 2 channels in the paper: 8 GB to a channel with the shipped devices, or half of that.
    "DDR4-2133": {
        "stated": Organisation("ddr4-2133p-8gb-x8", 2133, 2, 1, DDR4),
        "other": Organisation("ddr4-2133p-8gb-x8", 2133, 1, 1, DDR4),
    },
    # 2500 MHz, 6 channels, 24 chips in the paper: 384 data pins as 12 channels of one device, 2500 MHz the data clock.
    "GDDR5": {
        "stated": Organisation("gddr5-6000-1gb-x32", 5000, 12, 1, GDDR5, 1.5),
        "other": Organisation("gddr5-6000-1gb-x32", 5000, 6, 1, GDDR5, 1.5),
    },
}


@dataclass(frozen=True)
class Setup:
    """One network on one machine with one memory.

    Parameters
    ----------
    machine, network, precision, memory : str
        Presets; `memory` is a key of `MEMORIES`.
    delta_tRCD_ns : float
        Change of tRCD as in Table 3, carried over as the corner says.
    ideal : bool
        tRCD is 0.
    safe_vdd_share : float
        Share of nominal VDD whose lowest safe latencies are used (0: latencies of the data sheet).
    code : str
        How the code of layers is written (CPU).
    bounding_ck : int
        Clocks that the check for implausible values adds to every read.
    """

    machine: str
    network: str
    precision: str
    memory: str
    delta_tRCD_ns: float = 0.0
    ideal: bool = False
    safe_vdd_share: float = 0.0
    code: str = ""
    bounding_ck: int = 0

    def settings(self, corner: Corner) -> dict[str, Any]:
        """Dotted keys of the point: the same keys for every setup, null where nothing is said."""
        memory = MEMORIES[self.memory][corner.organisation]
        lowered = self.delta_tRCD_ns if self.delta_tRCD_ns and not self.ideal else None
        safe = self.safe_vdd_share
        return {
            "machine.preset": self.machine,
            "machine.memory_ns": corner.memory_ns if self.code else None,
            "machine.code": self.code or None,
            "machine.extrapolate": True if self.code else None,
            "workload.network": self.network,
            "workload.precision": self.precision,
            "dram.preset": memory.preset,
            "dram.data_rate_mt_s": memory.data_rate_mt_s,
            "dram.channels": memory.channels,
            "dram.ranks": memory.ranks,
            "dram.address_map": memory.maps[corner.address_map == "interleaved"],
            "dram.controller.row_policy": corner.row_policy,
            "dram.controller.bounding_ck": self.bounding_ck,
            "operating_point.tRCD_ns": 0.0 if self.ideal else None,
            "operating_point.delta_tRCD_ns": lowered,
            "operating_point.delta_tRCD_mode": corner.delta if lowered else "relative",
            "operating_point.vdd": round(safe * memory.nominal_vdd, 9) if safe else None,
            "operating_point.latency": "lowest_safe" if safe else None,
        }
