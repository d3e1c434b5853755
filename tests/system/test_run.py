"""A whole run: every promised key, sums that hold, and physics in the right direction."""

import json

import numpy as np
import pytest

from edensim.config import load_config
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from edensim.machines import LayerPlan
from edensim.system.result import Result
from edensim.system.run import record_requests, run

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="whole networks need compiled kernels")

BASE = {
    "workload": {"network": "lenet", "precision": "int8", "batch": 4},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
}
KEYS = [
    "time_ns",
    "cycles",
    "requests",
    "bytes",
    "row",
    "read_latency_ns",
    "bandwidth_gb_s",
    "commands",
    "energy_pj",
    "operating_point",
    "compare",
    "config_hash",
    "version",
    "wall_s",
]


def result(*overrides: str, machine: str = "eyeriss-eden", **tables: object) -> Result:
    return run(load_config({**BASE, "machine": {"preset": machine}, **tables}, set=list(overrides)))


@pytest.fixture(scope="module")
def nominal() -> Result:
    return result()


def test_every_promised_key(nominal: Result) -> None:
    """The keys of the contract are there, nested ones too, and the whole is JSON without NaN."""
    data = nominal.data
    assert set(KEYS) <= set(data)
    assert set(data["requests"]) == {"read", "write"}
    assert set(data["bytes"]) == {"read", "write", "by_kind"} and set(data["bytes"]["by_kind"]) == {
        "weights",
        "ifm",
        "ofm",
    }
    assert set(data["row"]) == {"hit", "miss", "conflict"}
    assert set(data["read_latency_ns"]) == {"mean", "p50", "p99"}
    assert set(data["energy_pj"]) == {"act", "pre", "rd", "wr", "ref", "background", "io", "total"}
    json.dumps(data, allow_nan=False)


def test_sums(nominal: Result) -> None:
    """Components make the total; layers make the network; bytes make the requests; the timeline holds every request."""
    data = nominal.data
    energy = dict(data["energy_pj"])
    assert energy.pop("total") == pytest.approx(sum(energy.values()), rel=1e-12)
    assert sum(x["energy_pj"]["total"] for x in data["layers"]) == pytest.approx(data["energy_pj"]["total"], rel=1e-9)
    assert sum(x["time_ns"] for x in data["layers"]) == pytest.approx(data["time_ns"], rel=1e-12)
    moved = data["bytes"]
    assert moved["read"] + moved["write"] == sum(moved["by_kind"].values()) == 64 * sum(data["requests"].values())
    line = data["timeline"]
    assert sum(line["bytes_read"]) <= moved["read"] and sum(line["bytes_write"]) <= moved["write"]
    assert sum(line["row_hit"]) == data["row"]["hit"]
    assert sum(line["row_hit"]) + sum(line["row_other"]) == sum(data["row"].values())


def test_chunks_of_a_program_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs handed over 1, 3 or 100 tiles at a time: the whole result is equal, spilled sums included."""
    found = []
    for length in (1, 3, 100):
        monkeypatch.setattr(LayerPlan, "programs", lambda self, n=length: self.program.chunks(max_tiles=n))
        data = result("machine.buffer_bytes=4096").data
        data.pop("wall_s")
        found.append(data)
    assert max(x["tiles"] for x in found[0]["layers"]) > 100
    assert found[0] == found[1] == found[2]


def test_what_limits_alexnet_is_what_the_presets_say() -> None:
    """Eyeriss: loads cost 0.06 % of the time, fully connected layers 76 %, at 2 % use. TPU: loads cost 89 %."""
    workload = {"network": "alexnet", "precision": "int8"}
    eyeriss, tpu = (result(machine=m, workload=workload).data for m in ("eyeriss-eden", "tpu-eden"))
    connected = [x for x in eyeriss["layers"] if x["name"].startswith("fc")]
    assert round(100 * eyeriss["load_wait_ns"] / eyeriss["time_ns"], 2) == 0.06
    assert round(100 * sum(x["time_ns"] for x in connected) / eyeriss["time_ns"]) == 76
    assert {round(100 * x["utilization"]) for x in connected} == {2}
    assert round(100 * tpu["load_wait_ns"] / tpu["time_ns"]) == 89


@pytest.mark.parametrize("machine", ["eyeriss-eden", "tpu-eden"])
def test_traffic_is_never_below_the_bound(machine: str) -> None:
    """Lines really moved, layer by layer, are at least the lower bound of uncompressed traffic."""
    for entry in result(machine=machine).data["layers"]:
        assert entry["bytes"]["read"] + entry["bytes"]["write"] >= entry["lower_bound_bytes"]


def test_repeated_runs_are_equal(nominal: Result) -> None:
    """Same configuration, same numbers to the last bit (wall time aside)."""
    again = dict(result().data)
    first = dict(nominal.data)
    assert again.pop("wall_s") > 0 and first.pop("wall_s") > 0
    assert json.dumps(again) == json.dumps(first)


def test_lower_vdd_saves_energy_and_no_time(nominal: Result) -> None:
    """VDD changes no timing; components on the scaled rail fall by less than or exactly (V/V0)^2, I/O not at all."""
    low = result("operating_point.vdd=1.05").data
    assert low["time_ns"] == nominal.data["time_ns"]
    ratio = (1.05 / 1.2) ** 2
    for name in ("act", "rd", "wr", "background"):
        assert ratio * 0.999 <= low["energy_pj"][name] / nominal.data["energy_pj"][name] < 1
    assert low["energy_pj"]["io"] == nominal.data["energy_pj"]["io"]
    assert low["operating_point"]["vdd"] == 1.05


def test_lower_trcd_saves_time_when_latency_is_exposed() -> None:
    """With one request under way at a time every row miss pays tRCD, so 8.5 ns instead of 13.32 ns shortens the run."""
    exposed = ["machine.dma_outstanding=1", "machine.double_buffered=false"]
    slow, fast = result(*exposed).data, result(*exposed, "operating_point.tRCD_ns=8.5").data
    assert fast["time_ns"] < slow["time_ns"]
    assert fast["read_latency_ns"]["mean"] < slow["read_latency_ns"]["mean"]
    opened = slow["commands"]["ACT"]
    assert slow["time_ns"] - fast["time_ns"] <= opened * (13.32 - 8.5 + 2 * 0.834)


def test_compare_prints_the_saving() -> None:
    """[compare.NAME] gives the same keys and the shares saved; relative deltas follow EDEN's Table 3."""
    data = result(compare={"eden": {"delta_vdd": -0.30, "delta_tRCD_ns": -4.5}}).data
    eden = data["compare"]["eden"]
    assert eden["operating_point"]["vdd"] == pytest.approx(1.2 * (1 - 0.30 / 1.35))
    assert eden["operating_point"]["tRCD_ns"] == pytest.approx(13.32 * (1 - 4.5 / 12.5))
    assert eden["saving"]["energy_pj"] == pytest.approx(1 - eden["energy_pj"]["total"] / data["energy_pj"]["total"])
    assert 0.05 < eden["saving"]["energy_pj"] < 1 - (eden["operating_point"]["vdd"] / 1.2) ** 2
    assert set(KEYS) - {"compare", "config_hash", "version", "wall_s"} <= set(eden)


