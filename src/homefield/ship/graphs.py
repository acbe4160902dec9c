"""A network becomes ONNX: one part, or a frozen part and a head part that meet at the layer the network was cut at.

The same weights give the same bytes, whoever exports them and wherever: what an exporter leaves behind of the machine
(paths, traces) is taken out. That is what lets models recognise a shared frozen part by its content.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.onnx import ONNXProgram

from homefield.backbones.backbone import Backbone
from homefield.errors import MachineError, Refused
from homefield.train.network import Network

__all__ = ["OPSET", "Graphs", "export_graphs"]

# 20 has Gelu as one operator; spelled out in older ones, it makes an int8 minilm-en 8 % slower.
OPSET = 20
_LARGEST = 2**31 - 2**20  # what a protobuf message can hold


@dataclass(frozen=True)
class Graphs:
    """ONNX files as bytes.

    frozen: (ids `[B, T]` int64, mask `[B, T]` bool) to hidden `[B, T, *]`; None when the network ships whole.
    head: (hidden, mask), or (ids, mask) when whole, to logits `[B, C]` and vector `[B, D]`.
    """

    frozen: bytes | None
    head: bytes


class _Frozen(nn.Module):
    def __init__(self, backbone: Backbone, layer: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.layer = layer

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.backbone.reach(ids, mask, self.layer)


class _Head(nn.Module):
    def __init__(self, network: Network, layer: int) -> None:
        super().__init__()
        self.network = network
        self.layer = layer

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.from_hidden(hidden, mask, self.layer)


def export_graphs(network: Network) -> Graphs:
    """`network` (float32, evaluation mode, LoRA merged) as ONNX, cut at its `frozen_to`.

    Raises:
        MachineError: `ship.too_large`, when a part is beyond what one ONNX file can hold.
        Refused: `ship.not_exportable`, when the exporter does not know an operation of the backbone.
    """
    backbone, layer = network.backbone, network.info.frozen_to
    tokens = min(7, backbone.max_length)
    ids = torch.ones(2, tokens, dtype=torch.int64)
    mask = torch.ones(2, tokens, dtype=torch.bool)
    mask[1, tokens - 2 :] = False
    longest = backbone.max_length
    if layer == 0:
        return Graphs(None, _export(network, {"ids": ids, "mask": mask}, ["logits", "vector"], longest))
    frozen = _export(_Frozen(backbone, layer), {"ids": ids, "mask": mask}, ["hidden"], longest)
    with torch.no_grad():
        hidden = backbone.reach(ids, mask, layer)
    head = _export(_Head(network, layer), {"hidden": hidden, "mask": mask}, ["logits", "vector"], longest)
    return Graphs(frozen, head)


def _export(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], longest: int) -> bytes:
    size = sum(value.numel() * value.element_size() for value in module.state_dict().values())
    if size > _LARGEST:
        raise MachineError("ship.too_large", size=f"{size / 1e9:.1f}")
    batch, tokens = Dim("batch"), Dim("tokens", max=longest)
    try:
        program = _traced(module, inputs, outputs, batch, tokens)
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()
        raise Refused("ship.not_exportable", reason=reason[0] if reason else "-") from error
    model = program.model_proto
    _strip(model)
    return cast("bytes", model.SerializeToString(deterministic=True))


def _traced(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], batch: Dim, tokens: Dim) -> ONNXProgram:
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=tuple({0: batch, 1: tokens} for _ in inputs),
            opset_version=OPSET,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    return program


def _strip(model: onnx.ModelProto) -> None:
    """Take out what depends on the machine or the moment: source traces, paths, producers."""
    model.producer_name, model.producer_version, model.doc_string = "homefield", "", ""
    del model.metadata_props[:]
    graph = model.graph
    graph.name, graph.doc_string = "graph", ""
    del graph.metadata_props[:]
    del graph.value_info[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about itself from the user: the parity gate is what tells whether it worked."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
