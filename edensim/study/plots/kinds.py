"""Kinds of figures by what they are drawn from, and how they are named; apart from the drawing, as `formats`."""

from __future__ import annotations

from edensim.errors import ConfigError, did_you_mean

RUN, RUNS, SWEEP, LOAD, TRACE = "a run", "several runs", "a sweep", "a latency table", "a command trace"

KINDS: dict[str, dict[str, str]] = {
    RUN: {
        "energy": "DRAM energy by component, a stack per operating point",
        "partitions": "DRAM energy by partition",
        "timeline": "bandwidth and row hits over time",
        "points": "energy and time relative to the main point",
        "layers": "time and energy, layer by layer",
        "power": "average power over time, by component",
    },
    RUNS: {"energy": "the energy stacks of all runs side by side"},
    SWEEP: {
        "energy": "DRAM energy by component along an axis",
        "vdd": "energy and time against VDD, a line per value of the next axis",
        "trcd": "energy and time against tRCD, a line per value of the next axis",
        "lines": "the same against any other axis",
        "heatmap": "metrics over two axes",
        "pareto": "energy against time, with the points that no other beats",
    },
    LOAD: {"latency": "read latency against throughput"},
    TRACE: {
        "energy": "DRAM energy by component, a stack per setting of the supplies",
        "power": "average power over time, by component",
    },
}
"""What can be drawn from what."""

NAMES = tuple(dict.fromkeys(name for kinds in KINDS.values() for name in kinds))

MOST_NAMED = 16
"""Names that a message lists."""


class CannotDrawError(ConfigError):
    """A figure that this result has no data for; the message says what is missing."""


class ShownElsewhereError(CannotDrawError):
    """A figure that would repeat others; nobody misses it where all are drawn."""


def parse_kinds(text: str) -> tuple[str, ...]:
    """Return the kinds that `--kind` names; none for `all`.

    Raises
    ------
    ConfigError
        If one is unknown; the message gives the nearest names.
    """
    names = [word.strip() for word in text.split(",") if word.strip()]
    problems = [unknown("kind of figure", name, (*NAMES, "all")) for name in names if name not in (*NAMES, "all")]
    if not names:
        problems = [f"--kind names no figure: expected all, or one or more of {', '.join(NAMES)}."]
    if problems:
        raise ConfigError(problems)
    return () if "all" in names else tuple(dict.fromkeys(names))


def sources_of(kind: str) -> str:
    """What a kind can be drawn from, for messages."""
    return " or ".join(source for source, kinds in KINDS.items() if kind in kinds)


def unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    """Sentence about a name that is not there, with the nearest ones that are."""
    shown = ", ".join(known[:MOST_NAMED]) + (" …" if len(known) > MOST_NAMED else "")
    return f"{what} {name!r} is unknown{did_you_mean(name, known)} (expected {shown})"
