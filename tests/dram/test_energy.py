"""Energy from counters: closed forms, golden values, voltage models."""

import re
from dataclasses import dataclass, fields, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.counters import PER_BANK, PER_RANK, Counters
from edensim.dram.energy import COMPONENTS, NEEDED, EnergyModel, price
from edensim.dram.interface import burst_io_pj
from edensim.dram.power import impossible_currents, rail_costs
from edensim.dram.power_device import device_of
from edensim.dram.timing import resolve_timing
from edensim.errors import ConfigError
from edensim.memory import resolve_operating_state
from tests.dram.preset_dram import POWERED, dram, table

DDR4 = "ddr4-2400r-8gb-x8"


@dataclass
class Volts:
    """Supplies by bank, all chips alike, or by bank and chip."""

    vdd: np.ndarray

    @property
    def supplies(self):
        return self.vdd if self.vdd.ndim == 3 else self.vdd[:, :, None]


def volts(memory, value):
    return Volts(np.full(shape_of(memory), float(value)))


def shape_of(memory):
    groups = memory.ranks * memory.pseudo_channels * memory.stack_ids * memory.bank_groups
    return memory.channels, groups * memory.banks_per_group


def one_rank(name):
    """A memory cut down to one rank of one channel."""
    return dram(name, channels=1, pseudo_channels=1)


def count(memory, cycles=0, **given):
    """Counters of a memory whose named fields hold one number in bank (rank, channel) 0."""
    _, banks = shape_of(memory)
    zeros = Counters.zeros(resolve_timing(memory).period, memory.channels, memory.ranks * memory.pseudo_channels, banks)
    arrays = {name: np.array(getattr(zeros, name)) for name in given}
    for name, value in given.items():
        arrays[name].flat[0] = value
    return replace(zeros, cycles=np.full(memory.channels, cycles, np.int64), **arrays)


def any_counters(memory, seed):
    """Random counters that could have been counted."""
    rng = np.random.default_rng(seed)
    _, banks = shape_of(memory)
    zeros = Counters.zeros(resolve_timing(memory).period, memory.channels, memory.ranks * memory.pseudo_channels, banks)
    rails = memory.power.rails.values()
    free = [name for name, (need, _) in NEEDED.items() if all(getattr(rail, need) is None for rail in rails)]
    shapes = {name: getattr(zeros, name).shape for name in PER_BANK + PER_RANK if name not in free}
    values = {name: rng.integers(0, 1000, shape) for name, shape in shapes.items()}
    cycles = np.full(memory.channels, 6000, np.int64)
    return replace(zeros, cycles=cycles, **values)


def core(breakdown):
    return breakdown.total - breakdown.io


# ---- DRAMPower 6.2 on two command traces: device, counters of the trace, energies it reports (core only, in J)


def drampower_device():
    """One DDR4-2400 8 Gb x8 device with the currents and clocks of the case (its VPP currents are the case's own)."""
    vdd = dict(IDD0=48, IDD2N=34, IDD3N=43, IDD4R=135, IDD4W=123, IDD5B=250)
    vpp = dict(IDD0=3.5, IDD2N=2.8, IDD3N=3.0, IDD4R=3.1, IDD4W=3.2, IDD5B=28)
    clocks = dict(
        nCL=17,
        nCWL=12,
        nRCD=17,
        nRP=17,
        nRAS=39,
        nRC=56,
        nWR=18,
        nRTP=9,
        nCCD_L=6,
        nRRD_S=4,
        nRRD_L=6,
        nWTR_S=3,
        nWTR_L=9,
        nFAW=26,
        nRFC=420,
        nREFI=9363,
        nRTRS=1,
    )
    rails = {
        "VDD": schema.Rail(voltage_v=1.2, follows_vdd=True, **vdd),
        "VPP": schema.Rail(voltage_v=2.5, **vpp),
    }
    power = schema.Power(source="DRAMPower 6.2 case", idd3n_basis="all_banks", rho=0.5, rails=rails)
    return dram("ramulator2/ddr4_2400_frfcfs32", channel_width_bits=8, timing_ck=clocks, power=power.model_dump())


