"""Figures as images inside the file: SVG, or PNG where an SVG would be large.

An `<img>` runs no script of an SVG and loads nothing for it, whatever a hostile name put into it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from edensim.study.opened import OpenedRun, OpenedSweep

LARGEST_SVG = 400_000
"""Bytes above which the PNG is embedded instead, if it is smaller."""

_MIME = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True)
class Picture:
    """One figure: its kind, what it shows, and its contents as a data URI."""

    kind: str
    caption: str
    uri: str


def pictures(opened: OpenedRun | OpenedSweep) -> list[Picture]:
    """Draw every kind of figure that there are data for."""
    from edensim.study.plots.figures import render, source_kind
    from edensim.study.plots.kinds import KINDS

    source = opened.result if isinstance(opened, OpenedRun) else opened
    captions = KINDS[source_kind(source)]
    drawn = {kind: render(source, (kind,), ["svg"], "", refused=_leave_out).get(f"{kind}.svg") for kind in captions}
    found = []
    for kind, svg in drawn.items():
        if svg is None:
            continue
        uri = data_uri(svg, "svg")
        if len(svg) > LARGEST_SVG:
            png = render(source, (kind,), ["png"], "")[f"{kind}.png"]
            uri = data_uri(png, "png") if len(png) < len(svg) else uri
        found.append(Picture(kind, _sentence(captions[kind]), uri))
    return found


def data_uri(contents: bytes, fmt: str) -> str:
    """Return the contents of a picture file as a URI."""
    return f"data:{_MIME[fmt]};base64,{base64.b64encode(contents).decode('ascii')}"


def _leave_out(reason: str) -> None:
    """A kind that this result has no data for is no loss in a report of all there is."""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
