"""Families as data: constraint rows, expressions, errors."""

import itertools
import tomllib
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.dram.standard import evaluate, expression_names, load_standard, parse_standard, standard_names
from edensim.dram.timing import resolve_timing
from edensim.errors import ConfigError
from tests.dram.preset_dram import PARITY, dram
from tests.dram.ramulator_constraints import HBM2, HBM3, LPDDR5

# Constraints in force in ramulator 2.1 after its expressions are evaluated: scope, preceding, following, clocks[,
# window[, sibling]]. DDR4-2400R 8 Gb x8 and DDR3-1600K 4 Gb x8.
DDR4 = [
    ("Channel", "RD RDA", "RD RDA", 4),
    ("Channel", "WR WRA", "WR WRA", 4),
    ("Rank", "RD RDA", "RD RDA", 4),
    ("Rank", "WR WRA", "WR WRA", 4),
    ("Rank", "RD RDA", "WR WRA", 10),
    ("Rank", "WR WRA", "RD RDA", 19),
    ("Rank", "RD RDA", "RD WR RDA WRA", 6, 1, True),
    ("Rank", "WR WRA", "RD RDA", 2, 1, True),
    ("Rank", "RD", "PREab", 9),
    ("Rank", "WR", "PREab", 34),
    ("Rank", "ACT", "ACT", 4),
    ("Rank", "ACT", "ACT", 26, 4),
    ("Rank", "ACT", "PREab", 39),
    ("Rank", "PREab", "ACT", 16),
    ("Rank", "ACT", "REFab", 55),
    ("Rank", "PREpb PREab", "REFab", 16),
    ("Rank", "RDA", "REFab", 25),
    ("Rank", "WRA", "REFab", 50),
    ("Rank", "REFab", "ACT PREab", 433),
    ("BankGroup", "RD RDA", "RD RDA", 6),
    ("BankGroup", "WR WRA", "WR WRA", 6),
    ("BankGroup", "WR WRA", "RD RDA", 25),
    ("BankGroup", "ACT", "ACT", 6),
    ("Bank", "ACT", "ACT", 55),
    ("Bank", "ACT", "RD WR RDA WRA", 16),
    ("Bank", "ACT", "PREpb", 39),
    ("Bank", "PREpb", "ACT", 16),
    ("Bank", "RD", "PREpb", 9),
    ("Bank", "WR", "PREpb", 34),
    ("Bank", "RDA", "ACT", 25),
    ("Bank", "WRA", "ACT", 50),
]
DDR4_3200_CLOCKS = [4, 4, 4, 4, 12, 24, 6, 0, 12, 44, 4, 34, 52, 22, 74, 22, 34, 66, 576]
DDR4_3200_CLOCKS += [8, 8, 32, 8, 74, 22, 52, 22, 12, 44, 34, 66]
DDR3 = [
    ("Channel", "RD RDA", "RD RDA", 4),
    ("Channel", "WR WRA", "WR WRA", 4),
    ("Rank", "RD RDA", "RD RDA", 4),
    ("Rank", "WR WRA", "WR WRA", 4),
    ("Rank", "RD RDA", "WR WRA", 9),
    ("Rank", "WR WRA", "RD RDA", 18),
    ("Rank", "RD RDA", "RD WR RDA WRA", 6, 1, True),
    ("Rank", "WR WRA", "RD RDA", 3, 1, True),
    ("Rank", "RD", "PREab", 6),
    ("Rank", "WR", "PREab", 24),
    ("Rank", "ACT", "ACT", 5),
    ("Rank", "ACT", "ACT", 24, 4),
    ("Rank", "ACT", "PREab", 28),
    ("Rank", "PREab", "ACT", 11),
    ("Rank", "ACT", "REFab", 39),
    ("Rank", "PREpb PREab", "REFab", 11),
    ("Rank", "RDA", "REFab", 17),
    ("Rank", "WRA", "REFab", 35),
    ("Rank", "REFab", "ACT", 208),
    ("Bank", "ACT", "ACT", 39),
    ("Bank", "ACT", "RD WR RDA WRA", 11),
    ("Bank", "ACT", "PREpb", 28),
    ("Bank", "PREpb", "ACT", 11),
    ("Bank", "RD", "PREpb", 6),
    ("Bank", "WR", "PREpb", 24),
    ("Bank", "RDA", "ACT", 17),
    ("Bank", "WRA", "ACT", 35),
]


