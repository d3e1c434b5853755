"""The built-in networks against independent layer tables and the published parameter totals."""

import csv
from pathlib import Path

import pytest

from edensim.errors import ConfigError
from edensim.workloads import EDEN_NETWORKS, builtin_names, load_network
from edensim.workloads.shapes import check_layer, output_size

# layers, weights, parameters, MACs, input elements, output elements
TOTALS = {
    "resnet101": (105, 44_442_816, 44_549_160, 7_801_405_440, 15_782_400, 16_232_936),
    "resnet101-cifar10": (105, 42_407_616, 42_512_970, 2_509_983_744, 5_108_736, 5_103_626),
    "mobilenetv2": (53, 3_469_760, 3_504_872, 300_774_272, 6_767_200, 6_679_112),
    "mobilenetv2-cifar10": (53, 2_202_560, 2_236_682, 87_976_448, 1_623_808, 1_639_946),
    "vgg16": (16, 138_344_128, 138_357_544, 15_470_264_320, 9_115_136, 13_556_712),
    "vgg16-cifar10": (14, 14_715_584, 14_728_266, 313_201_664, 185_856, 276_490),
    "densenet201": (201, 19_783_872, 20_013_928, 4_291_365_888, 23_960_960, 7_853_544),
    "squeezenet1.1": (26, 1_231_552, 1_235_496, 349_151_936, 1_720_000, 2_589_352),
    "alexnet": (8, 61_090_496, 61_100_840, 714_188_480, 355_200, 494_184),
    "alexnet-grouped": (8, 60_954_656, 60_965_224, 724_406_816, 415_035, 659_272),
    "yolov3": (75, 61_895_776, 61_949_149, 32_932_037_632, 40_495_104, 39_193_635),
    "yolov3-tiny": (13, 8_845_488, 8_852_366, 2_782_480_896, 2_725_632, 6_164_275),
    "lenet": (4, 430_500, 431_080, 2_293_000, 4_964, 15_230),
    "lenet-3x32": (4, 656_500, 657_080, 4_306_000, 8_742, 21_190),
    "lenet5-3x32": (5, 61_770, 62_006, 651_720, 4_852, 6_518),
    "resnet18": (21, 11_678_912, 11_689_512, 1_814_073_344, 2_183_168, 2_484_712),
    "resnet50": (54, 25_502_912, 25_557_032, 4_089_184_256, 10_664_448, 11_114_984),
}
# num_params in torchvision's weight tables (models/*.py)
TORCHVISION_PARAMETERS = {
    "densenet121": 7_978_856,
    "densenet169": 14_149_480,
    "resnet34": 21_797_672,
    "resnet152": 60_192_808,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg19": 143_667_240,
}


def read_tables():
    with Path(__file__).with_name("layer_tables.csv").open() as file:
        tables = {}
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            tables.setdefault(row.pop("network"), []).append(row)
    return tables


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_the_published_ones(name):
    """Layers, weights, parameters, MACs and feature-map elements are exact."""
    net = load_network(name)
    found = (len(net.layers), net.weight_count, net.parameter_count, net.macs)
    maps = (sum(x.ifm_count for x in net.layers), sum(x.ofm_count for x in net.layers))
    assert found + maps == TOTALS[name]


@pytest.mark.parametrize("name", TORCHVISION_PARAMETERS)
def test_relatives_have_torchvisions_parameter_counts(name):
    """The other depths of each generated family are exact too."""
    assert load_network(name).parameter_count == TORCHVISION_PARAMETERS[name]


@pytest.mark.parametrize("name,table", read_tables().items())
def test_every_layer_row(name, table):
    """Each layer has the name, kind and sizes of the independent table, in the same order."""
    rows = [
        {"name": x.name, "kind": x.kind, "stride": x.stride, "pad": x.pad}
        | {key: str(getattr(x, key)) for key in ("C", "H", "W", "K", "R", "S", "groups", "P", "Q")}
        for x in load_network(name).layers
    ]
    for row in table:
        row["stride"], row["pad"] = (int(row["stride"]),) * 2, (int(row["pad"]),) * 4
    assert rows == table


