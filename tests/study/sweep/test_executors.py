"""Foreign executors: points keep to their limits there, and neither a bad point nor a broken executor ends a sweep."""

import os
import sys
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from edensim.errors import OutputError
from edensim.study.sweep import guard
from edensim.study.sweep.executors import Futures

pytestmark = pytest.mark.skipif(os.name != "posix", reason="child processes with pipes")
EIGHT = {"seed": range(8)}


@pytest.fixture(autouse=True)
def no_child_is_left():
    """Children that wait for another point end with the test."""
    yield
    for waiting in list(guard._idle.values()):
        for pool, timer in waiting:
            timer.cancel()
            pool.close()
    guard._idle.clear()


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """File in which points note whom they killed."""
    monkeypatch.setenv("FAKE_POINTS_MARKER", str(tmp_path / "marker"))
    monkeypatch.setenv("FAKE_POINTS_TESTER", str(os.getpid()))
    return tmp_path / "marker"


@pytest.fixture
def processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor


def test_row_24_a_point_that_dies_breaks_no_executor(sweep, errors_in, processes, folder):
    """SIGKILL, abort, exceptions and NaN cost one point each on a foreign process pool, as on our own."""
    tally, _ = sweep(EIGHT, backend=Futures(processes, "fake_points:faulty"))
    assert (tally.done, tally.failed, tally.notes) == (8, 5, [])
    kinds = {seed: error["class"] for seed, error in errors_in(folder).items()}
    assert kinds == {2: "WorkerDied", 3: "ValueError", 4: "ValueError", 5: "WorkerDied", 6: "MemoryError"}
    assert processes.submit(os.getpid).result() > 0


def test_row_25_time_limit_on_an_executor(sweep, errors_in, folder):
    """A point that hangs is stopped after its time, with its stack; the thread that waited for it goes on."""
    with ThreadPoolExecutor(2) as threads:
        tally, _ = sweep(EIGHT, backend=Futures(threads, "fake_points:hanging", timeout_s=0.5))
    assert (tally.done, tally.failed) == (8, 1)
    error = errors_in(folder)[1]
    assert error["class"] == "Timeout"
    assert "in hanging" in error["trace"]


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits")
def test_row_24_memory_limit_on_an_executor(sweep, errors_in, processes, folder):
    """A point that wants more memory than it may have fails alone; the executor's own processes are not limited."""
    tally, _ = sweep({"seed": range(3)}, backend=Futures(processes, "fake_points:greedy", memory_limit=2_000_000_000))
    assert (tally.done, tally.failed) == (3, 1)
    assert errors_in(folder)[1]["class"] == "MemoryError"
    assert processes.submit(len, bytes(8)).result() == 8


def test_limits_that_no_worker_can_keep_end_the_sweep(sweep, folder):
    """Too little memory even to start is no failure of each point, but one error."""
    with ThreadPoolExecutor(1) as threads, pytest.raises(OutputError, match="--memory-limit"):
        sweep(EIGHT, backend=Futures(threads, memory_limit=20_000_000))
    assert not (folder / "results.csv").exists()


def test_row_24_a_broken_executor_is_replaced(sweep, processes, marker, folder, tmp_path):
    """When the executor's own worker is killed, the sweep goes on without it, says so, and loses nothing."""
    sweep(EIGHT, folder=tmp_path / "undisturbed")
    tally, _ = sweep(EIGHT, backend=Futures(processes, "fake_points:killing_worker_once"))
    assert marker.exists()
    assert (tally.done, tally.failed) == (8, 0)
    assert any("the executor broke" in note and "worker processes of this machine" in note for note in tally.notes)
    assert (folder / "results.csv").read_bytes() == (tmp_path / "undisturbed" / "results.csv").read_bytes()


def test_row_24_a_point_that_kills_twice_has_failed(sweep, errors_in, processes, marker, folder):
    """First the executor's worker, then a process of our own: the point is recorded as failed, all others are there."""
    tally, _ = sweep(EIGHT, backend=Futures(processes, "fake_points:killing_worker"))
    assert (tally.done, tally.failed) == (8, 1)
    assert errors_in(folder)[2]["class"] == "WorkerDied"
    assert marker.read_text() == "killed\n" * 2


class Breaking(ThreadPoolExecutor):
    """Refuses all points after `left`, and never finishes one that it had."""

    left = 2

    def submit(self, *arguments):
        self.left -= 1
        if self.left < 0:
            raise BrokenExecutor("out of order")
        return Future() if self.left == 0 else super().submit(*arguments)


def test_executor_that_breaks_when_points_are_handed_over(sweep, folder, monkeypatch, tmp_path):
    """The point in hand, and one that is never finished, run elsewhere; a later search goes on there."""
    monkeypatch.setattr("edensim.study.sweep.executors.BREAK_S", 0.5)
    sweep(EIGHT, folder=tmp_path / "undisturbed")
    with Breaking(2) as threads:
        tally, _ = sweep(EIGHT, backend=Futures(threads, "fake_points:quick"))
    assert (tally.done, tally.failed, len(tally.notes)) == (8, 0, 1)
    assert (folder / "results.csv").read_bytes() == (tmp_path / "undisturbed" / "results.csv").read_bytes()


def test_an_executor_that_was_shut_down_is_one_sentence(sweep, folder):
    """That is the caller's wish: nothing fails, nothing is lost, exit code 1."""
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(OutputError, match="shut down") as error:
        sweep(EIGHT, backend=Futures(threads, "fake_points:quick"))
    assert error.value.exit_code == 1
    assert (folder / "journal" / "main.jsonl").read_bytes().count(b"\n") == 1


def test_children_wait_for_further_points_and_end(sweep, monkeypatch):
    """One child serves all points of a worker; idle for long, it ends."""
    monkeypatch.setattr(guard, "IDLE_S", 0.2)
    with ThreadPoolExecutor(1) as threads:
        sweep({"seed": range(3)}, backend=Futures(threads, "fake_points:quick"))
    ((pool, timer),) = next(iter(guard._idle.values()))
    (worker,) = pool._workers
    timer.join(20)
    assert worker.process.returncode is not None
    assert not guard._idle


def test_child_that_died_idle_fails_no_point(sweep, errors_in, folder):
    """A child killed between two points (the system ran out of memory) is replaced, and no point is blamed."""
    with ThreadPoolExecutor(1) as threads:
        sweep({"seed": [0]}, backend=Futures(threads, "fake_points:quick"))
        ((pool, _),) = next(iter(guard._idle.values()))
        pool._workers[0].process.kill()
        pool._workers[0].process.wait()
        tally, _ = sweep({"seed": [0, 1]}, backend=Futures(threads, "fake_points:quick"))
    assert (tally.done, tally.failed) == (1, 0)
    assert not errors_in(folder)
