"""`edensim eden map` with partitions of chips, from the configuration to the simulated energy."""

import pytest

from edensim.config import load_config
from edensim.system.run import run

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
    # Tensors are some 100 kB: 5 standard deviations of the bits read (false alarm 6e-7), and banks differ a little.
    assert data["errors"]["ber"] == pytest.approx(rate, rel=0.06)
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
