"""The corpus as one long row of token numbers on disk, mapped and not read, from which sequences of any length are cut.

The highest bit of a number tells that its token goes on the word before, so that whole words can be masked: words are
found once, when packing, and not in every epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from homefield.backbones.shelf import new_entry
from homefield.data.corpus import held_out
from homefield.data.segment import word_starts
from homefield.errors import CallError
from homefield.events import Event, Listener
from homefield.files import write_file

__all__ = ["Cut", "Packed", "Stream", "kept_tokenizer", "pack", "special_id"]

FORMAT = 1
_AT_ONCE = 256


@dataclass(frozen=True)
class Cut:
    """How a stream is cut into sequences: each of `length` tokens with the one before its text, from `shift` on."""

    length: int
    shift: int = 0

    def rows(self, tokens: int) -> int:
        """How many whole sequences a stream of `tokens` gives."""
        return max(0, (tokens - self.shift) // (self.length - 1))


class Stream:
    """Tokens [N] of one side of a corpus, as they lie on disk, or on a GPU once they were put there."""

    def __init__(self, packed: NDArray[np.unsignedinteger[Any]], held: Tensor | None = None) -> None:
        self._packed = packed
        self._held = held
        bits = packed.dtype.itemsize * 8 - 1
        self._number = packed.dtype.type((1 << bits) - 1)

    def __len__(self) -> int:
        return len(self._packed)

    def on(self, device: torch.device) -> Stream:
        """The same stream, cut on `device`: a GPU holds it whole, 4 or 8 bytes a token, and waits for no processor."""
        if device.type == "cpu":
            return self
        wide = np.int32 if self._packed.dtype.itemsize == 2 else np.int64
        return Stream(self._packed, torch.from_numpy(self._packed.astype(wide)).to(device))

    def batch(self, rows: NDArray[np.int64], cut: Cut, *, first: int) -> tuple[Tensor, Tensor]:
        """The sequences `rows` [B]: ids [B, T], each opened by the token `first`, and where words begin [B, T]."""
        starts = cut.shift + rows * (cut.length - 1)
        if self._held is None:
            packed = torch.from_numpy(self._packed[starts[:, None] + np.arange(cut.length - 1)].astype(np.int64))
        else:
            device = self._held.device
            places = torch.from_numpy(starts).to(device)[:, None] + torch.arange(cut.length - 1, device=device)
            packed = self._held[places].long()
        number = int(self._number)
        ids = F.pad(packed & number, (1, 0), value=first)
        begins = F.pad(packed <= number, (1, 0), value=True)
        # A sequence may begin within a word; what is left of the word stands for it.
        begins[:, 1] = True
        return ids, begins

    def blocks(self, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """All of it, `size` tokens at a time: ids and where words begin."""
        for start in range(0, len(self), size):
            packed = self._packed[start : start + size]
            yield (packed & self._number).astype(np.int64), packed <= self._number


@dataclass(frozen=True)
class Packed:
    """A packed corpus. hash: of its text and tokenizer. unknown: share of tokens that the tokenizer does not know.

    share: of the passages that are only measured.
    """

    hash: str
    learn: Stream
    measure: Stream
    passages: int
    characters: int
    unknown: float
    share: float


def special_id(tokenizer: Tokenizer, token: str) -> int:
    """The number of a special token.

    Raises:
        CallError: `pretrain.no_special`, when the tokenizer has none such.
    """
    found = tokenizer.token_to_id(token)
    if found is None:
        raise CallError("pretrain.no_special", token=token)
    return found


def kept_tokenizer(cache: Path, name: str, make: Callable[[], Tokenizer]) -> Tokenizer:
    """The tokenizer that was made under `name` before, or is made now."""
    folder = cache / "corpora" / f"tokenizer-{name}"
    if not (folder / "manifest.json").is_file():
        with new_entry(folder) as partial:
            made = make()
            made.save(str(partial / "tokenizer.json"))
            write_file(partial / "manifest.json", json.dumps({"format": FORMAT, "tokens": made.get_vocab_size()}))
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def pack(
    texts: Callable[[], Iterable[str]],
    content: str,
    tokenizer: Tokenizer,
    *,
    share: float,
    cache: Path,
    listen: Listener,
) -> Packed:
    """The corpus packed, from the cache or now.

    texts: gives its passages. content: a hash of them. share: how much of them is only measured.

    Raises:
        CallError: `pretrain.empty_corpus`.
        MachineError: as `files.disk_errors`.
    """
    identity = f"{FORMAT} {content} {share} {tokenizer.to_str()}"
    name = hashlib.sha256(identity.encode()).hexdigest()[:32]
    folder = cache / "corpora" / f"packed-{name}"
    if not (folder / "manifest.json").is_file():
        with new_entry(folder) as partial:
            _write(partial, texts(), tokenizer, share, listen)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if not manifest["learn"]:
        raise CallError("pretrain.empty_corpus")
    sides = [_mapped(folder / f"{side}.bin", manifest["type"], manifest[side]) for side in ("learn", "measure")]
    unknown = manifest["unknown"] / (manifest["learn"] + manifest["measure"])
    return Packed(name, sides[0], sides[1], manifest["passages"], manifest["characters"], unknown, share)


def _mapped(file: Path, kind: str, tokens: int) -> Stream:
    return Stream(np.memmap(file, dtype=kind, mode="r") if tokens else np.zeros(0, kind))


def _write(folder: Path, texts: Iterable[str], tokenizer: Tokenizer, share: float, listen: Listener) -> None:
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    kind = np.dtype(np.uint16 if tokenizer.get_vocab_size() <= 1 << 15 else np.uint32)
    unknown, separator = special_id(tokenizer, "[UNK]"), special_id(tokenizer, "[SEP]")
    told: dict[str, Any] = {"format": FORMAT, "type": kind.name, "learn": 0, "measure": 0, "unknown": 0}
    told |= {"passages": 0, "characters": 0}
    listen(Event("stage", "pretrain.stage_pack"))
    with ExitStack() as stack:
        sides: dict[str, IO[bytes]] = {
            side: stack.enter_context((folder / f"{side}.bin").open("wb")) for side in ("learn", "measure")
        }
        source = iter(texts)
        while chunk := list(islice(source, _AT_ONCE)):
            encodings = tokenizer.encode_batch(chunk, add_special_tokens=False)
            for text, encoding in zip(chunk, encodings, strict=True):
                packed = _packed(text, encoding, separator, kind)
                side = "measure" if held_out(text, share) else "learn"
                sides[side].write(packed.data)
                told[side] += len(packed)
                told["unknown"] += int((packed == unknown).sum())
                told["characters"] += len(text)
            told["passages"] += len(chunk)
            listen(Event("advance", "pretrain.stage_pack", done=told["passages"]))
    write_file(folder / "manifest.json", json.dumps(told))


def _packed(text: str, encoding: Encoding, separator: int, kind: np.dtype[Any]) -> NDArray[Any]:
    ids = np.array(encoding.ids, dtype=np.int64)
    begins = word_starts(text)[np.array([start for start, _ in encoding.offsets], dtype=np.int64)] if len(ids) else ids
    ids |= np.where(begins, 0, 1 << (kind.itemsize * 8 - 1))
    return np.append(ids, separator).astype(kind)
