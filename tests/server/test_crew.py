"""Processes that are kept alive: replaced when they die, never waiting for each other, gone with their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from homefield.server.crew import Crew, Post

PATIENCE = 60.0
STAYS = """
import sys, time
from homefield.server.crew import leave_with_the_crew
leave_with_the_crew()
import polars  # it catches SIGINT
with open(sys.argv[1], "a") as told:
    told.write("began\\n")
time.sleep(600)
"""
DIES = 'import sys; open(sys.argv[1], "a").write("began\\n")'
SUPERVISES = """
import sys, threading
from homefield.server.crew import Crew, Post
Crew([Post("stays", sys.argv[1:])]).keep(threading.Event())
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, said in {"stays": STAYS, "dies": DIES}.items():
        (tmp_path / f"{name}.py").write_text(said, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    return tmp_path


@contextmanager
def kept(crew: Crew, **options: Callable[[], None]) -> Iterator[None]:
    stop = threading.Event()
    keeping = threading.Thread(target=crew.keep, args=(stop,), kwargs=options)
    keeping.start()
    try:
        yield
    finally:
        stop.set()
        keeping.join()


def until(condition: Callable[[], object]) -> None:
    last = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.05)


def begun(file: Path) -> int:
    return file.read_text(encoding="utf-8").count("began") if file.is_file() else 0


def children(module: str, of: int | None = None) -> list[psutil.Process]:
    found = psutil.Process(of).children()
    return [one for one in found if one.status() != psutil.STATUS_ZOMBIE and module in one.cmdline()]


def test_one_that_dies_at_once_does_not_hold_up_the_others(modules: Path) -> None:
    stays, dies = modules / "stays.log", modules / "dies.log"
    buried: list[int] = []
    crew = Crew([Post("dies", (str(dies),)), Post("stays", (str(stays),))], buried=buried.append)
    with kept(crew):
        until(lambda: begun(dies) >= 5)  # the next pause takes seconds
        (first,) = children("stays")
        first.kill()
        before = begun(dies)
        until(lambda: first.pid in buried)
        assert begun(dies) == before
        until(lambda: begun(stays) == 2)
    assert children("stays") == []


def test_what_leaves_first_is_told_before_they_are(modules: Path) -> None:
    there: list[int] = []
    with kept(Crew([Post("stays", (str(modules / "log"),))]), leaving=lambda: there.append(len(children("stays")))):
        until(lambda: begun(modules / "log"))
    assert there == [1]


def test_one_that_has_hardly_begun_leaves_with_its_killed_supervisor(modules: Path) -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISES, str(modules / "log")])
    try:
        until(lambda: begun(modules / "log"))
        (child,) = children("stays", supervisor.pid)
        supervisor.send_signal(signal.SIGKILL)
        child.wait(PATIENCE)
    finally:
        supervisor.kill()
        supervisor.wait()
