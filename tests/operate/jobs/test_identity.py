"""A process is told from all others, dead ones with the same number too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from homefield.operate.jobs.identity import ProcessId, this_machine, this_process


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def identity_of(process: subprocess.Popen[bytes]) -> ProcessId:
    from homefield.operate.jobs import identity

    began = identity._began(process.pid)
    assert began is not None
    return ProcessId(this_machine(), process.pid, began)


def test_this_process_lives_and_can_be_written_down() -> None:
    here = this_process()
    assert here.is_here
    assert here.is_alive
    assert ProcessId.parse(str(here)) == here
    assert len(str(here)) <= 200


@pytest.mark.parametrize("written", [None, "", "one", "a b c", "a 1", "a 1 2 3"])
def test_what_is_no_process_is_none(written: str | None) -> None:
    assert ProcessId.parse(written) is None


def test_a_killed_process_is_dead_before_it_is_buried(sleeper: subprocess.Popen[bytes]) -> None:
    process = identity_of(sleeper)
    assert process.is_alive
    process.send(signal.SIGKILL)
    for _ in range(100):
        if not process.is_alive:
            break
        time.sleep(0.05)
    assert not process.is_alive
    sleeper.wait()
    assert not process.is_alive


def test_another_process_with_the_same_number_is_another(sleeper: subprocess.Popen[bytes]) -> None:
    process = identity_of(sleeper)
    earlier = ProcessId(process.machine, process.number, str(int(process.began) - 1))
    assert not earlier.is_alive
    earlier.send(signal.SIGKILL)
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_a_process_of_another_machine_is_not_touched(sleeper: subprocess.Popen[bytes]) -> None:
    process = identity_of(sleeper)
    elsewhere = ProcessId("elsewhere/1/2", process.number, process.began)
    assert not elsewhere.is_here
    elsewhere.send(signal.SIGKILL)
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_a_number_nobody_has() -> None:
    assert not ProcessId(this_machine(), 2**22 - 1 if os.name == "posix" else 99999999, "1").is_alive
