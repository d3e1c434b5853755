"""Markdown tables between markers of benchmarks/README.md, so that one command regenerates them."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from pathlib import Path

README = Path(__file__).parent / "README.md"


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; numbers are right-aligned."""
    lines = [
        "| " + " | ".join(header) + " |",
        "|" + "|".join("---" if k == 0 else "---:" for k in range(len(header))) + "|",
    ]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """The processor the figures belong to."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = re.search(r"model name\s*:\s*(.+)", text)
        return name.group(1).strip() if name else platform.processor()
    except OSError:
        return platform.processor() or platform.machine()


def publish(name: str, command: str, text: str, write: bool) -> None:
    """Print a section; with `write`, put it between its markers in the README."""
    print(f"\n## {name}\n\n{text}")
    if not write:
        return
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    body = f"{begin}\n`{command}`, {machine()}\n\n{text}\n{end}"
    old = README.read_text() if README.exists() else "# Benchmarks\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new = pattern.sub(lambda _: body, old) if pattern.search(old) else f"{old.rstrip()}\n\n## {name}\n\n{body}\n"
    README.write_text(new)


def published(name: str) -> str:
    """A section as it is in the README; empty if there is none."""
    found = re.search(
        f"<!-- begin {re.escape(name)} -->(.*?)<!-- end {re.escape(name)} -->", README.read_text(), re.DOTALL
    )
    return found.group(1) if found else ""
