"""Operating points: values of every bank, what a point rests on, and what is impossible."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.config.schema import OperatingPoint, Partition, Power, Rail, Timing
from edensim.errors import ConfigError
from edensim.memory import lowest_safe_latency, nominal_values, resolve_operating_state


def resolve(dram, partitions=(), **point):
    """Operating state of a memory for the given keys of [operating_point]."""
    return resolve_operating_state(dram, OperatingPoint(**point), partitions)


def problems(dram, partitions=(), **point):
    """Problems found in an operating point."""
    with pytest.raises(ConfigError) as caught:
        resolve(dram, partitions, **point)
    return caught.value.problems


def test_nominal(ddr4):
    """Nothing given: every bank holds exactly the nominal values, shape (channels, banks)."""
    state = resolve(ddr4(channels=3, ranks=2))
    for key, value in (("vdd", 1.2), ("tRCD_ns", 13.32), ("tRAS_ns", 32.0), ("tRP_ns", 13.32), ("tRC_ns", 45.32)):
        assert getattr(state, key).shape == (3, 32)
        assert (getattr(state, key) == value).all()
        assert getattr(state.nominal, key) == value
    assert state.tREFI_scale == 1
    assert state.basis == {"module": "nominal"}


def test_nominal_in_clocks(ddr4):
    """A parity preset gives clocks: 16 x 833 ps, and its own nRC (55) although tRAS + tRP is 55 as well."""
    clocks = {"nRCD": 16, "nRP": 16, "nRAS": 39, "nRC": 56}
    nominal = nominal_values(ddr4(timing=Timing(), timing_ck=clocks, clock_ps=833))
    assert (nominal.tRCD_ns, nominal.tRAS_ns, nominal.tRC_ns) == pytest.approx((13.328, 32.487, 46.648))
    exact = nominal_values(ddr4(timing=Timing(), timing_ck=clocks))
    assert exact.tRCD_ns == pytest.approx(16 / 1.2)


def test_absolute_values(ddr4):
    """Values are taken as they are; tRCD = 0 is legal (ideal)."""
    state = resolve(ddr4(), vdd=1.05, tRCD_ns=0.0, tREFI_scale=2.0)
    assert (state.vdd == 1.05).all()
    assert (state.tRCD_ns == 0).all()
    assert state.tREFI_scale == 2
    assert state.describe()["module"]["tREFI_scale"] == 2


def test_relative_and_absolute_deltas(ddr4):
    """EDEN's -0.35 V of 1.35 V is -0.3111 V of 1.2 V when relative, -0.35 V when absolute; tRCD likewise."""
    relative = resolve(ddr4(), delta_vdd=-0.35, delta_tRCD_ns=-6.0)
    assert relative.vdd[0, 0] == pytest.approx(1.2 * 1.0 / 1.35)
    assert relative.tRCD_ns[0, 0] == pytest.approx(13.32 * 6.5 / 12.5)
    absolute = resolve(
        ddr4(), delta_vdd=-0.35, delta_vdd_mode="absolute", delta_tRCD_ns=-6.0, delta_tRCD_mode="absolute"
    )
    assert absolute.vdd[0, 0] == pytest.approx(0.85)
    assert absolute.tRCD_ns[0, 0] == pytest.approx(7.32)
    other = resolve(ddr4(), delta_vdd=-0.15, delta_vdd_reference=1.5)
    assert other.vdd[0, 0] == pytest.approx(1.08)


def test_row_cycle_follows(ddr4):
    """A tRC of the data sheet holds until tRAS or tRP changes; then tRC = tRAS + tRP, in the changed banks only."""
    dram = ddr4(timing=Timing(tRCD_ns=13.32, tRAS_ns=32.0, tRP_ns=13.32, tRC_ns=46.0))
    state = resolve(dram, [Partition(name="p", banks=[2], tRAS_ns=20.0)], tRCD_ns=8.0)
    expected = np.full((1, 16), 46.0)
    expected[0, 2] = 33.32
    assert np.allclose(state.tRC_ns, expected)


