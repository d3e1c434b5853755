"""The built-in networks: one function per family, all of them exact in shapes and parameters, none downloaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edensim.workloads.layer import Network
from edensim.workloads.networks.alexnet import alexnet, alexnet_grouped
from edensim.workloads.networks.densenet import densenet
from edensim.workloads.networks.lenet import lenet5, lenet_caffe
from edensim.workloads.networks.mobilenet import mobilenetv2, mobilenetv2_cifar10
from edensim.workloads.networks.resnet import resnet, resnet_cifar10
from edensim.workloads.networks.squeezenet import squeezenet1_1
from edensim.workloads.networks.vgg import vgg, vgg16_cifar10
from edensim.workloads.networks.yolo import yolov3, yolov3_tiny

BUILTIN: dict[str, Callable[[], Network]] = {
    "alexnet": alexnet,
    "alexnet-grouped": alexnet_grouped,
    "densenet121": partial(densenet, 121),
    "densenet169": partial(densenet, 169),
    "densenet201": partial(densenet, 201),
    "lenet": partial(lenet_caffe, "lenet", 1, 28),
    "lenet-3x32": partial(lenet_caffe, "lenet-3x32", 3, 32),
    "lenet5-3x32": lenet5,
    "mobilenetv2": mobilenetv2,
    "mobilenetv2-cifar10": mobilenetv2_cifar10,
    "resnet18": partial(resnet, 18),
    "resnet34": partial(resnet, 34),
    "resnet50": partial(resnet, 50),
    "resnet101": partial(resnet, 101),
    "resnet101-cifar10": partial(resnet_cifar10, 101),
    "resnet152": partial(resnet, 152),
    "squeezenet1.1": squeezenet1_1,
    "vgg11": partial(vgg, 11),
    "vgg13": partial(vgg, 13),
    "vgg16": partial(vgg, 16),
    "vgg16-cifar10": vgg16_cifar10,
    "vgg19": partial(vgg, 19),
    "yolov3": yolov3,
    "yolov3-tiny": yolov3_tiny,
}
