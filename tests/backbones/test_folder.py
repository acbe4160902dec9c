"""A folder that is no backbone says what it lacks, and pickled weights are never read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homefield.backbones.catalogue import resolve
from homefield.backbones.folder import check_folder
from homefield.backbones.load import load
from homefield.errors import CallError, HomefieldError
from homefield.messages import Language
from homefield.workspace import Workspace


def change_json(file: Path, **values: Any) -> None:
    """Set values in a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5_000])


@pytest.mark.parametrize(
    ("harm", "code", "words"),
    [
        (remove("config.json"), "no_config", {"en": "has no config.json", "zh": "缺少 config.json"}),
        (remove("tokenizer.json"), "no_tokenizer", {"en": "has no tokenizer", "zh": "缺少分词器"}),
        (remove("model.safetensors"), "no_weights", {"en": "has no weights", "zh": "缺少权重"}),
        (pickled, "pickled", {"en": "pytorch_model.bin", "zh": "可能执行任意程序"}),
        (truncated, "bad_weights", {"en": "cannot be read", "zh": "无法读取"}),
        (lambda f: (f / "config.json").write_text("[]"), "bad_config", {"en": "cannot be used", "zh": "无法使用"}),
    ],
)
def test_what_is_missing_is_named(
    bert_folder: Path, harm: Callable[[Path], None], code: str, words: dict[Language, str], language: Language
) -> None:
    harm(bert_folder)
    with pytest.raises(CallError) as caught:
        check_folder(bert_folder)
    assert caught.value.code == f"backbones.{code}"
    assert words[language] in caught.value.what(language)
    assert str(bert_folder) in caught.value.what(language)
    assert caught.value.next_step(language)


def test_weights_of_another_shape_are_refused(bert_folder: Path, workspace: Workspace) -> None:
    change_json(bert_folder / "config.json", intermediate_size=80)
    with pytest.raises(CallError) as caught:
        load(resolve(str(bert_folder), workspace=workspace))
    assert caught.value.code == "backbones.bad_weights"
    assert "blocks.0.down.weight" in caught.value.what("en")


def test_weights_of_fewer_layers_are_refused(bert_folder: Path, workspace: Workspace) -> None:
    change_json(bert_folder / "config.json", num_hidden_layers=5)
    with pytest.raises(CallError) as caught:
        load(resolve(str(bert_folder), workspace=workspace))
    assert "encoder.layer.3" in caught.value.what("en")


def test_a_configuration_that_lacks_a_size_is_refused(bert_folder: Path, workspace: Workspace) -> None:
    change_json(bert_folder / "config.json", hidden_size=None)
    with pytest.raises(HomefieldError) as caught:
        load(resolve(str(bert_folder), workspace=workspace))
    assert caught.value.code == "backbones.bad_config"
    assert "hidden_size" in caught.value.what("en")
