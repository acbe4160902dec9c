"""A zip archive from a stranger (an Excel workbook is one too): judged before anything opens it, unpacked safely.

What an archive says of itself is not believed: names and sizes stand in it twice, and readers differ in which they
take. An archive is refused unless both places agree, every entry unpacks to exactly what was announced, and no two
entries share bytes (Fifield, "A better zip bomb", WOOT 2019).
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from homefield.errors import CallError
from homefield.files import disk_errors

__all__ = ["ArchiveLimits", "check_archive", "names_in", "unpack"]

_HEADER = struct.Struct("<4s2xHH16xHH")  # before each entry: signature, flags, method, lengths of name and of extra
_BLOCK = 1 << 18
_ENCRYPTED, _UTF8 = 0x1, 0x800
_STORED, _DEFLATED = 0, 8
_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd")
_UNPLAIN = re.compile(r"[\x00-\x1f\x7f\\:*?\"<>|]|^/|(^|/)\.{1,2}(/|$)|//|[. ](/|$)")
_DEVICE = re.compile(r"(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.[^/]*)?(/|$)", re.IGNORECASE)
_LONGEST_NAME = 240


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may come to.

    entries: files and folders. bytes: unpacked. ratio: how many times smaller it may be packed, once it unpacks to more
    than `free` bytes: a small table of equal rows packs very well. inner: whether it may hold archives.
    """

    entries: int = 100_000
    bytes: int = 4 << 30
    ratio: float = 200.0
    free: int = 32 << 20
    inner: bool = False


@dataclass(frozen=True)
class _Entry:
    """A file in an archive: its name, where its packed bytes start, and what it announces."""

    name: str
    start: int
    info: zipfile.ZipInfo


def names_in(path: Path) -> set[str]:
    """What the archive says it holds, nothing of it judged.

    Raises:
        CallError: `upload.archive_broken`.
    """
    with path.open("rb") as stream:
        return {info.filename for info in _listed(stream)}


def check_archive(path: Path, limits: ArchiveLimits) -> list[str]:
    """Judge the archive at `path` by unpacking it into nothing; the names of its files.

    Raises:
        CallError: `upload.archive_broken`, `archive_name`, `archive_link`, `archive_locked`, `archive_inner`,
            `archive_bomb`, `archive_entries`.
    """
    with path.open("rb") as stream:
        entries = _entries(stream, limits)
        for entry in entries:
            for _ in _unpacked(stream, entry, limits):
                pass
    return [entry.name for entry in entries]