@pytest.mark.parametrize("name", ["main", "nominal", "operating_point"])
def test_compared_points_cannot_take_the_place_of_the_main_one(name: str) -> None:
    """[compare.main] would overwrite the main point's results: the name is refused."""
    with pytest.raises(ConfigError, match="expected another name"):
        result(compare={name: {"vdd": 1.0}})


def test_partition_changes_energy_of_its_banks_only() -> None:
    """Weights in a low-voltage partition: the run stays legal, and energy falls less than with the whole module low."""
    half = {"name": "low", "banks": "0:8", "vdd": 1.0}
    part = result(partition=[half], placement={"weights": "low"}).data
    placed = result(partition=[{**half, "vdd": 1.2}], placement={"weights": "low"}).data
    whole = result("operating_point.vdd=1.0").data
    assert part["time_ns"] == placed["time_ns"]
    assert whole["energy_pj"]["total"] < part["energy_pj"]["total"] < placed["energy_pj"]["total"]
    assert part["operating_point"]["partitions"]["low"]["vdd"] == 1.0
    mine, before = ({name: x["energy_pj"] for name, x in p["partitions"].items()} for p in (part, placed))
    assert mine["low"]["act"] < before["low"]["act"] and mine["module"] == before["module"]


def test_all_problems_of_all_points_at_once() -> None:
    """Impossible voltages of two points are reported together, each with its table."""
    with pytest.raises(ConfigError) as caught:
        result("operating_point.vdd=2.0", compare={"bad": {"vdd": 3.0}})
    assert "[operating_point]" in str(caught.value) and "[compare.bad]" in str(caught.value)


def test_a_memory_without_currents_is_refused_before_it_runs() -> None:
    """A parity preset has no power table: the error comes at once, and a trace can be recorded all the same."""
    tables = {**BASE, "dram": {"preset": "ramulator2:ddr4_2400_frfcfs32"}}
    with pytest.raises(ConfigError, match="no currents"):
        run(load_config(tables), progress=lambda *_: pytest.fail("has begun"))


def test_recorded_requests_are_the_run() -> None:
    """The recorded trace holds every request once, in order of time, with physical addresses inside the memory."""
    parts: list = []
    resolved = load_config(BASE)
    simulation = record_requests(resolved, parts.append)
    log = np.concatenate(parts)
    data = simulation.report()
    assert len(log) == sum(data["requests"].values())
    assert (np.diff(log[:, 0]) >= 0).all()
    assert log[:, 1].max() < simulation.system.geometry.lines
    assert int(log[:, 2].sum()) == data["requests"]["write"]


def test_tidy_frame(nominal: Result) -> None:
    """The frame has one row per point, layer, metric and component; its numbers are those of the data."""
    frame = nominal.to_frame()
    assert list(frame.columns) == ["point", "layer", "metric", "component", "value", "unit"]
    total = frame.query("layer == '' and metric == 'energy_pj' and component == 'total'")["value"]
    assert total.tolist() == [nominal.data["energy_pj"]["total"]]
