"""What a sweep costs beyond its simulations: overhead per point, two workers against one, journal, memory.

    python benchmarks/sweep.py [--write] [--long]

Overhead is CPU time of parent and worker for a point whose measurement costs nothing (but gives 28 numbers), with
planning, journal (every record synced) and results.csv. --long adds the 100,000 points (about five minutes).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from table import markdown, publish

from edensim.config import load_config
from edensim.study.sweep import load_sweep
from edensim.study.sweep.engine import run_plan
from edensim.study.sweep.folder import owner_of, read_meta
from edensim.study.sweep.journal import read_all
from edensim.study.sweep.plan import make_plan, space_of
from edensim.study.sweep.point import MEASURE
from edensim.study.sweep.pool import Pool
from edensim.study.sweep.warm import warm

BASE = {
    "workload": {"network": "lenet"},
    "machine": {"preset": "tpu-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
}
GOALS = {"overhead": 5.0, "two workers": 1.8, "load": 0.5, "memory": 500}
POINTS, SPEED_POINTS, REPEATS, MANY = 10_000, 40, 3, 100_000


def nothing(resolved: Any, inputs: Any) -> dict[str, float]:
    """A measurement as large as a real one, for nothing."""
    seed = resolved.config.seed
    return {f"energy_pj.part{k}": seed * 1.1 + k / 7 for k in range(28)}


def cpu() -> float:
    """CPU seconds of this process and of its ended children."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(x.ru_utime + x.ru_stime for x in usage)


def sweep(
    folder: Path, points: int, jobs: int, measure: str = "sweep:nothing", base: Any = BASE
) -> tuple[float, float]:
    """Run a sweep; CPU and wall seconds, the workers' start included."""
    before, began = cpu(), time.perf_counter()
    resolved = load_config(base)
    plan = make_plan(resolved, space_of(resolved, {"seed": range(points)}), folder=folder)
    run_plan(plan, folder, Pool(jobs, measure=measure))
    return cpu() - before, time.perf_counter() - began


def overhead(folder: Path) -> list[list[object]]:
    """Marginal cost of a point: 10,000 points against none."""
    few, _ = sweep(folder / "few", 10, 1)
    many, wall = sweep(folder / "many", POINTS, 1)
    per_point = 1e3 * (many - few) / (POINTS - 10)
    again, _ = sweep(folder / "many", POINTS, 1)
    began = time.process_time()
    read_all(folder / "many", owner_of(read_meta(folder / "many")))
    load = time.process_time() - began
    began = time.process_time()
    assert load_sweep(folder / "many").missing == 0
    frame = time.process_time() - began
    return [
        ["CPU per point, all included (ms)", f"{per_point:.2f}", f"<= {GOALS['overhead']}"],
        ["points per second, one worker", f"{POINTS / wall:.0f}", ""],
        ["repeat of a finished sweep of 10,000 points (CPU s)", f"{again:.1f}", ""],
        ["load its journal, every line verified (CPU s)", f"{load:.2f}", f"< {GOALS['load']}"],
        ["es.load_sweep of it, with the frame (CPU s)", f"{frame:.2f}", ""],
    ]


def speed_up(folder: Path) -> list[list[object]]:
    """Wall time per real point on one and on two workers, best of three; the workers' start is subtracted."""
    base = {**BASE, "workload": {"network": "alexnet"}, "machine": {"preset": "eyeriss-eden"}}
    per_point = {1: float("inf"), 2: float("inf")}
    for repeat in range(REPEATS):
        for jobs in per_point:
            walls = [
                sweep(folder / f"{repeat}-{jobs}-{points}", points, jobs, MEASURE, base)[1]
                for points in (2 * jobs, 2 * jobs + SPEED_POINTS)
            ]
            per_point[jobs] = min(per_point[jobs], (walls[1] - walls[0]) / SPEED_POINTS)
    return [
        ["AlexNet on Eyeriss, one worker, wall per point (ms)", f"{1e3 * per_point[1]:.0f}", ""],
        ["two workers against one", f"{per_point[1] / per_point[2]:.2f}", f">= {GOALS['two workers']}"],
    ]


def memory(folder: Path) -> list[list[object]]:
    """Peak memory of the parent at 100,000 points, in a process of its own."""
    code = f"import sweep, resource; from pathlib import Path; sweep.sweep(Path({str(folder / 'huge')!r}), {MANY}, 2)\n"
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    out = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True, capture_output=True)
    return [["parent at 100,000 points (MB)", f"{float(out.stdout):.0f}", f"< {GOALS['memory']}"]]


def main() -> None:
    """Run and print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    parser.add_argument("--long", action="store_true", help="also 100,000 points")
    options = parser.parse_args()
    resolved = load_config(BASE)
    warm(make_plan(resolved, space_of(resolved, {"seed": [0]})))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = overhead(folder) + speed_up(folder) + (memory(folder) if options.long else [])
    text = markdown(["", "measured", "goal"], rows)
    publish("Sweeps", "python benchmarks/sweep.py --write --long", text, options.write)


if __name__ == "__main__":
    main()