def unpack(path: Path, folder: Path, limits: ArchiveLimits) -> list[Path]:
    """Write the files of the archive into the empty folder `folder`; where they are now.

    Raises:
        CallError: as `check_archive`; what was written by then stays: let `folder` be one that is thrown away.
    """
    made = []
    with path.open("rb") as stream, disk_errors(folder):
        for entry in _entries(stream, limits):
            file = folder.joinpath(*PurePosixPath(entry.name).parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as out:
                out.writelines(_unpacked(stream, entry, limits))
            made.append(file)
    return made


def _entries(stream: IO[bytes], limits: ArchiveLimits) -> list[_Entry]:
    """The files of an archive; names, kinds and announced sizes of all entries judged."""
    listed = _listed(stream)
    if len(listed) > limits.entries:
        raise CallError("upload.archive_entries", found=len(listed), limit=limits.entries)
    names = [_judged_name(info) for info in listed]
    files = {name for name, info in zip(names, listed, strict=True) if not info.is_dir()}
    folders = {str(parent).casefold() for name in names for parent in PurePosixPath(name).parents}
    folded = {name.casefold() for name in files}
    if len(folded) < len(files) or len(files) < sum(not info.is_dir() for info in listed) or folded & folders:
        raise CallError("upload.archive_name", entry=_twice(names, folded & folders))
    unpacked = sum(info.file_size for info in listed)
    size = os.fstat(stream.fileno()).st_size
    if unpacked > limits.bytes or (unpacked > limits.free and unpacked > limits.ratio * size):
        raise CallError("upload.archive_bomb", bytes=unpacked, size=size)
    placed = [_placed(stream, info, name) for info, name in zip(listed, names, strict=True)]
    end = 0
    for entry in sorted(placed, key=lambda entry: entry.info.header_offset):
        if entry.info.header_offset < end or entry.start + entry.info.compress_size > size:
            raise _broken(entry.name, "overlap")
        end = entry.start + entry.info.compress_size
    return [entry for entry in placed if not entry.info.is_dir()]


def _listed(stream: IO[bytes]) -> list[zipfile.ZipInfo]:
    try:
        return zipfile.ZipFile(stream).infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise _broken("-", str(error)) from error


def _judged_name(info: zipfile.ZipInfo) -> str:
    """The name of an entry, which is a plain relative one of a plain file or folder."""
    name = _name(info)
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise CallError("upload.archive_link", entry=_shown(name))
    plain = name.removesuffix("/")
    longest = max(len(part.encode("utf-8", "surrogatepass")) for part in plain.split("/"))
    if not plain or longest > _LONGEST_NAME or _UNPLAIN.search(plain) or _DEVICE.search(plain):
        raise CallError("upload.archive_name", entry=_shown(name))
    if info.flag_bits & _ENCRYPTED:
        raise CallError("upload.archive_locked", entry=_shown(name))
    return plain


def _name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: Chinese Windows writes GBK, which the format does not tell from the old DOS letters."""
    raw = _raw_name(info)
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437", "surrogatepass")


def _placed(stream: IO[bytes], info: zipfile.ZipInfo, name: str) -> _Entry:
    """Where an entry's bytes are, by the header before them, which says the same as the list at the end."""
    stream.seek(max(0, info.header_offset))  # damage can make it negative
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise _broken(name, "header")
    signature, flags, method, name_length, extra_length = _HEADER.unpack(header)
    if signature != b"PK\x03\x04" or method != info.compress_type or flags & _ENCRYPTED:
        raise _broken(name, "header")
    if stream.read(name_length) != _raw_name(info):
        raise _broken(name, "name")
    return _Entry(name, info.header_offset + _HEADER.size + name_length + extra_length, info)


def _unpacked(stream: IO[bytes], entry: _Entry, limits: ArchiveLimits) -> Iterator[bytes]:
    """The content of a file, never more than announced."""
    made, checksum = 0, 0
    for block in _blocks(stream, entry):
        if made == 0 and block.startswith(_PACKED) and not limits.inner:
            raise CallError("upload.archive_inner", entry=_shown(entry.name))
        made += len(block)
        checksum = zlib.crc32(block, checksum)
        if made > entry.info.file_size:
            raise _broken(entry.name, "size")
        yield block
    if made != entry.info.file_size or checksum != entry.info.CRC:
        raise _broken(entry.name, "size" if made != entry.info.file_size else "checksum")


def _blocks(stream: IO[bytes], entry: _Entry) -> Iterator[bytes]:
    method, left, place = entry.info.compress_type, entry.info.compress_size, entry.start
    if method not in (_STORED, _DEFLATED):
        raise _broken(entry.name, f"method {method}")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while left:
        stream.seek(place)
        packed = stream.read(min(_BLOCK, left))
        left, place = left - len(packed), place + len(packed)
        if not packed:
            raise _broken(entry.name, "size")
        if method == _STORED:
            yield packed
            continue
        try:
            while packed:
                yield inflate.decompress(packed, _BLOCK)
                packed = inflate.unconsumed_tail
        except zlib.error as error:
            raise _broken(entry.name, str(error)) from error
        if inflate.unused_data:
            raise _broken(entry.name, "size")
    if method == _DEFLATED and not inflate.eof:
        raise _broken(entry.name, "size")


def _twice(names: list[str], both: set[str]) -> str:
    """A name that stands for two things, for a message."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen | both:
            return _shown(name)
        seen.add(name.casefold())
    return "-"


def _shown(name: str) -> str:
    return name[:200].encode("unicode_escape").decode("ascii") if not name.isprintable() else name[:200]


def _broken(entry: str, detail: str) -> CallError:
    return CallError("upload.archive_broken", entry=_shown(entry), detail=detail)
