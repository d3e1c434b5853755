"""SCALE-Sim's cycles and counts, against results of SCALE-Sim v3 itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from edensim.machines.scalesim import scalesim_counts

ARRAYS = {"eyeriss324": (12, 14), "tiny8": (8, 8), "tpu": (256, 256)}
DATAFLOWS = {"ws": "weight_stationary", "os": "output_stationary", "is": "input_stationary"}


def rows() -> list[dict[str, str]]:
    lines = (Path(__file__).parent / "scalesim_rows.csv").read_text().splitlines()[1:]
    return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", rows(), ids=lambda r: f"{r['config']}-{r['network']}-{r['layer']}")
def test_every_stored_run_is_met_exactly(row: dict[str, str]) -> None:
    """Cycles without stalls, folds, SRAM reads, DRAM writes and utilisation equal SCALE-Sim v3's."""
    array, dataflow, mode = row["config"].split("_")
    h, w, r, s, c, k, u = (int(row[x]) for x in ("H", "W", "R", "S", "C", "K", "stride"))
    pixels = (-(-(h - r + u) // u)) * (-(-(w - s + u) // u))
    counts = scalesim_counts(pixels, r * s * c, k, *ARRAYS[array], DATAFLOWS[dataflow])
    assert counts.cycles == int(row["cycles"]) - int(row["stalls"])
    assert (counts.row_folds, counts.col_folds) == (int(row["row_folds"]), int(row["col_folds"]))
    assert counts.ifm_sram_reads == int(row["ifm_sram_reads"])
    assert counts.weight_sram_reads == int(row["weight_sram_reads"])
    assert counts.ofm_writes_as_scalesim_counts == int(row["ofm_writes"])
    assert 100 * counts.mapping_efficiency == pytest.approx(float(row["mapping_efficiency_pct"]), abs=1e-6)
    if mode == "calc":
        assert 100 * counts.utilization == pytest.approx(float(row["utilization_pct"]), abs=1e-6)


def test_alexnet_conv3_on_12x14_by_hand() -> None:
    """192 x 28 folds of 2*12 + 14 + 121 - 2 cycles, less one: 844,031; outputs are written once per row fold."""
    counts = scalesim_counts(121, 2304, 384, 12, 14, "weight_stationary")
    assert counts.cycles == 192 * 28 * (2 * 12 + 14 + 121 - 2) - 1 == 844_031
    assert counts.ofm_writes_as_scalesim_counts == 192 * 121 * 384


@pytest.mark.parametrize(
    ("window", "filters", "pixels", "cycles"), [(2400, 256, 529, 2_146_999), (3456, 256, 121, 859_103)]
)
def test_runs_too_long_for_scalesim(window: int, filters: int, pixels: int, cycles: int) -> None:
    """AlexNet conv2 and conv5 on 12x14, which SCALE-Sim does not finish in 400 s: the formula's values."""
    assert scalesim_counts(pixels, window, filters, 12, 14, "weight_stationary").cycles == cycles
