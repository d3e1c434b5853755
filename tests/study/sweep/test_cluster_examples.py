"""The README's examples for clusters run: a job array in bash, and Dask with SLURM's queue stood in for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## On a cluster")[1].split("\n## ")[0]
QUEUE = '''
from distributed import LocalCluster


class SLURMCluster(LocalCluster):
    """Workers of this process instead of jobs of the queue."""

    def __init__(self, cores, processes, memory, walltime):
        super().__init__(n_workers=0, threads_per_worker=1, processes=False, dashboard_address=None)

    def scale(self, jobs):
        super().scale(min(jobs, 2))
'''


@pytest.fixture
def work(tmp_path):
    """A folder with the configuration of the examples, on a small network, and `edensim` on the path."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    config = tmp_path / "configs" / "sweep-eyeriss-vdd-trcd.toml"
    text = config.read_text(encoding="utf-8").replace('network = "alexnet"', 'network = "lenet"')
    config.write_text(text.replace("[1.20, 0.90, 7]", "[1.20, 0.90, 2]"), encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "edensim").write_text(f'#!/bin/sh\nexec {sys.executable} -m edensim "$@"\n')
    (tmp_path / "bin" / "edensim").chmod(0o755)
    (tmp_path / "bin" / "dask_jobqueue.py").write_text(QUEUE)
    return tmp_path


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
    return found


def run(work, *command, **variables):
    environment = os.environ | variables
    environment["PATH"] = f"{work / 'bin'}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = os.pathsep.join([str(work / "bin"), str(ROOT)])
    return subprocess.run(command, cwd=work, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="a job script")
def test_job_array_and_merge(work):
    """Every task of a small array, as SLURM would start it; then the merge finds all points."""
    (work / "job.sh").write_text(block("bash"))
    array = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "1"}
    for task in "10":
        run(work, "bash", "job.sh", SLURM_ARRAY_TASK_ID=task, **array)
    (merge,) = re.findall(r"`(edensim sweep --merge [^`]*)`", SECTION)
    assert "10 of 10 points" in run(work, "bash", "-c", merge)
    assert (work / "runs" / "array" / "results.csv").read_bytes().count(b"\n") == 11


def test_dask_on_slurm(work):
    """The program finishes the sweep on workers of a cluster and gives its frame."""
    pytest.importorskip("distributed")
    (work / "program.py").write_text(block("python") + "\nprint(len(frame), set(frame['status']))\n")
    assert run(work, sys.executable, "program.py") == "10 {'ok'}\n"
    assert (work / "runs" / "dask" / "results.csv").read_bytes().count(b"\n") == 11