def test_partition_overrides_and_inherits(ddr4):
    """A partition replaces what it gives (a delta counts from nominal) and inherits the rest of the point below it."""
    parts = [
        Partition(name="fast", banks="0:4", tRCD_ns=7.0),
        Partition(name="safe", rank=[1], banks=[5], delta_vdd=0.0),
    ]
    for name, vdd in (("[operating_point]", 1.05), ("[compare.low]", 0.95)):
        state = resolve_operating_state(ddr4(ranks=2), OperatingPoint(vdd=vdd, tRP_ns=12.0), parts, name)
        assert state.vdd[0].tolist() == [vdd] * 21 + [1.2] + [vdd] * 10
        assert state.tRCD_ns[0].tolist() == ([7.0] * 4 + [13.32] * 12) * 2
        assert (state.tRP_ns == 12.0).all()
        assert state.partitions.names == ("module", "fast", "safe") == tuple(state.points)


@pytest.mark.parametrize(
    ("point", "basis"),
    [
        ({}, "nominal"),
        ({"vdd": 1.35, "tRCD_ns": 13.75, "tREFI_scale": 1.0}, "nominal"),
        ({"delta_vdd": 0.0}, "nominal"),
        ({"vdd": 1.025}, "measured"),
        ({"delta_vdd": -0.25}, "measured"),
        ({"vdd": 1.0}, "extrapolated"),
        ({"vdd": 1.4}, "extrapolated"),
        ({"vdd": 1.2, "tRCD_ns": 10.0}, "extrapolated"),
        ({"tRCD_ns": 10.0}, "extrapolated"),
        ({"tREFI_scale": 2.0}, "extrapolated"),
        ({"delta_tRCD_ns": -2.5}, "scaled"),
        ({"delta_vdd": -0.25, "delta_tRCD_ns": -2.5}, "scaled"),
        ({"delta_vdd": -0.25, "tRCD_ns": 10.0}, "extrapolated"),
        ({"delta_tRCD_ns": -2.5, "delta_tRCD_mode": "absolute"}, "extrapolated"),
    ],
)
def test_row_7_basis_on_ddr3l(ddr3l, point, basis):
    """The rules of the basis on the kind of memory the public studies measured (1.35 V, tRCD 13.75 ns)."""
    assert resolve(ddr3l(), **point).basis == {"module": basis}


def test_basis_on_ddr4(ddr4):
    """On another standard nothing is measured; per partition only what differs there counts."""
    parts = [Partition(name="p", banks=[0], vdd=1.2), Partition(name="q", banks=[1], delta_vdd=-0.1)]
    assert resolve(ddr4(), parts, vdd=1.1).basis == {"module": "extrapolated", "p": "nominal", "q": "scaled"}


def test_impossible_voltage(ddr4, ddr3l):
    """VDD <= 0 and above 1.2 x nominal are refused, a value in mV with a hint; the limits themselves are legal."""
    assert resolve(ddr4(), vdd=1.44).vdd[0, 0] == 1.44
    (high,) = problems(ddr4(), vdd=1.45)
    assert (
        high == "[operating_point]: vdd gives 1.45 V, but VDD must be above 0 and at most 1.44 V (1.2 x nominal 1.2 V)"
    )
    (low,) = problems(ddr3l(), delta_vdd=-1.35)
    assert "delta_vdd gives 0 V" in low
    millivolt = OperatingPoint.model_construct(**(OperatingPoint().model_dump() | {"vdd": 1100.0}))
    with pytest.raises(ConfigError, match=r"did you mean 1\.1 V"):
        resolve_operating_state(ddr4(), millivolt, [])


def test_no_power_table_no_voltage(ddr4):
    """Without a rail that follows VDD there is no nominal voltage, and VDD cannot be set."""
    currents = dict.fromkeys(("IDD0", "IDD2N", "IDD3N", "IDD4R", "IDD4W", "IDD5B"), 1.0)
    fixed = Power(source="test", idd3n_basis="one_bank", rails={"VPP": Rail(voltage_v=2.5, **currents)})
    for power in (None, fixed):
        assert (resolve(ddr4(power=power), tRCD_ns=9.0).vdd == 0).all()
        for point in ({"vdd": 1.1}, {"delta_vdd": -0.1, "delta_vdd_mode": "absolute"}):
            assert "no power table" in problems(ddr4(power=power), **point)[0]


def test_rails_must_agree(ddr4):
    """Two rails that follow VDD are fine at one voltage, refused at two."""
    currents = dict.fromkeys(("IDD0", "IDD2N", "IDD3N", "IDD4R", "IDD4W", "IDD5B"), 1.0)

    def power(*volts):
        rails = {f"V{k}": Rail(voltage_v=v, follows_vdd=True, **currents) for k, v in enumerate(volts)}
        return Power(source="test", idd3n_basis="one_bank", rails=rails)

    assert nominal_values(ddr4(power=power(1.2, 1.2))).vdd == 1.2
    with pytest.raises(ConfigError, match=r"\[1.2, 1.8\]"):
        nominal_values(ddr4(power=power(1.2, 1.8)))


