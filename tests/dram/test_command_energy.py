"""Command traces priced: equality with DRAMPower, closed forms, windows, voltages, credits."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.command_counts import BadCommandError, CommandCounter
from edensim.dram.command_energy import BANK_PARTS, CommandPricer
from edensim.dram.command_trace import count_trace, price_trace
from edensim.dram.commands import TRACE_NAMES
from edensim.dram.memspec import load_memspec
from edensim.dram.power_device import device_of
from edensim.dram.timing import resolve_timing
from edensim.errors import ConfigError
from tests.dram.command_reference import ReferenceRank, legal_trace
from tests.dram.golden_energy import CASES, write_case
from tests.dram.preset_dram import POWERED, dram

SHARED = {"E_PDNA": "PDNA", "E_PDNP": "PDNP", "E_bg_act_shared": "BG_ACT_SHARED", "E_sref": "SREF", "E_dsm": "DSM"}
CODE = {name: code for code, name in enumerate(TRACE_NAMES)}
LOOPS = [*POWERED]


def preset(name):
    memory = dram(name)
    return device_of(memory, resolve_timing(memory))


def counter_of(device):
    return CommandCounter(device.ranks, device.banks, device.banks_per_group, device.clocks, device.deep_sleep)


def count(device, rows, counter=None):
    """Feed rows of (clock, command name, rank, bank)."""
    counter = counter or counter_of(device)
    clocks, names, ranks, banks = (list(x) for x in zip(*rows, strict=True))
    codes = np.array([CODE[name] for name in names], np.uint8)
    counter.feed(np.array(clocks), codes, np.array(ranks), np.array(banks))
    return counter


@pytest.mark.parametrize("name", CASES)
def test_core_energies_equal_drampower(name, tmp_path):
    """Every component of every bank, and what ranks share, is what DRAMPower 6.2 reports, to 1e-9."""
    trace, spec = write_case(name, tmp_path)
    device = load_memspec(spec)
    counted = count_trace(trace, device)
    priced = CommandPricer(device, schema.Energy(voltage_model="drampower")).price(counted.channels[0])
    for component, joules in CASES[name]["banks"].items():
        assert priced.of_banks(component).ravel() * 1e-12 == pytest.approx(joules, rel=1e-9, abs=0), component
    for key, component in SHARED.items():
        assert priced.component(component) * 1e-12 == pytest.approx(CASES[name]["ranks"][key], rel=1e-9, abs=0)
    data = price_trace(counted, device, schema.Energy())
    core = data["energy_pj"]["total"] - data["energy_pj"]["io"]
    joules = sum(map(sum, CASES[name]["banks"].values())) + sum(CASES[name]["ranks"].values())
    assert core * 1e-12 == pytest.approx(joules, rel=1e-9)


def test_negative_activation_is_named(tmp_path):
    """Case 13 has negative ACT energy by its currents: it stays negative, and both currents are named."""
    trace, spec = write_case("13_ddr5_mixed", tmp_path)
    device = load_memspec(spec)
    data = price_trace(count_trace(trace, device), device, schema.Energy())
    assert data["energy_pj"]["act"] < 0
    (warning,) = data["warnings"]
    assert "IDD0 = 103 mA is too low for IDD3N = 142 mA (standby with the open banks: 122.6 mA)" in warning


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.integers(0, 2**32))
def test_state_machine_equals_a_naive_reference(tmp_path_factory, name, seed):
    """On random legal traces every counter is that of a queue of deferred commands, which DRAMPower works with."""
    device = load_memspec(write_case(name, tmp_path_factory.mktemp("spec"))[1])
    rows = legal_trace(device.banks, device.clocks, seed)
    reference = ReferenceRank(device.banks, device.clocks)
    for row in rows:
        reference.do(*row)
    counter = count(device, [(clock, command, 0, bank) for clock, command, bank in rows])
    n, end = counter.counts(), rows[-1][0]
    assert counter.early == 0
    assert n.n_pre[0].tolist() == reference.n_pre
    assert n.open_ck[0].tolist() == [one.at(end) for one in reference.act]
    times = [getattr(reference, x).at(end) for x in ("any", "pda", "pdp", "sref")]
    assert [int(x[0]) for x in (n.active_ck, n.pda_ck, n.pdp_ck, n.sref_ck)] == times


# ---- closed forms


@pytest.mark.parametrize("name", LOOPS)
def test_row_cycle_costs_v_i0_trc(name):
    """A loop of ACT and PRE at tRC costs exactly V I0 tRC on every rail (and V I2N in each idle pseudo-channel)."""
    device = preset(name)
    ras, loop = device.clocks["nRAS"], device.clocks["nRAS"] + device.clocks["nRP"] + device.spare_ck
    rows = [x for k in range(7) for x in ((k * loop, "ACT", 0, 2), (k * loop + ras, "PRE", 0, 2))]
    counter = count(device, [*rows, (7 * loop, "END", 0, 0)])
    found = CommandPricer(device).price(counter.counts()).by_rail()
    for rail_name, rail in device.rails.items():
        current = rail.IDD0 + (device.ranks - 1) * rail.IDD2N
        want = rail.voltage_v * current * 7 * loop * device.clock_ns * device.devices
        assert sum(found[rail_name].values()) == pytest.approx(want, rel=1e-12)


def test_row_cycle_with_a_precharge_current():
    """A precharge current of its own moves energy between ACT and PRE, never the sum."""
    device = preset("ddr4-2400r-8gb-x8")
    rails = {name: rail.model_copy(update={"IDD_precharge": 0.8 * rail.IDD0}) for name, rail in device.rails.items()}
    counts = count(device, [(0, "ACT", 0, 0), (50, "PRE", 0, 0)]).counts(100)
    plain, split = (CommandPricer(x).price(counts) for x in (device, replace(device, rails=rails)))
    assert split.component("PRE") < plain.component("PRE")
    assert split.as_dict()["total"] == pytest.approx(plain.as_dict()["total"], rel=1e-12)


@pytest.mark.parametrize("command", ["RDA", "WRA"])
def test_auto_precharge_waits_for_tras_and_recovery(command):
    """RDA and WRA close their row at max(ACT + tRAS, command + offset), once, and not before."""
    device = preset("ddr4-2400r-8gb-x8")
    offset = device.clocks["nRDA" if command == "RDA" else "nWRA"]
    for at in (device.clocks["nRCD"], 200):
        close = max(device.clocks["nRAS"], at + offset)
        counter = count(device, [(0, "ACT", 0, 1), (at, command, 0, 1)])
        assert counter.counts(close - 1).n_pre.sum() == 0
        done = counter.counts(close + 50)
        assert done.n_pre[0, 1] == 1
        assert done.open_ck[0, 1] == close == done.active_ck[0]
        assert done.standby_ck[0] == 50


def test_idle_states_cost_their_current():
    """Standby, power-down and self refresh cost V I t; entry waits for tRCD after ACT and for the end of a refresh."""
    device = preset("ddr4-2400r-8gb-x8")
    rcd, ras, rfc = (device.clocks[x] for x in ("nRCD", "nRAS", "nRFC"))
    rows = [(0, "PDEP", 0, 0), (100, "PDXP", 0, 0), (200, "ACT", 0, 0), (201, "PDEA", 0, 0), (300, "PDXA", 0, 0)]
    rows += [(300 + ras, "PRE", 0, 0), (1000, "SREFEN", 0, 0), (1000 + rfc + 70, "SREFEX", 0, 0)]
    n = count(device, rows).counts(1000 + rfc + 100)
    assert (n.pdp_ck[0], n.pda_ck[0], n.sref_ck[0]) == (100, 100 - rcd, 70)
    assert n.open_ck[0, 0] == rcd + ras + rfc
    assert n.active_ck[0] == n.open_ck[0, 0]
    priced = CommandPricer(device).price(n)
    rails = device.rails.values()
    for part, current, clocks in (("PDNP", "IDD2P", 100), ("PDNA", "IDD3P", 100 - rcd), ("SREF", "IDD6", 70)):
        want = sum(x.voltage_v * getattr(x, current) for x in rails) * clocks * device.clock_ns * device.devices
        assert priced.component(part) == pytest.approx(want, rel=1e-12)


def test_refresh_costs_idd5b():
    """A rank in all-bank refresh costs V IDD5B tRFC, background included."""
    device = preset("ddr4-2400r-8gb-x8")
    rfc = device.clocks["nRFC"]
    found = CommandPricer(device).price(count(device, [(0, "REFA", 0, 0), (rfc, "END", 0, 0)]).counts()).by_rail()
    for rail_name, rail in device.rails.items():
        want = rail.voltage_v * rail.IDD5B * rfc * device.clock_ns * device.devices
        assert sum(found[rail_name].values()) == pytest.approx(want, rel=1e-12)


def low_power(standard, tmp_path, **architecture):
    """A memspec of LPDDR5 or LPDDR6, made of the LPDDR4 case with the rails and timings of its standard."""
    spec = json.loads(json.dumps(CASES["15_lpddr4_act_rd_pre"]["memspec"]))
    old, second = spec["mempowerspec"], {"LPDDR5": ("2h", "2l"), "LPDDR6": ("2c", "2d")}[standard]
    power = {"vdd1": old["vdd1"], "vddq": old["vddq"]}
    for key, value in old.items():
        if key.startswith("idd"):
            short = key[3:-1]
            if short == "5pb" and standard == "LPDDR6":
                short = "5pdb"
            for tail in ("1",) if key.endswith("1") else second:
                power[f"idd{short}{tail}"] = value
    for tail in ("1", *second):
        power[f"idd6ds{tail}"] = 0.0001
    power |= {f"vdd{tail}": 1.05 for tail in second}
    spec["memarchitecturespec"] |= {"nbrOfBanks": 16, "dataRate": 2} | architecture
    spec["memtimingspec"] |= {"WCK2CK": 4, "RBTP": 4, "RCD_S": 29, "RCD_r": 29, "RCD_w": 12, "RFCdb": 224}
    spec |= {"memoryType": standard, "mempowerspec": power}
    path = tmp_path / f"{standard}.json"
    path.write_text(json.dumps({"memspec": spec}))
    return load_memspec(path)


def test_lpddr5_column_energy_depends_on_bank_groups(tmp_path):
    """LPDDR5 bursts are above one open bank in 16-bank mode and above two with bank groups; WCK sets their length."""
    for groups, two in ((1, False), (4, True)):
        device = low_power("LPDDR5", tmp_path, nbrOfBankGroups=groups)
        pricer = CommandPricer(device)
        counts = count(device, [(0, "ACT", 0, 3), (29, "RD", 0, 3), (90, "PRE", 0, 3)]).counts()
        want = 0.0
        for rail in device.rails.values():
            common = (16 * 0.3 * rail.IDD3N + 0.7 * rail.IDD2N) / (16 * 0.3 + 0.7)
            base = rail.IDD3N + (rail.IDD3N - common if two else 0)
            want += rail.voltage_v * (rail.IDD4R - base) * 16 / 2 / 4 * device.clock_ns
        assert pricer.price(counts).component("RD") == pytest.approx(want, rel=1e-12)


def test_refreshes_of_one_and_two_banks(tmp_path):
    """REFB un-averages IDD5PB over tREFI / 8; refreshes of two banks cost half of that above two open banks, each."""
    device = low_power("LPDDR5", tmp_path, nbrOfBankGroups=4)
    counts = count(device, [(0, "REFB", 0, 2), (1000, "REF2B", 0, 3), (3000, "END", 0, 0)]).counts()
    assert counts.n_ref2b[0, [3, 11]].tolist() == [1, 1]
    priced = CommandPricer(device).price(counts)
    single = double = 0.0
    for rail in device.rails.values():
        refi, t = 6246 / 8, 224
        peak = (rail.IDD5PB * refi - rail.IDD2N * (refi - t)) / t
        common = (16 * 0.3 * rail.IDD3N + 0.7 * rail.IDD2N) / (16 * 0.3 + 0.7)
        single += rail.voltage_v * (peak - rail.IDD3N) * t * device.clock_ns
        double += 0.5 * rail.voltage_v * (peak - (2 * rail.IDD3N - common)) * t * device.clock_ns
    assert priced.component("REF_PB") == pytest.approx(single, rel=1e-12)
    assert priced.component("REF_2B") == pytest.approx(2 * double, rel=1e-12)
    assert counts.open_ck.sum() == 3 * 224


def test_lpddr6_dual_bank_refresh_and_deep_sleep(tmp_path):
    """LPDDR6 knows REFDB and no REFB; LPDDR5 deep sleep is taken out of self refresh."""
    six = low_power("LPDDR6", tmp_path, nbrOfBankGroups=4)
    assert count(six, [(0, "REFDB", 0, 1), (900, "END", 0, 0)]).counts().n_refdb[0, [1, 9]].tolist() == [1, 1]
    with pytest.raises(BadCommandError, match="REFB is not known"):
        count(six, [(0, "REFB", 0, 1)])
    five = low_power("LPDDR5", tmp_path, nbrOfBankGroups=1)
    rows = [(0, "SREFEN", 0, 0), (500, "DSMEN", 0, 0), (800, "DSMEX", 0, 0), (1000, "SREFEX", 0, 0)]
    n = count(five, rows).counts()
    assert (n.sref_ck[0], n.dsm_ck[0]) == (1000 - 448 - 300, 300)


# ---- adding up


def random_trace(device, seed, length=400):
    """A legal trace: random commands among those that the state of a bank allows."""
    rng = np.random.default_rng(seed)
    rows, clock = [], 0
    opened = np.zeros((device.ranks, device.banks), bool)
    for _ in range(length):
        rank, bank = int(rng.integers(device.ranks)), int(rng.integers(device.banks))
        clock += int(rng.integers(device.clocks["nRAS"], 3 * device.clocks["nRAS"]))
        if opened[rank, bank]:
            name = str(rng.choice(["RD", "WR", "RDA", "WRA", "PRE", "PREA"]))
        elif opened[rank].any():
            name = "ACT"
        else:
            name = str(rng.choice(["ACT", "REFA", "PDEP", "PDXP"][: 3 if rng.random() < 0.9 else 2]))
        if name == "ACT":
            opened[rank, bank] = True
        elif name in ("RDA", "WRA", "PRE"):
            opened[rank, bank] = False
        elif name == "PREA":
            opened[rank] = False
        rows.append((clock, name, rank, bank))
        if name == "PDEP":
            clock += device.clocks["nRFC"] + 50
            rows.append((clock, "PDXP", rank, bank))
        elif name in ("REFA", "WRA", "RDA"):
            clock += device.clocks["nRFC"]
    return rows


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.95), st.sampled_from(LOOPS))
def test_windows_add_up(seed, where, name):
    """Counters up to any clock and from there on make those of the whole; so do energies; states fill all time."""
    device = replace(preset(name), ranks=2)
    rows = random_trace(device, seed)
    cut = int(rows[-1][0] * where)
    counter = count(device, [row for row in rows if row[0] < cut] or rows[:1])
    before = counter.counts(max(cut, counter.clock))
    after = [row for row in rows if row[0] >= cut]
    whole = count(device, rows).counts()
    if cut > rows[0][0]:
        whole_again = before + (count(device, after, counter).counts() - before)
        for part in whole_again.__dataclass_fields__:
            assert np.array_equal(getattr(whole_again, part), getattr(whole, part)), part
    assert (whole.standby_ck >= 0).all()
    assert (whole.open_ck.max(axis=1) <= whole.active_ck).all()
    pricer = CommandPricer(device)
    one, two = pricer.price(before).as_dict(), pricer.price(whole - before).as_dict()
    for part, value in pricer.price(whole).as_dict().items():
        assert one[part] + two[part] == pytest.approx(value, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(LOOPS), st.floats(0.6, 1.2), st.floats(0.6, 1.2))
def test_components_sum_and_grow_with_voltage(seed, name, a, b):
    """Components sum to the total, rails and DRAMPower's names too, and a higher VDD never costs less, in any model."""
    device = preset(name)
    counts = count(device, random_trace(device, seed, 100)).counts()
    for model in ("quadratic", "drampower", "array_only", "regulated"):
        pricer = CommandPricer(device, schema.Energy(voltage_model=model))
        low, high = (pricer.price(counts, {"vdd": device.vdd_v * x}) for x in sorted((a, b)))
        for priced in (low, high):
            parts = priced.as_dict()
            assert sum(v for k, v in parts.items() if k != "total") == pytest.approx(parts["total"], rel=1e-12)
            assert sum(map(sum, (x.values() for x in priced.by_rail().values()))) == pytest.approx(parts["total"])
            assert sum(priced.detail().values()) == pytest.approx(parts["total"], rel=1e-12)
        for part, value in low.as_dict().items():
            assert value <= high.as_dict()[part] * (1 + 1e-12)


