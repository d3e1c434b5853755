"""Every write, sync, rename and truncation of a sweep fails once: nothing saved is lost, nothing half is seen."""

import errno
import json
import os
import subprocess
import sys

import pytest

from edensim.errors import SOME_FAILED, OutputError
from edensim.study.sweep import disk, lock
from tests.study.sweep.failing_os import Crash, FailingOs

AXES = {"operating_point.vdd": [1.2, 1.1], "seed": [0, 1, 2]}


@pytest.fixture(scope="module")
def dead_pid():
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


@pytest.fixture
def shim(monkeypatch):
    """Install a failing `os`."""

    def install(failing):
        monkeypatch.setattr(disk, "os", failing)
        monkeypatch.setattr(lock, "os", failing)
        return failing

    return install


@pytest.fixture
def bury(dead_pid):
    """Make a lock left behind look like one of a process that died, as outside this test it would be."""

    def bury(path):
        if path.exists():
            path.write_text(json.dumps(lock.myself() | {"pid": dead_pid, "birth": ""}))

    return bury


def changes(sweep, plan, tmp_path, shim):
    """How many changes to the disk an undisturbed sweep makes, and the table it writes."""
    counting = shim(FailingOs())
    sweep(plan=plan, folder=tmp_path / "undisturbed")
    return counting.count, (tmp_path / "undisturbed" / "results.csv").read_bytes()


@pytest.mark.parametrize("mode", ["error", "crash"])
def test_rows_23_and_26_every_change_to_the_disk_fails_once(sweep, plan_of, tmp_path, shim, bury, fake_points, mode):
    """Disk full or power cut at any change: the table is whole or absent, saved points stay, the next run finishes."""
    plan = plan_of(AXES)
    total, expected = changes(sweep, plan, tmp_path, shim)
    assert total > 20
    survivors = 0
    for n in range(1, total + 1):
        target = tmp_path / f"{mode}-{n}"
        saved = [0]
        failing = shim(FailingOs(n, mode))
        try:
            sweep(plan=plan, folder=target, watch=lambda tally, saved=saved: saved.__setitem__(0, tally.done))
        except OutputError as error:
            assert mode == "error"
            assert error.exit_code == SOME_FAILED
            assert "repeat the same command" in str(error)
            journal = target / "journal" / "main.jsonl"
            if journal.exists():  # what was not acknowledged was taken back: nobody knows what of it is on the disk
                assert journal.read_bytes().count(b"\n") <= 1 + saved[0]
                assert journal.read_bytes()[-1:] in (b"", b"\n")
        except Crash:
            assert mode == "crash"
        assert failing.count >= n
        table = target / "results.csv"
        assert not table.exists() or table.read_bytes() == expected
        fake_points.runs.clear()
        bury(target / "lock")
        shim(os)
        tally, _ = sweep(plan=plan, folder=target)
        assert tally.before >= saved[0]
        assert len(fake_points.runs) == 6 - tally.before
        survivors += tally.before
        assert table.read_bytes() == expected
        assert not list(target.glob("*.bad"))
    assert survivors > total


def test_row_23_second_disk_error_in_a_row(sweep, plan_of, tmp_path, shim):
    """When even taking back a failed append fails, the torn line is found and cut by the next run."""
    plan = plan_of(AXES)
    _, expected = changes(sweep, plan, tmp_path, shim)

    class StillFull(FailingOs):
        def __getattr__(self, name):
            if name == "ftruncate" and self.count >= self.fail_at > 0:
                raise OSError(errno.EIO, "still broken")
            return super().__getattr__(name)

    torn = 0
    for n in range(12, 22):
        target = tmp_path / f"twice-{n}"
        shim(StillFull(n))
        with pytest.raises(OutputError):
            sweep(plan=plan, folder=target)
        shim(os)
        tally, _ = sweep(plan=plan, folder=target)
        torn += any("tore" in note for note in tally.notes)
        assert (target / "results.csv").read_bytes() == expected
    assert torn


def test_row_23_read_only_folder(sweep, tmp_path):
    """A folder that cannot be made is one clear sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="stopped"):
        sweep(folder=tmp_path / "file" / "sweep")


def test_row_23_short_writes(sweep, plan_of, tmp_path, shim):
    """A system that takes a few bytes at a time (signals, quotas, network) changes nothing."""
    plan = plan_of(AXES)
    _, expected = changes(sweep, plan, tmp_path, shim)

    class Sipping(FailingOs):
        def __getattr__(self, name):
            if name == "write":
                return lambda descriptor, data: os.write(descriptor, data[:7])
            return super().__getattr__(name)

    shim(Sipping())
    sweep(plan=plan, folder=tmp_path / "sips")
    assert (tmp_path / "sips" / "results.csv").read_bytes() == expected
