"""A name means one backbone; one that means none gets a way out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from homefield.backbones.bring import bring
from homefield.backbones.catalogue import entries, resolve
from homefield.errors import CallError, MachineError
from homefield.messages import Language, text
from homefield.workspace import Workspace


@pytest.mark.parametrize(
    ("languages", "name", "key"),
    [
        ({"en": 100}, "minilm-en", "auto_english"),
        ({}, "minilm-en", "auto_english"),
        ({"en": 81, "zh": 19}, "minilm-en", "auto_english"),
        ({"en": 80, "zh": 20}, "homefield-zh", "auto_chinese"),
        ({"zh": 9, "other": 1}, "homefield-zh", "auto_chinese"),
        ({"other": 90, "en": 10}, "cnn-text", "auto_other"),
    ],
)
def test_auto_goes_by_the_language_of_the_records_and_says_so(
    languages: Mapping[str, int], name: str, key: str, workspace: Workspace, language: Language
) -> None:
    source = resolve("auto", languages=languages, workspace=workspace)
    assert source.name == name
    assert source.reason is not None
    assert source.reason[0] == f"backbones.{key}"
    assert name in text(source.reason[0], language, **source.reason[1])


def test_the_bundled_ones_need_no_network(workspace: Workspace) -> None:
    assert [facts.name for facts in entries(workspace)] == ["minilm-en", "homefield-zh", "cnn-text", "bigru"]
    source = resolve("minilm-en", workspace=workspace)
    assert source.kind == "folder"
    assert source.path is not None
    assert (source.path / "model.safetensors").is_file()
    assert source.reason is None
    assert resolve("bigru", workspace=workspace).kind == "fresh"


def test_a_folder_says_what_it_is(bert_folder: Path, workspace: Workspace) -> None:
    (bert_folder / "README.md").write_text("---\nlanguage:\n- zh\n- en\nlicense: mit\n---\n# Card\n", encoding="utf-8")
    facts = resolve(str(bert_folder), workspace=workspace).facts
    assert (facts.name, facts.layers, facts.width, facts.max_length) == ("tiny-bert", 3, 32, 66)
    assert (facts.languages, facts.licence) == (("zh", "en"), "mit")
    assert 20_000 < facts.parameters < 60_000


def test_an_unknown_name_gets_the_nearest(workspace: Workspace, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        resolve("minilm", workspace=workspace)
    assert caught.value.code == "backbones.unknown"
    assert "cnn-text" in caught.value.what(language)
    assert "minilm-en" in caught.value.next_step(language)


def test_a_hub_name_while_offline_says_how_to_bring_it(
    workspace: Workspace, language: Language, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MachineError) as caught:
        resolve("no-such-owner/no-such-model", workspace=workspace)
    assert caught.value.code == "backbones.missing_offline"
    assert caught.value.exit_code == 3
    assert "no-such-owner/no-such-model" in caught.value.what(language)
    assert "homefield backbones add" in caught.value.next_step(language)


@pytest.mark.parametrize("name", ["../secrets", "a/b/c", "..", "/", "a b", "", "C:\\x\\y"])
def test_what_is_no_name_is_no_path_either(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CallError):
        resolve(name, workspace=Workspace(tmp_path / "inner" / "space"))


def test_a_folder_brought_in_is_known_by_its_name(bert_folder: Path, workspace: Workspace) -> None:
    (bert_folder / "pytorch_model.bin").write_bytes(b"pickle")
    (bert_folder / "modeling.py").write_text("raise SystemExit", encoding="utf-8")
    source = bring(str(bert_folder), workspace=workspace)
    assert source.name == "tiny-bert"
    assert source.path == workspace.backbones / "tiny-bert"
    assert {file.name for file in source.path.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}
    assert "tiny-bert" in [facts.name for facts in entries(workspace)]
    assert resolve("tiny-bert", workspace=workspace).path == source.path


def test_a_hub_name_can_be_given_to_what_is_brought(bert_folder: Path, workspace: Workspace) -> None:
    source = bring(str(bert_folder), name="owner/model", workspace=workspace)
    assert source.path == workspace.backbones / "owner--model"
    assert resolve("owner/model", workspace=workspace).path == source.path
    assert "owner/model" in [facts.name for facts in entries(workspace)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("minilm-en", "already_there"),
        ("auto", "already_there"),
        ("../up", "bad_name"),
        ("a/b/c", "bad_name"),
        ("名字 有空格", "bad_name"),
    ],
)
def test_a_name_that_is_taken_or_none(
    bert_folder: Path, workspace: Workspace, name: str, code: str, language: Language
) -> None:
    with pytest.raises(CallError) as caught:
        bring(str(bert_folder), name=name, workspace=workspace)
    assert caught.value.code == f"backbones.{code}"
    assert name in caught.value.what(language)
    assert not workspace.backbones.exists()


def test_twice_under_one_name_is_refused(bert_folder: Path, workspace: Workspace) -> None:
    bring(str(bert_folder), workspace=workspace)
    with pytest.raises(CallError) as caught:
        bring(str(bert_folder), workspace=workspace)
    assert caught.value.code == "backbones.already_there"


def test_a_fresh_backbone_has_nothing_to_bring(workspace: Workspace, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        bring("cnn-text", name="mine", workspace=workspace)
    assert "cnn-text" in caught.value.what(language)


def test_a_broken_folder_in_the_workspace_is_not_listed_and_says_why(workspace: Workspace) -> None:
    (workspace.backbones / "broken").mkdir(parents=True)
    (workspace.backbones / "broken" / "config.json").write_text("{", encoding="utf-8")
    assert "broken" not in [facts.name for facts in entries(workspace)]
    with pytest.raises(CallError) as caught:
        resolve("broken", workspace=workspace)
    assert caught.value.code == "backbones.bad_config"
