"""`plan.ids`: a repeated command resolves nothing again, and no point of another plan is ever taken for one of this."""

import json

import pytest

from edensim.config import load_config
from edensim.study.sweep import load_sweep, plan_file
from edensim.study.sweep.plan import make_plan, space_of

AXES = {"operating_point.vdd": [1.2, 1.1, 1.2], "seed": [0, 1]}
NET = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


@pytest.fixture
def again(base, folder):
    """Plan again, given the folder; gives the plan."""

    def plan(axes=AXES, config=base, **space):
        return make_plan(config, space_of(config, axes, **space), folder=folder)

    return plan


def content(plan):
    return list(plan.points()), plan.notes


def test_a_repeated_plan_is_the_same_and_resolves_nothing(sweep, again, plan_of, monkeypatch):
    """Ids, settings and notes are those of the plan that was resolved, also where points are dropped."""
    pairs = {"operating_point.vdd": [1.2, 1.1, 1.2], "seed": [0, 1, 0]}
    sweep(plan=plan_of(pairs, mode="zip", where="seed < 7"))
    fresh = plan_of(pairs, mode="zip", where="seed < 7")
    monkeypatch.setattr("edensim.study.sweep.plan.load_config", pytest.fail)
    restored = again(pairs, mode="zip", where="seed < 7")
    assert restored.restored
    assert content(restored) == content(fresh)
    assert len(restored.ids) == 2


@pytest.mark.parametrize(
    ("axes", "change"),
    [
        (AXES | {"seed": [0, 1, 2]}, {}),
        ({"seed": [0, 1], "operating_point.vdd": [1.2, 1.1]}, {}),
        (AXES, {"workload.batch": 2}),
        (AXES, {"title": "another"}),
    ],
)
def test_another_plan_is_resolved(sweep, again, plan_of, base, axes, change):
    """Other axes, another order of them, or any other setting."""
    sweep(plan=plan_of(AXES))
    plan = again(axes, load_config(base, set=change))
    assert not plan.restored
    assert content(plan) == content(plan_of(axes, load_config(base, set=change)))


def test_axes_in_another_order_reorder_the_table(sweep, plan_of, folder, tmp_path):
    """The same points, listed otherwise: nothing runs, and table and folder are those of the new order."""
    turned = {"seed": [0, 1], "operating_point.vdd": [1.1, 1.2]}
    sweep(plan=plan_of(AXES))
    tally, table = sweep(plan=plan_of(turned))
    assert tally.done == 0
    sweep(plan=plan_of(turned), folder=tmp_path / "fresh")
    assert (folder / "results.csv").read_bytes() == (tmp_path / "fresh" / "results.csv").read_bytes()
    assert load_sweep(folder).frame.equals(load_sweep(tmp_path / "fresh").frame)


@pytest.mark.parametrize("what", ["MODEL_VERSION", "RULES", "preset"])
def test_row_29_other_rules_are_resolved_anew(sweep, again, plan_of, base, monkeypatch, tmp_path, what):
    """Another model version, other sources or an edited preset: the file is of no use any more."""
    sweep(plan=plan_of(AXES))
    assert again().restored
    if what == "MODEL_VERSION":
        monkeypatch.setattr(plan_file, what, 77)
    elif what == "RULES":
        monkeypatch.setattr(plan_file, what, (*plan_file.RULES, "jit.py"))
    else:
        (tmp_path / "dram").mkdir()
        (tmp_path / "dram" / "mine.toml").write_text("rows = 1\n")
        monkeypatch.setattr(type(base.presets), "root", tmp_path)
    assert not again().restored


def test_row_29_an_edited_input_file_is_never_mixed_with_old_results(sweep, folder, base, tmp_path, fake_points):
    """Points of an axis of network files run again when a file changes; tables no longer show the old ones."""
    nets = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for net in nets:
        net.write_text(NET + "conv, 8, 8, 3, 3, 2, 4, 1,\n")

    def plan():
        return make_plan(base, space_of(base, {"workload.network": list(map(str, nets))}), folder=folder)

    sweep(plan=plan())
    assert plan().restored
    nets[0].write_text(NET + "conv, 9, 9, 3, 3, 2, 4, 1,\n")
    edited = plan()
    assert not edited.restored
    fake_points.runs.clear()
    tally, _ = sweep(plan=edited)
    assert (tally.before, tally.done) == (1, 1)
    assert list(load_sweep(folder).frame["point"]) == [identity.hex()[:8] for identity in edited.ids]
    assert plan().restored


@pytest.mark.parametrize("damage", ["missing", "torn", "flipped", "empty", "text", "folder"])
def test_row_28_a_damaged_file_is_ignored_and_renewed(sweep, again, plan_of, folder, damage):
    """Whatever happens to the file, plan and table are the same, and the next sweep writes it anew."""
    sweep(plan=plan_of(AXES))
    path, frame = folder / "plan.ids", load_sweep(folder).frame
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"torn": data[:-40], "flipped": data, "empty": b"", "text": b"[1]\nx"}[damage])
    assert load_sweep(folder).frame.equals(frame)
    plan = again()
    assert not plan.restored
    if damage == "folder":
        path.rmdir()
    tally, _ = sweep(plan=plan)
    assert tally.done == 0
    assert again().restored
    assert json.loads((folder / "sweep.json").read_text())["plan"] == plan.key
