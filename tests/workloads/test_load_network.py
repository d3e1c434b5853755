"""Finding a workload by name or path, and printing it."""

import builtins
import subprocess
import sys

import pytest

from edensim.errors import ConfigError, InputError, MissingExtraError
from edensim.workloads import describe_network, load_network

ROW = "A,8,8,3,3,4,2,1,\n"


def test_unknown_name_lists_the_nearest_and_all():
    """A misspelt name gives the nearest ones, the whole list and the file kinds."""
    with pytest.raises(ConfigError, match=r"unknown network 'resnet110'; did you mean resnet101.*yolov3-tiny.*\.onnx"):
        load_network("resnet110")
    with pytest.raises(ConfigError, match="did you mean alexnet"):
        load_network("AlexNet")
    with pytest.raises(ConfigError, match="unknown network ''"):
        load_network("")


def test_relative_paths_start_from_the_base_folder(tmp_path, monkeypatch):
    """The configuration's folder comes first, then the working directory; a missing file says where was looked."""
    base, here = tmp_path / "base", tmp_path / "here"
    for folder, name in ((base, "both"), (here, "both"), (here, "mine")):
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.csv").write_text(ROW.replace("A", folder.name))
    monkeypatch.chdir(here)
    assert load_network("both.csv", base).layers[0].name == "base"
    assert load_network("mine.csv", base).layers[0].name == "here"
    assert load_network(str(base / "both.csv")).layers[0].name == "base"
    with pytest.raises(InputError, match=r"none\.csv: no such file \(looked in .*base"):
        load_network("none.csv", base)


def test_other_kinds_of_files_are_refused(tmp_path):
    """A path of an unknown kind names the kinds that are read."""
    with pytest.raises(
        InputError, match=r"not a kind of workload edensim reads, expected a SCALE-Sim topology \(\.csv\)"
    ):
        load_network(str(tmp_path / "model.pt"))


def test_describe_counts_batch_and_precision():
    """MACs and feature maps grow with the batch, weights do not; int4 halves bytes; totals are the sums of the rows."""
    net = load_network("alexnet")
    one, four = describe_network(net, "int8"), describe_network(net, "int4", batch=4)
    row = one.rows[0]
    assert row["layer"] == "conv1"
    assert row["shape"] == "3x224x224 -> 64x55x55, 11x11 /4 pad 2"
    assert (row["macs"], row["weight_bytes"], row["ifm_bytes"], row["ofm_bytes"]) == (
        70_276_800,
        23_232,
        150_528,
        193_600,
    )
    assert one.rows[-1]["shape"] == "4096 -> 1000"
    assert four.rows[0]["macs"] == 4 * row["macs"]
    assert four.rows[0]["ifm_bytes"] == 2 * row["ifm_bytes"]
    assert four.rows[0]["weight_bytes"] == row["weight_bytes"] // 2
    assert one.totals["parameters"] == one.totals["parameter_bytes"] == 61_100_840
    assert one.totals["weight_bytes"] == 61_090_496
    assert one.totals["macs"] == 714_188_480
    assert one.totals["layers"] == 8


def test_describe_refuses_unknown_precisions():
    """The error names the precisions there are."""
    with pytest.raises(ConfigError, match="'int3', expected one of int4, int8, int16, fp32"):
        describe_network(load_network("lenet"), "int3")
    with pytest.raises(ConfigError, match="batch is 0"):
        describe_network(load_network("lenet"), batch=0)


def test_onnx_is_an_extra(tmp_path, monkeypatch):
    """Without the onnx package a model ends with the command that installs it."""
    real = builtins.__import__

    def without_onnx(name, *args, **kwargs):
        if name.split(".")[0] == "onnx":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    (tmp_path / "m.onnx").write_bytes(b"any")
    monkeypatch.setattr(builtins, "__import__", without_onnx)
    with pytest.raises(MissingExtraError, match=r"pip install 'edensim\[onnx\]'"):
        load_network(tmp_path / "m.onnx")


def test_onnx_is_imported_only_where_used():
    """Importing the workloads loads neither onnx nor protobuf."""
    code = "import sys, edensim.workloads; print({'onnx', 'google.protobuf'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"
