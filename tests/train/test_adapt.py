"""A backbone adapted to the records before it is fine-tuned: what it reads, who shares it, and who must not see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import homefield
from homefield.backbones import shelf
from homefield.backbones.catalogue import resolve
from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.load import load
from homefield.backbones.own import write_own
from homefield.backbones.tokenizer import corpus_tokenizer
from homefield.data.dataset import open_dataset
from homefield.errors import CallError
from homefield.events import Event
from homefield.messages import Language
from homefield.train.adapt import texts_to_read
from homefield.train.check import check_recipe
from homefield.train.faults import RecipeFaults
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

from .conftest import rows_of, write_dataset
from .test_distributed import free_port

DRIVER = Path(__file__).with_name("driver.py")
QUIET: dict[str, Any] = {"estimate": False, "baseline": False, "report": False, "precision": "fp32", "epochs": 2}
BUDGET: dict[str, Any] = {"adapt": True, "adapt_tokens": 12_000}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small backbone with random weights."""
    folder = tmp_path_factory.mktemp("own") / "tiny"
    tokenizer = corpus_tokenizer([text for text, _ in rows_of(300)], vocabulary=320, pieces=200)
    torch.manual_seed(0)
    encoder = Encoder(
        Facts("tiny", 2, 32, 64), tokenizer, Shape(tokenizer.get_vocab_size(), 32, 2, 2, 64, 64, types=0, norm="pre")
    )
    encoder.initialise()
    write_own(encoder, folder, weights="float32")
    return folder


def tuned(data: Path, out: Path, workspace: Workspace, told: list[Event] | None = None, **keys: Any) -> Any:
    given = {**QUIET, "data": data, **keys}
    return homefield.finetune(out=out, workspace=workspace, listen=(told if told is not None else []).append, **given)


def command(data: Path, out: Path, workspace: Workspace, own: Path, *more: str) -> list[str]:
    keys = [f"{key}={value}" for key, value in {**QUIET, **BUDGET, "backbone": own}.items()]
    return [sys.executable, str(DRIVER), str(data), str(out), str(workspace.root), *keys, *more]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "weights" / "network.safetensors")


def held_out(data: Path) -> set[str]:
    dataset = open_dataset(data)
    return {text for split in ("validation", "calibration", "test") for text in dataset.frame(split)["text"]}  # type: ignore[arg-type]


def test_it_reads_the_training_split_and_further_texts_and_nothing_held_out(
    own: Path, workspace: Workspace, tmp_path: Path
) -> None:
    texts = [f"{text} number {place}" for place, (text, _) in enumerate(rows_of(120))]
    data = write_dataset(tmp_path / "data", texts, [label for _, label in rows_of(120)])
    secret = held_out(data)
    (tmp_path / "more.txt").write_text("\n".join([*sorted(secret), "a new text", texts[0]]), encoding="utf-8")
    pl.DataFrame({"text": ["another text", "a new text"], "id": [1, 2]}).write_csv(tmp_path / "more.csv")
    keys = {"data": data, "backbone": own, "adapt": True, "unlabelled": ["more.txt", "more.csv"]}
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('unlabelled = ["more.txt", "more.csv"]\nadapt = true\n', encoding="utf-8")
    loaded = load_recipe(recipe, {key: str(keys[key]) for key in ("data", "backbone")})
    read, further = texts_to_read(check_recipe(loaded, workspace))
    assert further == 2
    assert read[-2:] == ["a new text", "another text"]
    assert set(read[:-2]) == set(open_dataset(data).frame("train")["text"])
    assert not set(read) & secret


def test_seeds_share_what_came_of_it_and_everything_says_so(own: Path, workspace: Workspace, tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(150), strict=True))
    first = tuned(data, tmp_path / "a", workspace, backbone=own, report=True, **BUDGET)
    assert first.record["backbone"] == "tiny+adapted"
    adapted = first.record["adapted"]
    assert (adapted["backbone"], adapted["texts"], adapted["unlabelled"]) == ("tiny", 90, 0)
    assert 12_000 <= adapted["tokens"] < 20_000
    assert adapted["perplexity"] is None or adapted["perplexity"] > 1
    assert not (tmp_path / "a" / "adapted").exists()
    assert not (tmp_path / "a" / "adapting").exists()
    told: list[Event] = []
    second = tuned(data, tmp_path / "b", workspace, told, backbone=own, seed=1, **BUDGET)
    assert "adapt.reused" in {event.key for event in told}
    assert "adapt.step" not in {event.key for event in told}
    assert second.record["adapted"] == adapted
    assert [entry.kind for entry in shelf.entries(workspace.cache)].count("adapted") == 1
    report = json.loads((tmp_path / "a" / "report.json").read_text(encoding="utf-8"))
    assert report["dataset"]["adapted"] == adapted
    model = homefield.export(first, tmp_path / "model")
    assert model.manifest.backbone["name"] == "tiny+adapted"
    assert model.manifest.backbone["adapted"] == adapted
    card = (tmp_path / "model" / "card.md").read_text(encoding="utf-8")
    assert "pretrained further on 90 training texts" in card
    assert "90 条训练文本" in card


def test_states_of_the_adapted_backbone_are_not_taken_for_those_of_the_other(
    own: Path, workspace: Workspace, tmp_path: Path
) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(100), strict=True))

    def cached() -> set[str]:
        return {entry.path.name for entry in shelf.entries(workspace.cache) if entry.kind == "activations"}

    tuned(data, tmp_path / "a", workspace, backbone=own, train="head")
    plain = cached()
    run = tuned(data, tmp_path / "b", workspace, backbone=own, train="head", **BUDGET)
    adapted = cached() - plain
    assert len(adapted) == len(plain) > 0
    frozen = load(resolve(str(own), workspace=workspace)).state_dict()
    changed = run.network().backbone.state_dict()
    assert any(not torch.equal(frozen[name], changed[name]) for name in frozen)


