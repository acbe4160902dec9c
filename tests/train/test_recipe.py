from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.errors import CallError
from homefield.messages import LANGUAGES, catalogue
from homefield.train.faults import RecipeFaults
from homefield.train.recipe import FREE_KEYS, Recipe, explain, load_recipe, parse_overrides, write_recipe


def test_every_default_is_a_valid_recipe() -> None:
    assert load_recipe() == Recipe()


def test_all_faults_come_in_one_error_with_what_was_meant() -> None:
    with pytest.raises(RecipeFaults) as raised:
        load_recipe(None, {"epoch": 3, "batch": 0, "optimizer": "adamW2", "learning_rate": "fast", "warmup": 1.5})
    said = raised.value.what("en")
    assert "5 fault(s)" in said
    assert "epoch: no such key. Did you mean epochs?" in said
    assert "batch: expected a whole number of at least 1; got 0." in said
    assert 'optimizer: expected adamw, adam or sgd; got "adamW2". Did you mean adamw?' in said
    assert 'learning_rate: expected a number above 0, or auto; got "fast".' in said
    assert "warmup: expected a number from 0 to below 1; got 1.5." in said
    assert "batch：应为不小于 1 的整数，实际为 0。" in raised.value.what("zh")
    assert [fault["key"] for fault in raised.value.as_json("en")["faults"]] == [  # type: ignore[attr-defined]
        "batch",
        "optimizer",
        "learning_rate",
        "warmup",
        "epoch",
    ]
    assert raised.value.exit_code == 2


def test_overrides_are_read_as_their_keys_type() -> None:
    recipe = load_recipe(
        None,
        parse_overrides(
            ["epochs=3", "learning_rate=2e-4", "cache=false", "trackers=tensorboard, wandb", "backbone=7", "clip = 0"]
        ),
    )
    assert (recipe.epochs, recipe.learning_rate, recipe.cache, recipe.clip) == (3, 2e-4, False, 0.0)
    assert recipe.trackers == ("tensorboard", "wandb")
    assert recipe.backbone == "7"


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(RecipeFaults, match="KEY=VALUE"):
        parse_overrides(["epochs"])


def test_a_file_is_overridden_and_its_data_is_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('data = "rows"\nepochs = 2\n', encoding="utf-8")
    recipe = load_recipe(file, {"epochs": "4"})
    assert recipe.epochs == 4
    assert Path(recipe.data) == tmp_path / "rows"


def test_a_recipe_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("epochs = = 2")
    with pytest.raises(CallError, match=r"bad\.toml"):
        load_recipe(tmp_path / "bad.toml")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_documented(language: str) -> None:
    rows = explain(language)  # type: ignore[arg-type]
    assert [key for key, *_ in rows] == list(Recipe.model_fields)
    assert all(doc and expected for _, _, doc, expected in rows)
    documented = {key.split(".")[2] for key in catalogue(language, "recipe") if key.startswith("recipe.key.")}  # type: ignore[arg-type]
    assert documented == set(Recipe.model_fields)


def test_free_keys_are_keys() -> None:
    assert set(Recipe.model_fields) >= FREE_KEYS


@given(name=st.text(max_size=40), rate=st.floats(1e-12, 10.0), trackers=st.sets(st.sampled_from(["wandb", "mlflow"])))
def test_what_is_written_is_what_is_read(
    name: str, rate: float, trackers: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe = Recipe(backbone=name, learning_rate=rate, trackers=tuple(trackers))  # type: ignore[arg-type]
    file = tmp_path_factory.getbasetemp() / "written.toml"
    write_recipe(recipe, file)
    assert load_recipe(file) == recipe
