"""Compile kernels once in the parent, so that workers only load them."""

from __future__ import annotations

from contextlib import suppress

from edensim.config import load_config
from edensim.errors import EdensimError
from edensim.study.sweep.plan import Plan


def warm(plan: Plan) -> None:
    """Run one small layer on the memory and machine of the first point.

    Axes that change the shape of the memory (channels, ranks, queues, another preset) have kernels of their own, which
    the worker that meets them first compiles.
    """
    from edensim.system.run import run

    _, settings = next(iter(plan.points()))
    tiny = {"workload.network": "lenet", "workload.layers": ["conv1"], "workload.batch": 1}
    with suppress(EdensimError):  # what is wrong with the point, its record will tell
        run(load_config(load_config(plan.base, set=settings), set=tiny))
