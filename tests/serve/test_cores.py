"""A pass alone has every core; passes beside each other have one each, and no more run at once than there are cores."""

from __future__ import annotations

import threading

import pytest

from homefield.serve.cores import Cores

PATIENCE = 10.0


def test_a_pass_alone_has_every_core_and_one_beside_it_does_not() -> None:
    cores = Cores(2)
    with cores.taken() as first, cores.taken() as second:
        assert (first, second) == (True, False)
    with cores.taken() as again:
        assert again


def test_a_pass_that_fails_gives_its_cores_back() -> None:
    cores = Cores(2)
    with pytest.raises(ValueError, match="broken"), cores.taken():
        raise ValueError("broken")
    with cores.taken() as alone:
        assert alone


def test_several_items_run_beside_each_other_on_a_core_each_and_come_back_in_order() -> None:
    cores = Cores(2)
    both = threading.Barrier(2)

    def work(item: int) -> tuple[int, bool]:
        both.wait(PATIENCE)  # goes on only when two are at work
        with cores.taken() as alone:
            return item, alone

    assert cores.each(work, [3, 1, 2, 0]) == [(3, False), (1, False), (2, False), (0, False)]


def test_no_more_at_once_than_there_are_cores() -> None:
    cores = Cores(2)
    lock, at_work, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        threading.Event().wait(0.01)
        with lock:
            at_work -= 1

    callers = [threading.Thread(target=cores.each, args=(work, range(6))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    assert most == 2


def test_one_item_runs_on_the_thread_that_asks_with_every_core() -> None:
    cores = Cores(4)

    def work(_: str) -> tuple[int, bool]:
        with cores.taken() as alone:
            return threading.get_ident(), alone

    assert cores.each(work, ["one"]) == [(threading.get_ident(), True)]


def test_an_error_of_one_item_reaches_who_asked() -> None:
    def work(item: int) -> int:
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        Cores(2).each(work, [1, 0, 1])
