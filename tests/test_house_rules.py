"""Rules of the house that no linter knows."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for folder in ("edensim", "tests", "benchmarks") for p in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_stay_readable(path):
    """Under 500 lines, and with a docstring that says what the file is about."""
    text = path.read_text()
    assert len(text.splitlines()) < 500
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name.startswith("test_")], ids=name)
def test_every_test_says_what_it_proves(path):
    """Test functions carry a docstring."""
    tree = ast.parse(path.read_text())
    tests = [x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef) and x.name.startswith("test_")]
    assert tests
    assert [test.name for test in tests if not ast.get_docstring(test)] == []


def test_no_pickle_and_no_eval():
    """The package never unpickles, and never evaluates text as code."""
    for path in SOURCES:
        if name(path).startswith("edensim/"):
            calls = {
                x.func.id
                for x in ast.walk(ast.parse(path.read_text()))
                if isinstance(x, ast.Call) and isinstance(x.func, ast.Name)
            }
            assert not calls & {"eval", "exec", "__import__"}, path
            assert "import pickle" not in path.read_text()
            assert "allow_pickle=True" not in path.read_text()


def test_every_preset_and_style_is_packaged():
    """What is data inside the package matches a pattern of `package_data`."""
    import configparser

    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    patterns = parser["options.package_data"]["edensim"].split()
    packaged = {path for pattern in patterns for path in (ROOT / "edensim").glob(pattern)}
    data = {p for p in (ROOT / "edensim").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert data <= packaged