def test_all_tables_are_covered():
    """No built-in network is left without a check of its totals."""
    assert set(TOTALS) == set(read_tables())
    assert set(TOTALS) | set(TORCHVISION_PARAMETERS) == set(builtin_names())


@pytest.mark.parametrize("name", builtin_names())
def test_shapes_and_inputs_fit(name):
    """Sizes are possible; each input is an earlier layer; several inputs add up, or lie side by side, to C channels."""
    channels = {"input": 0}
    for x in load_network(name).layers:
        check_layer(x, name)
        assert x.name not in channels
        P = output_size(x.H, x.R, x.stride[0], x.pad[:2], x.dilation[0])
        Q = output_size(x.W, x.S, x.stride[1], x.pad[2:], x.dilation[1])
        assert (P, Q) == (x.P, x.Q)
        read = [channels[y] for y in x.inputs]
        joined = {sum(read), read[0] if len(set(read)) == 1 else 0} - {0}
        # A fully connected layer reads all pixels of each channel.
        assert any(x.C % n == 0 if x.kind == "fc" else n == x.C for n in joined) or x.inputs == ("input",)
        channels[x.name] = x.K


def test_residual_sum_is_held_by_the_layer_computed_last():
    """A chain of residual blocks names two layers per sum, the holder of the running sum first."""
    inputs = {x.name: x.inputs for x in load_network("resnet50").layers}
    assert inputs["l1.0.c1"] == inputs["l1.0.ds"] == ("conv1",)
    assert inputs["l1.1.c1"] == ("l1.0.ds", "l1.0.c3")
    assert inputs["l1.2.c1"] == ("l1.1.c3", "l1.0.ds")
    assert inputs["fc"] == ("l4.2.c3", "l4.1.c3")


def test_routes_and_concatenations_name_every_part():
    """Darknet's route layers, fire modules and dense blocks read all layers they join, in channel order."""
    yolo = {x.name: x.inputs for x in load_network("yolov3").layers}
    assert yolo["conv59"] == ("conv56",)
    assert yolo["conv60"] == ("conv59", "conv42")
    assert yolo["conv68"] == ("conv67", "conv25")
    tiny = {x.name: x.inputs for x in load_network("yolov3-tiny").layers}
    assert tiny["conv10"] == ("conv7",)
    assert tiny["conv11"] == ("conv10", "conv4")
    fire = {x.name: x.inputs for x in load_network("squeezenet1.1").layers}
    assert fire["f3.sq"] == ("f2.e1", "f2.e3")
    dense = {x.name: x for x in load_network("densenet201").layers}
    assert dense["d1.2.1x1"].inputs == ("conv0", "d1.0.3x3", "d1.1.3x3")
    assert len(dense["fc"].inputs) == 33


@pytest.mark.parametrize("eden", EDEN_NETWORKS)
def test_eden_sizes(eden):
    """EDEN's listed FP32 sizes are the MiB of our variants within 2 %; MobileNetV2 alone is known not to match."""
    row = EDEN_NETWORKS[eden]
    mib = load_network(row.network).parameter_count * 4 / 2**20
    assert (abs(mib / row.model_mb - 1) < 0.02) == row.size_matches


def test_select_keeps_network_order_and_rejects_unknown_layers():
    """A selection keeps the layers in execution order; a wrong name is an error that gives the nearest."""
    net = load_network("alexnet")
    assert [x.name for x in net.select(["fc8", "conv2"]).layers] == ["conv2", "fc8"]
    with pytest.raises(ConfigError, match=r"alexnet has no layer 'conv22'; did you mean conv2"):
        net.select(["conv22"])
    with pytest.raises(ConfigError, match="list is empty"):
        net.select([])
