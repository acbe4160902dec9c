"""A new head begins as the best one for the vectors that a pretrained backbone gives as it comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

from .conftest import numbers


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
        found[start] = numbers(run, "evaluation")[0]["loss"]
    assert found["fitted"] < 0.7 * found["random"]


def test_auto_fits_the_head_of_a_pretrained_backbone_alone(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    chosen = {}
    for backbone in ("minilm-en", "cnn-text"):
        keys = {"data": str(make_dataset(60)), "backbone": backbone, "epochs": 1, "max_length": 16}
        quick = {"estimate": False, "baseline": False, "report": False}
        run = finetune(load_recipe(None, {**keys, **quick}), tmp_path / backbone, workspace=workspace)
        chosen[backbone] = run.recipe.head_start
    assert chosen == {"minilm-en": "fitted", "cnn-text": "random"}
