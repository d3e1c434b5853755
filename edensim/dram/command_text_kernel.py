"""Compiled reader of command-trace text: bytes in, arrays of clocks, commands, ranks and banks out.

One pass over the bytes, one state machine for all formats; what a column means is told by `roles`. Rows, columns and
data are not kept: levels and rising edges of data and command lines are counted as they pass (`line_kernel`).
"""

import numpy as np

from edensim.dram.commands import DSMEX, END, NOP, PDEA, PREAB, RD, RDA, REFAB, WR, WRA
from edensim.dram.line_kernel import READ, VALUE, WRITE, count_data, put_command
from edensim.jit import jit, jit_pasted

# ---- what a column means
CLOCK, COMMAND, RANK, GROUP, BANK, CHANNEL, ROW, COLUMN, HEX_ROW, HEX_COLUMN, NUMBER, DATA = range(12)

# ---- problems
(
    FINE,
    FEW_COLUMNS,
    MANY_COLUMNS,
    EMPTY_FIELD,
    NOT_DECIMAL,
    HEX_IN_DECIMAL,
    NOT_HEX,
    UNKNOWN_COMMAND,
    TOO_LARGE,
    OTHER_CHANNEL,
    BAD_GROUP,
    BAD_BANK,
    ODD_DATA,
) = range(13)

# ---- cells of `conf`
COLUMNS, OPTIONAL, COMMAS, IN_GROUP, GROUPS, BANKS_PER_GROUP = range(6)
CONF_FIELDS = 6

# ---- cells of `run`
THE_CHANNEL, MISMATCH, PROBLEM, LINE, WORD, WITHOUT_DATA = range(6)
RUN_FIELDS = 6

SLOTS = 256
HASH_FACTOR, HASH_MASK = 31, (1 << 55) - 1
"""Hash of a name: key = (31 key + letter) mod 2^55, which never overflows."""
NEWLINE, SPACE, TAB, RETURN, COMMA, HASH, MINUS = 10, 32, 9, 13, 44, 35, 45
MOST = 1 << 56


@jit_pasted
def rank_wide(command):
    """Whether a command is for a whole rank, so that its bank does not matter."""
    return command >= PDEA and command <= DSMEX


@jit
def find_command(text, start, end, keys, codes):
    """Number of the command that the word is (capitals or not), or -1."""
    key = np.int64(0)
    for k in range(start, end):
        letter = text[k]
        if letter >= 97 and letter <= 122:
            letter -= 32
        key = (key * HASH_FACTOR + np.int64(letter)) & HASH_MASK
    slot = key & (SLOTS - 1)
    while codes[slot] >= 0:
        if keys[slot] == key:
            return np.int64(codes[slot])
        slot = (slot + 1) & (SLOTS - 1)
    return np.int64(-1)


@jit_pasted
def read_number(text, start, end):
    """Value of a decimal number, -1 for "-1" ("any", in other simulators' traces), or minus a problem - 1."""
    negative = text[start] == MINUS
    first = start + 1 if negative else start
    value = np.int64(0)
    problem = NOT_DECIMAL if first == end else FINE
    for k in range(first, end):
        digit = np.int64(text[k]) - 48
        if digit < 0 or digit > 9:
            prefix = (text[k] | 32) == 120 and k == first + 1
            problem = HEX_IN_DECIMAL if prefix or VALUE[text[k]] < 16 else NOT_DECIMAL
            break
        value = value * 10 + digit
        if value > MOST:
            problem = TOO_LARGE
            break
    if problem == FINE and negative:
        if value != 1:
            problem = NOT_DECIMAL
        value = -1
    return value if problem == FINE else np.int64(-1 - problem)


@jit_pasted
def read_hex(text, start, end):
    """Value of a word with 0x, 0 for the "-1" or "0" that DRAMsim3 prints where nothing matters, or -1 - NOT_HEX."""
    if text[start] == MINUS or end - start == 1 and text[start] == 48:
        return np.int64(0)
    good = end - start > 2 and end - start < 17 and text[start] == 48 and (text[start + 1] | 32) == 120
    value = np.int64(0)
    for k in range(start + 2, end):
        digit = np.int64(VALUE[text[k]])
        good = good and digit < 16
        value = value << 4 | digit & 15
    return value if good else np.int64(-1 - NOT_HEX)


