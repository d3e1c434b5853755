"""Digests of the files a result depends on."""

import hashlib

import pytest

from edensim.config import load_config
from edensim.study.provenance import input_digests
from edensim.study.sweep.point import Digests

ROW = "A,8,8,3,3,4,2,1,\n"


@pytest.mark.parametrize("place", ["beside the configuration", "in the working directory"])
def test_network_files_are_digested_wherever_they_are_found(tmp_path, monkeypatch, place):
    """A network is looked for beside its configuration, then in the working directory; either file is recorded."""
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    network = (tmp_path if place == "in the working directory" else tmp_path / "configs") / "net.csv"
    network.write_text(ROW)
    config = tmp_path / "configs" / "c.toml"
    config.write_text('[workload]\nnetwork = "net.csv"\n[dram]\npreset = "ddr4-2400r-8gb-x8"\n')
    digests = {"net.csv": hashlib.sha256(ROW.encode()).hexdigest()}
    assert input_digests(load_config(config)) == Digests().of(load_config(config)) == digests
    network.unlink()
    assert Digests().of(load_config(config)) == {}


def test_file_that_is_not_read_is_not_an_input(tmp_path):
    """A file that happens to have the name of a built-in network has nothing to do with the result."""
    (tmp_path / "lenet").write_text("mine")
    config = tmp_path / "c.toml"
    config.write_text('[workload]\nnetwork = "lenet"\n[dram]\npreset = "ddr4-2400r-8gb-x8"\n')
    assert input_digests(load_config(config)) == {}