OPEN_06 = [6510, 6496, 6496, 6524, 6538, 6524, 6496, 6496, 6510, 6524, 6524, 6496, 6482, 6496, 6524, 6524]
CASES = {
    "1000 x ACT RD PRE in one bank": (
        dict(n_act=1000, n_pre=1000, n_rd=1000, bank_open_ck=39_000, rank_open_ck=39_000),
        56_000,
        dict(act=4.0761032812499957e-7, pre=2.6268655e-7, rd=3.6868580000000007e-7, wr=0.0, ref=0.0),
        1.7364301500000001e-6 + 1.147197187500016e-8 + 6.768957999999999e-7,
        5.239199466e-06 - (1.5974e-07 + 1.2804876e-06 + 3.3976799999999996e-08 + 3.0121446600000004e-07),
    ),
    "row hits interleaved over 16 banks": (
        dict(
            n_act=[20] * 16, n_pre=[20] * 16, n_rd=[60] * 16, n_wr=[60] * 16, bank_open_ck=OPEN_06, rank_open_ck=14_000
        ),
        15_779,
        dict(act=1.3043530499999988e-7, pre=8.405969600000002e-8, rd=3.539383680000001e-7, wr=3.0867648e-7, ref=0.0),
        6.233339e-07 + 3.0638989500000426e-08 + 7.083515460000001e-08,
        2.8615852849000003e-06 - (9.10409e-08 + 8.493006437999999e-07 + 3.08113e-08 + 2.8851454799999996e-07),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_drampower(name):
    """Core energies of two command traces equal DRAMPower 6.2's to 1e-9, component by component and in total."""
    counted, cycles, want, background, total = CASES[name]
    memory = drampower_device()
    zeros = count(memory, cycles)
    arrays = {}
    for key, value in counted.items():
        array = np.zeros_like(getattr(zeros, key))
        array[0, : np.size(value)] = value
        arrays[key] = array
    found = price(memory, replace(zeros, **arrays), volts(memory, 1.2), "drampower")
    for key, joule in (want | {"background": background}).items():
        assert getattr(found, key) == pytest.approx(joule * 1e12, rel=1e-9, abs=1e-3)
    assert core(found) == pytest.approx(total * 1e12, rel=1e-9)


# ---- closed forms


@pytest.mark.parametrize("name", POWERED)
def test_row_cycle_costs_idd0(name):
    """A bank that is opened and closed every tRC costs exactly V * IDD0 * tRC on every rail: what IDD0 means."""
    memory = one_rank(name)
    timing = resolve_timing(memory)
    ras, loop, n = timing.ck["nRAS"], max(timing.ck["nRC"], timing.ck["nRAS"] + timing.ck["nRP"]), 1000
    found = price(memory, count(memory, n * loop, n_act=n, n_pre=n, bank_open_ck=n * ras, rank_open_ck=n * ras))
    devices = memory.channel_width_bits // memory.device_width_bits
    for rail_name, rail in memory.power.rails.items():
        want = rail.voltage_v * rail.IDD0 * timing.time_ns(n * loop) * devices
        assert found.rail_totals()[rail_name] == pytest.approx(want, rel=1e-12)


@given(
    idd0=st.floats(50, 100),
    idd2n=st.floats(0, 40),
    rho=st.floats(0, 1),
    basis=st.sampled_from(["all_banks", "one_bank"]),
    spare=st.integers(0, 30),
)
def test_row_cycle_costs_idd0_for_any_currents(idd0, idd2n, rho, basis, spare):
    """The same for any currents, either meaning of IDD3N, any rho, and a tRC longer than tRAS + tRP."""
    given = table(DDR4)
    given["power"]["rails"]["VDD"] |= {"IDD0": idd0, "IDD2N": idd2n}
    given["power"] |= {"rho": rho, "idd3n_basis": basis}
    given["timing"]["tRC_ns"] = 45.32 + spare
    memory = schema.Dram.model_validate(given)
    timing = resolve_timing(memory)
    ras, loop = timing.ck["nRAS"], timing.ck["nRC"]
    found = price(memory, count(memory, loop, n_act=1, n_pre=1, bank_open_ck=ras, rank_open_ck=ras))
    assert found.rail_totals()["VDD"] == pytest.approx(1.2 * idd0 * timing.time_ns(loop) * 8, rel=1e-12)


@pytest.mark.parametrize("name", POWERED)
def test_refresh_costs_idd5b(name):
    """While it refreshes a rank costs V * IDD5B on every rail; idle it costs V * IDD2N."""
    memory = one_rank(name)
    timing = resolve_timing(memory)
    clocks = timing.ck["nRFC"]
    busy = price(memory, count(memory, clocks, n_ref=1, refreshing_ck=clocks)).rail_totals()
    idle = price(memory, count(memory, clocks)).rail_totals()
    devices = memory.channel_width_bits // memory.device_width_bits
    for rail_name, rail in memory.power.rails.items():
        unit = rail.voltage_v * timing.time_ns(clocks) * devices
        assert busy[rail_name] == pytest.approx(unit * rail.IDD5B, rel=1e-12)
        assert idle[rail_name] == pytest.approx(unit * rail.IDD2N, rel=1e-12)


@pytest.mark.parametrize("name", ["ddr4-2400r-8gb-x8", "ddr3l-1600-4gb-x8"])
def test_burst_costs_idd4(name):
    """With all banks open and bursts back to back, the core costs V * IDD4R (IDD4W for writes)."""
    memory = dram(name)
    timing = resolve_timing(memory)
    _, banks = shape_of(memory)
    clocks = timing.burst_ck
    opened = replace(count(memory, clocks, rank_open_ck=clocks), bank_open_ck=np.full((1, banks), clocks))
    for command, current in (("n_rd", "IDD4R"), ("n_wr", "IDD4W")):
        one = np.zeros((1, banks), np.int64)
        one[0, 3] = 1
        found = price(memory, replace(opened, **{command: one})).rail_totals()
        for rail_name, rail in memory.power.rails.items():
            want = rail.voltage_v * getattr(rail, current) * timing.time_ns(clocks) * 8
            assert found[rail_name] == pytest.approx(want, rel=1e-12)


# ---- adding up


MODELS = st.sampled_from(["quadratic", "drampower"])


@given(st.sampled_from(POWERED), st.integers(0, 2**32), st.floats(0.8, 1.2), MODELS)
def test_parts_add_up(name, seed, scale, model):
    """Components add up to the total; so do the rails, and the banks with the background that they share."""
    memory = dram(name, channels=2, ranks=1 if name.startswith(("gddr", "hbm")) else 2)
    nominal = next(rail.voltage_v for rail in memory.power.rails.values() if rail.follows_vdd)
    found = price(memory, any_counters(memory, seed), volts(memory, nominal * scale), model)
    assert sum(found.as_dict()[x] for x in COMPONENTS) == found.total
    assert sum(found.rail_totals().values()) == pytest.approx(found.total, rel=1e-12)
    banks = sum(values.sum() for values in found.by_bank.values())
    assert banks + found.shared_background.sum() == pytest.approx(found.total, rel=1e-12)
    assert found.by_rank.sum() == pytest.approx(found.total, rel=1e-12)
    assert sum(values[0].sum() for values in found.by_bank.values()) + found.shared_background[0].sum() == (
        pytest.approx(found.by_rank[0].sum(), rel=1e-12)
    )


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_windows_add_up(one, two):
    """The energy of two windows is the sum of their energies: pricing is linear in the counters."""
    memory = dram(DDR4)
    model = EnergyModel(memory, volts(memory, 1.1))
    a, b = any_counters(memory, one), any_counters(memory, two)
    together, apart = model.price(a + b), model.price(a) + model.price(b)
    for name in (*COMPONENTS, "total"):
        assert getattr(together, name) == pytest.approx(getattr(apart, name), rel=1e-12)
    again = a + b - b
    assert all(np.array_equal(getattr(again, f.name), getattr(a, f.name)) for f in fields(Counters)[1:])


def test_counters_of_different_clocks():
    """Counters of unlike clocks cannot be added."""
    a, b = (Counters.zeros(Fraction(period), 1, 1, 16) for period in (833, 1250))
    with pytest.raises(ValueError, match="833 and 1250"):
        a + b
    assert replace(a, cycles=np.array([1000])).time_ns == 833.0


# ---- voltage


@given(st.integers(0, 2**32), st.floats(0.5, 1.3), st.floats(0.5, 1.3), st.sampled_from(["quadratic", "drampower"]))
def test_energy_grows_with_voltage(seed, a, b, model):
    """A higher VDD never costs less."""
    memory = dram(DDR4)
    counters = any_counters(memory, seed)
    low, high = (price(memory, counters, volts(memory, v), model) for v in sorted((a, b)))
    for name in COMPONENTS:
        assert getattr(low, name) <= getattr(high, name)


@pytest.mark.parametrize(("model", "factor"), [("quadratic", (1.05 / 1.2) ** 2), ("drampower", 1.05 / 1.2)])
def test_voltage_models(model, factor):
    """VDD scales its own rail by the square (or linearly); VPP and the interface stay as they are."""
    memory = dram(DDR4)
    counters = any_counters(memory, 1)
    nominal = price(memory, counters).rail_totals()
    lower = price(memory, counters, volts(memory, 1.05), model).rail_totals()
    assert lower["VDD"] == pytest.approx(nominal["VDD"] * factor, rel=1e-12)
    assert lower["VPP"] == nominal["VPP"]
    assert lower["VDDQ"] == nominal["VDDQ"]


def test_lpddr3_lowers_its_second_rail():
    """LPDDR3's VDD2 follows VDD, VDD1 stays."""
    memory = dram("lpddr3-1600-4gb-x32")
    counters = any_counters(memory, 2)
    nominal, lower = price(memory, counters).rail_totals(), price(memory, counters, volts(memory, 1.0)).rail_totals()
    assert lower["VDD1"] == nominal["VDD1"]
    assert lower["VDD2"] == pytest.approx(nominal["VDD2"] / 1.44, rel=1e-12)


def test_no_state_means_nominal():
    """The resolved nominal operating state prices exactly like none."""
    memory = dram(DDR4)
    counters = any_counters(memory, 3)
    state = resolve_operating_state(memory, schema.OperatingPoint(), [])
    assert price(memory, counters, state).as_dict() == price(memory, counters).as_dict()


def test_one_bank_at_lower_voltage():
    """Only the array energy of a bank follows its own VDD; column path, shared background and I/O follow the rank."""
    given = table(DDR4)
    given["power"]["rho"] = 0.5
    memory = schema.Dram.model_validate(given | {"ranks": 2})
    counters = any_counters(memory, 4)
    vdd = np.full((1, 32), 1.2)
    nominal = price(memory, counters, Volts(vdd))
    vdd[0, 3] = 0.9
    mixed = price(memory, counters, Volts(vdd))
    others = np.arange(32) != 3
    for name in COMPONENTS:
        assert np.array_equal(mixed.by_bank[name][0, others], nominal.by_bank[name][0, others])
    factors = {name: (mixed.by_bank[name] / nominal.by_bank[name])[0, 3] for name in COMPONENTS}
    assert factors["act"] < 0.6
    assert factors["pre"] < 0.6
    assert max(factors["ref"], factors["background"]) < 1
    assert factors["rd"] == factors["wr"] == factors["io"] == 1
    assert np.array_equal(mixed.shared_background, nominal.shared_background)
    vdd[0, :16] = 0.9
    lowered = price(memory, counters, Volts(vdd))
    assert (lowered.by_bank["rd"][0, :16] < nominal.by_bank["rd"][0, :16]).all()
    assert lowered.shared_background[0, 0] < nominal.shared_background[0, 0]
    assert lowered.shared_background[0, 1] == nominal.shared_background[0, 1]


# ---- latency


@given(st.sampled_from(POWERED), st.integers(0, 60), st.integers(0, 60))
def test_cutting_a_timing_frees_no_row_charge(name, open_ck, closed_ck):
    """Rows cost the same however short tRAS and tRP are; only the background shrinks, and nothing becomes negative."""
    memory = dram(name)
    timing = resolve_timing(memory)
    full = timing.ck["nRAS"], timing.ck["nRP"]
    cut = min(open_ck, full[0]), min(closed_ck, full[1])
    loops = [
        price(memory, count(memory, ras + rp, n_act=1, n_pre=1, bank_open_ck=ras, rank_open_ck=ras))
        for ras, rp in (full, cut)
    ]
    assert loops[1].act == loops[0].act > 0
    assert loops[1].pre == loops[0].pre > 0
    assert 0 <= loops[1].background <= loops[0].background
    assert loops[1].act + loops[1].pre <= loops[1].total <= loops[0].total


# ---- interface


def with_io(**changes):
    given = table(DDR4)
    given["power"]["io"] |= changes
    return schema.Dram.model_validate(given)


def test_interface_closed_forms():
    """Zeros and the low line of eight strobe pairs draw V^2 / 94 ohm per beat; a rise costs C V swing."""
    beat_ns = 2500 / 3 / 2000

    def static(lines, ohm=94.0):
        return lines * 1.2**2 / ohm * 1000 * beat_ns

    def burst(**changes):
        memory = with_io(**changes)
        return burst_io_pj(device_of(memory, resolve_timing(memory)))

    quiet = dict(c_load_pf=0.0)
    assert burst(ones_fraction=1.0, **quiet) == pytest.approx(static(64), rel=1e-12)
    assert burst(ones_fraction=0.0, **quiet) == pytest.approx(static(64 + 512), rel=1e-12)
    leg = 120 + 34 * 120 / (34 + 120)
    assert burst(termination="sstl", **quiet) == pytest.approx(static(512 + 128, leg), rel=1e-12)
    assert burst(termination="none", **quiet) == 0
    assert burst(termination="none", c_load_pf=2.0, toggle_rate=0.5) == pytest.approx((128 + 64) * 2 * 1.44, rel=1e-12)
    swing = 1.2 * 60 / 94
    assert burst(c_load_pf=2.0, toggle_rate=1.0) - burst(c_load_pf=2.0, toggle_rate=0.0) == pytest.approx(
        256 * 2 * 1.2 * swing, rel=1e-12
    )


def test_interface_counts_bursts_of_both_directions():
    """Every burst costs its interface energy once, in its bank; a memory without interface data costs none."""
    memory = dram(DDR4)
    found = price(memory, count(memory, 100, n_rd=3, n_wr=2))
    assert found.io == pytest.approx(5 * burst_io_pj(device_of(memory, resolve_timing(memory))), rel=1e-12)
    assert found.by_bank["io"][0, 0] == found.io
    given = table(DDR4)
    del given["power"]["io"]
    assert price(schema.Dram.model_validate(given), count(memory, 100, n_rd=3)).io == 0


# ---- impossible data


def test_negative_activation_charge_warns():
    """DDR5-4800's IDD0 of 103 mA below its IDD3N of 142 mA makes activations negative: both are named."""
    given = table(DDR4)
    given["power"]["rho"] = 0.6
    given["power"]["rails"]["VDD"] |= {"IDD0": 103, "IDD2N": 92, "IDD3N": 142, "IDD4R": 377, "IDD4W": 349, "IDD5B": 277}
    memory = schema.Dram.model_validate(given)
    model = EnergyModel(memory)
    assert len(model.warnings) == 1
    assert "rails.VDD: an activation" in model.warnings[0]
    assert "IDD0 = 103 mA is too low for IDD3N = 142 mA (standby with the open banks: 123.2 mA)" in model.warnings[0]
    assert model.price(count(memory, 100, n_act=1)).act < 0


MILLIAMPERES = st.one_of(st.integers(0, 200), st.just(10**6))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["all_banks", "one_bank"]),
    st.sampled_from([0.0, 0.6, 1.0]),
    st.fixed_dictionaries(
        {name: MILLIAMPERES for name in ("IDD0", "IDD2N", "IDD3N", "IDD4R", "IDD4W", "IDD5B", "IDD2P", "IDD3P")},
        optional={name: MILLIAMPERES for name in ("IDD_precharge", "IDD5PB", "IDD5C")},
    ),
)
def test_no_negative_energy_without_a_warning(basis, rho, currents):
    """Whatever the currents, a cost below zero has a warning that names two of them; sound currents have neither."""
    memory = dram(DDR4)
    device = device_of(memory, resolve_timing(memory))
    vdd = schema.Rail(voltage_v=1.2, follows_vdd=True, **currents)
    clocks = dict(device.clocks) | {"nRFCpb": 200, "nRFCsb": 200, "nRFC2b": 200, "nRFCdb": 200}
    device = replace(device, rails={"VDD": vdd}, clocks=clocks, idd3n_basis=basis, rho=rho)
    (costs,) = rail_costs(device)
    negative = [name for name, value in vars(costs).items() if isinstance(value, float) and value < -1e-6]
    found = impossible_currents(device)
    assert len([text for text in found if "negative energy" in text]) >= len(negative) - ("bank" in negative)
    assert all(len(set(re.findall(r"IDD\w+", text))) == 2 for text in found)
    assert found or not negative


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"IDD_precharge": 1e6}, "an activation has negative energy: IDD0 = 48 mA is too low for IDD_precharge = 1e"),
        ({"IDD_precharge": 10}, "a precharge has negative energy: IDD_precharge = 10 mA is too low for IDD2N = 34 mA"),
        ({"IDD4W": 20}, "a write has negative energy: IDD4W = 20 mA is too low for IDD3N = 43 mA"),
        ({"IDD2P": 50}, "IDD2P = 50 mA is above IDD2N = 34 mA, which no state of a device explains"),
    ],
)
def test_impossible_currents_are_named(change, message):
    """One wrong current: the warning names it and the one that contradicts it."""
    given = table(DDR4)
    given["power"]["rails"]["VDD"] |= change
    (warning,) = EnergyModel(schema.Dram.model_validate(given)).warnings
    assert warning.startswith(f"dram.power.rails.VDD: {message}")


@pytest.mark.parametrize(("vpp", "vdd", "found"), [(True, True, "VDD and VPP"), (False, False, "none")])
def test_one_rail_follows_vdd(vpp, vdd, found):
    """Two supplies that follow VDD, or none: refused, as lowering VDD would mean something else or nothing."""
    given = table(DDR4)
    given["power"]["rails"]["VPP"]["follows_vdd"], given["power"]["rails"]["VDD"]["follows_vdd"] = vpp, vdd
    with pytest.raises(ConfigError, match=f"{found} of the rails .* expected follows_vdd = true for exactly one"):
        EnergyModel(schema.Dram.model_validate(given))


def test_no_currents():
    """A memory without a power table cannot be priced, and says which table is missing."""
    with pytest.raises(ConfigError, match=r"dram.power: .* has no currents"):
        EnergyModel(dram("ramulator2/ddr4_2400_frfcfs32"))
