"""Where the network's inputs come from: token numbers, or states of the frozen layers that were computed before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homefield.backbones.activations import ActivationCache
from homefield.backbones.encode import Encoded
from homefield.train.batches import Rows
from homefield.train.network import Network
from homefield.train.precision import Precision

__all__ = ["Feed", "StateFeed", "TokenFeed"]


class Feed(Protocol):
    """The rows of one split. `epoch` counts from 0; noisy variants of the rows take turns."""

    def __len__(self) -> int:
        """How many rows."""
        ...

    def lengths(self, epoch: int) -> NDArray[np.int32]:
        """Tokens of each row `[N]` in this epoch."""
        ...

    def produce(self, network: Network, rows: Rows, epoch: int, precision: Precision) -> tuple[Tensor, Tensor]:
        """Outputs `[B, C]` and vectors `[B, D]` of `rows` `[B]`."""
        ...


class TokenFeed:
    """Runs the whole network on token numbers. `variants`: the same rows in one or several noisy forms."""

    def __init__(self, variants: Sequence[Encoded], pad_id: int) -> None:
        self._variants = variants
        self._lengths = [variant.lengths.astype(np.int32) for variant in variants]
        self._pad_id = pad_id

    def __len__(self) -> int:
        return len(self._variants[0])

    def lengths(self, epoch: int) -> NDArray[np.int32]:
        """See `Feed.lengths`."""
        return self._lengths[epoch % len(self._variants)]

    def produce(self, network: Network, rows: Rows, epoch: int, precision: Precision) -> tuple[Tensor, Tensor]:
        """See `Feed.produce`."""
        ids, mask = self._variants[epoch % len(self._variants)].batch(rows, pad_id=self._pad_id)
        moved = [_moved(torch.from_numpy(array), precision) for array in (ids, mask)]
        with precision.running():
            hidden = network.backbone(*moved)
        return network.finish(hidden, moved[1])


class StateFeed:
    """Runs the layers from `start` up on cached states of layer `start`."""

    def __init__(self, variants: Sequence[ActivationCache], lengths: Sequence[NDArray[np.int64]], start: int) -> None:
        self._variants = variants
        self._lengths = [each.astype(np.int32) for each in lengths]
        self._start = start

    def __len__(self) -> int:
        return len(self._variants[0])

    def lengths(self, epoch: int) -> NDArray[np.int32]:
        """See `Feed.lengths`."""
        return self._lengths[epoch % len(self._variants)]

    def produce(self, network: Network, rows: Rows, epoch: int, precision: Precision) -> tuple[Tensor, Tensor]:
        """See `Feed.produce`."""
        kind = torch.float32 if precision.arithmetic == "fp32" else torch.bfloat16
        states, mask = self._variants[epoch % len(self._variants)].batch(rows, dtype=kind)
        states, mask = _moved(states, precision), _moved(mask, precision)
        with precision.running():
            hidden = network.backbone.run(states, mask, self._start)
        return network.finish(hidden, mask)


def _moved(tensor: Tensor, precision: Precision) -> Tensor:
    if precision.device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(precision.device, non_blocking=True)
