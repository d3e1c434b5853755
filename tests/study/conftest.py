"""A result with invented but consistent numbers, so that files and figures are tested without a simulation."""

import copy
from types import SimpleNamespace

import pytest

ENERGY = {"act": 40.0, "pre": 10.0, "rd": 90.0, "wr": 25.0, "ref": 15.0, "background": 60.0, "io": 60.0, "total": 300.0}


def point(scale: float, vdd: float, basis: str) -> dict:
    return {
        "time_ns": 4000.0,
        "energy_pj": {name: value * scale * 1e4 for name, value in ENERGY.items()},
        "operating_point": {"vdd": vdd, "tRCD_ns": 13.32, "basis": basis},
    }


def layer(name: str, time_ns: float, compute_ns: float, load_wait_ns: float, share: float) -> dict:
    return {
        "name": name,
        "time_ns": time_ns,
        "compute_ns": compute_ns,
        "load_wait_ns": load_wait_ns,
        "energy_pj": {part: value * share * 1e4 for part, value in ENERGY.items()},
    }


@pytest.fixture
def data() -> dict:
    """The main point and one compared point at 80 % of its energy."""
    main = point(1.0, 1.2, "nominal")
    main["compare"] = {"eden": point(0.8, 0.93, "scaled") | {"saving": {"energy_pj": 0.2, "time_ns": 0.0}}}
    main["timeline"] = {
        "bin_ns": 1000.0,
        "start_ns": [0.0, 1000.0, 2000.0, 3000.0],
        "bytes_read": [12000, 9000, 0, 3000],
        "bytes_write": [0, 3000, 0, 6000],
        "row_hit": [150, 100, 0, 30],
        "row_other": [10, 40, 0, 60],
        "power_mw": {part: [value * share * 10 for share in (2, 1, 0, 1)] for part, value in ENERGY.items()},
    }
    main["layers"] = [layer("conv1", 1500.0, 900.0, 400.0, 0.4), layer("fc", 2500.0, 300.0, 2200.0, 0.6)]
    return main | {"config_hash": "0123456789abcdef", "version": "0.1.0", "wall_s": 1.25}


def partition(scale: float, vdd: float, tensors: dict[str, int]) -> dict:
    return {
        "operating_point": {
            "vdd": vdd,
            "tRCD_ns": 13.32,
            "tRAS_ns": 32.0,
            "tRP_ns": 13.32,
            "basis": "nominal" if vdd == 1.2 else "scaled",
        },
        "energy_pj": {name: value * scale * 1e4 * (name != "background") for name, value in ENERGY.items()}
        | {"total": 240.0 * scale * 1e4},
        "bytes": {"read": 1000 * len(tensors), "write": 0},
        "stored_bytes": sum(tensors.values()),
        "tensors": tensors,
    }


@pytest.fixture
def divided(data: dict) -> dict:
    """The same with weights in a partition at 1.05 V at either point, and nothing in the remainder."""
    for k, point in enumerate((data, data["compare"]["eden"])):
        weights = {f"conv{n}.weights": 1000 * n for n in range(1, 7)}
        point["partitions"] = {"module": partition(0.1, 1.2 - 0.27 * k, {}), "low": partition(0.9, 1.05, weights)}
        point["shared_energy_pj"] = {"background": 60e4}
    return data


@pytest.fixture
def faulty(data: dict) -> dict:
    """The same with errors at the main point: twenty tensors, two banks of three in use."""

    def rate(bits: int, flips: int) -> dict:
        return {"ber": flips / bits, "bits_read": bits, "bits_flipped": flips}

    data["errors"] = rate(20_000, 210) | {
        "chip": "A",
        "model": None,
        "basis": "scaled",
        "scope": "row",
        "data": "random",
        "by_tensor": {f"conv{k}.weights": rate(1000, k) for k in range(1, 21)},
        "by_bank": {"bits_read": [[15_000, 0, 5_000]], "bits_flipped": [[150, 0, 60]]},
    }
    return data


class FakeResult:
    def __init__(self, data: dict) -> None:
        self.data, self.tensors = copy.deepcopy(data), {}

    def rows(self) -> list[tuple]:
        return [("main", "", "time_ns", "", self.data["time_ns"], "ns")]


@pytest.fixture
def result(data: dict) -> FakeResult:
    return FakeResult(data)


@pytest.fixture
def resolved() -> SimpleNamespace:
    """What `save` needs of a resolved configuration."""
    config = SimpleNamespace(
        seed=7, workload=None, machine=None, errors=None, tenant=[], model_dump=lambda **_: {"seed": 7}
    )
    return SimpleNamespace(
        name="tiny", hash="0123456789abcdef", config=config, origins={"seed": "default"}, path=None, base_folder="."
    )
