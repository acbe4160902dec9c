"""Jobs ordered and versions promoted over HTTP: by id and name, never by a path, and only through the gate."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from homefield.operate.jobs import Worker, submit
from homefield.ship import export_named
from homefield.store import audit, open_store

from ..ship.models import Made
from .conftest import Served, make_key, start, stock, stopped

KINDS_BY_PATH = [
    ("prepare", {"files": ["/etc/passwd"], "dataset": "d"}, "files"),
    ("prepare", {"files": ["0" * 26], "dataset": "../d"}, "dataset"),
    ("finetune", {"data": "/tmp/d", "run": "r"}, "data"),
    ("evaluate", {"model": "../m", "file": "0" * 26}, "model"),
    ("backup", {"folder": "/mnt/backups"}, "folder"),
    ("backup", {"folder": "../models"}, "folder"),
    ("backup", {"folder": "backups/nightly"}, "folder"),
    ("support-build", {"name": "shop", "pairs": "/etc/passwd"}, "pairs"),
    ("support-build", {"name": "shop", "intents": "0" * 26, "answers": "answers.csv"}, "answers"),
]


@pytest.fixture(scope="module")
def desk(cut: Made, twin: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own: version 1 of `shop` is in use, 2 was made otherwise."""
    workspace = stock(tmp_path_factory.mktemp("desk"), shop=cut)
    export_named(twin.run, "shop", workspace, threads=1)
    served = start(workspace)
    yield served
    stopped(served)


def order(served: Served, kind: str, **arguments: object) -> dict[str, object]:
    said = served.client.post("/v1/jobs", json={"kind": kind, "arguments": arguments})
    assert said.status_code == 201, said.text
    made: dict[str, object] = said.json()
    assert served.client.get(said.headers["location"]).json() == made
    return made


def upload(served: Served, content: str) -> str:
    said = served.client.post("/v1/uploads", files={"file": ("rows.csv", content, "text/csv")})
    assert said.status_code == 201, said.text
    return str(said.json()["id"])


def run_jobs(served: Served) -> None:
    with open_store(served.workspace) as store:
        Worker(store, served.workspace).run_out(threading.Event())


def test_a_job_is_ordered_followed_cancelled_and_resumed(desk: Served) -> None:
    job = order(desk, "wait", seconds=0.0, steps=1)
    assert (job["state"], job["made_by"], "worker" in job) == ("queued", "local", False)
    listed = desk.client.get("/v1/jobs", params={"state": "queued", "kind": "wait"}).json()["jobs"]
    assert job["id"] in [one["id"] for one in listed]
    path = f"/v1/jobs/{job['id']}"
    assert desk.client.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert desk.client.post(f"{path}/resume").json()["state"] == "queued"
    early = desk.client.post(f"{path}/resume")
    assert (early.status_code, early.json()["code"]) == (409, "jobs.not_resumable")
    run_jobs(desk)
    assert desk.client.get(path).json()["result"] == {"waited": 0.0}
    late = desk.client.post(f"{path}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "jobs.ended")
    unknown = desk.client.get(f"/v1/jobs/{'0' * 26}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "jobs.not_found")


def test_a_backup_lies_under_backups_and_shows_no_place_of_this_machine(desk: Served) -> None:
    models = desk.workspace.root / "models"
    before = sorted(models.rglob("*"))
    job = order(desk, "backup", folder="models", keep=1)  # a name, which means no other folder of that name
    run_jobs(desk)
    done = desk.client.get(f"/v1/jobs/{job['id']}").json()
    assert done["state"] == "done", done
    assert done["result"]["backup"] == f"backups/models/backup-{job['id']}.tar"
    assert (desk.workspace.root / done["result"]["backup"]).is_file()
    assert sorted(models.rglob("*")) == before


def test_nothing_a_job_says_shows_where_things_lie(desk: Served, tmp_path: Path) -> None:
    missing = tmp_path / "rows.csv"
    with open_store(desk.workspace) as store:
        ordered = submit(store, "prepare", {"files": [str(missing)], "dataset": "d"}, by="li")
    run_jobs(desk)
    failed = desk.client.get(f"/v1/jobs/{ordered.id}").json()
    assert (failed["state"], failed["arguments"]["files"]) == ("failed", ["rows.csv"])
    assert "rows.csv" in failed["error"]["en"]["what"]
    rows = "".join(f"my {'card' if n % 2 else 'loan'} {n} is lost,{'card' if n % 2 else 'loan'}\n" for n in range(60))
    made = upload(desk, f"text,label\n{rows}")
    job = order(desk, "prepare", files=[made], dataset="cards")
    run_jobs(desk)
    done = desk.client.get(f"/v1/jobs/{job['id']}").json()
    assert (done["state"], done["result"]["dataset"]) == ("done", "cards"), done
    listed = desk.client.get("/v1/jobs").text
    events = ""
    with desk.client.stream("GET", "/v1/events", params={"topics": "job", "after": 0}) as stream:
        for line in stream.iter_lines():
            events += line
            if str(job["id"]) in line and '"done"' in line:
                break
    for said in (listed, events):
        assert "rows.csv" in said
        assert str(tmp_path) not in said
        assert str(desk.workspace.root) not in said


def test_the_same_order_sent_again_is_one_job(desk: Served) -> None:
    body = {"kind": "wait", "arguments": {"seconds": 0.0}, "once": "nightly"}
    first, second = (desk.client.post("/v1/jobs", json=body).json() for _ in range(2))
    assert first["id"] == second["id"]


@pytest.mark.parametrize(("kind", "arguments", "field"), KINDS_BY_PATH)
def test_a_path_is_refused(desk: Served, kind: str, arguments: dict[str, object], field: str) -> None:
    said = desk.client.post("/v1/jobs", json={"kind": kind, "arguments": arguments})
    assert (said.status_code, said.json()["code"]) == (403, "jobs.paths"), said.text
    assert field in said.json()["detail"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "shell", "arguments": {}}, "jobs.no_such_kind"),
        ({"kind": "prepare", "arguments": {"files": [7], "dataset": "d"}}, "jobs.bad_arguments"),
        ({"kind": "wait", "arguments": {"steps": 10**40}}, "jobs.bad_arguments"),
        ({"kind": "wait", "schedule": "now and then"}, "jobs.bad_schedule"),
    ],
)
def test_a_wrong_order_says_what_is_wrong(desk: Served, body: dict[str, object], code: str) -> None:
    said = desk.client.post("/v1/jobs", json=body)
    assert (said.status_code, said.json()["code"]) == (422, code), said.text


