"""A corpus: plain text files, compressed or not, read as a stream of cleaned passages, one a line.

Nothing is held whole. A passage is kept for measuring or for learning by a hash of itself, so the same passage is on
the same side wherever it stands and in whatever order the files are named.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, cast

import xxhash

from homefield.data.clean import clean_text
from homefield.data.encoding import check_text, detect_in, recovered
from homefield.errors import CallError, MachineError, RecordsError
from homefield.files import sha256_of

__all__ = ["check_corpus", "corpus_files", "corpus_hash", "held_out", "passages"]

_LONGEST = 1 << 16  # characters; a file without line ends must not become one passage
_PACKED = {b"\xfd7zXZ\x00": "xz", b"\x1f\x8b": "gz", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zst"}


def corpus_files(named: Sequence[str], folder: Path) -> list[Path]:
    """The files that `named` means (names or patterns such as `texts/*.txt.xz`), from `folder` where relative.

    Raises:
        CallError: `pretrain.no_such_corpus`, naming what no file fits.
    """
    found: list[Path] = []
    for name in named:
        path = folder / Path(name).expanduser()
        several = [path] if path.is_file() else sorted(each for each in path.parent.glob(path.name) if each.is_file())
        if path.is_dir():
            several = sorted(each for each in path.rglob("[!.]*") if each.is_file())
        if not several:
            raise CallError("pretrain.no_such_corpus", given=path)
        found += [each for each in several if each not in found]
    return found


def check_corpus(files: Sequence[Path]) -> None:
    """See that each of `files` begins with text.

    Raises:
        RecordsError, MachineError: as `passages`.
    """
    for file in files:
        with _telling(file), _unpacked(file) as stream:
            check_text(stream, file)


def corpus_hash(files: Sequence[Path]) -> str:
    """A hash of the content of all `files`, whatever their names."""
    return hashlib.sha256("\n".join(sha256_of(file) for file in files).encode()).hexdigest()


def passages(files: Sequence[Path]) -> Iterator[str]:
    """Every line of every file, cleaned as any text is, without empty ones.

    Raises:
        RecordsError: `data.binary`, `pretrain.damaged_file`.
        MachineError: `pretrain.no_zstd`.
    """
    for file in files:
        with _telling(file):
            with _unpacked(file) as stream:
                encoding = detect_in(stream, file)
            with _unpacked(file) as stream, io.TextIOWrapper(stream, encoding.codec, "surrogateescape") as lines:
                for line in iter(lambda: lines.readline(_LONGEST), ""):
                    if text := clean_text(recovered(line, encoding)):
                        yield text


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    """Turn what unpackers and decoders say of a damaged file into an error that names it."""
    try:
        yield
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, UnicodeError) as error:
        raise RecordsError("pretrain.damaged_file", file=file, fault=error) from error


def held_out(text: str, share: float) -> bool:
    """Whether a passage is among the `share` that is only measured."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "replace")) % 1_000_000 < share * 1_000_000


def _unpacked(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        head = stream.read(6)
    kind = next((kind for mark, kind in _PACKED.items() if head.startswith(mark)), None)
    if kind == "xz":
        return lzma.open(file)
    if kind == "gz":
        return cast("IO[bytes]", gzip.open(file))
    if kind == "bz2":
        return bz2.open(file)
    if kind == "zst":
        return _zstandard(file)
    return file.open("rb")


def _zstandard(file: Path) -> IO[bytes]:
    """In the standard library from Python 3.14 on; before, by a package that may be there."""
    for name in ("compression.zstd", "zstandard"):
        if find_spec(name.partition(".")[0]) is not None:
            return cast("IO[bytes]", import_module(name).open(file, "rb"))
    raise MachineError("pretrain.no_zstd", file=file)
