"""A server that has more to do than it can: who is refused, with which words, and that it is over when it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from ..ship.models import Made
from .conftest import Served, make_key, start, stock, stopped

PATH = "/v1/models/shop/predict"
# A batch takes two texts of this length: a call has some 500 of them, and waits while they are answered.
MANY = ["my card was stolen " * 200] * 1_024


@pytest.fixture(scope="module")
def narrow(cut: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, httpx.Client, httpx.Client]]:
    """A server where next to nothing may wait, and two of its clients."""
    workspace = stock(tmp_path_factory.mktemp("narrow"), shop=cut)
    keys = [make_key(workspace, "predict") for _ in range(2)]
    served = start(workspace, HOMEFIELD_SERVE_WAIT="0.2")
    first, second = (
        httpx.Client(base_url=served.client.base_url, timeout=60, headers={"authorization": f"Bearer {key}"})
        for key in keys
    )
    with first, second:
        for client in (first, second):  # so that it knows how long a text takes, and who they are
            assert client.post(PATH, json={"text": "loan papers"}).status_code == 200
        yield served, first, second
    stopped(served)


@contextmanager
def busy(client: httpx.Client, **options: Any) -> Iterator[threading.Event]:
    """While a large call is under way; tells when it is over. It is answered in the end."""
    over, statuses = threading.Event(), []
    body = json.dumps({"texts": MANY, "evidence": 0, **options}).encode()

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=120) as own:
            headers = {"content-type": "application/json"}
            statuses.append(own.post(PATH, content=body, headers=headers).status_code)
        over.set()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield over
    finally:
        asking.join()
    assert statuses == [200]


def met(client: httpx.Client, over: threading.Event, status: int) -> httpx.Response:
    """The first reply with this status to small calls, sent while the large one is under way."""
    while not over.is_set():
        said = client.post(PATH, json={"text": "card blocked", "evidence": 0})
        if said.status_code == status:
            return said
    raise AssertionError(f"the large call was over before a {status}")


def test_a_full_queue_refuses_at_once_and_serves_again_when_it_is_empty(
    narrow: tuple[Served, httpx.Client, httpx.Client],
) -> None:
    served, first, second = narrow
    with busy(first, lane="interactive") as over:
        said = met(second, over, 503)
        ready = served.client.get("/readyz")
        assert not over.is_set()
    assert said.json()["code"] == "serve.overloaded"
    assert int(said.headers["retry-after"]) >= 1
    assert (ready.status_code, ready.json()["reasons"][0]["code"]) == (503, "serve.overloaded")
    assert second.post(PATH, json={"text": "card blocked"}).status_code == 200
    assert served.client.get("/readyz").status_code == 200


def test_a_client_over_its_share_waits_and_others_are_served(narrow: tuple[Served, httpx.Client, httpx.Client]) -> None:
    _, first, second = narrow
    said = None
    for _ in range(5):  # on a quick machine the large call may be over before a small one comes
        with busy(first, lane="bulk") as over, suppress(AssertionError):
            said = met(first, over, 429)
            met(second, over, 200)
            break
    else:
        pytest.fail("no small call came while the large one was under way")
    assert said is not None
    assert said.json()["code"] == "serve.over_quota"
    assert int(said.headers["retry-after"]) >= 1
    assert first.post(PATH, json={"text": "card blocked"}).status_code == 200


def test_past_its_deadline_a_call_is_told_so_and_no_longer_worked_on(
    narrow: tuple[Served, httpx.Client, httpx.Client],
) -> None:
    _, first, _ = narrow
    said = first.post(PATH, json={"texts": MANY, "evidence": 0, "timeout": 0.05})
    assert (said.status_code, said.json()["code"]) == (504, "serve.too_late")
    assert first.post(PATH, json={"text": "card blocked", "timeout": 30}).status_code == 200
