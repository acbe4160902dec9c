"""Pairs from the command line: prepared, trained, exported, asked, judged, in both languages."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from homefield.cli import main

from ..train.test_pairs import write_pairs

KEYS = ["--backbone", "cnn-text", "--set", "epochs=3", "--set", "estimate=false", "--set", "batch=32"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, `run`, `model`, made by the program itself; `auto` finds the task."""
    folder = tmp_path_factory.mktemp("made")
    records = write_pairs(folder, count=200)
    common = ["--workspace", str(folder / "workspace"), "--lang", "en"]
    shares = "shares=train=0.6,validation=0.15,calibration=0.15,test=0.1"
    for words in (
        ["prepare", str(records), "--out", str(folder / "data"), "--set", shares, "--set", "near_threshold=1.0"],
        ["finetune", "--data", str(folder / "data"), "--out", str(folder / "run"), *KEYS],
        ["export", str(folder / "run"), "--out", str(folder / "model")],
    ):
        assert main([*words, *common]) == 0
    return folder


def test_prepare_says_that_they_are_pairs(run, made: Path, tmp_path: Path) -> None:
    ran = run("prepare", made / "pairs.csv", "--out", tmp_path / "data", "--lang", "en")
    assert "pairs, each the same matter or not" in ran.out
    ran = run("prepare", made / "pairs.csv", "--out", tmp_path / "zh", "--lang", "zh")
    assert "每对标明是否同一回事" in ran.out


def test_what_came_of_it_is_shown_beside_counted_words(run, made: Path) -> None:
    ran = run("evaluate", made / "model", made / "pairs.csv", "--report", made / "judged.html", "--lang", "en")
    assert ran.code == 0, ran.err
    assert "BM25" in ran.out
    assert "R@10" in ran.out
    assert (made / "judged.html").is_file()
    ran = run("evaluate", made / "model", made / "pairs.csv", "--against", made / "model", "--json")
    assert ran.json["against"]["verdict"] == "unproven"


def test_the_metric_that_decides_is_shown_under_its_own_name(run, made: Path) -> None:
    shown = run("models", "show", made / "model", "--json").json["metrics"]["test"]
    assert shown["headline"] == "auc"  # of 20 pairs, fewer than 30 are the same
    for command in (("models", "show", made / "model"), ("models", "compare", made / "model", made / "model")):
        ran = run(*command, "--lang", "en")
        assert f"AUC {shown['auc']:.4f} (" in ran.out
        assert "MRR" not in ran.out
    ran = run("finetune", "--out", made / "run", "--resume", "--lang", "en")
    record = json.loads((made / "run" / "run.json").read_text(encoding="utf-8"))
    found = record["assessment"]
    rival = {"tfidf": "TF-IDF", "bm25": "BM25"}[found["rival"]]
    assert f"AUC on test: {found['model']:.4f}, {rival} {found['baseline']:.4f} (" in ran.out
    assert f"{100 * record['metrics']['test']['recall_1']:.1f} %" in ran.out


def test_texts_find_and_pairs_compare(run, made: Path, tmp_path: Path) -> None:
    ran = run("predict", made / "model", "--text", "please help, my card is lost", "--lang", "zh")
    assert ran.code == 0, ran.err
    assert "pairs.csv 第" in ran.out
    ran = run("predict", made / "model", made / "pairs.csv", "--out", tmp_path / "said.csv", "--json")
    assert ran.json["rows"] == 200
    with (tmp_path / "said.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["label"] for row in rows} <= {"same", "different"}
    assert all(-1.001 <= float(row["value"]) <= 1.001 for row in rows)


def test_compress_needs_one_way(run, made: Path, tmp_path: Path) -> None:
    ran = run("compress", made / "run", "--out", tmp_path / "small", "--lang", "en")
    assert ran.code == 2
    assert "--distil BACKBONE" in ran.err
    ran = run("compress", made / "model", "--prune", "0.5", "--out", tmp_path / "small", "--lang", "zh")
    assert ran.code == 2
    assert "--data" in ran.err
