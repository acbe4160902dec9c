"""Many who wait for one application to open keep no thread from the others."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest

from homefield.errors import CallError
from homefield.server.counter import Counter

from ..apps.support.rules import RuleAnswerer, RuleAssistants


class Opening(RuleAssistants):
    """`large` opens when a test says so."""

    def __init__(self) -> None:
        super().__init__("shop", "large")
        self.go_on, self.opened = Event(), 0

    def is_open(self, name: str) -> bool:
        return name != "large" or self.go_on.is_set()

    def find(self, name: str) -> RuleAnswerer:
        if name == "large" and not self.go_on.is_set():
            self.opened += 1
            assert self.go_on.wait(60)
        return super().find(name)


def test_others_are_served_while_many_wait_for_one_to_open() -> None:
    assistants = Opening()

    async def serve() -> None:
        counter = Counter(assistants)
        waiting = [
            asyncio.create_task(counter.do_for("large", lambda: assistants.find("large").release)) for _ in range(50)
        ]
        try:
            await asyncio.sleep(0.1)
            async with asyncio.timeout(30):
                served = [await counter.do_for("shop", lambda: assistants.find("shop").release) for _ in range(20)]
            assert set(served) == {"shop@1"}
            assert not any(each.done() for each in waiting)
            waiting.pop().cancel()  # one who leaves takes nothing from those who stay
        finally:
            assistants.go_on.set()
        assert set(await asyncio.gather(*waiting)) == {"large@1"}
        assert assistants.opened == 1
        counter.close()

    asyncio.run(serve())


def test_all_are_opened_beforehand_and_one_that_cannot_be_stops_none() -> None:
    assistants = Opening()
    del assistants.open["shop"]
    assistants.open["zoo"] = RuleAnswerer("zoo@1")
    assistants.go_on.set()

    async def serve() -> None:
        counter = Counter(assistants)
        await counter.open_all()
        with pytest.raises(CallError) as caught:
            await counter.do_for("shop", lambda: assistants.find("shop"))
        assert caught.value.code == "support.no_such_name"
        assert await counter.do_for("zoo", lambda: assistants.find("zoo").release) == "zoo@1"
        counter.close()

    asyncio.run(serve())
