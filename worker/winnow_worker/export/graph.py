"""A small writer of ONNX graphs: nodes by name, weights kept once for several graphs.

Graphs are written by hand because tracing loses what makes them fast on a CPU (fused attention, one matrix for
query, key and value, a projection onto the vocabulary of the positions that count only). Weights are stored as they
are in the model's file (fp16 or fp32, `[out, in]`); casts, transposes and concatenations of weights are nodes that
ONNX Runtime folds when it loads the graph, so several graphs share the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

OPSET = 23
IR_VERSION = 11
MS = "com.microsoft"
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
Dim = int | str


class Weights:
    """Weights of one model in one file beside its graphs. Asking twice for a tensor stores it once.

    `dtype` is `fp16`, `fp32` or `auto`: fp16 where every value survives it, else fp32. `folder=None` keeps weights
    inside each graph instead (then nothing is shared).
    """

    def __init__(self, dtype: str = "auto", file_name: str | None = None) -> None:
        if dtype not in ("auto", "fp16", "fp32"):
            raise ValueError(f"dtype {dtype!r}: expected auto, fp16 or fp32")
        self.dtype = dtype
        self.file_name = file_name
        self._data = bytearray()
        self._entries: dict[tuple[int, ...], tuple[str, int, int, int, list[int], torch.Tensor]] = {}

    def tensor(self, value: torch.Tensor) -> TensorProto:
        """The initialiser that holds `value`: external data in the shared file, or inline."""
        value = value.detach()
        key = (value.data_ptr(), *value.shape)
        if key not in self._entries:
            name = f"w{len(self._entries)}"
            array = self._stored(value)
            kind = TensorProto.FLOAT16 if array.dtype == np.float16 else TensorProto.FLOAT
            self._data.extend(b"\0" * (-len(self._data) % 64))
            offset = len(self._data)
            self._data.extend(array.tobytes())
            # The tensor is kept alive so that its address, which is its key, is not used again.
            self._entries[key] = (name, kind, offset, array.nbytes, list(value.shape), value)
        name, kind, offset, length, shape, _ = self._entries[key]
        tensor = TensorProto(name=name, data_type=kind, dims=shape)
        if self.file_name is None:
            tensor.raw_data = bytes(self._data[offset : offset + length])
        else:
            tensor.data_location = TensorProto.EXTERNAL
            for field, text in (("location", self.file_name), ("offset", str(offset)), ("length", str(length))):
                tensor.external_data.add(key=field, value=text)
        return tensor

    def _stored(self, value: torch.Tensor) -> np.ndarray:
        exact = value.to(torch.float32).cpu().contiguous().numpy()
        if np.isnan(exact).any():
            raise ValueError(
                f"A weight of shape {list(value.shape)} that the graphs need is not there or not a number."
            )
        if self.dtype == "fp32":
            return exact
        with np.errstate(over="ignore"):
            half = exact.astype(np.float16)
        if self.dtype == "auto" and not np.array_equal(half.astype(np.float32), exact):
            return exact
        if not np.isfinite(half).all():
            raise ValueError("a weight does not fit fp16: export with --dtype fp32")
        return half

    def save(self, folder: Path) -> None:
        """Write the shared file into `folder`, beside the graphs that point into it."""
        if self.file_name is not None:
            (folder / self.file_name).write_bytes(self._data)


class Graph:
    """One ONNX graph under construction. Every method returns the name of the value it makes."""

    def __init__(self, name: str, weights: Weights) -> None:
        self.name = name
        self.weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initialisers: dict[str, TensorProto] = {}
        self._memo: dict[tuple, str] = {}
        self._renamed: dict[str, str] = {}
        self._count = 0

    def input(self, name: str, shape: list[Dim], dtype: int = FLOAT) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: list[Dim], dtype: int = FLOAT) -> None:
        """Make a value an output. It is renamed where it is made and used, which spares a copy."""
        for node in self._nodes:
            for names in (node.input, node.output):
                for i, used in enumerate(names):
                    if used == value:
                        names[i] = name
        self._renamed[value] = name
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        return self.ops(kind, 1, *inputs, domain=domain, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, domain: str = "", **attributes: object) -> list[str]:
        """Add a node with several outputs."""
        self._count += 1
        names = [f"{kind}_{self._count}" + (f"_{i}" if i else "") for i in range(outputs)]
        inputs = tuple(self._renamed.get(name, name) for name in inputs)
        node = helper.make_node(kind, list(inputs), names, f"{kind}_{self._count}", domain=domain, **attributes)
        self._nodes.append(node)
        return names

    def const(self, value: object, dtype: type = np.int64) -> str:
        """A small constant, kept inside the graph."""
        array = np.asarray(value, dtype=dtype)
        key = ("const", array.dtype.str, array.shape, array.tobytes())
        if key not in self._memo:
            name = f"c{len(self._memo)}"
            self._initialisers[name] = onnx.numpy_helper.from_array(array, name)
            self._memo[key] = name
        return self._memo[key]

    def weight(self, value: torch.Tensor) -> str:
        """A weight as f32, whatever it is stored as."""
        tensor = self.weights.tensor(value)
        key = ("weight", tensor.name)
        if key not in self._memo:
            self._initialisers[tensor.name] = tensor
            half = tensor.data_type == TensorProto.FLOAT16
            self._memo[key] = self.op("Cast", tensor.name, to=FLOAT) if half else tensor.name
        return self._memo[key]

    def matrix(self, *linears: torch.nn.Linear) -> str:
        """`[in, sum of out]`: the weights of linear layers of the same input, side by side."""
        key = ("matrix", *(self.weights.tensor(linear.weight).name for linear in linears))
        if key not in self._memo:
            parts = [self.op("Transpose", self.weight(linear.weight), perm=[1, 0]) for linear in linears]
            self._memo[key] = self.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
        return self._memo[key]

    def linear(self, x: str, *linears: torch.nn.Linear) -> str:
        """`x W + b` for layers of the same input, results side by side in the last axis."""
        y = self.op("MatMul", x, self.matrix(*linears))
        biases = [linear.bias for linear in linears]
        if all(bias is None for bias in biases):
            return y
        filled = [
            torch.zeros(linear.out_features) if bias is None else bias
            for linear, bias in zip(linears, biases, strict=True)
        ]
        parts = [self.weight(bias) for bias in filled]
        return self.op("Add", y, self.op("Concat", *parts, axis=0) if len(parts) > 1 else parts[0])

    def layer_norm(self, x: str, norm: torch.nn.LayerNorm) -> str:
        weight, bias = self.weight(norm.weight), self.weight(norm.bias)
        return self.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=float(norm.eps))

    def split(self, x: str, sizes: list[int], axis: int = -1) -> list[str]:
        return self.ops("Split", len(sizes), x, self.const(sizes), axis=axis)

    def reshape(self, x: str, shape: list[int]) -> str:
        """Reshape where 0 keeps an axis and -1 is inferred."""
        return self.op("Reshape", x, self.const(shape))

    def dim(self, x: str, axis: int) -> str:
        """The size of one axis, as a vector of one."""
        return self.op("Shape", x, start=axis, end=axis + 1)

    def scalar(self, x: str) -> str:
        return self.op("Squeeze", x, self.const([0]))

    def range(self, end: str) -> str:
        """`0 .. end-1` for a vector of one."""
        return self.op("Range", self.const(0), self.scalar(end), self.const(1))

    def activation(self, x: str, name: str) -> str:
        """An activation by its name in a `transformers` configuration."""
        if name == "gelu":
            return self.op("Gelu", x)
        if name in ("gelu_pytorch_tanh", "gelu_new"):
            return self.op("Gelu", x, approximate="tanh")
        if name == "quick_gelu":
            return self.op("QuickGelu", x, domain=MS, alpha=1.702)
        if name in ("silu", "swish"):
            return self.op("QuickGelu", x, domain=MS, alpha=1.0)
        if name == "relu":
            return self.op("Relu", x)
        raise ValueError(f"activation {name!r} is not known to the exporter")

    def save(self, path: Path) -> None:
        """Write the graph. Its weights' file is written by `Weights.save`."""
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, list(self._initialisers.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MS, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="winnow")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())


def attention(
    g: Graph, q: str, k: str, v: str, heads: int, kv_heads: int, scale: float, mask: str = "", causal: bool = False
) -> str:
    """Scaled dot-product attention over `[batch, length, heads * dim]`; `mask` is added to the scores."""
    flags = {"is_causal": 1} if causal else {}
    return g.op("Attention", q, k, v, mask, q_num_heads=heads, kv_num_heads=kv_heads, scale=scale, **flags)
