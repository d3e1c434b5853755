"""All problems of a configuration in one go, each with file and line, and none that another one causes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edensim.config import load_config
from edensim.config.keys import ROOT, Key, keys_in
from edensim.config.tree import show_path
from edensim.errors import ConfigError, InputError
from edensim.system.check import check_memory, check_recording, check_run, check_shown
from edensim.system.run import record_requests, run

GOOD = """\
[workload]
network = "lenet"
[machine]
preset = "eyeriss-eden"
[dram]
preset = "ddr4-2400r-8gb-x8"
"""
HALF = '[[partition]]\nname = "low"\nbanks = "0:8"\n'
PIECE = HALF.replace("8", "1") + "subarrays = [0]\n[placement]\nweights = 'low'\n[compare.a]\nvdd = 1\n"


def problems(text: str, folder: Path, check: Any = check_run) -> list[str]:
    """Problems of a file, without its folder."""
    path = folder / "x.toml"
    path.write_text(text)
    try:
        load_config(path, check=check)
    except ConfigError as error:
        return [problem.removeprefix(f"{folder}/") for problem in error.problems]
    return []


def expect(found: list[str], *expected: tuple[int, str]) -> None:
    """Each problem, in order, has its line and says the words."""
    assert [p.split(": ")[0] for p in found] == [f"x.toml:{line}" for line, _ in expected], "\n".join(found)
    for problem, (_, words) in zip(found, expected, strict=True):
        assert words in problem


def test_everything_at_once(tmp_path: Path) -> None:
    """A mistake for every resolver: each is told, with its own line, in the order of lines."""
    text = """\
