"""Exactly one party speaks: in whatever order workers, humans and retries act, and with two processes at once."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from homefield.apps.support.conversation import Desk, Heard, Incoming, SupportOptions, Thought
from homefield.apps.support.conversation.states import Standing
from homefield.errors import Refused
from homefield.store import Store, connect, conversations
from homefield.store.conversations import MessageRow
from homefield.store.schema import upgrade

from ..rules import RuleAnswerer

TEXTS = ("return?", "blah", "which?", "invoice", "12345678", "转人工")


class Interleaved(RuleBasedStateMachine):
    """The three steps of any number of messages, a human's acts and second deliveries, in any order."""

    heard = Bundle("heard")
    thought = Bundle("thought")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = connect("sqlite:///kept.db", Path(self.folder.name))
        upgrade(self.store)
        options = SupportOptions.model_validate({"handoff": {"failures": 2}})
        self.desks = [Desk(self.store, "shop", RuleAnswerer(), options) for _ in range(2)]
        (self.row,) = [self.desks[0].hear(Incoming("hello", peer="one")).row]
        self.written: list[tuple[str, str]] = []  # (state just before, speaker) of each message that is no customer's
        self.seen = 1

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=heard, worker=st.integers(0, 1), text=st.sampled_from(TEXTS), delivery=st.integers(0, 5))
    def hears(self, worker: int, text: str, delivery: int) -> Heard:
        return self.desks[worker].hear(Incoming(text, peer="one", delivery=str(delivery)))

    @rule(target=thought, worker=st.integers(0, 1), heard=heard)
    def thinks(self, worker: int, heard: Heard) -> Thought:
        return self.desks[worker].think(heard)

    @rule(worker=st.integers(0, 1), thought=thought)
    def says(self, worker: int, thought: Thought) -> None:
        before = self.state()
        said = self.desks[worker].say(thought)
        new = self.news()
        assert [row.speaker for row in new] in ([], ["bot"])
        if new:
            assert before == "bot"
            assert said.reply == new[0]

    @rule()
    def a_human_speaks(self) -> None:
        self.desks[0].write_as_human(self.row.id, "I am here.", by="li.na")
        assert [row.speaker for row in self.news()] == ["human"]
        assert self.state() == "human"

    @rule()
    def it_is_released(self) -> None:
        try:
            self.desks[1].release(self.row.id)
        except Refused:
            assert self.state() == "closed"

    @rule()
    def it_is_closed(self) -> None:
        self.desks[1].close(self.row.id)

    @invariant()
    def a_message_has_one_reply_or_none_and_is_kept_once(self) -> None:
        rows = self.rows()
        replied = [row.replies_to for row in rows if row.speaker == "bot"]
        assert len(replied) == len(set(replied))
        customers = {row.id: row for row in rows if row.speaker == "customer"}
        assert all(customers[str(one)].heard_by is None for one in replied)
        deliveries = [row.delivery for row in customers.values() if row.delivery]
        assert len(deliveries) == len(set(deliveries))
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))

    def rows(self) -> list[MessageRow]:
        with self.store.read() as transaction:
            return conversations.messages_of(transaction, self.row.id)

    def news(self) -> list[MessageRow]:
        """What was written that is no customer's since this was asked last."""
        rows = self.rows()
        new = [row for row in rows[self.seen :] if row.speaker != "customer"]
        self.seen = len(rows)
        return new

    def state(self) -> str:
        with self.store.read() as transaction:
            row = conversations.one(transaction, "shop", self.row.id)
        assert row is not None
        assert Standing(row.state).bot_may_speak == (row.state == "bot")  # type: ignore[arg-type]
        return row.state


Interleaved.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestInterleaved = Interleaved.TestCase

WORKER = """
import json, sys
from pathlib import Path
from homefield.apps.support.conversation import Desk, Incoming
from homefield.store import connect
from tests.apps.support.rules import RuleAnswerer

uri, root, conversation, worker = sys.argv[1:]
with connect(uri, Path(root)) as store:
    desk = Desk(store, "shop", RuleAnswerer())
    print("ready", flush=True)
    sys.stdin.readline()
    said = []
    for place in range(30):
        if worker == "human" and place % 10 == 5:
            desk.write_as_human(conversation, "I am here.", by="li.na")
        elif worker == "human" and place % 10 == 9:
            desk.release(conversation)
        one = desk.take(Incoming("return?", conversation=conversation, delivery=str(place)))
        said.append([one.message.id, one.reply.id if one.reply else None, one.message.heard_by])
    print(json.dumps(said), flush=True)
"""


def test_two_processes_that_get_the_same_deliveries_reply_once(uri: str, tmp_path: Path, store: Store) -> None:
    desk = Desk(store, "shop", RuleAnswerer())
    conversation = desk.hear(Incoming("hello", peer="one")).row.id
    command = [sys.executable, "-c", WORKER, uri, str(tmp_path), conversation]
    workers = [
        subprocess.Popen([*command, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for kind in ("human", "plain")
    ]
    for each in workers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(2) as pool:
        told = [json.loads(out[0]) for out in pool.map(lambda each: each.communicate("go\n", 120), workers)]
    assert [each.returncode for each in workers] == [0, 0]
    with store.read() as transaction:
        rows = conversations.messages_of(transaction, conversation)
    customers = [row for row in rows if row.delivery]
    assert len(customers) == 30
    replies = {row.replies_to: row.id for row in rows if row.speaker == "bot"}
    assert len(replies) == sum(row.speaker == "bot" for row in rows)
    for one, other in zip(*told, strict=True):
        assert one == other  # the same message and the same reply
        assert one[1] == replies.get(one[0])
        assert (one[1] is None) == (one[2] is not None)
    assert sum(row.speaker == "human" for row in rows) == 3
