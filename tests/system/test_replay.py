"""The request trace of a run, replayed on the memory alone."""

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.replay import replay_requests
from edensim.dram.trace import Requests
from edensim.jit import JIT_DISABLED
from edensim.system.run import record_requests

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="whole networks need compiled kernels")


@pytest.mark.parametrize(("machine", "channels"), [("eyeriss-eden", 1), ("tpu-eden", 1), ("tpu-eden", 4)])
def test_replay_of_a_run_is_the_run(machine: str, channels: int) -> None:
    """Offered at the clocks of their acceptance, the requests of a run cause the same commands in the same time.

    This also shows that the closed loop never lets a channel issue two commands in one clock, from one layer to the
    next included.
    """
    resolved = load_config(
        {
            "workload": {"network": "lenet", "batch": 16},
            "machine": {"preset": machine},
            "dram": {"preset": "ddr4-2400r-8gb-x8", "channels": channels},
        }
    )
    parts: list[np.ndarray] = []
    simulation = record_requests(resolved, parts.append)
    clock, line, is_write, _ = np.concatenate(parts).T
    address = line.astype(np.uint64) * np.uint64(64)
    done = replay_requests(
        simulation.system, [Requests(address, is_write.astype(np.uint8), clock.astype(np.uint64))], keep_log=True
    )
    end = simulation.world.now_clock
    wanted = simulation.system.counters(simulation.world.channels, end)
    assert end - 1 <= done.cycles <= end  # a run ends at a time, a replay at a clock
    for name in ("n_act", "n_pre", "n_rd", "n_wr", "n_ref", "row_hit", "row_miss", "row_conflict"):
        assert (getattr(done.counters, name) == getattr(wanted, name)).all(), name
    assert (done.counters.read_latency_ck_sum == wanted.read_latency_ck_sum).all()
    assert done.log is not None and all((np.diff(x[:, 0]) > 0).all() for x in done.log.commands)
