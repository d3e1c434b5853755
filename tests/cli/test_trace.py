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


def test_target_format_must_be_told(edensim, trace, tmp_path):
    """A name that tells no format is a usage error."""
    assert edensim("trace", "convert", trace, tmp_path / "t.txt").code == 2


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
