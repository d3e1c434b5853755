"""The Eyeriss chip as published: DRAM traffic and buffer need of a given row-stationary mapping.

    input   = N * C * (input rows of all strips) * W * ceil(K / groups / m) * coded share
    filters = weights * ceil(N / n) * strips
    outputs = N * K * P * Q * coded share          with strips = ceil(P / e)

    buffer words = n*q*r * ((e-1) * stride + R) * padded width + n*m*e * Q

Modelled: padding clipped from traffic but held in the buffer, run-length coding (not of filters, nor of the network's
input). Not modelled: reuse of rows between strips. Source: JSSC 52(1) 2017; the traffic formulas are our derivation,
checked against the chip's measured AlexNet traffic.
"""

from __future__ import annotations

from dataclasses import dataclass

from edensim.machines.eyeriss import Mapping
from edensim.machines.problem import Problem, tiled_axis
from edensim.machines.rlc import compressed_share
from edensim.machines.tiling import padded_extent

FILTER_PREFETCH_BYTES = 8 * 1024
"""Part of the global buffer that only prefetches filters; inputs and partial sums have the rest."""


@dataclass(frozen=True, slots=True)
class ChipTraffic:
    """Words moved between chip and DRAM for the whole batch, after coding."""

    ifm: float
    weights: float
    ofm: float

    @property
    def total(self) -> float:
        """All words."""
        return self.ifm + self.weights + self.ofm


def chip_traffic(
    problem: Problem, mapping: Mapping, ifm_zeros: float | None = None, ofm_zeros: float | None = None
) -> ChipTraffic:
    """DRAM words of one layer; a zero share of None means that map is not coded."""
    rows = tiled_axis(problem.rows, mapping.e)[0]
    strips = -(-problem.rows.outputs // mapping.e)
    ifm = problem.batch * problem.groups * problem.C * rows * problem.cols.size * -(-problem.K // mapping.m)
    return ChipTraffic(
        ifm=ifm * (1.0 if ifm_zeros is None else compressed_share(ifm_zeros)),
        weights=problem.weight_count * -(-problem.batch // mapping.n) * strips,
        ofm=problem.ofm_count * (1.0 if ofm_zeros is None else compressed_share(ofm_zeros)),
    )


def buffer_words(problem: Problem, mapping: Mapping) -> tuple[int, int]:
    """Words of inputs and of partial sums that a mapping keeps in the global buffer."""
    height = padded_extent(problem.rows.stride, problem.rows.reach, mapping.e)
    width = padded_extent(problem.cols.stride, problem.cols.reach, problem.cols.outputs)
    inputs = mapping.n * mapping.q * mapping.r * height * width
    return inputs, mapping.n * mapping.m * mapping.e * problem.cols.outputs
