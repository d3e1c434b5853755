"""YOLOv3 and YOLOv3-Tiny as Darknet defines them (cfg/yolov3.cfg, cfg/yolov3-tiny.cfg), 416x416, COCO.

Convolutions are `conv0`, `conv1`, … in file order, which is also the order of a Darknet weight file. Modelled: raw
detection maps. Not modelled: decoding of boxes, non-maximum suppression, training losses (bring your own).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, pad


class DarknetConv(nn.Module):
    """Convolution, batch norm and leaky ReLU; detection heads have a bias and neither of those."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, head: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=head)
        self.norm = None if head else nn.BatchNorm2d(outputs)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        x = self.conv(x)
        return x if self.norm is None else self.act(self.norm(x))


class Darknet(nn.Module):
    """Convolutions numbered as they are added; `run(k, x)` applies one."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def add(self, inputs: int, outputs: int, kernel: int, stride: int = 1, head: bool = False) -> int:
        """Append a convolution; returns its channels."""
        self.add_module(f"conv{self.count}", DarknetConv(inputs, outputs, kernel, stride, head))
        self.count += 1
        return outputs

    def chain(self, x: Tensor, first: int, count: int) -> Tensor:
        """Apply `count` convolutions, one behind the other."""
        for k in range(first, first + count):
            x = getattr(self, f"conv{k}")(x)
        return x


class YoloV3(Darknet):
    """Redmon and Farhadi, 2018: Darknet-53 and three detection scales."""

    RESIDUALS = (1, 2, 8, 8, 4)

    def __init__(self) -> None:
        super().__init__()
        x = self.add(3, 32, 3)
        for stage, count in enumerate(self.RESIDUALS):
            x = self.add(x, 64 << stage, 3, 2)
            for _ in range(count):
                self.add(x, x // 2, 1)
                self.add(x // 2, x, 3)
        self.body = self.count
        for routed, width in ((0, 512), (512, 256), (256, 128)):
            if routed:
                self.add(2 * width, width, 1)
                x = width + routed
            for _ in range(3):
                self.add(x, width, 1)
                x = self.add(width, 2 * width, 3)
            self.add(x, 255, 1, head=True)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images (N, 3, 416, 416) to maps (N, 255, s, s), s = 13, 26, 52."""
        x, k, scales, found = self.chain(x, 0, 1), 1, [], []
        for count in self.RESIDUALS:
            x, k = self.chain(x, k, 1), k + 1
            for _ in range(count):
                x, k = self.chain(x, k, 2) + x, k + 2
            scales.append(x)
        for level in (4, 3, 2):
            if level < 4:
                x = torch.cat([interpolate(self.chain(x, k, 1), scale_factor=2), scales[level]], 1)
                k += 1
            x = self.chain(x, k, 5)
            found.append(self.chain(x, k + 5, 2))
            k += 7
        return found


class YoloV3Tiny(Darknet):
    """Seven convolutions with pools, two detection scales."""

    def __init__(self) -> None:
        super().__init__()
        x = 3
        for channels in (16, 32, 64, 128, 256, 512, 1024):
            x = self.add(x, channels, 3)
        self.add(1024, 256, 1)
        self.add(256, 512, 3)
        self.add(512, 255, 1, head=True)
        self.add(256, 128, 1)
        self.add(128 + 256, 256, 3)
        self.add(256, 255, 1, head=True)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images (N, 3, 416, 416) to maps (N, 255, s, s), s = 13, 26."""
        x = self.chain(x, 0, 1)
        for k in range(1, 5):
            x = self.chain(max_pool2d(x, 2), k, 1)
        routed = x
        x = self.chain(max_pool2d(x, 2), 5, 1)
        x = max_pool2d(pad(x, (0, 1, 0, 1), value=float("-inf")), 2, 1)
        x = self.chain(x, 6, 2)
        coarse = self.chain(x, 8, 2)
        x = torch.cat([interpolate(self.chain(x, 10, 1), scale_factor=2), routed], 1)
        return [coarse, self.chain(x, 11, 2)]
