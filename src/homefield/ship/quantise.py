"""fp32 ONNX becomes int8: weights per channel, activations measured while running (dynamic quantisation).

Weights use seven of the eight bits. Processors without VNNI add products in pairs in 16 bits, which full weights
overflow: the same file then answers wrongly there (onnxruntime#8660 went from 98 % to 60 %). On 2,516 banking77 rows
(minilm-en, `top:2`) it costs nothing: 92.09 % with seven bits, 92.05 % with eight, 92.01 % in fp32.

Signed weights per channel are the fastest way there is: minilm-en answers 430 texts of 20 tokens a second one at a time
and 570 in batches of 32, with unsigned ones 310 and 500 (one thread, AVX-512 VNNI, ONNX Runtime 1.32). The transformer
fusions of ONNX Runtime's optimiser gain under 5 % one at a time and lose in batches. Embeddings in int8 make 59 MB 24.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import onnx

from homefield.ship.graphs import Graphs

__all__ = ["LEAST", "WAYS", "Way", "quantise"]


@dataclass(frozen=True)
class Way:
    """One way to quantise. operators: whose constant weights become int8."""

    name: str
    operators: tuple[str, ...]


WAYS = (Way("all", ("MatMul", "Gemm", "Gather")), Way("products", ("MatMul", "Gemm")))
"""Tried in this order: with embeddings, then without."""
LEAST = Way("embeddings", ("Gather",))
"""Tried last for vectors, which are used as they are: what products round moves them, and no layer above mends it."""


def quantise(graphs: Graphs, way: Way) -> Graphs:
    """The same parts with int8 weights; the same bytes for the same input."""
    return Graphs(None if graphs.frozen is None else _quantise(graphs.frozen, way), _quantise(graphs.head, way))


def _quantise(content: bytes, way: Way) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(content)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=list(way.operators),
            nodes_to_exclude=_after_vector(onnx.load(source)),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        model = onnx.load(target)
    model.producer_name, model.producer_version = "homefield", ""
    del model.metadata_props[:]
    del model.graph.value_info[:]
    return cast("bytes", model.SerializeToString(deterministic=True))


def _after_vector(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes between a text's vector and the outputs: the task's own layers stay as they were trained.

    They are a thousandth of the arithmetic, and what they decide is what an error would show in.
    """
    reached, found = {"vector"}, []
    for node in model.graph.node:  # in the order of computation
        if reached.intersection(node.input):
            reached.update(node.output)
            found.append(node.name)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises a step on the root logger that gains nothing for these graphs."""

    def drop(record: logging.LogRecord) -> bool:
        return "quantization" not in record.pathname

    root = logging.getLogger()
    root.addFilter(drop)
    try:
        yield
    finally:
        root.removeFilter(drop)
