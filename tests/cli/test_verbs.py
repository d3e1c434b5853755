"""Verbs that look and tell: show, schema, doctor, help, version."""

import errno
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edensim.cli.main import cli
from edensim.config import load_config
from edensim.version import __version__

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


def test_help_names_every_verb(edensim):
    """`edensim --help` lists what there is."""
    outcome = edensim("--help")
    assert outcome.code == 0
    for verb in ("run", "plot", "show", "schema", "doctor", "trace"):
        assert f"\n  {verb} " in outcome.out


def commands_of(group, prefix=""):
    """Names of all verbs, those below other verbs included."""
    for name, command in sorted(group.commands.items()):
        yield f"{prefix}{name}"
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{prefix}{name} ")


@pytest.mark.parametrize("verb", ["", *commands_of(cli)])
def test_help_of_every_verb_is_whole(edensim, verb):
    """Help exits with 0 and says how to call the verb; no line is cut, and no mark of its typesetting shows."""
    outcome = edensim(*verb.split(), "--help")
    assert outcome.code == 0
    assert f"Usage: edensim {verb}" in outcome.out
    out = re.sub(r"\[?[A-Z]+\]?\.\.\.", "", outcome.out)
    assert "..." not in out
    assert "\\b" not in out
    assert "\b" not in out


def test_verbs_stand_in_the_order_of_use(edensim):
    """`run` is what a newcomer looks for first; the alphabet would put it sixth."""
    commands = edensim("--help").out.split("Commands:")[1].split("\n")
    assert [line.split()[0] for line in commands if line][:3] == ["run", "sweep", "plot"]


def test_version(edensim):
    """The version goes to stdout."""
    assert edensim("--version").out == f"edensim {__version__}\n"


def test_help_imports_nothing_heavy():
    """--help must stay quick, so the libraries that take long to import stay out."""
    code = "import sys; from edensim.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "numba", "pandas", "matplotlib", "pydantic", "rich", "simpy", "onnx"}
    assert not heavy & set(done.stderr.split())


def test_importing_the_package_is_lazy():
    """`import edensim` loads none of them either."""
    code = "import edensim, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "numba", "pydantic", "click"} & set(done.stdout.split())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shown_configuration_loads_to_the_same(edensim, tmp_path, path):
    """What `show` prints is TOML with the hash of the configuration it shows."""
    outcome = edensim("show", path)
    assert outcome.code == 0
    again = tmp_path / "again.toml"
    again.write_text(outcome.out)
    assert load_config(again).hash == load_config(path).hash


def test_origins_name_file_preset_and_set(edensim, config):
    """Each value tells whether it comes from the file, a preset, --set or the defaults."""
    outcome = edensim("show", config, "--origins", "--set", "dram.channels=2")
    lines = {line.split(" = ")[0]: line for line in outcome.out.splitlines() if " = " in line}
    assert "small.toml:4" in lines["network"]
    assert "--set" in lines["channels"]
    assert "default" in lines["address_wrap"]
    assert "preset ddr4-2400r-8gb-x8" in lines["channel_width_bits"]
    assert "organisation ddr4-8gb-x8" in lines["density_mbit"]
    assert tomllib.loads(outcome.out)["dram"]["channels"] == 2


def test_show_json(edensim, config):
    """`show --json` gives configuration, hash and, when asked, origins."""
    data = edensim("show", config, "--json", "--origins").json
    assert data["config"]["workload"]["network"] == "lenet"
    assert data["config_hash"] == load_config(config).hash
    assert data["origins"]["workload.network"].endswith("small.toml:4")


def test_show_workload(edensim):
    """AlexNet: eight layers, and 61,100,840 parameters as in torchvision."""
    text = edensim("show", "workload", "alexnet").out
    assert "61,100,840 parameters" in text
    data = edensim("show", "workload", "alexnet", "--json", "--precision", "fp32", "--batch", "2").json
    assert len(data["layers"]) == 8
    assert data["totals"]["parameter_bytes"] == 4 * 61_100_840
    assert data["totals"]["macs"] == 2 * 714_188_480


