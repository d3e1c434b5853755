"""Layer names: unique within a network, printable, short (tensors and result rows are named after layers)."""

from __future__ import annotations

LONGEST = 120


class Names:
    """Names given out so far; "input" is taken from the start, it means the network's input."""

    def __init__(self) -> None:
        self._uses = {"input": 1}

    def take(self, wanted: str) -> str:
        """Return `wanted` (unprintable characters replaced, cut), or `wanted#2`, `#3`, … if it is taken."""
        clean = "".join(c if c.isprintable() else "_" for c in wanted.strip())[:LONGEST] or "layer"
        count = self._uses.get(clean, 0) + 1
        name = clean if count == 1 else f"{clean}#{count}"
        while name in self._uses:
            count += 1
            name = f"{clean}#{count}"
        self._uses[clean] = count
        self._uses.setdefault(name, 1)
        return name
