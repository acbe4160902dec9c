"""What a file from a stranger is, by its content; the name it came with only tells kinds of text apart.

The suffix that comes out is the one the file is kept and read under, so that what was judged is what is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from homefield.data.archive import ArchiveLimits, check_archive, names_in
from homefield.data.encoding import detect
from homefield.errors import CallError, RecordsError

__all__ = ["SUFFIXES", "Sniffed", "sniff"]

_TEXTS = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson")
_IMAGES: Mapping[str, tuple[tuple[int, bytes], ...]] = {
    ".png": ((0, b"\x89PNG\r\n\x1a\n"),),
    ".jpg": ((0, b"\xff\xd8\xff"),),
    ".gif": ((0, b"GIF8"),),
    ".webp": ((0, b"RIFF"), (8, b"WEBP")),
    ".bmp": ((0, b"BM"), (6, b"\0\0\0\0")),
}
_TYPES: Mapping[str, str] = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".txt": "text/plain",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".xls": "application/vnd.ms-excel",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".zip": "application/zip",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
SUFFIXES = tuple(_TYPES)
_HEAD = 16
_START = 1 << 16
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
_FEW = 0.02  # share of control characters that a damaged text may have
_WORKBOOK = ArchiveLimits(entries=10_000, inner=True)  # embedded documents are archives; nothing here opens them


@dataclass(frozen=True)
class Sniffed:
    """What a file is: the suffix to keep it under, and its media type."""

    suffix: str
    media_type: str


def sniff(path: Path, name: str, limits: ArchiveLimits | None = None) -> Sniffed:
    """Judge the file at `path`, which somebody calls `name`; archives and workbooks are checked whole.

    limits: of an archive.

    Raises:
        CallError: `upload.empty`, `upload.unknown_type`, and those of `check_archive`.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(max(0, path.stat().st_size - 4))
        tail = stream.read()
    if not head:
        raise CallError("upload.empty", name=_shown(name))
    suffix = _binary(path, head, tail, limits or ArchiveLimits()) or _text(path, name)
    if suffix is None:
        raise CallError("upload.unknown_type", name=_shown(name), known=" ".join(SUFFIXES))
    return Sniffed(suffix, _TYPES[suffix])


def _binary(path: Path, head: bytes, tail: bytes, limits: ArchiveLimits) -> str | None:
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path, limits)
    if head.startswith(b"PAR1") and tail == b"PAR1":
        return ".parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return ".xls"
    for suffix, marks in _IMAGES.items():
        if all(head[at : at + len(mark)] == mark for at, mark in marks):
            return suffix
    return None


def _zipped(path: Path, limits: ArchiveLimits) -> str | None:
    """What kind of archive it is, judged by the limits of that kind; None for a document that holds no table."""
    names = names_in(path)
    if "[Content_Types].xml" not in names and not {"mimetype", "content.xml"} <= names:
        check_archive(path, limits)
        return ".zip"
    check_archive(path, _WORKBOOK)
    kinds = {"xl/workbook.xml": ".xlsx", "xl/workbook.bin": ".xlsb", "content.xml": ".ods"}
    return next((suffix for part, suffix in kinds.items() if part in names), None)


def _text(path: Path, name: str) -> str | None:
    suffix = PurePath(name.replace("\\", "/")).suffix.lower()
    try:
        encoding = detect(path)
    except RecordsError:
        return None
    if encoding.by_line:
        with path.open("rb") as stream:
            start = stream.read(_START)
        if len(start.translate(None, _CONTROLS)) < len(start) * (1 - _FEW):
            return None
    return suffix if suffix in _TEXTS else None


def _shown(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:200]
