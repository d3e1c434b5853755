"""EDEN's nine networks (Koppula et al., MICRO 2019, Table 1) and which built-in network stands for each.

The paper gives sizes, not layer tables: the identification rests on the listed FP32 model size being the MiB of the
variant. It holds within 2 % for all but MobileNetV2, whose 22.7 MB fits no standard variant. EDEN names CIFAR-10 for
LeNet and AlexNet, but its sizes are those of Caffe's LeNet on 1x28x28 and of ImageNet's one-tower AlexNet.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EdenNetwork:
    """One row of EDEN's Table 1: sizes in MB as printed (model: FP32 weights; the other: feature maps and weights)."""

    network: str
    dataset: str
    model_mb: float
    ifm_and_weights_mb: float
    size_matches: bool = True


EDEN_NETWORKS = {
    "ResNet101": EdenNetwork("resnet101-cifar10", "CIFAR-10", 163.0, 100.0),
    "MobileNetV2": EdenNetwork("mobilenetv2-cifar10", "CIFAR-10", 22.7, 68.5, size_matches=False),
    "VGG-16": EdenNetwork("vgg16", "ILSVRC2012", 528.0, 218.0),
    "DenseNet201": EdenNetwork("densenet201", "ILSVRC2012", 76.0, 439.0),
    "SqueezeNet1.1": EdenNetwork("squeezenet1.1", "ILSVRC2012", 4.8, 53.8),
    "AlexNet": EdenNetwork("alexnet", "CIFAR-10", 233.0, 208.0),
    "YOLO": EdenNetwork("yolov3", "MSCOCO", 237.0, 360.0),
    "YOLO-Tiny": EdenNetwork("yolov3-tiny", "MSCOCO", 33.8, 51.3),
    "LeNet": EdenNetwork("lenet", "CIFAR-10", 1.65, 2.30),
}
"""EDEN's name -> the built-in network that stands for it, and the sizes the paper prints."""
