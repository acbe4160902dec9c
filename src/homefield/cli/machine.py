"""What this machine has: processor, memory, disk, packages, graphics processors. Facts only; `doctor` judges them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Memory",
    "Processor",
    "absent_packages",
    "free_disk",
    "memory",
    "needed_packages",
    "present",
    "processor",
    "writable",
]

_CPUINFO = Path("/proc/cpuinfo")
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Processor:
    """The processor; `features` is `None` where the system does not tell."""

    name: str
    cores: int
    features: frozenset[str] | None

    @property
    def bf16(self) -> bool:
        """Whether it multiplies bf16 matrices natively."""
        return bool({"avx512_bf16", "amx_bf16", "bf16"} & (self.features or frozenset()))

    @property
    def vnni(self) -> bool:
        """Whether it has dot products of 8-bit integers."""
        return bool({"avx512_vnni", "avx_vnni", "asimddp"} & (self.features or frozenset()))


@dataclass(frozen=True)
class Memory:
    """Bytes."""

    total: int
    free: int


def processor() -> Processor:
    """The processor, with the cores this process may use (a container may allow fewer than there are)."""
    name, features = platform.processor() or platform.machine(), None
    if _CPUINFO.is_file():
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
            name = found.group(1).strip()
        if found := re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE):
            features = frozenset(found.group(1).split())
    return Processor(name, _usable_cores(), features)


def _usable_cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _read_words(_CGROUP / "cpu.max")
    if len(limit) == 2 and limit[0].isdigit():
        cores = min(cores, max(1, round(int(limit[0]) / int(limit[1]))))
    return cores


def memory() -> Memory | None:
    """Memory of the machine, or of the container where that is less; `None` where the system does not tell."""
    if not _MEMINFO.is_file():
        return None
    told = {
        name: int(value) * 1024
        for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", _MEMINFO.read_text(encoding="ascii"), re.MULTILINE)
    }
    total, free = told["MemTotal"], told.get("MemAvailable", told["MemFree"])
    limit, used = _read_words(_CGROUP / "memory.max"), _read_words(_CGROUP / "memory.current")
    if limit and limit[0].isdigit() and used:
        total = min(total, int(limit[0]))
        free = min(free, max(0, int(limit[0]) - int(used[0])))
    return Memory(total, free)


def free_disk(folder: Path) -> int:
    """Free bytes on the disk that `folder` is, or would be, on."""
    return shutil.disk_usage(_nearest(folder)).free


def writable(folder: Path) -> bool:
    """Whether files could be made in `folder`, which need not exist yet."""
    nearest = _nearest(folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def needed_packages() -> tuple[str, ...]:
    """The packages Homefield cannot work without, from its own metadata."""
    needed = [line for line in importlib.metadata.requires("homefield") or [] if "extra ==" not in line]
    return tuple(sorted(re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0] for line in needed))


def absent_packages(names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that are not installed."""
    absent = []
    for name in names:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
    return tuple(absent)


def present(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def _nearest(folder: Path) -> Path:
    for each in (folder, *folder.parents):
        if each.exists():
            return each
    return Path("/")


def _read_words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
