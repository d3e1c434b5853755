"""The command line, called in this process; no call may ever show a traceback."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from edensim.cli.main import main

CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass
class Outcome:
    """Exit code and both streams of one call."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Stdout, which must be exactly one JSON object without NaN."""
        return json.loads(self.out, parse_constant=pytest.fail)


@pytest.fixture
def edensim(capsys, monkeypatch, tmp_path):
    """Call `edensim ARGS…` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert "Traceback" not in captured.out
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def config(tmp_path):
    """A small configuration as a file: LeNet on the Eyeriss-like machine, with one compared point."""
    text = """\
title = "small"

[workload]
network = "lenet"

[machine]
preset = "eyeriss-eden"

[dram]
preset = "ddr4-2400r-8gb-x8"

[compare.eden]
delta_vdd = -0.30
delta_tRCD_ns = -4.5
"""
    tomllib.loads(text)
    path = tmp_path / "small.toml"
    path.write_text(text)
    return path
