"""The activation cache: hidden states at the cut, computed once per text and read from disk ever after.

States lie on disk in fp16, not bf16: behind a layer normalisation they are small (in `minilm-en` below 20), so fp16's
three more bits of precision count and its range does not. Should a backbone pass that range, its states are kept in
bf16 instead. Texts are stored in order of length, as they were computed; a row of zeros at the end serves as padding.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from homefield.backbones.backbone import Backbone
from homefield.backbones.encode import Encoded
from homefield.backbones.shelf import evict, hold, new_entry
from homefield.events import Event, Listener, silent
from homefield.files import disk_errors, write_file

__all__ = ["ActivationCache", "Filling", "activation_cache"]

FORMAT = 1
# Tokens in one forward pass while filling: what fits a processor's caches. minilm-en in fp32, one core, rows/s at 512,
# 1,024, 2,048, 4,096 and 16,384 tokens: 210, 198, 184, 153 and 80.
_TOKENS = 1_024
_TOKENS_ON_GPU = 65_536
_LARGEST_HALF = 60_000.0


@dataclass(frozen=True)
class Filling:
    """How states are computed: where, and in which precision (bf16 means autocast unless the weights are bf16)."""

    device: str = "cpu"
    precision: torch.dtype = torch.float32


class ActivationCache(AbstractContextManager["ActivationCache"]):
    """States of one layer for every text of an `Encoded`, on disk. Close it, so that it may be evicted again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[bytes] | None = hold(folder)
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.layer: int = self.manifest["layer"]
        self.width: int = self.manifest["width"]
        self.tokens: int = self.manifest["tokens"]
        dtype = getattr(torch, self.manifest["dtype"])
        # A private mapping of the file: read on demand, shared between processes through the page cache.
        flat = torch.from_file(str(folder / "hidden.bin"), size=(self.tokens + 1) * self.width, dtype=dtype)
        self._hidden = flat.view(self.tokens + 1, self.width)
        self._starts = torch.from_numpy(np.fromfile(folder / "starts.bin", dtype=np.int64))
        self._lengths = torch.from_numpy(np.fromfile(folder / "lengths.bin", dtype=np.int64))

    def __len__(self) -> int:
        return len(self._starts)

    def batch(
        self, indices: npt.NDArray[np.int64] | Tensor, *, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """States of the texts `indices` [B]: hidden [B, T, D] in `dtype`, zero at padding, and mask [B, T] bool."""
        chosen = torch.as_tensor(indices)
        lengths = self._lengths[chosen].unsqueeze(1)
        places = torch.arange(int(lengths.max())).unsqueeze(0)
        mask = places < lengths
        rows = torch.where(mask, self._starts[chosen].unsqueeze(1) + places, self.tokens)
        hidden = self._hidden.index_select(0, rows.flatten()).view(*rows.shape, self.width)
        return hidden.to(dtype), mask

    def close(self) -> None:
        """Let go of the files."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def activation_cache(
    backbone: Backbone,
    encoded: Encoded,
    layer: int,
    *,
    cache: Path,
    budget: float,
    filling: Filling = Filling(),
    listen: Listener = silent,
) -> ActivationCache | None:
    """The states of `layer` for the texts in `encoded`, from disk or computed now.

    cache: the workspace's cache folder. budget: GB it may take; other entries leave, oldest-used first, when the new
    one needs room. None, with a note to `listen`, when it is larger than the budget or the disk: train without it.

    Raises:
        MachineError: as `files.disk_errors`.
    """
    folder = cache / "activations" / _name(backbone, encoded, layer, filling)
    width = backbone.facts.width if layer else _embedding_width(backbone, encoded)
    states = (len(encoded.ids) + 1) * width * 2
    while True:
        if not _is_whole(folder, states):
            if not _make_room(cache, states + 16 * len(encoded), int(budget * 1e9), listen):
                return None
            _fill(folder, backbone, encoded, layer, filling, listen)
        # Another process may remove the entry just before it is held; then it is computed again.
        with suppress(FileNotFoundError):
            return ActivationCache(folder)


def _is_whole(folder: Path, size: int) -> bool:
    """Whether the entry is there; one that was damaged (`size` bytes of states were written) is removed."""
    if not (folder / "manifest.json").is_file():
        return False
    files = [folder / name for name in ("hidden.bin", "starts.bin", "lengths.bin")]
    if all(file.is_file() for file in files) and files[0].stat().st_size == size:
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _make_room(cache: Path, need: int, limit: int, listen: Listener) -> bool:
    """Evict until `need` bytes fit into `limit`; False, with a note, when they cannot."""
    with disk_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
    if need > limit:
        listen(Event("note", "backbones.cache_over_budget", values=_sizes(need, limit)))
        return False
    for entry in evict(cache, budget=limit - need):
        listen(Event("note", "backbones.cache_evicted", values={"name": entry.path.name, **_sizes(entry.bytes)}))
    free = shutil.disk_usage(cache).free
    if need > 0.95 * free:
        listen(Event("note", "backbones.cache_over_disk", values=_sizes(need, free)))
        return False
    return True


def _name(backbone: Backbone, encoded: Encoded, layer: int, filling: Filling) -> str:
    precision = str(filling.precision).removeprefix("torch.")
    return f"{backbone.content_hash(layer)[:24]}-{layer}-{encoded.hash[:24]}-{encoded.max_length}-{precision}"


def _sizes(need: int, limit: int | None = None) -> dict[str, object]:
    sizes: dict[str, object] = {"need": f"{need / 1e9:.2f}"}
    return sizes if limit is None else {**sizes, "limit": f"{limit / 1e9:.2f}"}


def _embedding_width(backbone: Backbone, encoded: Encoded) -> int:
    ids, mask = encoded.batch(np.zeros(1, np.int64), pad_id=backbone.pad_id)
    with torch.inference_mode():
        return int(backbone.embed(torch.from_numpy(ids), torch.from_numpy(mask)).shape[-1])


def _fill(folder: Path, backbone: Backbone, encoded: Encoded, layer: int, filling: Filling, listen: Listener) -> None:
    order = np.argsort(encoded.lengths, kind="stable")
    starts = np.empty(len(order), np.int64)
    lengths = encoded.lengths
    starts[order] = np.cumsum(lengths[order]) - lengths[order]
    training = backbone.training
    backbone.eval()
    try:
        with new_entry(folder) as partial:
            dtype = torch.float16
            largest, width = _write_states(
                partial / "hidden.bin", backbone, encoded, order, layer, filling, dtype, listen
            )
            if not largest < _LARGEST_HALF:
                dtype = torch.bfloat16
                _write_states(partial / "hidden.bin", backbone, encoded, order, layer, filling, dtype, listen)
            (partial / "starts.bin").write_bytes(starts.tobytes())
            (partial / "lengths.bin").write_bytes(lengths.tobytes())
            manifest = {
                "format": FORMAT,
                "backbone": backbone.facts.name,
                "layer": layer,
                "width": width,
                "texts": len(encoded),
                "tokens": len(encoded.ids),
                "max_length": encoded.max_length,
                "dtype": str(dtype).removeprefix("torch."),
                "largest": largest,
            }
            write_file(partial / "manifest.json", json.dumps(manifest))
    finally:
        backbone.train(training)


def _write_states(
    file: Path,
    backbone: Backbone,
    encoded: Encoded,
    order: npt.NDArray[np.int64],
    layer: int,
    filling: Filling,
    dtype: torch.dtype,
    listen: Listener,
) -> tuple[float, int]:
    """Append every text's states in `order`; gives the largest value seen and the width."""
    listen(Event("stage", "backbones.caching", total=len(order)))
    largest, width, done = 0.0, 0, 0
    autocast = torch.autocast(
        filling.device, dtype=torch.bfloat16, enabled=filling.precision is torch.bfloat16 and _is_fp32(backbone)
    )
    with file.open("wb") as stream, torch.inference_mode(), autocast:
        for chosen in _batches(encoded.lengths[order], _TOKENS if filling.device == "cpu" else _TOKENS_ON_GPU):
            indices = order[chosen]
            ids, mask = (torch.from_numpy(array) for array in encoded.batch(indices, pad_id=backbone.pad_id))
            states = backbone.reach(ids.to(filling.device), mask.to(filling.device), layer)
            rows = states[mask.to(filling.device)].float().cpu()
            largest, width = max(largest, float(rows.abs().max())), rows.shape[1]
            stream.write(rows.to(dtype).contiguous().view(torch.uint8).numpy().data)
            done += len(indices)
            listen(Event("advance", "backbones.caching", done=done, total=len(order)))
        stream.write(torch.zeros(width, dtype=dtype).view(torch.uint8).numpy().data)
    return largest, width


def _is_fp32(backbone: Backbone) -> bool:
    return next(backbone.parameters()).dtype is torch.float32


def _batches(lengths: npt.NDArray[np.int64], tokens: int) -> Iterator[slice]:
    """Slices of ascending lengths, each at most `tokens` tokens with its padding (one text at least)."""
    start = 0
    while start < len(lengths):
        ahead = lengths[start : start + tokens]
        fits = int(np.searchsorted(ahead * np.arange(1, len(ahead) + 1), tokens, side="right"))
        yield slice(start, start + max(1, fits))
        start += max(1, fits)
