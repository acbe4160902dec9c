"""Which encoding a text file is in, decided line by line so that one odd line does not turn the whole file.

Files of one company mix systems: an export in UTF-8 with a few lines pasted in GBK must be read as UTF-8 with those
lines named, never as GBK with every other character wrong. Lines that a file's encoding cannot decode come through
with their bytes as lone surrogates (PEP 383), and the reader rejects those rows.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homefield.errors import RecordsError

__all__ = ["Encoding", "check_text", "detect", "detect_in", "open_text", "recovered", "writable"]

_BLOCK = 1 << 20
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that stand for no byte, written so in JSON
_SAMPLE = 4 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
)
_BINARY = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "Office 97-2003",
    b"PK\x03\x04": "ZIP / Excel",
    b"PAR1": "Parquet",
    b"\x1f\x8b": "gzip",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7z",
}
# Bytes that no text is made of; not those that divide columns in exports of databases (0x01, 0x1c to 0x1f).
_CONTROL = bytes({*range(0x09), *range(0x0E, 0x1B), 0x7F} - {0x01})


@dataclass(frozen=True)
class Encoding:
    """An encoding: what Python decodes with, and what the user is told."""

    codec: str
    name: str

    @property
    def by_line(self) -> bool:
        """Whether a line that cannot be decoded leaves the lines after it readable."""
        return not self.codec.startswith(("utf-16", "utf-32"))


def detect(path: Path, given: str | None = None) -> Encoding:
    """The encoding of the text file at `path`; `given` overrides.

    Raises:
        RecordsError: `data.unknown_encoding` (`given` is no encoding), `data.binary` (not a text file).
    """
    if given is not None:
        try:
            return Encoding(codecs.lookup(given).name, given)
        except LookupError as error:
            raise RecordsError("data.unknown_encoding", file=path, encoding=given) from error
    with path.open("rb") as stream:
        return detect_in(stream, path)


def detect_in(stream: IO[bytes], path: Path) -> Encoding:
    """The encoding of the text in `stream`, read from its start; `path` is what an error names.

    Raises:
        RecordsError: `data.binary` (no text).
    """
    head = check_text(stream, path)
    for mark, codec, name in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, name)
    if (wide := _wide(head)) is not None:
        return wide
    sample = _telling_bytes(head, stream)
    if b"\x00" in sample and sample.count(0) * 50 > len(sample):
        raise RecordsError("data.binary", file=path, found="?")
    return _by_lines(sample)


def check_text(stream: IO[bytes], path: Path) -> bytes:
    """The first megabyte of `stream`, which is the beginning of a text; `path` is what an error names.

    Raises:
        RecordsError: `data.binary` (no text).
    """
    head = stream.read(_BLOCK)
    for start, kind in _BINARY.items():
        if head.startswith(start):
            raise RecordsError("data.binary", file=path, found=kind)
    if not head.startswith(tuple(mark for mark, _, _ in _MARKS)) and _wide(head) is None:
        odd = len(head) - len(head.translate(None, _CONTROL))
        if odd * 50 > len(head):
            raise RecordsError("data.binary", file=path, found="?")
    return head


def open_text(path: Path, encoding: Encoding) -> IO[str]:
    """`path` as text with its line ends kept; bytes that cannot be decoded become lone surrogates where possible."""
    errors = "surrogateescape" if encoding.by_line else "strict"
    return io.TextIOWrapper(path.open("rb"), encoding=encoding.codec, errors=errors, newline="")


def recovered(text: str, encoding: Encoding) -> str:
    """A text with lone surrogates, shown as well as possible: in the other encoding, else with replacement marks."""
    if writable(text):
        return text
    codec, other = ("utf-8", "gb18030") if encoding.codec.startswith("utf-8") else (encoding.codec, "utf-8")
    data = _NO_BYTE.sub("?", text).encode(codec, "surrogateescape")
    try:
        return data.decode(other)
    except UnicodeDecodeError:
        return data.decode(codec, "replace")


def _wide(head: bytes) -> Encoding | None:
    """UTF-16 without a byte order mark: one byte of every ASCII character is NUL, always at the same side."""
    zeros = head.count(0)
    if zeros * 100 < len(head):
        return None
    even = head[::2].count(0)
    if even * 20 < zeros:
        return Encoding("utf-16-le", "utf-16-le")
    if even * 20 > zeros * 19:
        return Encoding("utf-16-be", "utf-16-be")
    return None


def _telling_bytes(head: bytes, stream: IO[bytes]) -> bytes:
    """The blocks of the file that hold something besides ASCII, up to a few megabytes of them."""
    found: list[bytes] = []
    size = 0
    for block in _blocks(head, stream):
        if not block.isascii():
            found.append(block)
            size += len(block)
            if size >= _SAMPLE:
                break
    return b"\n".join(found)


def _blocks(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """Blocks cut at line ends, so that no character is cut."""
    rest = head
    while rest:
        more = stream.read(_BLOCK)
        cut = rest.rfind(b"\n") + 1 or len(rest)
        yield rest[:cut]
        rest = rest[cut:] + more if more else rest[cut:]
        if not more:
            if rest:
                yield rest
            return


def _by_lines(sample: bytes) -> Encoding:
    lines = [line for line in sample.splitlines() if not line.isascii()]
    if not lines:
        return Encoding("utf-8", "utf-8")
    if sum(map(_is_utf8, lines)) * 2 >= len(lines):
        return Encoding("utf-8", "utf-8")
    chinese = sum(map(_is_chinese, lines))
    if chinese * 2 >= len(lines):
        try:
            b"\n".join(lines).decode("gbk")
        except UnicodeDecodeError:
            return Encoding("gb18030", "gb18030")
        return Encoding("gb18030", "gbk")
    whole = b"\n".join(lines)
    if any(0x80 <= byte < 0xA0 for byte in whole):
        try:
            whole.decode("cp1252")
        except UnicodeDecodeError:
            return Encoding("latin-1", "latin-1")
        return Encoding("cp1252", "cp1252")
    return Encoding("latin-1", "latin-1")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(line: bytes) -> bool:
    """Decodes as GB18030, and its pairs are mostly of two high bytes, as all of GB 2312 is.

    In Latin-1 an accented letter stands before an ASCII letter, which GB18030 would also read as one character.
    """
    try:
        text = line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    wide = [character for character in text if not character.isascii()]
    common = sum(
        "\u4e00" <= character <= "\u9fff" or character in "，。、！？：；（）“”《》【】…—￥　" for character in wide
    )
    high = sum(len(pair) > 2 or (pair[0] >= 0xA1 and pair[-1] >= 0xA1) for pair in (c.encode("gb18030") for c in wide))
    return common * 10 >= len(wide) * 7 and high * 10 >= len(wide) * 6


def writable(text: str) -> bool:
    """Whether a text has no lone surrogates, that is, was decoded without a fault."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
