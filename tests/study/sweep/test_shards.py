"""Shards and merging: parts by hash, one journal each, one table at the end."""

import json

import pytest

from edensim.errors import InputError, OutputError
from edensim.study.sweep.folder import Shard
from edensim.study.sweep.merge import merge

AXES = {"operating_point.vdd": [1.2, 1.1, 1.0], "seed": range(8)}


def test_shards_cover_all_points_once_and_merge_to_the_same_bytes(sweep, folder, tmp_path):
    """Three shards in any order give the table of an undivided sweep; until all are there, points are missing."""
    sweep(AXES, folder=tmp_path / "undivided")
    expected = (tmp_path / "undivided" / "results.csv").read_bytes()
    done = 0
    for index in (2, 0):
        tally, _ = sweep(AXES, shard=Shard(index, 3))
        assert tally.planned == tally.done > 0
        done += tally.done
    assert not (folder / "results.csv").exists()
    partial, table = merge(folder, [])
    assert partial.left == table.missing == 24 - done
    assert (folder / "results.csv").read_bytes().count(b"\n") == done + 1
    sweep(AXES, shard=Shard(1, 3))
    whole, _ = merge(folder, [])
    assert whole.left == 0
    assert (folder / "results.csv").read_bytes() == expected
    assert len(list((folder / "journal").iterdir())) == 3


def test_more_points_never_move_finished_ones(plan_of):
    """The shard of a point does not depend on the other points."""
    few, many = plan_of({"seed": range(4)}), plan_of({"seed": range(40)})
    assert [Shard(1, 3).holds(i.hex()) for i in few.ids] == [Shard(1, 3).holds(i.hex()) for i in many.ids[:4]]
    parts = [sum(Shard(k, 4).holds(i.hex()) for i in many.ids) for k in range(4)]
    assert sum(parts) == 40
    assert min(parts) > 2


def test_shard_skips_what_others_finished(sweep, fake_points):
    """After an undivided sweep a shard has nothing to do, and the other way round."""
    sweep(AXES, shard=Shard(0, 2))
    half = len(fake_points.runs)
    sweep(AXES)
    assert len(fake_points.runs) == 24
    assert 0 < half < 24
    assert sweep(AXES, shard=Shard(1, 2))[0].done == 0


def test_row_29_merge_refuses_another_model_version(sweep, folder):
    """The message names both versions."""
    sweep(AXES)
    meta = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(meta | {"model_version": 77}))
    with pytest.raises(OutputError, match=r"version 77.*version \d"):
        merge(folder, [])


def test_merge_of_no_sweep(tmp_path):
    """A folder that no sweep wrote."""
    with pytest.raises(InputError, match="edensim sweep"):
        merge(tmp_path, [])


def test_merge_marks_the_front(sweep, folder):
    """`--pareto` may come late, and is remembered."""
    sweep(AXES)
    _, table = merge(folder, ["energy_pj.total", "time_ns"])
    assert table.columns[-1] == "pareto"
    front = table.frame().query("pareto == 1")
    assert set(front["seed"]) == {0}
    assert list(front["operating_point.vdd"]) == [1.0]
    assert json.loads((folder / "sweep.json").read_text())["pareto"] == ["energy_pj.total", "time_ns"]
    before = (folder / "results.csv").read_bytes()
    sweep(AXES)
    assert (folder / "results.csv").read_bytes() == before


def test_shard_of_a_point_is_fixed():
    """The rule is the same in every process and version: the first 16 digits modulo the number of shards."""
    assert [Shard(k, 3).holds("000000000000000a" + "f" * 48) for k in range(3)] == [False, True, False]


def test_what_never_happened_is_counted_zero(sweep):
    """A command that a point did not issue is 0 in its row."""
    _, table = sweep({"seed": range(4)})
    assert list(table.frame()["commands.REF"]) == [2, 0, 0, 2]
