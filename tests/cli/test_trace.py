"""`edensim trace`: a trace goes through every verb and stays what it is."""

import json

import numpy as np
import pytest

CLOCK_NS = 2 / 2.4


@pytest.fixture
def trace(edensim, config, tmp_path):
    """The requests of LeNet's first layer."""
    path = tmp_path / "conv1.npz"
    outcome = edensim("trace", "gen", config, "--set", 'workload.layers=["conv1"]', "--out", path)
    assert outcome.code == 0, outcome.err
    return path


def test_generated_trace_holds_what_the_run_moved(edensim, config, trace):
    """Reads and writes of the trace are those that the run reports; tensors carry their names."""
    info = edensim("trace", "info", trace, "--json").json
    settings = ["--set", 'workload.layers=["conv1"]']
    ran = edensim("run", config, *settings, "--json", "--no-figures", "--out", "ran").json
    assert {"read": info["reads"], "write": info["writes"]} == ran["requests"]
    assert info["tensors"] == 3
    with np.load(trace) as archive:
        header = json.loads(archive["header.json"])
        assert set(header["tensor_names"]) >= {"conv1.weights", "conv1.ofm"}
        assert (np.diff(archive["arrival"].astype(np.int64)) >= 0).all()


def test_replay_ends_when_the_run_did(edensim, config, trace):
    """Replayed at its arrival clocks the trace takes about as long as the run it comes from, with equal row hits."""
    settings = ["--set", 'workload.layers=["conv1"]']
    ran = edensim("run", config, *settings, "--json", "--no-figures", "--out", "ran").json
    replayed = edensim("trace", "replay", trace, "--json").json
    assert replayed["requests"] == ran["requests"]
    assert replayed["time_ns"] == pytest.approx(ran["time_ns"], rel=0.02)
    assert replayed["commands"]["RD"] == ran["commands"]["RD"]


def test_replay_json_has_every_promised_key(edensim, trace):
    """Sums, means and units agree with one another."""
    data = edensim("trace", "replay", trace, "--json", "--command-hash").json
    reads = data["requests"]["read"]
    assert data["read_latency_ck_sum"] == pytest.approx(data["read_latency_ck_mean"] * reads)
    assert data["read_latency_ns"]["mean"] == pytest.approx(data["read_latency_ck_mean"] * CLOCK_NS)
    assert data["time_ns"] == pytest.approx(data["cycles"] * CLOCK_NS)
    assert {"reads_forwarded", "writes_coalesced", "row", "commands", "energy_pj", "bandwidth_gb_s"} <= data.keys()
    assert [len(digest) for digest in data["command_sha256"]] == [64]
    assert "command_sha256" not in edensim("trace", "replay", trace, "--json").json


def test_replay_on_another_memory(edensim, trace):
    """--dram takes a preset, --set changes it, and a parity preset has no energy to report."""
    two = edensim("trace", "replay", trace, "--json", "--set", "dram.channels=2", "--command-hash").json
    assert len(two["command_sha256"]) == 2
    parity = edensim("trace", "replay", trace, "--json", "--dram", "ramulator2:ddr4_2400_rowhit32").json
    assert "energy_pj" not in parity
    assert parity["requests"] == two["requests"]


