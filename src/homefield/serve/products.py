"""Matrix products beside a network, on the thread that asks.

NumPy's products go to a pool of threads of their own, which has to wait for the processor while ONNX Runtime's threads
still hold it: on two busy cores a product of 40 µs then takes 20 ms. ONNX Runtime with one thread does not wait.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

__all__ = ["Products"]

Floats = NDArray[np.float32]


class Products:
    """Products of matrices, one thread each."""

    def __init__(self) -> None:
        self._product = _product_session(largest=False)
        self._largest = _product_session(largest=True)
        self._widened = _widened_session()

    def product(self, left: Floats, right: Floats) -> Floats:
        """`[M, K]` times `[K, N]`."""
        return cast("Floats", self._product.run(None, {"left": left, "right": right})[0])

    def largest(self, left: Floats, right: Floats, count: int) -> tuple[Floats, NDArray[np.int64]]:
        """The `count` largest numbers of each row of the product, largest first, and their columns: `[M, count]`."""
        feed = {"left": left, "right": right, "count": np.array([count], dtype=np.int64)}
        values, places = self._largest.run(None, feed)
        return cast("Floats", values), cast("NDArray[np.int64]", places)

    def widened(self, left: NDArray[np.float16], right: Floats) -> Floats:
        """`[B, M, K]` of 16 bits times `[B, K]`: `[B, M]`. NumPy widens 16 bits one by one, ten times slower."""
        feed = {"left": left, "right": right[:, :, None]}
        return cast("Floats", self._widened.run(None, feed)[0])[:, :, 0]


def _product_session(*, largest: bool) -> ort.InferenceSession:
    # Imported here: it takes 0.2 s, which a program that only lists models need not wait for.
    from onnx import TensorProto, helper

    number = TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info("left", number, ["m", "k"]),
        helper.make_tensor_value_info("right", number, ["k", "n"]),
    ]
    nodes = [helper.make_node("MatMul", ["left", "right"], ["product"])]
    outputs = [helper.make_tensor_value_info("product", number, ["m", "n"])]
    if largest:
        inputs.append(helper.make_tensor_value_info("count", TensorProto.INT64, [1]))
        nodes.append(helper.make_node("TopK", ["product", "count"], ["values", "places"], axis=1))
        outputs = [
            helper.make_tensor_value_info("values", number, ["m", "count"]),
            helper.make_tensor_value_info("places", TensorProto.INT64, ["m", "count"]),
        ]
    return _session(helper.make_graph(nodes, "product", inputs, outputs))


def _widened_session() -> ort.InferenceSession:
    from onnx import TensorProto, helper

    inputs = [
        helper.make_tensor_value_info("left", TensorProto.FLOAT16, ["b", "m", "k"]),
        helper.make_tensor_value_info("right", TensorProto.FLOAT, ["b", "k", 1]),
    ]
    nodes = [
        helper.make_node("Cast", ["left"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["wide", "right"], ["product"]),
    ]
    outputs = [helper.make_tensor_value_info("product", TensorProto.FLOAT, ["b", "m", 1])]
    return _session(helper.make_graph(nodes, "widened", inputs, outputs))


def _session(graph: Any) -> ort.InferenceSession:
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
