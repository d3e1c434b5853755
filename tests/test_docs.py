"""The examples of the documentation work as they stand there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from edensim.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "start.md", *sorted((ROOT / "docs" / "howto").glob("[!i]*.md"))]
FILE_OF_TEXT = {"network.md": "my-net.csv", "chip.md": "my-chip.csv", "errors.md": "placement.toml"}

NEEDS_TORCH = ("eden",)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page, tmp_path, monkeypatch, capsys):
    """Files are written as shown (TOML blocks begin with their name), `edensim …` lines exit with 0, Python runs."""
    if page.stem in NEEDS_TORCH:
        pytest.importorskip("torch")
    for folder in ("configs", "traces"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.npz", "*.svg"))
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "toml"):
        (tmp_path / re.match(r"# (\S+\.toml)\n", block)[1]).write_text(block)
    for block in blocks(page, "text"):
        (tmp_path / FILE_OF_TEXT[page.name]).write_text(block)
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    assert lines
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        if program != "edensim":
            assert "venv" in line, line
            continue
        code = main(arguments)
        assert code == 0, f"{line}\n{capsys.readouterr().err}"
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {"__name__": "docs"})


def test_every_page_is_reached():
    """No page is missing from the tables of contents."""
    for index in (ROOT / "docs").rglob("index.md"):
        listed = {line.strip() for block in re.findall(r"\{toctree\}(.*?)```", index.read_text(), re.DOTALL)
                  for line in block.splitlines()}  # fmt: skip
        pages = {p.relative_to(index.parent).with_suffix("").as_posix() for p in index.parent.glob("*.[mr][ds]*")}
        assert pages - {"index"} <= listed