def pairs(rows):
    """One entry per pair of commands, so that it does not matter how pairs are gathered into rows."""
    found = []
    for scope, before, after, clocks, *rest in rows:
        window, sibling = [*rest, *(1, False)[len(rest) :]]
        found += [(scope, b, a, clocks, window, sibling) for b, a in itertools.product(before.split(), after.split())]
    return sorted(found)


def in_force(memory):
    timing = resolve_timing(memory)
    rows = timing.standard.constraints_on(timing.ck)
    return pairs(
        (c.scope, " ".join(c.preceding), " ".join(c.following), evaluate(c.latency, timing.ck), c.window, c.sibling)
        for c in rows
    )


DDR5 = [
    ("Channel", "ACT RD WR RDA WRA", "ACT PREpb PREab RD WR RDA WRA REFab", 2),
    ("Channel", "RD RDA", "RD RDA", 8),
    ("Channel", "WR WRA", "WR WRA", 8),
    ("Rank", "RD RDA", "RD RDA", 8),
    ("Rank", "WR WRA", "WR WRA", 8),
    ("Rank", "RD RDA", "WR WRA", 14),
    ("Rank", "WR WRA", "RD RDA", 48),
    ("Rank", "RD RDA", "RD WR RDA WRA", 10, 1, True),
    ("Rank", "WR WRA", "RD RDA", 8, 1, True),
    ("Rank", "RD", "PREab", 19),
    ("Rank", "WR", "PREab", 115),
    ("Rank", "ACT", "ACT", 8),
    ("Rank", "ACT", "ACT", 48, 4),
    ("Rank", "ACT", "PREab", 78),
    ("Rank", "PREab", "ACT", 35),
    ("Rank", "PREpb PREab", "PREpb PREab", 2),
    ("Rank", "ACT", "REFab", 114),
    ("Rank", "PREpb PREab", "REFab", 36),
    ("Rank", "RDA", "REFab", 55),
    ("Rank", "WRA", "REFab", 151),
    ("Rank", "REFab", "ACT", 709),
    ("Rank", "REFab", "PREab", 710),
    ("BankGroup", "RD RDA", "RD RDA", 12),
    ("BankGroup", "WR WRA", "WR WRA", 48),
    ("BankGroup", "WR WRA", "RD RDA", 66),
    ("BankGroup", "ACT", "ACT", 12),
    ("Bank", "ACT", "ACT", 113),
    ("Bank", "ACT", "RD WR RDA WRA", 36),
    ("Bank", "ACT", "PREpb", 78),
    ("Bank", "PREpb", "ACT", 35),
    ("Bank", "RD", "PREpb", 19),
    ("Bank", "WR", "PREpb", 115),
    ("Bank", "RDA", "ACT", 54),
    ("Bank", "WRA", "ACT", 150),
]
GDDR6 = [
    *[("Channel", "RD RDA", "RD RDA", 2), ("Channel", "WR WRA", "WR WRA", 2)] * 2,
    ("Channel", "RD RDA", "WR WRA", 25),
    ("Channel", "WR WRA", "RD RDA", 17),
    ("Channel", "RD", "PREab", 4),
    ("Channel", "WR", "PREab", 35),
    ("Channel", "ACT", "ACT", 8),
    ("Channel", "ACT REFpb", "ACT REFpb", 29, 4),
    ("Channel", "ACT", "PREab", 53),
    ("Channel", "PREab", "ACT", 27),
    ("Channel", "PREab PREpb", "PREab PREpb", 1),
    ("Channel", "ACT", "REFab", 79),
    ("Channel", "PREab", "REFab", 27),
    ("Channel", "PREpb", "REFab", 0),  # our row, switched off in the parity preset
    ("Channel", "RDA", "REFab", 31),
    ("Channel", "WRA", "REFab", 62),
    ("Channel", "REFab", "ACT PREab PREpb RD WR RDA WRA REFab REFpb", 211),
    ("Channel", "ACT", "REFpb", 8),
    ("Channel", "PREab", "REFpb", 27),
    ("Channel", "RDA", "REFpb", 31),
    ("Channel", "WRA", "REFpb", 62),
    ("Channel", "REFpb", "ACT REFpb", 15),
    ("Channel", "REFpb", "REFab", 106),
    ("BankGroup", "RD RDA", "RD RDA", 4),
    ("BankGroup", "WR WRA", "WR WRA", 4),
    ("BankGroup", "WR WRA", "RD RDA", 19),
    ("BankGroup", "ACT", "ACT REFpb", 8),
    ("Bank", "ACT", "ACT", 79),
    ("Bank", "ACT", "RD RDA", 27),
    ("Bank", "ACT", "WR WRA", 16),
    ("Bank", "ACT", "PREpb", 53),
    ("Bank", "PREpb", "ACT", 27),
    ("Bank", "RD", "PREpb", 4),
    ("Bank", "WR", "PREpb", 35),
    ("Bank", "RDA", "ACT", 31),
    ("Bank", "WRA", "ACT", 62),
    ("Bank", "ACT", "REFpb", 79),
    ("Bank", "PREpb", "REFpb", 27),
    ("Bank", "RDA", "REFpb", 31),
    ("Bank", "WRA", "REFpb", 62),
    ("Bank", "REFpb", "ACT REFpb", 106),
]


