"""Each recipe among the examples passes the check against a dataset of its kind, and those for small networks train."""

from __future__ import annotations

from pathlib import Path

import pytest

import homefield
from homefield import demo
from homefield.data import Dataset
from homefield.train.check import check_recipe
from homefield.train.pretrain.check import check_pretrain
from homefield.train.pretrain.recipe import load_pretrain_recipe
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
REVIEWS = EXAMPLES / "records" / "reviews.jsonl"
EVERY = sorted(file.name for file in (EXAMPLES / "recipes").glob("*.toml"))
RECIPES = [name for name in EVERY if not name.startswith("pretrain")]
KINDS = {"multilabel.toml": "topics", "regress.toml": "stars", "chinese.toml": "zh"}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    folder = tmp_path_factory.mktemp("datasets")
    shop = {"text": "question", "label": "intent"}
    return {
        "en": homefield.prepare(demo.records("en"), folder / "en", columns=shop),
        "zh": homefield.prepare(demo.records("zh"), folder / "zh", columns=shop),
        "topics": homefield.prepare(REVIEWS, folder / "topics", columns={"text": "review", "label": "topics"}),
        "stars": homefield.prepare(REVIEWS, folder / "stars", columns={"text": "review", "label": "stars"}),
    }


def test_the_records_have_the_labels_that_the_recipes_are_for(datasets: dict[str, Dataset]) -> None:
    kinds = {name: dataset.manifest.label_kind for name, dataset in datasets.items()}
    assert kinds == {"en": "category", "zh": "category", "topics": "categories", "stars": "number"}


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_has_no_fault(name: str, datasets: dict[str, Dataset], tmp_path: Path) -> None:
    dataset = datasets[KINDS.get(name, "en")]
    recipe = load_recipe(EXAMPLES / "recipes" / name, {"data": str(dataset.path)})
    check_recipe(recipe, Workspace(tmp_path))


@pytest.mark.parametrize("name", sorted(set(EVERY) - set(RECIPES)))
def test_the_recipe_for_pretraining_has_no_fault(name: str) -> None:
    check_pretrain(load_pretrain_recipe(EXAMPLES / "recipes" / name, {"corpus": "texts.txt", "minutes": 60}))


@pytest.mark.parametrize("name", ["chinese.toml", "multilabel.toml", "regress.toml"])
def test_the_recipe_trains(name: str, datasets: dict[str, Dataset], tmp_path: Path) -> None:
    run = homefield.finetune(
        EXAMPLES / "recipes" / name,
        data=datasets[KINDS[name]].path,
        out=tmp_path / "run",
        workspace=Workspace(tmp_path / "workspace"),
        backbone="cnn-text",
        epochs=1,
        estimate=False,
        baseline=False,
        report=False,
    )
    assert run.metrics
