"""A model that gives vectors is judged on a file of pairs: ranks, same or different, and another model beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import homefield
from homefield.errors import CallError, RecordsError
from homefield.messages import Language
from homefield.operate.gate import alike_check, judge_model
from homefield.operate.matching import MatchVerdict, judge_match

from ..ship.models import Made
from ..ship.runs import write_pair_records


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pair_records(tmp_path_factory.mktemp("pairs") / "new.csv", count=120, seed=5)


def test_pairs_are_ranked_among_the_files_texts_and_the_models(matching: Made, pairs: Path) -> None:
    verdict = judge_match(matching.bundle.path, pairs, threads=1)
    numbers = verdict.assessment.model.numbers
    assert numbers["queries"] == 80
    assert numbers["candidates"] == 420
    assert set(verdict.assessment.rivals) == {"tfidf", "bm25"}
    assert numbers["auc"] is not None
    assert verdict.assessment.tested is not None
    assert not verdict.worse
    assert json.dumps(verdict.as_json(), allow_nan=False)


def test_a_model_beside_itself_is_neither_better_nor_worse(matching: Made, pairs: Path, tmp_path: Path) -> None:
    verdict = homefield.evaluate(matching.bundle.path, pairs, against=matching.bundle.path)
    assert isinstance(verdict, MatchVerdict)
    assert verdict.against is not None
    assert verdict.against.difference.mean == 0.0
    assert verdict.against.verdict == "unproven"
    verdict.write_report(tmp_path / "judged.html", language="zh")
    assert "来自给定的文件" in (tmp_path / "judged.html").read_text(encoding="utf-8")


def written(path: Path, pairs: Path, keep: Callable[[int, str], bool]) -> Path:
    """Those rows of `pairs` for which `keep`, given their number among their kind and the kind, says so."""
    with pairs.open(encoding="utf-8", newline="") as stream, path.open("w", encoding="utf-8", newline="") as out:
        reader, seen = csv.DictReader(stream), {"0": 0, "1": 0}
        writer = csv.DictWriter(out, reader.fieldnames or [])
        writer.writeheader()
        for row in reader:
            seen[row["same"]] += 1
            if keep(seen[row["same"]], row["same"]):
                writer.writerow(row)
    return path


def test_of_few_pairs_that_are_the_same_the_gate_decides_by_auc(matching: Made, pairs: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "few.csv", pairs, lambda place, same: same == "0" or place <= 12)
    gate = judge_model(matching.bundle, matching.bundle, file, threads=1)
    alike, baseline, champion = gate.checks
    assert (alike.key, baseline.key, champion.key) == ("alike", "baseline", "champion")
    assert baseline.values["metric"] == "auc"
    assert baseline.difference is not None
    assert baseline.passed == (baseline.difference.mean > 0)
    assert "AUC" in baseline.sentence("zh")
    assert champion.difference is not None
    assert champion.difference.mean == 0.0
    gate = judge_model(
        matching.bundle, None, written(tmp_path / "none.csv", pairs, lambda _, same: same == "0"), threads=1
    )
    assert [check.key for check in gate.checks] == ["alike", "one_kind"]
    assert not gate.passed
    assert "40" in gate.checks[1].sentence("en")


def test_what_int8_gains_is_not_told_as_a_cost(matching: Made) -> None:
    check = alike_check(matching.bundle)
    gained = replace(check, values={**check.values, "drop": -4.17})
    assert "int8 gains 4.17 points" in gained.sentence("en")
    assert "int8 costs 0.40 points" in replace(check, values={**check.values, "drop": 0.4}).sentence("en")


def test_rows_that_cannot_be_judged_are_counted(matching: Made, tmp_path: Path) -> None:
    file = tmp_path / "holes.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = [["text", "other", "same"], ["my card", "the card", "1"], ["", "x", "1"], ["a loan", "b", "maybe"]]
        csv.writer(stream).writerows([*rows, ["my loan", "the login", "否"]])
    verdict = judge_match(matching.bundle.path, file, threads=1)
    assert verdict.assessment.rows == 2
    assert verdict.skipped == {"empty": 1, "unlabelled": 1}


def test_a_file_without_pairs_is_refused(matching: Made, cut: Made, tmp_path: Path, language: Language) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("text\nmy card was stolen\nthe loan is late\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        judge_match(matching.bundle.path, file)
    assert "other" in caught.value.what(language)
    (tmp_path / "none.csv").write_text("text,other\nmy card,\n,the loan\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        judge_match(matching.bundle.path, tmp_path / "none.csv", columns={"text": "text", "other": "other"})
    assert caught.value.code == "judge.no_pairs"
    (tmp_path / "one.csv").write_text("text,other\nmy card,the card\n", encoding="utf-8")
    with pytest.raises(CallError) as wrong:
        judge_match(matching.bundle.path, tmp_path / "one.csv", against=cut.bundle.path)
    assert "category" in wrong.value.what(language)
