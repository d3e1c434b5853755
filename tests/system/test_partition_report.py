"""Partitions of a run: what they hold, move and cost; chips with their own supply; what cannot follow a lower VDD."""

import numpy as np
import pytest

from edensim.config import load_config
from edensim.config.schema import Dram
from edensim.dram.controller import DramSystem
from edensim.dram.energy import COMPONENTS, EnergyModel
from edensim.dram.replay import replay_requests
from edensim.dram.trace import Requests
from edensim.jit import JIT_DISABLED
from edensim.memory import resolve_operating_state
from edensim.system.partition_report import partition_report, supply_warnings
from edensim.system.replay import replay_trace
from edensim.system.run import run

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="whole networks need compiled kernels")

BASE = {
    "workload": {"network": "lenet"},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
}
LOW = {"name": "low", "banks": "0:8", "vdd": 1.05}


def result(**tables):
    return run(load_config({**BASE, **tables})).data


def check_sums(data):
    """Energies with the shared part are the total, component by component; bytes are what crossed the bus."""
    parts, total = data["partitions"].values(), data["energy_pj"]
    for name in COMPONENTS:
        shared = data["shared_energy_pj"].get(name, 0.0)
        assert sum(part["energy_pj"][name] for part in parts) + shared == pytest.approx(total[name], rel=1e-12)
    for part in parts:
        assert part["energy_pj"]["total"] == pytest.approx(sum(part["energy_pj"][name] for name in COMPONENTS))
    for name in ("read", "write"):
        assert sum(part["bytes"][name] for part in parts) == pytest.approx(data["bytes"][name], abs=64 * len(parts))


def test_placed_partitions():
    """Each kind in its own banks: tensors, bytes stored, bytes moved and operating point of each partition."""
    data = result(partition=[LOW | {"tRCD_ns": 9.0}], placement={"weights": "low"})
    check_sums(data)
    low, module = data["partitions"]["low"], data["partitions"]["module"]
    assert (low["operating_point"]["vdd"], low["operating_point"]["tRCD_ns"]) == (1.05, 9.0)
    assert set(low["tensors"]) == {f"{layer}.weights" for layer in ("conv1", "conv2", "ip1", "ip2")}
    assert low["stored_bytes"] == sum(low["tensors"].values()) == 430_500
    assert low["bytes"] == {"read": data["bytes"]["by_kind"]["weights"], "write": 0}
    assert set(low["tensors"]).isdisjoint(module["tensors"])
    assert module["stored_bytes"] < sum(module["tensors"].values())  # maps that are output and input are stored once


def test_tensors_anywhere_are_where_their_addresses_are():
    """Without [placement] tensors lie from address 0 on: with row bits on top, in the first subarray of all banks."""
    halves = [{"name": name, "subarrays": [k]} for k, name in enumerate(("first", "second"))]
    data = result(partition=halves)
    check_sums(data)
    first, second = data["partitions"]["first"], data["partitions"]["second"]
    assert not second["tensors"] and second["bytes"] == {"read": 0, "write": 0}
    assert first["bytes"]["read"] == data["bytes"]["read"]
    assert second["energy_pj"]["rd"] == second["energy_pj"]["act"] == 0
    # refreshes go by rows: both subarrays have as many
    assert second["energy_pj"]["ref"] == pytest.approx(first["energy_pj"]["ref"])
    by_banks = result(partition=[{"name": "even", "banks": [0, 2, 4, 6, 8, 10, 12, 14]}])
    check_sums(by_banks)
    even, rest = by_banks["partitions"]["even"], by_banks["partitions"]["module"]
    assert even["tensors"]["ip1.weights"] + rest["tensors"]["ip1.weights"] == 400_000
    assert min(even["tensors"]["ip1.weights"], rest["tensors"]["ip1.weights"]) > 190_000