def test_missing_timing(ddr4):
    """A memory without tRAS has no nominal values; the message names the table and the key."""
    with pytest.raises(ConfigError, match=r"dram\.timing has no tRAS_ns"):
        nominal_values(ddr4(timing=Timing(tRCD_ns=13.0, tRP_ns=13.0)))


def test_all_problems_in_one_go(ddr4):
    """Value beside delta, negative time, bad partition value and bad partition index, each with its table."""
    parts = [Partition(name="p", banks=[0], vdd=2.0), Partition(name="q", banks=[77])]
    found = problems(ddr4(), parts, vdd=1.1, delta_vdd=-0.1, delta_tRCD_ns=-100.0)
    assert found == [
        "[operating_point]: vdd and delta_vdd are both given; give one of them",
        "[operating_point]: delta_tRCD_ns gives -93.24 ns, but a time cannot be negative",
        "[[partition]] 'p': vdd gives 2 V, but VDD must be above 0 and at most 1.44 V (1.2 x nominal 1.2 V)",
        "[[partition]] 'q': banks = [77]: index 77 does not exist, the valid range is 0 to 15",
    ]


def test_subarrays_of_one_bank(ddr4):
    """Times are a subarray's own, the supply is the bank's: partitions in one bank may differ in times only."""
    halves = {"subarrays": "0:64", "banks": [3]}
    (found,) = problems(ddr4(), [Partition(name="low", **halves, vdd=1.1)])
    assert "'module' and 'low' share a bank, but 'module' runs at 1.2 V and 'low' at 1.1 V" in found
    state = resolve(ddr4(), [Partition(name="low", **halves, tRCD_ns=9.0)])
    assert state.row_times.tRCD_ns[0, 3].tolist() == [9.0] * 64 + [13.32] * 64
    assert state.row_times.tRP_ns.shape == state.row_times.tRCD_ns.shape
    assert state.tRCD_ns[0, 2:5].tolist() == [13.32, 9.0, 13.32]
    alike = resolve(ddr4(), [Partition(name="low", **halves, tRCD_ns=9.0)], tRCD_ns=9.0)
    assert (alike.tRCD_ns == 9.0).all()
    assert alike.row_times.tRCD_ns.shape == alike.tRCD_ns.shape


def test_refresh_belongs_to_the_whole_memory(ddr4):
    """A partition may repeat the refresh interval of the memory but not have one of its own."""
    same = Partition(name="p", banks=[0], tREFI_scale=2.0)
    assert resolve(ddr4(), [same], tREFI_scale=2.0).tREFI_scale == 2
    (found,) = problems(ddr4(), [same])
    assert "tREFI_scale = 2 differs from 1 of [operating_point]" in found


def test_supplies_by_chip(ddr4):
    """Listed chips have their own VDD in every bank of their rank; every timing and `vdd` stay those of the banks."""
    chips = Partition(name="low", rank=[1], chips=[0, 5], vdd=1.0)
    state = resolve(ddr4(ranks=2), [chips, Partition(name="fast", banks=[2], tRCD_ns=9.0)], vdd=1.1)
    assert state.supplies.shape == (1, 32, 8)
    assert (state.vdd == 1.1).all()
    expected = np.full((1, 32, 8), 1.1)
    expected[:, 16:, [0, 5]] = 1.0
    assert np.array_equal(state.supplies, expected)
    assert state.points["low"].tRCD_ns == 13.32
    assert set(state.tRCD_ns[0, [2, 18]]) == {9.0}
    assert np.array_equal(resolve(ddr4(), vdd=1.1).supplies, np.full((1, 16, 1), 1.1))


