"""The HTML report: complete, self-contained, script-free whatever names are in the data, the same bytes each time."""

import copy
import re

import pytest

from edensim.errors import OutputError
from edensim.study.report import report_bytes, write_report
from edensim.study.report.page import POLICY

HOSTILE = """</title></style><script>alert(1)</script><img src=x onerror="alert(2)">'"&\x00\u202e\ud800{{7*7}}$x$"""
VDD = "operating_point.vdd"


def is_inert(page) -> None:
    """Nothing in the page runs or reaches out."""
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "svg"} & set(page.tags)
    assert page.tags.count("style") == 1
    assert all(r.startswith(("data:image/svg+xml;base64,", "data:image/png;base64,", "#")) for r in page.references)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "url(" not in page.html
    assert "@import" not in page.html


def test_a_run_tells_everything(opened_run, read):
    """Results with saving, figures, layers, configuration with origin, provenance, limits."""
    page = read(report_bytes(opened_run))
    for anchor in ("results", "figures", "layers", "configuration", "provenance", "limits"):
        assert ("id", anchor) in page.attributes
        assert f"#{anchor}" in page.references
    assert page.tags.count("h1") == 1
    for words in ("Tiny network", "20.0%", "conv1", "tiny.toml:3", "--set", "independent channels", "2.4.6"):
        assert words in page.text
    for words in (
        "edensim run 'my config.toml'",
        "2026-01-02T03:04:05+00:00",
        "ab" * 32,
        "deep sleep",
        "cites where",
    ):
        assert words in page.text
    assert len([r for r in page.references if r.startswith("data:")]) >= 3


def test_partitions_have_a_section(divided, opened_run, read):
    """Operating point, traffic and energy of each partition, and what it holds, hostile names included; else none."""
    divided["partitions"]["low"]["tensors"] = {HOSTILE.replace("\x00", ""): 5}
    page = read(report_bytes(opened_run))
    assert ("id", "partitions") in page.attributes
    assert "13.32/32/13.32" in page.texts
    assert "(shared background)" in page.texts
    assert "low holds 21 kB" in page.text
    is_inert(page)
    for point in (divided, divided["compare"]["eden"]):
        del point["partitions"]
    assert ("id", "partitions") not in read(report_bytes(opened_run)).attributes


def test_errors_have_a_section(faulty, opened_run, read):
    """Tensors with the most wrong bits and what drew them, hostile names included; else none."""
    faulty["errors"]["by_tensor"][HOSTILE.replace("\x00", "")] = {"ber": 1.0, "bits_read": 99, "bits_flipped": 99}
    page = read(report_bytes(opened_run))
    assert ("id", "errors") in page.attributes
    assert "conv20.weights" in page.texts
    assert "chip A, scope row, data random" in page.text
    is_inert(page)
    del faulty["errors"]
    assert ("id", "errors") not in read(report_bytes(opened_run)).attributes


def test_only_the_limits_of_the_machine_in_use(opened_run, read):
    """A TPU's report does not list what the Eyeriss model leaves out."""
    texts = read(report_bytes(opened_run)).texts
    assert "TPU" in texts
    assert "Eyeriss" not in texts


def test_policy_and_viewport(opened_run, read):
    """The browser itself is told to load nothing but data images, and to use the width of a phone."""
    page = read(report_bytes(opened_run))
    assert ("content", POLICY) in page.attributes
    assert POLICY == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("content", "width=device-width, initial-scale=1") in page.attributes
    for rule in ("prefers-color-scheme: dark", "@media print", "overflow-x: auto"):
        assert rule in page.html


def test_every_table_scrolls_on_its_own(opened_run, make_sweep):
    """Each table stands in a container that scrolls sideways, so that the page itself never does."""
    for opened in (opened_run, make_sweep(3)):
        text = report_bytes(opened).decode()
        assert text.count("<table>") == len(re.findall(r'<div class="scroll[^"]*"[^>]*><table>', text)) > 2


def test_a_run_is_inert(opened_run, read):
    """No reference leaves the file and nothing in it can run."""
    is_inert(read(report_bytes(opened_run)))


