"""Whatever a user gets wrong: one paragraph on stderr, the documented exit code, nothing overwritten."""

import os
import subprocess
import sys

import numpy as np
import pytest

from edensim.errors import INPUT, INTERNAL, INTERRUPTED, USAGE


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("dram.timing.tRDC_ns=13", "tRCD_ns"),
        ("operating_pint.vdd=1.1", "operating_point"),
        ('operating_point.vdd="1.1"', "number"),
        ("operating_point.vdd=true", "number"),
        ("dram.channels=1.5", "whole number"),
        ("operating_point.vdd=nan", "nan"),
        ("operating_point.vdd=inf", "inf"),
        ("operating_point.tRCD_ns=-1", "tRCD_ns"),
        ("operating_point.vdd=0", "above 0"),
        ("operating_point.vdd=-1.2", "above 0"),
        ("operating_point.vdd=1100", "1.1"),
        ("operating_point.vdd=1.9", "1.44"),
        ("dram.channels=0", "1"),
        ("dram.preset=ddr4-2400r-8gb-x9", "ddr4-2400r-8gb-x8"),
        ("machine.preset=eyeris-eden", "eyeriss-eden"),
        ("workload.network=alexnt", "alexnet"),
        ("workload.precision=int9", "int8"),
        ("dram.address_map=RoBaRaCo", "Ch"),
        ("no equals sign", "key=value"),
    ],
)
def test_wrong_settings(edensim, config, setting, expected):
    """Each wrong value is a usage error (2) that names what would be right, and leaves no folder behind."""
    before = tree(config.parent)
    outcome = edensim("run", config, "--set", setting, "--no-figures")
    assert outcome.code == USAGE, outcome.err
    assert expected in outcome.err
    assert outcome.out == ""
    assert tree(config.parent) == before


def test_wrong_lines_name_file_and_line(edensim, config):
    """All problems of a file are told at once, each with its line."""
    config.write_text(config.read_text() + '\n[operating_point]\nvvd = 1.1\ntRCD_ns = "9"\n')
    outcome = edensim("run", config)
    assert outcome.code == USAGE
    assert "small.toml:16" not in outcome.err
    assert "small.toml:17" in outcome.err
    assert "small.toml:18" in outcome.err
    assert "vdd" in outcome.err


@pytest.mark.parametrize("text", ["[dram\n", "a = 1\na = 2\n", "\x00", "[workload]\nnetwork = 'x'\n[workload]\n"])
def test_malformed_toml(edensim, config, text):
    """A TOML error is a usage error with file and line."""
    config.write_text(text)
    outcome = edensim("run", config)
    assert outcome.code == USAGE
    assert "small.toml" in outcome.err


def test_binary_configuration(edensim, config):
    """Bytes that are no UTF-8 are told as such."""
    config.write_bytes(b"\xff\xfe\x00t")
    assert edensim("show", config).code == USAGE


@pytest.mark.parametrize("place", ["missing.toml", "."])
def test_configuration_that_is_no_file(edensim, tmp_path, place):
    """A missing file and a directory are usage errors naming the path."""
    outcome = edensim("run", tmp_path / place)
    assert outcome.code == USAGE
    assert place in outcome.err or str(tmp_path) in outcome.err


def test_configuration_without_workload_or_machine(edensim, config):
    """A memory alone cannot run; both missing tables are named."""
    config.write_text('[dram]\npreset = "ddr4-2400r-8gb-x8"\n')
    outcome = edensim("run", config)
    assert outcome.code == USAGE
    assert "[workload]" in outcome.err
    assert "[machine]" in outcome.err


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_output_in_the_way_of_a_file(edensim, config, tmp_path, force):
    """--out naming a file is refused, with and without --force, and the file stays."""
    target = tmp_path / "taken"
    target.write_text("mine")
    outcome = edensim("run", config, "--out", target, *force)
    assert outcome.code == USAGE
    assert target.read_text() == "mine"


def test_row_31_existing_output_folder(edensim, config, tmp_path):
    """An existing folder is refused before anything is simulated, and nothing in it changes."""
    target = tmp_path / "out"
    target.mkdir()
    (target / "results.csv").write_text("mine")
    before = tree(tmp_path)
    outcome = edensim("run", config, "--out", target)
    assert outcome.code == USAGE
    assert "--force" in outcome.err
    assert tree(tmp_path) == before


def test_unwritable_output(edensim, config, tmp_path):
    """A place that cannot hold a folder is an error of one sentence."""
    (tmp_path / "file").write_text("")
    outcome = edensim("run", config, "--out", tmp_path / "file" / "out")
    assert outcome.code == USAGE
    assert "cannot be written" in outcome.err


@pytest.mark.parametrize(
    ("verb", "argument"), [("plot", "nowhere"), ("plot", "."), ("plot", "small.toml"), ("trace info", "nowhere.npz")]
)
def test_missing_inputs(edensim, config, verb, argument):
    """What is to be read but is not there, or is something else, exits with 3."""
    outcome = edensim(*verb.split(), argument)
    assert outcome.code == INPUT
    assert len(outcome.err.strip().splitlines()) == 1


def write_trace(path, **columns):
    np.savez(path, **columns)
    return path


@pytest.fixture
def trace(tmp_path):
    addr = np.arange(64, dtype=np.uint64) * 64
    return write_trace(tmp_path / "trace.npz", addr=addr, is_write=np.zeros(64, np.uint8))


