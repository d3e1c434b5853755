"""Layers and machines that several test files of this folder use."""

from __future__ import annotations

import tomllib
from pathlib import Path

import hypothesis.strategies as st
import pytest

import edensim
from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.workloads.layer import Layer


def read_preset(name: str, **changes: object) -> AcceleratorMachine:
    path = Path(edensim.__file__).parent / "presets" / "machine" / f"{name}.toml"
    return AcceleratorMachine(**{**tomllib.loads(path.read_text()), **changes})


@pytest.fixture(scope="session")
def preset():
    """Function that reads a shipped machine preset, with changed keys."""
    return read_preset


@st.composite
def layers(draw: st.DrawFn, largest: int = 20) -> Layer:
    """Convolutions, depthwise and grouped ones, matrix products; strides beyond the kernel; dilation; padding."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 8]))
    depthwise = groups == 8
    c = 1 if depthwise else draw(st.integers(1, largest))
    k = 1 if depthwise else draw(st.integers(1, largest))
    shape = []
    for _ in range(2):
        size, kernel = draw(st.integers(1, largest)), draw(st.integers(1, 5))
        stride, dilation = draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2]))
        pad = draw(st.integers(0, kernel // 2))
        reach = (kernel - 1) * dilation + 1
        size = max(size, reach - 2 * pad)
        shape.append((size, kernel, stride, dilation, pad, (size + 2 * pad - reach) // stride + 1))
    (h, r, u, du, top, p), (w, s, v, dv, left, q) = shape
    return Layer(
        "x", "conv", c * groups, h, w, k * groups, r, s, p, q, (u, v), (top, top, left, left), (du, dv), groups, ("y",)
    )


@pytest.fixture(scope="session")
def layer_strategy():
    """The strategy of random layers (a fixture, since test files cannot import each other)."""
    return layers