DDR5_OWN = [
    ("Rank", "REFab", "REFab REFsb", 710),
    ("Channel", "ACT RD WR RDA WRA", "REFsb", 2),
    ("Rank", "PREab", "REFsb", 36),
    ("Rank", "ACT", "REFsb", 13),
    ("Bank", "ACT", "REFsb", 114),
    ("Bank", "PREpb", "REFsb", 36),
    ("Bank", "RDA", "REFsb", 55),
    ("Bank", "WRA", "REFsb", 151),
]
HBM2_OWN = [
    ("PseudoChannel", "REFab", "REFab REFpb", 350),
    ("PseudoChannel", "PREab", "REFpb", 14),
    ("PseudoChannel", "REFpb", "REFpb", 8),
    ("PseudoChannel", "REFpb", "REFab", 160),
    ("Bank", "RDA", "REFpb", 19),
    ("Bank", "WRA", "REFpb", 37),
]
HBM3_OWN = [
    ("PseudoChannel", "REFab", "REFab REFpb", 1120),
    ("PseudoChannel", "PREab", "REFpb", 52),
    ("PseudoChannel", "REFab", "PREpb", 1120),  # of rows that close after some accesses
    ("Bank", "REFpb", "PREpb", 640),
    ("PseudoChannel", "REFpb", "PREab", 2),  # not at the falling edge right behind a refresh
    ("PseudoChannel", "REFpb", "REFab", 640),
    ("Bank", "RDA", "REFpb", 71),
    ("Bank", "WRA", "REFpb", 143),
]


def expected(name):
    """Rows of a parity preset in ramulator 2.1, and those that only we have."""
    if name.startswith("ramulator2/ddr5"):
        return DDR5, DDR5_OWN
    if "gddr6" in name:
        return GDDR6, []
    if "lpddr5" in name:
        after_auto = [("Bank", "RDA", "REFpb", 23), ("Bank", "WRA", "REFpb", 54)]
        return LPDDR5, [("Rank", "PREab", "REFpb", 17), ("Rank", "ACT", "REFpb", 0), *after_auto]
    if "hbm" in name:
        return (HBM2, HBM2_OWN) if "hbm2" in name else (HBM3, HBM3_OWN)
    if name.startswith("ramulator2/ddr3"):
        return DDR3, [("Rank", "REFab", "REFab", 208)]
    if "3200" in name:
        rows = [(*row[:3], clocks, *row[4:]) for row, clocks in zip(DDR4, DDR4_3200_CLOCKS, strict=True)]
        return rows, [("Rank", "REFab", "REFab", 576)]
    return DDR4, [("Rank", "REFab", "REFab", 433)]


