"""Physics of DRAM traffic: what no schedule with a given on-chip memory can undercut.

Modelled: compulsory traffic (every weight, every input that is used, every output once) and the red-blue pebble bound
of Chen, Han and Wang (HPCA 2020), 2 * MACs / sqrt(Rf * S) - 2 S elements, where Rf = R * S_kernel / stride^2 (at
least 1 along each axis) is how often a convolution can reuse one input and S the on-chip memory in elements.
Partial sums wider than the data are counted as if they were not: that keeps the bound below every schedule. The form
for mixed widths (Demmel and others) would not, because an output finished in time never moves at the wider width.
Not modelled: fusion of layers, compression, partial bursts (all counts are elements that are used).
"""

from __future__ import annotations

import math

from edensim.machines.problem import Axis, Problem, used_inputs


def compulsory_elements(problem: Problem) -> dict[str, int]:
    """Elements that must cross the DRAM pins at least once, by kind (weights, ifm, ofm).

    Inputs skipped by a stride larger than the kernel are not compulsory.
    """
    used = used_inputs(problem.rows) * used_inputs(problem.cols)
    ifm = problem.batch * problem.groups * problem.C * used
    return {"weights": problem.weight_count, "ifm": ifm, "ofm": problem.ofm_count}


def reuse_bound_elements(problem: Problem, on_chip_elements: int, count_padding: bool = False) -> float:
    """Least elements moved because the on-chip memory is finite (may be negative: then it binds nothing).

    `count_padding` counts multiplications with padding as well; the result is then the number usually quoted, but no
    longer a strict bound, since padding is not fetched.
    """
    reuse = _reuse(problem.rows) * _reuse(problem.cols)
    macs = problem.macs if count_padding else problem.useful_macs
    return 2 * macs / math.sqrt(reuse * on_chip_elements) - 2 * on_chip_elements


def _reuse(axis: Axis) -> float:
    """Windows that use one input along an axis; with dilation, strides and taps may share a coarser grid."""
    return max(1.0, axis.kernel * math.gcd(axis.stride, axis.dilation) / axis.stride)


def lower_bound_bytes(problem: Problem, bits: int, on_chip_bytes: int, count_padding: bool = False) -> int:
    """Lower bound of the DRAM traffic of one layer in bytes, `bits` per element, without fusion or compression."""
    elements = max(1, on_chip_bytes * 8 // bits)
    bound = max(
        float(sum(compulsory_elements(problem).values())), reuse_bound_elements(problem, elements, count_padding)
    )
    return math.floor(bound * bits / 8)
