"""Sweeps that are killed, interrupted and run twice at once, as processes of their own."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from edensim.errors import OutputError
from edensim.study.sweep.folder import lock_path
from edensim.study.sweep.lock import Lock, birth, myself, provably_dead

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, /proc and ps")
POINTS = 60


@pytest.fixture
def start(program, folder):
    """Start a sweep of slow points; gives the process once it has planned."""
    processes = []

    def begin(*words):
        process = subprocess.Popen(
            program(folder, POINTS, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "planned\n"
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def saved(process, at_least):
    """Wait until so many points are saved."""
    for line in process.stdout:
        if line.startswith("saved") and int(line.split()[1]) >= at_least:
            return
    raise AssertionError(process.stderr.read())


def children_of(pid):
    """Process numbers of the workers."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def gone(pids):
    """Whether processes end within 20 s."""
    deadline = time.monotonic() + 20
    while any(birth(int(pid)) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(birth(int(pid)) for pid in pids)


def journal_lines(folder):
    path = folder / "journal" / "main.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_row_26_kill_9_at_random_times_then_resume(start, sweep, folder, tmp_path):
    """However often the parent is killed, every rerun goes on, and the table is that of an undisturbed sweep."""
    sweep({"seed": range(POINTS)}, folder=tmp_path / "undisturbed")
    expected = (tmp_path / "undisturbed" / "results.csv").read_bytes()
    draw = random.Random(7)
    lines = 0
    for jobs in (2, 1, 2, 0):
        process = start(jobs)
        saved(process, draw.randrange(1, 9))
        time.sleep(draw.random() * 0.05)
        process.kill()
        process.wait()
        assert not (folder / "results.csv").exists()
        assert journal_lines(folder) > lines
        lines = journal_lines(folder)
    tally, _ = sweep({"seed": range(POINTS)})
    assert tally.before >= 4
    assert tally.before + tally.done == POINTS
    assert (folder / "results.csv").read_bytes() == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_row_27_one_signal_finishes_what_runs(start, sweep, folder, number):
    """Ctrl-C, SIGTERM and SIGUSR1: points in flight are saved, no further one starts, exit code 130."""
    process = start(1)
    saved(process, 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not (folder / "results.csv").exists()
    assert not (folder / "lock").exists()
    before = journal_lines(folder) - 1
    assert 2 <= before < POINTS
    assert sweep({"seed": range(POINTS)})[0].before == before


def test_row_27_two_signals_stop_now(program, folder, sweep):
    """The second Ctrl-C does not wait for a point that hangs; saved points stay."""
    process = subprocess.Popen(
        program(folder, 4, 1, "fake_points:hanging"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    saved(process, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 131
    assert sweep({"seed": range(4)})[0].before == 1


def test_row_26_workers_end_with_their_parent(start, folder):
    """No worker outlives a parent that was killed."""
    process = start(2)
    saved(process, 4)
    children = children_of(process.pid)
    process.kill()
    process.wait()
    assert len(children) == 2
    assert gone(children)


def test_row_30_two_sweeps_in_one_folder(start, sweep, folder):
    """The second refuses and names the first; a shard of its own may run beside it."""
    process = start(1)
    saved(process, 1)
    with pytest.raises(OutputError, match=f"process {process.pid} on "):
        sweep({"seed": range(POINTS)})


def test_row_30_lock_of_this_process(tmp_path):
    """A lock holds within one process too, and is gone afterwards."""
    path = lock_path(tmp_path, None)
    with Lock(path), pytest.raises(OutputError, match=str(os.getpid())), Lock(path):
        pass
    with Lock(path):
        pass
    assert not path.exists()


def test_row_30_lock_whose_owner_has_not_written_yet(tmp_path):
    """Between taking the lock and naming itself its owner is unknown, but not absent."""
    path = lock_path(tmp_path, None)
    with Lock(path):
        path.write_text("")
        with pytest.raises(OutputError, match="another sweep"), Lock(path):
            pass


def test_row_33_lock_of_another_host_is_respected(tmp_path):
    """Whether a process on another host lives cannot be known: refuse, and say what to remove."""
    import json

    path = lock_path(tmp_path, None)
    path.write_text(json.dumps(myself() | {"host": "elsewhere"}))
    with pytest.raises(OutputError, match="elsewhere.*remove"), Lock(path):
        pass
    assert path.exists()


def test_stale_only_if_provably_dead():
    """The present process lives; one of its number born at another time does not; one on another host may."""
    me = myself()
    assert not provably_dead(me)
    assert provably_dead(me | {"birth": "another boot 17"}) == bool(me["birth"])
    assert not provably_dead(me | {"birth": "another boot 17", "host": "elsewhere"})
    assert not provably_dead({})
    finished = subprocess.Popen(["true"])
    finished.wait()
    assert provably_dead(me | {"pid": finished.pid})


def test_row_26_lock_of_a_dying_process(start, sweep, folder):
    """Repeating the command in the very moment of a kill works, even if nobody ever notices that the process ended."""
    process = start(1)
    saved(process, 1)
    process.send_signal(signal.SIGKILL)  # until `wait` is called, it is a zombie
    tally, _ = sweep({"seed": range(POINTS)})
    assert tally.before >= 1
    assert birth(process.pid)


def test_row_27_signals_to_the_whole_job_fail_no_point(start, sweep, folder):
    """A scheduler sends SIGTERM to workers too, then SIGKILL: points in flight are saved or absent, never failed."""
    process = start(2)
    saved(process, 4)
    for pid in children_of(process.pid):  # one that is still starting dies, and is replaced
        os.kill(int(pid), signal.SIGTERM)
    saved(process, 12)
    process.send_signal(signal.SIGTERM)
    for pid in children_of(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode in (0, 130), err
    tally, table = sweep({"seed": range(POINTS)})
    assert tally.before >= 4
    assert set(table.frame()["status"]) == {"ok"}


def test_row_25_and_26_hanging_worker_ends_with_its_parent(program, folder):
    """Not even a point that never ends keeps a worker alive without its parent."""
    process = subprocess.Popen(program(folder, 2, 1, "fake_points:hanging"), stdout=subprocess.PIPE, text=True)
    saved(process, 1)
    (worker,) = children_of(process.pid)
    process.kill()
    process.communicate()
    assert gone([worker])
