"""A sweep as a program of its own, so that tests can kill it: `program.py FOLDER POINTS JOBS [MEASURE]`."""

import sys
from pathlib import Path

from edensim.config import load_config
from edensim.study.sweep.backend import Serial
from edensim.study.sweep.engine import run_plan
from edensim.study.sweep.plan import make_plan, space_of
from edensim.study.sweep.pool import Pool

BASE = {
    "workload": {"network": "lenet"},
    "machine": {"preset": "tpu-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
}


def main(folder: str, points: str, jobs: str, measure: str = "fake_points:slow") -> int:
    """Run `points` points and say how it ended."""
    resolved = load_config(BASE)
    plan = make_plan(resolved, space_of(resolved, {"seed": range(int(points))}))
    backend = Pool(int(jobs), measure=measure) if jobs != "0" else Serial(measure)
    print("planned", flush=True)
    try:
        tally, _ = run_plan(plan, Path(folder), backend, watch=lambda tally: print("saved", tally.done, flush=True))
    except KeyboardInterrupt:
        return 131
    return 130 if tally.interrupted else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main(*sys.argv[1:]))
