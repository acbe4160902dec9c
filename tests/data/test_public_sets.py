"""The public sets that development is measured on, prepared as they are."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from homefield.data import SPLITS, PrepareOptions, prepare

QUICK = PrepareOptions(suspects_rows=0)


@pytest.mark.parametrize(
    ("name", "rows", "roles", "kind", "classes"),
    [
        ("support/banking77_train.csv", 10_003, {"text": "text", "label": "category"}, "category", 77),
        ("support/hwu64_train.csv", 9_960, {"text": "text", "label": "intent"}, "category", 64),
        ("support/atec_pairs.csv", 23_483, {"text": "question", "other": "other", "same": "same"}, "none", 0),
        ("finance/finfe_sentiment.jsonl", 10_645, {"text": "text", "label": "label"}, "category", 3),
        ("finance/finnl_topics.jsonl", 7_057, {"text": "text", "label": "topics"}, "categories", 16),
        ("finance/thucnews_10k.csv", 10_000, {"text": "headline", "label": "section"}, "category", 10),
        ("finance/twitter_sentiment.csv", 9_543, {"text": "text", "label": "sentiment"}, "category", 3),
        (
            "finance/stream_zh_labelled.csv",
            7_251,
            {"text": "title", "label": "sentiment", "time": "date"},
            "category",
            2,
        ),
        ("finance/stream_en_unlabelled.csv", 12_109, {"text": "headline", "time": "date"}, "none", 0),
    ],
)
def test_a_public_set_goes_in_as_it_is(
    shared_data: Path, tmp_path: Path, name: str, rows: int, roles: dict[str, str], kind: str, classes: int
) -> None:
    dataset = prepare([shared_data / name], tmp_path / "out", options=QUICK)
    manifest = dataset.manifest
    assert manifest.counts["read"] == rows
    assert manifest.counts["kept"] > 0.97 * rows
    assert (manifest.roles, manifest.label_kind, len(manifest.labels)) == (roles, kind, classes)
    frame = pl.concat(dataset.frame(split).select("near", pl.lit(split).alias("split")) for split in SPLITS)
    groups = frame.group_by("near").agg(pl.len(), pl.col("split").n_unique())
    assert groups["split"].max() == 1
    assert groups["len"].max() < 0.01 * rows  # no chain swallows the set


def test_questions_in_both_files_leave_train(shared_data: Path, tmp_path: Path) -> None:
    support = shared_data / "support"
    dataset = prepare(
        [support / "banking77_train.csv"], tmp_path / "out", test=support / "banking77_test_half.csv", options=QUICK
    )
    assert dataset.manifest.leakage["exact"] >= 5
    assert dataset.manifest.leakage["removed"] < 150
    assert dataset.rows("test") == 1526
