"""SCALE-Sim's arithmetic in closed form: the same cycles as SCALE-Sim v3 without stalls, in microseconds.

Modelled: im2col lowering of one image to a matrix product, its folds over the array, cycles per fold, the counts that
SCALE-Sim reports. Folds never overlap there (fill, weight load and drain are paid in full each time) and the reported
cycle is the index of the last one, so one less than the duration.
Not modelled: SCALE-Sim's stalls and its DRAM reads, which depend on its set-wise FIFO prefetcher. Its DRAM writes are
given as it counts them (once per row fold, never read back), as a number to compare, never as traffic.
Source: SCALE-Sim v3 (github.com/scalesim-project), checked against 97 runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dataflow = Literal["output_stationary", "weight_stationary", "input_stationary"]


@dataclass(frozen=True, slots=True)
class ScaleSimCounts:
    """What SCALE-Sim reports for one layer and one image (elements, not bytes)."""

    cycles: int
    row_folds: int
    col_folds: int
    utilization: float
    mapping_efficiency: float
    ifm_sram_reads: int
    weight_sram_reads: int
    ofm_writes_as_scalesim_counts: int


def scalesim_counts(
    pixels: int, window: int, filters: int, array_rows: int, array_cols: int, dataflow: Dataflow
) -> ScaleSimCounts:
    """Fold a matrix product of `pixels` x `window` x `filters` onto the array.

    Parameters
    ----------
    pixels, window, filters
        Output pixels P*Q of one image, window elements R*S*C, output channels.
    array_rows, array_cols
        Processing elements.
    dataflow
        Which operand stays in the array.
    """
    if dataflow == "output_stationary":
        along_rows, along_cols, streamed = pixels, filters, window
        per_fold = streamed + array_rows + array_cols - 2
    elif dataflow == "weight_stationary":
        along_rows, along_cols, streamed = window, filters, pixels
        per_fold = 2 * array_rows + array_cols + streamed - 2
    else:
        along_rows, along_cols, streamed = window, pixels, filters
        per_fold = 2 * array_rows + array_cols + streamed - 2
    row_folds, col_folds = -(-along_rows // array_rows), -(-along_cols // array_cols)
    folds = row_folds * col_folds
    cycles = folds * per_fold - 1
    elements = array_rows * array_cols
    return ScaleSimCounts(
        cycles=cycles,
        row_folds=row_folds,
        col_folds=col_folds,
        utilization=pixels * window * filters / (cycles * elements),
        mapping_efficiency=along_rows * along_cols / (folds * elements),
        ifm_sram_reads=pixels * window * (1 if dataflow == "input_stationary" else col_folds),
        weight_sram_reads=window
        * filters
        * {"output_stationary": row_folds, "weight_stationary": 1, "input_stationary": col_folds}[dataflow],
        ofm_writes_as_scalesim_counts=pixels * filters * (1 if dataflow == "output_stationary" else row_folds),
    )