def test_a_chip_is_fed_by_its_pins_or_bank_by_bank(ddr4):
    """A rank with supplies by bank and by chip is refused; in another rank, or at one VDD, both may stand."""
    chips = Partition(name="pins", rank=[0], chips=[0], vdd=1.0)
    (found,) = problems(ddr4(ranks=2), [chips, Partition(name="low", banks=[1], vdd=0.9)])
    assert "'pins' gives chips of channel 0, rank 0 a supply of their own, but its banks have 0.9 V and 1.2 V" in found
    for harmless in ({"rank": [1], "vdd": 0.9}, {"vdd": 1.2}, {"rank": [0], "vdd": 0.9}):
        banks = [1] if "rank" not in harmless or harmless["rank"] == [1] else None
        state = resolve(ddr4(ranks=2), [chips, Partition(name="low", banks=banks, **harmless)])
        assert (state.supplies[0, :16, 0] == 1.0).all()


def test_lowest_safe_latency(ddr4):
    """tRCD, tRAS and tRP of the circuit curve at the point's VDD, however VDD was given; nominal at nominal VDD."""
    for point in ({"vdd": 1.0}, {"delta_vdd": -0.2, "delta_vdd_mode": "absolute"}):
        state = resolve(ddr4(), latency="lowest_safe", **point)
        safe = lowest_safe_latency(1.0, state.nominal)
        found = state.points["module"]
        assert (found.tRCD_ns, found.tRAS_ns, found.tRP_ns) == pytest.approx(safe[1:4])
        assert (found.basis, found.latency) == ("extrapolated", "lowest_safe")
        assert (state.tRAS_ns == found.tRAS_ns).all()
    nominal = resolve(ddr4(), latency="lowest_safe").points["module"]
    assert (nominal.tRCD_ns, nominal.tRAS_ns, nominal.tRP_ns, nominal.basis) == (13.32, 32.0, 13.32, "nominal")


def test_partitions_inherit_lowest_safe(ddr4):
    """A partition's times follow its own VDD, its own times stand, and `as_given` goes back to the data sheet."""
    parts = [
        Partition(name="low", banks=[0], vdd=0.95),
        Partition(name="own", banks=[1], tRCD_ns=9.0),
        Partition(name="plain", banks=[2], latency="as_given"),
    ]
    state = resolve(ddr4(), parts, vdd=1.1, latency="lowest_safe")
    at = {vdd: lowest_safe_latency(vdd, state.nominal) for vdd in (1.1, 0.95)}
    assert state.tRCD_ns[0, :4].tolist() == [at[0.95].tRCD_ns, 9.0, 13.32, at[1.1].tRCD_ns]
    assert state.tRP_ns[0, :4].tolist() == [at[0.95].tRP_ns, at[1.1].tRP_ns, 13.32, at[1.1].tRP_ns]
    only = resolve(ddr4(), [Partition(name="low", banks=[0], vdd=1.0, latency="lowest_safe")], tRCD_ns=5.0)
    assert only.tRCD_ns[0, :2].tolist() == [lowest_safe_latency(1.0, state.nominal).tRCD_ns, 5.0]


def test_lowest_safe_with_chips_of_their_own_supply(ddr4):
    """Chips share their rank's latencies, so they may not run below the VDD those are safe at."""
    chips = Partition(name="pins", chips=[0], vdd=1.1)
    assert resolve(ddr4(), [chips], vdd=1.0, latency="lowest_safe").points["pins"].tRCD_ns == pytest.approx(15.53, 0.01)
    (found,) = problems(ddr4(), [chips], vdd=1.2, latency="lowest_safe")
    assert "'pins': its chips run at 1.1 V, but share the latencies of 'module'" in found
    assert "1.2 V" in found
    (found,) = problems(ddr4(), [Partition(name="pins", chips=[0], latency="lowest_safe")])
    assert "latency is given beside chips" in found


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"tRCD_ns": 9.0}, ("tRCD_ns is given beside latency",)),
        ({"delta_tRCD_ns": -1.0}, ("delta_tRCD_ns is given beside latency",)),
        ({"tRAS_ns": 30.0}, ("tRAS_ns is given beside latency",)),
        ({"vdd": 0.5}, ("vdd = 0.5 V", "at least 0.6667 V")),
        ({"vdd": 2.0}, ("at most 1.44 V",)),
    ],
)
def test_contradictions_to_lowest_safe(ddr4, point, words):
    """Times beside it and voltages at which nothing is safe are refused once, with both values."""
    (found,) = problems(ddr4(), latency="lowest_safe", **point)
    assert all(word in found for word in words)


def test_lowest_safe_needs_a_supply(ddr4):
    """A memory whose VDD is not known has no lowest safe latency."""
    (found,) = problems(ddr4(power=None), latency="lowest_safe")
    assert "no power table" in found
