"""Texts become token numbers: in parallel, once, kept on disk under a name that says what went in.

Threads of the `tokenizers` library do not survive a fork; a forked process therefore encodes on one thread, where it
would otherwise wait for threads that are gone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from homefield.backbones.shelf import new_entry
from homefield.events import Event, Listener, silent
from homefield.files import write_file

__all__ = ["Encoded", "encode"]

FORMAT = 1
_CHUNK = 8_192


def _one_thread_after_fork() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread_after_fork)


@dataclass(frozen=True)
class Encoded:
    """Token numbers of n texts, ragged: text i is `ids[offsets[i] : offsets[i + 1]]`.

    ids: int32 [total], mapped from disk when cached. offsets: int64 [n + 1]. hash: of tokenizer, texts, max_length.
    cut: how many texts were longer than max_length and lost their end.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    hash: str
    max_length: int
    cut: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each text [n]."""
        return np.diff(self.offsets)

    def batch(
        self, indices: npt.NDArray[np.int64], *, pad_id: int = 0
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The texts `indices` [B], padded on the right to the longest of them: ids int64 [B, T] and mask [B, T]."""
        starts = self.offsets[indices]
        lengths = self.offsets[np.asarray(indices) + 1] - starts
        places = np.arange(int(lengths.max(initial=1)))
        mask = places < lengths[:, None]
        ids = np.full(mask.shape, pad_id, dtype=np.int64)
        ids[mask] = self.ids[(starts[:, None] + places)[mask]]
        return ids, mask

    def used_ids(self) -> npt.NDArray[np.int64]:
        """The distinct token numbers that occur, ascending."""
        return np.unique(self.ids).astype(np.int64)


def encode(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    max_length: int,
    *,
    cache: Path | None = None,
    listen: Listener = silent,
) -> Encoded:
    """Token numbers of `texts`, each cut to `max_length` tokens with its special tokens kept.

    cache: the workspace's cache folder; what is there under the same content is used again.
    """
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    name = _content_hash(texts, tokenizer, max_length)
    if cache is None:
        return _encode_whole(texts, tokenizer, name, max_length, listen)
    folder = cache / "encodings" / name
    if not _is_whole(folder, len(texts)):
        _write(folder, texts, tokenizer, listen)
    return _open(folder, name, max_length)


def _content_hash(texts: Sequence[str], tokenizer: Tokenizer, max_length: int) -> str:
    digest = hashlib.sha256(f"{FORMAT} {max_length} {len(texts)}\0{tokenizer.to_str()}".encode())
    for start in range(0, len(texts), _CHUNK):
        chunk = [text.encode("utf-8", "surrogatepass") for text in texts[start : start + _CHUNK]]
        # Lengths beside the joined bytes: no separator could keep ["a", "b"] and ["ab"] apart for every text.
        digest.update(np.fromiter(map(len, chunk), dtype=np.int64, count=len(chunk)).data)
        digest.update(b"".join(chunk))
    return digest.hexdigest()[:32]


def _encode_chunks(
    texts: Sequence[str], tokenizer: Tokenizer, listen: Listener
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], int]]:
    """Per chunk: ids, lengths, texts cut."""
    listen(Event("stage", "backbones.encoding", total=len(texts)))
    for start in range(0, len(texts), _CHUNK):
        chunk = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]))
        rows = [encoding.ids for encoding in chunk]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        ids = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(lengths.sum()))
        yield ids, lengths, sum(bool(encoding.overflowing) for encoding in chunk)
        listen(Event("advance", "backbones.encoding", done=start + len(rows), total=len(texts)))


def _encode_whole(texts: Sequence[str], tokenizer: Tokenizer, name: str, max_length: int, listen: Listener) -> Encoded:
    pieces = list(_encode_chunks(texts, tokenizer, listen))
    ids = np.concatenate([np.empty(0, np.int32), *(piece[0] for piece in pieces)])
    lengths = np.concatenate([np.zeros(1, np.int64), *(piece[1] for piece in pieces)])
    return Encoded(ids, np.cumsum(lengths), name, max_length, sum(piece[2] for piece in pieces))


def _write(folder: Path, texts: Sequence[str], tokenizer: Tokenizer, listen: Listener) -> None:
    with new_entry(folder) as partial:
        lengths: list[npt.NDArray[np.int64]] = [np.zeros(1, np.int64)]
        cut = 0
        with (partial / "ids.bin").open("wb") as stream:
            for ids, chunk_lengths, chunk_cut in _encode_chunks(texts, tokenizer, listen):
                stream.write(ids.data)
                lengths.append(chunk_lengths)
                cut += chunk_cut
        offsets = np.cumsum(np.concatenate(lengths))
        (partial / "offsets.bin").write_bytes(offsets.tobytes())
        manifest: dict[str, Any] = {"format": FORMAT, "texts": len(texts), "tokens": int(offsets[-1]), "cut": cut}
        write_file(partial / "manifest.json", json.dumps(manifest))


def _is_whole(folder: Path, texts: int) -> bool:
    """Whether the entry is there; one that was damaged is removed."""
    if not (folder / "manifest.json").is_file():
        return False
    tokens = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tokens"]
    sizes = {"ids.bin": 4 * tokens, "offsets.bin": 8 * (texts + 1)}
    if all((folder / name).is_file() and (folder / name).stat().st_size == size for name, size in sizes.items()):
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _open(folder: Path, name: str, max_length: int) -> Encoded:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    offsets = np.fromfile(folder / "offsets.bin", dtype=np.int64)
    ids: npt.NDArray[np.int32] = np.empty(0, np.int32)
    if manifest["tokens"]:
        ids = np.memmap(folder / "ids.bin", dtype=np.int32, mode="r")
    return Encoded(ids, offsets, name, max_length, manifest["cut"])
