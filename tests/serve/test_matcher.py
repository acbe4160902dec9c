"""A model that compares texts answers: vectors, the nearest stored text, same or different; without torch."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import homefield
from homefield.errors import CallError
from homefield.messages import LANGUAGES
from homefield.serve import Matcher
from homefield.serve.files import predict_file, predict_rows

from ..ship.models import Made


@pytest.fixture(scope="module")
def matcher(matching: Made) -> Matcher:
    return Matcher(matching.bundle, threads=1)


def test_vectors_have_length_one_and_do_not_depend_on_company(matcher: Matcher) -> None:
    texts = ["my card was stolen", "退款什么时候到账", "loan for a house please help now"]
    found = matcher.encode(texts)
    assert found.shape == (3, matcher.manifest.width)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    for text, vector in zip(texts, found, strict=True):
        assert float(matcher.encode([text])[0] @ vector) > 0.98
    assert matcher.encode([]).shape == (0, matcher.manifest.width)


def test_two_texts_are_the_same_or_not(matcher: Matcher) -> None:
    same, apart = matcher.match("my card was stolen", "my card was stolen"), matcher.match("my card", "我要退款")
    assert same.score == pytest.approx(1.0, abs=1e-4)
    assert same.same
    assert same.probability is not None
    assert apart.probability is not None
    assert same.probability > apart.probability
    assert apart.score < same.score
    assert matcher.match("", "my card").reason == "empty"


def test_the_nearest_stored_texts_are_the_answer_and_its_evidence(matcher: Matcher, matching: Made) -> None:
    stored = matching.dataset.frame("train")["other"].to_list()
    said = matcher.predict(stored[:5], evidence=2, top=1)
    for text, one in zip(stored, said, strict=False):
        assert one.label == text
        assert one.evidence[0].text == text
        assert one.evidence[0].source == "records.csv"
        assert one.evidence[0].similarity == pytest.approx(1.0, abs=2e-2)
        assert len(one.evidence) == 2
        assert len(one.runners_up) == 1
        assert one.confidence >= one.runners_up[0].confidence
    assert matcher.predict([""])[0].reason == "empty"


def test_confidence_follows_the_cosine(matcher: Matcher) -> None:
    scores = np.linspace(-1, 1, 50)
    chances = matcher.probability(scores)
    assert chances is not None
    assert (np.diff(chances) >= 0).all()


def test_a_file_of_texts_is_answered_and_a_file_of_pairs_is_compared(matcher: Matcher, tmp_path: Path) -> None:
    with (tmp_path / "texts.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["text"], ["my card was stolen"], ["reset the password"]])
    with (tmp_path / "pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = [["text", "other"], ["my card was stolen", "my card was stolen"], ["my card", "重置密码"], ["", "x"]]
        csv.writer(stream).writerows(rows)
    answered = list(predict_rows(matcher, [tmp_path / "texts.csv"], columns={}))
    assert [row.number for row in answered] == [1, 2]
    assert all(row.prediction.label for row in answered)
    summary = predict_file(matcher, [tmp_path / "pairs.csv"], tmp_path / "out.parquet", columns={})
    assert summary.rows == 3
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["label"].to_list()[0] == "same"
    assert found["value"].to_list()[0] == pytest.approx(1.0, abs=1e-4)
    assert found["evidence"].to_list()[1][0]["text"] == "重置密码"
    assert found["reason"].to_list()[2] == "empty"
    predict_file(matcher, [tmp_path / "pairs.csv"], tmp_path / "out.csv", columns={})
    assert "nearest_text" in (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()[0]


def test_a_model_without_stored_texts_still_compares(partners: Made, tmp_path: Path) -> None:
    from homefield.ship import export

    bare = Matcher(export(partners.run, tmp_path / "bare", evidence=0, threads=1), threads=1)
    assert bare.match("my card", "my card").same
    with pytest.raises(CallError) as caught:
        bare.predict(["my card"])
    assert caught.value.code == "serve.nothing_stored"
    for language in LANGUAGES:
        assert "other" in caught.value.next_step(language)
    with pytest.raises(CallError, match="1"):
        bare.pairs(["a"], ["b", "c"])


def test_answering_needs_no_torch(partners: Made) -> None:
    code = (
        "import sys, json, homefield\n"
        f"model = homefield.load({str(partners.bundle.path)!r})\n"
        "found = model.match('my card', 'the card')\n"
        "model.predict(['my card was stolen'])\n"
        "print(json.dumps([found.score, [m for m in sys.modules if m.split('.')[0] in ('torch', 'transformers')]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    score, heavy = json.loads(done.stdout)
    assert heavy == []
    assert -1 <= score <= 1


def test_loading_gives_what_the_model_can_do(matching: Made, cut: Made) -> None:
    assert isinstance(homefield.load(matching.bundle.path), Matcher)
    assert not isinstance(homefield.load(cut.bundle.path), Matcher)