@pytest.mark.parametrize("verb", ["info", "replay"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty file", "no requests", "pickle", "directory", "text"])
def test_damaged_traces(edensim, trace, verb, damage):
    """A trace that is not whole is refused (3); no part of it is simulated."""
    content = bytearray(trace.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[200] ^= 4
    elif damage == "empty file":
        content = bytearray()
    elif damage == "text":
        content = bytearray(b"hello\n")
    trace.write_bytes(content)
    if damage == "no requests":
        write_trace(trace, addr=np.zeros(0, np.uint64), is_write=np.zeros(0, np.uint8))
    elif damage == "pickle":
        write_trace(trace, addr=np.array([{}], object), is_write=np.zeros(1, np.uint8))
    elif damage == "directory":
        trace.unlink()
        trace.mkdir()
    outcome = edensim("trace", verb, trace)
    assert outcome.code == INPUT, outcome.err
    assert outcome.out == ""
    assert "trace.npz" in outcome.err


@pytest.mark.parametrize(("address", "word"), [(65, "multiple"), (1 << 40, "beyond")])
def test_impossible_addresses(edensim, tmp_path, address, word):
    """Unaligned addresses and those beyond the memory are input errors naming the request."""
    addr = np.array([0, address], np.uint64)
    path = write_trace(tmp_path / "t.npz", addr=addr, is_write=np.zeros(2, np.uint8))
    outcome = edensim("trace", "replay", path)
    assert outcome.code == INPUT
    assert "request 1" in outcome.err
    assert word in outcome.err


def test_converting_onto_an_existing_file(edensim, trace, tmp_path):
    """The target of a conversion is not overwritten without --force, and never if it is a folder."""
    target = tmp_path / "out.csv"
    target.write_text("mine")
    assert edensim("trace", "convert", trace, target).code == USAGE
    assert target.read_text() == "mine"
    assert edensim("trace", "convert", trace, target, "--force").code == 0
    assert target.read_text().startswith("addr,is_write")
    (tmp_path / "folder.csv").mkdir()
    assert edensim("trace", "convert", trace, tmp_path / "folder.csv", "--force").code == USAGE


def test_output_file_in_a_folder_that_is_not_there(edensim, config, tmp_path):
    """A missing folder is told before the simulation, and not made."""
    outcome = edensim("trace", "gen", config, "--out", tmp_path / "nowhere" / "t.npz")
    assert outcome.code == USAGE
    assert "does not exist" in outcome.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["rnu"], ["run"], ["run", "a", "b"], ["plot", ".", "--kind", "pie"]]
)
def test_wrong_usage(edensim, arguments):
    """Options, verbs and arguments that do not exist are usage errors."""
    outcome = edensim(*arguments)
    assert outcome.code == USAGE
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--number", "3"], "--mode sample"),
        (["--seed", "3"], "--mode sample"),
        (["--objective", "time"], "--optuna"),
        (["--seed", "-1"], "whole number"),
        (["--seed", "1" * 5000], "whole number"),
    ],
)
def test_options_that_would_do_nothing(edensim, config, options, said):
    """An option of a sweep that this sweep has no use for is refused rather than ignored."""
    outcome = edensim("sweep", config, "--axis", "seed=0,1", *options)
    assert outcome.code == USAGE
    assert said in outcome.err[-400:]


def test_merging_takes_no_other_options(edensim):
    """What --merge would ignore is refused."""
    outcome = edensim("sweep", "--merge", "folder", "--axis", "seed=0,1")
    assert outcome.code == USAGE
    assert "--axis" in outcome.err


@pytest.mark.parametrize("option", [["--x", "vdd"], ["--metric", "time"]])
def test_options_of_sweeps_are_not_for_runs(edensim, config, option):
    """`plot RUN --x` would draw what it draws without."""
    assert edensim("run", config, "--no-figures", "--out", "out").code == 0
    outcome = edensim("plot", "out", "--kind", "energy", *option)
    assert outcome.code == USAGE
    assert "sweeps" in outcome.err


def test_unknown_picture_format_is_told_before_the_run(edensim, config, tmp_path):
    """A wrong --format costs no simulation."""
    outcome = edensim("run", config, "--format", "pgn", "--out", tmp_path / "out")
    assert outcome.code == USAGE
    assert "did you mean png" in outcome.err
    assert not (tmp_path / "out").exists()


def test_defects_say_that_they_are_defects(edensim, config, monkeypatch):
    """An unexpected exception exits with 4, one line and a hint, and a traceback only with --debug."""
    monkeypatch.setattr("edensim.config.load_config", lambda *_, **__: 1 / 0)
    outcome = edensim("run", config)
    assert outcome.code == INTERNAL
    assert "defect" in outcome.err
    assert "--debug" in outcome.err


@pytest.mark.parametrize("place", [["--debug", "run"], ["run", "--debug"]])
def test_debug_shows_the_traceback(config, monkeypatch, capsys, place):
    """--debug works before and after the verb."""
    from edensim.cli.main import main

    monkeypatch.setattr("edensim.config.load_config", lambda *_, **__: 1 / 0)
    assert main([*place, str(config)]) == INTERNAL
    assert "ZeroDivisionError" in capsys.readouterr().err.splitlines()[-1]


def test_interrupt(edensim, config, monkeypatch):
    """Ctrl-C exits with 130 and leaves nothing behind."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("edensim.config.load_config", interrupt)
    outcome = edensim("run", config)
    assert outcome.code == INTERRUPTED
    assert "interrupted" in outcome.err


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe the POSIX way")
@pytest.mark.parametrize("arguments", [["--help"], ["schema"], ["show", "workload", "densenet201"]])
def test_row_35_reader_that_leaves_early(arguments):
    """`edensim … | head` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "edensim", *arguments]
    outcome = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert outcome.stderr == ""
    assert outcome.returncode == 0
