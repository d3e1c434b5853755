"""Caches at line granularity: any number of levels, LRU, tree PLRU or random, inclusive or not, with prefetchers.

A level keeps one word per way: (line number + 1) << 2 | prefetched << 1 | dirty, or 0. Under LRU the ways of a set are
kept in order of use, so the newest is looked at first and the oldest falls out of the end. Under PLRU one more word per
set holds the tree.

An access goes down until it hits; then dirty victims are written back, those of the deepest level first. A write-back
that misses allocates without reading. Everything the last level asks of memory, and on request every access that
reaches `emit_level`, is written to a stream of words.

All state lies in one record: passing arrays through these functions, each with a count of references to keep, costs
several times their work.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import LANES, find_lane, find_lane_8, jit, jit_inline, push_lanes, push_lanes_8

DIRTY, PREFETCHED = 1, 2
CLEAR = 0xFFFFFFFC
EMPTY = 0
HIT, HIT_PREFETCHED, NO_VICTIM = -3, -2, -1
LRU, PLRU, RANDOM = range(3)
NO_PREFETCH, STREAM, STRIDE = range(3)
MAX_LEVELS = 8
TABLE_ENTRIES = 64
TAG_WORDS = 1 << 23  # half a gigabyte of caches; memory that is not used is never touched
OUT_RECORDS = 1 << 17
PAGE_LINES_SHIFT = 6  # 4 KiB pages of 64 B lines: prefetchers do not cross them
CONFIDENT = 2
# a touch: line << 16 | gap << 6 | stream << 2 | dependent << 1 | write
STREAM_SHIFT, STREAM_MASK, GAP_SHIFT, GAP_MASK, LINE_SHIFT = 2, 15, 6, 1023, 16
# a record: line << 34 | gap << 11 | level << 8 | stream << 4 | store << 3 | prefetch << 2 | dependent << 1 | write
WRITE, DEPENDENT, PREFETCH, STORE = 1, 2, 4, 8
RECORD_STREAM_SHIFT, RECORD_LEVEL_SHIFT, RECORD_GAP_SHIFT, RECORD_LINE_SHIFT = 4, 8, 11, 34
RECORD_GAP_MASK = (1 << 23) - 1
# a line that left an inclusive level that cores share: line << 4 | level << 1 | dirty
GONE_DIRTY, GONE_LEVEL_SHIFT, GONE_LEVEL_MASK, GONE_LINE_SHIFT = 1, 1, 7, 4
SHARED_RECORDS = 1024  # that one record may leave behind shared levels, and lines that it may push out of them

COUNTS = "reads read_misses writes write_misses write_backs prefetches prefetch_hits back_invalidations".split()
SHAPE = "tags trees sets_mask ways policy inclusive hash_shift prefetcher degree distance".split()
LEVEL = np.dtype(
    (
        np.record,
        [(name, np.int64) for name in SHAPE + COUNTS]
        + [(name, np.int64, (TABLE_ENTRIES,)) for name in ("last", "step", "confidence")]
        + [("victim", np.int64)],
    )
)
HIERARCHY = np.dtype(
    (
        np.record,
        [(name, np.int64) for name in "depth emit_level instructions written reached below watched gone".split()]
        + [("gone_lines", np.int64, (SHARED_RECORDS,))]
        + [("random", np.uint64), ("levels", LEVEL, (MAX_LEVELS,))]
        + [("out", np.uint64, (OUT_RECORDS,)), ("tags", np.uint32, (TAG_WORDS,))],
    )
)


# ---- one set


@jit_inline
def find_lru(h, first, ways, key, write):
    """Look `key` up in a set kept in order of use; on a miss it enters in front and the oldest entry is returned."""
    if ways <= 8:
        way = find_lane_8(h.tags, first, key, CLEAR, ways)
    elif ways <= LANES:
        way = find_lane(h.tags, first, key, CLEAR, ways)
    else:
        return find_lru_wide(h, first, ways, key, write)
    found = NO_VICTIM
    if way < ways:
        entry = np.int64(h.tags[first + way])
        found = HIT_PREFETCHED if entry & PREFETCHED else HIT
        write |= entry & DIRTY
    else:
        way = ways - 1
        entry = np.int64(h.tags[first + way])
        if entry != EMPTY:
            found = entry
    if ways <= 8:
        push_lanes_8(h.tags, first, way, key | write)
    else:
        push_lanes(h.tags, first, way, key | write)
    return found


@jit
def find_lru_wide(h, first, ways, key, write):
    """As `find_lru`, for more ways than a vector has lanes."""
    held = np.int64(key)
    for i in range(ways):
        entry = np.int64(h.tags[first + i])
        h.tags[first + i] = held
        if entry & CLEAR == key:
            h.tags[first] = key | (entry & DIRTY) | write
            return HIT_PREFETCHED if entry & PREFETCHED else HIT
        held = entry
    h.tags[first] = key | write
    return NO_VICTIM if held == EMPTY else held


@jit
def find_in_place(h, first, ways, key):
    """Way that holds `key`, or -1."""
    if ways <= 8:
        way = find_lane_8(h.tags, first, key, CLEAR, ways)
        return way if way < ways else -1
    for begin in range(0, ways, LANES):
        count = min(ways - begin, LANES)
        way = find_lane(h.tags, first + begin, key, CLEAR, count)
        if way < count:
            return begin + way
    return -1


@jit
def point_away(h, tree, ways, way):
    """Make every tree bit on the path to `way` point to the other side (tree PLRU)."""
    bits = np.int64(h.tags[tree])
    node, size = 1, ways
    while size > 1:
        size >>= 1
        right = (way // size) & 1
        bits = (bits & ~(1 << node)) | ((1 - right) << node)
        node = 2 * node + right
    h.tags[tree] = bits


@jit
def pointed_at(h, tree, ways):
    """Way that the tree bits of a set point to."""
    bits = np.int64(h.tags[tree])
    node, size, way = 1, ways, 0
    while size > 1:
        size >>= 1
        right = (bits >> node) & 1
        way += right * size
        node = 2 * node + right
    return way


@jit
def random_way(h, ways):
    """Next victim of a random policy (xorshift64, upper bits)."""
    x = h.random
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    h.random = x
    return np.int64((x >> np.uint64(33)) % np.uint64(ways))


@jit
def find_fixed(h, lv, first, s, key, write):
    """Look `key` up in a set whose entries stay in their ways (PLRU and random); empty ways are filled first."""
    ways = lv.ways
    way = find_in_place(h, first, ways, key)
    found = HIT
    if way >= 0:
        entry = np.int64(h.tags[first + way])
        if entry & PREFETCHED:
            found = HIT_PREFETCHED
        write |= entry & DIRTY
    else:
        way = find_in_place(h, first, ways, EMPTY)
        if way < 0:
            way = pointed_at(h, lv.trees + s, ways) if lv.policy == PLRU else random_way(h, ways)
        found = np.int64(h.tags[first + way])
        if found == EMPTY:
            found = NO_VICTIM
    h.tags[first + way] = key | write
    if lv.policy == PLRU:
        point_away(h, lv.trees + s, ways, way)
    return found


# ---- one level


@jit_inline
def set_of(lv, line):
    """Set of a line; with hashing, upper line bits are folded in (as in sliced last-level caches)."""
    shift = lv.hash_shift
    if shift:
        line = line ^ (line >> shift) ^ (line >> (2 * shift))
    return line & lv.sets_mask


@jit_inline
def look_up(h, lv, line, write):
    """Access one level; returns HIT, HIT_PREFETCHED, NO_VICTIM or the entry that had to leave."""
    s = set_of(lv, line)
    first = lv.tags + s * lv.ways
    key = (line + 1) << 2
    if lv.policy == LRU:
        found = find_lru(h, first, lv.ways, key, write)
    else:
        found = find_fixed(h, lv, first, s, key, write)
    return found


@jit
def place_of(h, lv, line):
    """Index of the entry that holds a line, or -1; changes nothing."""
    first = lv.tags + set_of(lv, line) * lv.ways
    key = (line + 1) << 2
    if np.int64(h.tags[first]) & CLEAR == key:
        return first
    way = find_in_place(h, first, lv.ways, key)
    return -1 if way < 0 else first + way


@jit
def drop(h, lv, line):
    """Remove a line from a level; returns 1 if it was there and dirty, 0 if clean, -1 if absent."""
    at = place_of(h, lv, line)
    if at < 0:
        return -1
    dirty = np.int64(h.tags[at]) & DIRTY
    if lv.policy == LRU:  # the rest moves up, the empty place becomes the oldest
        last = lv.tags + set_of(lv, line) * lv.ways + lv.ways - 1
        while at < last:
            h.tags[at] = h.tags[at + 1]
            at += 1
    h.tags[at] = EMPTY
    return dirty


@jit
def leave(h, level, victim):
    """A victim leaves an inclusive level: levels above lose it too, and what they wrote goes with it."""
    line = (victim >> 2) - 1
    for above in range(level):
        lv = h.levels[above]
        dirty = drop(h, lv, line)
        if dirty >= 0:
            lv.back_invalidations += 1
        if dirty > 0:
            victim |= DIRTY
    if h.watched:
        h.gone_lines[h.gone] = (line << GONE_LINE_SHIFT) | (level << GONE_LEVEL_SHIFT) | (victim & DIRTY)
        h.gone += 1
    return victim


# ---- the hierarchy


@jit_inline
def emit(h, line, flags, stream, level):
    """Append a record; its gap is the instructions since the one before."""
    gap = min(h.instructions, RECORD_GAP_MASK)
    h.instructions -= gap
    word = (gap << RECORD_GAP_SHIFT) | (level << RECORD_LEVEL_SHIFT) | (stream << RECORD_STREAM_SHIFT) | flags
    h.out[h.written] = (np.uint64(line) << np.uint64(RECORD_LINE_SHIFT)) | np.uint64(word)
    h.written += 1


@jit
def write_back(h, level, line, stream):
    """Write a dirty victim of the level above into `level`, and what that pushes out further down."""
    h.levels[level - 1].write_backs += 1
    write_into(h, level, line, stream)


@jit
def write_into(h, level, line, stream):
    """Write a dirty line into `level`, and what that pushes out further down."""
    while level < h.depth:
        lv = h.levels[level]
        lv.writes += 1
        victim = look_up(h, lv, line, 1)
        if victim < NO_VICTIM:
            return
        lv.write_misses += 1
        if victim != NO_VICTIM and lv.inclusive:
            victim = leave(h, level, victim)
        if victim == NO_VICTIM or victim & DIRTY == 0:
            return
        line = (victim >> 2) - 1
        level += 1
        h.levels[level - 1].write_backs += 1
    emit(h, line, WRITE, stream, level)


@jit
def fetch(h, level, line, write, flags, stream):
    """Read a line through `level` and below, until a level has it (`h.reached`; the depth if memory must be read)."""
    top, depth = level, h.depth
    emit_level = h.emit_level
    while level < depth:
        lv = h.levels[level]
        lv.reads += 1
        found = look_up(h, lv, line, write)
        if found < NO_VICTIM:
            if found == HIT_PREFETCHED and flags & PREFETCH == 0:
                lv.prefetch_hits += 1
                emit_level = level  # its data may still be on their way: always a record
            break
        lv.read_misses += 1
        if lv.inclusive and found != NO_VICTIM:
            found = leave(h, level, found)
        lv.victim = found
        write = 0
        level += 1
    h.reached = level
    if level >= emit_level:
        emit(h, line, flags, stream, level)
    for k in range(level - 1, top - 1, -1):
        victim = h.levels[k].victim
        if victim != NO_VICTIM and victim & DIRTY:
            write_back(h, k + 1, (victim >> 2) - 1, stream)


# ---- prefetchers


@jit
def train(lv, entry, line):
    """Learn from an access; returns the step to prefetch along, 0 for none yet."""
    last = lv.last[entry]
    step = line - last
    if lv.prefetcher == STREAM and last >> PAGE_LINES_SHIFT != line >> PAGE_LINES_SHIFT:
        lv.last[entry] = line
        lv.step[entry] = 0
        lv.confidence[entry] = 0
        return 0
    if step == 0:
        return 0
    lv.last[entry] = line
    if step != lv.step[entry]:
        lv.step[entry] = step
        lv.confidence[entry] = 1
        return 0
    lv.confidence[entry] += 1
    if lv.prefetcher == STREAM and (step > 1 or step < -1):
        return 0
    return step if lv.confidence[entry] >= CONFIDENT else 0


@jit
def prefetch(h, level, line, stream):
    """Let the prefetcher of `level` see an access and bring in what it asks for."""
    lv = h.levels[level]
    page = line >> PAGE_LINES_SHIFT
    step = train(lv, page % TABLE_ENTRIES if lv.prefetcher == STREAM else stream, line)
    if step == 0:
        return
    for k in range(lv.degree):
        target = line + step * (lv.distance + k)
        if target < 0 or target >> PAGE_LINES_SHIFT != page or place_of(h, lv, target) >= 0:
            continue
        lv.prefetches += 1
        fetch(h, level, target, 0, PREFETCH, stream)
        at = place_of(h, lv, target)
        if at >= 0:  # its own write-backs may have pushed it out again
            h.tags[at] |= PREFETCHED


# ---- what leaves private caches, in caches that several cores share


@jit
def look_up_shared(h, word):
    """Let a record of a core's own caches go through the shared ones; what follows from it is in `out`."""
    h.written = 0
    line = np.int64(word >> np.uint64(RECORD_LINE_SHIFT))
    flags = np.int64(word & np.uint64(15))
    stream = np.int64(word >> np.uint64(RECORD_STREAM_SHIFT)) & STREAM_MASK
    if flags & WRITE:
        write_into(h, 0, line, stream)
        return
    fetch(h, 0, line, 0, flags, stream)
    if flags & PREFETCH == 0:
        for level in range(min(h.reached + 1, h.depth)):
            if h.levels[level].prefetcher:
                prefetch(h, level, line, stream)