[workload]
network = "alexnt"
[machine]
preset = "eyeriss-eden"
dataflow = "weight_stationary"
[dram]
preset = "ddr4-2400r-8gb-x8"
address_map = "RoBaCo"
[dram.timing]
tRAS_ns = 1
minimum_ck = { tFUN = 1 }
[dram.controller]
row_cap = 4
[operating_point]
vdd = 1.9
[compare.slow]
delta_vdd = 1
[energy]
currents = "typical"
[dram.power.rails.VPP]
IDD4R = 6000
[[partition]]
name = "low"
rank = [0]
banks = "8:17"
"""
    machine, row_cap = (5, 'machine.dataflow: found "weight_stationary"'), (13, "row_cap = 4 has no effect")
    network, partition = (2, "did you mean alexnet"), (25, "banks = '8:17': index 16 does not exist")
    supplies = [(15, "[operating_point]: vdd gives 1.9 V"), (17, "[compare.slow]: delta_vdd gives 2.08889 V")]
    order = (8, "dram.address_map = 'RoBaCo': missing Ra, Ch")
    expect(problems(text, tmp_path), network, machine, order, (11, "tFUN"), row_cap, *supplies, partition)
    text = text.replace("minimum_ck", "#")
    identities = (10, "nRC >= nRAS + nRP"), (10, "nRAS >= nRCD")
    expect(problems(text, tmp_path)[3:4], identities[1])
    text = text.replace("tRAS_ns = 1", "#")
    currents = (21, "dram.power.rails.VPP.IDD4R is 6000 mA")
    expect(problems(text, tmp_path), network, machine, order, row_cap, *supplies, currents, partition)
    text = text.replace("IDD4R = 6000", "#").replace("RoBaCo", "RoBaRaCoCh").replace("alexnt", "alexnet")
    text += "[placement]\nweights = 'low'\n[placement.tensors]\n'conv9.weights' = 'low'\n"
    expect(problems(text, tmp_path), machine, row_cap, *supplies, partition)
    text = text.replace("8:17", "8:16").replace("row_stationary", "#")
    expect(problems(text, tmp_path), machine, row_cap, *supplies, (28, "there is no tensor 'conv9.weights'"))


def test_schema_problems_do_not_hide_deeper_ones(tmp_path: Path) -> None:
    """An unknown key, an unknown network and an impossible voltage in one file are three messages."""
    text = GOOD.replace("lenet", "lenot") + "chanels = 2\n[operating_point]\nvdd = 1.5\n"
    found = problems(text, tmp_path)
    expect(found, (2, "did you mean lenet"), (7, "did you mean channels?"), (9, "vdd gives 1.5 V"))


def test_a_file_with_a_workload_only(tmp_path: Path) -> None:
    """Memory and machine are missing, and the network is unknown all the same; a recording needs them too."""
    for check in (check_run, check_recording):
        found = problems('[workload]\nnetwork = "lenot"\n', tmp_path, check)
        assert [p.split(";")[0].split("'")[0] for p in found] == [
            "x.toml: dram: missing",
            "x.toml: machine: missing",
            "x.toml:2: workload.network: unknown network ",
        ]
    found = problems(GOOD.replace("[workload]", "[worklaod]"), tmp_path)
    assert len(found) == 1 and "did you mean workload?" in found[0]  # so it is not called missing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "rows = 1000\n", [(7, "dram.rows = 1000 must be a power of two")]),
        (GOOD + "rows = 1024\n", [(7, "4 bank groups x 4 banks x 1024 rows")]),
        (GOOD + "channel_width_bits = 100\ncolumns = 1001\n", [(8, "dram.columns = 1001 must be a multiple")]),
        (GOOD + "standard = 'DDR9'\n", [(7, "did you mean")]),
        (GOOD + "ranks = 4\nbanks_per_group = 64\ndensity_mbit = 131072\n", [(7, "banks per channel")]),
        (GOOD + "[dram.timing]\ntRCD_ns = 100\n", [(8, "nRAS >= nRCD is violated")]),
        (GOOD + "[energy]\ncurrents = 'typical'\n[dram.power.rails.VDD]\nIDD4R = 0.1\n", [(10, "IDD4R is 0.1 mA")]),
        (GOOD.replace("ddr4", "lpddr4").replace("2400r-8gb-x8", "3200-8gb-x16") + "[energy]\ncurrents = 'typical'\n",
         [(8, "nobody has published")]),
        (GOOD.replace("ddr4-2400r-8gb-x8", "ramulator2:ddr4_2400_frfcfs32"), [(6, "has no currents")]),
        (GOOD.replace("ddr4-2400r-8gb-x8", "ramulator2:ddr4_2400_frfcfs32") + "[dram.timing_ck]\nnRCX = 3\n",
         [(8, "did you mean")]),
        (GOOD + "[compare.a]\ntREFI_scale = 0.01\n", [(8, "makes the refresh interval 93 clocks")]),
        (GOOD + HALF + "[[partition]]\nname = 'b'\nrank = [0]\n", [(12, "'b' overlaps 'low'")]),
        (GOOD + HALF + "tREFI_scale = 2\n", [(10, "tREFI_scale = 2 differs from 1")]),
        (GOOD + HALF + "vdd = 1.9\n[compare.a]\nvdd = 1\n", [(10, "'low': vdd gives 1.9 V")]),
        (GOOD + HALF.replace("banks", "subarrays") + "vdd = 1.1\n", [(7, "share a bank")]),
        (GOOD.replace('"lenet"', '"vgg16"\nbatch = 4096\nprecision = "fp32"'), [(2, "the memory is too small")]),
        (GOOD + PIECE, []),
        (GOOD.replace("lenet", "vgg16") + PIECE, [(12, "partition 'low' is too small")]),
        (GOOD.replace('"lenet"', '"lenet"\nlayers = ["conv1",\n"conv9"]'), [(3, "no layer 'conv9'")]),
        (GOOD.replace('"lenet"', '"alexnet"\nprecision = "fp32"').replace("-eden", '-eden"\nbuffer_bytes = 1024#'),
         [(6, "smallest tile")]),
        (GOOD.replace('"lenet"', '"alexnet"\nbatch = 4096').replace("eyeriss-eden", "tpu-v1"),
         [(3, "machine.fmaps_in_dram: found false")]),
        (GOOD.replace('-eden"', '-eden"\nclock_mhz = 333.333333333333'), [(5, "no common unit of time")]),
    ],
)  # fmt: skip
def test_single_problems(tmp_path: Path, text: str, expected: list[tuple[int, str]]) -> None:
    """What one resolver refuses is told once, at the line of the key that the user wrote."""
    expect(problems(text, tmp_path), *expected)


def test_a_missing_network_file_keeps_its_exit_code(tmp_path: Path) -> None:
    """An input error (3), with the line that names the file."""
    with pytest.raises(InputError, match=r"x\.toml:2: net\.csv: no such file"):
        problems(GOOD.replace("lenet", "net.csv"), tmp_path)
    assert len(problems(GOOD.replace("lenet", "net.csv") + "[operating_point]\nvdd = 2\n", tmp_path)) == 2


def test_a_broken_trace_is_laid_to_the_key_that_names_it(tmp_path: Path) -> None:
    """Not to the machine that would run it: of the network, of a tenant, and where the command line names it."""
    (tmp_path / "a.trace").write_text("R 0x1040\nX\n")
    cpu = GOOD.replace("eyeriss-eden", "cpu-eden").replace("[workload]", "[workload]\nprecision = 'fp32'")
    path = tmp_path / "x.toml"
    tenant = "[[tenant]]\nname = 'b'\nnetwork = 'a.trace'\n"
    for text, given, culprit in (
        (cpu.replace("lenet", "a.trace"), {}, f"{path}:3: "),
        (cpu + tenant, {}, f"{path}:10: "),
        (cpu, {"workload.network": str(tmp_path / "a.trace")}, "--set: "),
    ):
        path.write_text(text)
        with pytest.raises(InputError) as caught:
            load_config(path, set=given, check=check_run)
        assert str(caught.value).startswith(f"{culprit}{tmp_path / 'a.trace'}:2: found 'X'")


def test_what_is_not_needed_is_not_demanded(tmp_path: Path) -> None:
    """To be shown, a memory alone is enough; to be recorded, currents are not needed; to be replayed, nothing else."""
    memory = '[dram]\npreset = "ramulator2:ddr4_2400_frfcfs32"\n'
    assert problems(memory, tmp_path, check_shown) == []
    assert problems(GOOD.replace("ddr4-2400r-8gb-x8", "ramulator2:ddr4_2400_frfcfs32"), tmp_path, check_recording) == []
    assert problems(GOOD.replace("lenet", "lenot"), tmp_path, check_memory) == []
    expect(problems(GOOD.replace("lenet", "lenot"), tmp_path, check_shown), (2, "lenot"))
    expect(problems(memory + "address_map = 'Ro'\n", tmp_path, check_memory), (3, "missing"))


def test_run_and_record_refuse_before_they_begin(tmp_path: Path) -> None:
    """From Python too, whether a path, a mapping or a loaded configuration is given."""
    path = tmp_path / "x.toml"
    path.write_text(GOOD.replace("lenet", "lenot") + "[operating_point]\nvdd = 2\n")
    resolved = load_config(path)
    for begin in (lambda: run(path), lambda: run(resolved), lambda: record_requests(resolved, print)):
        with pytest.raises(ConfigError) as caught:
            begin()
        assert [p.split(": ")[0].rsplit("/", 1)[-1] for p in caught.value.problems] == ["x.toml:2", "x.toml:8"]


def leaves(key: Key, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Keys of the schema that hold no table, maps and lists left out."""
    for name, below in keys_in(key).items():
        if below.kind == "table":
            yield from leaves(below, (*path, name))
        elif below.kind not in ("map", "list", "indices"):
            yield (*path, name)


