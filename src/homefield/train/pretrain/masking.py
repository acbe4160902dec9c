"""Which tokens are hidden (Devlin et al. 2019), by whole words (Cui et al. 2021), anew each time a sequence is seen."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Masking"]

_MASKED, _RANDOM = 0.8, 0.1


@dataclass(frozen=True)
class Masking:
    """share: of the tokens that are to be told. mask: the token put in their place. ordinary: tokens from this number
    on may be hidden or stand in for a hidden one. vocabulary: how many tokens there are."""

    share: float
    mask: int
    ordinary: int
    vocabulary: int

    def hide(self, ids: Tensor, begins: Tensor) -> tuple[Tensor, Tensor]:
        """ids [B, T] and where words begin [B, T] to ids with hidden ones [B, T] and the places to tell [B, T] bool.

        All tokens of a word are hidden or none. Of the hidden, 80 % become the mask, 10 % any token, 10 % stay.
        Random numbers come from the generator of the device that `ids` lie on.
        """
        chance = torch.rand(2, *ids.shape, device=ids.device)
        word = begins.cumsum(1) - 1
        able = ids >= self.ordinary
        told = (chance[0].gather(1, word) < self.share) & able
        # Where chance hid none all are told. Not asked by `if`, which would wait for a GPU.
        told = told | (able & ~told.any())
        other = torch.randint(self.ordinary, self.vocabulary, ids.shape, device=ids.device)
        seen = torch.where(chance[1] < _MASKED, torch.full_like(ids, self.mask), ids)
        seen = torch.where(chance[1] >= 1 - _RANDOM, other, seen)
        return torch.where(told, seen, ids), told
