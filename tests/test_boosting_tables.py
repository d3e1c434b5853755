"""The rows and tables of benchmarks/boosting.py."""

import json
import math
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def bench(monkeypatch):
    """Its modules that need no torch."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import boosting_kept
    import boosting_rows
    import boosting_tables

    return SimpleNamespace(rows=boosting_rows, tables=boosting_tables, kept=boosting_kept)


def test_the_full_list_holds_what_must_come_out(bench):
    """Networks, precisions, seeds, recipes, errors, all comparisons; no row twice, no file for two rows."""
    module = bench.rows
    wanted = module.rows(quick=False)
    assert len(set(wanted)) == len(wanted)
    for parts in product(module.NETS, ("fp32", "int8", "int4"), range(3), ("paper", "best"), ("fresh", "own cells")):
        assert module.Row(*parts) in wanted
    changes = {row.change for row in wanted}
    assert changes >= {
        "at once",
        "without ReLU6",
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
    tables = bench.tables
    half = math.exp(4.3027 * math.log(2) / math.sqrt(3))
    assert tables.ratio([(2, 1), (4, 1), (8, 1)]) == f"x4 ({4 / half:.2g}…{4 * half:.0f})"
    assert tables.ratio([(3, 1)]) == "x3"
    assert tables.ratio([(3, 0), (3, 1)]) == "none before"
    assert tables.ratio([(0, 1), (3, 1)]) == "0"


@pytest.fixture
def found():
    """What a row found: ten times as much after boosting."""
    before = {"0.01": {"ber": 1e-3, "low": 9e-4, "high": 1.1e-3}, "0.05": {"ber": 2e-3, "low": 2e-3, "high": 2e-3}}
    before |= {"at 0.01": {"mean": 0.9}, "at 0.001": {"mean": 0.95}}
    better = before | {"0.01": {"ber": 1e-2, "low": 9e-3, "high": 1.1e-2}}
    return {"before": before, "control": before, "boosted": better, "cpu_s": 36.0}


def test_missing_rows_are_shown_as_missing(bench, found, tmp_path):
    """Nothing is left out silently: with no row done each line says so; one that is done has its numbers."""
    rows, tables = bench.rows, bench.tables
    wanted = rows.rows(quick=True)
    assert tables.report(wanted, {}, rows.QUICK).count(tables.MISSING) >= 15
    rows.path_of(rows.Row(), rows.QUICK, tmp_path).write_text(json.dumps(found))
    done = tables.load(wanted, rows.QUICK, tmp_path)
    text = tables.report(wanted, done, rows.QUICK)
    assert "| lenet-small int8 | best | fresh | 1 | 0.001 (0.0009…0.0011) | 0.001 (0.0009…0.0011) | 0.01" in text
    assert "x10 | x10 | x1 | x1 |" in text
    assert "1 of 24 rows done in 0.01 h" in tables.status(wanted, done)


def test_tables_that_are_not_whole_stay_as_they_were(bench, found):
    """One of a table's rows is missing: a text of before that had all stays, one that had not is replaced."""
    rows, tables = bench.rows, bench.tables
    wanted = rows.rows(quick=True)
    main = [row for row in wanted if (row.recipe, row.change) == ("best", "") and row.errors in ("fresh", "own cells")]
    before = tables.report(wanted, {}, rows.QUICK).replace(tables.MISSING, "what was there")
    some = tables.report(wanted, {main[0]: found}, rows.QUICK, before)
    assert "x10 | x10" not in some
    assert tables.MISSING not in some
    partial = tables.report(wanted, {main[0]: found}, rows.QUICK)
    more = dict.fromkeys(main, found)
    assert tables.report(wanted, {main[0]: found}, rows.QUICK, tables.report(wanted, {}, rows.QUICK)) == partial
    assert tables.report(wanted, more, rows.QUICK, partial) == tables.report(wanted, more, rows.QUICK)
    whole = tables.report(wanted, dict.fromkeys(main, found), rows.QUICK, before)
    assert whole.count("x10 | x10 | x1 | x1 |") == len(main) == 2
    assert whole.count("what was there") == before.count("what was there") - 2


def test_rows_are_kept_in_a_table(bench, found, tmp_path):
    """Rows come back as they were, to six digits, those of a later run in the place of earlier; other sizes apart."""
    rows, kept = bench.rows, bench.kept
    path, full = tmp_path / "kept.csv", rows.Size()
    texts = {"at": 'the loss is NaN, "at" 1e-6', "empty": "", "number": "1e-6", "quoted": '"1"', "none": "null"}
    diverged = {"before": found["before"], "boosted": None, "holds": True, "texts": texts}
    first = {rows.Row(): found, rows.Row("vgg-small", seed=2): diverged}
    kept.write_kept(first, full, path)
    assert kept.read_kept(full, path) == first
    kept.write_kept({rows.Row(): found | {"cpu_s": 1 / 3}}, full, path)
    again = kept.read_kept(full, path)
    assert again[rows.Row()]["cpu_s"] == 0.333333
    assert again[rows.Row("vgg-small", seed=2)] == diverged
    assert kept.read_kept(rows.QUICK, path) == {}
    assert kept.read_kept(full, tmp_path / "none.csv") == {}