@pytest.mark.parametrize("name", PARITY)
def test_parity_constraints(name):
    """With a parity table the rows are exactly the constraints of ramulator 2.1, plus REFab to REFab."""
    rows, refresh = expected(name)
    assert in_force(dram(name)) == sorted(pairs([*rows, *refresh]))


def test_own_ddr4_differs_only_where_stated():
    """Our DDR4-2400R has JEDEC's tRFC (350 ns) and keeps a write off the bus until another rank's read has left it."""
    ours, theirs = set(in_force(dram("ddr4-2400r-8gb-x8"))), set(in_force(dram("ramulator2/ddr4_2400_frfcfs32")))
    assert {(x[1], x[2], x[3]) for x in ours - theirs} == {
        *((a, b, 10) for a in ("RD", "RDA") for b in ("WR", "WRA")),
        *(("REFab", b, 420) for b in ("ACT", "PREab", "REFab")),
    }


def test_lpddr3_constraints():
    """Waits of LPDDR3-1600 that JESD209-3 spells out, worked out by hand (RL 12, WL 6, tDQSCK 5, tDQSS 1, BL/2 4)."""
    rows = in_force(dram("lpddr3-1600-4gb-x32"))
    by_hand = [
        ("Rank", "RD", "WR", 12 + 5 + 4 + 1 - 6, 1, False),
        ("Rank", "WR", "RD", 6 + 1 + 4 + 6, 1, False),
        ("Bank", "WR", "PREpb", 6 + 1 + 4 + 12, 1, False),
        ("Bank", "RD", "PREpb", 4 + 6 - 4, 1, False),
        ("Rank", "PREab", "REFab", 17, 1, False),
        ("Bank", "PREpb", "ACT", 15, 1, False),
        ("Rank", "ACT", "ACT", 40, 4, False),
    ]
    assert [row for row in by_hand if row not in rows] == []


def bound_pairs(standard, with_siblings=False):
    """Scope, preceding, following of every pair; ranks of a family without any are its (pseudo-)channels."""
    rank = next(level for level in ("Rank", "PseudoChannel", "Channel") if level in standard.levels)
    rows = [c for c in standard.constraints if with_siblings or not c.sibling]
    return {("Rank" if c.scope == rank else c.scope, a, b) for c in rows for a in c.preceding for b in c.following}


@pytest.mark.parametrize("name", standard_names())
def test_every_act_like_wait_is_there(name):
    """Each family binds every pair that a controller relies on, at the level where it belongs."""
    bound = bound_pairs(load_standard(name))
    needed = {("Bank", "ACT", x) for x in ("ACT", "RD", "WR", "PREpb")} | {("Bank", "PREpb", "ACT")}
    needed |= {("Bank", x, "PREpb") for x in ("RD", "WR")} | {("Rank", "REFab", x) for x in ("ACT", "REFab")}
    needed |= {("Rank", x, "REFab") for x in ("ACT", "PREpb", "PREab", "RDA", "WRA")}
    needed |= {("Rank", x, "PREab") for x in ("ACT", "RD", "WR")} | {("Rank", "PREab", "ACT"), ("Rank", "ACT", "ACT")}
    needed |= {("Rank", x, y) for x in ("RD", "WR") for y in ("RD", "WR")}
    needed |= {("Bank", x, "ACT") for x in ("RDA", "WRA")}
    if "BankGroup" in load_standard(name).levels:
        needed |= {("BankGroup", "ACT", "ACT"), ("BankGroup", "RD", "RD"), ("BankGroup", "WR", "WR")}
        needed |= {("BankGroup", "WR", "RD")}
    assert needed - bound == set()
    windows = {c.window for c in load_standard(name).constraints if (c.preceding[0], c.following[0]) == ("ACT", "ACT")}
    assert 4 in windows


