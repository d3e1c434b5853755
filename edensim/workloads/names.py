"""Layer names: unique within a network, printable, short."""

from __future__ import annotations

LONGEST = 120


def unused_name(wanted: str, taken: set[str]) -> str:
    """Return `wanted` (unprintable characters replaced, cut) or `wanted#2`, `#3`, … and add it to `taken`.

    "input" always counts as taken: it names the network's input.
    """
    clean = "".join(c if c.isprintable() else "_" for c in wanted.strip())[:LONGEST] or "layer"
    name, count = clean, 1
    while name in taken or name == "input":
        count += 1
        name = f"{clean}#{count}"
    taken.add(name)
    return name
