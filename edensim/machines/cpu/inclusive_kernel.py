"""Caches of several cores above an inclusive level that they share: what leaves that level leaves the cores too.

What a core's own caches ask for then depends on what the other cores do, so touches go through them as the cores run,
not beforehand. A copy that a core has written since is newer than the line that leaves: it is written behind it.

Not modelled: the race of a dirty line that one access drives out of a core's cache and out of a shared level at once.
Its write-back comes after that access, finds it gone and puts it into the first shared level alone.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import jit
from edensim.machines.cpu.cache_kernel import (
    DEPENDENT,
    GAP_MASK,
    GAP_SHIFT,
    GONE_DIRTY,
    GONE_LEVEL_MASK,
    GONE_LEVEL_SHIFT,
    GONE_LINE_SHIFT,
    LINE_SHIFT,
    RECORD_STREAM_SHIFT,
    STORE,
    STREAM_MASK,
    STREAM_SHIFT,
    drop,
    look_up_shared,
    reach,
    write_back,
)


@jit
def touch_own(h, word):
    """One touch of a core goes through its own caches; what follows from it is in `out`."""
    h.written = 0
    touch = np.int64(word)
    h.instructions += (touch >> GAP_SHIFT) & GAP_MASK
    write = touch & 1
    flags = (touch & DEPENDENT) | write * STORE
    reach(h, touch >> LINE_SHIFT, write, flags, (touch >> STREAM_SHIFT) & STREAM_MASK)


@jit
def drop_copies(hierarchies, group, line):
    """A line leaves the caches of all cores above `group`; returns whether one of them had written it."""
    newer = 0
    for k in range(len(hierarchies)):
        h = hierarchies[k]
        if h.below == group:
            for level in range(h.depth):
                lv = h.levels[level]
                dirty = drop(h, lv, line)
                if dirty >= 0:
                    lv.back_invalidations += 1
                    newer |= dirty
    return newer


@jit
def look_up_inclusive(hierarchies, group, word):
    """`look_up_shared`, and what it pushes out of inclusive levels leaves the cores above."""
    h = hierarchies[group]
    h.gone = 0
    look_up_shared(h, word)
    stream = np.int64(word >> np.uint64(RECORD_STREAM_SHIFT)) & STREAM_MASK
    k = 0
    while k < h.gone:  # writing back may push out more
        entry = h.gone_lines[k]
        line = entry >> GONE_LINE_SHIFT
        newer = drop_copies(hierarchies, group, line)
        if newer and not entry & GONE_DIRTY:
            write_back(h, ((entry >> GONE_LEVEL_SHIFT) & GONE_LEVEL_MASK) + 1, line, stream)
        k += 1
