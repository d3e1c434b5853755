"""Run folders: reproducible bytes, everything needed to repeat the run, and the way back."""

import json
from datetime import UTC, datetime

import pytest

from edensim.errors import ConfigError, InputError
from edensim.study.record import Occasion, default_folder, load, require_runnable, save, to_json


def test_results_are_byte_reproducible(tmp_path, result, resolved):
    """Two saves at different times differ in `meta.json` only; no result file holds a clock reading."""
    for name, year in (("a", 2024), ("b", 2025)):
        result.data["wall_s"] = float(year)
        save(result, resolved, tmp_path / name, Occasion(["edensim", name], datetime(year, 1, 1, tzinfo=UTC)), ["svg"])
    for file in ("results.csv", "result.json", "figures/energy.svg", "figures/points.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "meta.json").read_bytes() != (tmp_path / "b" / "meta.json").read_bytes()
    assert "wall_s" not in (tmp_path / "a" / "results.csv").read_text()


def test_meta_records_what_is_needed_to_repeat_the_run(tmp_path, result, resolved):
    """Versions, configuration, hash, seed, command line and times are all there."""
    save(result, resolved, tmp_path / "run", Occasion(["edensim", "run", "x.toml"]))
    meta = json.loads((tmp_path / "run" / "meta.json").read_text())
    assert meta["command_line"] == ["edensim", "run", "x.toml"]
    assert meta["config_hash"] == resolved.hash
    assert meta["config"] == {"seed": 7}
    assert meta["seeds"] == {"seed": 7}
    assert meta["wall_s"] == 1.25
    assert {"edensim", "python", "numpy", "numba"} <= meta["versions"].keys()
    assert datetime.fromisoformat(meta["started"]) <= datetime.fromisoformat(meta["finished"])
    assert meta["files"] == ["meta.json", "result.json", "results.csv"]


def test_pictures_are_returned_and_data_stand_beside_them(tmp_path, result, resolved):
    """`save` tells which pictures it drew; each has a CSV."""
    drawn = save(result, resolved, tmp_path / "run", Occasion([]), ["png"])
    assert [path.name for path in drawn] == ["energy.png", "timeline.png", "points.png", "layers.png", "power.png"]
    assert all(path.exists() and path.with_suffix(".csv").exists() for path in drawn)


def test_default_folder_carries_name_and_hash(resolved):
    """`runs/<config>-<hash8>`."""
    assert default_folder(resolved).as_posix() == "runs/tiny-01234567"


def test_incomplete_folder_is_not_loaded(tmp_path, result, resolved):
    """A folder whose replacement was interrupted is refused with a hint."""
    save(result, resolved, tmp_path / "run", Occasion([]))
    path = tmp_path / "run" / "meta.json"
    path.write_text(path.read_text().replace('"complete": true', '"complete": false'))
    with pytest.raises(InputError, match="--force"):
        load(tmp_path / "run")


def test_a_configuration_without_workload_cannot_run(resolved):
    """Both missing tables are named at once."""
    with pytest.raises(ConfigError) as error:
        require_runnable(resolved)
    assert "[workload]" in str(error.value)
    assert "[machine]" in str(error.value)


def test_json_has_no_nan():
    """NaN is not JSON; better an error here than a file nobody can read."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"x": float("nan")})
