"""Energy of what few controllers do: refreshes of single banks, power-down, cut rows; supplies of their own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.command_energy import CommandPricer
from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyModel
from edensim.dram.power_device import device_of
from edensim.dram.timing import resolve_timing
from edensim.errors import ConfigError
from edensim.memory import resolve_operating_state
from tests.dram.command_reference import legal_trace
from tests.dram.preset_dram import dram
from tests.dram.test_command_energy import count as count_commands
from tests.dram.test_energy import any_counters, count, volts

DDR4, DDR5, LPDDR4 = "ddr4-2400r-8gb-x8", "ddr5-4800-16gb-x8", "lpddr4-3200-8gb-x16"
REFPB_CK, REFSB_CK = 224, 312


def extended(name):
    """A preset, and its timings with the refreshes of single banks that its standard does not list yet."""
    memory = dram(name)
    timing = resolve_timing(memory)
    rails = {
        rail: own.model_copy(update={"IDD5PB": own.IDD2N * 1.4, "IDD5C": own.IDD3N * 1.2})
        for rail, own in memory.power.rails.items()
    }
    power = memory.power.model_copy(update={"rails": rails})
    ck = dict(timing.ck) | {"nRFCpb": REFPB_CK, "nRFCsb": REFSB_CK, "nRFC2b": REFPB_CK}
    return memory.model_copy(update={"power": power}), replace(timing, ck=ck)


def volt_ma(memory, current):
    """Sum over the rails of V * current, of all devices of a rank, in mW."""
    return devices(memory) * sum(rail.voltage_v * getattr(rail, current) for rail in memory.power.rails.values())


def devices(memory):
    return memory.channel_width_bits // memory.device_width_bits


def test_refresh_of_banks_in_turn_costs_idd5pb():
    """A bank refreshed every tREFI / 8 costs V IDD5PB on average, background included: the current is an average."""
    memory, timing = extended(LPDDR4)
    period = timing.ck["nREFI"] // 8 * 8
    timing = replace(timing, ck=timing.ck | {"nREFI": period})
    did = dict(n_refpb=1, bank_refreshing_ck=REFPB_CK, rank_refreshing_ck=REFPB_CK)
    found = EnergyModel(memory, timing=timing).price(count(memory, period // 8, **did))
    idle = EnergyModel(memory, timing=timing).price(count(memory, period // 8))
    rest = idle.total * (memory.channels * memory.ranks - 1) / (memory.channels * memory.ranks)
    assert found.total - rest == pytest.approx(volt_ma(memory, "IDD5PB") * period / 8 * timing.time_ns(1), rel=1e-12)
    assert found.by_bank["ref"].sum() == found.ref == found.by_bank["ref"][0, 0]


def test_same_bank_refresh_costs_idd5c():
    """The same bank of every group in refresh costs V IDD5C tRFCsb, background included."""
    memory, timing = extended(DDR5)
    banks = np.zeros((memory.channels, memory.bank_groups * memory.banks_per_group), np.int64)
    banks[0, :: memory.banks_per_group] = 1
    n = count(memory, REFSB_CK, rank_refreshing_ck=REFSB_CK)
    n = replace(n, n_refsb=banks, bank_refreshing_ck=banks * REFSB_CK)
    model = EnergyModel(memory, timing=timing)
    idle = model.price(count(memory, REFSB_CK)).total / (memory.channels * memory.ranks)
    rest = idle * (memory.channels * memory.ranks - 1)
    want = volt_ma(memory, "IDD5C") * REFSB_CK * timing.time_ns(1)
    assert model.price(n).total - rest == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize(("counter", "current"), [("pda_ck", "IDD3P"), ("pdp_ck", "IDD2P"), ("sref_ck", "IDD6")])
def test_sleeping_ranks_cost_their_current(counter, current):
    """Power-down and self refresh cost V I t and take the place of standby; they follow VDD as background does."""
    memory = dram(DDR4)
    clock_ns = resolve_timing(memory).time_ns(1)
    for state, factor in ((None, 1.0), (volts(memory, 1.08), 0.81)):
        model = EnergyModel(memory, state)
        awake, asleep = model.price(count(memory, 1000)), model.price(count(memory, 1000, **{counter: 400}))
        vdd, vpp = memory.power.rails["VDD"], memory.power.rails["VPP"]
        for rail, own, scale in (("VDD", vdd, factor), ("VPP", vpp, 1.0)):
            saved = awake.by_rail[rail]["background"] - asleep.by_rail[rail]["background"]
            want = own.voltage_v * (own.IDD2N - getattr(own, current)) * 400 * clock_ns * devices(memory) * scale
            assert saved == pytest.approx(want, rel=1e-9, abs=1e-6)


def test_unknown_currents_are_refused():
    """What was counted and has no current is an error that names it, in a run as in a trace."""
    memory = dram(DDR4)
    with pytest.raises(ConfigError, match="gives no IDD5PB, but the per-bank refresh that was counted needs it"):
        EnergyModel(memory).price(count(memory, 1000, n_refpb=1))


def single_bank_refreshes(rng, device, command, clock):
    """Refreshes of single banks, one after the other, and where the last one ends."""
    rows = []
    for _ in range(10):
        clock += 2000
        rows.append((clock, command, 0, int(rng.integers(device.banks))))
    return rows, clock + 2000


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([(DDR4, None), (LPDDR4, "REFB"), (DDR5, "REFSB")]), st.integers(0, 2**32))
def test_runs_and_traces_cost_the_same(kind, seed):
    """The same doings, counted as a run counts and as a trace counts, cost the same, part by part."""
    name, single = kind
    memory, timing = extended(name)
    memory = memory.model_copy(update={"channels": 1})
    device = device_of(memory, timing)
    *trace, _ = legal_trace(device.banks, device.clocks, seed)  # without its END
    rows = [(clock, command, 0, bank) for clock, command, bank in trace]
    end = rows[-1][0] + 5000
    if single and not rows[-1][1].startswith(("PDE", "SREFEN")):
        more, last = single_bank_refreshes(np.random.default_rng(seed), device, single, end)
        rows, end = [*rows, (end, "PREA", 0, 0), *more], last
    n = count_commands(device, [*rows, (end, "END", 0, 0)]).counts()

    refreshing = n.n_refpb * REFPB_CK + n.n_refsb * REFSB_CK
    all_bank = n.n_refab[:, 0] * device.clocks["nRFC"]
    alone = refreshing.sum(axis=1) // (device.bank_groups if single == "REFSB" else 1)
    run = replace(
        Counters.zeros(timing.period, 1, 1, device.banks),
        cycles=np.array([end]),
        **{"n_act": n.n_act, "n_pre": n.n_pre, "n_rd": n.n_rd + n.n_rda, "n_wr": n.n_wr + n.n_wra},
        **{"n_ref": n.n_refab[:, :1], "refreshing_ck": all_bank[:, None], "n_refpb": n.n_refpb, "n_refsb": n.n_refsb},
        bank_open_ck=n.open_ck - all_bank[:, None] - refreshing,
        rank_open_ck=(n.active_ck - all_bank - alone)[:, None],
        bank_refreshing_ck=refreshing,
        rank_refreshing_ck=alone[:, None],
        cut_ck=n.cut_ck,
        **{name: getattr(n, name)[:, None] for name in ("pda_ck", "pdp_ck", "sref_ck")},
    )
    energy = schema.Energy(restore_credit=0.2)
    found = EnergyModel(memory, None, energy, timing).price(run).as_dict()
    for part, want in CommandPricer(device, energy).price(n).as_dict().items():
        assert found[part] == pytest.approx(want, rel=1e-9, abs=1e-6), part


# ---- rows that close too early


def test_cut_rows_are_credited_only_on_request():
    """12 clocks short of tRAS save that part of the credit, of the activation only, and never more than it costs."""
    memory = dram(DDR4)
    n = count(memory, 1000, n_act=2, n_pre=2, bank_open_ck=60, rank_open_ck=60, cut_ck=12)
    plain, credit = (EnergyModel(memory, None, schema.Energy(restore_credit=x)).price(n) for x in (0.0, 0.2))
    assert plain.act == EnergyModel(memory).price(replace(n, cut_ck=n.cut_ck * 0)).act
    ras = resolve_timing(memory).ck["nRAS"]
    assert credit.act == pytest.approx(plain.act * (1 - 0.2 * 12 / (2 * ras)), rel=1e-12)
    assert credit.total - credit.act == pytest.approx(plain.total - plain.act, rel=1e-12)


# ---- supplies of their own


@pytest.mark.parametrize("model", ["quadratic", "drampower", "array_only", "regulated"])
def test_rails_have_voltages_of_their_own(model):
    """VPP and VDDQ scale as wholes, by the square (VPP linearly with `drampower`); VDD's rail does not notice."""
    memory = dram(DDR4)
    n = any_counters(memory, 5)
    nominal = EnergyModel(memory, None, schema.Energy(voltage_model=model)).price(n).by_rail
    own = schema.Energy(voltage_model=model, rails={"vpp": 2.4, "VDDQ": 1.0})
    lowered = EnergyModel(memory, None, own).price(n).by_rail
    vpp = 2.4 / 2.5 if model == "drampower" else (2.4 / 2.5) ** 2
    for rail, factor in (("VDD", 1.0), ("VPP", vpp), ("VDDQ", (1.0 / 1.2) ** 2)):
        for part, value in nominal[rail].items():
            assert lowered[rail][part] == pytest.approx(value * factor, rel=1e-12)