def test_killed_while_adapting_it_goes_on_to_the_same_weights(own: Path, tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(100), strict=True))
    # Of two workspaces, so that nothing is taken from the cache.
    subprocess.run(command(data, tmp_path / "whole", Workspace(tmp_path / "one"), own), check=True, timeout=240)
    out, workspace = tmp_path / "killed", Workspace(tmp_path / "two")
    process = subprocess.Popen(command(data, out, workspace, own, "checkpoint_minutes=0"))
    until = time.monotonic() + 200
    while not list(out.glob("adapting/*/checkpoints/step-*")):
        assert time.monotonic() < until, "no checkpoint came"
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "adapted").exists()
    subprocess.run(command(data, out, workspace, own, "--resume"), check=True, timeout=240)
    whole, killed = weights(tmp_path / "whole"), weights(out)
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_a_run_goes_on_with_the_backbone_it_began_with_though_the_cache_was_emptied(
    own: Path, workspace: Workspace, tmp_path: Path
) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(100), strict=True))

    def press(event: Event) -> None:
        if event.key == "train.stage_score":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(homefield.errors.Interrupted):
        homefield.finetune(
            data=data, backbone=own, out=tmp_path / "run", workspace=workspace, listen=press, **QUIET, **BUDGET
        )
    shelf.clear(workspace.cache)
    told: list[Event] = []
    run = homefield.finetune(
        tmp_path / "run" / "recipe.toml", out=tmp_path / "run", resume=True, workspace=workspace, listen=told.append
    )
    assert run.status == "finished"
    assert not {event.key for event in told} & {"adapt.step", "adapt.begun", "adapt.reused"}


def test_asked_to_stop_while_adapting_it_says_how_to_go_on(
    own: Path, workspace: Workspace, tmp_path: Path, language: Language
) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(100), strict=True))

    def press(event: Event) -> None:
        if event.key == "adapt.step":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(homefield.errors.Interrupted) as raised:
        homefield.finetune(
            data=data, backbone=own, out=tmp_path / "run", workspace=workspace, listen=press, **QUIET, **BUDGET
        )
    assert raised.value.code == "adapt.interrupted"
    assert f"homefield finetune --out {tmp_path / 'run'} --resume" in str(raised.value)
    assert ("Stopped while adapting" if language == "en" else "适应过程在") in str(raised.value)


def test_two_processes_adapt_together(own: Path, tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(400), strict=True))
    subprocess.run(command(data, tmp_path / "one", Workspace(tmp_path / "1"), own), check=True, timeout=240)
    several = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    words = command(data, tmp_path / "two", Workspace(tmp_path / "2"), own)
    ended = subprocess.run([words[0], *several, *words[1:]], timeout=240, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    one, two = (json.loads((tmp_path / name / "run.json").read_text())["adapted"] for name in ("one", "two"))
    assert (one["steps"], one["tokens"]) == (two["steps"], two["tokens"])
    # Each process hides words of its own rows at random, so it is as good, not the same.
    assert one["perplexity"] == pytest.approx(two["perplexity"], rel=0.1)
    records = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("one", "two")]
    assert [record["status"] for record in records] == ["finished", "finished"]


def test_minilm_goes_on_without_new_vocabulary(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    run = tuned(
        make_dataset(150), tmp_path / "run", workspace, backbone="minilm-en", train="head", adapt=True, adapt_tokens=500
    )
    before, after = load(resolve("minilm-en", workspace=workspace)), run.network().backbone
    assert after.tokenizer.to_str() == before.tokenizer.to_str()
    assert after.word_table().weight.shape == before.word_table().weight.shape
    assert run.record["backbone"] == "minilm-en+adapted"


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"adapt": False, "adapt_tokens": 500}, "adapt_tokens", "adapt = true"),
        ({"backbone": "cnn-text"}, "adapt", "cnn-text has no pre-training to go on with"),
        ({"backbone": "bigru"}, "adapt", "bigru has no pre-training to go on with"),
        ({"adapt_minutes": 1, "adapt_tokens": 5}, "adapt_minutes", "expected one budget"),
        ({"unlabelled": ["nothing.csv"]}, "unlabelled", "there is no file"),
    ],
)
def test_what_cannot_be_adapted_is_refused(
    keys: dict[str, Any], key: str, said: str, make_dataset: Callable[..., Path], workspace: Workspace
) -> None:
    given = {"data": str(make_dataset(60)), "backbone": "minilm-en", "adapt": True, **keys}
    with pytest.raises(RecipeFaults) as raised:
        check_recipe(load_recipe(None, given), workspace)
    assert [fault.key for fault in raised.value.faults] == [key]
    assert said in raised.value.what("en")


def test_a_tokenizer_without_a_token_that_hides_others_is_refused(
    own: Path, make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in own.iterdir():
        (other / file.name).write_bytes(file.read_bytes().replace(b"[MASK]", b"<mask>"))
    given = {"data": str(make_dataset(60)), "backbone": str(other), "adapt": True}
    with pytest.raises(RecipeFaults, match="other cannot be pretrained further"):
        check_recipe(load_recipe(None, given), workspace)


def test_too_few_texts_are_an_error_that_says_how_many(own: Path, workspace: Workspace, tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", *zip(*rows_of(20), strict=True))
    with pytest.raises(CallError, match="at least 160 are needed") as raised:
        tuned(data, tmp_path / "run", workspace, backbone=own, **BUDGET)
    assert raised.value.code == "adapt.too_little"
