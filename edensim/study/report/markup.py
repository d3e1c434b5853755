"""HTML that cannot be written unescaped: text becomes markup only through `tag`, which escapes it.

Not modelled: raw markup from outside; there is no way to pass any.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

VOID = frozenset({"meta", "img"})
_URLS = frozenset({"href", "src"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already. Made by this module only."""

    __slots__ = ()


Child = str | Markup | None


def escaped(text: str) -> Markup:
    """Text as HTML, also fit for a quoted attribute; characters that HTML forbids become U+FFFD."""
    return Markup(html.escape(_CONTROL.sub("\ufffd", text), quote=True))


def joined(children: Iterable[Child]) -> Markup:
    """Several pieces one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else escaped(c) for c in children if c is not None))


def tag(name: str, /, *children: Child, **attributes: str | None) -> Markup:
    """One element. A trailing underscore of an attribute's name is dropped (`class_`); None omits the attribute.

    Raises
    ------
    ValueError
        If a link leads out of the file: `href` must start with "#", `src` with "data:".
    """
    written = []
    for key, value in attributes.items():
        if value is None:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        if attribute in _URLS and not value.startswith(("#", "data:image/")):
            raise ValueError(f"{attribute}={value!r} leads out of the file")
        written.append(f' {attribute}="{escaped(value)}"')
    head = f"<{name}{''.join(written)}>"
    return Markup(head if name in VOID else f"{head}{joined(children)}</{name}>")


def stylesheet(css: str) -> Markup:
    """Style element. `css` is a file of this package; it must not hold a tag or a reference to another file."""
    if "<" in css or "url(" in css or "@import" in css:
        raise ValueError("a style sheet of a report must stand for itself")
    return Markup(f"<style>{css}</style>")


def table(
    head: Sequence[Child], rows: Iterable[Sequence[Child]], numbers_from: int = 1, label: str = "", class_: str = ""
) -> Markup:
    """Table that scrolls inside its own container; the first column is a header, later ones hold numbers."""

    def cells(row: Sequence[Child], kind: str) -> Markup:
        return joined(
            tag(
                "th" if k == 0 else kind,
                cell,
                class_="n" if k >= numbers_from else None,
                scope=("col" if kind == "th" else "row" if k == 0 else None),
            )
            for k, cell in enumerate(row)
        )

    body = [tag("tr", cells(row, "td")) for row in rows]
    inner = tag("table", tag("thead", tag("tr", cells(head, "th"))), tag("tbody", *body))
    return tag("div", inner, class_=f"scroll {class_}".strip(), tabindex="0", role="region", aria_label=label or None)
