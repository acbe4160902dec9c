from __future__ import annotations

import os
from pathlib import Path

import pytest

from homefield.serve.machine import physical_cores


def system(folder: Path, siblings: dict[int, str], quota: str | None = None) -> Path:
    for cpu, text in siblings.items():
        file = folder / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    if quota is not None:
        (folder / "fs/cgroup").mkdir(parents=True)
        (folder / "fs/cgroup/cpu.max").write_text(quota)
    return folder


@pytest.mark.parametrize(
    ("quota", "cores"),
    [(None, 4), ("max 100000", 4), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("odd", 4)],
)
def test_two_threads_of_a_core_are_one_and_a_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    siblings = {cpu: f"{cpu % 4},{cpu % 4 + 4}\n" for cpu in range(8)}
    assert physical_cores(system(tmp_path, siblings, quota)) == cores


def test_without_topology_every_allowed_processor_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    assert physical_cores(tmp_path) == 2


def test_this_machine_has_one_at_least() -> None:
    assert physical_cores() >= 1