def test_show_lists(edensim):
    """Without a name, `show` lists what is shipped."""
    assert {"alexnet", "yolov3-tiny", "vgg16"} <= edensim("show", "workload", "--json").json.keys()
    assert "eyeriss-eden" in edensim("show", "machine", "--json").json["machine"]
    assert "ramulator2:ddr4_2400_rowhit32" in edensim("show", "dram").out.split()
    listed = edensim("show", "dram", "--json").json["dram"]["gddr6-14000-8gb-x16"]
    assert listed["peak_bandwidth_gb_s"] == pytest.approx(2 * 14000 * 16 / 8 / 1000)
    assert listed["unloaded_read_ns"] == pytest.approx((1 + 27 + 24 + 2) * 4 / 7)
    assert "Samsung" in listed["source"]
    assert "yolov3-tiny" in edensim("show", "workload").out


def test_show_presets(edensim):
    """A memory comes with its timings in clocks: 13.32 ns are 16 clocks of 0.833 ns."""
    data = edensim("show", "dram", "ddr4-2400r-8gb-x8", "--json").json
    assert data["clocks"]["nRCD"] == 16
    assert "13.32" in edensim("show", "dram", "ddr4-2400r-8gb-x8").out
    assert edensim("show", "machine", "eyeriss-eden", "--json").json["array_rows"] == 12


def test_schema(edensim, tmp_path):
    """The JSON schema knows every table; --out does not overwrite."""
    assert {"workload", "machine", "dram", "operating_point", "compare"} <= edensim("schema").json["properties"].keys()
    path = tmp_path / "schema.json"
    assert edensim("schema", "--out", path).code == 0
    assert json.loads(path.read_text())["title"] == "edensim configuration"
    assert edensim("schema", "--out", path).code == 2
    assert edensim("schema", "--out", path, "--force").code == 0


def test_doctor(edensim):
    """The report names versions, cache, disk and vector units; no problem here, so exit 0."""
    data = edensim("doctor", "--json").json
    assert data["versions"]["edensim"] == __version__
    assert data["disk_free_bytes"] > 0
    assert os.access(data["cache"], os.W_OK)
    assert edensim("doctor").code == (1 if data["problems"] else 0)


def test_doctor_reports_problems(edensim, monkeypatch):
    """A full disk is a problem, and a problem is exit code 1."""
    monkeypatch.setattr("edensim.cli.doctor.ENOUGH_BYTES", 1 << 62)
    outcome = edensim("doctor", "--json")
    assert outcome.code == 1
    assert "disk" in outcome.json["problems"][0]


def test_doctor_notices_a_cache_that_takes_nothing(edensim, monkeypatch):
    """A full disk under the kernel cache, and a cache that had to move, are problems with advice."""
    from edensim import kernel_cache

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(kernel_cache, "problems", {"/cache cannot be written (Read-only file system)": None})
    monkeypatch.setattr(kernel_cache, "probe", refuse)
    outcome = edensim("doctor", "--json")
    assert outcome.code == 1
    moved, full = outcome.json["problems"][-2:]
    assert "Read-only" in moved
    assert os.strerror(errno.ENOSPC) in full
    assert "EDENSIM_CACHE" in full


def test_run_with_such_a_cache_says_so_once(edensim, config, monkeypatch):
    """The note is one line, whatever the number of kernels; the result is printed all the same."""
    from edensim import kernel_cache

    monkeypatch.setattr(kernel_cache, "problems", dict.fromkeys(["/cache cannot be written (full)", "another"]))
    outcome = edensim("run", config, "--no-figures")
    assert outcome.code == 0
    assert [line for line in outcome.err.splitlines() if "cannot be written" in line] == [
        "edensim: compiled kernels: /cache cannot be written (full); this costs time, not results. "
        "`edensim doctor` tells more; EDENSIM_CACHE names another folder."
    ]


def test_doctor_warms_up(edensim):
    """--warm runs every kernel once and tells how long it took."""
    assert edensim("doctor", "--warm", "--json").json["warm_s"] >= 0
