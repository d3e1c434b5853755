"""Compile every kernel by using each once on something tiny."""

from __future__ import annotations

import tempfile

MEMORY = {"preset": "ddr4-2400r-8gb-x8"}
RUN = {
    "workload": {"network": "lenet", "layers": ["conv1"]},
    "machine": {"preset": "eyeriss-eden"},
    "dram": MEMORY,
}


def compile_kernels() -> None:
    """Run, record, replay and check a few requests on the standard memory; what is compiled stays in the cache."""
    from edensim.config import load_config
    from edensim.dram.checker import check_log
    from edensim.system.replay import RecordedRequests, replay_trace
    from edensim.system.run import run

    resolved = load_config(RUN)
    run(resolved)
    with tempfile.TemporaryFile() as spool:
        recorded = RecordedRequests(spool, resolved)
        replay_trace(resolved, recorded.chunks())
        _, log = replay_trace(resolved, recorded.chunks(), keep_log=True)
    assert log is not None
    check_log(log.commands[0], log.edges(0), log.geometry)
