"""Callers of one event loop share a network that is never idle while something waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from homefield.errors import CallError, HomefieldError, MachineError
from homefield.serve.batcher import Batcher, Bounds
from homefield.serve.waiting import Call


class Network:
    """Doubles numbers; waits at a gate where a test holds one."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open, self.entered = threading.Event(), threading.Event()
        self.open.set()

    def __call__(self, group: Hashable, items: Sequence[int]) -> list[int]:
        del group
        self.batches.append(list(items))
        self.entered.set()
        assert self.open.wait(10)
        if 13 in items:
            raise LookupError("13")
        return [2 * item for item in items]

    @contextmanager
    def held(self) -> Iterator[None]:
        self.open.clear()
        self.entered.clear()
        try:
            yield
        finally:
            self.open.set()


async def entered(network: Network) -> None:
    assert await asyncio.to_thread(network.entered.wait, 10)


def test_when_idle_a_text_goes_at_once_and_what_comes_meanwhile_shares_a_batch() -> None:
    network = Network()

    async def main() -> list[list[int]]:
        batcher = Batcher(network, threads=1)
        batcher.open()
        with network.held():
            first = asyncio.create_task(batcher.ask("a", [1], [1]))
            await entered(network)
            others = [asyncio.create_task(batcher.ask("a", [n, n + 1], [1, 1])) for n in (2, 4, 6)]
            await asyncio.sleep(0.05)
        found = [await task for task in (first, *others)]
        await batcher.close()
        return found

    assert asyncio.run(main()) == [[2], [4, 6], [8, 10], [12, 14]]
    assert network.batches[0] == [1]
    assert sorted(network.batches[1]) == [2, 3, 4, 5, 6, 7]


def test_two_batches_are_asked_beside_each_other_and_more_wait() -> None:
    network = Network()

    async def main() -> tuple[int, list[list[int]]]:
        batcher = Batcher(network)
        batcher.open()
        with network.held():
            tasks = []
            for n in (1, 2, 3, 4):
                tasks.append(asyncio.create_task(batcher.ask("a", [n], [1])))
                await asyncio.sleep(0.05)
            entered = len(network.batches)
        found = [await task for task in tasks]
        await batcher.close()
        return entered, found

    entered, found = asyncio.run(main())
    assert entered == 2
    assert found == [[2], [4], [6], [8]]
    assert sorted(map(sorted, network.batches)) == [[1], [2], [3, 4]]


def test_answers_are_kept_before_they_are_told_and_a_failure_to_keep_them_is_told_instead() -> None:
    kept: list[list[int]] = []

    def keep(calls: Sequence[Call]) -> None:
        if any(call.note == "bad" for call in calls):
            raise MachineError("serve.closing")
        kept.extend(call.results for call in calls)

    async def main() -> None:
        batcher = Batcher(Network(), keep)
        batcher.open()
        assert await batcher.ask("a", [3], [1]) == [6]
        assert kept == [[6]]
        with pytest.raises(MachineError, match="shutting down"):
            await batcher.ask("a", [3], [1], note="bad")
        assert await batcher.ask("a", [4], [1]) == [8]
        await batcher.close()

    asyncio.run(main())


def test_a_failing_batch_is_told_to_its_callers_and_the_next_is_answered() -> None:
    async def main() -> None:
        batcher = Batcher(Network())
        batcher.open()
        with pytest.raises(LookupError, match="13"):
            await batcher.ask("a", [13], [1])
        assert await batcher.ask("a", [4], [1]) == [8]
        await batcher.close()

    asyncio.run(main())


def refusal(*, bounds: Bounds, waiting: list[int], size: int, client: str | None) -> HomefieldError:
    """What a call is told that comes while others wait."""
    network = Network()

    async def main() -> HomefieldError:
        batcher = Batcher(network, bounds=bounds, threads=1)
        batcher.open()
        with network.held():
            tasks = [asyncio.create_task(batcher.ask("a", [0], [1]))]
            await entered(network)
            tasks += [asyncio.create_task(batcher.ask("a", [0], [some], client=client)) for some in waiting]
            await asyncio.sleep(0.05)
            with pytest.raises(HomefieldError) as told:
                await batcher.ask("a", [0], [size], client=client)
        await asyncio.gather(*tasks)
        await batcher.close()
        return told.value

    return asyncio.run(main())


def test_over_the_capacity_of_all_and_over_the_quota_of_one_are_told_apart() -> None:
    full = refusal(bounds=Bounds(tokens=100), waiting=[60], size=60, client=None)
    assert (type(full), full.code) == (MachineError, "serve.overloaded")
    quota = refusal(bounds=Bounds(tokens=100, share=0.5), waiting=[40], size=20, client="x")
    assert (type(quota), quota.code) == (CallError, "serve.over_quota")
    assert isinstance(quota.values["seconds"], int)


def test_past_its_deadline_a_call_is_told_so_and_what_waits_of_it_is_dropped() -> None:
    network = Network()

    async def main() -> None:
        batcher = Batcher(network, threads=1)
        batcher.open()
        with network.held():
            first = asyncio.create_task(batcher.ask("a", [1], [1]))
            await entered(network)
            with pytest.raises(MachineError, match="deadline"):
                await batcher.ask("a", [2], [1], seconds=0.05)
            assert batcher.load.waiting == 0
        assert await first == [2]
        await batcher.close()

    asyncio.run(main())
    assert network.batches == [[1]]


def test_a_caller_that_leaves_takes_its_texts_along() -> None:
    network = Network()

    async def main() -> None:
        batcher = Batcher(network, threads=1)
        batcher.open()
        with network.held():
            first = asyncio.create_task(batcher.ask("a", [1], [1]))
            await entered(network)
            second = asyncio.create_task(batcher.ask("a", [2], [1]))
            await asyncio.sleep(0.05)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            assert batcher.load.waiting == 0
        assert await first == [2]
        await batcher.close()

    asyncio.run(main())
    assert network.batches == [[1]]


def test_closing_answers_what_waits_and_refuses_what_comes() -> None:
    async def main() -> None:
        batcher = Batcher(Network(), bounds=Bounds(budget=1), threads=1)
        batcher.open()
        tasks = [asyncio.create_task(batcher.ask("a", [n], [1])) for n in range(12)]
        await asyncio.sleep(0)
        await batcher.close()
        assert [await task for task in tasks] == [[2 * n] for n in range(12)]
        with pytest.raises(MachineError, match="shutting down"):
            await batcher.ask("a", [1], [1])

    asyncio.run(main())
