"""Ordering, stopping and repeating jobs; what a job may be given."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homefield.errors import CallError, HomefieldError, MachineError, NotAllowed
from homefield.messages import Language
from homefield.operate.jobs import TOPIC, Worker, as_json, cancel, find, kind_of, resume, submit
from homefield.operate.jobs.queue import error_json, settle
from homefield.store import Store, connect, events, jobs, new_id, now
from homefield.store.tables import jobs as table
from homefield.workspace import Workspace


def claimed(store: Store) -> jobs.Job:
    with store.write() as transaction:
        return claimed_in(transaction)


def states(store: Store) -> list[str]:
    with store.read() as transaction:
        return [str(event.data["state"]) for event in events.since(transaction, 0, topics=[TOPIC])]


def test_every_change_is_an_event(store: Store) -> None:
    job = submit(store, "wait", {"seconds": 1.0}, by="li.na")
    with store.write() as transaction:
        settle(transaction, claimed_in(transaction), "failed", error=error_json(CallError("jobs.not_found", id="x")))
    resume(store, job.id)
    cancel(store, job.id, by="li.na")
    assert states(store) == ["queued", "failed", "queued", "cancelled"]


def claimed_in(transaction: Any) -> jobs.Job:
    found = jobs.claim(transaction, "here/1/2 77 1")
    assert found is not None
    return found


def test_ordered_twice_with_one_key_it_is_one_job(store: Store) -> None:
    one = submit(store, "wait", {}, by="a", once="key")
    assert submit(store, "wait", {}, by="a", once="key").id == one.id


def test_a_scheduled_job_comes_again_after_it_ended_whatever_came_of_it(store: Store) -> None:
    first = submit(store, "wait", {}, by="a", schedule="every 10s", run_at=now())
    for state in ("done", "failed", "cancelled"):
        job = claimed(store)
        with store.write() as transaction:
            assert settle(transaction, job, state)  # type: ignore[arg-type]
            assert not settle(transaction, job, state)  # type: ignore[arg-type]
        with store.read() as transaction:
            (following,) = jobs.jobs_in(transaction, ["queued"])
        assert following.schedule == first.schedule
        assert timedelta(seconds=5) < following.run_at - now() <= timedelta(seconds=10)
        with store.write() as transaction:
            transaction.execute(table.update().where(table.c.id == following.id).values(run_at=now()))


def test_cancelling_a_waiting_scheduled_job_ends_the_series(store: Store) -> None:
    job = submit(store, "wait", {}, by="a", schedule="daily")
    cancel(store, job.id, by="a")
    with store.read() as transaction:
        assert jobs.jobs_in(transaction, ["queued"]) == []
    with pytest.raises(CallError) as caught:
        cancel(store, new_id(), by="a")
    assert caught.value.code == "jobs.not_found"


def test_what_has_ended_is_not_cancelled_and_what_is_done_not_resumed(store: Store) -> None:
    job = submit(store, "wait", {}, by="a")
    with store.write() as transaction:
        settle(transaction, claimed_in(transaction), "done", result={})
    for action in (lambda: cancel(store, job.id, by="a"), lambda: resume(store, job.id)):
        with pytest.raises(CallError) as caught:
            action()
        assert caught.value.code in ("jobs.ended", "jobs.not_resumable")


def test_a_job_is_found_by_the_end_of_its_id(store: Store) -> None:
    job = submit(store, "wait", {}, by="a")
    assert find(store, job.id[-6:].lower()).id == job.id
    for wrong in ("", "abc", "0000000", new_id(), "../../etc"):
        with pytest.raises(CallError, match="jobs list"):
            find(store, wrong)


def test_a_job_is_plain_json_without_its_key(store: Store) -> None:
    told = as_json(submit(store, "wait", {"seconds": 2.0}, by="a", once="secret"))
    assert told["arguments"] == {"seconds": 2.0}
    assert "once" not in told


class TestArguments:
    @pytest.mark.parametrize(
        ("kind", "arguments", "says"),
        [
            ("wait", {"seconds": "1; rm -rf /"}, "seconds"),
            ("wait", {"seconds": -1.0}, "seconds"),
            ("wait", {"command": "ls"}, "command"),
            ("prepare", {"files": [], "dataset": "x"}, "files"),
            ("prepare", {"files": ["a.csv"], "dataset": "x", "options": {"nothing": 1}}, "nothing"),
            ("prepare", {"files": ["a.csv"], "dataset": "x", "options": {"near_threshold": 7}}, "near_threshold"),
            ("finetune", {"data": "x"}, "run"),
            ("export", {"run": "x", "name": "y", "risk": 2.0}, "risk"),
        ],
    )
    def test_wrong_ones_are_refused_when_ordered(
        self, kind: str, arguments: dict[str, Any], says: str, store: Store, language: Language
    ) -> None:
        with pytest.raises(CallError) as caught:
            submit(store, kind, arguments, by="a")
        assert caught.value.code == "jobs.bad_arguments"
        assert says in caught.value.what(language)

    def test_a_kind_there_is_not(self, store: Store) -> None:
        with pytest.raises(CallError, match="prepare") as caught:
            submit(store, "shell", {}, by="a")
        assert caught.value.code == "jobs.no_such_kind"

    @pytest.mark.parametrize(
        ("kind", "arguments"),
        [
            ("prepare", {"files": ["/etc/passwd"], "dataset": "x"}),
            ("prepare", {"files": ["questions.csv"], "dataset": "x"}),
            ("prepare", {"files": [new_id()], "dataset": "../x"}),
            ("prepare", {"files": [new_id()], "dataset": "a/b"}),
            ("prepare", {"files": [new_id()], "dataset": ".hidden"}),
            ("finetune", {"data": "x", "run": "y", "keys": {"backbone": "/srv/models"}}),
            ("finetune", {"data": "x", "run": "y", "keys": {"backbone": "a/../../b"}}),
            ("finetune", {"data": "C:\\x", "run": "y"}),
            ("pretrain", {"corpus": ["/data/*.txt"], "run": "y"}),
            ("evaluate", {"model": "~/model", "file": new_id()}),
        ],
    )
    def test_from_afar_nothing_is_a_path(self, kind: str, arguments: dict[str, Any]) -> None:
        with pytest.raises(NotAllowed) as caught:
            kind_of(kind).check_names(arguments)
        assert caught.value.code == "jobs.paths"

    def test_names_and_uploads_are_good_from_afar(self) -> None:
        kind_of("prepare").check_names({"files": [new_id()], "dataset": "客服-2026", "columns": {"text": "问题"}})
        kind_of("finetune").check_names(
            {"data": "x", "run": "y.1", "keys": {"backbone": "BAAI/bge-small", "epochs": 2}}
        )

    def test_paths_given_here_become_absolute_and_names_stay(self) -> None:
        made = kind_of("prepare").from_here(
            {"files": ["a.csv", new_id()], "dataset": "shop", "test": None}, Path("/here")
        )
        assert made["files"][0] == "/here/a.csv"
        assert "/" not in made["files"][1]
        assert made["dataset"] == "shop"
        assert kind_of("finetune").from_here({"data": "./d", "run": "r"}, Path("/here")) == {
            "data": "/here/d",
            "run": "r",
        }

    def test_a_file_that_is_not_there_is_told_before_the_job_is_queued(self, tmp_path: Path) -> None:
        here, gone = tmp_path / "a.txt", tmp_path / "gone.csv"
        here.touch()
        kind_of("prepare").check_files({"files": [str(here), new_id()], "test": None})
        kind_of("pretrain").check_files({"corpus": [str(tmp_path / "*.txt")]})
        for kind, arguments in (
            ("prepare", {"files": [str(here), str(gone)]}),
            ("support-build", {"pairs": str(gone)}),
        ):
            with pytest.raises(CallError) as caught:
                kind_of(kind).check_files(arguments)
            assert caught.value.code == "jobs.no_such_file"
            assert str(gone) in caught.value.what("zh")

    def test_words_become_what_their_field_wants(self) -> None:
        words = {
            "files": "a.csv, b.csv",
            "dataset": "7",
            "columns": "text=q,label=intent",
            "seed": "3",
            "languages": "zh",
        }
        made = kind_of("prepare").from_words(words)
        assert made == {
            "files": ["a.csv", "b.csv"], "dataset": "7", "columns": {"text": "q", "label": "intent"}, "seed": 3,
            "options": {"languages": "zh"},
        }  # fmt: skip
        kind_of("prepare").check(made)
        shares = kind_of("prepare").from_words({"shares": "train=0.8,test=0.2", "max_characters": "50"})
        assert shares["options"] == {"shares": {"train": 0.8, "test": 0.2}, "max_characters": 50}
        assert kind_of("finetune").from_words({"epochs": "3"}) == {"keys": {"epochs": "3"}}

    @pytest.mark.parametrize("kind", ["wait", "export"])
    def test_a_word_no_kind_knows_is_refused(self, kind: str) -> None:
        with pytest.raises(HomefieldError, match="nonsense"):
            kind_of(kind).check(kind_of(kind).from_words({"nonsense": "1"}))


def test_a_worker_complains_while_its_database_is_away_and_goes_on(tmp_path: Path) -> None:
    away = connect("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)
    stop, heard = threading.Event(), list[str]()

    def complain(error: MachineError) -> None:
        heard.append(error.code)
        if len(heard) == 2:
            stop.set()

    Worker(away, Workspace(tmp_path)).run(stop, every=0.01, complain=complain)
    assert heard == ["store.unreachable"] * 2
