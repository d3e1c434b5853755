"""Small tile programs for tests of the world."""

from fractions import Fraction

import numpy as np

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.machines import RUN, TILE
from edensim.system.environment import WorldEnvironment
from edensim.system.world import AgentSpec, World

ENGINE = AgentSpec(clock_mhz=Fraction(1000), window=64, bytes_per_cycle=Fraction(64), depth=2)
NO_PAGES = np.zeros(0, np.int64)


def system(preset: str = "ddr4-2400r-8gb-x8", **overrides: object) -> DramSystem:
    return DramSystem(load_config({"dram": {"preset": preset, **overrides}}).config.dram)


def program(tiles: int, load: int, store: int, compute: int, first_line: int = 0, stride: int = 512) -> tuple:
    """`tiles` tiles, each loading `load` lines, computing `compute` cycles and storing `store` lines."""
    t, r = np.zeros(tiles, TILE), np.zeros(2 * tiles, RUN)
    k = np.arange(tiles)
    t["load_begin"], t["load_end"], t["store_begin"], t["store_end"] = 2 * k, 2 * k + 1, 2 * k + 1, 2 * k + 2
    t["compute_cycles"] = compute
    r["line"] = first_line + np.arange(2 * tiles) * stride
    r["count"][::2], r["count"][1::2] = load, store
    return t, r


def run_program(world: World, *programs: tuple | list, tick: int = 0) -> WorldEnvironment:
    """Run programs one after the other on agent 0, optionally with a control event every `tick` units of time.

    A program is (tiles, runs), or a list of such parts.
    """
    env = WorldEnvironment(world)

    def network():
        for work in programs:
            world.start(0, work if isinstance(work, list) else [work])
            yield env.finished(0)

    def ticks():
        while tick:
            yield env.timeout(tick)

    done = env.process(network())
    env.process(ticks())
    env.run(until=done)
    return env
