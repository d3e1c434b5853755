"""The one style of all figures, and files that are the same bytes whenever and wherever they are drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

import matplotlib
from matplotlib.figure import Figure

HATCHES = ("", "////", "..", "\\\\\\\\", "xxxx", "----", "++++", "||||")
"""Fills that keep stacked parts apart in grey print, in the order of the colours."""

_UNDATED = {"png": {"Software": "edensim"}, "svg": {"Date": None, "Creator": "edensim"}, "pdf": {"CreationDate": None}}


@contextmanager
def styled() -> Iterator[None]:
    """Draw with edensim's own style, whatever the user's matplotlib is set to."""
    with (
        resources.as_file(resources.files("edensim.study.plots") / "edensim.mplstyle") as path,
        matplotlib.rc_context(fname=path),
    ):
        yield


def encode(figure: Figure, fmt: str) -> bytes:
    """Return the bytes of the picture file."""
    target = io.BytesIO()
    figure.savefig(target, format=fmt, metadata=_UNDATED[fmt])
    return target.getvalue()