@pytest.mark.parametrize("form", ["csv", "dramsim3", "ramulator2", "ramulator2_readwrite"])
def test_conversion_there_and_back(edensim, trace, tmp_path, form):
    """Addresses and directions survive every text format, packed or not."""
    text, back = tmp_path / "t.txt.gz", tmp_path / "back.npz"
    memory = ["--dram", "ddr4-2400r-8gb-x8"] if form == "ramulator2_readwrite" else []
    there = edensim("trace", "convert", trace, text, "--to", form, *memory, "--json")
    assert there.code == 0, there.err
    assert edensim("trace", "convert", text, back, "--from", form, *memory).code == 0
    with np.load(trace) as old, np.load(back) as new:
        np.testing.assert_array_equal(old["addr"], new["addr"])
        np.testing.assert_array_equal(old["is_write"], new["is_write"])
    assert there.json["requests"] == edensim("trace", "info", back, "--json").json["requests"]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_generated_text_is_what_conversion_makes(edensim, config, trace, tmp_path, name):
    """A trace named .csv is text, byte for byte that of `trace convert`; what it cannot hold is told."""
    settings = ["--set", 'workload.layers=["conv1"]']
    outcome = edensim("trace", "gen", config, *settings, "--out", tmp_path / name)
    assert outcome.code == 0
    assert "csv cannot hold tensor names: left out." in outcome.err
    assert edensim("trace", "convert", trace, tmp_path / f"converted-{name}").code == 0
    assert (tmp_path / name).read_bytes() == (tmp_path / f"converted-{name}").read_bytes()
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith(".gz") else b"ad")


def test_generated_trace_in_another_format(edensim, config, trace, tmp_path):
    """--to writes any text format, also the one that needs the memory; --json tells what was left out."""
    settings = ["--set", 'workload.layers=["conv1"]', "--json"]
    for form in ("dramsim3", "ramulator2", "ramulator2_readwrite"):
        outcome = edensim("trace", "gen", config, *settings, "--out", tmp_path / form, "--to", form)
        assert outcome.json["dropped"] == [*(["arrival"] if form != "dramsim3" else []), "tensor", "tensor names"]
        memory = ["--dram", "ddr4-2400r-8gb-x8"]
        edensim("trace", "convert", trace, tmp_path / f"{form}.txt", "--to", form, *memory)
        assert (tmp_path / form).read_bytes() == (tmp_path / f"{form}.txt").read_bytes()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("t.txt", [], "does not tell the format"),
        ("t", [], "does not tell the format"),
        ("t.npz.gz", [], "packed by themselves"),
        ("t.csv", ["--to", "native"], "named"),
        ("t.npz", ["--to", "csv"], "named"),
        ("t.csv", ["--layout", "delta"], "--layout"),
        ("t.txt", ["--to", "ramulator"], "did you mean ramulator"),
    ],
)
def test_names_that_contradict_the_format(edensim, config, trace, tmp_path, name, options, said):
    """A name that tells no format, or another than the one asked for, is refused before anything runs."""
    for command in (["convert", trace, tmp_path / name], ["gen", config, "--out", tmp_path / name]):
        outcome = edensim("trace", *command, *options)
        assert outcome.code == 2
        assert said in outcome.err
        assert not (tmp_path / name).exists()


def test_checker_passes_the_engine_and_catches_a_fault(edensim, trace, tmp_path):
    """The commands of a replay break no rule; one command moved a clock earlier is found, with exit code 1."""
    log = tmp_path / "log.npz"
    assert edensim("trace", "replay", trace, "--commands", log).code == 0
    clean = edensim("trace", "check", log, "--json")
    assert clean.code == 0
    assert clean.json["violations"] == 0
    assert clean.json["commands"] > 0
    assert "refresh interval" in edensim("trace", "check", log).out

    with np.load(log) as archive:
        arrays = {name: archive[name] for name in archive.files}
    first_read = int(np.argmax(arrays["command_0"] == 0))
    arrays["clock_0"][first_read] -= 1
    header = arrays.pop("header.json")
    np.savez(log, **arrays)
    import zipfile

    with zipfile.ZipFile(log, "a") as archive:
        archive.writestr("header.json", header)
    broken = edensim("trace", "check", log)
    assert broken.code == 1
    assert "tRCD" in broken.out


def test_existing_log_is_not_replaced(edensim, trace, tmp_path):
    """--commands refuses an existing file before the replay, and a request trace is no command log."""
    log = tmp_path / "log.npz"
    log.write_text("mine")
    assert edensim("trace", "replay", trace, "--commands", log).code == 2
    assert log.read_text() == "mine"
    assert edensim("trace", "check", trace).code == 3
