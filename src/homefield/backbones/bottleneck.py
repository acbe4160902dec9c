"""The bottleneck adapter: a small trained detour inside a frozen block."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Bottleneck"]


class Bottleneck(nn.Module):
    """hidden + W2 gelu(W1 hidden): D to `rank` and back (Houlsby et al. 2019, section 2.1)."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(width, rank)
        self.wide = nn.Linear(rank, width)
        # Near the identity at the start, so that training begins from the pretrained network.
        nn.init.normal_(self.narrow.weight, std=1e-2)
        nn.init.zeros_(self.narrow.bias)
        nn.init.zeros_(self.wide.weight)
        nn.init.zeros_(self.wide.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] to [B, T, D]."""
        inner = F.gelu(self.narrow(hidden))
        return hidden + self.wide(inner)  # type: ignore[no-any-return]
