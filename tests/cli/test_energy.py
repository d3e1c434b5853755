"""`edensim energy`: traces of any origin, devices of any kind, several voltages in one pass."""

import gzip

import pytest

from tests.dram.golden_energy import CASES, write_case

RAMULATOR2 = """\
clock,command,Channel,Rank,BankGroup,Bank,Row,Column,type,source
0,ACT,0,0,2,2,7,-1,0,-1
17,RD,0,0,2,2,7,8,0,0
60,PREpb,0,0,2,2,7,-1,0,-1
"""


@pytest.mark.parametrize("name", CASES)
def test_golden_cases_from_the_command_line(edensim, tmp_path, name):
    """Trace and memspec of DRAMPower, packed: the core energy is DRAMPower's to 1e-9, components sum to the total."""
    trace, spec = write_case(name, tmp_path)
    packed = tmp_path / "trace.gz"
    packed.write_bytes(gzip.compress(trace.read_bytes()))
    data = edensim("energy", packed, "--dram", spec, "--json").json
    parts = data["energy_pj"]
    joules = sum(map(sum, CASES[name]["banks"].values())) + sum(CASES[name]["ranks"].values())
    assert (parts["total"] - parts["io"]) * 1e-12 == pytest.approx(joules, rel=1e-9)
    assert sum(v for k, v in parts.items() if k != "total") == pytest.approx(parts["total"], rel=1e-12)
    for row in data["by_bank_pj"]:
        for part, values in CASES[name]["banks"].items():
            banks = len(values) // (data["by_bank_pj"][-1]["rank"] + 1)
            assert row[part] * 1e-12 == pytest.approx(values[row["rank"] * banks + row["bank"]], rel=1e-9)


def test_several_voltages_in_one_pass(edensim, tmp_path):
    """--at gives one point per voltage, all combinations of two supplies, and the saving against nominal."""
    (tmp_path / "t.csv").write_text(RAMULATOR2)
    outcome = edensim("energy", "t.csv", "--at", "vdd=1.2,1.1,1.0", "--at", "vddq=1.2,1.1", "--json")
    points = outcome.json["at"]
    assert [(p["supplies_v"]["VDD"], p["supplies_v"]["VDDQ"]) for p in points] == [
        (v, q) for v in (1.2, 1.1, 1.0) for q in (1.2, 1.1)
    ]
    assert points[0]["energy_pj"] == outcome.json["energy_pj"]
    totals = [p["energy_pj"]["total"] for p in points[::2]]
    assert totals == sorted(totals, reverse=True)
    assert points[-1]["saving"] == pytest.approx(1 - points[-1]["energy_pj"]["total"] / totals[0])
    text = edensim("energy", "t.csv", "--at", "vdd=1.0").out
    assert "VDD 1 V, VPP 2.5 V" in text
    assert "nominal" in text


def test_nominal_voltage_has_one_row(edensim, tmp_path):
    """The voltage that is the device's own stands in the table once, as nominal, though --at lists it too."""
    (tmp_path / "t.csv").write_text(RAMULATOR2)
    outcome = edensim("energy", "t.csv", "--at", "vdd=1.3,1.2,1.1,1.1")
    rows = [line for line in outcome.out.splitlines() if line.startswith("VDD ")]
    assert [row.split(" V,")[0] for row in rows] == ["VDD 1.2", "VDD 1.3", "VDD 1.1"]
    assert rows[0].endswith("nominal")


def test_energy_settings(edensim, tmp_path):
    """--set energy.* works for presets and memspecs; other keys do not fit a memspec."""
    trace, spec = write_case("01_ddr4_act_rd_pre_1000", tmp_path)
    model = ("--set", "energy.voltage_model=drampower")
    data = edensim("energy", trace, "--dram", spec, *model, "--at", "vdd=0.6", "--json").json
    assert data["voltage_model"] == "drampower"
    assert data["at"][0]["by_rail_pj"]["VDD"]["act"] == pytest.approx(data["by_rail_pj"]["VDD"]["act"] / 2)
    refused = edensim("energy", trace, "--dram", spec, "--set", "dram.ranks=2")
    assert (refused.code, "only energy.* can be set" in refused.err) == (2, True)


def test_own_log_and_own_device(edensim, config, tmp_path):
    """A command log of edensim costs what the replay said; a TOML file may hold the device alone."""
    edensim("trace", "gen", config, "--set", 'workload.layers=["conv1"]', "--out", "t.npz")
    replay = edensim("trace", "replay", "t.npz", "--commands", "c.npz", "--json").json
    data = edensim("energy", "c.npz", "--json").json
    assert data["format"] == "edensim"
    for part in ("act", "rd", "wr", "io"):
        assert data["energy_pj"][part] == pytest.approx(replay["energy_pj"][part], rel=1e-12)
    assert data["energy_pj"]["total"] == pytest.approx(replay["energy_pj"]["total"], rel=0.01)

    path = tmp_path / "device.toml"
    path.write_text(_preset_text())
    alone = edensim("energy", "c.npz", "--dram", path, "--json").json
    assert alone["energy_pj"] == data["energy_pj"]
    other = edensim("energy", "c.npz", "--dram", "lpddr3-1600-4gb-x32")
    assert (other.code, "were expected by --dram" in other.err) == (3, True)


def _preset_text():
    from importlib.resources import files

    return files("edensim").joinpath("presets/dram/ddr4-2400r-8gb-x8.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("t.csv", "--at", "vdd"), 2, "expected SUPPLY=V"),
        (("t.csv", "--at", "vdd=nan"), 2, "expected SUPPLY=V"),
        (("t.csv", "--at", "vdd=1100"), 2, "did you mean 1.1 V"),
        (("t.csv", "--at", "vdd=1.0", "--at", "VDD=1.1"), 2, "given twice"),
        (("t.csv", "--at", "vdx=1.0"), 2, "did you mean VDD"),
        (("t.csv", "--trace-format", "dramsim"), 2, "did you mean dramsim3"),
        (("t.csv", "--dram", "none.json"), 3, "cannot be read"),
        (("none.csv",), 3, "none.csv"),
        (("bad.csv",), 3, "bad.csv:2: unknown command 'PREE'"),
    ],
)
def test_mistakes(edensim, tmp_path, arguments, code, message):
    """Mistakes end with their exit code and one message, without a traceback."""
    (tmp_path / "t.csv").write_text(RAMULATOR2)
    (tmp_path / "bad.csv").write_text("0,ACT,0,0,0,0,0\n39,PREE,0,0,0,0,0\n")
    outcome = edensim("energy", *arguments)
    assert (outcome.code, message in outcome.err) == (code, True), outcome.err
