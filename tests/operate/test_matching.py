"""A model that gives vectors is judged on a file of pairs: ranks, same or different, and another model beside it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import homefield
from homefield.errors import CallError, RecordsError
from homefield.messages import Language
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
