"""The clients of `serve_faults`: they work while a server is killed, and write down what it acknowledged."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

NAME, RUN = "shop", "one"
WAITING = 3  # jobs kept in the queue


@dataclass
class Ledger:
    """What was acknowledged. All dictionaries are of one writer at a time, or only added to."""

    predictions: dict[str, str] = field(default_factory=dict)  # id -> text
    corrections: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # our id -> id, prediction, answer
    uploads: dict[str, str] = field(default_factory=dict)  # id -> SHA-256
    discarded: dict[str, str] = field(default_factory=dict)  # as uploads
    jobs: dict[str, str] = field(default_factory=dict)  # our id -> id
    moves: list[tuple[str, int]] = field(default_factory=list)  # why, version
    answers: Counter[str] = field(default_factory=Counter)  # by status and code
    faults: list[str] = field(default_factory=list)
    away: list[float] = field(default_factory=list)  # seconds from a kill of the server to the next answer
    _since: float | None = None
    _missed: bool = False  # since then: its workers may have answered a little longer
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def count(self, told: str) -> None:
        """One more answer of this sort."""
        with self._turn:
            self.answers[told] += 1

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {
            kind: len(getattr(self, kind))
            for kind in ("predictions", "corrections", "uploads", "discarded", "jobs", "moves")
        }

    def went_away(self) -> None:
        """The server was killed."""
        self._since, self._missed = time.monotonic(), False

    def missed(self, told: str) -> None:
        """It did not answer."""
        self._missed = True
        self.count(told)

    def answered(self, asked: float) -> None:
        """It answered what was asked at that moment."""
        if self._since is not None and self._missed and asked > self._since:
            self.away.append(time.monotonic() - self._since)
            self._since = None


@contextmanager
def clients(url: str, ledger: Ledger, orders: Sequence[str], chance: random.Random) -> Iterator[None]:
    """Clients that work until the block ends; each then finishes what it began."""
    stop = threading.Event()
    acts: list[Callable[[Client], None]] = [Client.ask, Client.ask, Client.correct, Client.upload, Client.move]
    acts.append(lambda client: client.order(orders))
    with ThreadPoolExecutor(len(acts)) as pool:
        working = [pool.submit(Client(url, ledger, random.Random(chance.random())).work, act, stop) for act in acts]
        try:
            yield
        finally:
            stop.set()
    for each in working:
        each.result()


class Client:
    """Does one thing again and again, and writes down what was acknowledged."""

    def __init__(self, url: str, ledger: Ledger, chance: random.Random) -> None:
        self.ledger, self.chance = ledger, chance
        self.http = httpx.Client(base_url=url, timeout=60)

    def work(self, act: Callable[[Client], None], stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.wait(self.chance.uniform(0.0, 0.2)):
            act(self)
        self.http.close()

    def send(self, method: str, path: str, **what: Any) -> httpx.Response | None:
        """One request; None when it was not answered, or the server could not do it now."""
        asked = time.monotonic()
        try:
            said = self.http.request(method, path, **what)
        except httpx.TransportError as error:
            self.ledger.missed(type(error).__name__)
            time.sleep(0.1)
            return None
        self.ledger.answered(asked)
        problem = {} if said.is_success or "json" not in said.headers.get("content-type", "") else said.json()
        self.ledger.count(f"{said.status_code} {problem.get('code', '')}".strip())
        if said.status_code == 500 or not (said.is_success or problem):
            self.ledger.faults.append(f"{method} {path}: {said.status_code} {said.text[:300]}")
        if said.status_code >= 500 or said.status_code == 429:
            time.sleep(0.1)
            return None
        return said

    def insist(self, method: str, path: str, **what: Any) -> httpx.Response:
        """The same request until it is answered: for what is safe to send twice."""
        while (said := self.send(method, path, **what)) is None:
            pass
        return said

    def ask(self) -> None:
        """Predict some texts."""
        texts = [f"my card was stolen {self.chance.random()}" for _ in range(self.chance.randint(1, 4))]
        said = self.send("POST", f"/v1/models/{NAME}/predict", json={"texts": texts, "evidence": 0})
        if said is not None and said.is_success:
            told = [one["id"] for one in said.json()["predictions"]]
            self.ledger.predictions.update(zip(told, texts, strict=True))

    def correct(self) -> None:
        """Correct a prediction that was acknowledged."""
        if known := list(self.ledger.predictions)[-50:]:
            once, about, answer = uuid.uuid4().hex, self.chance.choice(known), self.chance.choice(["card", "loan"])
            said = self.insist("POST", "/v1/feedback", json={"prediction": about, "answer": answer, "once": once})
            if said.is_success:
                self.ledger.corrections[once] = (said.json()["id"], about, answer)
            else:
                self.ledger.faults.append(f"correction of {about}: {said.text[:300]}")

    def upload(self) -> None:
        """Send a file, whole or in parts, going on after a break; delete some."""
        content = records(self.chance)
        if self.chance.random() < 0.5:
            said = self.send("POST", "/v1/uploads", files={"file": ("rows.csv", content, "text/csv")})
        else:
            said = self._in_parts(content)
        if said is None or not said.is_success:
            return
        number, kept = said.json()["id"], self.ledger.uploads
        if self.chance.random() < 0.2:  # nobody else knows of it yet
            self.insist("DELETE", f"/v1/uploads/{number}")
            kept = self.ledger.discarded
        kept[number] = hashlib.sha256(content).hexdigest()

    def _in_parts(self, content: bytes) -> httpx.Response | None:
        begun = self.send("POST", "/v1/uploads", json={"name": "rows.csv", "size": len(content)})
        if begun is None:
            return None
        path, sent = f"/v1/uploads/{begun.json()['id']}", 0
        while True:
            found = self.insist("GET", path)
            row = found.json()
            if not found.is_success or row["state"] == "checked":
                return found
            here = row["received"]
            if here < sent:
                self.ledger.faults.append(f"{path}: {sent} bytes were acknowledged, {here} are there")
            if here == len(content):
                self.send("POST", f"{path}/finish")
                continue
            part = content[here : here + 1_000]
            said = self.send("PUT", f"{path}/content", params={"offset": here}, content=part)
            sent = max(sent, said.json()["received"]) if said is not None and said.is_success else sent

    def order(self, orders: Sequence[str]) -> None:
        """Keep some jobs waiting."""
        queued = self.insist("GET", "/v1/jobs", params={"state": "queued"}).json()["jobs"]
        if len(queued) >= WAITING:
            return
        once, kind = uuid.uuid4().hex, self.chance.choice(orders)
        arguments: dict[str, Any] = {"seconds": 0.3, "steps": 3}
        if kind == "export":
            arguments = {"run": RUN, "name": NAME}
        elif kind == "prepare":
            if not self.ledger.uploads:
                return
            arguments = {"files": [self.chance.choice(list(self.ledger.uploads))], "dataset": f"d-{once}"}
        said = self.insist("POST", "/v1/jobs", json={"kind": kind, "arguments": arguments, "once": once})
        if said.is_success:
            self.ledger.jobs[once] = said.json()["id"]
        else:
            self.ledger.faults.append(f"order of {kind}: {said.text[:300]}")

    def move(self) -> None:
        """Promote another version, whatever its gate says, or roll back; alone, so that the order is known."""
        why = uuid.uuid4().hex
        if self.chance.random() < 0.4:
            said = self.send("POST", f"/v1/models/{NAME}/rollback", json={"why": why})
        else:
            if not self.ledger.uploads:
                return
            listed = self.insist("GET", f"/v1/models/{NAME}").json()
            version = self.chance.choice([one["version"] for one in listed["versions"]])
            rows = self.chance.choice(list(self.ledger.uploads))
            body = {"version": version, "rows": rows, "force": True, "why": why}
            said = self.send("POST", f"/v1/models/{NAME}/promote", json=body)
        if said is not None and said.is_success:
            self.ledger.moves.append((why, said.json()["version"]))


def records(chance: random.Random) -> bytes:
    """A table of its own to upload: to prepare, and to judge on."""
    topics = {"card": "my card was stolen", "loan": "what is the loan rate", "login": "cannot log in", "退款": "退款"}
    rows = [f"{said} {chance.random()},{label}" for label, said in topics.items() for _ in range(20)]
    return "\n".join(["text,label", *rows, ""]).encode()
