"""Times to clocks, identities between timings, per-bank values."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.standard import Rounding, load_standard
from edensim.dram.timing import bank_clocks, check_identities, clock_period, resolve_timing, to_clocks
from edensim.errors import ConfigError
from edensim.memory import resolve_operating_state
from tests.dram.preset_dram import OWN, PARITY, dram, table


@dataclass
class Times:
    tRCD_ns: np.ndarray
    tRAS_ns: np.ndarray
    tRP_ns: np.ndarray


def times(rcd, ras, rp):
    return Times(*(np.array([[float(x)]]) for x in (rcd, ras, rp)))


def test_period_is_exact():
    """A clock is a fraction of a picosecond, not a rounded number, unless the preset says so."""
    assert clock_period(dram("ddr4-2400r-8gb-x8")) == Fraction(2500, 3)
    assert clock_period(dram("ramulator2/ddr4_2400_frfcfs32")) == 833


@given(st.integers(0, 10**6), st.integers(300, 2000))
def test_ddr4_rounding_is_jedecs(time_ps, period_ps):
    """DDR4 rounds by JESD79-4's integer algorithm: truncate((t * 1000 / tCK + 974) / 1000)."""
    want = (Fraction(time_ps * 1000, period_ps) + 974) // 1000
    assert to_clocks(time_ps / 1000, Fraction(period_ps), load_standard("DDR4").rounding) == want


@given(st.integers(0, 10**6), st.integers(300, 2000))
def test_ceiling_with_tolerance(time_ps, period_ps):
    """DDR3 takes the smallest number of clocks that is no more than 10 ps short of the time."""
    clocks = to_clocks(time_ps / 1000, Fraction(period_ps), load_standard("DDR3").rounding)
    assert clocks * period_ps >= time_ps - 10
    assert clocks == 0 or (clocks - 1) * period_ps < time_ps - 10


def test_rounding_edges():
    """The guard forgives 2.5 % of a clock, not 2.6 %; without tolerance a hair above a clock costs one."""
    guard = load_standard("DDR4").rounding
    assert [to_clocks(x, Fraction(1000), guard) for x in (10.0, 10.025, 10.026, 0.0)] == [10, 10, 11, 0]
    assert [to_clocks(x, Fraction(1000), Rounding()) for x in (10.0, 10.001, 0.0)] == [10, 11, 0]


