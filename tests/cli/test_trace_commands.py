"""Command traces on the command line: what `trace replay` and `trace convert` write, `edensim energy` prices."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.dram.trace import Requests, write_trace

FORMATS = ("drampower", "ramulator2", "dramsim3")


@pytest.fixture
def trace(tmp_path):
    """Random requests, a third of them writes."""
    rng = np.random.default_rng(8)
    addr = rng.integers(0, 1 << 20, 3000).astype(np.uint64) * np.uint64(64)
    write_trace(tmp_path / "t.npz", Requests(addr, (rng.random(3000) < 0.3).astype(np.uint8)))
    return tmp_path / "t.npz"


def test_what_is_written_is_priced_alike(edensim, trace, tmp_path):
    """The log, each text format of a replay and each text format converted from the log cost the same."""
    assert edensim("trace", "replay", trace, "--commands", "own.npz").code == 0
    own = edensim("energy", "own.npz", "--json").json
    for form in FORMATS:
        assert edensim("trace", "replay", trace, "--commands", f"a.{form}", "--commands-format", form).code == 0
        converted = edensim("trace", "convert", "own.npz", f"b.{form}.gz", "--to", form, "--json")
        assert converted.json["files"] == [f"b.{form}.gz"]
        assert converted.json["commands"] == sum(own["commands"].values())
        for name in (f"a.{form}", f"b.{form}.gz"):
            found = edensim("energy", name, "--json").json
            assert found["format"] == form
            assert found["energy_pj"] == own["energy_pj"]
            assert found["clocks"] == own["clocks"]


def test_channels_have_their_own_files(edensim, trace, tmp_path):
    """Two channels, two files; existing ones are refused before the replay."""
    memory = ["--set", "dram.channels=2", "--commands", "c.csv", "--commands-format", "ramulator2"]
    assert edensim("trace", "replay", trace, *memory).code == 0
    assert (tmp_path / "c.ch0.csv").exists() and (tmp_path / "c.ch1.csv").exists()
    assert not (tmp_path / "c.csv").exists()
    again = edensim("trace", "replay", trace, *memory)
    assert again.code == 2 and "c.ch0.csv" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "t.npz", "--commands-format", "ramulator2"], "--commands OUT, which is not given"),
        (["replay", "t.npz", "--commands", "c.csv"], "native command logs are named .npz"),
        (["replay", "t.npz", "--commands", "c.npz", "--commands-format", "dramsim3"], "not how dramsim3"),
        (["replay", "t.npz", "--commands", "c", "--commands-format", "dramsim"], "did you mean dramsim3"),
        (["convert", "t.npz", "c", "--to", "drampower"], "must be a command log"),
        (["convert", "own.npz", "c"], "give --to drampower"),
        (["convert", "own.npz", "c", "--to", "csv"], "'csv' is unknown; expected one of native, drampower"),
        (["convert", "own.npz", "c", "--to", "drampower", "--layout", "delta"], "--layout is for request traces"),
    ],
)
def test_what_does_not_fit_is_refused(edensim, trace, tmp_path, arguments, said):
    """Formats, names and options that contradict each other: exit code 2, a reason, and no file."""
    assert edensim("trace", "replay", trace, "--commands", "own.npz").code == 0
    outcome = edensim("trace", *arguments)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.npz", "t.npz"]
