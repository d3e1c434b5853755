"""Items that need no simulation, and the words that hold for all of them."""

from pathlib import Path

import pytest

from edensim.study.ledger.corner import AXES, DEFAULT, corners
from edensim.study.ledger.item import STATUSES, Context, NotMeasuredError
from edensim.study.ledger.items import all_items
from edensim.study.ledger.operating_points import lowest_tRCD, lowest_vdd
from edensim.study.ledger.text import shown


def unmeasured(setup, corner):
    raise NotMeasuredError("not simulated")


@pytest.fixture(scope="module")
def rows():
    """Rows of every item, without any simulation."""
    return {name: item.rows(Context(unmeasured)) for name, item in all_items().items()}


def test_every_row_has_a_status_and_a_reason(rows):
    """What is scaled-down, not reachable or not computed says why; what the paper leaves out lies beyond it."""
    for name, found in rows.items():
        assert found
        assert len({row.name for row in found}) == len(found), name
        for row in found:
            assert row.status in STATUSES
            assert row.note or row.status == "reached", (name, row.name)
            assert row.ours is not None or row.status != "reached", (name, row.name)


def test_sizes_match_the_paper_where_it_says_so(rows):
    """Model sizes within 2 % of Table 1, but for the network that fits no standard variant."""
    for row in rows["table1"]:
        if row.name.endswith("model") and row.status == "reached":
            assert row.ours == pytest.approx(row.paper, rel=0.02)


def test_table_3_comes_back_from_its_own_curve(rows):
    """Chip `eden` gives exactly the reductions that it was made from."""
    assert [row.ours for row in rows["table3"]] == pytest.approx([row.paper for row in rows["table3"]])


def test_reductions_grow_with_the_rate():
    """A larger budget of errors never allows less, on any chip."""
    for chip in ("A", "B", "C", "eden", "A@3"):
        for find in (lowest_vdd, lowest_tRCD):
            found = [find(chip, ber) for ber in (0.0, 1e-6, 1e-3, 0.01, 0.05)]
            assert found == sorted(found, reverse=True)


def test_corners_are_all_combinations_the_default_first():
    """Two axes of two and four values: eight corners, and the axes that are not asked for keep their defaults."""
    found = list(corners(("delta", "voltage_model")))
    assert found[0] == DEFAULT
    assert len(set(found)) == len(AXES["delta"]) * len(AXES["voltage_model"])
    assert {corner.row_policy for corner in found} == {"open"}
    assert found[-1].departures() == "delta = absolute, voltage_model = drampower"


def test_readme_shows_the_whole_headline(rows):
    """The marked table has every row of the item with the paper's value (`.ci/update-ledger` renews it)."""
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    block = readme.partition("<!-- begin headline -->")[2].partition("<!-- end headline -->")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()[2:]]
    assert [cell[:2] for cell in cells] == [[row.name, shown(row.paper, row.unit)] for row in rows["headline"]]
    assert "(docs/pictures/energy.svg)" in readme
