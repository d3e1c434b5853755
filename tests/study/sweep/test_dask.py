"""Dask distributed: a real scheduler and two worker processes on the loopback interface, one of them killed."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edensim.errors import MissingExtraError, OutputError
from edensim.study.sweep.dask_executor import dask_backend

Client = pytest.importorskip("distributed").Client
POINTS = 40


class Cluster:
    """A scheduler and two workers of one thread, all of them processes that see the fake points."""

    def __init__(self, folder, *options):
        self.folder, self.processes = folder, []
        path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        self.environment = os.environ | {"PYTHONPATH": path}
        self.scheduler = self.start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        lines = (re.search(r"Scheduler at:\s+(tcp://\S+)", line) for line in self.scheduler.stderr)
        self.address = next(found[1] for found in lines if found)
        for _ in range(2):
            self.start("dask_worker", self.address, "--nthreads", "1", "--local-directory", str(folder), *options)
        with Client(self.address, timeout=20) as client:
            client.wait_for_workers(2, timeout=60)

    def start(self, program, *words):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *words, "--no-dashboard"]
        # The scheduler's stderr tells its address; nobody reads that of a worker.
        stderr = subprocess.PIPE if program == "dask_scheduler" else subprocess.DEVNULL
        where = {"cwd": self.folder, "env": self.environment}
        self.processes.append(subprocess.Popen(command, stderr=stderr, stdout=subprocess.DEVNULL, text=True, **where))
        return self.processes[-1]

    def close(self):
        for process in self.processes:
            process.kill()  # a worker notices that its nanny is gone
        for process in self.processes:
            process.communicate()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Scheduler and two workers with nannies, which replace a worker that dies; a point may take one along."""
    folder = tmp_path_factory.mktemp("dask")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_POINTS_MARKER", str(folder / "killed"))
        patch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
        cluster = Cluster(folder)
    yield cluster
    cluster.close()


@pytest.fixture
def marker(cluster):
    """File in which points note that they killed a worker."""
    path = cluster.folder / "killed"
    path.unlink(missing_ok=True)
    return path


def test_row_24_dask_worker_killed_in_the_middle(sweep, cluster, marker, folder, tmp_path):
    """A worker is lost with a point; the scheduler gives it to another one; the table is the undisturbed one."""
    sweep({"seed": range(POINTS)}, folder=tmp_path / "undisturbed")
    with dask_backend(cluster.address, "fake_points:killing_worker_once") as backend:
        tally, _ = sweep({"seed": range(POINTS)}, backend=backend)
    assert marker.exists()
    assert (tally.done, tally.failed) == (POINTS, 0)
    assert (folder / "results.csv").read_bytes() == (tmp_path / "undisturbed" / "results.csv").read_bytes()


def test_rows_24_and_25_points_that_die_or_hang_on_dask(sweep, cluster, errors_in, folder, tmp_path):
    """They cost themselves and no worker; the time limit holds on the cluster."""
    with dask_backend(cluster.address, "fake_points:faulty") as backend:
        tally, _ = sweep({"seed": range(8)}, backend=backend)
    assert (tally.done, tally.failed) == (8, 5)
    assert errors_in(folder)[2]["class"] == "WorkerDied"
    with dask_backend(cluster.address, "fake_points:hanging", timeout_s=0.5) as backend:
        tally, _ = sweep({"seed": range(4)}, folder=tmp_path / "hanging", backend=backend)
    assert (tally.done, tally.failed) == (4, 1)
    assert errors_in(tmp_path / "hanging")[1]["class"] == "Timeout"


def test_row_24_point_that_kills_every_dask_worker(sweep, cluster, marker, errors_in, folder):
    """The scheduler gives it up when a second worker is lost with it; the sweep goes on."""
    with dask_backend(cluster.address, "fake_points:killing_worker") as backend:
        tally, _ = sweep({"seed": range(8)}, backend=backend)
    assert marker.read_text().count("killed") == 2
    found = errors_in(folder)
    assert {error["class"] for error in found.values()} == {"KilledWorker"}
    assert 2 in found
    assert (tally.done, tally.failed) == (8, len(found))
    assert len(found) <= 3  # the scheduler blames points too that stood beside it both times


def test_row_24_dask_scheduler_killed_in_the_middle(sweep, tmp_path):
    """The sweep stops with one sentence and exit code 1; no point is blamed, and the same command goes on."""
    cluster = Cluster(tmp_path, "--no-nanny")

    def kill(tally):
        if tally.done >= 4:
            cluster.scheduler.kill()

    with (
        contextlib.closing(cluster),
        dask_backend(cluster.address, "fake_points:slow") as backend,
        pytest.raises(OutputError, match="scheduler lost") as error,
    ):
        sweep({"seed": range(POINTS)}, backend=backend, watch=kill)
    assert error.value.exit_code == 1
    tally, _ = sweep({"seed": range(POINTS)})
    assert 4 <= tally.before < POINTS
    assert tally.failed == 0


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
