"""DenseNet-121/169/201, growth 32 (torchvision). Batch norms before a convolution count to that convolution."""

from __future__ import annotations

from edensim.workloads.builder import Feature, NetworkBuilder
from edensim.workloads.layer import Network

TORCHVISION = "torchvision models/densenet.py; Huang et al., CVPR 2017, Table 1"
BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
GROWTH = 32


def densenet(depth: int) -> Network:
    """ImageNet DenseNet of 121, 169 or 201 layers."""
    b = NetworkBuilder(f"densenet{depth}", TORCHVISION, per_filter=0)
    x = b.conv(b.input(3, 224, 224), "conv0", 64, 7, stride=2, per_filter=2)
    x = b.pool(x, 3, 2, pad=1)
    for block, count in enumerate(BLOCKS[depth], 1):
        if block > 1:
            x = b.pool(b.conv(x, f"t{block - 1}", x.C // 2, 1, extra=2 * x.C), 2, 2)
        x = _dense_block(b, x, f"d{block}", count)
    b.fc(b.global_pool(x), "fc", 1000, extra=2 * x.C)
    return b.build()


def _dense_block(b: NetworkBuilder, x: Feature, name: str, count: int) -> Feature:
    parts = [x]
    for i in range(count):
        x = b.concat(*parts)
        # Two batch norms: one over the joined input, one over the 1x1's own output.
        y = b.conv(x, f"{name}.{i}.1x1", 4 * GROWTH, 1, per_filter=2, extra=2 * x.C)
        parts.append(b.conv(y, f"{name}.{i}.3x3", GROWTH, 3))
    return b.concat(*parts)