BASE = {
    "workload": {"network": "lenet"},
    "operating_point": {"vdd": 1.1},
    "compare": {"a": {"delta_vdd": -0.1}},
    "partition": [{"name": "low", "banks": "0:8", "vdd": 1.0}],
    "placement": {"weights": "low"},
}
FAMILIES = [("eyeriss-eden", "ddr4-2400r-8gb-x8"), ("tpu-v1", "ddr3l-1600-4gb-x8")]


@pytest.mark.parametrize(("machine", "memory"), FAMILIES)
@pytest.mark.parametrize("form", ["presets", "written out"])
@pytest.mark.parametrize("damage", ["misspelt", "no such type"])
def test_a_wrong_key_causes_no_other_problem(machine: str, memory: str, form: str, damage: str) -> None:
    """Each key of the schema in turn is misspelt or has a wrong type: the deeper checks add nothing to that."""
    base = load_config(BASE | {"machine": {"preset": machine}, "dram": {"preset": memory}}, check=check_run)
    if form == "written out":
        values = base.config.model_dump(mode="json", exclude_none=True)
        for table in ("machine", "dram"):
            del values[table]["preset"]
        base = load_config(values, check=check_run)
    for path in leaves(ROOT):
        key = show_path(path)
        if damage == "misspelt":
            settings: dict[str, Any] = {f"{key}x": 1, key: None}
        else:
            settings = {key: [["no such type"]]}
        with pytest.raises(ConfigError) as schema:
            load_config(base, set=settings)
        with pytest.raises(ConfigError) as deeper:
            load_config(base, set=settings, check=check_run)
        assert deeper.value.problems == schema.value.problems, key
