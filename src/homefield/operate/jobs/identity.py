"""Which process runs a job, so that nobody takes a new process with an old number for it.

A process is its machine, its number and the moment it began. A machine is its name, its boot and its process
namespace: a container beside this one, or this machine before it was started anew, is another one.
"""

from __future__ import annotations

import os
import platform
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["ProcessId", "this_machine", "this_process"]

_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessId:
    """A process of some machine. began: what the machine's clock of processes said then, as text to compare."""

    machine: str
    number: int
    began: str

    def __str__(self) -> str:
        return f"{self.machine} {self.number} {self.began}"

    @classmethod
    def parse(cls, written: str | None) -> ProcessId | None:
        """What `str` wrote; None for anything else."""
        parts = (written or "").split(" ")
        if len(parts) != 3 or not parts[1].isdigit():
            return None
        return cls(parts[0], int(parts[1]), parts[2])

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine, so that `is_alive` can tell."""
        return self.machine == this_machine()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; ask only where `is_here`."""
        return _began(self.number) == self.began

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs here."""
        if self.is_here and self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.number, number)


def this_process() -> ProcessId:
    """The process that asks."""
    return ProcessId(this_machine(), os.getpid(), _began(os.getpid()) or "0")


@cache
def this_machine() -> str:
    """The machine that asks, in one word."""
    name = (platform.node() or "localhost").replace(" ", "-")[:80]
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:13]
        space = str((_PROC / "self/ns/pid").readlink()).strip("pid:[]")
    except OSError:  # no Linux
        import psutil

        return f"{name}/{int(psutil.boot_time())}"
    return f"{name}/{boot}/{space}"


def _began(number: int) -> str | None:
    """When process `number` began; None when there is none, or it is dead and only not yet buried.

    Linux counts in ticks since the boot, which setting the clock does not change.
    """
    if not _PROC.is_dir():
        import psutil

        try:
            process = psutil.Process(number)
            return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
        except psutil.NoSuchProcess:
            return None
    try:
        told = (_PROC / str(number) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = told.rpartition(")")[2].split()  # the name before may hold anything
    return None if fields[0] in "ZX" else fields[19]