@pytest.mark.parametrize("name", standard_names())
def test_commands_of_a_kind_are_bound_alike(name):
    """At every scope: RDA waits where RD does and makes column commands wait as RD does, likewise WRA and WR."""
    bound = bound_pairs(load_standard(name), with_siblings=True)
    column = {"RD": "RDA", "WR": "WRA"}
    wanted = {(scope, a, column[b]) for scope, a, b in bound if b in column}
    wanted |= {(scope, column[a], b) for scope, a, b in bound if a in column and b in ("RD", "WR", "RDA", "WRA")}
    assert wanted - bound == set()
    # what an all-bank precharge waits for, and what waits for it, a precharge of one bank does too
    alike = {("Bank", a, "PREpb") for scope, a, b in bound if b == "PREab" and a in ("ACT", "RD", "WR")}
    assert alike - bound == set()


def test_ranks_and_bank_groups_a_family_does_not_have():
    """GDDR6 has no ranks and DDR3 no bank groups: both counts are errors that say what to write."""
    with pytest.raises(ConfigError, match="dram.ranks = 2: GDDR6 has no level Rank; expected dram.ranks = 1"):
        resolve_timing(dram("gddr6-14000-8gb-x16", ranks=2))
    with pytest.raises(ConfigError, match="dram.bank_groups = 2: DDR3 has no level BankGroup"):
        resolve_timing(dram("ddr3l-1600-4gb-x8", bank_groups=2))


def test_ddr5_rounding():
    """JESD79-5: 0.3 % is forgiven, then the next whole clock; a whole number of clocks stays (examples at 416 ps)."""
    rounding = load_standard("DDR5").rounding
    times = {0: 0, 16000: 39, 32000: 77, 7500: 18, 30000: 72, 416 * 40: 40, 416 * 40 + 100: 41, 1: 1}
    assert {t: rounding.clocks(Fraction(t), Fraction(416)) for t in times} == times


def test_unknown_standard():
    """An unknown family names the nearest one and all others."""
    families = ["DDR3", "DDR4", "DDR5", "GDDR5", "GDDR6", "HBM2", "HBM3", "LPDDR3", "LPDDR4", "LPDDR5"]
    assert standard_names() == families
    with pytest.raises(ConfigError, match=r"no DRAM standard named 'DDR44'; did you mean DDR4.*known: DDR3"):
        load_standard("DDR44")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("scope",), "Bnk", "unknown level 'Bnk'; did you mean Bank?"),
        (("following",), ["ACTT"], "unknown command 'ACTT'; did you mean ACT or ACT2?"),
        (("latency",), "nRCDD + 1", "unknown timing 'nRCDD'; did you mean nRCD"),
        (("window",), 0, "window 0 must be at least 1"),
        (("colour",), "red", "unknown key"),
    ],
)
def test_bad_rows(path, value, message):
    """A broken row is reported with its place, the word and the nearest known one."""
    text = resources.files("edensim").joinpath("presets", "standard", "ddr4.toml").read_text("utf-8")
    table = tomllib.loads(text)
    row = next(row for row in table["constraint"] if row["name"] == "tRCD")
    row[path[0]] = value
    with pytest.raises(ConfigError) as error:
        parse_standard(table, "mine.toml")
    assert message in str(error.value)
    assert "mine.toml" in str(error.value)


