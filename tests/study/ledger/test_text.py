"""The ledger as text."""

from edensim.study.ledger.text import difference, item_text, shown, summary

ROW = {"name": "AlexNet", "paper": 0.32, "ours": 0.31, "difference": -0.01, "unit": "%"}
ROW |= {"status": "reached", "note": "n"}


def item(*rows):
    return {"title": "Energy", "where": "section 7.2", "beyond": False, "status": "reached", "rows": list(rows)}


def test_an_item_is_a_table_with_notes():
    """Equal notes stand once, below; a band is shown beside the number."""
    band = [{"ours": 0.1, "corner": "x"}, {"ours": 0.4, "corner": ""}]
    text = item_text("eyeriss", item(ROW, ROW | {"name": "mean", "band": band, "paper": None, "difference": None}))
    assert text.splitlines() == [
        "eyeriss: Energy (section 7.2): reached",
        "           paper   ours   difference            band",
        "  AlexNet  32.0%  31.0%  -1.0 points                  [1]",
        "  mean         –  31.0%            –  10.0% to 40.0%  [1]",
        "  [1] n",
    ]


def test_statuses_stand_in_the_rows_where_they_differ():
    """And in the heading alone where they do not."""
    other = ROW | {"status": "not computed", "ours": None, "difference": None}
    lines = item_text("x", item(ROW, other)).splitlines()
    assert lines[2].endswith("reached [1]")
    assert lines[3].endswith("not computed [1]")


def test_numbers_have_units():
    """Volts, times and sizes with the digits of the paper; relative differences beside them."""
    assert shown(-0.3, "V") == "-0.30 V"
    assert shown(0.005, "BER") == "0.5%"
    assert shown(None, "%") == "–"
    row = {"difference": -512.0, "unit": "B", "paper": 1024.0}
    assert difference(row) == "-512 B (-50%)"


def test_summary_counts_the_papers_numbers_alone():
    """Rows beyond the paper are not counted."""
    beyond = item(ROW) | {"beyond": True}
    assert summary([item(ROW, ROW | {"paper": None}), beyond]).startswith("1 numbers of the paper: 1 reached.")
