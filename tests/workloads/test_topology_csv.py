"""SCALE-Sim topology files: what is accepted, what it means, and what each malformed row is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.errors import InputError
from edensim.workloads import load_network

HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text, name="net.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_network(path)

    return read_text


def sizes(x):
    return (x.kind, x.C, x.H, x.W, x.K, x.R, x.S, x.P, x.Q, x.stride, x.groups)


def test_convolutions(read):
    """The first rows of SCALE-Sim's alexnet.csv; a window over the edge counts, as padding at the bottom and right."""
    net = read(HEADER + "Conv1, 224, 224, 11, 11, 3, 96, 4,\nConv2, 31, 31, 5, 5, 96, 256, 1,\n")
    first, second = net.layers
    assert sizes(first) == ("conv", 3, 224, 224, 96, 11, 11, 55, 55, (4, 4), 1)
    assert first.pad == (0, 3, 0, 3)
    assert sizes(second) == ("conv", 96, 31, 31, 256, 5, 5, 27, 27, (1, 1), 1)
    assert (first.inputs, second.inputs) == (("input",), ("Conv1",))
    assert net.name == "net"


def test_quirks_are_tolerated(read):
    """No trailing comma, blank rows, spaces, byte-order mark, CRLF, comments, repeated names, N:M, a second stride."""
    text = (
        "\ufeff" + HEADER + "\n  \nA , 8,8, 3,3, 4,2,1\n,,,\n# note\nA,8,8,3,3,4,2,1,1:1,\nB,9,8,3,2,4,2,2,1,\n"
        "C,8,8,3,3,4,2,1,1,4:4\n"
    )
    net = read(text.replace("\n", "\r\n"))
    assert [x.name for x in net.layers] == ["A", "A#2", "B", "C"]
    assert [x.stride for x in net.layers] == [(1, 1), (1, 1), (2, 1), (1, 1)]
    assert (net.layers[2].P, net.layers[2].Q) == (4, 7)


def test_header_is_optional(read):
    """Without a header the first row is a layer, and the column count tells the kind."""
    assert len(read("A,8,8,3,3,4,2,1,\n").layers) == 1
    assert read("A,5,6,7,\n").layers[0].macs == 5 * 6 * 7


def test_depthwise_marker(read):
    """`DP` in a name: one group per channel, as many filters each as stated; counts equal SCALE-Sim's C layers."""
    x = read(HEADER + "Conv2_DP, 10, 10, 3, 3, 32, 2, 1,\n").layers[0]
    assert sizes(x) == ("dwconv", 32, 10, 10, 64, 3, 3, 8, 8, (1, 1), 32)
    assert x.macs == 32 * (8 * 8 * 3 * 3 * 1 * 2)


def test_sparsity_warns(read):
    """N:M sparsity is read but not modelled; one warning names the first row and counts the others."""
    net = read(HEADER + "A,8,8,3,3,4,2,1,2:4,\n")
    assert net.layers[0].weight_count == 4 * 2 * 9
    assert net.warnings == ("net.csv:2: sparsity 2:4 is not modelled, the weights count as dense",)
    rows = "A,8,8,3,3,4,2,1,4:4,\nB,8,8,3,3,4,2,1,1:4,\nC,8,8,3,3,4,2,1,2,2:4,\nD,8,8,3,3,4,2,1,1:2\n"
    (warning,) = read(HEADER + rows).warnings
    assert warning.startswith("net.csv:3: sparsity 1:4 ")
    assert warning.endswith(" (likewise in 2 further rows)")
    assert read("Layer, M, N, K,\nfc, 1, 10, 20, 1:2, 3,\n").warnings
    assert read(HEADER + "A,8,8,3,3,4,2,1,1:1,\n").warnings == ()


def test_products(read):
    """`Layer,M,N,K`: M rows, N columns, depth K, optionally a batch of independent products."""
    net = read("Layer, M, N, K,\nfc, 1, 10, 20,\nbig, 128, 64, 32,\nheads, 16, 16, 8, 1:1, 12,\n")
    fc, big, heads = net.layers
    assert sizes(fc) == ("fc", 20, 1, 1, 10, 1, 1, 1, 1, (1, 1), 1)
    assert sizes(big) == ("conv", 32, 128, 1, 64, 1, 1, 128, 1, (1, 1), 1)
    assert (heads.groups, heads.macs) == (12, 12 * 16 * 16 * 8)


