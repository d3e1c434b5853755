"""Fine against coarse mapping at equal accuracy: one boosted network, mapped both ways by the steps of the flow."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from boosting_lab import Lab
from boosting_rows import Row, path_of

from edensim.config import load_config
from edensim.eden.files import read_json, write_json
from edensim.eden.flow import Flow, network_of
from edensim.eden.rounds import run_flow
from edensim.eden.site import Site

CONFIG = Path(__file__).parent.parent / "configs" / "eden-lenet.toml"


def fine_and_coarse(row: Row, lab: Lab) -> dict[str, Any]:
    """Energies, times and accuracies, nominal and mapped both ways.

    Both ways keep the network within the bound at its own places (`rounds.settle`); what they still lose on the test
    images is part of the result.
    """
    fine = lab.home / path_of(row, lab.size, lab.home).stem.replace("row-", "flow-", 1)
    coarse = fine.with_name(fine.name + "-coarse")
    found = {"fine": _run(row, lab, fine, {})}
    shutil.rmtree(coarse, ignore_errors=True)
    shutil.copytree(fine, coarse)
    for path in coarse.glob("round-*/tolerance.json"):
        tolerances = read_json(path, "tolerances")
        write_json(path, tolerances | {"fine": dict.fromkeys(tolerances["fine"], tolerances["boosted"]["ber"])})
    found["coarse"] = _run(row, lab, coarse, {"mapping": "coarse", "granularity": "coarse"})
    return found


def _run(row: Row, lab: Lab, folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    size = lab.size
    settings = {
        "network": row.net, "precision": row.precision, "train_images": size.train, "test_images": size.test,
        "epochs": size.epochs, "boost_epochs": size.boost_epochs, "rounds": 1, **changes,
    }  # fmt: skip
    resolved = load_config(CONFIG, {"seed": row.seed} | {f"eden.{key}": value for key, value in settings.items()})
    assert resolved.config.eden is not None
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(resolved, network_of(resolved.config.eden, Path(), row.seed))
    results = run_flow(Flow(site, folder, Path()))
    mapping = results["mapping"]
    return {
        "accuracy": results["accuracy"], "nominal_pj": results["nominal"]["dram_pj"],
        "eden_pj": results["eden"]["dram_pj"], "time": results["eden"]["time_ns"] / results["nominal"]["time_ns"],
        "bound": mapping.get("bound"), "estimated": mapping["estimated_saving"], "steps_back": results["steps_back"],
    }  # fmt: skip