def rows(desk: Served, *, wrong: bool) -> str:
    """Records whose right answers are what version 1 says, or something else."""
    texts = [f"{what} number {n}" for n in range(20) for what in ("my card was stolen", "loan papers", "card blocked")]
    said = desk.client.post("/v1/models/shop@1/predict", json={"texts": texts, "evidence": 0}).json()["predictions"]
    labels = sorted({one["labels"][0]["label"] if one["labels"] else one["label"] for one in said} | {"card", "loan"})
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["text", "label"])
    for text, one in zip(texts, said, strict=True):
        right = one["label"] or labels[0]
        writer.writerow([text, next(label for label in labels if label != right) if wrong else right])
    return upload(desk, written.getvalue())


def test_the_gate_refuses_with_its_numbers_and_is_overruled_with_a_reason(desk: Served) -> None:
    bad = rows(desk, wrong=True)
    path, body = "/v1/models/shop/promote", {"version": 2, "rows": bad}
    refused = desk.client.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "server.gate_refused"), refused.text
    gate = refused.json()["gate"]
    assert (gate["passed"], gate["against"], gate["rows"]) == (False, 1, 60)
    assert any(not check["passed"] for check in gate["checks"])
    chinese = desk.client.post(f"{path}?lang=zh", json=body).json()
    assert "未上线" in chinese["detail"]
    no_reason = desk.client.post(path, json={**body, "force": True})
    assert no_reason.json()["code"] == "gate.force_needs_why"
    forced = desk.client.post(path, json={**body, "force": True, "why": "a drill"})
    assert (forced.status_code, forced.json()["forced"]) == (200, True), forced.text
    again = desk.client.post(path, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "gate.is_champion")
    back = desk.client.post("/v1/models/shop/rollback", json={"why": "the drill is over"})
    assert (back.status_code, back.json()["version"]) == (200, 1)
    assert desk.client.get("/v1/models/shop").json()["aliases"]["champion"] == 1
    nothing = desk.client.post("/v1/models/shop/rollback", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "gate.nothing_before")
    with open_store(desk.workspace) as store, store.read() as transaction:
        actions = [entry.what for entry in audit.entries(transaction)]
    assert {"model.refused", "model.promote", "model.rollback"} <= set(actions)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("nothing/promote", {"version": 1, "rows": "0" * 26}, "server.no_such_model"),
        ("shop/promote", {"version": 9, "rows": "0" * 26}, "server.no_such_version"),
        ("shop/promote", {"version": 2, "rows": "0" * 26}, "upload.not_found"),
        ("shop/promote", {"version": 2, "rows": "../../etc"}, "server.no_such_records"),
        ("nothing/rollback", {}, "server.no_such_model"),
    ],
)
def test_what_is_not_there_is_not_found(desk: Served, path: str, body: dict[str, object], code: str) -> None:
    said = desk.client.post(f"/v1/models/{path}", json=body)
    assert (said.status_code, said.json()["code"]) == (404, code), said.text


def test_only_an_administrator_overrules_the_gate(cut: Made, tmp_path: Path) -> None:
    workspace = stock(tmp_path / "w", shop=cut)
    key = make_key(workspace, "promote")
    served = start(workspace)
    try:
        body = {"version": 1, "rows": "0" * 26, "force": True, "why": "because"}
        said = served.client.post("/v1/models/shop/promote", json=body, headers={"authorization": f"Bearer {key}"})
        assert (said.status_code, said.json()["code"]) == (403, "server.no_scope")
        assert "admin" in said.json()["detail"]
    finally:
        stopped(served)
