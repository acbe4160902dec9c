"""The network's outputs for whole splits, written batch by batch into the file they will lie in.

However many rows there are, memory holds one batch: the arrays are mapped from the file. The file is a safetensors
file with `logits` float32 `[N, C]` and, when asked for, `vectors` float16 `[N, D]`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from homefield.files import disk_errors
from homefield.train.batches import cut_by_tokens
from homefield.train.distributed import Ranks
from homefield.train.feed import Feed
from homefield.train.network import Network
from homefield.train.precision import Precision

__all__ = ["Outputs", "open_outputs", "produce_outputs"]

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Outputs:
    """logits `[N, C]` float32 (numbers as they are for a `number` task), vectors `[N, D]` float16."""

    logits: NDArray[np.float32]
    vectors: NDArray[np.float16]


def open_outputs(path: Path) -> Outputs:
    """The outputs kept at `path`, mapped from the file."""
    return _mapped(path, "r")


def produce_outputs(
    network: Network,
    feed: Feed,
    path: Path | None,
    *,
    size: int,
    width: int,
    tokens: int,
    precision: Precision,
    ranks: Ranks,
    advanced: Callable[[int], None] | None = None,
) -> Outputs:
    """Run the network over all rows of `feed` and keep what it gives at `path` (on ranks above 0 in a file that goes).

    path: None holds the outputs in memory.
    size, width: C and D; width 0 keeps no vectors. tokens: most tokens at once. advanced: told the rows done.
    """
    if path is None:
        found = Outputs(np.zeros((len(feed), size), np.float32), np.zeros((len(feed), width), np.float16))
        _fill(network, feed, found, tokens=tokens, precision=precision, ranks=ranks, advanced=advanced)
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(path), tempfile.TemporaryDirectory(prefix=".outputs.", dir=path.parent) as folder:
        partial = Path(folder) / path.name
        _reserve(partial, {"logits": ("F32", (len(feed), size)), "vectors": ("F16", (len(feed), width))})
        found = _mapped(partial, "r+")
        _fill(network, feed, found, tokens=tokens, precision=precision, ranks=ranks, advanced=advanced)
        if ranks.first:
            partial.replace(path)
        # A mapping holds its file whatever becomes of the name, so other ranks read on from theirs.
        return found


def _fill(
    network: Network,
    feed: Feed,
    found: Outputs,
    *,
    tokens: int,
    precision: Precision,
    ranks: Ranks,
    advanced: Callable[[int], None] | None,
) -> None:
    training = network.training
    network.eval()
    done = 0
    parts = cut_by_tokens(np.arange(len(feed), dtype=np.int64), feed.lengths(0), tokens)
    with torch.inference_mode():
        for part in parts[ranks.rank :: ranks.size]:
            logits, vectors = feed.produce(network, part, 0, precision)
            found.logits[part] = logits.float().cpu().numpy()
            if found.vectors.shape[1]:
                found.vectors[part] = vectors.half().cpu().numpy()
            done += len(part) * ranks.size
            if advanced is not None:
                advanced(min(done, len(feed)))
    for array in (found.logits, found.vectors):
        for start in range(0, len(array) if array.shape[1] else 0, _CHUNK):
            ranks.add_array(array[start : start + _CHUNK])
    network.train(training)


def _reserve(path: Path, arrays: dict[str, tuple[str, tuple[int, int]]]) -> None:
    header: dict[str, Any] = {}
    place = 0
    for name, (kind, shape) in arrays.items():
        end = place + shape[0] * shape[1] * (4 if kind == "F32" else 2)
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [place, end]}
        place = end
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)
    with path.open("wb") as stream:
        stream.write(len(written).to_bytes(8, "little") + written)
        stream.truncate(8 + len(written) + place)


def _mapped(path: Path, mode: str) -> Outputs:
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(size))
    arrays = {}
    for name, kind in (("logits", np.float32), ("vectors", np.float16)):
        begin, end = header[name]["data_offsets"]
        shape = tuple(header[name]["shape"])
        if begin == end:
            arrays[name] = np.empty(shape, dtype=kind)
        else:
            arrays[name] = np.memmap(path, dtype=kind, mode=cast("Any", mode), offset=8 + size + begin, shape=shape)
    return Outputs(arrays["logits"], arrays["vectors"])
