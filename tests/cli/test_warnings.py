"""What an importer does not model is told once on stderr and stands in every record."""

import json
import subprocess
import sys

import pytest

TEXT = "net.csv:2: sparsity 2:4 is not modelled, the weights count as dense (likewise in 1 further row)"
NOTE = f"edensim: warning: {TEXT}\n"
HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


@pytest.fixture
def sparse(config):
    """The small configuration with a SCALE-Sim topology whose layers are sparse."""
    (config.parent / "net.csv").write_text(HEADER + "A,8,8,3,3,4,2,1,2:4,\nB,6,6,3,3,2,2,1,1:2,\n")
    config.write_text(config.read_text().replace('"lenet"', '"net.csv"'))
    return config


def test_show(edensim, sparse):
    """`show workload` notes it, with and without --json."""
    assert edensim("show", "workload", "net.csv").err == NOTE
    outcome = edensim("show", "workload", "net.csv", "--json")
    assert outcome.err == NOTE
    assert outcome.json["warnings"] == [TEXT]
    assert edensim("show", "workload", "lenet", "--json").json["warnings"] == []
    assert edensim("--quiet", "show", "workload", "net.csv").err == ""


def test_run(edensim, sparse):
    """A run notes it once, though it has two points, and writes it into the result and meta.json."""
    outcome = edensim("run", sparse, "--no-figures", "--json", "--out", "out")
    assert outcome.err.count("sparsity") == 1
    assert outcome.json["warnings"] == [TEXT]
    for record in ("meta.json", "result.json"):
        assert json.loads((sparse.parent / "out" / record).read_text())["warnings"] == [TEXT]


@pytest.mark.parametrize("jobs", [["--serial"], ["--jobs", "1"]])
def test_sweep(sparse, jobs):
    """A sweep of several points notes it once, in this process and in workers, and keeps it in sweep.json."""
    command = ["sweep", str(sparse), "--axis", "seed=0,1,2", *jobs, "--json", "--out", str(sparse.parent / "out")]
    done = subprocess.run([sys.executable, "-m", "edensim", *command], capture_output=True, text=True, check=True)
    assert done.stderr.count("sparsity") == 1
    assert NOTE in done.stderr
    assert json.loads(done.stdout)["warnings"] == [TEXT]
    assert json.loads((sparse.parent / "out" / "sweep.json").read_text())["warnings"] == [TEXT]


def test_sweep_over_networks(edensim, sparse):
    """Where networks are an axis each of them is asked; one that is missing fails its own point alone."""
    axis = 'workload.network=["lenet","net.csv","gone.csv"]'
    outcome = edensim("sweep", sparse, "--axis", axis, "--dry-run", "--json")
    assert outcome.json["warnings"] == [TEXT]
    assert outcome.err.count("sparsity") == 1


def test_trace_gen(edensim, sparse):
    """The trace of such a network comes with the note."""
    outcome = edensim("trace", "gen", sparse, "--out", "t.npz", "--json")
    assert NOTE in outcome.err
    assert outcome.json["warnings"] == [TEXT]


def test_onnx(edensim, tmp_path):
    """Operators that edensim does not know are named once, not as a warning of Python."""
    onnx = pytest.importorskip("onnx")
    make = onnx.helper
    weights = make.make_tensor("w", onnx.TensorProto.FLOAT, [3, 3, 1, 1], [0.0] * 9)
    shape = [1, 3, 5, 5]
    values = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y", "a")]
    nodes = [make.make_node("Conv", ["x", "w"], ["a"]), make.make_node("Zap", ["a"], ["y"], domain="my.ops")]
    graph = make.make_graph(nodes, "g", values[:1], values[1:2], [weights], value_info=values[2:])
    opsets = [make.make_opsetid("", 17), make.make_opsetid("my.ops", 1)]
    (tmp_path / "m.onnx").write_bytes(make.make_model(graph, opset_imports=opsets).SerializeToString())
    outcome = edensim("show", "workload", "m.onnx", "--json")
    text = "m.onnx: operators without a model, counted as no work: Zap (1x)"
    assert outcome.json["warnings"] == [text]
    assert outcome.err == f"edensim: warning: {text}\n"
