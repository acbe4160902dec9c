"""Pre-training from end to end: it learns, it keeps to its budget, and nothing that stops it changes the outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import homefield
from homefield.backbones.catalogue import resolve
from homefield.backbones.encoder import Encoder
from homefield.backbones.load import load
from homefield.errors import CallError, HomefieldError
from homefield.train.faults import RecipeFaults
from homefield.workspace import Workspace

from .conftest import TINY, lines_of

DRIVER = Path(__file__).parent / "driver.py"


def _start(corpus: Path, out: Path, workspace: Workspace, *words: str, **keys: Any) -> subprocess.Popen[str]:
    settings = [f"{key}={value}" for key, value in {**TINY, "weights": "float32", **keys}.items()]
    command = [sys.executable, str(DRIVER), str(corpus), str(out), str(workspace.root), *words, *settings]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def _finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors


def _wait_for(path: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 200
    while not list(path.glob(pattern)):
        assert time.monotonic() < until, "no checkpoint came"
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    keys: dict[str, Any] = {"corpus": [str(corpus)], "tokens": 30_000, **TINY}
    return homefield.pretrain(out=folder / "run", workspace=Workspace(folder / "workspace"), **keys)


def test_the_network_learns_the_text(run: Any) -> None:
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    judged = [line for line in lines if line["kind"] == "evaluation"]
    assert len(judged) == 11  # before the first step, and ten times after it
    assert judged[-1]["perplexity"] < 0.7 * judged[0]["perplexity"]
    assert all({"tokens_per_second", "gflops", "machine"} <= line.keys() for line in lines if line["kind"] == "step")
    assert run.record["reached"]["perplexity"] == pytest.approx(judged[-1]["perplexity"])
    # Also where sequences are long, and it reads no further than it has learned to.
    assert judged[-1]["perplexity_long"] < 0.7 * judged[0]["perplexity_long"]
    assert json.loads((run.backbone / "config.json").read_text(encoding="utf-8"))["max_position_embeddings"] == 32
    card = (run.backbone / "README.md").read_text(encoding="utf-8")
    assert "It reads at most 32 tokens." in card
    assert f"In sequences of 32 tokens: {run.record['reached']['perplexity_long']:.2f}." in card
    assert not list((run.path / "checkpoints").glob("step-*"))
    assert not (run.path / "start").exists()
    assert {file.stat().st_mode & 0o777 for file in run.backbone.iterdir()} == {0o644}


def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    _finish(_start(corpus, tmp_path / "whole", workspace, tokens=20_000))
    process = _start(corpus, tmp_path / "killed", workspace, tokens=20_000, checkpoint_minutes=0.002)
    _wait_for(tmp_path / "killed", "checkpoints/step-*", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "backbone").exists()
    _finish(_start(corpus, tmp_path / "killed", workspace, "--resume", tokens=20_000))
    whole, killed = (load_file(tmp_path / name / "backbone" / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_a_budget_of_minutes_ends_on_time_and_a_killed_run_takes_what_is_left(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    out = tmp_path / "run"
    process = _start(corpus, out, workspace, minutes=0.25, checkpoint_minutes=0.002)
    _wait_for(out, "checkpoints/step-*", process)
    time.sleep(1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    spent = json.loads((next(out.glob("checkpoints/step-*")) / "state.json").read_text(encoding="utf-8"))["seconds"]
    _finish(_start(corpus, out, workspace, "--resume", minutes=0.25))
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if line["kind"] == "step"]
    assert steps[-1]["share"] == 1.0
    # Within the length of a step, which on a busy machine is a share of so small a budget.
    assert steps[-1]["learning_rate"] < 0.3 * max(line["learning_rate"] for line in steps)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    budget, trained = record["budget"], record["seconds"]["train"]
    assert trained > spent > 0
    # Preparing and what comes at the end are part of the 15 seconds; a second of learning is always left.
    left = max(1.0, 15 - budget["spent"] - budget["reserve"])
    assert left <= trained < left + 5


def test_the_backbone_goes_through_fine_tuning_and_export(
    run: Any, make_dataset: Any, tmp_path: Path, workspace: Workspace
) -> None:
    tuned = homefield.finetune(
        data=make_dataset(90),
        backbone=run.backbone,
        epochs=2,
        estimate=False,
        baseline=False,
        report=False,
        out=tmp_path / "tuned",
        workspace=workspace,
    )
    assert tuned.status == "finished"
    homefield.export(
        tuned, tmp_path / "model"
    )  # the parity gate sees to it that n-grams are served as they were trained
    assert homefield.predict(tmp_path / "model", "my card was stolen")[0].label in tuned.labels


def test_another_backbone_learns_the_characters_it_lacks(run: Any, tmp_path: Path, workspace: Workspace) -> None:
    other = tmp_path / "other.txt"
    other.write_text("\n".join(["餐厅的菜单", "菜很好吃，服务周到"] * 300), encoding="utf-8")
    keys = {key: TINY[key] for key in ("length", "long_length", "step_tokens", "held_out", "precision")}
    further = homefield.pretrain(
        corpus=[str(other)],
        backbone=str(run.backbone),
        tokens=4_000,
        out=tmp_path / "further",
        workspace=workspace,
        **keys,
    )
    before, after = (load_backbone(path, workspace) for path in (run.backbone, further.backbone))
    known = before.tokenizer.get_vocab_size()
    assert before.tokenizer.token_to_id("餐") is None
    assert after.tokenizer.token_to_id("餐") >= known
    assert after.tokenizer.get_vocab().items() >= before.tokenizer.get_vocab().items()
    assert after.shape.layers == before.shape.layers
    # Little has changed of what it knew.
    assert torch.nn.functional.cosine_similarity(after.words.weight[5:100], before.words.weight[5:100]).mean() > 0.9


def test_telling_made_up_tokens_from_true_ones_trains_the_same_kind_of_backbone(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    run = homefield.pretrain(
        corpus=[str(corpus)],
        objective="replaced-token",
        tokens=8_000,
        out=tmp_path / "run",
        workspace=workspace,
        **{**TINY, "learning_rate": 0.002},
    )
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines if line["kind"] == "step"]
    assert losses[-1] < losses[0]
    assert load_backbone(run.backbone, workspace).shape.layers == 1


def test_a_labelled_file_serves_as_a_probe(corpus: Path, tmp_path: Path, workspace: Workspace) -> None:
    lines = ["content,section"]
    for place in range(120):
        about = ("sport", "the match was won by team") if place % 2 else ("money", "the bank lowered its rate to")
        lines.append(f"{about[1]} {place * 7919 % 1000} {'abcdefghij'[place % 10] * 5},{about[0]}")
    (tmp_path / "news.csv").write_text("\n".join(lines), encoding="utf-8")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('probes = ["news.csv"]\n', encoding="utf-8")
    run = homefield.pretrain(
        recipe, corpus=[str(corpus)], tokens=2_000, evaluations=1, out=tmp_path / "run", workspace=workspace, **TINY
    )
    assert run.record["reached"]["probe_news"] > 0.9
    assert run.recipe.probes == (str(tmp_path / "news.csv"),)
    numbers = "\n".join(f"a text of {n} words here,{n}.5" for n in range(40))
    (tmp_path / "news.csv").write_text(f"content,section\n{numbers}", encoding="utf-8")
    with pytest.raises(CallError, match="labels are number") as raised:
        homefield.pretrain(
            recipe, corpus=[str(corpus)], tokens=2_000, out=tmp_path / "other", workspace=workspace, **TINY
        )
    assert raised.value.code == "pretrain.no_probe"


def test_the_output_layer_goes_on_too(run: Any, corpus: Path, tmp_path: Path, workspace: Workspace) -> None:
    keys = {key: TINY[key] for key in ("length", "long_length", "step_tokens", "held_out", "precision")}
    further = homefield.pretrain(
        corpus=[str(corpus)],
        backbone=str(run.backbone),
        tokens=600,
        learning_rate=1e-6,
        out=tmp_path / "further",
        workspace=workspace,
        **keys,
    )
    lines = [json.loads(line) for line in (further.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    before = next(line for line in lines if line["kind"] == "evaluation")["perplexity"]
    assert before == pytest.approx(run.record["reached"]["perplexity"], rel=0.2)


def test_the_card_says_what_it_is_in_both_languages(run: Any) -> None:
    card = (run.backbone / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlanguage:\n- zh\n- en\n")
    assert "局限" in card
    assert "Limits" in card
    assert f"{run.record['reached']['perplexity']:.2f}" in card


@pytest.mark.parametrize(
    ("keys", "key"),
    [({"tokens": 0}, "minutes"), ({"minutes": 1}, "minutes"), ({"heads": 3}, "heads"), ({"corpus": []}, "corpus")],
)
def test_keys_that_do_not_fit_each_other_are_refused(keys: Any, key: str, corpus: Path, tmp_path: Path) -> None:
    given = {**TINY, "corpus": [str(corpus)], "tokens": 1_000, **keys}
    with pytest.raises(RecipeFaults) as raised:
        homefield.pretrain(out=tmp_path / "run", workspace=Workspace(tmp_path), **given)
    assert [fault.key for fault in raised.value.faults] == [key]


def test_a_run_is_not_written_over_and_not_resumed_with_another_recipe(run: Any, workspace: Workspace) -> None:
    with pytest.raises(CallError) as raised:
        homefield.pretrain(corpus=["x"], tokens=1, out=run.path, workspace=workspace)
    assert raised.value.code == "pretrain.exists"
    with pytest.raises(RecipeFaults):
        homefield.pretrain(run.path / "recipe.toml", layers=5, out=run.path, resume=True, workspace=workspace)
    again = homefield.pretrain(run.path / "recipe.toml", out=run.path, resume=True, workspace=workspace)
    assert again.status == "finished"


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"corpus": ["nothere"]}, "pretrain.no_such_corpus"),
        ({"backbone": "nothere"}, "backbones.unknown"),
        ({"backbone": "cnn-text"}, "pretrain.not_an_encoder"),
        ({"teacher": "nothere", "pairs": "pairs.csv"}, "backbones.unknown"),
        ({"teacher": "minilm-en", "pairs": "nothere.csv"}, "data.missing_file"),
        ({"probes": ["nothere"]}, "dataset.missing"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_written(
    keys: Any, code: str, corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    with pytest.raises(HomefieldError) as raised:
        homefield.pretrain(
            out=tmp_path / "run", workspace=workspace, **{**TINY, "corpus": [str(corpus)], "tokens": 9, **keys}
        )
    assert raised.value.code == code
    assert not (tmp_path / "run").exists()
    assert not (workspace.cache / "corpora").exists()


def test_a_run_that_failed_before_its_first_checkpoint_is_replaced(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    keys: dict[str, Any] = {**TINY, "corpus": [str(corpus)], "tokens": 600, "out": tmp_path / "run"}
    with pytest.raises(CallError) as raised:
        homefield.pretrain(workspace=workspace, **{**keys, "long_length": 8_000})
    assert raised.value.code == "pretrain.small_corpus"
    run = homefield.pretrain(workspace=workspace, **keys)
    assert run.status == "finished"
    assert "error" not in run.record
    # One that holds more than its traces is somebody's: it stays.
    (run.path / "run.json").write_text(json.dumps({"status": "failed"}), encoding="utf-8")
    with pytest.raises(CallError) as raised:
        homefield.pretrain(workspace=workspace, **keys)
    assert raised.value.code == "pretrain.exists"


def small(corpus: Path, tmp_path: Path, workspace: Workspace, **keys: Any) -> tuple[Any, list[str]]:
    """A run in a moment, and the keys of what it told."""
    told: list[str] = []
    given: dict[str, Any] = {**TINY, "corpus": [str(corpus)], "tokens": 600, "evaluations": 1, **keys}
    run = homefield.pretrain(
        out=tmp_path / "run", workspace=workspace, listen=lambda event: told.append(event.key), **given
    )
    return run, told


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def test_of_a_small_corpus_enough_is_held_out_to_measure_and_all_that_is_written_is_json(
    tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "few.txt"
    file.write_text("\n".join(lines_of(300)), encoding="utf-8")
    run, told = small(file, tmp_path, workspace, held_out=0.005, length=64, long_length=64)
    assert "pretrain.more_held_out" in told
    assert run.record["corpus"]["held_out"] >= 8 * 64
    assert run.record["corpus"]["held_out"] < 0.2 * run.record["corpus"]["tokens"]
    assert run.record["reached"]["perplexity"] > 1
    for written in (run.path / "run.json", run.backbone / "config.json"):
        json.loads(written.read_text(encoding="utf-8"), parse_constant=no_constant)


def test_where_nothing_can_be_held_out_it_is_said_and_no_number_is_made_up(
    tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "one.txt"
    file.write_text("".join(lines_of(200)), encoding="utf-8")
    run, told = small(file, tmp_path, workspace)
    assert "pretrain.nothing_held_out" in told
    assert run.record["reached"] == {}
    json.loads((run.backbone / "config.json").read_text(encoding="utf-8"), parse_constant=no_constant)


def test_a_text_that_the_tokenizer_does_not_know_is_told(tmp_path: Path, workspace: Workspace) -> None:
    file = tmp_path / "odd.txt"
    lines = [f"{line}{chr(0x4E00 + place * 37 % 20_000)}" for place, line in enumerate(lines_of(1_500))]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert "pretrain.much_unknown" in small(file, tmp_path, workspace, vocabulary=300, pieces=250)[1]


def test_a_budget_that_preparing_uses_up_and_a_backbone_that_grew_worse_are_told(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    run, told = small(corpus, tmp_path, workspace, tokens=0, minutes=0.01, learning_rate=30, clip=0)
    assert {"pretrain.budget_used_up", "pretrain.grew_worse"} <= set(told)
    assert run.record["reached"]["perplexity"] > run.record["first"]["perplexity"]


def load_backbone(path: Path, workspace: Workspace) -> Encoder:
    backbone = load(resolve(str(path), workspace=workspace))
    assert isinstance(backbone, Encoder)
    return backbone
