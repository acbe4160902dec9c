"""The table of token embeddings, which can be limited to the rows in use while it is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Words"]


class Words(nn.Module):
    """Embeddings [V, D] of token numbers.

    After `limit`, `rows` [n, D] holds the rows that are trained and `weight` the rest; a token outside the limit (a
    validation text, an augmented one) still gets its row from `weight`. The state dict holds `weight` alone, whole.
    """

    slots: Tensor
    chosen: Tensor
    rows: nn.Parameter

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, width))
        self.limited = False

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] to embeddings [B, T, D]."""
        if not self.limited:
            return F.embedding(ids, self.weight)
        slots = self.slots[ids]
        outside = slots < 0
        inside = F.embedding(slots.clamp(min=0), self.rows)
        # Asking `any` is free on a processor and a stall on a GPU, where the second lookup is free instead.
        if ids.device.type == "cpu" and not bool(outside.any()):
            return inside
        return torch.where(outside.unsqueeze(-1), F.embedding(ids, self.weight), inside)

    def limit(self, used: Iterable[int]) -> int:
        """Train only the rows `used`; gives how many. 0, and nothing done, when the table is frozen."""
        self.unlimit()
        if not self.weight.requires_grad:
            return 0
        chosen = torch.tensor(sorted(set(used)), dtype=torch.long, device=self.weight.device)
        slots = torch.full((self.weight.shape[0],), -1, dtype=torch.long, device=self.weight.device)
        slots[chosen] = torch.arange(len(chosen), device=slots.device)
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer("chosen", chosen, persistent=False)
        self.rows = nn.Parameter(self.weight.detach()[chosen].clone())
        self.weight.requires_grad_(False)
        self.limited = True
        return len(chosen)

    def unlimit(self) -> None:
        """Write the trained rows back; the whole table is trained again."""
        if self.limited:
            self._write_back()
            self.weight.requires_grad_(self.rows.requires_grad)
            del self.rows, self.slots, self.chosen
            self.limited = False

    @torch.no_grad()
    def _write_back(self) -> None:
        self.weight[self.chosen] = self.rows.to(self.weight.dtype)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        if self.limited:
            self._write_back()
        destination[prefix + "weight"] = self.weight if keep_vars else self.weight.detach()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        if not self.limited:
            super()._load_from_state_dict(state_dict, prefix, *rest)
            return
        rows = self._parameters.pop("rows")
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._parameters["rows"] = rows
        with torch.no_grad():
            self.rows.copy_(self.weight[self.chosen])
