"""Speed of the DRAM engine: golden traces, queue depth, channels in threads, other simulators, 100 M requests.

    python benchmarks/dram.py [--write] [--long] [--only SECTION]

CPU time, compilation excluded, best of many runs; decoding included. `kernel` hands the compiled kernel decoded
requests; `replay` is all of `replay_requests`, on one thread. --long adds the 100 M request run (about 20 s).
Other simulators are compared where they are installed, see peers.py.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from dram_work import MEMORIES as PROFILED
from dram_work import STEPS, measured
from dram_work import TRACES as PROFILED_TRACES
from peers import HEAD, compare
from table import markdown, publish

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.generate import generate_chunks, golden_trace
from edensim.dram.replay import replay_requests
from edensim.dram.replay_kernel import DONE, RUN_FIELDS, replay
from edensim.dram.trace import Requests
from edensim.memory import decode_lines

TRACES = {
    "a_stream": "sequential reads",
    "a2_stream_bgi": "the same over bank groups and banks",
    "b_random": "uniform random reads",
    "c_mix8": "8 streams, 30 % writes",
    "d_loc50": "random, half in the open row",
    "s3_dnn_like": "tiles of weights and feature maps",
}
FLOORS = {"a_stream": 35, "b_random": 8, "c_mix8": 13}


def system(preset: str, **controller: object) -> DramSystem:
    """A memory of a preset."""
    table: dict[str, object] = {"preset": preset}
    if controller:
        table["controller"] = controller
    return DramSystem(load_config({"dram": table}).config.dram)


def best(work: Callable[[], object], times: int = 5) -> float:
    """Least CPU time of several runs, in s."""
    seconds = []
    for _ in range(times):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def requests_of(trace: str, memory: DramSystem, most: int | None = None) -> Requests:
    """A golden trace, line by line in the lines of a memory."""
    given = golden_trace(trace)
    addr = given["addr"][:most] // np.uint64(64) * np.uint64(memory.line_bytes)
    return Requests(addr, given["is_write"][:most])


def kernel_run(memory: DramSystem, requests: Requests) -> Callable[[], None]:
    """The compiled kernel on requests decoded beforehand."""
    line = (requests.addr // np.uint64(memory.line_bytes)).astype(np.int64) % memory.geometry.lines
    place = [np.zeros(len(line), np.int64) for _ in range(4)]
    decode_lines(line, 0, *memory.address_map.kernel_table(), *place)
    arrival = np.zeros(len(line), np.int64) if requests.arrival is None else requests.arrival.astype(np.int64)

    def work() -> None:
        channels, cursor, run = memory.new_channels(), np.zeros(1, np.int64), np.zeros(RUN_FIELDS, np.int64)
        result = replay(channels, memory.tables, *place, line, requests.is_write, arrival, cursor, run, True)
        assert result == DONE

    return work


def rates(memory: DramSystem) -> list[list[object]]:
    """M requests per CPU second, kernel alone and whole replay."""
    rows = []
    for name, what in TRACES.items():
        trace = golden_trace(name)
        requests = Requests(trace["addr"], trace["is_write"])
        n = len(requests.addr) / 1e6
        kernel, whole = kernel_run(memory, requests), lambda r=requests: replay_requests(memory, [r], threads=1)
        kernel(), whole()
        floor = FLOORS.get(name)
        rows.append([f"{name}: {what}", f"{n / best(kernel, 25):.1f}", f"{n / best(whole, 15):.1f}", floor or ""])
    return rows


MEMORIES = """ddr4_2400_frfcfs32 ddr3_1600_frfcfs32 gddr6_14000_frfcfs32 lpddr5_6400_allbank
    ddr4_2400_2rank_frfcfs32 ddr5_4800_frfcfs32 hbm2_2000_frfcfs32 hbm3_6400_frfcfs32""".split()
"""One of each family, with the same queues and scheduler; the first is what the others are compared with."""


def banks() -> list[list[object]]:
    """Kernel time per request for memories with more and more banks, in ns and against DDR4 on the same lines."""
    rows: list[list[object]] = []
    first: list[float] = []
    for name in MEMORIES:
        memory = system(f"ramulator2:{name}")
        cost = []
        for trace in ("a_stream", "b_random", "c_mix8"):
            requests = requests_of(trace, memory)
            work = kernel_run(memory, requests)
            work()
            cost.append(best(work, 25) / len(requests.addr) * 1e9)
        first = first or cost
        told = [f"{ns:.0f} ({ns / base:.2f})" for ns, base in zip(cost, first, strict=True)]
        rows.append([name, memory.geometry.banks, *told])
    return rows


def profile() -> list[list[object]]:
    """Where the time of a request goes: steps of the kernel per request, and its time per clock looked at."""
    rows: list[list[object]] = []
    for name in PROFILED:
        memory = system(f"ramulator2:{name}")
        for trace in PROFILED_TRACES:
            requests = requests_of(trace, memory)
            work = kernel_run(memory, requests)
            work()
            ns = best(work, 25) / len(requests.addr) * 1e9
            steps = measured(name, trace)
            told = [f"{value:.2f}" for value in steps.values()]
            rows.append([f"{name}, {trace}", f"{ns:.0f}", f"{ns / steps['clocks looked at']:.0f}", *told])
    return rows


def queue_depths() -> list[list[object]]:
    """Cost per request against queue size, random reads."""
    trace = golden_trace("b_random")
    requests = Requests(trace["addr"], trace["is_write"])
    rows = []
    for entries in (8, 16, 32, 64, 128, 256):
        memory = system("ramulator2:ddr4_2400_frfcfs32", read_queue=entries, write_queue=entries)
        work = kernel_run(memory, requests)
        work()
        rows.append([entries, f"{best(work, 3) * 1e9 / len(requests.addr):.0f}"])
    return rows


def long_run(requests: int) -> list[list[object]]:
    """Linear in requests, flat in memory: uniform random reads, streamed."""
    memory = system("ramulator2:ddr4_2400_frfcfs32")
    rows = []
    for n in (requests // 100, requests // 10, requests):
        began = time.process_time()
        result = replay_requests(memory, _stream(n))
        seconds = time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append([f"{n:,}", f"{seconds:.2f}", f"{seconds / n * 1e9:.0f}", f"{peak:.0f}", f"{result.cycles:,}"])
    return rows


def _stream(n: int) -> Iterator[Requests]:
    for part in generate_chunks("random", n, seed=1):
        yield Requests(part["addr"], part["is_write"]) if isinstance(part, dict) else part


REPEATS = 5
"""Of a trace replayed in threads, so that what happens once for a replay does not count."""


def threads() -> list[list[object]]:
    """Two threads against one: wall time, and what it would be if no other process had the cores.

    The second is CPU time of one thread over (CPU time of the caller + half of what the two others took). Beside them
    what the caller does alone, and what two kernels gain that share nothing: no more is to be had of the machine.
    """
    rows = []
    for channels in (2, 4):
        memory = DramSystem(load_config({"dram": {"preset": "ddr4-2400r-8gb-x8", "channels": channels}}).config.dram)
        for name in ("a_stream", "b_random", "c_mix8"):
            trace = golden_trace(name)
            requests = Requests(np.tile(trace["addr"], REPEATS), np.tile(trace["is_write"], REPEATS))
            (wall, cpu, _), (wall_2, cpu_2, caller) = (best_times(memory, requests, count) for count in (1, 2))
            alone = cpu / (caller + (cpu_2 - caller) / 2)
            told = [f"{wall / wall_2:.2f}", f"{alone:.2f}", ">= 1.7", f"{caller / cpu:.0%}", f"{apart(requests):.2f}"]
            rows.append([f"{channels} channels, {name}", *told])
    return rows


def apart(requests: Requests) -> float:
    """Gain in wall time of two kernels, each on a memory and requests of its own, at once instead of in turn."""
    memory = system("ramulator2:ddr4_2400_frfcfs32")
    works = [kernel_run(memory, requests) for _ in range(2)]
    seconds: dict[str, list[float]] = {"in turn": [], "at once": []}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(7):
            for name, spread in (("in turn", map), ("at once", pool.map)):
                began = time.perf_counter()
                list(spread(lambda work: work(), works))
                seconds[name].append(time.perf_counter() - began)
    return min(seconds["in turn"]) / min(seconds["at once"])


def best_times(memory: DramSystem, requests: Requests, count: int) -> list[float]:
    """Least wall time, CPU time and CPU time of the calling thread, of several replays on `count` threads."""
    clocks = (time.perf_counter, time.process_time, time.thread_time)
    rounds = []
    for _ in range(6):
        began = [clock() for clock in clocks]
        replay_requests(memory, [requests], threads=count)
        rounds.append([clock() - start for clock, start in zip(clocks, began, strict=True)])
    return [min(column) for column in zip(*rounds, strict=True)]


def show_rates(write: bool) -> None:
    """Requests per second."""
    memory = system("ramulator2:ddr4_2400_frfcfs32")
    head = ["golden trace (DDR4-2400, FRFCFS, 32 entries)", "kernel, M/s", "replay, M/s", "floor, M/s"]
    publish("DRAM engine", f"{COMMAND} --write --long", markdown(head, rates(memory)), write)


def show_queues(write: bool) -> None:
    """Queue depth."""
    text = markdown(["queue entries", "ns per random request"], queue_depths())
    publish("Queue depth", f"{COMMAND} --write --long", text, write)


def show_banks(write: bool) -> None:
    """Families with more banks."""
    head = ["preset ramulator2:", "banks", "a_stream, ns (ratio)", "b_random, ns (ratio)", "c_mix8, ns (ratio)"]
    publish("Banks", f"{COMMAND} --only banks --write", markdown(head, banks()), write)


def show_profile(write: bool) -> None:
    """Steps of the kernel per request."""
    head = [
        "preset ramulator2:, trace",
        "ns per request",
        "ns per clock looked at",
        *(f"{x} per request" for x in STEPS),
    ]
    publish("DRAM profile", f"{COMMAND} --only profile --write", markdown(head, profile()), write)


def show_threads(write: bool) -> None:
    """Channels in threads."""
    head = ["two threads against one", "wall time", "cores to itself", "wanted", "caller alone", "kernels apart"]
    publish("Channels in threads", f"{COMMAND} --only threads --write", markdown(head, threads()), write)


def show_peers(write: bool) -> None:
    """Other simulators; a table that could not be measured replaces none that was."""
    rows, missing = compare()
    for note in missing:
        print(note)
    if rows:
        text = "\n\n".join([markdown(HEAD, rows), *missing])
        publish("Other simulators", f"{COMMAND} --only peers --write", text, write)


def show_long(write: bool) -> None:
    """A long run."""
    head = ["random reads", "CPU s", "ns each", "peak MB", "DRAM clocks"]
    publish("Long runs", f"{COMMAND} --write --long", markdown(head, long_run(100_000_000)), write)


COMMAND = "python benchmarks/dram.py"
SECTIONS = {
    "rates": show_rates,
    "banks": show_banks,
    "profile": show_profile,
    "queues": show_queues,
    "threads": show_threads,
    "peers": show_peers,
    "long": show_long,
}


def main() -> None:
    """Run and print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    parser.add_argument("--long", action="store_true", help="add the 100 M request run")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="this section only (repeatable)")
    options = parser.parse_args()
    for name in options.only or [name for name in SECTIONS if name != "long" or options.long]:
        SECTIONS[name](options.write)


if __name__ == "__main__":
    main()
