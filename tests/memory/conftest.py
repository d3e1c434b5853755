"""A DDR4-2400R 8Gb x8 module and a DDR3L-1600 4Gb x8 module, any key of which a test may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edensim.config.schema import Dram, Power, Rail, Timing

CURRENTS = {"IDD0": 48.0, "IDD2N": 34.0, "IDD3N": 43.0, "IDD4R": 135.0, "IDD4W": 123.0, "IDD5B": 250.0}
DDR4 = {
    "standard": "DDR4",
    "data_rate_mt_s": 2400,
    "density_mbit": 8192,
    "bank_groups": 4,
    "banks_per_group": 4,
    "rows": 65536,
    "timing": Timing(tRCD_ns=13.32, tRAS_ns=32.0, tRP_ns=13.32),
}
DDR3L = {
    "standard": "DDR3",
    "data_rate_mt_s": 1600,
    "density_mbit": 4096,
    "banks_per_group": 8,
    "rows": 65536,
    "timing": Timing(tRCD_ns=13.75, tRAS_ns=35.0, tRP_ns=13.75),
}
WIDTHS = {"channel_width_bits": 64, "device_width_bits": 8, "columns": 1024}


def _power(volt: float) -> Power:
    rails = {"VDD": Rail(voltage_v=volt, follows_vdd=True, **CURRENTS), "VPP": Rail(voltage_v=2.5, **CURRENTS)}
    return Power(source="test", idd3n_basis="all_banks", rails=rails)


@pytest.fixture(scope="session")
def ddr4() -> Callable[..., Dram]:
    """DDR4-2400R 8Gb x8, 1.2 V, with changes."""

    def make(**changes: Any) -> Dram:
        return Dram(**({**DDR4, **WIDTHS, "power": _power(1.2)} | changes))

    return make


@pytest.fixture(scope="session")
def ddr3l() -> Callable[..., Dram]:
    """DDR3L-1600 4Gb x8, 1.35 V, with changes."""

    def make(**changes: Any) -> Dram:
        return Dram(**({**DDR3L, **WIDTHS, "power": _power(1.35)} | changes))

    return make