# Clocks that public tables give for the same parts: ramulator 2.1 DDR4_2400R (but JEDEC's tRFC), DRAMsim3
# DDR4_8Gb_x8_2133.ini (but the 15-15-15 bin) and DDR3_4Gb_x8_1600.ini, and JESD209-3 for LPDDR3-1600; DRAMsim3's .ini
# files for the other DDR4 and GDDR5, JESD79-5 for DDR5-4800B, ramulator 2's table of the Samsung data sheet for GDDR6,
# DRAMSys for LPDDR4 and DDR3-1600J, ramulator 2.1 for HBM2, HBM3 (half clocks) and LPDDR5 (but tRC of JESD209-5).
CLOCKS = {
    "ddr4-2400r-8gb-x8": dict(
        nBL=4, nCL=16, nCWL=12, nRCD=16, nRP=16, nRAS=39, nRC=55, nWR=18, nRTP=9, nCCD_S=4, nCCD_L=6, nRRD_S=4,
        nRRD_L=6, nWTR_S=3, nWTR_L=9, nFAW=26, nRFC=420, nREFI=9360, nRTRS=2,
    ),
    "ddr4-2133p-8gb-x8": dict(
        nCL=15, nCWL=11, nRCD=15, nRP=15, nRAS=36, nRC=51, nWR=16, nRTP=8, nCCD_S=4, nCCD_L=6, nRRD_S=4, nRRD_L=6,
        nWTR_S=3, nWTR_L=8, nFAW=23, nRFC=374,
    ),
    "ddr3l-1600-4gb-x8": dict(
        nCL=11, nCWL=8, nRCD=11, nRP=11, nRAS=28, nRC=39, nWR=12, nRTP=6, nCCD_S=4, nRRD_S=5, nWTR_S=6, nFAW=24,
        nRFC=208, nREFI=6240,
    ),
    "lpddr3-1600-4gb-x32": dict(
        nCL=12, nCWL=6, nDQSCK=5, nDQSS=1, nRCD=15, nRP=15, nRPab=17, nRAS=34, nRC=48, nWR=12, nRTP=6, nRRD_S=8,
        nWTR_S=6, nFAW=40, nRFC=104, nREFI=3120,
    ),
    "ddr4-2666v-8gb-x8": dict(
        nCL=19, nCWL=14, nRCD=19, nRP=19, nRAS=43, nRFC=467, nRRD_S=4, nRRD_L=7, nWTR_S=4, nWTR_L=10, nFAW=28,
        nWR=20, nRTP=10,
    ),
    "ddr4-2933y-8gb-x8": dict(
        nCL=21, nCWL=16, nRCD=21, nRP=21, nRAS=47, nRFC=514, nRRD_S=4, nRRD_L=8, nWTR_S=4, nWTR_L=11, nFAW=31,
        nWR=22, nRTP=11,
    ),
    "ddr4-3200aa-8gb-x8": dict(
        nCL=22, nCWL=16, nRCD=22, nRP=22, nRAS=52, nRFC=560, nRRD_S=4, nRRD_L=8, nWTR_S=4, nWTR_L=12, nFAW=34,
        nCCD_L=8,
    ),
    "ddr4-2400r-8gb-x4": dict(
        nRRD_S=4, nRRD_L=6, nFAW=16, nRFC=420, nWTR_S=3, nWTR_L=9, nCCD_L=6,
    ),
    "ddr4-2400r-8gb-x16": dict(
        nRRD_S=7, nRRD_L=8, nFAW=36, nRFC=420, nWTR_S=3, nWTR_L=9, nCCD_L=6,
    ),
    "ddr5-4800-16gb-x8": dict(
        nRCD=39, nRP=39, nRAS=77, nWR=72, nRTP=18, nCCD_L=12, nRRD_S=8, nRRD_L=12, nWTR_S=6, nWTR_L=24, nFAW=32,
    ),
    "gddr5-6000-1gb-x32": dict(
        nBL=2, nRCD=18, nRCDWR=15, nRP=18, nRAS=42, nRFC=98, nRRD_S=9, nRRD_L=9, nWTR_S=8, nFAW=35, nWR=18, nRTP=3,
        nCCD_L=3,
    ),
    "gddr6-14000-8gb-x16": dict(
        nBL=2, nRCD=27, nRCDWR=16, nRP=27, nRAS=53, nRC=79, nWR=27, nRTP=4, nCCD_L=4, nRRD_S=8, nWTR_S=10, nWTR_L=12,
        nFAW=29,
    ),
    "lpddr4-3200-8gb-x16": dict(
        nDQSCK=6, nRCD=29, nRP=29, nRPab=34, nRAS=68, nRFC=448, nREFI=6246, nRRD_S=16, nRTP=12, nWR=29, nWTR_S=16,
        nFAW=64,
    ),
    "ddr3-1600-1gb-x8": dict(
        nCL=10, nCWL=8, nRCD=10, nRP=10, nRAS=28, nRC=38, nWR=12, nRTP=6, nCCD_S=4, nRRD_S=5, nWTR_S=6, nFAW=24,
        nRFC=88, nREFI=6240,
    ),
    "ddr5-5600-16gb-x8": dict(
        nCL=46, nCWL=44, nRCD=45, nRP=45, nRAS=90, nWR=84, nRTP=21, nCCD_L=14, nCCD_L_WR=28, nRRD_S=8, nRRD_L=14,
        nWTR_S=7, nWTR_L=28, nFAW=32, nREFI=10920,
    ),
    "hbm2-2000-8gb-x128": dict(
        nBL=2, nCL=14, nCWL=5, nRCD=14, nRCDWR=12, nRP=14, nRAS=34, nRC=48, nWR=16, nRTP=5, nCCD_S=2, nCCD_L=4,
        nRRD_S=4, nRRD_L=4, nWTR_S=6, nWTR_L=8, nFAW=15, nREFI=3900, nRFCpb=160, nRREFD=8,
    ),
    "hbm3-6400-16gb-x64": dict(
        nBL=4, nCL=40, nCWL=20, nRCD=62, nRCDWR=30, nRP=52, nRAS=90, nRC=144, nWR=66, nRTP=18, nCCD_S=4, nCCD_L=8,
        nCCD_R=6, nRRD_S=8, nRRD_L=10, nWTR_S=14, nWTR_L=20, nFAW=48, nRFC=1120, nREFI=12480, nRFCpb=640, nRREFD=16,
    ),
    "lpddr5-6400-16gb-x16": dict(
        nBL=2, nCL=17, nCWL=9, nRCD=15, nRP=15, nRPab=17, nRAS=34, nRC=48, nWR=28, nRTP=6, nCCD_S=2, nCCD_L=4,
        nRRD_S=4, nRRD_L=4, nWTR_S=5, nWTR_L=10, nFAW=16, nRFC=224, nREFI=3124, nRFCpb=112, nPBR2PBR=72, nPBR2ACT=6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_clocks_of_own_presets(name):
    """Times of the speed bin become the clocks that public tables list."""
    ck = resolve_timing(dram(name)).ck
    assert {key: ck[key] for key in CLOCKS[name]} == CLOCKS[name]


def test_read_latency():
    """Read latency ends with the last beat; LPDDR3 and LPDDR4 add the lag of their strobe."""
    latency = {name: resolve_timing(dram(name)).read_latency for name in OWN}
    assert latency == {
        "ddr4-2400r-8gb-x8": 20,
        "ddr4-2133p-8gb-x8": 19,
        "ddr3l-1600-4gb-x8": 15,
        "lpddr3-1600-4gb-x32": 21,
        "ddr4-2400r-8gb-x4": 20,
        "ddr4-2400r-8gb-x16": 20,
        "ddr4-2666v-8gb-x8": 23,
        "ddr4-2933y-8gb-x8": 25,
        "ddr4-3200aa-8gb-x8": 26,
        "ddr5-4800-16gb-x8": 48,
        "gddr5-6000-1gb-x32": 26,
        "gddr6-14000-8gb-x16": 26,
        "lpddr4-3200-8gb-x16": 28 + 6 + 8,
        "ddr3-1600-1gb-x8": 14,
        "ddr5-5600-16gb-x8": 54,
        "hbm2-2000-8gb-x128": 16,
        "hbm3-6400-16gb-x64": 44,
        "lpddr5-6400-16gb-x16": 19,
    }


@pytest.mark.parametrize("name", OWN + PARITY)
def test_nominal_state_gives_nominal_clocks(name):
    """The operating state of a memory that nobody changed has the very clocks of the data sheet in every bank."""
    memory = dram(name)
    timing = resolve_timing(memory)
    clocks = bank_clocks(timing, resolve_operating_state(memory, schema.OperatingPoint(), []))
    for key in ("nRCD", "nRAS", "nRP", "nRC"):
        assert clocks[key].dtype == np.int64
        assert (clocks[key] == timing.ck[key]).all()


def test_changed_times():
    """The row cycle follows a changed tRAS or tRP; tRCD alone leaves it; 0 is ideal; banks may differ."""
    timing = resolve_timing(dram("ddr4-2400r-8gb-x8"))
    assert bank_clocks(timing, times(8.5, 32.0, 13.32))["nRCD"] == 11
    assert bank_clocks(timing, times(0.0, 32.0, 13.32))["nRCD"] == 0
    assert bank_clocks(timing, times(8.5, 32.0, 13.32))["nRC"] == 55
    cut = bank_clocks(timing, times(13.32, 20.0, 10.0))
    assert (cut["nRAS"], cut["nRP"], cut["nRC"]) == (24, 12, 36)
    several = Times(np.array([[13.32, 0.0], [8.5, 13.32]]), np.full((2, 2), 32.0), np.full((2, 2), 13.32))
    assert bank_clocks(timing, several)["nRCD"].tolist() == [[16, 0], [11, 16]]


@given(st.floats(0, 100), st.floats(0, 100))
def test_clocks_grow_with_time(a, b):
    """A longer time never takes fewer clocks, and clocks never fall short of the time by more than the guard."""
    timing = resolve_timing(dram("ddr4-2400r-8gb-x8"))
    low, high = sorted((a, b))
    few = bank_clocks(timing, times(low, low, low))["nRCD"].item()
    many = bank_clocks(timing, times(high, high, high))["nRCD"].item()
    assert few <= many
    assert (many + 0.0261) * 2.5 / 3 >= high


def with_timing(name="ddr4-2400r-8gb-x8", **changes):
    return dram(name, timing=table(name)["timing"] | changes)


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (
            with_timing(tRC_ns=40.0),
            r"nRC >= nRAS \+ nRP is violated: nRC is 48 clocks \(40 ns\).*55 clocks \(45.83 ns\)",
        ),
        (with_timing(tRFC_ns=8000.0), r"nREFI >= nRFC \+ 1 is violated"),
        (with_timing(tRRD_L_ns=1.0, tRRD_S_ns=10.0), "nRRD_L >= nRRD_S is violated"),
        (with_timing(tRCD_ns=50.0), "nRAS >= nRCD is violated"),
        (
            with_timing(tFAW_ns=3.0, minimum_ck={"tFAW": 1}),
            r"nFAW >= nRRD_L is violated: nFAW is 4 clocks \(3.333 ns\), nRRD_L is 6 clocks \(5 ns\)",
        ),
        (with_timing(minimum_ck={"tFWA": 20}), r"minimum_ck.tFWA: DDR4 has no time of that name; did you mean tFAW"),
        (dram("ramulator2/ddr4_2400_frfcfs32", timing_ck={"nRCDD": 4}), r"nRCDD: .*did you mean nRCD"),
        (dram("ddr3l-1600-4gb-x8", timing={"CL": 11}), r"DDR3 needs CWL, tRCD_ns, tRP_ns"),
    ],
)
def test_row_5_contradictions(memory, message):
    """Timings that are missing, misnamed or contradict each other are errors that name the relation and both values."""
    with pytest.raises(ConfigError, match=message):
        resolve_timing(memory)


def test_one_clock_of_slack():
    """A row cycle may be one clock short of tRAS + tRP (both were rounded up), not two."""
    ck = dict(resolve_timing(dram("ddr4-2400r-8gb-x8")).ck)
    check_identities(ck | {"nRC": ck["nRAS"] + ck["nRP"] - 1}, Fraction(2500, 3))
    with pytest.raises(ConfigError, match="one clock of rounding"):
        check_identities(ck | {"nRC": ck["nRAS"] + ck["nRP"] - 2}, Fraction(2500, 3))


def test_default_row_cycle_is_an_exact_sum():
    """Without tRC, tRAS + tRP is added in decimals: 32 + 13.32 ns are 45.32 ns, 55 clocks."""
    assert resolve_timing(with_timing(tRC_ns=None)).ck["nRC"] == 55


def test_floors():
    """A time is never less than its floor in clocks, be it the standard's or the preset's."""
    slow = dram("ddr4-2400r-8gb-x8", data_rate_mt_s=1600)
    ck = resolve_timing(slow).ck
    assert (ck["nRRD_S"], ck["nFAW"], ck["nCCD_L"], ck["nWTR_S"]) == (4, 20, 5, 2)
