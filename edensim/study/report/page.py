"""The page around the sections: head, title, facts, table of contents, foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from edensim.printable import utf8
from edensim.study.report.markup import Markup, joined, stylesheet, tag

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Section:
    """One section: anchor, heading, contents."""

    anchor: str
    heading: str
    body: Markup


@dataclass(frozen=True)
class Fact:
    """One number that stands large at the top, and what it belongs to."""

    label: str
    value: str
    note: str = ""


def page(title: str, kicker: str, facts: Sequence[Fact], sections: Sequence[Section], foot: str) -> bytes:
    """Lay out a whole file, UTF-8."""
    css = resources.files("edensim.study.report").joinpath("report.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        stylesheet(css),
    )
    contents = tag("nav", tag("ul", *(tag("li", tag("a", s.heading, href=f"#{s.anchor}")) for s in sections)))
    top = tag("header", tag("p", kicker, class_="kicker"), tag("h1", title), _facts(facts), contents)
    main = tag("main", *(tag("section", tag("h2", s.heading), s.body, id=s.anchor) for s in sections))
    body = tag("body", top, main, tag("footer", foot))
    return utf8("<!DOCTYPE html>\n" + tag("html", head, "\n", body, lang="en") + "\n")


def _facts(facts: Sequence[Fact]) -> Markup:
    return tag(
        "dl",
        *(tag("div", tag("dt", f.label), tag("dd", f.value, tag("small", f.note) if f.note else None)) for f in facts),
        class_="facts",
    )


def terms(rows: Sequence[tuple[str, Markup | str]]) -> list[list[Markup | str]]:
    """Return the rows that have something to say."""
    return [[name, value] for name, value in rows if value]


def code(text: str) -> Markup | str:
    """Text in fixed pitch, "" if there is none."""
    return joined([tag("code", text)]) if text else ""
