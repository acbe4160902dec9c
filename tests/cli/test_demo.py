"""The demo: what a newcomer sees first."""

from __future__ import annotations

from pathlib import Path

import pytest

from homefield.cli.commands import demo as module


@pytest.fixture(scope="module")
def quick() -> dict[str, dict[str, object]]:
    return {language: {"backbone": "cnn-text", "epochs": 4} for language in ("en", "zh")}


def test_the_whole_way_in_both_languages(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: dict[str, dict[str, object]]
) -> None:
    monkeypatch.setattr(module, "RECIPES", quick)
    place = ["--workspace", tmp_path]
    ran = run("demo", "--json", *place)
    assert ran.code == 0, ran.out
    assert [each["language"] for each in ran.json["models"]] == ["zh", "en"]
    for each in ran.json["models"]:
        assert each["counts"]["read"] == sum(each["counts"][name] for name in ("kept", "rejected", "merged"))
        assert each["counts"]["rejected"] > 0
        assert each["counts"]["merged"] > 0
        assert each["accuracy"] > 0.3
        assert each["baseline"] > 0.3
        assert (Path(each["model"]) / "report.html").is_file()
        assert each["asked"]
    again = run("demo", "--lang", "zh", *place)
    assert again.code == 0, again.err
    assert "从记录到经过验证的模型" in again.out
    assert "下一步" in again.out


def test_a_folder_that_no_demo_made_is_kept(run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ran = run("demo", "--out", tmp_path)
    assert ran.code == 2
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_only_what_there_is_can_be_shown(run) -> None:
    ran = run("demo", "support")
    assert ran.code == 2
    assert "takes one of engine" in ran.err