def test_rails_and_the_operating_point_are_independent():
    """Lowering VDD and lowering VPP multiply nothing: each rail is what it would be alone."""
    memory = dram(DDR4)
    n = count(memory, 5000, n_act=7, n_pre=7, n_rd=9, bank_open_ck=400, rank_open_ck=400)
    state = resolve_operating_state(memory, schema.OperatingPoint(vdd=1.0), [])
    own = schema.Energy(rails={"VPP": 2.3})
    both = EnergyModel(memory, state, own).price(n).rail_totals()
    assert both["VDD"] == EnergyModel(memory, state).price(n).rail_totals()["VDD"]
    assert both["VPP"] == EnergyModel(memory, None, own).price(n).rail_totals()["VPP"]


@pytest.mark.parametrize(
    ("rails", "message"),
    [
        ({"VPQ": 2.4}, "energy.rails.VPQ: .* has no such supply; did you mean VPP"),
        ({"VDD": 1.1}, r"energy.rails.VDD: VDD is the rail that follows VDD; set operating_point.vdd = 1.1 instead"),
        ({"VPP": 3.4}, r"energy.rails.VPP = 3.4 V: expected more than 0 and at most 3 V"),
    ],
)
def test_wrong_rails(rails, message):
    """A supply that is not there, the wrong place for VDD, an impossible voltage: for runs and traces alike."""
    memory = dram(DDR4)
    energy = schema.Energy(rails=rails)
    for build in (
        lambda: EnergyModel(memory, None, energy),
        lambda: CommandPricer(device_of(memory, resolve_timing(memory)), energy),
    ):
        with pytest.raises(ConfigError, match=message):
            build()


def test_refreshes_of_single_banks_need_a_current_before_the_run():
    """A memory set to refresh bank by bank without IDD5PB is refused when prices are set up, not after the run."""
    memory = dram(DDR4)
    for refresh, current in (("per_bank", "IDD5PB"), ("same_bank", "IDD5C")):
        controller = memory.controller.model_copy(update={"refresh": refresh})
        with pytest.raises(ConfigError, match=f"gives no {current}"):
            EnergyModel(memory.model_copy(update={"controller": controller}))
