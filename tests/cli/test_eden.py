"""`edensim eden` at the command line: one command, single steps, and messages."""

import json

import pytest

CONFIG = """\
[machine]
preset = "eyeriss-eden"

[dram]
preset = "ddr4-2400r-8gb-x8"

[eden]
train_images = 2000
test_images = 300
validation_images = 300
epochs = 3
boost_epochs = 1
boost_ber = 5e-3
rounds = 1
repeats = 1
search_factor = 2.0
max_loss = 0.1
granularity = "coarse"
vdd = [1.14]
parts = 2
devices = 1
"""


@pytest.fixture
def eden_config(tmp_path):
    """A small flow as a file."""
    path = tmp_path / "small.toml"
    path.write_text(CONFIG)
    return path


def test_steps_one_by_one_and_all_of_them_meet(edensim, eden_config, tmp_path):
    """Each step works on the files of the one before; the whole flow goes on from them, and `run` takes the mapping."""
    pytest.importorskip("torch")
    for step in ("boost", "characterise", "map", "evaluate"):
        outcome = edensim("eden", step, eden_config, "--out", "flow", "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["folder"] == "flow"
    whole = edensim("eden", eden_config, "--out", "flow")
    assert whole.code == 0, whole.err
    for word in ("accuracy (95 %)", "DRAM energy", "system energy", "control", "boosted", "part0", "optimal"):
        assert word in whole.out
    names = {path.relative_to(tmp_path / "flow").as_posix() for path in (tmp_path / "flow").rglob("*")}
    assert {"results.json", "summary.txt", "meta.json", "mapped.toml", "network.toml", "boosted.npz"} <= names
    assert {"figures/ber.png", "figures/vdd.png", "figures/tolerable.png", "figures/ber.csv"} <= names
    assert edensim("run", "flow/mapped.toml", "--no-figures").code == 0
    assert edensim("eden", eden_config, "--out", "flow", "--set", "seed=1").code == 2


def test_map_needs_no_training_where_tolerances_are_given(edensim, tmp_path):
    """A network of the paper is mapped from tolerances in the configuration, by its table of layers."""
    path = tmp_path / "map.toml"
    path.write_text(
        '[machine]\npreset = "eyeriss-eden"\n[dram]\npreset = "ddr4-2400r-8gb-x8"\n'
        '[eden]\nnetwork = "lenet"\nvdd = [1.11, 1.02]\nparts = 2\n'
        '[eden.tolerable]\n"*" = 0.006\n"ip1.*" = 0.02\n'
    )
    outcome = edensim("eden", "map", path, "--out", "flow", "--json")
    assert outcome.code == 0, outcome.err
    mapping = outcome.json
    assert mapping["parts"][mapping["places"]["ip1.weights"]]["vdd"] == 1.02
    assert mapping["parts"][mapping["places"]["conv1.weights"]]["vdd"] == 1.11
    assert json.loads((tmp_path / "flow" / "mapping.json").read_text())["places"] == mapping["places"]
    assert edensim("run", "flow/mapped.toml", "--no-figures").code == 0


def test_bad_input(edensim, eden_config, tmp_path):
    """No table, unknown keys, missing steps: one clear message each."""
    (tmp_path / "none.toml").write_text('[dram]\npreset = "ddr4-2400r-8gb-x8"\n')
    assert "table [eden] is missing" in edensim("eden", tmp_path / "none.toml").err
    outcome = edensim("eden", eden_config, "--set", "eden.max_los=0.1")
    assert outcome.code == 2
    assert "max_loss" in outcome.err
    outcome = edensim("eden", eden_config, "--set", "eden.vdd=[7]")
    assert outcome.code == 2
    pytest.importorskip("torch")
    outcome = edensim("eden", "map", eden_config, "--out", "flow")
    assert outcome.code == 3
    assert "no such file; expected tolerances" in outcome.err
    outcome = edensim("eden", eden_config, "--from-fit", "nowhere.json")
    assert outcome.code == 3
