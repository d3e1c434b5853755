"""The list of result keys is that of what is really written: none missing, none of a key that nobody writes."""

import csv
import json
from pathlib import Path

import pytest

import edensim as es
from edensim.config import load_config
from edensim.dram.switched_energy import energy_of
from edensim.dram.switching import SwitchedSystem
from edensim.memory import resolve_operating_state
from edensim.memory.switches import resolve_switches
from edensim.study.glossary import TERMS, flat_keys, term_of
from edensim.study.record import to_json
from edensim.system.errors_draw import expected_errors
from edensim.system.errors_source import error_source
from edensim.system.switch_report import switch_report

SMALL = {
    "workload": {"network": "alexnet", "layers": ["conv1"]},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "compare": {"eden": {"delta_vdd": -0.3}},
    "partition": [{"name": "low", "banks": "0:8", "vdd": 1.1}],
    "placement": {"weights": "low"},
    "errors": {"chip": "A"},
}


@pytest.fixture(scope="module")
def result():
    return es.run(SMALL)


@pytest.fixture(scope="module")
def keys(result, tmp_path_factory):
    trace = tmp_path_factory.mktemp("trace") / "program.trace"
    trace.write_text("".join(f"R {64 * k:x}\n" for k in range(0, 30000, 7)))
    core = es.run(
        {
            "workload": {"network": "lenet", "precision": "fp32"},
            "machine": {"preset": "cpu-eden"},
            "tenant": [{"name": "program", "network": str(trace)}],
            "dram": SMALL["dram"],
        }
    )
    gpu = es.run(
        {
            "workload": {"network": "lenet", "precision": "fp32"},
            "machine": {"preset": "gpu-titan-x-eden"},
            "dram": {"preset": "gddr5-6000-1gb-x32", "channels": 2},
        }
    )
    idle = {key: SMALL[key] for key in ("workload", "machine", "dram")}
    asleep = es.run(load_config(idle, set=["dram.controller.power_down=active"]))
    data = (result.data, core.data, gpu.data, asleep.data, switched())
    return set().union(*(flat_keys(json.loads(to_json(x))) for x in data))


def switched():
    """What a run with a switch reports beside, without a run."""
    config = load_config(SMALL | {"switch": [{"at_ns": 10.0, "mode": "immediate", "vdd": 1.15}]}).config
    given = config.dram, config.operating_point, config.partition
    points = resolve_switches(*given, config.switch)
    system = SwitchedSystem(config.dram, resolve_operating_state(*given), points)
    counters = system.counters(system.new_channels(), 20)
    report = switch_report(system, counters, energy_of(system, config.energy))
    source = error_source(config, points[0].state, system.geometry, Path())
    return report | {"errors": {"after_switches": [expected_errors(source)]}}


def test_every_key_is_explained(keys):
    """Whatever `--json` prints has a term, with a meaning."""
    assert [key for key in sorted(keys) if term_of(key) is None] == []
    assert all(term.meaning for terms in TERMS.values() for term in terms)


def test_no_term_is_left_over(keys):
    """Every term is that of a key somebody writes."""
    used = {term_of(key) for key in keys}
    assert [t.pattern for terms in TERMS.values() for t in terms if t not in used] == []


def test_columns_of_tables(result, tmp_path):
    """`results.csv` of a run: metric and component are a key, and its unit is the one of the list."""
    for row in result.rows():
        point, layer, metric, component, _, unit = row
        key = f"{'layers[].' if layer else ''}{metric}{f'.{component}' if component else ''}"
        term = term_of(key)
        assert term is not None, key
        assert unit == term.unit, key


def test_columns_of_a_sweep(tmp_path):
    """Columns of a sweep's table are point, axes, status and keys of the list."""
    frame = es.sweep(SMALL, axes={"operating_point.vdd": [1.2, 1.1]}, out=tmp_path / "sweep", jobs=1)
    with (tmp_path / "sweep" / "results.csv").open() as file:
        columns = next(csv.reader(file))
    assert [c for c in columns if c not in ("point", "status", "operating_point.vdd") and term_of(c) is None] == []
    assert len(frame) == 2


def test_an_axis_keeps_its_column(tmp_path):
    """Rates asked for and rates of the reads stand in columns of their own."""
    config = SMALL | {"errors": {"model": "uniform", "ber": 0.5}}
    frame = es.sweep(config, axes={"errors.ber": [0.25]}, out=tmp_path / "sweep", jobs=1)
    assert frame["errors.ber"].tolist() == [0.25]
    assert frame["read_ber"][0] == pytest.approx(0.25, rel=0.01)
