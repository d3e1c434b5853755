"""edensim's own TOML layer list."""

import pytest

from edensim.errors import InputError
from edensim.workloads import load_network
from edensim.workloads.toml_layers import __doc__ as EXAMPLE

GOOD = '[[layer]]\nname = "a"\nC = 3\nH = 8\nK = 4\nR = 3\npad = 1\n'


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "net.toml"
        path.write_text(text)
        return load_network("net.toml", tmp_path)

    return read_text


def test_the_example_of_the_documentation(read):
    """The list printed in the module's documentation means what it says."""
    lines = [x for x in EXAMPLE.splitlines() if x.startswith("    ")]
    net = read("\n".join(lines))
    conv, fc = net.layers
    assert (net.name, conv.P, conv.Q, conv.S, conv.pad) == ("two-layers", 16, 16, 3, (1, 1, 1, 1))
    assert (fc.kind, fc.macs, fc.inputs) == ("fc", 160, ("conv1",))


def test_sides_and_groups(read):
    """Lists give each side its own value; the kind follows from the groups; the layer above is the default input."""
    net = read(
        GOOD + "[[layer]]\nC = 4\nH = 8\nW = 9\nK = 8\nR = 3\nS = 1\nstride = [2, 1]\npad = [0, 1, 0, 0]\ngroups = 4"
    )
    x = net.layers[1]
    assert (x.name, x.kind, x.inputs) == ("layer2", "dwconv", ("a",))
    assert (x.P, x.Q, x.stride, x.pad) == (4, 9, (2, 1), (0, 1, 0, 0))


BAD = {
    "unknown key": (GOOD + "strid = 2", r"net\.toml:1: unknown key 'strid'; did you mean stride"),
    "second layer": (GOOD + "\n[[layer]]\nC = 4\n", r"net\.toml:9: K is missing"),
    "type": (GOOD + "groups = true", "groups is True, expected an integer"),
    "list": (GOOD + "stride = [1, 2, 3]", r"stride is \[1, 2, 3\], expected an integer or a list of 2"),
    "zero": (GOOD + "dilation = 0", "at least 1"),
    "kernel": ("[[layer]]\nC = 1\nH = 2\nK = 1\nR = 5\n", "5x5 kernel is larger than its padded 2x2 input"),
    "kind": (GOOD + 'kind = "pool"', "kind is 'pool', expected conv, dwconv"),
    "fc": (GOOD + 'kind = "fc"', "kind is 'fc'"),
    "groups": (GOOD + "groups = 2", "groups = 2 divides not both C = 3"),
    "later input": (GOOD + 'inputs = ["b"]', "inputs names 'b', which is no layer above"),
    "inputs": (GOOD + "inputs = []", "expected a list of layer names"),
    "same name": (GOOD + GOOD, "the name 'a' is taken"),
    "reserved": (GOOD.replace('"a"', '"input"'), "the name 'input' is taken"),
    "syntax": ("[[layer]\n", "not a valid TOML file"),
    "no layers": ('name = "x"\n', r"found no \[\[layer\]\]"),
    "foreign": ("[dram]\n", "found key 'dram'"),
    "not tables": ("layer = [1]\n", r"found no \[\[layer\]\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_malformed_lists(read, case):
    """Each mistake ends with one line that names the file, the layer's line and what was expected."""
    text, message = BAD[case]
    with pytest.raises(InputError, match=message):
        read(text)
