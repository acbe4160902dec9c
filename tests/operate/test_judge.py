"""A shipped model is judged on a file as it stands: every row is judged or counted, and the answer can be no."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from homefield.errors import CallError, HomefieldError, RecordsError
from homefield.events import Event
from homefield.messages import Language, text
from homefield.operate.judge import judge

from ..ship.models import Made
from ..ship.runs import write_records


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_records(tmp_path_factory.mktemp("questions") / "new.csv", count=160, seed=9)


def rewrite(source: Path, path: Path, change: list[tuple[int, str, str]]) -> Path:
    """A copy of `source` with the rows at some places replaced."""
    with source.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    for place, said, label in change:
        rows[place] = [said, label]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def test_the_verdict_holds_the_numbers_of_what_is_served(cut: Made, questions: Path) -> None:
    verdict = judge(cut.bundle.path, questions)
    found = verdict.assessment
    assert found.rows == 160
    with questions.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    said = cut.predictor().predict([row["text"] for row in rows], evidence=0)
    right = [one.label == row["label"] for one, row in zip(said, rows, strict=True)]
    assert found.headline == pytest.approx(sum(right) / 160, abs=0.02)  # other batches, other quantisation
    assert found.temperature == cut.bundle.manifest.temperature
    assert found.baseline is not None
    assert found.majority is not None
    assert verdict.skipped == {}
    assert not verdict.worse
    assert json.dumps(verdict.as_json(), allow_nan=False)


def test_the_shipped_risk_threshold_is_tried_with_what_is_abstained_from(cut: Made, questions: Path) -> None:
    found = judge(cut.bundle.path, questions).assessment
    assert found.risk is not None
    shipped = cut.bundle.manifest.thresholds.risk
    assert shipped is not None
    assert found.risk.as_json() == {**found.risk.as_json(), **shipped}
    with questions.open(encoding="utf-8", newline="") as stream:
        said = cut.predictor().predict([row["text"] for row in csv.DictReader(stream)], evidence=0)
    assert found.tested is not None
    assert found.tested.rows == pytest.approx(sum(one.decision == "answer" for one in said), abs=3)


def test_two_models_are_compared_on_the_same_rows(cut: Made, twin: Made, questions: Path) -> None:
    verdict = judge(cut.bundle.path, questions, against=twin.bundle.path)
    reverse = judge(twin.bundle.path, questions, against=cut.bundle.path)
    assert verdict.against is not None
    assert reverse.against is not None
    assert verdict.against.difference.mean == pytest.approx(-reverse.against.difference.mean)
    assert verdict.against.difference.only_first == reverse.against.difference.only_second
    gap = verdict.assessment.headline - verdict.against.measured.numbers["accuracy"]
    assert verdict.against.difference.mean == pytest.approx(gap)
    assert verdict.worse == (verdict.against.difference.high < 0)
    values = verdict.as_json()["against"]
    assert values["verdict"] == verdict.against.verdict
    assert values["not_worse"] == (verdict.against.difference.low > -0.005)


def test_rows_that_cannot_be_judged_are_counted_with_the_reason(cut: Made, questions: Path, tmp_path: Path) -> None:
    file = rewrite(questions, tmp_path / "holes.csv", [(1, "", "card"), (2, "a card", ""), (3, "  ", "")])
    verdict = judge(cut.bundle.path, file)
    assert verdict.assessment.rows + sum(verdict.skipped.values()) == 160
    assert verdict.skipped == {"empty": 2, "unlabelled": 1}


def test_a_label_that_the_model_never_saw_is_wrong_and_named(cut: Made, questions: Path, tmp_path: Path) -> None:
    file = rewrite(questions, tmp_path / "new.csv", [(5, "my card was stolen", "brand new")])
    verdict = judge(cut.bundle.path, file)
    assert verdict.assessment.model.numbers["unknown_labels"] == 1
    assert "brand new" in {one.true for one in verdict.assessment.mistakes}


def test_sets_of_labels_are_judged_and_unknown_labels_make_a_set_wrong(sets: Made, tmp_path: Path) -> None:
    file = write_records(tmp_path / "sets.csv", kind="categories", count=80, seed=4)
    plain = judge(sets.bundle.path, file).assessment
    assert plain.metric == "f1_micro"
    assert plain.headline > 0.5
    changed = rewrite(file, tmp_path / "strange.csv", [(1, "my card was stolen", '["card", "odd"]')])
    strange = judge(sets.bundle.path, changed, against=sets.bundle.path)
    assert strange.assessment.labels[-1] == "?"
    assert strange.against is not None
    assert strange.against.difference.mean == 0
    assert json.dumps(strange.as_json(), allow_nan=False)


def test_numbers_are_judged_with_their_interval(number: Made, tmp_path: Path) -> None:
    file = write_records(tmp_path / "numbers.csv", kind="number", count=80, seed=4)
    found = judge(number.bundle.path, file).assessment
    assert found.metric == "r2"
    assert found.half_width == number.bundle.manifest.interval["half_width"]
    assert found.tested is not None
    assert found.baseline is not None


def test_a_report_can_be_written(cut: Made, questions: Path, tmp_path: Path) -> None:
    verdict = judge(cut.bundle.path, questions)
    verdict.write_report(tmp_path / "judged.html", language="zh")
    document = (tmp_path / "judged.html").read_text(encoding="utf-8")
    assert "来自给定的文件" in document
    assert "new.csv:" in document
    assert json.loads((tmp_path / "judged.json").read_text(encoding="utf-8"))["assessment"]["rows"] == 160


def test_it_tells_what_it_does(cut: Made, questions: Path, language: Language) -> None:
    told: list[Event] = []
    judge(cut.bundle.path, questions, listen=told.append)
    stages = [event.key for event in told if event.kind == "stage"]
    assert stages == ["judge.answering", "judge.baseline"]
    for event in told:
        if event.key.startswith("judge."):
            assert text(event.key, language, **event.values)
    advances = [event for event in told if event.kind == "advance"]
    assert advances[-1].done == advances[-1].total == 160


def failed(error: HomefieldError, language: Language) -> str:
    return f"{error.what(language)} {error.next_step(language)}"


def test_no_known_label_says_what_was_expected(cut: Made, tmp_path: Path, language: Language) -> None:
    file = tmp_path / "other.csv"
    file.write_text("text,label\na card,red\na loan,blue\n", encoding="utf-8")
    with pytest.raises(CallError) as caught:
        judge(cut.bundle.path, file)
    told = failed(caught.value, language)
    assert "blue, red" in told
    assert "card" in told
    assert "--column label=" in told


def test_no_row_with_a_label_says_how_many_were_found(cut: Made, tmp_path: Path, language: Language) -> None:
    file = tmp_path / "bare.csv"
    file.write_text("text,label\na card,\n,loan\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        judge(cut.bundle.path, file, columns={"text": "text", "label": "label"})
    assert "bare.csv" in failed(caught.value, language)
    assert caught.value.values["unlabelled"] == 1
    assert caught.value.values["empty"] == 1


def test_a_file_without_labels_is_refused(cut: Made, tmp_path: Path, language: Language) -> None:
    file = tmp_path / "only.csv"
    file.write_text("text\nmy card was stolen today\nthe loan is refused again\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        judge(cut.bundle.path, file, columns={"text": "text"})
    assert "label" in failed(caught.value, language)


def test_models_of_different_kinds_are_not_compared(
    cut: Made, number: Made, questions: Path, language: Language
) -> None:
    with pytest.raises(CallError) as caught:
        judge(cut.bundle.path, questions, against=number.bundle.path)
    assert caught.value.code == "judge.outputs"
    assert "number" in failed(caught.value, language)
