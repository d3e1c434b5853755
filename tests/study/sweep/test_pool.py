"""Worker processes: death, hang, hunger and noise cost one point, and any number of workers gives the same bytes."""

import json
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from edensim.errors import OutputError
from edensim.study.sweep.executors import Futures
from edensim.study.sweep.pool import Pool

EIGHT = {"seed": range(8)}


def test_row_24_workers_that_die_cost_one_point_each(sweep, folder, errors_in):
    """SIGKILL, abort, exceptions and NaN are failed points with their reason; all others are there."""
    tally, table = sweep(EIGHT, backend=Pool(2, measure="fake_points:faulty"))
    found = errors_in(folder)
    assert (tally.done, tally.failed) == (8, 5)
    assert {seed: error["class"] for seed, error in found.items()} == {
        2: "WorkerDied", 3: "ValueError", 4: "ValueError", 5: "WorkerDied", 6: "MemoryError",
    }  # fmt: skip
    assert "SIGKILL" in found[2]["message"]
    assert "memory" in found[2]["message"]
    assert "SIGABRT" in found[5]["message"]
    assert "fake_points.py" in found[5]["trace"]  # the stack, by faulthandler
    assert "time_ns" in found[4]["message"]
    assert "--memory-limit" in found[6]["message"]
    frame = table.frame()
    assert list(frame["status"]) == ["ok", "ok", "failed", "failed", "failed", "failed", "failed", "ok"]
    assert frame["time_ns"].isna().sum() == 5
    assert "three is no number" in (folder / "failures.csv").read_text()


def test_row_24_failed_points_run_again_only_when_asked(sweep, folder, fake_points):
    """A repeated command leaves failures alone; --retry-failed runs exactly them; then the table is a clean one."""
    sweep(EIGHT, backend=Pool(2, measure="fake_points:faulty"))
    again, _ = sweep(EIGHT)
    assert (again.before, again.done, again.failed) == (8, 0, 5)
    more, _ = sweep({"seed": range(9)})
    assert (more.before, more.done, more.failed) == (8, 1, 5)
    assert fake_points.runs == [8]
    fake_points.runs.clear()
    retried, _ = sweep({"seed": range(9)}, retry_failed=True)
    assert (retried.before, retried.done, retried.failed) == (4, 5, 0)
    assert sorted(fake_points.runs) == [2, 3, 4, 5, 6]
    sweep({"seed": range(9)}, folder=folder.with_name("clean"))
    assert (folder / "results.csv").read_bytes() == (folder.with_name("clean") / "results.csv").read_bytes()


def test_row_25_a_hanging_point_is_stopped(sweep, folder, errors_in):
    """After the time limit the worker is killed, its stack is kept, and the others finish."""
    tally, _ = sweep(EIGHT, backend=Pool(2, timeout_s=0.5, measure="fake_points:hanging"))
    error = errors_in(folder)[1]
    assert (tally.done, tally.failed) == (8, 1)
    assert error["class"] == "Timeout"
    assert "0.5 s" in error["message"]
    assert "in hanging" in error["trace"]


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits")
def test_row_24_memory_limit(sweep, folder, errors_in):
    """A point that wants more memory than it may have fails alone."""
    tally, _ = sweep({"seed": range(3)}, backend=Pool(1, memory_limit=2_000_000_000, measure="fake_points:greedy"))
    assert tally.failed == 1
    assert errors_in(folder)[1]["class"] == "MemoryError"


def test_workers_that_cannot_start_end_the_sweep(sweep, folder):
    """A measure that does not exist is a failure of each point, but no endless loop; no memory at all is an error."""
    with pytest.raises(OutputError):
        sweep(EIGHT, backend=Pool(1, memory_limit=20_000_000))
    assert not (folder / "results.csv").exists()


def test_row_35_prints_of_a_point_do_not_disturb(sweep):
    """Stdout of a worker is not the channel of its records."""
    tally, _ = sweep({"seed": range(3)}, backend=Pool(1, measure="fake_points:chatty"))
    assert (tally.done, tally.failed) == (3, 0)


def test_same_bytes_for_any_backend(sweep, folder, fake_points):
    """In this process, on 1 and 3 workers, on threads and on a spawned process pool: one table."""
    axes = {"operating_point.vdd": [1.2, 1.1], "seed": range(6)}
    name = "fake_points:quick"
    sweep(axes)
    expected = (folder / "results.csv").read_bytes()
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        backends = [Pool(1, measure=name), Pool(3, measure=name), Futures(threads, name), Futures(processes, name)]
        for k, backend in enumerate(backends):
            target = folder.with_name(f"backend-{k}")
            tally, _ = sweep(axes, folder=target, backend=backend)
            assert tally.done == 12
            assert (target / "results.csv").read_bytes() == expected


def test_a_worker_that_dies_idle_costs_nothing(sweep):
    """A worker that has no point when it is killed is no loss; one that is given a point later is replaced."""
    backend = Pool(2, measure="fake_points:slow")
    seen = []

    def kill_one(tally):
        idle = [worker for worker in backend._workers if not worker.tasks and worker.process.poll() is None]
        if idle and not seen:
            seen.append(idle[0])
            idle[0].process.kill()
            idle[0].process.wait()

    tally, _ = sweep({"seed": range(9)}, backend=backend, watch=kill_one)
    assert seen
    assert (tally.done, tally.failed) == (9, 0)


def test_row_29_worker_with_other_presets_is_refused(sweep, plan_of, folder, monkeypatch):
    """A worker that resolves a point to something else than the plan does ends the sweep; nothing is saved."""
    plan = plan_of({"seed": [0, 1]})
    plan.ids[1] = bytes(32)
    with pytest.raises(OutputError, match="another version"):
        sweep(plan=plan)
    lines = (folder / "journal" / "main.jsonl").read_bytes().splitlines()
    assert len(lines) == 2


def test_row_39_workers_are_fresh_interpreters(sweep, tmp_path, monkeypatch):
    """Workers are started, not forked: they know nothing of this process but the path."""
    marker = tmp_path / "main_was_imported.py"
    marker.write_text("raise SystemExit('the main module must not run in workers')")
    monkeypatch.setitem(sys.modules["__main__"].__dict__, "__file__", str(marker))
    import fake_points

    fake_points.runs.append("parent")
    tally, _ = sweep({"seed": range(2)}, backend=Pool(1, measure="fake_points:quick"))
    assert tally.failed == 0
    assert fake_points.runs == ["parent"]


def test_row_34_strange_folder_names(sweep, tmp_path):
    """Blanks, non-ASCII and long names work."""
    target = tmp_path / "Läufe 1" / ("x" * 150) / "späte Punkte, 1.0"
    tally, _ = sweep({"seed": range(2)}, folder=target, backend=Pool(1, measure="fake_points:quick"))
    assert tally.done == 2
    assert json.loads((target / "sweep.json").read_text(encoding="utf-8"))["points"] == 2


def test_row_27_interrupted_executor_starts_nothing_more(sweep):
    """Points that wait in an executor are cancelled, those that run are saved."""
    with ThreadPoolExecutor(1) as threads:
        backend = Futures(threads, "fake_points:slow")
        run = backend.run

        def interrupted(base, tasks, interrupt):
            for batch in run(base, tasks, interrupt):
                interrupt.count = 1
                yield batch

        backend.run = interrupted
        tally, _ = sweep(EIGHT, backend=backend)
    assert tally.interrupted
    assert 1 <= tally.done <= 3