def test_timeline_is_the_energy(tmp_path):
    """Average powers of the windows times their length add up to the energy of the whole trace."""
    trace, spec = write_case("10_ddr4_idle_refresh_powerdown", tmp_path)
    device = load_memspec(spec)
    data = price_trace(count_trace(trace, device), device, schema.Energy())
    line = data["timeline"]
    edges = np.append(line["start_ns"], data["time_ns"])
    for part, value in data["energy_pj"].items():
        assert np.dot(line["power_mw"][part], np.diff(edges)) == pytest.approx(value, rel=1e-9)


# ---- voltages and credits


def test_supplies_are_checked(tmp_path):
    """A supply that does not exist, and a voltage that no device survives, are errors with a hint."""
    device = preset("ddr4-2400r-8gb-x8")
    pricer = CommandPricer(device)
    with pytest.raises(ConfigError, match="did you mean VDD"):
        pricer.supplies({"vddd": 1.0})
    with pytest.raises(ConfigError, match=r"did you mean 1\.1 V"):
        pricer.supplies({"vdd": 1100})
    with pytest.raises(ConfigError, match="more than 0"):
        pricer.supplies({"vdd": 0.0})


def test_each_rail_has_its_own_voltage():
    """VPP and VDDQ follow only their own voltage: VDD leaves them alone, and the other way round."""
    device = preset("ddr4-2400r-8gb-x8")
    counts = count(device, [(0, "ACT", 0, 0), (20, "RD", 0, 0), (60, "PRE", 0, 0)]).counts(100)
    pricer = CommandPricer(device)
    nominal = pricer.price(counts).by_rail()
    for name, volt in (("vdd", 1.0), ("vpp", 2.4), ("vddq", 1.0)):
        lowered = pricer.price(counts, {name: volt}).by_rail()
        for rail, parts in nominal.items():
            factor = (volt / {"VDD": 1.2, "VPP": 2.5, "VDDQ": 1.2}[rail]) ** 2 if rail == name.upper() else 1
            assert sum(lowered[rail].values()) == pytest.approx(sum(parts.values()) * factor, rel=1e-12)


