"""Energy by place and data: banks and chips at different VDD, and what moves on the bus."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.energy import COMPONENTS, EnergyModel, price
from edensim.dram.timing import resolve_timing
from tests.dram.preset_dram import dram, table
from tests.dram.test_energy import DDR4, Volts, any_counters, volts


@pytest.mark.parametrize("model", ["quadratic", "drampower", "array_only", "regulated"])
def test_only_the_array_of_a_lowered_bank_follows(model):
    """Closed form: what one bank saves is its row cycles and refreshes on VDD, times 1 - s^2 (or 1 - s), no more.

    rho = 1, so an open bank adds no background of its own; per activation V (IDD0 tRC - IDD3N tRAS - IDD2N tRP), per
    refresh a 16th of V (IDD5B - IDD3N) tRFC, eight devices.
    """
    memory = dram(DDR4)
    rail, timing = memory.power.rails["VDD"], resolve_timing(memory)
    ns = {name: timing.time_ns(timing.ck[name]) for name in ("nRAS", "nRP", "nRFC")}
    counters = any_counters(memory, 8)
    counters = replace(counters, n_pre=counters.n_act)
    vdd = np.full((1, 16), 1.2)
    energy = schema.Energy(voltage_model=model)
    before = price(memory, counters, Volts(vdd.copy()), energy)
    vdd[0, 5] = 0.9
    after = price(memory, counters, Volts(vdd), energy)
    row = rail.IDD0 * (ns["nRAS"] + ns["nRP"]) - rail.IDD3N * ns["nRAS"] - rail.IDD2N * ns["nRP"]
    refresh = (rail.IDD5B - rail.IDD3N) * ns["nRFC"] / 16
    own = 8 * 1.2 * (counters.n_act[0, 5] * row + counters.n_ref[0, 0] * refresh)
    kept = 0.75 if model in ("drampower", "regulated") else 0.75**2
    assert before.total - after.total == pytest.approx((1 - kept) * own, rel=1e-9)
    assert before.act + before.pre - after.act - after.pre == pytest.approx(
        (1 - kept) * 8 * 1.2 * counters.n_act[0, 5] * row, rel=1e-9
    )
    for name in ("rd", "wr", "io"):
        assert getattr(before, name) == getattr(after, name)
    assert after.background == pytest.approx(before.background, rel=1e-12)


@given(st.integers(1, 8), st.floats(0.8, 1.2), st.integers(0, 2**32))
def test_chips_with_a_supply_of_their_own(lowered, low, seed):
    """What k of eight chips draw from VDD goes with their VDD: k / 8 of the rail's energy, squared; VPP, I/O stay."""
    memory = dram(DDR4, ranks=2)
    counters = any_counters(memory, seed)
    vdd = np.full((1, 32, 8), 1.2)
    vdd[:, :16, :lowered] = low
    nominal, mixed = price(memory, counters), price(memory, counters, Volts(vdd))
    s2, share = (low / 1.2) ** 2, lowered / 8
    for name in ("act", "pre", "rd", "wr", "ref", "background"):
        first, second = (np.split(x.by_bank[name][0], 2) for x in (nominal, mixed))
        assert np.array_equal(mixed.by_place[name][0, 16:], mixed.by_place[name][0, 16:, :1].repeat(8, axis=1))
        assert second[1] == pytest.approx(first[1], rel=1e-12)
    vdd_rail = nominal.rail_totals()["VDD"]
    alone = price(memory, counters, Volts(np.repeat([[1e-9, 1.2]], 16, axis=1)))
    first_rank = vdd_rail - alone.rail_totals()["VDD"]
    assert vdd_rail - mixed.rail_totals()["VDD"] == pytest.approx(share * (1 - s2) * first_rank, rel=1e-9, abs=1e-3)
    for rail in ("VPP", "VDDQ"):
        assert mixed.rail_totals()[rail] == pytest.approx(nominal.rail_totals()[rail], rel=1e-12)
    assert mixed.by_rank.sum() == pytest.approx(mixed.total, rel=1e-12)


def test_chips_alike_cost_as_one():
    """The same VDD given chip by chip and bank by bank prices the same, component by component."""
    memory = dram(DDR4)
    counters = any_counters(memory, 9)
    one, eight = price(memory, counters, volts(memory, 1.05)), price(memory, counters, Volts(np.full((1, 16, 8), 1.05)))
    for name in (*COMPONENTS, "total"):
        assert getattr(eight, name) == pytest.approx(getattr(one, name), rel=1e-12)


# ---- data


def test_data_change_reads_writes_and_pins_only():
    """VAMPIRE's law on DDR3L: RD and WR of VDD by its factors, data pins by ones and edges, nothing else."""
    memory = dram("ddr3l-1600-4gb-x8")
    counters = any_counters(memory, 10)
    data = schema.EnergyData(law="vampire_a", ones_fraction=0.25, toggle_rate=0.1, line_toggle_rate=0.2)
    model = EnergyModel(memory, None, schema.Energy(data=data))
    plain, priced = price(memory, counters), model.price(counters)
    # mA above a standby of 129.3598 pJ / (2.5 ns 1.35 V): 128 ones and 102.4 toggles against 256 and 256
    standby = 129.3598 / 2.5 / 1.35
    read = (246.44 + 6.558 * 16 + 0.431 * 12.8 - standby) / (246.44 + 6.558 * 32 + 0.431 * 32 - standby)
    write = (728.75 - 5.056 * 16 + 0.712 * 12.8 - standby) / (728.75 - 5.056 * 32 + 0.712 * 32 - standby)
    assert model.data_factors == pytest.approx((read, write), rel=1e-12)
    assert (priced.rd, priced.wr) == pytest.approx((plain.rd * read, plain.wr * write), rel=1e-12)
    for name in ("act", "pre", "ref", "background"):
        assert getattr(priced, name) == getattr(plain, name)
    io = memory.power.io.model_copy(update={"ones_fraction": 0.25, "toggle_rate": 0.1})
    given = table("ddr3l-1600-4gb-x8")
    given["power"]["io"] = io.model_dump()
    assert priced.io == price(schema.Dram.model_validate(given), counters).io < plain.io
    assert model.warnings == []


def test_no_law_no_change_and_a_borrowed_law_says_so():
    """Rates without a law touch only the pins; DDR3L's law on DDR4 works but warns."""
    memory = dram(DDR4)
    counters = any_counters(memory, 11)
    rates = schema.EnergyData(ones_fraction=1.0, toggle_rate=0.0)
    plain, quiet = price(memory, counters), price(memory, counters, None, schema.Energy(data=rates))
    assert (quiet.rd, quiet.wr) == (plain.rd, plain.wr)
    assert quiet.io < plain.io
    (warning,) = EnergyModel(memory, None, schema.Energy(data=schema.EnergyData(law="vampire_b"))).warnings
    assert "measured on DDR3L-1600 modules; for DDR4 it is a guess" in warning
