"""The ledger's runs: resumed, banded, refused, the same bytes whatever happened on the way."""

import json

import pytest

from edensim.errors import ConfigError, OutputError
from edensim.study.ledger import runner
from edensim.study.ledger.items import all_items, chosen
from edensim.study.sweep.backend import Serial

MEASURE = "fake_simulation:measure"


class Impatient(Serial):
    """Stops after one point, as Ctrl-C would."""

    def run(self, base, tasks, interrupt):
        for batch in super().run(base, tasks, interrupt):
            interrupt.count = 1
            yield batch
            return


def ledger(folder, chosen_items, known, band=False, backend=None):
    """Prepare, simulate, evaluate and write; gives tally and report."""
    old = runner.read_report(folder)
    work = runner.prepare(chosen_items, known, folder, band)
    tally = runner.simulate(work, folder, backend or Serial(MEASURE))
    if tally.interrupted:
        return tally, None
    return tally, runner.write(folder, runner.evaluate(work), old, [item.name for item in known], ["svg"])


def test_rows_come_from_the_journal(items, fake, tmp_path):
    """The fake times give a gain of 100 / 91; the second call simulates nothing and writes the same bytes."""
    _, first = ledger(tmp_path / "l", items, items)
    row = first["items"]["speed"]["rows"][0]
    assert row["ours"] == pytest.approx(100 / 91 - 1)
    assert row["difference"] == pytest.approx(100 / 91 - 1.08)
    assert len(fake.runs) == 2
    before = (tmp_path / "l" / "ledger.json").read_bytes()
    tally, again = ledger(tmp_path / "l", items, items)
    assert again == first
    assert (tally.done, len(fake.runs)) == (0, 2)
    assert (tmp_path / "l" / "ledger.json").read_bytes() == before


def test_a_folder_grows_item_by_item_and_by_the_band(items, fake, tmp_path):
    """One item, then both, then the band: no point runs twice, and nothing that was there is lost."""
    folder = tmp_path / "l"
    ledger(folder, items[1:], items)
    _, grown = ledger(folder, items[:1], items)
    assert list(grown["items"]) == ["speed", "time"]
    _, banded = ledger(folder, items[:1], items, band=True)
    assert len(fake.runs) == len(set(fake.runs)) == 6
    low, high = banded["items"]["speed"]["rows"][0]["band"]
    assert low == {"ours": pytest.approx(120 / 111 - 1), "corner": "row_policy = closed"}
    assert high == {"ours": pytest.approx(100 / 86.5 - 1), "corner": "delta = absolute"}


def test_interrupted_and_resumed_is_the_same(items, fake, tmp_path):
    """Stopped after every single point and repeated, the ledger ends with the bytes of an undisturbed one."""
    ledger(tmp_path / "whole", items, items, band=True)
    fake.runs.clear()
    for _ in range(20):
        tally, _ = ledger(tmp_path / "torn", items, items, band=True, backend=Impatient(MEASURE))
        if not tally.interrupted:
            break
    assert len(fake.runs) == 6
    files = ("ledger.json", "ledger.txt", "figures/speed.csv", "figures/speed.svg")
    assert all((tmp_path / "torn" / n).read_bytes() == (tmp_path / "whole" / n).read_bytes() for n in files)


def test_a_failed_simulation_is_told_in_its_row(items, fake, tmp_path):
    """The row has the status and the reason; others are computed."""
    fake.broken.add("open")
    tally, data = ledger(tmp_path / "l", items, items)
    assert tally.failed == 2
    row = data["items"]["speed"]["rows"][0]
    assert (row["ours"], row["status"]) == (None, "not computed")
    assert "this policy is broken" in row["note"]


@pytest.mark.parametrize("change", [{"model_version": 0}, {"format": 99}])
def test_a_ledger_of_another_version_is_refused(items, fake, tmp_path, change):
    """One clear error names both versions; --force forgets it."""
    folder = tmp_path / "l"
    _, data = ledger(folder, items[:1], items)
    (folder / "ledger.json").write_text(json.dumps(data | change))
    with pytest.raises(OutputError, match="never mixed"):
        runner.read_report(folder)
    runner.forget(folder)
    assert runner.read_report(folder) is None
    assert not (folder / "points").exists()


def test_folders_of_others_are_left_alone(items, fake, tmp_path):
    """A folder with foreign files, a file, a broken record: refused, also under --force, and nothing changes."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("precious")
    for action in (runner.read_report, runner.forget):
        with pytest.raises(OutputError, match="no ledger"):
            action(other)
    with pytest.raises(OutputError, match="not a folder"):
        runner.read_report(other / "thesis.tex")
    (other / "ledger.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        runner.forget(other)
    assert (other / "thesis.tex").read_text() == "precious"


def test_foreign_files_in_a_ledger_are_not_overwritten(items, fake, tmp_path):
    """A figure that no ledger drew stays."""
    folder = tmp_path / "l"
    ledger(folder, items[1:], items)
    (folder / "figures").mkdir()
    (folder / "figures" / "speed.svg").write_text("mine")
    with pytest.raises(OutputError, match=r"figures/speed\.svg, which no ledger wrote"):
        ledger(folder, items, items)
    assert (folder / "figures" / "speed.svg").read_text() == "mine"


def test_unknown_items_are_named_with_the_nearest():
    """All of them in one go."""
    with pytest.raises(ConfigError) as caught:
        chosen(["tabel3", "zebra"])
    first, second = caught.value.problems
    assert 'no item "tabel3"; did you mean table3' in first
    assert "items are headline, table1" in second


def test_every_item_can_be_planned():
    """Every setup of the real ledger resolves at every corner, all points have the same keys, and no two are equal."""
    items = list(all_items().values())
    settings = runner.settings_of(items, band=True)
    assert len({tuple(point) for point in settings}) == 1
    plan = runner.make_ledger_plan(items)
    assert len(plan.ids) == len(settings)
