"""The report says what the assessment found, whole, in both languages, for every kind of output."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homefield.evaluate.assess import assess
from homefield.evaluate.assessment import Assessment
from homefield.evaluate.report import ReportData, render_report, write_report
from homefield.evaluate.report.confusion import in_order
from homefield.evaluate.scored import Scored
from homefield.evaluate.significance import Difference
from homefield.messages import Language

from ..pages.test_page import Tree
from .conftest import LABELS, World

CURVES = [
    *({"kind": "step", "step": step, "loss": 1 / step, "learning_rate": 1e-3} for step in range(1, 30)),
    *({"kind": "evaluation", "step": 10 * n, "epoch": n, "loss": 0.5, "accuracy": 0.8} for n in (1, 2)),
]


@pytest.fixture(scope="module")
def data(world: World) -> ReportData:
    found = assess(
        world.test,
        output="category",
        labels=LABELS,
        validation=world.validation,
        calibration=world.calibration,
        training=world.training,
        baseline=world.baseline,
        risk=0.2,
    )
    return ReportData(
        "my <model>",
        found,
        curves=CURVES,
        dataset={"name": "shop", "rows": {"train": 240}},
        recipe={"epochs": 3, "patience": None, "cache": True, "trackers": []},
        environment={"packages": {"torch": "2.13.0"}},
        seconds={"train": 12.5},
        created="2026-01-01",
    )


def section_ids(document: str) -> list[str]:
    return [attributes.get("id") or "" for tag, attributes in Tree(document).seen if tag == "section"]


def test_it_is_one_sound_file_with_every_part(data: ReportData) -> None:
    document = render_report(data)
    tree = Tree(document)
    assert tree.open == []
    assert "script" not in {tag for tag, _ in tree.seen}
    assert "http" not in document.replace("http-equiv", "")
    assert section_ids(document) == [
        "numbers",
        "mend",
        "curves",
        "confusion",
        "trust",
        "mistakes",
        "classes",
        "slices",
        "facts",
    ]
    assert "my &lt;model&gt;" in document


def test_it_speaks_the_chosen_language_first_and_holds_both(data: ReportData, language: Language) -> None:
    document = render_report(data, language=language)
    assert f'id="in-{language}" aria-label="{"中文" if language == "zh" else "English"}" checked' in document
    assert "What to mend first" in document
    assert "先改什么" in document


def test_the_figures_are_those_of_the_assessment(data: ReportData) -> None:
    document = render_report(data)
    found = data.assessment
    assert f"{100 * found.headline:.1f}%" in document
    assert found.risk is not None
    assert f"{found.risk.threshold:.3f}" in document
    for label in LABELS:
        assert label in document
    assert "12.5 s" in document
    assert "12.5 秒" in document


@pytest.mark.parametrize(
    ("difference", "en", "zh"),
    [
        (Difference(0.1, 0.05, 0.15, 0.001, "mcnemar", 9, 1), "better, and not by chance", "确实更好"),
        (Difference(0.0, -0.05, 0.05, 0.9, "mcnemar", 4, 4), "not proven better", "尚不能证明更好"),
        (Difference(-0.1, -0.15, -0.05, 0.001, "mcnemar", 1, 9), "Do not use it", "请勿使用"),
    ],
)
def test_the_verdict_is_plain(data: ReportData, difference: Difference, en: str, zh: str) -> None:
    document = render_report(replace(data, assessment=replace(data.assessment, difference=difference)))
    assert en in document
    assert zh in document


def test_what_is_not_known_is_left_out(world: World) -> None:
    found = assess(replace(world.test, languages=None), output="category", labels=LABELS)
    ids = section_ids(render_report(ReportData("m", found)))
    assert "curves" not in ids
    assert "facts" not in ids


def test_a_promise_that_cannot_be_made_says_what_is_missing(world: World) -> None:
    small = Scored(world.calibration.logits[:60], world.calibration.targets[:60], world.calibration.texts[:60])
    few = assess(world.test, output="category", labels=LABELS, calibration=small)
    document = render_report(ReportData("m", few))
    assert "the calibration split has 60 rows" in document
    assert "校准集只有 60 行" in document
    none = assess(
        world.test, output="category", labels=LABELS, calibration=world.calibration, risk=0.01, temperature=0.01
    )
    assert "No threshold keeps wrong automatic answers" in render_report(ReportData("m", none))


@pytest.mark.parametrize("output", ["categories", "number"])
def test_sets_and_numbers_have_reports_too(output: str) -> None:
    random = np.random.default_rng(0)

    def part(count: int) -> Scored:
        if output == "number":
            truth = random.normal(0, 1, count)
            return Scored((truth + random.normal(0, 0.3, count))[:, None], truth, ["text"] * count)
        truth = (random.random((count, 3)) < 0.4).astype(np.float32)
        return Scored((5 * truth - 2.5 + random.normal(0, 1, truth.shape)).astype(np.float32), truth, ["文本"] * count)

    labels = LABELS if output == "categories" else ()
    found = assess(part(200), output=output, labels=labels, validation=part(100), calibration=part(200))  # type: ignore[arg-type]
    document = render_report(ReportData("m", found))
    assert Tree(document).open == []
    assert {"numbers", "trust", "mistakes"} <= set(section_ids(document))


def test_eighty_classes_stay_readable_and_small() -> None:
    random = np.random.default_rng(0)
    labels = [f"a_rather_long_class_name_{index}" for index in range(80)]
    targets = random.integers(0, 80, 2000)
    logits = random.normal(0, 1, (2000, 80)) + 5 * np.eye(80)[targets]
    found = assess(Scored(logits.astype(np.float32), targets, ["some text"] * 2000), output="category", labels=labels)
    document = render_report(ReportData("m", found))
    assert len(document) < 400_000
    assert Tree(document).open == []


def test_of_hundreds_of_classes_the_most_confused_are_drawn() -> None:
    random = np.random.default_rng(0)
    targets = random.integers(0, 300, 900)
    logits = random.normal(0, 1, (900, 300)) + 4 * np.eye(300)[targets]
    labels = [f"c{index}" for index in range(300)]
    found = assess(Scored(logits.astype(np.float32), targets, ["t"] * 900), output="category", labels=labels)
    assert "The 90 most confused of 300 classes" in render_report(ReportData("m", found))


def test_classes_taken_for_each_other_are_neighbours() -> None:
    square = np.eye(6) * 10
    for one, other in ((0, 3), (1, 4), (2, 5)):
        square[one, other] = square[other, one] = 5
    order = in_order(square)
    assert sorted(order) == list(range(6))
    for one, other in ((0, 3), (1, 4), (2, 5)):
        assert abs(order.index(one) - order.index(other)) == 1


def test_the_same_numbers_stand_beside_it_as_json(data: ReportData, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", data)
    values = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert values["assessment"]["headline"] == pytest.approx(data.assessment.headline)
    assert values["recipe"]["epochs"] == 3


def test_an_assessment_without_rows_can_be_shown(world: World) -> None:
    empty = Scored(np.empty((0, 3), dtype=np.float32), np.empty(0, dtype=np.int64), [])
    found: Assessment = assess(empty, output="category", labels=LABELS, training=world.training)
    assert Tree(render_report(ReportData("m", found))).open == []