def test_voltage_models_by_component():
    """At s = V / nominal: array s^2, s, s^2, s; the rest s^2, s, 1, s^2, each by its share; all equal at nominal."""
    device = preset("ddr3l-1600-4gb-x8")
    counts = count(device, [(0, "ACT", 0, 0), (20, "RD", 0, 0), (60, "PRE", 0, 0)]).counts(100)
    s, a = 0.8, 0.3
    want = {
        "quadratic": (s**2, s**2),
        "drampower": (s, s),
        "array_only": (s**2, a * s**2 + 1 - a),
        "regulated": (s, a * s + (1 - a) * s**2),
    }
    for model, (array, column) in want.items():
        pricer = CommandPricer(device, schema.Energy(voltage_model=model))
        nominal, low = pricer.price(counts), pricer.price(counts, {"vdd": s * device.vdd_v})
        for part, factor in (("ACT", array), ("PRE", array), ("RD", column), ("BG_ACT_SHARED", column)):
            assert low.component(part) == pytest.approx(nominal.component(part) * factor, rel=1e-12)


def test_truncated_restore_is_credited_only_on_request():
    """A row closed before tRAS costs the same, or less by the credit times the missing fraction."""
    device = preset("ddr4-2400r-8gb-x8")
    ras = device.clocks["nRAS"]
    counts = count(device, [(0, "ACT", 0, 0), (ras - 12, "PRE", 0, 0)]).counts(100)
    full = count(device, [(0, "ACT", 0, 0), (ras, "PRE", 0, 0)]).counts(100)
    assert counts.cut_ck.sum() == 12
    plain, credit = CommandPricer(device), CommandPricer(device, schema.Energy(restore_credit=0.2))
    assert plain.price(counts).component("ACT") == plain.price(full).component("ACT")
    want = plain.price(full).component("ACT") * (1 - 0.2 * 12 / ras)
    assert credit.price(counts).component("ACT") == pytest.approx(want, rel=1e-12)
    assert credit.price(full).component("ACT") == plain.price(full).component("ACT")


