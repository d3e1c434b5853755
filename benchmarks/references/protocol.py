"""The protocol checker, which recomputes every gap between commands from the data sheet's table."""

from __future__ import annotations

from checker import check, table
from table import markdown

from edensim.config import Presets

PART, TITLE = "DRAM timing", "JEDEC rules, by the protocol checker"
MERIT = "violations over all memories and policies"
LIMITS = [
    (
        "the checker reads the same constraint table as the controller, with other code",
        "a wrong number in a data sheet's table is not found; sources stand in the presets",
    ),
    ("mode registers, which data are served", "not checked"),
]
COMMANDS = 2_000_000


def measure() -> tuple[str, str]:
    """A sample of the runs of `benchmarks/checker.py`."""
    found, _ = check(Presets().names("dram"), COMMANDS)
    wrong, total = (sum(getattr(family, name) for family in found.values()) for name in ("violations", "commands"))
    text = markdown(*table(found))
    return f"{wrong} in {total:,} commands", f"{text}\n\nMore commands: `python benchmarks/checker.py --commands N`."
