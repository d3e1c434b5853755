"""Switches of the operating point in a closed loop."""

import pytest

import edensim as es
from edensim.jit import JIT_DISABLED

LENET = {
    "workload": {"network": "lenet"},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "errors": {"chip": "A"},
}


@pytest.mark.skipif(JIT_DISABLED, reason="a whole network")
@pytest.mark.parametrize("mode", ["drained", "blocking"])
def test_reads_fail_and_cost_by_the_point_that_held(mode):
    """Nominal for a while, then far below: no error in the layers before, some later; parts and layers add up."""
    switch = {"at_ns": 400_000.0, "mode": mode, "settle_ns": 1000.0, "vdd": 0.8}
    data = es.run(LENET | {"switch": [switch]}).data
    (told,) = data["switches"]
    assert told["since_ns"][0] - told["quiet_ns"][0] == pytest.approx(1000.0)
    assert told["quiet_ns"][0] >= 400_000
    end, before, after = 0.0, [], []
    for layer in data["layers"]:
        end += layer["time_ns"]
        flipped = data["errors"]["by_layer"][layer["name"]]["bits_flipped"]
        (before if end < 400_000 else after).append(flipped)
    assert before
    assert set(before) == {0}
    assert sum(after) > 0
    parts = sum(part["energy_pj"]["total"] for part in data["phases"])
    assert parts == pytest.approx(data["energy_pj"]["total"])
    assert sum(layer["energy_pj"]["total"] for layer in data["layers"]) == pytest.approx(parts)
    assert sum(part["channel_ns"][0] for part in data["phases"]) == pytest.approx(data["time_ns"], rel=1e-5)
