"""YOLOv3 and YOLOv3-Tiny at 416x416 for COCO (Darknet cfg/yolov3.cfg, cfg/yolov3-tiny.cfg).

Convolutions are numbered in file order; detection convolutions (255 channels) have a bias, all others batch norm.
"""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network


class _Darknet(NetworkBuilder):
    """Numbers the convolutions conv0, conv1, … and gives detection heads a bias instead of batch norm."""

    def next(self, x: Feature, K: int, kernel: int, stride: int = 1) -> Feature:
        return self.conv(x, f"conv{len(self.layers)}", K, kernel, stride)

    def detect(self, x: Feature) -> None:
        self.conv(x, f"conv{len(self.layers)}", 255, 1, per_filter=1)


def yolov3() -> Network:
    """Darknet-53 body, three detection scales."""
    b = _Darknet("yolov3", "Darknet cfg/yolov3.cfg; Redmon and Farhadi, 2018", per_filter=2)
    x = b.next(b.input(3, 416, 416), 32, 3)
    scales = []
    for channels, residuals in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        x = b.next(x, channels, 3, stride=2)
        for _ in range(residuals):
            x = b.add(b.next(b.next(x, channels // 2, 1), channels, 3), x)
        scales.append(x)
    x = _head(b, scales[4], 512)
    x = b.concat(b.upsample(b.next(x, 256, 1), 2), scales[3])
    x = _head(b, x, 256)
    x = b.concat(b.upsample(b.next(x, 128, 1), 2), scales[2])
    _head(b, x, 128)
    return b.build()


def _head(b: _Darknet, x: Feature, width: int) -> Feature:
    """Five alternating convolutions (the last is routed on) and the detection branch."""
    for _ in range(2):
        x = b.next(b.next(x, width, 1), 2 * width, 3)
    x = b.next(x, width, 1)
    b.detect(b.next(x, 2 * width, 3))
    return x


def yolov3_tiny() -> Network:
    """Seven convolutions and pools, two detection scales."""
    b = _Darknet("yolov3-tiny", "Darknet cfg/yolov3-tiny.cfg; Redmon and Farhadi, 2018", per_filter=2)
    x = b.next(b.input(3, 416, 416), 16, 3)
    for channels in (32, 64, 128, 256):
        x = b.next(b.pool(x, 2, 2), channels, 3)
    routed = x
    x = b.next(b.pool(x, 2, 2), 512, 3)
    # The sixth pool has stride 1 and keeps 13x13.
    x = b.next(b.next(x, 1024, 3), 256, 1)
    b.detect(b.next(x, 512, 3))
    x = b.concat(b.upsample(b.next(x, 128, 1), 2), routed)
    b.detect(b.next(x, 256, 3))
    return b.build()
