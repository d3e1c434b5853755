"""`edensim reproduce`."""


def test_list_names_items(edensim):
    """Every item with its title and where it stands in the paper; nothing is written."""
    outcome = edensim("reproduce", "--list")
    assert outcome.code == 0
    assert outcome.out.startswith("headline ")
    assert edensim("reproduce", "table3", "--list", "--json").json.keys() == {"table3"}


def test_an_item_without_simulations(edensim, tmp_path):
    """Table, JSON and files; the same command again changes nothing."""
    outcome = edensim("reproduce", "table3", "controller-metadata", "--out", "ledger")
    assert outcome.code == 0
    assert "controller-metadata: What the memory controller has to keep (section 5)" in outcome.out
    before = {path: path.read_bytes() for path in (tmp_path / "ledger").rglob("*") if path.is_file()}
    data = edensim("reproduce", "table3", "--out", "ledger", "--json").json
    assert data["items"].keys() == {"table3"}
    assert {path: path.read_bytes() for path in before} == before


def test_unknown_item(edensim):
    """Exit 2, one sentence with the nearest name, nothing written."""
    outcome = edensim("reproduce", "tabel3")
    assert outcome.code == 2
    assert 'the ledger has no item "tabel3"; did you mean table3' in outcome.err


def test_dry_run_tells_the_time_first(edensim, tmp_path):
    """Number of simulations and their time, from costs that ship with edensim; nothing is written."""
    found = edensim("reproduce", "eyeriss-ddr4", "--dry-run", "--jobs", "1", "--out", "ledger", "--json").json
    assert found["simulations"] == found["left"] == 2
    assert found["seconds"] > 0
    assert not (tmp_path / "ledger").exists()


def test_a_foreign_folder_is_refused(edensim, tmp_path):
    """Exit 2, with --force too."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    for force in ((), ("--force",)):
        outcome = edensim("reproduce", "table3", "--out", "mine", *force)
        assert outcome.code == 2
        assert "is no ledger" in outcome.err
