"""A backbone with a head on it: what a run trains, keeps and hands on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

from torch import Tensor, nn

from homefield.backbones.backbone import Backbone
from homefield.tasks import Output, task

__all__ = ["Network", "NetworkInfo"]


@dataclass(frozen=True)
class NetworkInfo:
    """What a network is for.

    how: the way it was trained (`all`, `top:2`, ...). frozen_to: blocks below it, and the embeddings, are the
    backbone's own (0: nothing is). max_length: texts are cut to so many tokens. labels: empty for a number.
    """

    task: str
    output: Output
    labels: tuple[str, ...]
    how: str
    frozen_to: int
    max_length: int
    head_dropout: float

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetworkInfo:
        """What `as_json` gave."""
        return cls(**{**values, "labels": tuple(values["labels"])})


class Network(nn.Module):
    """Shapes: B texts, T tokens, D the backbone's width, C outputs."""

    def __init__(self, backbone: Backbone, head: nn.Module, info: NetworkInfo) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.info = info

    @property
    def outputs(self) -> int:
        """C: numbers by text; of a task that gives vectors, as many as the backbone's."""
        return task(self.info.task).size(self.info.labels) or self.backbone.width

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """ids and mask `[B, T]` to outputs `[B, C]` and the text's vector `[B, D]`, both float32."""
        return self.finish(self.backbone(ids, mask), mask)

    def from_hidden(self, hidden: Tensor, mask: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """States `[B, T, *]` of layer `start` to outputs `[B, C]` and vector `[B, D]`."""
        return self.finish(self.backbone.run(hidden, mask, start), mask)

    def finish(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States of the last layer to outputs and vector; pooled and judged in float32 whatever the blocks used."""
        vector = self.backbone.pool(hidden.float(), mask)
        return cast("Tensor", self.head(vector)), vector