def test_hostile_names_in_a_run(opened_run, read):
    """Markup, quotes, NUL, surrogates and mathtext in every name come out as text, in the page and its figures."""
    meta, data = opened_run.meta, opened_run.result.data
    meta["config"] |= {"title": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}}
    meta["origins"]["title"] = meta["name"] = meta["started"] = HOSTILE
    for name in ("versions", "host", "inputs", "seeds"):
        meta[name] = {HOSTILE: HOSTILE}
    meta["command_line"] = [HOSTILE]
    meta["config"]["workload"]["network"] = HOSTILE
    plain = HOSTILE.replace("\x00", "").replace("\ud800", "")
    data["layers"][0]["name"] = plain
    data["compare"][plain] = data["compare"].pop("eden")
    data["warnings"] = [HOSTILE]
    page = read(report_bytes(opened_run))
    is_inert(page)
    assert page.tags.count("img") == len([r for r in page.references if r.startswith("data:")])
    assert page.text.count("<script>alert(1)</script>") > 8
    assert "\x00" not in page.html


def test_hostile_names_in_a_sweep(make_sweep, read):
    """As in a run: axis keys and values, failures, the filter expression."""
    opened = make_sweep(3)
    # What came through TOML and CSV is valid Unicode.
    plain = HOSTILE.replace("\ud800", "").replace("\x00", "")
    axes = {VDD: opened.axes[VDD], f"machine.{plain}": [plain] * 3}
    opened.frame[f"machine.{plain}"] = plain
    opened.meta["where"] = HOSTILE
    (opened.folder / "failures.csv").write_text("point,class,message\n1,<b>,<script>alert(3)</script>\n")
    page = read(report_bytes(type(opened)(opened.folder, opened.meta, axes, opened.frame)))
    is_inert(page)
    assert "<script>alert(3)</script>" in page.text


def test_bytes_depend_on_the_folder_only(opened_run, make_sweep):
    """The same record gives the same bytes: no clock, no random name."""
    for opened in (opened_run, make_sweep(4)):
        assert report_bytes(opened) == report_bytes(copy.deepcopy(opened))


def test_a_sweep_tells_points_axes_and_failures(make_sweep, read):
    """Counts, best points, axes, failed points with their message but without a traceback."""
    opened = make_sweep(4)
    (opened.folder / "failures.csv").write_text('point,class,message,trace\n00000001,TimeoutError,too slow,"a\nb"\n')
    page = read(report_bytes(opened))
    for words in ("1 failed, 3 not computed yet", "TimeoutError", "too slow", VDD, "where: vdd > 1", "VDD (V)"):
        assert words in page.text
    assert "trace" not in page.texts


def test_a_huge_sweep_is_cut(make_sweep, read):
    """500 of 700 points are in the file, which says so and names results.csv."""
    opened = make_sweep(700)
    opened.meta["config"] = {}
    page = read(report_bytes(opened))
    assert f"{499:08x}" in page.texts
    assert f"{500:08x}" not in page.texts
    assert "The first 500 of 700 points; see results.csv for the rest." in page.text


def test_a_sweep_without_results(make_sweep, read):
    """Every point failed, or none was computed: still a report, without figures."""
    opened = make_sweep(4)
    opened.frame["status"] = "failed"
    opened.frame[["time_ns", "energy_pj.total"]] = float("nan")
    assert "4 failed" in read(report_bytes(opened)).text
    empty = type(opened)(opened.folder, opened.meta, opened.axes, opened.frame.head(0))
    assert "7 not computed yet" in read(report_bytes(empty)).text


def test_broken_records_still_give_a_page(opened_run, read):
    """Origins, versions and configuration of an unexpected kind are left out, not stumbled over."""
    for name in ("origins", "versions", "config", "host", "inputs", "seeds", "command_line", "wall_s"):
        opened_run.meta[name] = "?"
    is_inert(read(report_bytes(opened_run)))


def test_file_is_not_replaced_unasked(tmp_path, opened_run, monkeypatch):
    """Existing output is refused before any drawing; --force replaces it; a missing folder is told."""
    monkeypatch.setattr("edensim.study.report.write.open_folder", lambda folder: opened_run)
    target = tmp_path / "r.html"
    assert write_report("run", target) == target
    before = target.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_report("run", target)
    assert write_report("run", target, force=True).read_bytes() == before
    with pytest.raises(OutputError, match="does not exist"):
        write_report("run", tmp_path / "absent" / "r.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html"]


def test_figures_that_are_too_large_become_png(opened_run, monkeypatch, read):
    """An SVG above the limit is replaced by a PNG."""
    monkeypatch.setattr("edensim.study.report.pictures.LARGEST_SVG", 0)
    page = read(report_bytes(opened_run))
    assert any(r.startswith("data:image/png") for r in page.references)
