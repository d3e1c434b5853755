"""`edensim eden map` with partitions of chips, from the configuration to the simulated energy."""

import re

import pytest

from edensim.config import load_config
from edensim.eden.site import Site
from edensim.system.run import run
from edensim.workloads import load_network

CONFIG = """
machine = {{ preset = "eyeriss-eden" }}
dram = {{ preset = "ddr4-2400r-8gb-x8" }}
partition = [{{ name = "pair", chips = [0, 1] }}, {{ name = "one", chips = [7] }}]
errors = {{ chip = "eden" }}
[eden]
network = "lenet"
vdd = [0.978, 0.889]
tolerable = {{ "*" = 0.025 }}
mapping = "{mapping}"
"""


def test_from_the_configuration_to_the_simulated_energy(edensim, tmp_path):
    """The mapped configuration runs, its errors have the mean rate, and saves what was estimated."""
    (tmp_path / "chips.toml").write_text(CONFIG.format(mapping="coarse"))
    told = edensim("eden", "map", "chips.toml", "--out", "out", "--json")
    assert told.code == 0, told.err
    mapping = told.json
    assert len({part["vdd"] for part in mapping["parts"].values()}) == 2
    assert mapping["metadata_bytes"] == 4  # VDD and tRCD of the module, VDD of two supplies: 28 bits
    shares = {"module": 5 / 8, "pair": 2 / 8, "one": 1 / 8}
    rate = sum(shares[name] * part["ber"] for name, part in mapping["parts"].items())
    assert 0.015 < rate <= 0.025
    data = run(tmp_path / "out" / "mapped.toml").data
    assert data["errors"]["partitions"]["module"]["expected_ber"] == pytest.approx(rate)
    # 5 standard deviations of some 3 Mbit read are 1.8 % (false alarm 6e-7), and banks differ a little.
    assert data["errors"]["ber"] == pytest.approx(rate, rel=0.03)
    supplies = ("operating_point", "partition.0", "partition.1")
    nominal = run(load_config(tmp_path / "out" / "mapped.toml", set=[f"{table}.vdd=1.2" for table in supplies])).data
    saving = 1 - data["energy_pj"]["total"] / nominal["energy_pj"]["total"]
    assert saving == pytest.approx(mapping["estimated_saving"], abs=0.002)


def test_a_mapping_of_tensors_is_refused(edensim, tmp_path):
    """Chips hold no whole tensor."""
    (tmp_path / "chips.toml").write_text(CONFIG.format(mapping="greedy"))
    told = edensim("eden", "map", "chips.toml", "--out", "out")
    assert told.code == 2
    assert 'expected mapping = "coarse", which chooses their supplies' in told.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "partitions",
    [
        '[{ name = "a", rank = [0], chips = [0, 1] }]',
        '[{ name = "a", chips = [0] }, { name = "b", rank = [1], chips = [1] }]',
    ],
)
def test_ranks_that_differ_are_refused_at_once(edensim, tmp_path, partitions):
    """Before anything is trained: every tensor lies in all ranks."""
    text = CONFIG.format(mapping="coarse").replace('-x8" }', '-x8", ranks = 2 }')
    (tmp_path / "chips.toml").write_text(re.sub(r"partition = .*", f"partition = {partitions}", text))
    told = edensim("eden", "map", "chips.toml", "--out", "out")
    assert told.code == 2
    assert "are not the same chips in every rank" in told.err


def test_supplies_of_the_configuration_are_no_part_of_the_choice(edensim, tmp_path):
    """A VDD or a delta that stands there is replaced, and changes neither the mapping nor what is nominal."""
    mappings, energies = [], []
    for k, extra in enumerate(("", ", vdd = 0.889", ", delta_vdd = -0.1")):
        text = CONFIG.format(mapping="coarse").replace("chips = [7]", "chips = [7]" + extra)
        (tmp_path / "chips.toml").write_text(text)
        told = edensim("eden", "map", "chips.toml", "--out", f"out{k}", "--json")
        assert told.code == 0, told.err
        mappings.append({key: value for key, value in told.json.items() if key != "folder"})
        energies.append(Site(load_config("chips.toml"), load_network("lenet")).nominal["energy_pj"])
        assert edensim("run", f"out{k}/mapped.toml", "--no-figures", "--out", f"run{k}").code == 0
    assert mappings[0] == mappings[1] == mappings[2]
    assert energies[0] == energies[1] == energies[2]


def test_all_chips_in_partitions(edensim, tmp_path):
    """None is left for the module, which takes the point of one of them and no place in the controller."""
    text = re.sub(
        r"partition = .*", 'partition = [{ name = "lo", chips = "0:4" }, { name = "hi", chips = "4:8" }]',
        CONFIG.format(mapping="coarse"),
    )  # fmt: skip
    (tmp_path / "chips.toml").write_text(text)
    mapping = edensim("eden", "map", "chips.toml", "--out", "out", "--json").json
    assert mapping["parts"]["module"] == mapping["parts"]["lo"]
    assert "nominal" not in mapping["basis"]
    assert mapping["metadata_bytes"] == 3  # two VDD and one tRCD: 20 bits
