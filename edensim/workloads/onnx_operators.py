"""What edensim knows about each ONNX operator: where its weights are, or that it only connects tensors.

Not modelled: recurrent operators and control flow; an operator that is named nowhere here is an unknown one.
"""

from __future__ import annotations

CONVOLUTIONS = {"Conv": (0, 1, 2), "FusedConv": (0, 1, 2), "QLinearConv": (0, 3, 8), "ConvInteger": (0, 1, None)}
TRANSPOSED = {"ConvTranspose": (0, 1, 2)}
PRODUCTS = {
    "Gemm": (0, 1, 2),
    "FusedGemm": (0, 1, 2),
    "MatMul": (0, 1, None),
    "QLinearMatMul": (0, 3, None),
    "MatMulInteger": (0, 1, None),
}
OPERANDS: dict[str, tuple[int, int, int | None]] = {**CONVOLUTIONS, **TRANSPOSED, **PRODUCTS}
"""Operators that multiply by weights -> operand numbers of data, weights and bias (None: no bias)."""

SUMS = {"Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min", "Pow", "Where", "PRelu", "QLinearAdd", "QLinearMul"}
"""Element-wise operators of several tensors; a stored operand is a parameter (bias, scale)."""

NORMALISATIONS = {"BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization"}
"""Operand 1 is the scale, operand 2 the shift; running statistics are no parameters."""

SHAPE_ONLY = {"Shape", "Size"}
CONTROL_FLOW = {"If", "Loop", "Scan"}

CONNECTING = frozenset(
    """Abs And ArgMax ArgMin AveragePool BitShift Cast CastLike Ceil Celu Clip Concat Constant ConstantOfShape Cos
    CumSum DepthToSpace DequantizeLinear Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Flatten Floor
    Gather GatherElements GatherND Gelu GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid
    HardSwish Identity LRN LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MaxPool MaxUnpool
    MeanVarianceNormalization Mish Mod Neg NonMaxSuppression NonZero Not OneHot Or Pad QLinearAveragePool QLinearConcat
    QLinearGlobalAveragePool QLinearLeakyRelu QLinearSigmoid QuantizeLinear QuickGelu RMSNormalization Range Reciprocal
    ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
    Resize RoiAlign Round ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Slice Softmax Softplus Softsign
    SpaceToDepth Split Sqrt Squeeze Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample
    Xor""".split()  # noqa: SIM905
)
"""Operators without weights that only pass on (or, Concat, join) the tensors they are given."""

KNOWN = SUMS | NORMALISATIONS | SHAPE_ONLY | CONNECTING | OPERANDS.keys()
