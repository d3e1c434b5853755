"""The benchmark scripts explain themselves and refuse what they do not know."""

import os
import runpy
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if "__main__" in path.read_text())


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a script with arguments, in this process: exit code, stdout and stderr."""

    def run(script, *arguments):
        monkeypatch.setattr(sys, "argv", [str(script), *arguments])
        monkeypatch.syspath_prepend(str(FOLDER))
        with pytest.raises(SystemExit) as leaving, patch.dict(os.environ):
            runpy.run_path(str(script), run_name="__main__")
        return (leaving.value.code, *capsys.readouterr())

    return run


def test_there_are_scripts():
    """The list below is not empty by mistake."""
    assert len(SCRIPTS) >= 6


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help(call, script):
    """--help measures nothing and prints the purpose and the usage."""
    code, out, _ = call(script, "--help")
    assert code == 0
    assert f"usage: {script.name}" in out
    assert len(out.splitlines()) > 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_unknown_options(call, script):
    """An option that does not exist is refused before anything is measured."""
    code, out, err = call(script, "--nonsense")
    assert code == 2
    assert out == ""
    assert "--nonsense" in err
