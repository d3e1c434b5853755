"""The whole flow on a small network: files, resumption, and what it feeds to `edensim run`."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edensim import dnn
from edensim.approx.build import build_model
from edensim.config import load_config
from edensim.eden.files import open_folder, read_json, toml_text
from edensim.eden.flow import Flow, load_fit, network_of
from edensim.eden.mapping import Weights, greedy_mapping
from edensim.eden.rounds import evaluate_files, run_flow
from edensim.eden.site import FittedModel, Site
from edensim.errors import ConfigError, InputError, OutputError
from edensim.system.run import run
from tests.eden.conftest import TINY


def make_flow(resolved, folder, fit=None):
    plan = resolved.config.eden
    return Flow(Site(resolved, network_of(plan, Path(), 0)), folder, Path(), fit)


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    """A flow and its results."""
    flow = make_flow(tiny, tmp_path_factory.mktemp("eden"))
    flow.check()
    return flow, run_flow(flow)


def test_results_hold_what_the_user_asked_for(finished):
    """Accuracy with interval, energies and times, both ways of mapping, tolerances with the control."""
    _, results = finished
    accuracy = results["accuracy"]
    assert accuracy["eden"]["low"] <= accuracy["eden"]["mean"] <= accuracy["eden"]["high"]
    assert accuracy["nominal"]["mean"] > 0.5
    assert accuracy["eden"]["mean"] >= accuracy["nominal"]["mean"] - 0.15
    assert results["eden"]["dram_pj"] < results["nominal"]["dram_pj"]
    assert results["characterisation"]["control"]["curve"].keys() == results["before"]["curve"].keys()
    mapping = results["mapping"]
    assert mapping["greedy_saving"] <= mapping["optimal_saving"] + 1e-6 <= mapping["bound"] + 1e-3
    assert set(mapping["places"]) == set(results["characterisation"]["fine"])
    assert len(results["curves"]["vdd"]) == 3


def test_tensors_lie_where_they_tolerate_the_errors(finished):
    """No tensor is in a part that fails more often than the tensor tolerates."""
    flow, results = finished
    tolerances = flow.tolerances(results["characterisation"])
    for tensor, part in results["mapping"]["places"].items():
        assert results["mapping"]["parts"][part]["ber"] <= tolerances[tensor]


def test_mapped_configuration_runs_to_the_same_numbers(finished):
    """`mapped.toml` is a configuration like any other, and its run the one of the results."""
    flow, results = finished
    again = run(flow.folder / "mapped.toml").data
    assert again["energy_pj"]["total"] == pytest.approx(results["eden"]["dram_pj"], rel=1e-9)
    assert again["time_ns"] == pytest.approx(results["eden"]["time_ns"], rel=1e-9)
    assert any(part["operating_point"]["basis"] != "nominal" for part in again["partitions"].values())


def test_a_finished_flow_gives_the_same_results_again(finished, tiny, tmp_path):
    """From its files, and from a folder in which everything but the last steps is missing."""
    flow, results = finished
    home = tmp_path / "again"
    shutil.copytree(flow.folder, home)
    for name in ("results.json", "mapping.json", "mapped.toml", "boosted.npz", "before.json"):
        (home / name).unlink()
    (home / "round-1" / "tolerance.json").unlink()
    assert json.loads(json.dumps(run_flow(make_flow(tiny, home)))) == json.loads(json.dumps(results))


def test_the_estimated_saving_is_near_the_simulated_one(finished):
    """Banks of a rank have one supply for nearly everything: parts of them save together or not at all."""
    flow, results = finished
    simulated = 1 - results["eden"]["dram_pj"] / results["nominal"]["dram_pj"]
    assert results["mapping"]["estimated_saving"] == pytest.approx(simulated, abs=0.02)
    assert len({room.group for room in flow.site.rooms}) == 1


def test_every_chosen_machine_is_simulated(finished):
    """The further machine gives what a run of the mapped file on it gives; the placement saves energy there too."""
    flow, results = finished
    (found,) = results["machines"].values()
    again = run(load_config(flow.folder / "mapped.toml", {"machine": {"preset": "tpu-eden"}})).data
    assert again["energy_pj"]["total"] == pytest.approx(found["eden"]["dram_pj"], rel=1e-9)
    assert found["eden"]["dram_pj"] < found["nominal"]["dram_pj"]
    assert found["eden"]["time_ns"] != results["eden"]["time_ns"]


def test_killed_by_the_system_it_goes_on_to_the_same_results(finished, tiny, tmp_path):
    """SIGKILL in the middle of a training; the same command then ends where an undisturbed one does, to the bit."""
    _, results = finished
    config, home = tmp_path / "tiny.toml", tmp_path / "flow"
    config.write_text(toml_text(TINY))
    command = [sys.executable, "-m", "edensim", "eden", str(config), "--out", str(home), "--no-figures", "--json"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (home / "round-1" / "boosted.npz").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    first.stderr.close()
    assert not (home / "results.json").exists()
    kept = (home / "base.npz").stat().st_mtime_ns
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (home / "base.npz").stat().st_mtime_ns == kept
    found = json.loads(second.stdout)
    expected = json.loads(json.dumps(results))
    assert {key: found[key] for key in expected if key != "config_hash"} == {
        key: expected[key] for key in expected if key != "config_hash"
    }


@pytest.mark.parametrize("supply", ["banks of one rank", "parts of their own"])
def test_guided_search_saves_at_least_what_the_sweep_saves_on_a_real_network(finished, supply):
    """The paper's sweep against the guided search: same network, same target, as both are mapped."""
    flow, results = finished
    bench, site, rooms, weights = flow.bench, flow.site, flow.site.rooms, flow.site.weights
    memory = dnn.FaultyMemory(bench.net, dnn.Storage.paper("int8"))
    memory.calibrate(dnn.batches(bench.data.train))
    worth = flow._worth({name: t.size_bytes for name, t in memory.tensors.items()})
    if supply == "parts of their own":
        rooms = [replace(room, group="") for room in rooms]
        energy = site.nominal["energy_pj"]
        background = (energy["background"] + energy["ref"]) / energy["total"]
        moved = {name: share / weights.moved * (1 - background) for name, share in worth.moved.items()}
        weights, worth = (
            Weights(1 - background, background),
            replace(worth, moved=moved, common=0.0, part=background / len(rooms)),
        )
    found = {}
    for way in ("sweep", "guided"):
        bench_of = replace(bench, plan=bench.plan.model_copy(update={"granularity": way, "repeats": 1}))
        found[way] = bench_of.fine(memory, flow.errors_at, results["before"]["ber"], worth)
        assert found[way].accuracy.mean >= bench.target
    saving = {way: greedy_mapping(site.items(fine.rates), rooms, weights).saving for way, fine in found.items()}
    assert saving["guided"] >= saving["sweep"] > 0
    assert found["guided"].measurements < found["sweep"].measurements


