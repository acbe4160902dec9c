"""How numbers are held while training: exact, with bfloat16 products, or as a bfloat16 network over float32 masters.

In the third each step's update goes into float32 copies (the masters), from which the working weights are rounded
anew, so that updates smaller than a bfloat16's resolution are not lost (Micikevicius et al. 2018, "Mixed precision
training"). It saves casting the weights in every pass, which shows only where weights outweigh tokens.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from homefield.train.probe import Arithmetic

__all__ = ["Masters", "Precision"]


@dataclass(frozen=True)
class Precision:
    """The arithmetic of a run and the device it runs on."""

    arithmetic: Arithmetic
    device: torch.device

    def running(self) -> AbstractContextManager[object]:
        """Within it, blocks compute as this says."""
        if self.arithmetic == "autocast":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def masters(self, backbone: nn.Module) -> Masters:
        """Round the backbone's weights to bfloat16 where this says so; their float32 values are kept."""
        return Masters(backbone) if self.arithmetic == "bf16" else Masters(None)


class Masters:
    """float32 values of the weights that work in bfloat16; empty when none do."""

    def __init__(self, backbone: nn.Module | None) -> None:
        self._kept: dict[nn.Parameter, Tensor] = {}
        if backbone is not None:
            for parameter in backbone.parameters():
                if parameter.dtype == torch.float32:
                    self._kept[parameter] = parameter.data
                    parameter.data = parameter.data.to(torch.bfloat16)

    def of(self, parameter: nn.Parameter) -> Tensor:
        """The float32 tensor behind `parameter`: its master, or itself."""
        return self._kept.get(parameter, parameter)

    def restore(self) -> None:
        """Make the weights float32 again, for good."""
        for parameter, master in self._kept.items():
            parameter.data = master.detach()
        self._kept = {}