# ---- a stream of touches


@jit_inline
def reach(h, line, write, flags, stream):
    """One touch that is not the newest line of its first-level set."""
    fetch(h, 0, line, write, flags, stream)
    for level in range(min(h.reached + 1, h.depth)):
        if h.levels[level].prefetcher:
            prefetch(h, level, line, stream)


@jit
def run_touches(hierarchy, touches, begin, end, room):
    """Drive touches through the caches until done or until `out` could overflow; returns how far it came.

    The records written are `written` of the hierarchy. `room` is the most records that one touch can leave.
    """
    h = hierarchy[0]
    h.written = 0
    first = h.levels[0]
    mask, ways = first.sets_mask, first.ways
    plain = first.policy == LRU and first.hash_shift == 0 and first.prefetcher == NO_PREFETCH
    limit = OUT_RECORDS - room
    gaps = hits = 0
    i = begin
    while i < end and h.written <= limit:
        touch = np.int64(touches[i])
        i += 1
        gaps += (touch >> GAP_SHIFT) & GAP_MASK
        line = touch >> LINE_SHIFT
        write = touch & 1
        if plain:
            at = np.uint64((line & mask) * ways)
            held = np.int64(h.tags[at])
            if held & ~DIRTY == (line + 1) << 2:
                h.tags[at] = held | write
                hits += 1
                continue
        h.instructions += gaps
        gaps = 0
        flags = (touch & DEPENDENT) | write * STORE
        reach(h, line, write, flags, (touch >> STREAM_SHIFT) & STREAM_MASK)
    h.instructions += gaps
    first.reads += hits
    return i
