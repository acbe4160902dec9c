"""The demo: what a newcomer sees first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homefield.cli.commands import demo as module
from homefield.cli.commands import demo_support
from homefield.cli.face import Face
from homefield.cli.outcome import as_json

QUICK = {"backbone": "cnn-text", "epochs": 4, "batch": 16, "learning_rate": 4e-3, "head_learning_rate": 4e-3}


@pytest.mark.timeout(600)
def test_the_whole_way_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "RECIPES", {"en": QUICK, "zh": QUICK})
    monkeypatch.setenv("HOMEFIELD_LANG", "zh")
    face = Face("zh", workspace_given=tmp_path)
    outcome = module.demo.callback.__wrapped__(face, "engine", None)  # type: ignore[union-attr]
    told = json.loads(as_json(outcome.document))
    assert [each["language"] for each in told["models"]] == ["zh", "en"]
    for each in told["models"]:
        assert each["counts"]["read"] == sum(each["counts"][name] for name in ("kept", "rejected", "merged"))
        assert each["counts"]["rejected"] > 0
        assert each["counts"]["merged"] > 0
        assert each["accuracy"] > 0.3
        assert each["baseline"] > 0.3
        assert (Path(each["model"]) / "report.html").is_file()
        assert each["asked"]
    face.show(outcome)
    out = capsys.readouterr().out
    for part in ("从记录到经过验证的模型", "保留", "TF-IDF", "下一步", str(tmp_path / "demo")):
        assert part in out


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    folder = module._fresh(tmp_path / "demo", "engine")
    (folder / "en").mkdir()
    (folder / "en" / "old").write_text("")
    assert module._fresh(folder, "engine") == folder
    assert not (folder / "en").exists()


def test_a_folder_that_no_demo_made_is_kept(run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ran = run("demo", "--out", tmp_path)
    assert ran.code == 2
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.timeout(600)
def test_a_customer_service_from_past_dialogues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_support, "SETTINGS", {"backbone": "cnn-text", "epochs": "4"})
    face = Face("en", workspace_given=tmp_path)
    outcome = module.demo.callback.__wrapped__(face, "support", None)  # type: ignore[union-attr]
    told = json.loads(as_json(outcome.document))
    asked = {each["text"]: each for each in told["asked"]}
    assert len(asked) == 10
    assert asked["Let me speak to a real person, please"]["decision"] == "handoff"
    assert told["questions"] > 100
    assert all("{" not in each["reply"] for each in told["asked"])
    face.show(outcome)
    assert "From 300 dialogues to a customer service" in capsys.readouterr().out


def test_only_what_there_is_can_be_shown(run) -> None:
    ran = run("demo", "everything")
    assert ran.code == 2
    assert "takes one of engine, support" in ran.err