@jit
def parse_commands(text, roles, keys, codes, conf, run, line_states, clocks, commands, ranks, banks, lines):
    """Parse whole lines; returns how many commands stand before the end, or before the problem that `run` holds.

    `line_states[0]` counts levels of data and command lines.
    """
    counting = line_states[0]
    columns, least, commas = conf[COLUMNS], conf[COLUMNS] - conf[OPTIONAL], conf[COMMAS] != 0
    per_group, groups, in_group = conf[BANKS_PER_GROUP], conf[GROUPS], conf[IN_GROUP] != 0
    place, size, line, found = 0, len(text), 0, 0
    while place < size:
        column, problem, pending, data = 0, FINE, False, False
        clock, command, rank, group, bank = np.int64(0), np.int64(-1), np.int64(0), np.int64(0), np.int64(0)
        row, cell = np.int64(0), np.int64(0)
        while True:
            while text[place] == SPACE or text[place] == TAB or text[place] == RETURN:
                place += 1
            if text[place] == NEWLINE or text[place] == HASH:
                if pending:
                    problem = EMPTY_FIELD
                break
            if column >= columns:
                problem = MANY_COLUMNS
                break
            start = place
            while text[place] > SPACE and text[place] != HASH and not (commas and text[place] == COMMA):
                place += 1
            end = place
            role = roles[column]
            if end == start:
                problem = EMPTY_FIELD
            elif role == COMMAND:
                command = find_command(text, start, end, keys, codes)
                if command < 0:
                    problem = UNKNOWN_COMMAND
            elif role == DATA:
                written = command == WR or command == WRA
                if not written and command != RD and command != RDA:
                    problem = MANY_COLUMNS
                elif counting.lanes:
                    data = True
                    if not count_data(counting, text, start, end, clock, WRITE if written else READ):
                        problem = ODD_DATA
            else:
                is_hex = role == HEX_ROW or role == HEX_COLUMN
                value = read_hex(text, start, end) if is_hex else read_number(text, start, end)
                if value < -1:
                    problem = -1 - value
                elif role == CLOCK:
                    clock = value
                    if value < 0:
                        problem = NOT_DECIMAL
                elif role == RANK:
                    rank = max(value, 0)
                elif role == GROUP:
                    group = value
                elif role == BANK:
                    bank = value
                elif role == ROW or role == HEX_ROW:
                    row = max(value, 0)
                elif role == COLUMN or role == HEX_COLUMN:
                    cell = max(value, 0)
                elif role == CHANNEL:
                    if run[THE_CHANNEL] < 0:
                        run[THE_CHANNEL] = value
                    elif run[THE_CHANNEL] != value:
                        problem = OTHER_CHANNEL
            if problem != FINE:
                break
            column += 1
            pending = False
            while text[place] == SPACE or text[place] == TAB or text[place] == RETURN:
                place += 1
            if commas:
                if text[place] == COMMA:
                    place += 1
                    pending = True
                elif text[place] != NEWLINE and text[place] != HASH:
                    problem = NOT_DECIMAL
                    break
        if problem == FINE and column != 0:
            if column < least:
                problem = FEW_COLUMNS
            elif command == NOP or command == END or command == PREAB or command == REFAB or rank_wide(command):
                bank = 0
            elif in_group:
                if bank < 0 or bank >= per_group:
                    problem = BAD_BANK
                elif group >= groups:
                    problem = BAD_GROUP
                bank += max(group, 0) * per_group
            elif group != bank // per_group:
                run[MISMATCH] += 1
        if problem != FINE:
            run[PROBLEM], run[LINE], run[WORD] = problem, line, column
            return found
        if column != 0:
            if not data and (command <= WR or command == RDA or command == WRA):
                run[WITHOUT_DATA] += 1
            put_command(counting, clock, command, row, cell, bank, bank // per_group)
            clocks[found], commands[found], ranks[found], banks[found] = clock, command, rank, bank
            lines[found] = line
            found += 1
        while text[place] != NEWLINE:
            place += 1
        place += 1
        line += 1
    return found