def test_typical_currents_scale_differences(tmp_path):
    """Measured shares shrink every component and turn none negative; without measurements they refuse."""
    device = preset("ddr3l-1600-4gb-x8")
    counts = count(device, [(0, "ACT", 0, 0), (20, "RD", 0, 0), (60, "PRE", 0, 0), (90, "REFA", 0, 0)]).counts(900)
    sheet = CommandPricer(device).price(counts)
    for vendor in ("auto", "ddr3l_vendor_b", "ddr3l_vendor_c"):
        typical = CommandPricer(device, schema.Energy(currents="typical", typical_of=vendor)).price(counts)
        for part in (*BANK_PARTS, "BG_PRE", "BG_ACT_SHARED"):
            assert 0 <= typical.component(part) <= sheet.component(part), part
    with pytest.raises(ConfigError, match="nobody has published measured currents of LPDDR4"):
        CommandPricer(replace(device, standard="LPDDR4"), schema.Energy(currents="typical"))


def test_missing_currents_are_not_free(tmp_path):
    """A trace in power-down on a device without IDD2P is refused, naming the current."""
    device = preset("ddr4-2400r-8gb-x8")
    bare = {name: rail.model_copy(update={"IDD2P": None}) for name, rail in device.rails.items()}
    path = tmp_path / "pd.csv"
    path.write_text("0,PDEP,0,0,0,0,0\n100,PDXP,0,0,0,0,0\n")
    device = replace(device, rails=bare)
    with pytest.raises(ConfigError, match="gives no IDD2P, but the precharge power-down that was counted needs it"):
        price_trace(count_trace(path, device), device, schema.Energy())
