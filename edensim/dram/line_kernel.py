"""Compiled counting of levels and rising edges of data and command lines, as bursts and commands pass.

Three buses: read data, write data (each returns to its idle level between bursts) and the command bus. A command is
one to four words; it is counted when the next one comes, because that one may cut it short.

The state is one record, because handing over several arrays costs 40 ns of reference counts per call.
"""

import numpy as np

from edensim.dram.commands import N_TRACE
from edensim.jit import count_bits, jit, jit_pasted

READ, WRITE, COMMANDS = range(3)
"""Rows of `bus`."""
BURSTS, BEATS, ONES, RISES, FREE_AT = range(5)
"""Columns of `bus`: bursts or commands, transfers of one line, lines high and rising edges over all lines."""
DBI_OFF, DBI_LOW, DBI_HIGH = range(3)
"""A byte is inverted if more than half of it is low, or high; its DBI line is then at that level itself."""
FIELD, WORD, SHIFT, MASK, PLACE = range(5)
"""A part of a command's pattern: `MASK` of a field of the address from bit `SHIFT` on stands at `PLACE` of a word."""
ROW, COLUMN, BANK, GROUP = range(4)
MOST_LANES, MOST_WORDS, MOST_PARTS = 16, 4, 16

LINES = np.dtype(
    (
        np.record,
        [
            ("lanes", np.int64),  # byte lanes of the data lines, 0 if they are not counted
            ("clock_beats", np.int64),
            ("idle", np.int64),  # level of a byte lane between bursts: 0 or 255
            ("dbi", np.int64),
            ("clock_words", np.int64),  # words of a command that move in a clock
            ("idle_word", np.int64),  # level of the command lines between commands
            ("bus", np.int64, (3, 5)),
            ("levels", np.uint8, (2, 2 * MOST_LANES)),  # byte lanes, then DBI lines, of which only bit 0 exists
            ("level", np.int64),  # of the command lines
            ("pending", np.int64),  # words of the last command
            ("since", np.int64),  # its clock
            ("word", np.int64, (MOST_WORDS,)),
            ("words", np.int64, (N_TRACE, 1 + MOST_WORDS)),  # of each command: how many, and their fixed bits
            ("parts", np.int64, (N_TRACE, MOST_PARTS, 5)),  # where bits of the address go
        ],
    )
)

VALUE = np.full(256, 255, np.uint8)
"""Value of a hexadecimal digit, 255 for every other byte."""
for _k, _digits in enumerate("0 1 2 3 4 5 6 7 8 9 aA bB cC dD eE fF".split()):
    VALUE[[ord(x) for x in _digits]] = _k
COUNT = np.array([bin(k).count("1") for k in range(256)], np.uint8)


@jit
def rest_data(lines, row):
    """The lines of a data bus go back to their idle level."""
    idle = np.uint8(lines.idle)
    for lane in range(2 * MOST_LANES):
        lines.bus[row, RISES] += COUNT[~lines.levels[row, lane] & idle]
        lines.levels[row, lane] = idle


@jit_pasted
def drive_flag(lines, row, lane, high):
    """A DBI line goes to a new level; the seven bits of its lane that do not exist stay at the idle level."""
    was = lines.levels[row, lane]
    lines.bus[row, ONES] += high
    lines.bus[row, RISES] += high and was & 1 == 0
    lines.levels[row, lane] = (was & 254) | high


@jit
def count_data(lines, text, start, end, clock, row):
    """Count one burst of hexadecimal data; False if it is no whole number of beats.

    The beat that moves last stands first (DRAMPower's order).
    """
    if end - start > 2 and text[start] == 48 and (text[start + 1] | 32) == 120:
        start += 2
    size = lines.lanes
    digits = end - start
    if digits == 0 or digits % (2 * size):
        return False
    beats = digits // (2 * size)
    at = clock * lines.clock_beats
    if at > lines.bus[row, FREE_AT]:
        rest_data(lines, row)
    for beat in range(beats - 1, -1, -1):
        for lane in range(size):
            place = start + 2 * (beat * size + lane)
            high, low = VALUE[text[place]], VALUE[text[place + 1]]
            if high > 15 or low > 15:
                return False
            byte = np.uint8(high * 16 + low)
            if lines.dbi != DBI_OFF:
                inverted = COUNT[byte] < 4 if lines.dbi == DBI_LOW else COUNT[byte] > 4
                if inverted:
                    byte = np.uint8(byte ^ 255)
                drive_flag(lines, row, MOST_LANES + lane, inverted == (lines.dbi == DBI_HIGH))
            lines.bus[row, ONES] += COUNT[byte]
            lines.bus[row, RISES] += COUNT[~lines.levels[row, lane] & byte]
            lines.levels[row, lane] = byte
    lines.bus[row, BURSTS] += 1
    lines.bus[row, BEATS] += beats
    lines.bus[row, FREE_AT] = at + beats
    return True


@jit
def settle_command(lines, clock):
    """Count what was on the command bus before `clock`: the words of the last command, then the idle level."""
    passed = (clock - lines.since) * lines.clock_words
    counted = min(lines.pending, passed)
    for k in range(counted):
        word = lines.word[k]
        lines.bus[COMMANDS, ONES] += count_bits(word)
        lines.bus[COMMANDS, RISES] += count_bits(~lines.level & word)
        lines.level = word
    if passed > lines.pending:
        lines.bus[COMMANDS, RISES] += count_bits(~lines.level & lines.idle_word)
        lines.level = lines.idle_word
    lines.bus[COMMANDS, BEATS] += counted
    lines.pending = 0


@jit
def put_command(lines, clock, command, row, column, bank, group):
    """Put a command on its bus at `clock`."""
    c = np.uint64(command)
    n = lines.words[c, 0]
    if n == 0:
        return
    settle_command(lines, clock)
    for k in range(n):
        lines.word[k] = lines.words[c, 1 + k]
    for k in range(MOST_PARTS):
        mask = lines.parts[c, k, MASK]
        if mask == 0:
            break
        field = lines.parts[c, k, FIELD]
        value = row if field == ROW else column if field == COLUMN else bank if field == BANK else group
        bits = (value >> lines.parts[c, k, SHIFT] & mask) << lines.parts[c, k, PLACE]
        lines.word[np.uint64(lines.parts[c, k, WORD])] |= bits
    lines.since, lines.pending = clock, n
    lines.bus[COMMANDS, BURSTS] += 1