def test_timing_rules_refer_to_known_keys():
    """A rule that asks for a key [dram.timing] does not have, or for a name not yet resolved, is an error."""
    text = resources.files("edensim").joinpath("presets", "standard", "ddr4.toml").read_text("utf-8")
    table = tomllib.loads(text)
    table["timings"]["nRCD"] = {"given": "tRCD_nss"}
    table["timings"]["nBL"] = {"clocks": "nCL"}
    with pytest.raises(ConfigError) as error:
        parse_standard(table, "mine.toml")
    assert len(error.value.problems) == 2
    assert "tRCD_ns" in error.value.problems[1]


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 50))
def test_expressions(a, b, c):
    """Expressions mean what Python means, for numbers and, element by element, for arrays."""
    text = "max(a, b + 2) * 3 - min(a, b) // c + ceil(a)"
    want = max(a, b + 2) * 3 - min(a, b) // c + a
    assert evaluate(text, {"a": a, "b": b, "c": c}) == want
    found = evaluate(text, {"a": np.array([a, a]), "b": b, "c": np.array([c, c])})
    assert found.tolist() == [want, want]
    assert expression_names(text) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b", "a[0]", "a ** 2", "True", "'a'", "lambda: 1", "max(a, key=a)", "a if a else a"]
)
def test_expressions_are_closed(text):
    """Nothing but numbers, names and the listed operations is evaluated."""
    with pytest.raises(ConfigError):
        evaluate(text, {"a": 1})


BANK, GROUP, RANK = "Bank", "BankGroup", "rank"
OPENING_EDGES = [  # preceding, following, scope, window
    *[("ACT", "ACT", scope, 1) for scope in (BANK, GROUP, RANK)],
    ("ACT", "ACT", RANK, 4),
    *[(before, "ACT", BANK, 1) for before in ("PREpb", "RDA", "WRA")],
    *[(before, "ACT", RANK, 1) for before in ("PREab", "REFab")],
    *[("ACT", after, BANK, 1) for after in ("RD", "WR", "RDA", "WRA", "PREpb")],
    *[("ACT", after, RANK, 1) for after in ("PREab", "REFab")],
    *[(before, "REFab", RANK, 1) for before in ("PREpb", "PREab", "RDA", "WRA", "REFab")],
]
SINGLE_BANK_REFRESH_EDGES = [
    *[("ACT", "REFpb", BANK, 1), ("PREpb", "REFpb", BANK, 1), ("REFpb", "ACT", BANK, 1)],
    *[("ACT", "REFpb", RANK, 1), ("REFpb", "ACT", RANK, 1), ("REFpb", "REFpb", RANK, 1)],
]
SAME_BANK_REFRESH_EDGES = [
    tuple(x.replace("REFpb", "REFsb") if isinstance(x, str) else x for x in edge) for edge in SINGLE_BANK_REFRESH_EDGES
]


@pytest.mark.parametrize("name", standard_names())
def test_whatever_opens_a_row_is_bound_at_every_scope(name: str) -> None:
    """No family lacks an edge of ACT, or of what counts as one (REFab, REFpb, REFsb), at bank, group or rank.

    A rank is what PREab closes: a pseudo-channel of HBM, the channel of GDDR.
    """
    standard = load_standard(name)
    edges = {
        (before, after, row.scope, row.window)
        for row in standard.constraints
        for before in row.preceding
        for after in row.following
        if not row.sibling
    }
    of_rank = {scope for before, after, scope, _ in edges if (before, after) == ("PREab", "ACT")} - {"Channel"}
    rank = of_rank.pop() if of_rank else "Channel"
    per_bank = any("REFpb" in (before, after) for before, after, _, _ in edges)
    same_bank = any("REFsb" in (before, after) for before, after, _, _ in edges)
    wanted = OPENING_EDGES + (SINGLE_BANK_REFRESH_EDGES if per_bank else [])
    wanted += SAME_BANK_REFRESH_EDGES if same_bank else []
    scopes = {BANK: BANK, GROUP: GROUP, RANK: rank}
    there = [edge for edge in wanted if edge[2] != GROUP or GROUP in standard.levels]
    assert [edge for edge in there if (*edge[:2], scopes[edge[2]], edge[3]) not in edges] == []
