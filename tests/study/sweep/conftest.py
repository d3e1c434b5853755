"""Small sweeps of fake points."""

import importlib
import sys
from pathlib import Path

import pytest

from edensim.config import load_config
from edensim.study.sweep.backend import Serial
from edensim.study.sweep.engine import run_plan
from edensim.study.sweep.journal import decode
from edensim.study.sweep.plan import make_plan, space_of

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def fake_points(monkeypatch):
    """Put this folder on the path, and give the module of fake points."""
    monkeypatch.syspath_prepend(str(HERE))
    module = importlib.import_module("fake_points")
    module.runs.clear()
    return module


@pytest.fixture
def base():
    """A configuration whose points are cheap."""
    program = importlib.import_module("program")
    return load_config(program.BASE)


@pytest.fixture
def plan_of(base):
    """Plan a sweep over the given axes."""

    def make(axes=None, config=base, **space):
        return make_plan(config, space_of(config, axes or {"seed": range(5)}, **space))

    return make


@pytest.fixture
def sweep(plan_of, tmp_path):
    """Run a sweep of fake points in `tmp_path / "sweep"`, in this process; gives tally and table."""

    def run(axes=None, folder=tmp_path / "sweep", measure="fake_points:quick", backend=None, plan=None, **options):
        return run_plan(plan or plan_of(axes), folder, backend or Serial(measure), **options)

    return run


@pytest.fixture
def folder(tmp_path):
    """Where `sweep` writes."""
    return tmp_path / "sweep"


@pytest.fixture
def errors_in():
    """Give the error of every failed point of a folder, by seed."""

    def read(folder):
        lines = (folder / "journal" / "main.jsonl").read_bytes().splitlines(keepends=True)
        return {r["set"]["seed"]: r["error"] for r in map(decode, lines) if r.get("status") == "failed"}

    return read


@pytest.fixture
def program():
    """Command line of a sweep as a process of its own."""
    return lambda *words: [sys.executable, str(HERE / "program.py"), *map(str, words)]
