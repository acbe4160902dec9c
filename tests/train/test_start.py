"""A new head begins as the best one for the vectors that a pretrained backbone gives as it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from homefield.backbones.catalogue import CNN_TEXT, MINILM
from homefield.train.defaults import choose_head_start
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace


@pytest.mark.parametrize("how", ["head", "top:1"])
def test_a_fitted_head_is_ahead_of_a_random_one_after_the_first_epoch(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path, how: str
) -> None:
    data, found = make_dataset(120), {}
    for start in ("fitted", "random"):
        keys = {"data": str(data), "backbone": "minilm-en", "train": how, "epochs": 1, "head_start": start}
        quick = {
            "estimate": False,
            "baseline": False,
            "report": False,
            "learning_rate": 1e-5,
            "head_learning_rate": 1e-5,
        }
        run = finetune(load_recipe(None, {**keys, **quick}), tmp_path / start, workspace=workspace)
        lines = map(json.loads, (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
        found[start] = next(line["loss"] for line in lines if line["kind"] == "evaluation")
    assert found["fitted"] < 0.7 * found["random"]


def test_auto_fits_the_head_of_a_pretrained_backbone_with_rows_enough() -> None:
    assert choose_head_start(MINILM, 3_850, 77) == "fitted"
    assert choose_head_start(MINILM, 3_849, 77) == "random"
    assert choose_head_start(CNN_TEXT, 100_000, 2) == "random"
