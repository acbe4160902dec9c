from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.data.test_prepare import texts, write

from homefield.data import Dataset, PrepareOptions, prepare
from homefield.data.advice import advise
from homefield.data.mask import KINDS
from homefield.data.quality_page import quality_page
from homefield.data.reasons import REASONS, reason_text
from homefield.messages import LANGUAGES, Language, text


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("quality")
    words = {"card": "plastic chip pin wallet", "parcel": "courier box tracking depot"}
    rows = [(f"{made[:12]} {words[label]} {made[12:24]}", label) for made in texts(150) for label in words]
    rows += [(f"{made[:12]} {words['card']}", "parcel") for made in texts(6, seed=9)]  # wrong labels
    rows += [("<script>alert('x')</script> & <i>hi</i> card", "rare"), ("", "card"), ("what is this", "card")]
    rows += [("what is this", "parcel"), ("Где моя карта", "card"), ("电话13812345678打不通", "card")]
    rows += [
        ("nearly the same long question about cards", "card"),
        ("nearly the same long question about card", "parcel"),
    ]
    return prepare([write(folder / "r.csv", ("text", "label"), rows)], folder / "out")


@pytest.fixture(scope="module")
def quality(dataset: Dataset) -> dict[str, Any]:
    return json.loads((dataset.path / "quality.json").read_text(encoding="utf-8"))


def test_the_numbers_are_those_of_the_manifest(dataset: Dataset, quality: dict[str, Any]) -> None:
    assert quality["counts"] == dataset.manifest.counts
    assert sum(quality["reasons"].values()) == quality["counts"]["rejected"]
    assert sum(each["rows"] for each in quality["classes"]) == quality["counts"]["kept"]
    assert sum(count for _, _, count in quality["lengths"]["histogram"]) == quality["counts"]["kept"]
    assert quality["masked"] == {"phone": 1}
    assert quality["languages"] == dataset.manifest.languages


def test_contradictions_near_duplicates_and_suspects_name_their_rows(quality: dict[str, Any]) -> None:
    (conflict,) = quality["conflicts"]["examples"]
    assert (conflict["text"], conflict["labels"], conflict["kept"]) == ("what is this", {"card": 1, "parcel": 1}, None)
    assert len({place["row"] for place in conflict["rows"]}) == 2
    assert quality["near"]["mixed"] >= 1
    assert any("nearly the same" in each["examples"][0]["text"] for each in quality["near"]["mixed_examples"])
    wrong = [
        each
        for each in quality["suspects"]["examples"]
        if each["label"] == "parcel" and "chip pin wallet" in each["text"]
    ]
    assert len(wrong) >= 5
    assert {"file", "row", "suggested", "confidence"} <= set(wrong[0])


def test_all_suspects_stand_in_a_table(dataset: Dataset, quality: dict[str, Any]) -> None:
    with (dataset.path / "suspects.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == quality["suspects"]["found"]
    assert list(rows[0]) == ["file", "row", "label", "suggested", "confidence", "own", "text"]


def test_advice_is_given_for_what_is_wrong_in_both_languages(quality: dict[str, Any]) -> None:
    keys = [piece["key"].rpartition(".")[2] for piece in quality["advice"]]
    assert {"conflicts", "suspects", "mixed", "single", "masked"} <= set(keys)
    for piece in quality["advice"]:
        for language in LANGUAGES:
            assert text(piece["key"], language, **piece["values"])


def test_nothing_is_advised_about_good_records(tmp_path: Path) -> None:
    rows = [
        (f"{made} {'card chip' if number % 2 else '退款到账'}", f"c{number % 2}")
        for number, made in enumerate(texts(400))
    ]
    dataset = prepare(
        [write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out", options=PrepareOptions(suspects_rows=0)
    )
    quality = json.loads((dataset.path / "quality.json").read_text(encoding="utf-8"))
    assert quality["advice"] == []
    assert quality["suspects"]["skipped"] == "off"
    assert "Nothing stands out" in (dataset.path / "quality.html").read_text(encoding="utf-8")


def test_the_page_says_everything_in_both_languages_and_runs_nothing(dataset: Dataset, quality: dict[str, Any]) -> None:
    page = (dataset.path / "quality.html").read_text(encoding="utf-8")
    for sentence in ("What to mend first", "先改什么", "Labels that are probably wrong", "可疑的标签", "what is this"):
        assert sentence in page
    assert "alert(" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert quality_page(quality, "zh") != quality_page(quality, "en")


def test_texts_on_the_page_are_never_markup(quality: dict[str, Any]) -> None:
    quality = json.loads(json.dumps(quality))
    quality["suspects"]["examples"][0]["text"] = "<img src=x onerror=alert(1)>"
    quality["suspects"]["examples"][0]["label"] = "<b>bold</b>"
    quality["near"]["mixed_examples"][0]["examples"][0]["text"] = "<script>1</script>"
    page = quality_page(quality, "en")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror" in page
    assert "<b>bold" not in page
    assert "<script>1" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_and_kind_has_its_words(language: Language) -> None:
    values = dict.fromkeys(("found", "limit", "expected", "encoding", "column", "file", "row"), 1)
    for reason in REASONS:
        assert reason_text(reason, language, values)
        assert text(f"quality.reason.{reason}", language)
    for kind in KINDS:
        assert text(f"quality.masked.{kind}", language)


def test_several_labels_and_numbers_have_pages_too(tmp_path: Path) -> None:
    lines = [
        json.dumps({"text": made, "label": ["a"] if number % 2 else ["a", "b"]})
        for number, made in enumerate(texts(120))
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(lines), encoding="utf-8")
    several = prepare([tmp_path / "r.jsonl"], tmp_path / "several")
    quality = json.loads((several.path / "quality.json").read_text(encoding="utf-8"))
    assert [(each["label"], each["rows"]) for each in quality["classes"]] == [("a", 120), ("b", 60)]
    assert quality["suspects"]["skipped"] == "kind"
    numbers = write(
        tmp_path / "n.csv", ("text", "label"), [(made, number / 7) for number, made in enumerate(texts(120))]
    )
    page = (prepare([numbers], tmp_path / "numbers").path / "quality.html").read_text(encoding="utf-8")
    assert "The number to be predicted" in page


def test_advice_counts_damaged_and_rejected_rows(quality: dict[str, Any]) -> None:
    changed = {
        **quality,
        "reasons": {"undecodable": 40, "fields": 2, "no_label": 7},
        "counts": {**quality["counts"], "read": 200},
    }
    found = {piece["key"]: piece["values"] for piece in advise(changed)}
    assert found["quality.advice.rejected"] == {"count": 49, "share": "24.5%"}
    assert found["quality.advice.damaged"] == {"count": 42}
    assert found["quality.advice.no_label"] == {"count": 7}
