"""The journal: torn tails, damaged lines, other owners; nothing unverified is ever believed."""

import json
import random
import re

import pytest

from edensim.errors import OutputError
from edensim.study.sweep import load_sweep
from edensim.study.sweep.journal import Journal, Owner, Reader, Records, decode, line_of, read_all

OWNER = Owner("c" * 64, 1)


def record(number, status="ok", **more):
    metrics = {"time_ns": 1.5 * number}
    return {"id": f"{number:064x}", "set": {"seed": number}, "status": status, "metrics": metrics} | more


@pytest.fixture
def path(tmp_path):
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal" / "main.jsonl"


def write(path, numbers):
    with Journal(path, OWNER, Records()) as journal:
        journal.append([record(n) for n in numbers])


def found(path):
    """Seeds of all records that can be read back."""
    records = read_all(path.parents[1], OWNER)
    with Reader(records) as reader:
        return sorted(reader.get(key.hex())["set"]["seed"] for key in records.entries)


def test_line_round_trip():
    """A line decodes to its record; floats keep every bit."""
    value = record(3, metrics={"x": 0.1 + 0.2, "n": 2**53 + 1})
    assert decode(line_of(value)) == value
    assert re.fullmatch(rb"[0-9a-f]{8} \{.*\}\n", line_of(value))


def test_row_28_every_flipped_bit_of_a_line_is_noticed():
    """Whatever single bit of a line changes, the line is not taken for a record."""
    line = line_of(record(7))
    for k in range(8 * len(line)):
        damaged = bytearray(line)
        damaged[k // 8] ^= 1 << k % 8
        assert decode(bytes(damaged)) is None or decode(bytes(damaged)) == record(7)  # the CRC in capitals


def test_row_26_torn_at_every_byte(path):
    """Cut anywhere, the journal gives back all whole lines, and what is appended after them can be read."""
    write(path, [0, 1])
    whole = path.read_bytes()
    write(path, [2])
    data = path.read_bytes()
    for length in range(len(whole), len(data)):
        path.write_bytes(data[:length])
        records = Records()
        with Journal(path, OWNER, records) as journal:
            assert len(records.entries) == 2
            assert bool(records.torn) == (length > len(whole))
            journal.append([record(9)])
        assert found(path) == [0, 1, 9]


def test_row_26_torn_header(path):
    """A journal that was torn in its first line begins anew."""
    write(path, [])
    header = path.read_bytes()
    for length in range(len(header)):
        path.write_bytes(header[:length])
        write(path, [4])
        assert found(path) == [4]
        assert path.read_bytes().startswith(header)


def test_row_26_blank_blocks_after_a_power_cut(path):
    """A file that was extended but never filled (zeros at its end) is cut like any torn tail."""
    write(path, [0, 1])
    with path.open("ab") as file:
        file.write(bytes(4096))
    write(path, [2])
    assert found(path) == [0, 1, 2]


def test_row_28_damaged_line_in_the_middle(path, tmp_path):
    """A damaged line is kept in NAME.bad, its record is ignored, its neighbours stay; nothing piles up."""
    write(path, range(5))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"ok", b"OK")
    path.write_bytes(b"".join(lines))
    for _ in range(2):
        records = Records()
        with Journal(path, OWNER, records):
            assert len(records.entries) == 4
        assert (tmp_path / "main.bad").read_bytes() == lines[3]
    assert found(path) == [0, 1, 3, 4]


def test_row_28_random_damage(path):
    """Random overwritten bytes: every record that is read back is one that was written."""
    write(path, range(20))
    data = path.read_bytes()
    draw = random.Random(5)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(draw.randrange(1, 6)):
            damaged[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(damaged)
        write(path, [50])
        seeds = found(path)
        assert 50 in seeds
        assert set(seeds) <= {*range(20), 50}
        assert len(seeds) >= 20 - 6


@pytest.mark.parametrize("other", [Owner("d" * 64, 1), Owner("c" * 64, 2)])
def test_row_29_journal_of_another_owner(path, other):
    """A journal of another configuration or model version is refused, naming both."""
    write(path, [1])
    with pytest.raises(OutputError, match="never mixed") as error:
        Journal(path, other, Records())
    both = ("cccccccc", "dddddddd") if other.model_version == 1 else ("version 1", "version 2")
    assert all(word in str(error.value) for word in both)


def test_first_good_record_counts(path):
    """Of several records of a point the first good one stays; among failures the last."""
    with Journal(path, OWNER, Records()) as journal:
        journal.append([record(1, "failed", wall_s=1), record(1, "failed", wall_s=2), record(2, wall_s=1)])
        journal.append([record(2, wall_s=2), record(3, "failed"), record(3, wall_s=5), record(3, "failed")])
    records = read_all(path.parents[1], OWNER)
    with Reader(records) as reader:
        got = [reader.get(f"{n:064x}") for n in (1, 2, 3, 4)]
    assert [(r["status"], r.get("wall_s")) if r else None for r in got] == [("failed", 2), ("ok", 1), ("ok", 5), None]


def test_row_28_in_a_sweep(sweep, folder, fake_points):
    """After damage the point runs again, the table is the same, and the summary counts the damage."""
    sweep()
    expected = (folder / "results.csv").read_bytes()
    journal = folder / "journal" / "main.jsonl"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 4
    journal.write_bytes(data)
    fake_points.runs.clear()
    tally, _ = sweep()
    assert len(fake_points.runs) == 1
    assert any("damaged" in note for note in tally.notes)
    assert (folder / "main.bad").exists()
    assert (folder / "results.csv").read_bytes() == expected


def test_row_33_no_decision_depends_on_mtime(sweep, folder, fake_points):
    """Files from the future or the past are read all the same."""
    import os

    sweep()
    for path in folder.rglob("*"):
        os.utime(path, (4e9, 4e9) if path.suffix == ".csv" else (0, 0))
    fake_points.runs.clear()
    tally, _ = sweep()
    assert tally.before == 5
    assert fake_points.runs == []


def test_load_sweep_while_unfinished(sweep, folder, plan_of):
    """A folder can be read at any time; axes and the order of rows are those of the plan."""
    plan = plan_of({"operating_point.vdd": [1.2, 1.1], "seed": [0, 1, 2]})
    sweep(plan=plan)
    journal = folder / "journal" / "main.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], *reversed(lines[3:])]))
    loaded = load_sweep(folder)
    assert loaded.missing == 2
    assert loaded.axes == {"operating_point.vdd": [1.2, 1.1], "seed": [0, 1, 2]}
    assert list(zip(loaded.frame["operating_point.vdd"], loaded.frame["seed"], strict=True)) == [
        (1.2, 2),
        (1.1, 0),
        (1.1, 1),
        (1.1, 2),
    ]
    assert json.loads((folder / "sweep.json").read_text())["points"] == 6
