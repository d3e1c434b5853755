"""Sweeps that cannot be lost: axes -> plan -> journal -> workers -> `results.csv`.

>>> import edensim as es
>>> cfg = es.load_config("configs/eyeriss-alexnet.toml")  # doctest: +SKIP
>>> frame = es.sweep(cfg, axes={"operating_point.vdd": [1.2, 1.1, 1.0]}, out="runs/vdd")  # doctest: +SKIP

Beyond one machine, `executor=` takes any `concurrent.futures.Executor`, and shards run as a job array: see
"On a cluster" in README.md.
"""

from edensim.study.sweep.api import sweep
from edensim.study.sweep.load import Sweep, load_sweep

__all__ = ["Sweep", "load_sweep", "sweep"]
