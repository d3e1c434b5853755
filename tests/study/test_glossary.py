"""The list of result keys is that of what is really written: none missing, none of a key that nobody writes."""

import csv
import json

import pytest

import edensim as es
from edensim.study.glossary import TERMS, flat_keys, term_of
from edensim.study.record import to_json

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
    return set().union(*(flat_keys(json.loads(to_json(x.data))) for x in (result, core, gpu)))


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
