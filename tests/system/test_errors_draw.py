"""Errors of a run: those of the reads that the memory really made, where they lie, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.approx import Injector, Region, load_chip
from edensim.config import load_config
from edensim.memory import Geometry
from edensim.system import errors_draw, world
from edensim.system.kinds import kind_of
from edensim.system.previous_rows import PreviousRows
from edensim.system.run import MAIN, error_sources, operating_states, run, selected_network

BASE = {
    "workload": {"network": "lenet"},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "operating_point": {"tRCD_ns": 6.0},
    "errors": {"chip": "A"},
}


def simulated(**changes):
    """A finished simulation of the base configuration with other tables, and all its column commands."""
    resolved = load_config(BASE | changes)
    states = operating_states(resolved.config)
    source = error_sources(resolved, states)[MAIN]
    kind = kind_of(resolved.config.machine)
    simulation = kind.simulation(resolved.config, selected_network(resolved), states[MAIN], errors=source)
    seen, take = [], simulation.errors.columns
    simulation.errors.columns = simulation.world.on_columns = lambda entries: (seen.append(entries), take(entries))
    simulation.run()
    return simulation, np.concatenate(seen)


def flips_one_by_one(simulation, columns):
    """Flips of all reads: every one a line of its own, injected with the number of its read."""
    errors, geometry = simulation.errors, simulation.system.geometry
    line, first, is_read = columns >> 2, columns >> 1 & 1, (columns & 1) == 0
    width, total, seen = geometry.burst_bytes, [], {}
    for k in np.flatnonzero(is_read):
        number = seen.get(line[k], 0)
        seen[line[k]] = number + 1
        region = Region(errors.address_map, width, int(line[k]) * width)
        data = errors.stored.of_lines(line[k : k + 1])[0].copy()
        total.append(Injector(errors.device, region, errors.element, threads=1).run(data, number).flips)
    return np.array(total), first[is_read]


def test_every_read_fails_as_its_line_does():
    """Flips of the run are those of its reads one by one, as `inject` makes them; and all sums agree."""
    simulation, columns = simulated()
    report = simulation.errors.report()
    flips, _ = flips_one_by_one(simulation, columns)
    assert report["bits_flipped"] == flips.sum() > 1000
    reads = int(simulation.system.counters(simulation.world.channels, simulation.world.now_clock).n_rd.sum())
    assert report["bits_read"] == 512 * reads
    for groups in (report["by_tensor"], report["by_layer"]):
        for key in ("bits_read", "bits_flipped"):
            assert sum(x[key] for x in groups.values()) == report[key]
    assert np.sum(report["by_bank"]["bits_flipped"]) == sum(report["by_bit"]) == report["bits_flipped"]
    assert np.sum(report["by_bank"]["bits_read"]) == report["bits_read"]
    assert list(report["by_layer"]) == ["conv1", "conv2", "ip1", "ip2"]
    assert report["by_tensor"].keys() >= {"conv1.weights", "conv2.ifm", "ip2.weights"}
    assert report["ber"] == pytest.approx(report["partitions"]["module"]["expected_ber"], rel=0.1)


def test_first_commands_are_those_after_an_activation():
    """There are as many as activations, and no row of a bank follows another without one; only they fail if asked."""
    simulation, columns = simulated(errors={"model": "uniform", "ber": 0.01, "scope": "first_burst"})
    channels, end = simulation.world.channels, simulation.world.now_clock
    line, first = columns >> 2, columns >> 1 & 1
    assert first.sum() == simulation.system.counters(channels, end).n_act.sum()
    _, bank, row, _ = simulation.system.address_map.decode(line)
    last = {}
    for b, r, is_first in zip(bank.tolist(), row.tolist(), first.tolist(), strict=True):
        assert is_first or last.get(b) == r
        last[b] = r
    flips, at_risk = flips_one_by_one(simulation, columns)
    assert simulation.errors.report()["bits_flipped"] == flips[at_risk == 1].sum() > 0
    assert flips[at_risk == 0].sum() > 0


def test_chunks_make_no_difference(monkeypatch):
    """The same report and tensors if few commands come at once; the run itself is that without errors."""
    changed = {"errors": {"chip": "C", "save_tensors": True}, "operating_point": {"tRP_ns": 6.0, "tRCD_ns": 6.0}}
    whole, columns = simulated(**changed)
    assert len(columns) > world.COLUMNS_LENGTH  # the log was handed over more than once
    plain = run({name: table for name, table in (BASE | changed).items() if name != "errors"}).data
    assert {name: whole.report()[name] for name in ("time_ns", "commands", "energy_pj")} == {
        name: plain[name] for name in ("time_ns", "commands", "energy_pj")
    }
    monkeypatch.setattr(errors_draw, "AT_ONCE", 40)
    cut, again = simulated(**changed)
    assert (columns == again).all()
    assert whole.errors.report() == cut.errors.report()
    for name, values in whole.errors.tensors().items():
        assert (values == cut.errors.tensors()[name]).all()
    other, _ = simulated(**changed | {"errors": changed["errors"] | {"seed": 1}})
    assert other.errors.report()["bits_flipped"] != cut.errors.report()["bits_flipped"] > 0


def test_points_of_a_user_at_the_nominal_setting(tmp_path):
    """They fail there, and the report says that they were measured."""
    path = tmp_path / "mine.csv"
    path.write_text("vdd,ber\n1.2,1e-3\n1.1,1e-2\n")
    simulation, _ = simulated(errors={"chip": str(path)}, operating_point={})
    found = simulation.errors.report()
    assert (found["basis"], found["bits_flipped"] > 0) == ("measured", True)


def test_moving_a_tensor_changes_time_energy_and_errors():
    """Weights beside the maps in bank 3, or alone in bank 2: fewer conflicts, other energy, and a weaker bank.

    Vendor C fails first in banks 2 and 6; both banks run at the same operating point, and all else stays where it is.
    Module 1 is one in which the first rows of bank 3 do fail: in others that group of rows is among the strong ones.
    """

    def with_weights_in(bank):
        parts = [{"name": f"b{k}", "banks": [k], "vdd": 1.08, "tRCD_ns": 9.0, "tRP_ns": 9.0} for k in (2, 3)]
        placement = {"ifm": "b3", "ofm": "b3", "weights": "module", "tensors": {"ip1.weights": f"b{bank}"}}
        changes = {
            "operating_point": {},
            "errors": {"chip": "C", "seed": 1},
            "partition": parts,
            "placement": placement,
        }
        return run(BASE | changes).data

    crowded, alone = with_weights_in(3), with_weights_in(2)
    assert alone["time_ns"] < crowded["time_ns"]
    assert alone["energy_pj"]["total"] != crowded["energy_pj"]["total"]
    rates = [x["errors"]["by_tensor"]["ip1.weights"]["ber"] for x in (crowded, alone)]
    assert rates[1] > 10 * rates[0] > 0
    for data, bank in ((crowded, 3), (alone, 2)):
        (flips,) = data["errors"]["by_bank"]["bits_flipped"]
        assert np.argmax(flips) == bank
        assert {k for k, n in enumerate(flips) if n} <= {2, 3}
        assert data["errors"]["by_tensor"]["ip2.weights"]["ber"] == 0


@pytest.mark.parametrize(("data", "rate"), [("zeros", 0.236), ("ones.npz", 0.0133)])
def test_errors_depend_on_what_is_stored(tmp_path, monkeypatch, data, rate):
    """Vendor C at 5 ns: stored zeros and ones fail at the measured rates (0x00 0.236, 0xff 0.0133 in the published data
    set of Chang et al., SIGMETRICS 2016), and a run's tensors are those that `inject` makes of the file.

    Within 8 %: some 3.4e6 cells of weights, so chance is far below.
    """
    monkeypatch.chdir(tmp_path)
    weights = {x.name: x.weight_count for x in selected_network(load_config(BASE)).layers}
    arrays = {f"{name}.weights": np.full(n, -1, np.int8) for name, n in weights.items()}
    np.savez("ones.npz", **arrays)
    nominal = operating_states(load_config(BASE).config)[MAIN].nominal.tRCD_ns
    point = {"tRCD_ns": 5.0 * nominal / load_chip("C").nominal.tRCD_ns}
    changes = {"operating_point": point, "errors": {"chip": "C", "data": data, "save_tensors": True}}
    result = run(BASE | changes)
    read = [result.data["errors"]["by_tensor"][name] for name in arrays]
    assert sum(x["bits_flipped"] for x in read) / sum(x["bits_read"] for x in read) == pytest.approx(rate, rel=0.08)
    simulation, _ = simulated(**changes)
    device, address_map = simulation.errors.device, simulation.errors.address_map
    for name, array in arrays.items():
        stored = array if data == "ones.npz" else np.zeros_like(array)
        place = Region(address_map, len(array), simulation.tensors.placement.tensors[name].base)
        Injector(device, place, simulation.errors.element).run(stored)
        assert (result.tensors[name] == stored).all()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), max_size=30), st.integers(1, 9))
def test_previous_rows(commands, step):
    """As kept one by one, however the commands are cut."""
    geometry = Geometry(1, 1, 1, 4, 16, 8, 8, 64, 8, 16)
    now, before, expected = {}, {}, []
    for bank, row, first in commands:
        if first:
            before[bank], now[bank] = now.get(bank, -1), row
        expected.append(before.get(bank, -1))
    kept, found = PreviousRows(geometry), []
    for start in range(0, len(commands), step):
        bank, row, first = (np.array(x) for x in zip(*commands[start : start + step], strict=True))
        found += kept.of(np.zeros_like(bank), bank, row, first).tolist()
    assert found == expected


def test_a_failing_precharge_reads_the_row_before_in_the_order_of_commands():
    """Random bits differ in half from those of the row before, unless that was the same row (after a refresh).

    With zeros everywhere, only what was open before the run can be misread.
    """
    changes = {"operating_point": {"tRP_ns": 5.0}}
    simulation, columns = simulated(errors={"chip": "B"}, **changes)
    errors = simulation.errors
    channel, bank, row, _ = errors.address_map.decode(columns >> 2)
    before = PreviousRows(simulation.system.geometry).of(channel, bank, row, (columns >> 1 & 1).astype(bool))
    is_read = (columns & 1) == 0
    other, unknown = (before != row)[is_read].mean(), (before == -1)[is_read].mean()
    assert 0.1 < unknown < other < 0.95
    expected = errors.report()["partitions"]["module"]["expected_ber"]
    assert errors.report()["ber"] == pytest.approx(expected * other, rel=0.02)
    zeros, _ = simulated(errors={"chip": "B", "data": "zeros"}, **changes)
    assert zeros.errors.report()["ber"] == pytest.approx(expected * unknown, rel=0.02)