def test_evaluate_alone_gives_the_flow_s_accuracy(finished):
    """The step on the saved mapping and network repeats what the flow measured."""
    flow, results = finished
    found = evaluate_files(make_flow(flow.site.resolved, flow.folder))
    assert found["accuracy"] == results["accuracy"]
    assert found["eden"] == results["eden"]


def test_regions_lie_in_their_parts(finished):
    """Every tensor's address is in a bank of the part it was mapped to, and no two tensors share a byte."""
    flow, results = finished
    found = read_json(flow.folder / "mapping.json", "a mapping")
    tables = flow.site.mapped(flow.map(flow.tolerances(results["characterisation"])))
    state, regions = flow.site.regions(tables)
    used = set()
    for name in found["places"]:
        region = regions[name]
        burst = region.address_map.geometry.burst_bytes
        offsets = range(region.address, region.address + region.size_bytes, burst)
        lines = [
            int(region.pages[byte // (burst * region.page_lines)]) * region.page_lines
            + byte // burst % region.page_lines
            for byte in offsets
        ]
        channel, bank, row, _ = region.address_map.decode(lines)
        owner = {state.partitions.names[k] for k in state.partitions.at(channel, bank, row)}
        assert len(owner) == 1
        assert not used & set(lines)
        used |= set(lines)


@pytest.mark.parametrize("mapping", ["greedy", "optimal", "coarse"])
def test_a_map_with_two_readers_has_one_place(tmp_path, mapping):
    """It is stored once and tolerates what the less tolerant reader does; both names say where it lies."""
    one, other, rates = "6.body.0.ifm", "6.shortcut.0.ifm", {"*": 0.02, "6.shortcut.0.ifm": 0.001}
    eden = TINY["eden"] | {"network": "resnet-small", "vdd": [1.14, 1.08, 1.02], "parts": 4, "mapping": mapping}
    flow = make_flow(load_config({**TINY, "eden": {**eden, "tolerable": rates}}), tmp_path)
    flow.check()
    tolerable = flow.tolerances(None)
    found = flow.map(tolerable)
    assert found.places.keys() == tolerable.keys()
    items = {item.name: item for item in flow.site.items(tolerable)}
    assert other not in items
    assert items[one].tolerable == 0.001
    assert items[one].moved_bytes == 2 * next(r.bytes for r in flow.site.requests if r.name == one)
    assert found.places[one] == found.places[other]
    assert found.settings[found.places[one]].ber <= 0.001
    tables = flow.site.mapped(found)
    _, regions = flow.site.regions(tables)
    assert regions[one].address == regions[other].address
    assert run(flow.site.configuration(tables), network=flow.site.network).data["energy_pj"]["total"] > 0


def test_fitted_model_stands_for_the_device(tiny, tmp_path):
    """What `edensim fit --json` prints becomes the model of boosting, and of the parts at their rates."""
    fit = tmp_path / "fit.json"
    fit.write_text(json.dumps({"model": "uniform", "parameters": {"weak_share": 0.01, "fail_probability": 0.4}}))
    found = load_fit(fit)
    assert found == FittedModel("uniform", {"fail_probability": 0.4})
    flow = make_flow(tiny, tmp_path, found)
    device = flow.site.device(flow.site.state, 0, found)
    assert not device.laws
    errors = flow.errors_at(1e-3)
    law = build_model("uniform", 1e-3, {"fail_probability": 0.4}).law(flow.site.address_map.geometry)
    assert errors._reads.device.laws[0].flip_probability() == pytest.approx(law.flip_probability())


def test_bad_input(tiny, tmp_path):
    """What cannot work is told before anything is trained, and nothing is lost."""

    def refuse(match, **changes):
        with pytest.raises((ConfigError, InputError), match=match):
            make_flow(load_config(tiny, {f"eden.{k}": v for k, v in changes.items()}), tmp_path).check()

    refuse("model 'unifrom' is not known", model="unifrom")
    refuse("no error law for tRP", tRP_ns=[10.0])
    refuse("network 'lenet-smal'", network="lenet-smal")
    refuse("machine preset|'tpu-edn'", machines=["tpu-edn"])
    refuse("there is no such folder or file", data="nowhere")
    with pytest.raises(ConfigError, match="max_loss = 0.99 below a clean accuracy"):
        _ = make_flow(load_config(tiny, {"eden.max_loss": 0.99, "eden.epochs": 1}), tmp_path).bench
    with pytest.raises(InputError, match="no such file; expected tolerances"):
        make_flow(tiny, tmp_path).known()
    with pytest.raises(InputError, match="no such file; expected the result of `edensim eden map`"):
        evaluate_files(make_flow(tiny, tmp_path))
    with pytest.raises(InputError, match="not what `edensim fit --json` printed"):
        (tmp_path / "fit.json").write_text("{}")
        load_fit(tmp_path / "fit.json")
    with pytest.raises(ConfigError, match="no tensor matches 'conv9"):
        make_flow(load_config(tiny, {"eden.tolerable": {"conv9.*": 0.1}}), tmp_path).tolerances(None)


def test_folder_of_another_configuration_is_left_alone(tmp_path):
    """A folder goes on for its own configuration; another one is refused; --force begins anew; strangers are safe."""
    home = tmp_path / "flow"
    open_folder(home, {"hash": "a" * 64})
    (home / "base.npz").write_bytes(b"x")
    open_folder(home, {"hash": "a" * 64})
    assert (home / "base.npz").exists()
    with pytest.raises(OutputError, match="begun with another configuration"):
        open_folder(home, {"hash": "b" * 64})
    open_folder(home, {"hash": "b" * 64}, force=True)
    assert not (home / "base.npz").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(OutputError, match="did not write"):
        open_folder(tmp_path / "mine", {"hash": "a"}, force=True)
