"""Energy by rail, partition and kind, and the system around the memory."""

import numpy as np
import pytest

from edensim import load_config, run
from edensim.system.energy_report import HOROWITZ
from edensim.system.kinds import kind_of
from edensim.system.run import MAIN, operating_states, selected_network

SMALL = {
    "workload": {"network": "lenet", "layers": ["conv1"]},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
}


@pytest.fixture(scope="module")
def data():
    table = SMALL | {"partition": [{"name": "low", "banks": "0:8", "vdd": 1.05}]}
    return run(load_config(table)).data


def test_every_breakdown_is_the_whole(data):
    """Rails, ranks, banks and partitions with what all share, and kinds each make up the total."""
    report, total = data["energy_report"], data["energy_pj"]["total"]
    assert sum(map(sum, (x.values() for x in report["by_rail_pj"].values()))) == pytest.approx(total)
    assert sum(map(sum, report["by_rank_pj"])) == pytest.approx(total)
    own = sum(map(sum, report["by_bank_pj"]))
    assert own + data["shared_energy_pj"]["background"] == pytest.approx(total)
    assert set(data["partitions"]) == {"module", "low"}
    partitions = [part["energy_pj"] for part in data["partitions"].values()]
    assert data["shared_energy_pj"]["background"] + sum(x["total"] for x in partitions) == pytest.approx(total)
    assert sum(report["by_command_pj"].values()) == pytest.approx(total)
    assert sum(kind["total"] for kind in report["by_kind_pj"].values()) == pytest.approx(total)
    assert sum(report["by_tensor_pj"].values()) == pytest.approx(total)
    assert report["power_mw"] == pytest.approx(total / data["time_ns"])
    bits = 8 * (data["bytes"]["read"] + data["bytes"]["write"])
    assert report["energy_per_bit_pj"] == pytest.approx(total / bits)
    assert sum(x["power_mw"] * x["time_ns"] for x in data["layers"]) == pytest.approx(
        sum(x["energy_pj"]["total"] for x in data["layers"])
    )


def test_share_that_follows_vdd(data):
    """With the quadratic model it is the share of the rail VDD; with array_only less."""
    report = data["energy_report"]
    rail = sum(report["by_rail_pj"]["VDD"].values())
    assert report["follows_vdd_share"] == pytest.approx(rail / data["energy_pj"]["total"], rel=1e-6)
    array = run(load_config(SMALL | {"energy": {"voltage_model": "array_only"}})).data["energy_report"]
    assert 0 < array["follows_vdd_share"] < report["follows_vdd_share"]


def test_system_split(data):
    """Compute, buffers and DRAM sum up with the cited energies; keys replace them and are named as the source."""
    split = data["energy_report"]["system_pj"]
    macs = data["layers"][0]["macs"]
    assert split["compute"] == pytest.approx(0.23 * macs)
    assert split["dram"] == data["energy_pj"]["total"]
    assert split["total"] == pytest.approx(split["compute"] + split["sram"] + split["package"] + split["dram"])
    assert split["dram_share"] == pytest.approx(split["dram"] / split["total"])
    assert split["source"] == HOROWITZ
    own = {"mac_pj": 1.0, "sram_pj_per_byte": 2.0, "sram_bytes_per_mac": 3.0, "package_w": 1.5, "source": "a sheet"}
    split = run(load_config(SMALL | {"energy": {"system": own}})).data["energy_report"]["system_pj"]
    assert split["compute"] == macs
    moved = sum(data["bytes"][x] for x in ("read", "write"))
    assert split["sram"] == pytest.approx(2 * (moved + 3 * macs))
    assert split["package"] == pytest.approx(1500 * run(load_config(SMALL)).data["time_ns"])
    assert split["source"] == "a sheet"


def test_a_package_holds_compute_and_buffers():
    """With a package's power alone, no energy of compute or buffers is added from elsewhere, and no source claimed."""
    result = run(load_config(SMALL | {"energy": {"system": {"package_w": 40.0, "source": "a measurement"}}})).data
    split = result["energy_report"]["system_pj"]
    assert (split["compute"], split["sram"], split["source"]) == (0, 0, "a measurement")
    unnamed = run(load_config(SMALL | {"energy": {"system": {"package_w": 40.0}}})).data["energy_report"]
    assert unnamed["system_pj"]["source"] == "package_w: no source given"
    assert split["total"] == pytest.approx(40_000 * result["time_ns"] + result["energy_pj"]["total"])


def test_data_law_of_a_run(data):
    """Static data make HBM's law cheapen reads and writes of a run by 1.62, and the report names law and factors."""
    random = dict.fromkeys(("ones", "pins", "lines", "stack"), 0.5)
    none = {"law": "none", "rd": 1, "wr": 1, "seen": False, "read": random, "write": random}
    assert data["energy_report"]["data"] == none
    law = {"law": "ayna", "toggle_rate": 0.0}
    still = run(load_config(SMALL | {"energy": {"data": law}})).data
    plain = run(load_config(SMALL)).data
    assert still["energy_report"]["data"]["rd"] == pytest.approx(3.18 / (3.18 + 0.5 * (1.04 + 1.49 + 1.41)))
    vdd, vpp = (plain["energy_report"]["by_rail_pj"][rail]["rd"] for rail in ("VDD", "VPP"))
    assert still["energy_pj"]["rd"] == pytest.approx(vdd * still["energy_report"]["data"]["rd"] + vpp)
    assert still["energy_pj"]["background"] == plain["energy_pj"]["background"]
    assert "measured on HBM2 stacks" in still["warnings"][0]


def test_every_row_and_burst_belongs_to_a_kind():
    """Activations, reads and writes by kind are all there are, in every bank; only outputs are written."""
    resolved = load_config(SMALL)
    states = operating_states(resolved.config)
    kind = kind_of(resolved.config.machine)
    simulation = kind.simulation(resolved.config, selected_network(resolved), states[MAIN])
    simulation.run()
    counters = simulation.totals().counters
    by_kind = counters.by_tag.sum(axis=1)
    for found, want in zip(np.moveaxis(by_kind, 1, 0), (counters.n_rd, counters.n_wr, counters.n_act), strict=True):
        assert found.tolist() == want.tolist()
    assert not counters.by_tag[:, 0].any()
    weights, ifm, ofm = counters.by_tag.sum(axis=(0, 3))[1:].tolist()
    assert weights[1] == ifm[1] == 0 < min(weights[0], ifm[0], ofm[1], ofm[2])