@given(st.lists(st.tuples(*(st.integers(1, 40),) * 2, *(st.integers(1, 9),) * 5), min_size=1, max_size=5))
def test_output_size_is_scalesims(tmp_path_factory, rows):
    """P, Q and MACs follow SCALE-Sim's ceil((H - R + stride) / stride) for any sizes."""
    rows = [(h + r, w + s, r, s, c, k, u) for h, w, r, s, c, k, u in rows]
    path = tmp_path_factory.mktemp("csv") / "n.csv"
    path.write_text(HEADER + "".join(f"L{i}, {', '.join(map(str, row))},\n" for i, row in enumerate(rows)))
    for x, (h, w, r, s, c, k, u) in zip(load_network(path).layers, rows, strict=True):
        P, Q = -(-(h - r + u) // u), -(-(w - s + u) // u)
        assert (x.P, x.Q, x.macs) == (P, Q, P * Q * r * s * c * k)
        assert (x.P - 1) * u + r == h + x.pad[1]


BAD = {
    "too few columns": ("A,8,8,3,3,4,2,1,\nB,8,8,3,3,4,\n", r"net\.csv:3: found 6 columns, expected 8 columns"),
    "too many columns": ("A,8,8,3,3,4,2,1,1,1:1,5,\n", r"net\.csv:2: found 11 columns"),
    "text": ("A,8,8,3,3,four,2,1,\n", r"net\.csv:2: channels is 'four', expected an integer of 1 to"),
    "fraction": ("A,8,8.5,3,3,4,2,1,\n", r"net\.csv:2: IFMAP width is '8.5'"),
    "zero": ("A,8,8,3,3,4,0,1,\n", r"net\.csv:2: filters is '0'"),
    "negative": ("A,8,8,3,3,4,2,-1,\n", r"net\.csv:2: stride is '-1'"),
    "hole": ("A,8,,3,3,4,2,1,\n", r"net\.csv:2: IFMAP width is ''"),
    "huge": ("A,8,8,3,3,99999999999999999999,2,1,\n", r"net\.csv:2: channels is '9+'"),
    "other digits": ("A,8,8,3,3,４,2,1,\n", r"net\.csv:2: channels is"),
    "kernel": ("A,8,8,9,3,4,2,1,\n", r"net\.csv:2: the 9x3 filter is larger than its 8x8 input"),
    "ratio": ("A,8,8,3,3,4,2,1,5:4\n", r"net\.csv:2: sparsity 5:4, expected N:M with 1 <= N <= M"),
    "ninth column": ("A,8,8,3,3,4,2,1,half\n", r"net\.csv:2: column 'half' is not understood"),
    "no rows": ("", r"net\.csv: holds no layers"),
}


@pytest.mark.parametrize("case", BAD)
def test_malformed_rows_are_named(read, case):
    """Each malformed row ends with one paragraph that names file, line, column and what was expected."""
    text, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        read(HEADER + text)
    assert "\n" not in str(caught.value)


def test_header_decides_the_kind(read):
    """A product's row under a convolution's header is an error, not silently another kind."""
    with pytest.raises(InputError, match=r"net\.csv:2: found 4 columns, expected 8"):
        read(HEADER + "A,5,6,7,\n")
    with pytest.raises(InputError, match=r"net\.csv:2: found 8 columns, expected 4"):
        read("Layer,M,N,K,\nA,8,8,3,3,4,2,1,\n")


def test_not_a_text_file(read, tmp_path):
    """Binary files, empty files and folders are input errors."""
    with pytest.raises(InputError, match="cannot be read as a CSV text file"):
        read(b"\xff\xfe\x00\x81,1,2")
    with pytest.raises(InputError, match="holds 0 bytes"):
        read("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        load_network(tmp_path / "folder.csv")
