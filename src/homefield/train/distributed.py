"""Several processes train as one: each takes its share of every step's rows, and gradients are added, not averaged.

Because losses are sums with a weight, adding both over all ranks and dividing once gives exactly what one process
would have had, whatever the shares. Started by `torchrun`, which sets RANK and WORLD_SIZE; alone, everything here is
free. Only rank 0 writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from homefield.train.batches import Rows

__all__ = ["Ranks", "joined_ranks"]

# A rank may wait while another encodes or caches millions of texts.
_PATIENCE = timedelta(hours=12)


@dataclass(frozen=True)
class Ranks:
    """This process's place among those that train together."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.rank == 0

    def share(self, rows: Rows) -> Rows:
        """This rank's part of a step's rows; every rank gets short and long ones alike."""
        return rows if self.size == 1 else rows[self.rank :: self.size]

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all ranks, one message per kind of number and device."""
        if self.size == 1:
            return
        alike: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
        for tensor in tensors:
            alike.setdefault((tensor.dtype, tensor.device), []).append(tensor)
        for members in alike.values():
            flat = torch.cat([member.reshape(-1) for member in members])
            dist.all_reduce(flat)
            place = 0
            for member in members:
                member.copy_(flat[place : place + member.numel()].view_as(member))
                place += member.numel()

    def add_array(self, array: np.ndarray) -> None:
        """Replace an array (of 32-bit floats) by its sum over all ranks, in place."""
        if self.size > 1:
            dist.all_reduce(torch.from_numpy(array))

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The first rank does the block alone, the others after it, when its results lie on the disk."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def wait(self) -> None:
        """Until every rank is here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined_ranks(environ: Mapping[str, str] | None = None) -> Iterator[Ranks]:
    """Join the processes that `torchrun` started, and leave them at the end."""
    environ = os.environ if environ is None else environ
    size = int(environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), int(environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()
