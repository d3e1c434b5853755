"""The validation page: every reference has what a section needs, and the page that is shipped is whole."""

from __future__ import annotations

import csv
import importlib
import types
from pathlib import Path
from typing import Any

import pytest

from edensim.config import Presets
from edensim.errors import MissingExtraError

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = sorted(path.stem for path in (FOLDER / "references").glob("*.py") if path.stem != "__init__")


@pytest.fixture
def validation(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("validation")


def fake(part: str, title: str, **more: Any) -> Any:
    """A reference that measures nothing."""
    values = {"MERIT": "cycles", "LIMITS": [("nothing", "all is well")], "measure": lambda: ("0", "| a |")}
    return types.SimpleNamespace(PART=part, TITLE=title, **values | more)


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_is_complete(validation: Any, name: str) -> None:
    """Part, title, merit, at least one limit told in two halves, and something to call."""
    reference = validation.references()[name]
    assert reference.PART and reference.TITLE and reference.MERIT
    assert reference.LIMITS and all(len(limit) == 2 and all(limit) for limit in reference.LIMITS)
    assert callable(reference.measure)


def test_page_has_every_part(validation: Any) -> None:
    """A summary with commands, sections by part, and the limits of all in one table."""
    late = MissingExtraError("torch", "dnn", "measuring accuracy")

    def refuse() -> tuple[str, str]:
        raise late

    sections = [
        validation.measured("one", fake("DRAM timing", "First")),
        validation.measured("two", fake("Networks", "Second", measure=refuse)),
    ]
    text = validation.page(sections)
    summary = "| First | cycles | 0 | `python benchmarks/validation.py --only one` |"
    order = [summary, "## DRAM timing", "### First", "## Networks", "### Second", "## Known limits"]
    assert sorted(order, key=text.index) == order
    assert "| Second | cycles | not measured |" in text
    assert "pip install 'edensim[dnn]'" in text
    assert text.count("| nothing | all is well |") == 2


def test_single_sections_are_replaced(validation: Any) -> None:
    """What was not measured again is taken over as it stands; a section that the page lacks is told."""
    one, two = fake("DRAM timing", "First (a|b)"), fake("Machines", "Second", measure=lambda: ("1 %", "| x |\n\nmore"))
    sections = [validation.measured("one", one), validation.measured("two", two)]
    text = validation.page(sections)
    again = [validation.kept(name, reference, text) for name, reference in (("one", one), ("two", two))]
    assert again == sections
    assert validation.page(again) == text
    with pytest.raises(ValueError, match="no section three"):
        validation.kept("three", fake("Machines", "Third"), text)


def test_shipped_page_is_whole(validation: Any) -> None:
    """VALIDATION.md has a section, a summary row and limits for every reference there is, so it was renewed with it."""
    text = (FOLDER / "VALIDATION.md").read_text()
    for name, reference in validation.references().items():
        assert f"### {reference.TITLE}\n" in text
        assert f"| `python benchmarks/validation.py --only {name}` |" in text
        assert all(f"| {reference.TITLE} | {what} | {means} |" in text for what, means in reference.LIMITS)
    assert "MISSED" not in text


def test_shipped_curves_are_whole(validation: Any) -> None:
    """The figure of the page has a panel for every shipped memory that imitates no other simulator."""
    assert "](latency.svg)" in (FOLDER / "VALIDATION.md").read_text()
    with (FOLDER / "latency.csv").open() as file:
        drawn = {row["memory"] for row in csv.DictReader(file)}
    assert drawn == {name for name in Presets().names("dram") if ":" not in name}
    picture = (FOLDER / "latency.svg").read_text()
    assert all(f"<!-- {name} -->" in picture for name in drawn)


def test_every_difference_has_a_source(validation: Any) -> None:
    """A clock that is not ramulator's has a reason; a reason of a shipped memory is that of a clock that differs."""
    module = validation.references()["differences"]
    found = module.differences()
    assert len(found) > 10
    assert [f"{d.memory} {d.name}" for d in found if not d.reason] == []
    shipped = {d.memory for d in found}
    used = {f"{d.memory} {d.name}" for d in found} | {d.name for d in found}
    left = [key for key in module.REASONS if key not in used and key.split()[0] in shipped]
    assert left == []
