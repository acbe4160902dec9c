"""Real work as jobs: records become a model, a training is killed and goes on, what fails says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from homefield import support
from homefield.bundle import open_bundle, resolve_model
from homefield.errors import CallError
from homefield.operate.jobs import kind_of, resume, submit
from homefield.operate.uploads import UploadLimits, append, begin, finish
from homefield.store import Store, artifacts_of, tables
from homefield.store import jobs as rows
from homefield.store.jobs import Job
from homefield.workspace import Workspace

from ...apps.support.understanding.conftest import ANSWERS, QUICK, write_pairs
from ...ship.runs import write_records
from .conftest import StartWorker, folder_of, kill, process_of, wait_for


@pytest.fixture
def backend() -> str:
    """What a job does does not depend on the database."""
    return "sqlite"


def sent(store: Store, place: Workspace, file: Path) -> str:
    made = begin(store, file.name, by="li.na", limits=UploadLimits())
    append(store, artifacts_of(place), made.id, 0, [file.read_bytes()], limits=UploadLimits())
    return finish(store, artifacts_of(place), made.id, limits=UploadLimits()).id


def worked_in_vain(store: Store, place: Workspace, kind: str) -> Job:
    """Make the last job of a kind one that was killed just before it wrote its result, and queue it again."""
    with store.write() as transaction:
        (job,) = rows.jobs_in(transaction, ["done"], kind=kind)
        transaction.execute(update(tables.jobs).where(tables.jobs.c.id == job.id).values(state="failed"))
    (folder_of(place, job) / "result.json").unlink()
    return resume(store, job.id)


def test_an_upload_becomes_a_model_though_the_training_is_killed(
    place: Workspace, opened: Store, worker: StartWorker, tmp_path: Path
) -> None:
    upload = sent(opened, place, write_records(tmp_path / "records.csv"))
    worker()

    def done(kind: str, arguments: dict[str, object]) -> dict[str, object]:
        job = submit(opened, kind, arguments, by="li.na")
        ended = wait_for(opened, job.id, lambda job: job.state in ("done", "failed"), "ended")
        log = (folder_of(place, job) / "log.txt").read_text(encoding="utf-8")
        assert ended.state == "done", f"{ended.error}\n{log}"
        assert isinstance(ended.result, dict)
        return ended.result

    options = {"suspects_rows": 0, "near_threshold": 1.0}
    made = done("prepare", {"files": [upload], "dataset": "shop", "options": options})
    assert made["dataset"] == str(place.datasets / "shop")
    keys = {"backbone": "cnn-text", "epochs": 8, "checkpoint_minutes": 0}
    job = submit(opened, "finetune", {"data": "shop", "run": "one", "keys": keys}, by="li.na")
    checkpoints = place.runs / "one" / "checkpoints"
    found = wait_for(opened, job.id, lambda _: checkpoints.is_dir() and any(checkpoints.iterdir()), "trained a while")
    kill(process_of(found))
    trained = wait_for(opened, job.id, lambda job: job.state in ("done", "failed"), "trained")
    assert (trained.state, trained.attempts) == ("done", 2), trained.error
    assert done("export", {"run": "one", "name": "shop"})["model"] == "shop@1"
    # Killed after the version was published and before the job's result: the next attempt finds its own version.
    exported = worked_in_vain(opened, place, "export")
    assert wait_for(opened, exported.id, lambda job: job.state == "done", "exported").attempts == 2
    assert [folder.name for folder in (artifacts_of(place).models / "shop").iterdir()] == ["1"]
    bundle = open_bundle(resolve_model("shop@1", place))
    assert len(bundle.manifest.labels) == 4
    judged = done("evaluate", {"model": "shop@1", "file": upload})
    assert Path(str(judged["report"])).is_file()
    assert judged["rows"] == 400


def test_uploads_become_a_customer_service_once_though_the_job_is_done_again(
    place: Workspace, opened: Store, worker: StartWorker, tmp_path: Path
) -> None:
    write_pairs(tmp_path / "pairs.csv")
    (tmp_path / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    files = {name: sent(opened, place, tmp_path / f"{name}.csv") for name in ("pairs", "answers")}
    worker()
    job = submit(opened, "support-build", {"name": "shop", **files, "keys": {**QUICK, "epochs": 3}}, by="li.na")
    ended = wait_for(opened, job.id, lambda job: job.state in ("done", "failed"), "ended")
    assert ended.state == "done", ended.error
    assert ended.result is not None
    assert (ended.result["release"], ended.result["answers"]) == ("shop@1", 8)
    assert support.ask("shop", "how do i return a lamp", workspace=place).answer == "returns"
    assert not (folder_of(place, job) / "work").exists()
    again = worked_in_vain(opened, place, "support-build")
    ended = wait_for(opened, again.id, lambda job: job.state == "done", "built again")
    assert (ended.attempts, (ended.result or {})["release"]) == (2, "shop@1")
    with pytest.raises(CallError, match="shop@2"):
        support.load("shop@2", workspace=place)
    assert [folder.name for folder in (artifacts_of(place).models / "support-shop").iterdir()] == ["1"]


@pytest.mark.parametrize("sources", [{}, {"pairs": "a.csv", "intents": "b.csv"}])
def test_a_customer_service_is_built_from_one_source(opened: Store, sources: dict[str, str]) -> None:
    with pytest.raises(CallError, match="one of pairs, intents and dialogues") as caught:
        submit(opened, "support-build", {"name": "shop", **sources}, by="li.na")
    assert caught.value.code == "jobs.bad_arguments"


def test_words_on_the_command_line_become_what_a_build_takes() -> None:
    words = {"name": "shop", "pairs": "pairs.csv", "columns": "question=frage", "risk": "0.02", "backbone": "cnn-text"}
    kind = kind_of("support-build")
    made = kind.check(kind.from_here(kind.from_words(words), Path("/here"))).model_dump()
    assert (made["pairs"], made["columns"]) == ("/here/pairs.csv", {"question": "frage"})
    assert (made["risk"], made["keys"]) == (0.02, {"backbone": "cnn-text"})


def test_what_cannot_be_done_says_why_in_both_languages(
    place: Workspace, opened: Store, worker: StartWorker, tmp_path: Path
) -> None:
    arguments = {"files": [str(tmp_path / "missing.csv")], "dataset": "shop"}
    job = submit(opened, "prepare", arguments, by="li.na")
    worker()
    failed = wait_for(opened, job.id, lambda job: job.state == "failed", "failed")
    assert failed.attempts == 1
    assert failed.error is not None
    assert failed.error["code"] == "data.missing_file"
    assert "missing.csv" in failed.error["zh"]["what"]
    assert "missing.csv" in (folder_of(place, job) / "log.txt").read_text(encoding="utf-8")


def test_what_is_there_already_is_not_written_over(place: Workspace, opened: Store, worker: StartWorker) -> None:
    (place.datasets / "shop").mkdir(parents=True)
    (place.datasets / "shop" / "mine").write_text("mine", encoding="utf-8")
    job = submit(opened, "prepare", {"files": ["/nothing.csv"], "dataset": "shop"}, by="li.na")
    worker()
    failed = wait_for(opened, job.id, lambda job: job.state == "failed", "failed")
    assert failed.error is not None
    assert failed.error["code"] == "files.exists"
    assert (place.datasets / "shop" / "mine").read_text(encoding="utf-8") == "mine"
