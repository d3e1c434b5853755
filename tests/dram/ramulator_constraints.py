"""Constraints in force in ramulator 2.1 (commit c5b1c3a) for LPDDR5-6400, HBM2-2000 and HBM3-6400, in clocks.

One line per row: scope, preceding, following, clocks, then ":4" for the fourth last command, "other" for siblings.
Refresh management of HBM3 (RFM) is left out. ACT is ACT1 of LPDDR5.
"""

from __future__ import annotations


def parse(text: str) -> list[tuple[object, ...]]:
    """Rows as test_standard.py has them: scope, preceding, following, clocks, window, sibling."""
    rows: list[tuple[object, ...]] = []
    for line in text.strip().split("\n"):
        scope, before, after, clocks, *rest = (part.strip() for part in line.split("|"))
        rows.append((scope, before, after, int(clocks), 4 if ":4" in rest else 1, "other" in rest))
    return rows


LPDDR5 = parse("""
Channel | RD RDA | RD RDA | 2
Channel | WR WRA | WR WRA | 2
Bank | CAS_RD | RD RDA | 0
Bank | CAS_WR | WR WRA | 0
Rank | RD RDA | RD RDA | 2
Rank | WR WRA | WR WRA | 2
Rank | RD RDA | WR WRA | 12
Rank | WR WRA | RD RDA | 16
Rank | RD RDA | RD WR RDA WRA | 4 | other
Rank | WR WRA | RD RDA | 12 | other
Rank | RD | PREab | 8
Rank | WR | PREab | 39
Rank | ACT | ACT | 4
Rank | ACT | ACT | 16 | :4
Rank | ACT | PREab | 34
Rank | PREab | ACT | 17
Rank | PREpb PREab | PREpb PREab | 2
Rank | ACT | REFab | 49
Rank | PREpb PREab | REFab | 15
Rank | RDA | REFab | 23
Rank | WRA | REFab | 54
Rank | REFab | ACT PREab REFab REFpb | 224
Rank | REFpb | REFpb | 72
Rank | REFpb | REFab | 112
Rank | REFpb | ACT | 6
BankGroup | RD RDA | RD RDA | 4
BankGroup | WR WRA | WR WRA | 4
BankGroup | WR WRA | RD RDA | 23
BankGroup | ACT | ACT | 4
Bank | ACT | ACT | 49
Bank | ACT | RD WR RDA WRA | 15
Bank | ACT | PREpb | 34
Bank | PREpb | ACT | 15
Bank | RD | PREpb | 8
Bank | WR | PREpb | 39
Bank | RDA | ACT | 23
Bank | WRA | ACT | 54
Bank | REFpb | ACT | 112
Bank | ACT | REFpb | 49
Bank | PREpb | REFpb | 15
""")
HBM2 = parse("""
Channel | ACT | ACT PREpb PREab REFab REFpb | 2
PseudoChannel | RD RDA | RD RDA | 2
PseudoChannel | WR WRA | WR WRA | 2
PseudoChannel | RD RDA | RD RDA | 2
PseudoChannel | WR WRA | WR WRA | 2
PseudoChannel | RD RDA | WR WRA | 13
PseudoChannel | WR WRA | RD RDA | 13
PseudoChannel | RD | PREab | 5
PseudoChannel | WR | PREab | 23
PseudoChannel | ACT | ACT | 4
PseudoChannel | ACT | ACT | 15 | :4
PseudoChannel | ACT | PREab | 35
PseudoChannel | PREab | ACT | 13
PseudoChannel | ACT | REFab | 49
PseudoChannel | PREpb PREab | REFab | 14
PseudoChannel | RDA | REFab | 19
PseudoChannel | WRA | REFab | 37
PseudoChannel | REFab | ACT | 349
PseudoChannel | REFab | PREab | 350
PseudoChannel | REFpb | ACT | 7
PseudoChannel | ACT | REFpb | 5
BankGroup | RD RDA | RD RDA | 4
BankGroup | WR WRA | WR WRA | 4
BankGroup | WR WRA | RD RDA | 15
BankGroup | ACT | ACT | 4
Bank | ACT | ACT | 48
Bank | ACT | RD RDA | 15
Bank | ACT | WR WRA | 13
Bank | ACT | PREpb | 35
Bank | PREpb | ACT | 13
Bank | RD | PREpb | 5
Bank | WR | PREpb | 23
Bank | RDA | ACT | 18
Bank | WRA | ACT | 36
Bank | REFpb | ACT | 159
Bank | ACT | REFpb | 49
Bank | PREpb | REFpb | 14
""")
HBM3 = parse("""
Channel | ACT | ACT PREpb PREab REFab REFpb | 3
Channel | RD WR RDA WRA | RD WR RDA WRA | 2
PseudoChannel | RD RDA | RD RDA | 4
PseudoChannel | WR WRA | WR WRA | 4
PseudoChannel | RD RDA | WR WRA | 40
PseudoChannel | WR WRA | RD RDA | 38
PseudoChannel | RD | PREab | 19
PseudoChannel | WR | PREab | 91
PseudoChannel | ACT | ACT | 8
PseudoChannel | ACT | ACT | 48 | :4
PseudoChannel | ACT | PREab | 92
PseudoChannel | PREab | ACT | 50
PseudoChannel | PREpb PREab | PREpb PREab | 4
PseudoChannel | ACT | REFab | 146
PseudoChannel | PREpb PREab | REFab | 52
PseudoChannel | RDA | REFab | 71
PseudoChannel | WRA | REFab | 143
PseudoChannel | REFab | ACT | 1118
PseudoChannel | REFab | PREab | 1120
PseudoChannel | REFpb | REFpb | 16
PseudoChannel | REFpb | ACT | 14
PseudoChannel | ACT | REFpb | 10
Sid | RD RDA | RD RDA | 4
Sid | WR WRA | WR WRA | 4
Sid | RD RDA | RD RDA | 6 | other
BankGroup | RD RDA | RD RDA | 8
BankGroup | WR WRA | WR WRA | 8
BankGroup | WR WRA | RD RDA | 44
BankGroup | ACT | ACT | 10
Bank | ACT | ACT | 144
Bank | ACT | RD RDA | 63
Bank | ACT | WR WRA | 31
Bank | ACT | PREpb | 92
Bank | PREpb | ACT | 50
Bank | RD | PREpb | 19
Bank | WR | PREpb | 91
Bank | RDA | ACT | 69
Bank | WRA | ACT | 141
Bank | REFpb | ACT | 638
Bank | ACT | REFpb | 146
Bank | PREpb | REFpb | 52
""")
