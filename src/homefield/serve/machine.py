"""How many threads a network may use on this machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["physical_cores"]


def physical_cores(system: Path = Path("/sys")) -> int:
    """Physical cores this process may run on, at least 1.

    Two threads of one core share its arithmetic units, so that more threads than cores only wait for each other. A
    container's quota counts too.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = set()
    for cpu in allowed:
        siblings = system / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        cores.add(siblings.read_text(encoding="ascii").strip() if siblings.is_file() else str(cpu))
    return max(1, min(len(cores), _quota(system / "fs/cgroup/cpu.max") or len(cores)))


def _quota(file: Path) -> int | None:
    """Whole processors a control group grants; None without a limit."""
    if not file.is_file():
        return None
    quota, _, period = file.read_text(encoding="ascii").strip().partition(" ")
    if not quota.isdigit() or not period.isdigit():
        return None
    return max(1, round(int(quota) / int(period)))
