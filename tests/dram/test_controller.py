"""The compiled memory system: operating points of single channels, thresholds of the write queue."""

import pytest

from edensim.config import load_config
from edensim.dram.controller import DramSystem, queue_policy
from edensim.dram.generate import generate
from edensim.dram.replay import replay_requests
from edensim.errors import ConfigError
from edensim.memory import resolve_operating_state


def memory(*overrides: str, **tables: object) -> DramSystem:
    config = load_config({"dram": {"preset": "ddr4-2400r-8gb-x8", "channels": 2}, **tables}, set=list(overrides)).config
    state = resolve_operating_state(config.dram, config.operating_point, config.partition)
    return DramSystem(config.dram, state)


def test_ideal_timing_in_one_channel_only() -> None:
    """Ideal tRCD in channel 0: the run is legal, that channel is faster, and the other is what it was."""
    requests = [generate("random", 400, seed=7)]
    plain = replay_requests(memory(), requests)
    ideal = replay_requests(memory(partition=[{"name": "fast", "channel": [0], "tRCD_ns": 0.0}]), requests)
    before, after = plain.counters.read_latency_ck_sum, ideal.counters.read_latency_ck_sum
    assert after[0] < before[0]
    assert ideal.counters.reads.tolist() == plain.counters.reads.tolist()


@pytest.mark.parametrize("low", [0.0, 0.01])
def test_write_mode_is_always_left(low: float) -> None:
    """A threshold of 0 would never be undercut: the run ends all the same, and every request is served."""
    system = memory(f"dram.controller.write_low={low}")
    assert queue_policy(system.dram, system.timing).leave == 1
    result = replay_requests(system, [generate("mix", 500, seed=3)])
    assert int(result.counters.reads.sum() + result.counters.writes.sum()) == 500


@pytest.mark.parametrize("ranks", [1, 2])
def test_refreshes_leave_time_for_requests(ranks: int) -> None:
    """The shortest interval that is accepted serves requests; one clock less would starve the last rank for ever."""
    ck = memory(f"dram.ranks={ranks}").timing.ck
    shortest = (ck["nRFC"] + ranks + 1.5) / ck["nREFI"]
    system = memory(f"dram.ranks={ranks}", f"operating_point.tREFI_scale={shortest}")
    assert system.refresh.period == ck["nRFC"] + ranks + 1
    with pytest.raises(ConfigError, match=f"{ranks} ranks? takes {ck['nRFC'] + ranks} clocks"):
        memory(f"dram.ranks={ranks}", f"operating_point.tREFI_scale={shortest - 1 / ck['nREFI']}")
    requests = generate("random", 20, seed=2)
    assert int(replay_requests(system, [requests]).counters.reads.sum()) == 20


@pytest.mark.parametrize(("scale", "clocks"), [(1.15, 7176), (2.05, 12792), (0.9999, 6239), (1.0, 6240)])
def test_the_refresh_interval_is_the_exact_product_rounded_down(scale: float, clocks: int) -> None:
    """The factor counts as the decimal that was written: 6240 clocks * 1.15 are 7176, though 7175.999… in binary."""
    config = load_config({"dram": {"preset": "ddr3l-1600-4gb-x8"}, "operating_point": {"tREFI_scale": scale}}).config
    state = resolve_operating_state(config.dram, config.operating_point, config.partition)
    assert DramSystem(config.dram, state).refresh.period == clocks
