"""Keys, users, the audit log and feedback on the command line, in both languages and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from homefield.messages import Language
from homefield.store import Store, feedback, keys, new_id, now, open_store, predictions
from homefield.store.predictions import PredictionRow
from homefield.store.tables import audit as audit_table
from homefield.workspace import Workspace

from .conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, Path]:
    return "--workspace", tmp_path / "space"


def opened(place: tuple[str, Path]) -> Store:
    return open_store(Workspace(place[1]))


def test_a_key_is_shown_once_and_opens(run: Run, place: tuple[str, Path], language: Language) -> None:
    ran = run("keys", "create", "web shop", "--scope", "predict", "--days", "3", *place, "--json")
    assert ran.code == 0
    secret = ran.json["secret"]
    assert "hash" not in ran.json["key"]
    with opened(place) as store, store.read() as transaction:
        found = keys.find(transaction, secret)
    assert found is not None
    assert found.scopes == ("predict",)
    listed = run("keys", "list", *place, "--lang", language)
    assert found.prefix in listed.out
    assert secret not in listed.out
    assert {"en": "valid", "zh": "有效"}[language] in listed.out


def test_a_key_is_rotated_and_revoked(run: Run, place: tuple[str, Path]) -> None:
    old = run("keys", "create", "web", "--scope", "read", *place, "--json").json["key"]["prefix"]
    new = run("keys", "rotate", old, "--hours", "0", *place, "--json").json["key"]["prefix"]
    assert run("keys", "revoke", new, *place).code == 0
    states = {key["prefix"]: key["state"] for key in run("keys", "list", *place, "--json").json["keys"]}
    assert states == {old: "revoked", new: "revoked"}
    assert run("keys", "revoke", new, *place).code == 2
    assert (
        run("keys", "create", "web", "--scope", "all", *place, "--json").json["error"]["code"] == "access.unknown_scope"
    )
    assert "predict, feedback, read" in run("keys", "create", "web", *place).err


def test_users_have_roles(run: Run, place: tuple[str, Path]) -> None:
    assert "homefield users add" in run("users", "list", *place).out
    run("users", "add", "li", "operator", *place)
    run("users", "role", "li", "admin", "--application", "desk", *place)
    (user,) = run("users", "list", "--json", *place).json["users"]
    assert user["roles"] == {"*": "operator", "desk": "admin"}
    assert "operator (everywhere), admin (desk)" in run("users", "list", *place).out
    run("users", "role", "li", "none", "--application", "desk", *place)
    run("keys", "create", "mine", "--user", "li", "--scope", "read", *place)
    assert "1 keys" in run("users", "remove", "li", *place).out
    assert run("users", "list", "--json", *place).json["users"] == []


def test_the_audit_log_is_shown_and_verified(run: Run, place: tuple[str, Path], language: Language) -> None:
    assert run("audit", "verify", *place).code == 0
    run("users", "add", "li", "operator", *place)
    run("users", "add", "wang", "viewer", *place)
    entries = run("audit", "list", "--json", *place).json["entries"]
    assert [(one["what"], one["subject"]) for one in entries] == [("user.add", "wang"), ("user.add", "li")]
    assert "user.add" in run("audit", "list", *place).out
    whole = run("audit", "verify", "--json", *place).json
    assert (whole["count"], whole["fault"], whole["head"]) == (2, None, entries[0]["hash"])
    assert run("audit", "verify", "--head", entries[1]["hash"], *place).code == 0
    assert run("audit", "verify", "--head", "0" * 64, *place).code == 1
    with opened(place) as store, store.write() as transaction:
        transaction.execute(update(audit_table).where(audit_table.c.sequence == 1).values(who="nobody"))
    broken = run("audit", "verify", *place, "--lang", language)
    assert broken.code == 1
    assert {"en": "Entry 1 was changed", "zh": "第 1 条记录被修改过"}[language] in broken.out


def test_feedback_is_listed_and_exported(run: Run, place: tuple[str, Path], tmp_path: Path) -> None:
    assert run("feedback", "list", *place).code == 0
    row = PredictionRow(new_id(), "shop", 1, "a" * 64, "r", {"label": "card"}, now(), text="我要退款")
    with opened(place) as store, store.write() as transaction:
        predictions.record(transaction, [row])
        feedback.add(transaction, row.id, "退款", by="李娜")
    (told,) = run("feedback", "list", "--json", *place).json["feedback"]
    assert (told["text"], told["label"], told["answered"]) == ("我要退款", "退款", "card")
    assert "李娜" in run("feedback", "list", *place).out
    out = tmp_path / "c.csv"
    assert run("feedback", "export", "--out", out, "--since", "2026-01-01", *place, "--json").json["rows"] == 1
    assert "我要退款" in out.read_text(encoding="utf-8-sig")
    wrong = run("feedback", "list", "--since", "yesterday", "--json", *place)
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "cli.not_a_day")


def test_a_broken_database_is_a_clear_error(run: Run, place: tuple[str, Path]) -> None:
    place[1].mkdir()
    (place[1] / "homefield.db").write_bytes(b"nonsense " * 200)
    ran = run("keys", "list", *place, "--json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "store.damaged")
