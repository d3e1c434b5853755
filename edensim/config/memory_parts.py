"""A memory from its parts: `[dram] organisation = "ddr4-8gb-x8"` and `speed_bin = "ddr4-2400r"`.

An organisation tells what a device is made of, and the times that depend on its density; a speed bin tells how fast it
goes. Times that depend on the page size as well stand in the bin's tables `page.BYTES`. Parts lie below everything: a
preset names its own, a file may name others. Currents belong to one part number, so those of a preset are dropped when
a file replaces a part of it.
"""

from __future__ import annotations

from edensim.config.presets import Presets
from edensim.config.tree import Node, Origin, Problems, merge, without
from edensim.errors import ConfigError

PARTS = ("organisation", "speed_bin")
PAGES = "page"


def on_its_parts(preset: Node | None, written: Node, presets: Presets, problems: Problems) -> tuple[Node, bool]:
    """A memory (`preset` below `written`) over the parts that it names, and whether all of them could be read."""
    if preset is not None and any(_replaced(preset, written, part) for part in PARTS):
        preset = without(preset, ("power",))
    own = written if preset is None else merge(preset, written)
    low, sources, all_read = Node({}, own.origin), [], True
    for part in PARTS:
        name = own.get(part)
        if name is None or name.value is None:
            continue
        if not isinstance(name.value, str):
            all_read = False  # the schema says what is wrong with it
            continue
        try:
            read = presets.load(part, name.value)
        except ConfigError as error:
            problems.add(name.origin, ("dram", part), str(error))
            all_read = False
            continue
        _same_standard(low, read, name.origin, problems)
        sources += [source] if (source := read.get("source")) else []
        low = merge(low, read)
    if not low.value:
        return own, all_read
    if sources:
        text = "; ".join(dict.fromkeys(source.value for source in sources))
        low = merge(low, Node({"source": Node(text, sources[-1].origin)}, low.origin))
    return merge(without(_with_page(low, own, problems), (PAGES,)), own), all_read


def _replaced(preset: Node, written: Node, part: str) -> bool:
    before, after = preset.get(part), written.get(part)
    return after is not None and (before is None or before.value != after.value)


def _same_standard(low: Node, read: Node, origin: Origin, problems: Problems) -> None:
    one, other = low.get("standard"), read.get("standard")
    if one is not None and other is not None and one.value != other.value:
        problems.add(
            origin,
            ("dram", PARTS[1]),
            f"a speed bin of {other.value}, but the organisation is one of {one.value}; expected one of {one.value}",
        )


def _with_page(low: Node, own: Node, problems: Problems) -> Node:
    """With the times that the speed bin has for the page size of the organisation."""
    pages, memory = low.get(PAGES), merge(low, own)
    columns, width = memory.get("columns"), memory.get("device_width_bits")
    if pages is None or columns is None or width is None:
        return low
    if not isinstance(columns.value, int) or not isinstance(width.value, int):
        return low  # the schema says what is wrong with it
    size = columns.value * width.value // 8
    timing, given = pages.get(str(size)), own.get("timing")
    if timing is None:
        if given is not None and all(given.get(time) for page in pages.value.values() for time in page.value):
            return low
        nearest = min(pages.value, key=lambda known: abs(int(known) - size))
        timing = pages.value[nearest]  # so that nothing is called missing as well
        if size & (size - 1) == 0:  # else the number of columns itself is refused
            known = ", ".join(sorted(pages.value, key=int))
            part, node = PARTS[1], own.get(PARTS[1])
            for key in ("columns", "device_width_bits"):
                if (mine := own.get(key)) is not None and mine.origin.kind != "preset":
                    part, node = key, mine
            assert node is not None  # only speed bins have tables of pages
            problems.add(
                node.origin,
                ("dram", part),
                f"the speed bin has no times for a page of {size} bytes ({columns.value} columns of {width.value} "
                f"bits); it has them for {known} bytes",
            )
    return merge(low, Node({"timing": timing}, timing.origin))
