"""Dask distributed: a real scheduler and two worker processes on the loopback interface, one of them killed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edensim.errors import MissingExtraError, OutputError
from edensim.study.sweep.dask_executor import dask_backend

pytest.importorskip("distributed")
POINTS = 40


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Address of a scheduler with two workers, each a process of one thread, that see the fake points."""
    monkeypatch.setenv("FAKE_POINTS_MARKER", str(tmp_path / "killed"))
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "3")
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path}
    processes = []

    def start(program, *words):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *words, "--no-dashboard"],
                env=environment,
                cwd=tmp_path,
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )  # fmt: skip
        )
        return processes[-1]

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    address = None
    for line in scheduler.stderr:
        if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
            address = found[1]
            break
    assert address
    for _ in range(2):
        start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
    yield address
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def backend(cluster):
    """Points on that cluster, once both workers have come."""
    from distributed import Client

    with Client(cluster, timeout=20) as client:
        client.wait_for_workers(2, timeout=60)
    with dask_backend(cluster, "fake_points:killing_once") as backend:
        assert backend.window == 4
        yield backend


def test_row_24_dask_worker_killed_in_the_middle(sweep, backend, folder, tmp_path):
    """A point kills its worker; the scheduler gives it to the other one; the table is the undisturbed one."""
    sweep({"seed": range(POINTS)}, folder=tmp_path / "undisturbed")
    tally, _ = sweep({"seed": range(POINTS)}, backend=backend)
    assert (tmp_path / "killed").exists()
    assert (tally.done, tally.failed) == (POINTS, 0)
    assert (folder / "results.csv").read_bytes() == (tmp_path / "undisturbed" / "results.csv").read_bytes()


def test_no_scheduler_is_one_sentence(monkeypatch):
    """Nobody at the address."""
    monkeypatch.setattr("edensim.study.sweep.dask_executor.CONNECT_S", 1)
    with pytest.raises(OutputError, match="no Dask scheduler answers"), dask_backend("tcp://127.0.0.1:9"):
        pass


def test_row_36_without_distributed(monkeypatch):
    """The message names the extra."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"edensim\[cluster\]"), dask_backend("tcp://127.0.0.1:9"):
        pass
