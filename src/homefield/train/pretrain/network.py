"""A backbone with the output layer of masked language modelling, which is computed at the hidden places alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from homefield.backbones.encoder import Encoder, Shape

__all__ = ["MaskedModel", "work_of_blocks"]


class MaskedModel(nn.Module):
    """Shapes: B sequences, T tokens, D width, V vocabulary, M hidden places. The output table is the input's."""

    def __init__(self, backbone: Encoder) -> None:
        super().__init__()
        self.backbone = backbone
        shape = backbone.shape
        narrow = shape.embedding_width or shape.width
        self.transform = nn.Linear(shape.width, narrow)
        self.norm = nn.LayerNorm(narrow, eps=1e-5)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))

    def initialise(self) -> None:
        """Random weights of the output layer."""
        nn.init.normal_(self.transform.weight, std=0.02)
        nn.init.zeros_(self.transform.bias)

    @torch.no_grad()
    def take_up(self, output: Mapping[str, Tensor]) -> None:
        """Go on with the output layer of an earlier pre-training (`own.read_output`), which may know fewer tokens."""
        own = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("backbone.")}
        if own.keys() == output.keys() and own["transform.weight"].shape == output["transform.weight"].shape:
            bias = own["bias"]
            bias[: len(output["bias"])] = output["bias"][: len(bias)]
            self.load_state_dict({**output, "bias": bias}, strict=False)

    def forward(self, ids: Tensor, told: Tensor) -> Tensor:
        """ids [B, T] with hidden tokens and the places to tell [B, T] to logits [M, V], in the order of the places."""
        mask = torch.ones_like(told)
        hidden = self.backbone(ids, mask)
        return self.tell(hidden.flatten(0, 1).index_select(0, told.flatten().nonzero().squeeze(1)))

    def tell(self, hidden: Tensor) -> Tensor:
        """States [M, D] to logits [M, V]."""
        found = self.norm(F.gelu(self.transform(hidden)))
        return F.linear(found, self.backbone.words.weight, self.bias)

    def loss(self, ids: Tensor, seen: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the cross entropies of the true tokens `ids` [B, T] at the places to tell, and how many they are."""
        return self.surprise(ids, seen, told)

    def surprise(self, ids: Tensor, seen: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """The same, which for every objective is what perplexity is measured by."""
        logits = self(seen, told)
        truth = ids[told]
        return F.cross_entropy(logits.float(), truth, reduction="sum"), torch.tensor(float(len(truth)))

    def work_per_token(self, length: float, share: float) -> float:
        """Floating point operations of one token, forward and backward, with a `share` of the places told."""
        shape = self.backbone.shape
        narrow = shape.embedding_width or shape.width
        return work_of_blocks(shape, length) + 6 * share * narrow * (shape.width + shape.vocabulary)


def work_of_blocks(shape: Shape, length: float) -> float:
    """Floating point operations of one token in input layer and blocks, forward and backward, in matrix products: 6
    for each weight it meets (Kaplan et al. 2020, section 2.1) and 12 L T D for attention."""
    narrow = shape.embedding_width or shape.width
    block = 4 * shape.width**2 + 2 * shape.width * shape.inner
    gram = 2 * shape.gram * narrow if shape.grams else 0
    widen = narrow * shape.width if narrow != shape.width else 0
    return 6 * (shape.layers * block + gram + widen) + 12 * shape.layers * length * shape.width
