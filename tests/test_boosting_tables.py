"""The rows and tables of benchmarks/boosting.py."""

import json
import math
from itertools import product
from pathlib import Path

import pytest


@pytest.fixture
def bench(monkeypatch):
    """Its modules that need no torch."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import boosting_rows
    import boosting_tables

    return boosting_rows, boosting_tables


def test_the_full_list_holds_what_must_come_out(bench):
    """Networks, precisions, seeds, recipes, errors, all comparisons; no row twice, no file for two rows."""
    module, _ = bench
    wanted = module.rows(quick=False)
    assert len(set(wanted)) == len(wanted)
    for parts in product(module.NETS, ("fp32", "int8", "int4"), range(3), ("paper", "best"), ("fresh", "own cells")):
        assert module.Row(*parts) in wanted
    changes = {row.change for row in wanted}
    assert changes >= {
        "at once",
        "ReLU6",
        "saturate",
        "no correction",
        "energy",
        *(f"pruned {n}" for n in (10, 50, 75, 90)),
    }
    assert {row.errors for row in wanted} >= {"other chip", "unfit model", *module.MODELS}
    files = {module.path_of(row, size, module.Path()) for row in wanted for size in (module.Size(), module.QUICK)}
    assert len(files) == 2 * len(wanted)


def test_ratio_and_its_interval(bench):
    """Geometric mean, and Student's t on logarithms: 2, 4, 8 give 4, within exp(4.303 ln(2) / sqrt(3))."""
    _, tables = bench
    half = math.exp(4.3027 * math.log(2) / math.sqrt(3))
    assert tables.ratio([(2, 1), (4, 1), (8, 1)]) == f"x4 ({4 / half:.2g}…{4 * half:.0f})"
    assert tables.ratio([(3, 1)]) == "x3"
    assert tables.ratio([(3, 0), (3, 1)]) == "none before"
    assert tables.ratio([(0, 1), (3, 1)]) == "0"


def test_missing_rows_are_shown_as_missing(bench, tmp_path):
    """Nothing is left out silently: with no row done each line says so; one that is done has its numbers."""
    module, tables = bench
    wanted = module.rows(quick=True)
    empty = tables.report(wanted, module.QUICK, tmp_path)
    assert empty.count(tables.MISSING) >= 15
    found = {"0.01": {"ber": 1e-3, "low": 9e-4, "high": 1.1e-3}, "0.05": {"ber": 2e-3, "low": 2e-3, "high": 2e-3}}
    found |= {"at 0.01": {"mean": 0.9}, "at 0.001": {"mean": 0.95}}
    better = found | {"0.01": {"ber": 1e-2, "low": 9e-3, "high": 1.1e-2}}
    arms = {"before": found, "control": found, "boosted": better, "cpu_s": 36.0}
    module.path_of(module.Row(), module.QUICK, tmp_path).write_text(json.dumps(arms))
    text = tables.report(wanted, module.QUICK, tmp_path)
    assert "| lenet-small int8 | best | fresh | 1 | 0.001 (0.0009…0.0011) | 0.001 (0.0009…0.0011) | 0.01" in text
    assert "x10 | x10 | x1 | x1 |" in text
    assert "1 of 24 rows done in 0.01 h" in tables.status(wanted, module.QUICK, tmp_path)
