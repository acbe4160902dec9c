"""Every route of `homefield serve` asked at random, with a key of every scope and without one: what is promised holds.

The requests are made by schemathesis from the interface that the server itself describes: as described, and not so.
Most of the names and ids in them are real ones (models, customer services, conversations, uploads, jobs), so that more
is met than "not found". Of every reply is asked: no status 500; a status, a media type, headers and a body that OpenAPI
names; a problem document with a code where it refuses; the headers that browsers are told; 401 without a key and 403
with any key that lacks the route's scope. Exit code 1 when one is broken; the request is shown as a command of curl.

    python benchmarks/fuzz_routes.py --examples 100 --seed 7 --json fuzz_routes.json
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup

CONFORM = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
PROMISED = ("x-request-id", "content-security-policy", "x-content-type-options", "cache-control")
UNREADY = {"/readyz", "/v2/health/ready"}  # unready is no error: they say why in a form of their own
PATIENCE = 30.0  # seconds
TOPICS = {
    "card": ("my card was stolen", "the card is lost", "replace my card", "card blocked"),
    "loan": ("what is the loan rate", "loan for a house", "repay my loan early", "loan papers"),
    "退款": ("退款什么时候到账", "我要退款", "退款被拒绝了", "怎么申请退款"),
}


@dataclass
class Row:
    """What became of one operation. faults: each kind once, with the request that showed it."""

    operation: str
    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=60, help="requests of each operation with the right key")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="WORD", default="", help="operations with this in their method and path")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    args = parser.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, served(furnish(Path(folder))) as (url, keys, known):
        rows = fuzz(url, keys, known, examples=args.examples, seed=args.seed, only=args.only)
    show(rows, time.perf_counter() - begun)
    if args.json:
        told = [{**vars(row), "statuses": dict(sorted(row.statuses.items()))} for row in rows]
        args.json.write_text(json.dumps({"seed": args.seed, "operations": told}, indent=1) + "\n")
    return 1 if any(row.faults for row in rows) else 0


def show(rows: Sequence[Row], seconds: float) -> None:
    print(f"{'operation':68} {'asked':>5}  replies")
    for row in rows:
        replies = " ".join(f"{status}:{count}" for status, count in sorted(row.statuses.items()))
        print(f"{row.operation:68} {row.asked:5}  {replies}")
    for row in rows:
        for fault, request in row.faults.items():
            print(f"\nFAULT  {row.operation}\n  {fault}\n  {request}")
    faults = sum(len(row.faults) for row in rows)
    print(f"\n{len(rows)} operations, {sum(row.asked for row in rows)} requests, {seconds:.0f} s: {faults} faults")


# --- asking ------------------------------------------------------------------------------------------------------


def fuzz(
    url: str,
    keys: Mapping[str, str],
    known: Mapping[str, Sequence[Any]],
    *,
    examples: int,
    seed: int = 0,
    only: str = "",
) -> list[Row]:
    """Ask every operation that the server at `url` describes.

    keys: by scope, a key with that scope alone; under "all" one with every scope. known: real values, by the name of
    the parameter or member that takes them.
    """
    everything = {"authorization": f"Bearer {keys['all']}"}
    described = httpx.get(f"{url}/openapi.json", headers=everything, timeout=PATIENCE).raise_for_status().json()
    schema = schemathesis.openapi.from_dict(described)
    schema.config.output.sanitization.update(enabled=False)  # the keys shown end with the server
    operations = [found.ok() for found in schema.get_all_operations()]
    operations.sort(key=lambda each: each.method == "delete")  # last, or nothing real is left
    rows = []
    with requests.Session() as session:
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # who signs in does not stay so
        for operation in operations:
            if only in operation.label:
                told = described["paths"][operation.path][operation.method]
                asking = Asking(session, url, operation, told, known)
                asking.run_all(keys, examples, seed)
                rows.append(asking.row)
    return rows


class Asking:
    """One operation. scope: what it needs; None when it is public."""

    def __init__(
        self,
        session: requests.Session,
        url: str,
        operation: Any,
        told: Mapping[str, Any],
        known: Mapping[str, Sequence[Any]],
    ) -> None:
        self._session, self._url, self._operation, self._known = session, url, operation, known
        self.row = Row(operation.label)
        self._endless = list(told["responses"].get("200", {}).get("content", {})) == ["text/event-stream"]
        self.scope: str | None = told.get("x-scope")

    def run_all(self, keys: Mapping[str, str], examples: int, seed: int) -> None:
        """With the right key and without one; where a scope is needed, a few times with each that lacks it."""
        plans: list[tuple[str | None, int | None, int]]
        if self.scope is None:
            plans = [(keys["all"], None, examples), (None, None, examples)]
        else:
            few = max(1, examples // 20)
            lacking = [key for scope, key in keys.items() if scope not in (self.scope, "all")]
            plans = [(keys[self.scope], None, examples), (keys["all"], None, few), (None, 401, few)]
            plans += [(key, 403, few) for key in lacking]
        self.ask_rightly(plans[0][0])
        for place, (key, refused, count) in enumerate(plans):
            self.run(key, refused, count, seed=seed + place)
        for method in ("TRACE", "PROPFIND"):
            self.ask_by_another(method, keys["all"])

    def ask_rightly(self, key: str | None) -> None:
        """Each whole body that is known to be right, once."""
        names = re.findall(r"\{(\w+)\}", self._operation.path)
        for body in self._known.get(self._operation.label, ()):
            place = {name: str(self._real(name)[0]) for name in names}
            case = self._operation.Case(
                path_parameters=place,
                query={},
                headers={},
                cookies={},
                body=deepcopy(body),
                media_type="application/json",
            )
            self._ask(case, key, None)

    def run(self, key: str | None, refused: int | None, count: int, *, seed: int) -> None:
        """So many requests with a key. refused: the status all of them must get."""

        @seeded(seed)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(self._cases())
        def each(case: Case) -> None:
            self._ask(case, key, refused)

        each()

    def ask_by_another(self, method: str, key: str) -> None:
        """The same place by a method it does not have."""
        path = re.sub(r"\{\w+\}", "x", self._operation.path)
        headers = {"authorization": f"Bearer {key}"}
        reply = self._session.request(method, self._url + path, headers=headers, timeout=PATIENCE)
        self._note(reply, f"curl -X {method} {self._url}{path}")
        if reply.status_code != 405 or "allow" not in reply.headers:
            self._fault(f"{method}: {reply.status_code} instead of 405 with Allow", f"curl -X {method} {path}")

    def _cases(self) -> st.SearchStrategy[Case]:
        positive = self._operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        modes = [positive]
        if any(True for _ in self._operation.iter_parameters()) or self._operation.body:
            modes += [positive, self._operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)]

        @st.composite
        def made(draw: st.DrawFn) -> Case:
            case: Case = draw(st.one_of(modes))
            if (whole := self._known.get(self._operation.label)) and draw(st.integers(0, 2)):
                case.body, case.media_type = deepcopy(draw(st.sampled_from(whole))), "application/json"
            for part in (case.path_parameters, case.query, case.body):
                for name in part if isinstance(part, dict) else ():
                    if (real := self._real(name)) and draw(st.integers(0, 3)):
                        part[name] = draw(st.sampled_from(real))
            return case

        return made()

    def _real(self, name: str) -> Sequence[Any]:
        matter = self._operation.path.strip("/").split("/")[1:2]
        return self._known.get("/".join([*matter, name]), self._known.get(name, ()))

    def _ask(self, case: Case, key: str | None, refused: int | None) -> None:
        case.cookies.clear()  # what schemathesis thinks up as a session
        case.headers.pop("Authorization", None)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        shown = case.as_curl_command(headers)
        try:
            kwargs = case.as_transport_kwargs(base_url=self._url, headers=headers)
            reply = self._session.request(**kwargs, stream=True, timeout=PATIENCE)
            if endless := self._endless and reply.ok:
                next(reply.iter_lines())
                reply.close()
            self._note(reply, shown)
        except requests.RequestException as error:
            self.row.asked += 1
            self._fault(f"no reply: {type(error).__name__}: {error}", shown)
            return
        if refused is not None and reply.status_code != refused:
            self._fault(f"{reply.status_code} instead of {refused} with {'a' if key else 'no'} key", shown)
        if not endless and reply.status_code != 500:
            self._compare(case, reply, shown)

    def _compare(self, case: Case, reply: requests.Response, shown: str) -> None:
        """A reply with what OpenAPI says of it."""
        checks = [CHECKS.get_one(name) for name in CONFORM]
        try:
            case.validate_response(Response.from_requests(reply, verify=True), checks=checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._fault(f"{reply.status_code}: {failure.title}: {' '.join(failure.message.split())[:300]}", shown)

    def _note(self, reply: requests.Response, shown: str) -> None:
        self.row.asked += 1
        self.row.statuses[reply.status_code] += 1
        if reply.status_code == 500:
            self._fault("500", f"{shown}\n  {reply.text[:300]}")
        for name in PROMISED:
            if name not in reply.headers:
                self._fault(f"no header {name}", shown)
        if reply.status_code >= 400 and self._operation.path not in UNREADY:
            for fault in no_problem(reply):
                self._fault(f"{reply.status_code}: {fault}", shown)

    def _fault(self, fault: str, shown: str) -> None:
        self.row.faults.setdefault(fault, shown)


def no_problem(reply: requests.Response) -> Iterator[str]:
    """What a refusal lacks to be a problem document."""
    if reply.headers.get("content-type") != "application/problem+json":
        yield f"{reply.headers.get('content-type')} instead of a problem"
        return
    told = reply.json()
    if told["status"] != reply.status_code or told["request_id"] != reply.headers.get("x-request-id"):
        yield "the problem tells of another status or request"
    if not re.fullmatch(r"\w+\.\w+", told["code"]) or not told["detail"] or not told["next"]:
        yield f"code, detail or next step is missing: {told}"
    if re.search("Traceback|site-packages|sqlite3|sqlalchemy", told["detail"] + told["next"]):
        yield f"what no reader should see: {told['detail']}"


# --- the server --------------------------------------------------------------------------------------------------


@contextmanager
def served(workspace: Any) -> Iterator[tuple[str, dict[str, str], dict[str, list[Any]]]]:
    """A server of a workspace like `furnish` makes: its address, keys by scope, real values by what takes them."""
    from homefield.store import keys as stored
    from homefield.store import open_store
    from homefield.store.scopes import SCOPES
    from serve_load import free_port, running

    (workspace.root / "homefield.toml").write_text("serve_rate = 1000000.0\n", encoding="utf-8")
    (workspace.root / "support").mkdir(exist_ok=True)
    (workspace.root / "support" / "shop.toml").write_text(
        "[chatwoot]\nurl = 'http://127.0.0.1:9'\naccount = 1\ntoken = 't'\nwebhook_token = 'w'\n", encoding="utf-8"
    )
    with open_store(workspace) as store, store.write() as transaction:
        keys = {one: stored.create(transaction, one, [one], by="benchmark")[1] for one in SCOPES}
        keys["all"] = stored.create(transaction, "all", SCOPES, by="benchmark")[1]
    port = free_port()
    command = [sys.executable, "-m", "homefield", "serve", "--workspace", str(workspace.root), "--port", str(port)]
    with running(command, port, "/readyz"):
        url = f"http://127.0.0.1:{port}"
        yield url, keys, real_values(url, keys["all"])


def furnish(folder: Path) -> Any:
    """A workspace with the classifier `desk` in versions 1 and 2 and the customer service `shop`, made in seconds."""
    from homefield.apps.support.understanding.build import build
    from homefield.data import prepare
    from homefield.ship import export_named
    from homefield.store import aliases, open_store
    from homefield.train.check import load_whole
    from homefield.train.finetune import finetune
    from homefield.workspace import Workspace

    workspace = Workspace(folder / "workspace")
    draw, records = random.Random(0), folder / "records.csv"
    endings = ["today", "again", "please", "help", "thanks", "urgent", "on", "my", "phone", "the", "app", "now"]
    rows = [
        [f"{text} {' '.join(draw.sample(endings, 4))}", label]
        for label, texts in TOPICS.items()
        for text in texts
        for _ in range(25)
    ]
    write(records, ["text", "label"], rows)
    data = prepare([records], workspace.datasets / "desk").path
    quick = {"data": str(data), "task": "classify", "backbone": "cnn-text", "epochs": "1"}
    run = finetune(load_whole(None, quick, workspace), workspace.runs / "desk", workspace=workspace)
    for _ in range(2):
        export_named(run, "desk", workspace, threads=1)
    answers, pairs = folder / "answers.csv", folder / "pairs.csv"
    write(answers, ["id", "answer", "language"], [[f"about-{n}", f"Answer {n}.", "en"] for n in range(len(TOPICS))])
    ids = {label: f"about-{place}" for place, label in enumerate(TOPICS)}
    write(pairs, ["question", "answer"], [[text, ids[label]] for text, label in rows])
    build("shop", workspace=workspace, pairs=pairs, answers=answers, settings={"backbone": "cnn-text", "epochs": "1"})
    with open_store(workspace) as store, store.write() as transaction:
        for name in ("desk", "support-shop"):
            aliases.move(transaction, "model", name, "champion", 1, by="benchmark")
    return workspace


def write(file: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([names, *rows])


def real_values(url: str, key: str) -> dict[str, list[Any]]:
    """Values that mean something there, some made now, by the name of what takes them."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE) as client:

        def post(path: str, **body: Any) -> Any:
            return client.post(path, **body).raise_for_status().json()

        said = post("/v1/models/desk/predict", json={"texts": ["card blocked", "loan papers"]})["predictions"]
        talks = [post("/v1/support/shop/messages", json={"text": "loan papers"}) for _ in range(3)]
        sent = {"file": ("rows.csv", "text,label\ncard blocked,card\nloan papers,loan\n", "text/csv")}
        files = [post("/v1/uploads", files=sent)["id"] for _ in range(3)]
        files += [post("/v1/uploads", json={"name": "later.csv"})["id"] for _ in range(3)]
        jobs = [post("/v1/jobs", json={"kind": "wait"})["id"] for _ in range(3)]
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["card blocked"]}
    asked = {"messages": [{"role": "user", "content": "loan papers"}]}
    event = {"account": {"id": 1}, "message_type": "incoming", "content": "loan papers", "id": 7, "sender": {"id": 3}}
    talk = {"conversation": {"id": 5, "status": "pending"}}
    return {
        "name": ["shop"],
        "models/name": ["desk", "desk@2", "support-shop"],
        "model": ["shop", "support/shop"],
        "embeddings/model": ["support-shop", "desk"],
        "version": ["1", "2", 1, 2],
        "prediction": [one["id"] for one in said],
        "answer": ["card", "about-1"],
        "conversation": [one["conversation"] for one in talks],
        "before": [one["conversation"] for one in talks],
        "message": [one["message"] for one in talks],
        "upload_id": files,
        "rows": [*files, "desk"],
        "offset": [0],
        "job_id": jobs,
        "kind": ["wait", "prepare", "evaluate", "backup", "retention"],
        "arguments": [{}, {"seconds": 0.0}, {"model": "desk", "file": files[0]}],
        "state": ["queued", "bot", "human,closed"],
        "POST /v1/models/{name}/predict": [{"text": "card blocked"}, {"texts": ["card blocked", ""], "evidence": 0}],
        "POST /v1/support/{name}/messages": [
            {"text": "loan papers"},
            {"text": "退款", "customer": "c", "delivery": "d"},
        ],
        "POST /v1/embeddings": [{"model": "support-shop", "input": "loan papers"}],
        "POST /v1/feedback": [{"prediction": said[0]["id"], "answer": "loan", "once": "o"}],
        "POST /v1/jobs": [{"kind": "wait", "arguments": {"seconds": 0.0}, "once": "o"}],
        "POST /v2/models/{name}/infer": [{"inputs": [tensor]}, {"inputs": [tensor], "outputs": [{"name": "label"}]}],
        "POST /v1/chat/completions": [{"model": "shop", **asked}, {"model": "shop", "stream": True, **asked}],
        "POST /webhooks/chatwoot/{name}": [event, event | talk, event | talk | {"message_type": "outgoing"}],
        "POST /v1/models/{name}/promote": [{"version": 2, "rows": "desk"}, {"version": 2, "rows": files[0]}],
        "POST /v1/support/{name}/corrections": [{"question": "loan papers", "text": "Yes."}],
        "file": ["page.js", "page.css"],
        "token": ["w"],
        "key": [key],
    }


if __name__ == "__main__":
    sys.exit(main())