def test_chips_of_a_run():
    """Half of the chips low: nothing moves elsewhere, they carry half of each burst, and all they draw on VDD falls."""
    chips = {"name": "half", "chips": "0:4", "vdd": 0.6}
    data, nominal = result(partition=[chips]), result()
    check_sums(data)
    half, module = data["partitions"]["half"], data["partitions"]["module"]
    assert data["time_ns"] == nominal["time_ns"]
    assert half["bytes"] == module["bytes"]
    assert half["tensors"] == {} and half["stored_bytes"] == 0
    vdd = nominal["energy_report"]["by_rail_pj"]["VDD"]
    saved = nominal["energy_pj"]["total"] - data["energy_pj"]["total"]
    assert saved == pytest.approx(0.75 * sum(vdd.values()) / 2, rel=1e-9)
    assert data["warnings"] == []


def test_a_lowered_partition_warns_of_what_stays():
    """The share in the warning is the part of the energy that lowering the partition to nothing would leave."""
    data = result(partition=[LOW], compare={"deep": {"vdd": 1.0}, "all": {"vdd": 1.05}})
    (warning, other) = data["warnings"]
    assert "partition 'low' runs at 1.05 V, but channel 0, rank 0 keeps 1.2 V, the highest VDD of its banks" in warning
    rest = result(partition=[LOW | {"vdd": 1e-9}])["energy_pj"]["total"] / data["energy_pj"]["total"]
    assert f"{rest:.1%} of the energy there does not follow" in warning
    assert other.startswith("[compare.deep] partition 'module' runs at 1 V, but channel 0, rank 0 keeps 1.05 V")
    assert data["compare"]["all"]["warnings"] == []


def test_no_partition_no_report():
    """Without partitions there is nothing to divide and nothing to warn of."""
    data = result()
    assert "partitions" not in data and "shared_energy_pj" not in data
    assert data["warnings"] == []


def test_partitions_in_the_tidy_table():
    """Energies and bytes of partitions have metrics of their own, so that components still add up to the total."""
    frame = run(load_config({**BASE, "partition": [LOW]})).to_frame()
    parts = frame[frame["metric"] == "partition_energy_pj"]
    total = frame.query("layer == '' and metric == 'energy_pj' and component == 'total'")["value"].sum()
    totals = parts[parts["component"].isin(["low.total", "module.total"])]["value"]
    assert 0 < totals.sum() < total
    assert set(frame[frame["metric"] == "partition_bytes"]["unit"]) == {"byte"}


def test_partitions_of_a_replay():
    """A trace in one bank of rank 1: that rank's partition moves all of it; ranks are told apart in the warning."""
    table = {"dram": {**BASE["dram"], "ranks": 2, "address_map": "RoBaRaCoCh"}}
    two = [{"name": "one", "rank": [1], "banks": [0]}, {"name": "low", "banks": [3], "vdd": 1.0}]
    resolved = load_config({**table, "partition": two})
    addresses = np.arange(64, dtype=np.uint64) * np.uint64(64) + np.uint64(8192)
    data, _ = replay_trace(resolved, [Requests(addresses, np.zeros(64, np.uint8))])
    assert data["partitions"]["one"]["bytes"] == {"read": 4096, "write": 0}
    assert data["partitions"]["low"]["bytes"]["read"] == data["partitions"]["module"]["bytes"]["read"] == 0
    (warning,) = data["warnings"]
    assert "but 2 ranks keep up to 1.2 V, the highest VDD of their banks" in warning


def test_shares_of_one_bank():
    """Closed form: three partitions in every bank; reads go by what they hold per row, refreshes by rows."""
    config = load_config({"dram": BASE["dram"], "partition": [{"name": "a", "subarrays": [0]}]}).config
    dram: Dram = config.dram
    system = DramSystem(dram, resolve_operating_state(dram, config.operating_point, config.partition))
    done = replay_requests(system, [Requests(np.arange(8, dtype=np.uint64) * np.uint64(64), np.zeros(8, np.uint8))])
    breakdown = EnergyModel(dram, system.state).price(done.counters)
    report = partition_report(system, done.counters, breakdown)["partitions"]
    share = 1 / system.geometry.subarrays
    for name in COMPONENTS:
        own = breakdown.by_bank[name].sum()
        assert report["a"]["energy_pj"][name] == pytest.approx(own * share)
        assert report["module"]["energy_pj"][name] == pytest.approx(own * (1 - share))
    assert supply_warnings(dram, config.energy, system, done.counters) == []
