"""A stream after a break, callers that hang up, a database that is locked, full or away: told, and over when it is."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from homefield.store import Store, events, open_store

from ..postgresql import PostgreSQL, programs
from ..ship.models import Made
from .conftest import Served, start, stock, stopped

ASKED = {"text": "my card was stolen", "evidence": 0}
PATH = "/v1/models/shop/predict"


@pytest.fixture(scope="module")
def own(cut: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose database may be treated badly."""
    served = start(stock(tmp_path_factory.mktemp("own"), shop=cut))
    yield served
    stopped(served)


def append(store: Store, *numbers: int) -> None:
    with store.write() as transaction:
        for number in numbers:
            events.append(transaction, "drill", {"number": number})


def numbers(client: httpx.Client, count: int, **headers: str) -> tuple[list[int], str]:
    """The next so many events of a stream, and the id of the last."""
    found: list[int] = []
    last = ""
    with client.stream("GET", "/v1/events?topics=drill", headers=headers) as stream:
        for line in stream.iter_lines():
            if line.startswith("id: "):
                last = line.removeprefix("id: ")
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: "))["number"])
                if len(found) == count:
                    return found, last
    raise AssertionError(found)


def test_a_stream_goes_on_where_it_broke(own: Served) -> None:
    with open_store(own.workspace) as store:
        append(store, *range(4))
        first, last = numbers(own.client, 2, **{"last-event-id": "0"})
        append(store, 4, 5)
        rest, _ = numbers(own.client, 4, **{"last-event-id": last})
    assert first + rest == [0, 1, 2, 3, 4, 5]


def test_work_of_a_caller_that_hangs_up_is_dropped(own: Served) -> None:
    body = json.dumps({"texts": ["my card was stolen " * 20] * 1_024, "evidence": 0}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    address = ("127.0.0.1", own.client.base_url.port or 0)
    before = texts(own)
    callers = [socket.create_connection(address) for _ in range(4)]
    for caller in callers:
        caller.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    time.sleep(0.3)
    for caller in callers:
        caller.close()
    assert own.client.post(PATH, json=ASKED).status_code == 200
    last = -1.0
    while (now := texts(own)) != last:  # until the network has nothing more to do
        last = now
        time.sleep(0.5)
    assert now - before < 4 * 1_024


def texts(served: Served) -> float:
    """How many texts the network has answered."""
    page = served.client.get("/metrics").text
    (line,) = [line for line in page.splitlines() if line.startswith("homefield_batch_texts_sum")]
    return float(line.split()[1])


def test_a_locked_database_is_told_and_over_when_it_is(own: Served) -> None:
    other = sqlite3.connect(own.workspace.root / "homefield.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    said = own.client.post(PATH, json=ASKED)
    assert (said.status_code, said.json()["code"]) == (503, "store.locked"), said.text
    assert said.headers["retry-after"]
    other.execute("ROLLBACK")
    other.close()
    assert own.client.post(PATH, json=ASKED).status_code == 200


def test_a_full_disk_is_told_and_over_when_it_is(own: Served) -> None:
    """The largest file a process may write stands for the disk's end: the system refuses the write of both."""
    unlimited = resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, (1_000_000, unlimited[1]))
    try:
        sent = {"file": ("rows.csv", b"text,label\n" + b"a,b\n" * 500_000, "text/csv")}
        said = own.client.post("/v1/uploads", files=sent)
        assert (said.status_code, said.json()["code"]) == (507, "files.disk_full"), said.text
    finally:
        resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert own.client.post("/v1/uploads", files=sent).status_code == 201


def test_postgresql_goes_away_and_comes_back(
    request: pytest.FixtureRequest, cut: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue("postgresql")  # skips where there is none
    found = programs()
    assert found is not None
    database = PostgreSQL(found)
    monkeypatch.setenv("HOMEFIELD_DATABASE", database.database())
    served = start(stock(tmp_path / "w", shop=cut))
    try:
        assert served.client.post(PATH, json=ASKED).status_code == 200
        database.stop()
        said = served.client.post(PATH, json=ASKED)
        assert (said.status_code, said.json()["code"]) == (503, "store.unreachable"), said.text
        (reason,) = served.client.get("/readyz").json()["reasons"]
        assert reason["code"] == "store.unreachable"
        database.start()
        assert served.client.post(PATH, json=ASKED).status_code == 200
    finally:
        stopped(served)
        database.remove()
