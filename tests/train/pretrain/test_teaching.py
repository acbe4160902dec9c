"""A student learns a teacher's vectors for sentences and their translations, beside hidden words, and loses no step."""

from __future__ import annotations

import csv
import json
import os
import signal
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import homefield
from homefield.backbones.catalogue import resolve
from homefield.backbones.load import load
from homefield.errors import RecordsError
from homefield.messages import LANGUAGES
from homefield.train.checkpoint import Place
from homefield.train.faults import RecipeFaults
from homefield.train.precision import Precision
from homefield.train.pretrain.course import Budget, Stretch, Turns
from homefield.train.pretrain.recipe import load_pretrain_recipe
from homefield.train.pretrain.teaching import Teaching, teaching_from
from homefield.workspace import Workspace

from .conftest import TINY
from .test_pretrain import _finish, _start, _wait_for

WHO = [("the bank", "我们的银行"), ("the company", "这家公司"), ("a student", "北京大学的学生"), ("the shop", "商店")]
DOES = [("likes", "喜欢"), ("returned", "退回了"), ("buys", "购买"), ("studies", "正在研究"), ("lost", "没有收到")]
WHAT = [("a credit card", "信用卡"), ("the report", "报告"), ("the parcel", "快递包裹"), ("shares", "股票和基金")]
CLAUSES = [(" ".join(e for e, _ in words), "".join(z for _, z in words)) for words in product(WHO, DOES, WHAT)]
PAIRS = [
    (f"{CLAUSES[one][0]}, {CLAUSES[other][0]}", f"{CLAUSES[one][1]}，{CLAUSES[other][1]}")
    for one, other in np.random.default_rng(0).permutation(list(product(range(len(CLAUSES)), repeat=2)))[:800].tolist()
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("en", "zh"), *PAIRS, ("", "没有原文"), ("no translation", "")])
    return file


@pytest.fixture(scope="module")
def teacher(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    keys: dict[str, Any] = {"corpus": [str(corpus)], "tokens": 512, **TINY}
    return homefield.pretrain(out=folder / "run", workspace=Workspace(folder / "workspace"), **keys).backbone


@pytest.mark.parametrize("width", [32, 48])
def test_translations_come_to_lie_where_the_teacher_has_their_sentences(
    width: int, corpus: Path, pairs: Path, teacher: Path, tmp_path: Path, workspace: Workspace
) -> None:
    keys = {**TINY, "width": width, "tokens": 100_000, "evaluations": 2}
    told: list[str] = []
    run = homefield.pretrain(
        corpus=[str(corpus)], teacher=str(teacher), pairs=str(pairs), pair_share=0.7, out=tmp_path / "run",
        workspace=workspace, listen=lambda event: told.append(event.key), **keys,
    )  # fmt: skip
    assert "pretrain.taught_by" in told
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    first, *_, last = [line for line in lines if line["kind"] == "evaluation"]
    assert last["pair_cosine"] > 0.9 > first["pair_cosine"]
    assert last["pair_found"] > first["pair_found"] + 0.3
    assert last["pair_found_back"] > 0.3
    assert last["perplexity"] < 0.7 * first["perplexity"]
    for word in (str(teacher).replace("_", "\\_"), f"{run.record['reached']['pair_found']:.1%}"):
        assert word in (run.backbone / "README.md").read_text(encoding="utf-8")
    # What comes out is a backbone like any other: the layer to the teacher's width is not part of it.
    assert load(resolve(str(run.backbone), workspace=workspace)).width == width


def test_a_run_with_a_teacher_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    corpus: Path, pairs: Path, teacher: Path, tmp_path: Path, workspace: Workspace
) -> None:
    keys = {"tokens": 20_000, "teacher": teacher, "pairs": pairs, "width": 48}
    _finish(_start(corpus, tmp_path / "whole", workspace, **keys))
    process = _start(corpus, tmp_path / "killed", workspace, checkpoint_minutes=0.002, **keys)
    _wait_for(tmp_path / "killed", "checkpoints/step-*", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "backbone").exists()
    _finish(_start(corpus, tmp_path / "killed", workspace, "--resume", **keys))
    whole, killed = (load_file(tmp_path / name / "backbone" / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def laid_out(teacher: Path, workspace: Workspace, pairs: list[tuple[str, str]] = PAIRS) -> Teaching:
    student = load(resolve(str(teacher), workspace=workspace))
    return teaching_from(
        pairs, student, student, Precision("fp32", torch.device("cpu")), workspace.cache, lambda _: None
    )


def test_no_text_is_learned_from_and_measured(teacher: Path, workspace: Workspace) -> None:
    found = laid_out(teacher, workspace)
    assert len(found.measured) > 3
    assert not set(found.rows[:, 0]) & set(found.measured.flatten())
    assert not set(found.rows[:, 1]) & set(found.measured[:, 0])
    assert len(found.rows) == 2 * (len(PAIRS) - len(found.measured))


def test_the_teacher_itself_has_nothing_to_learn_of_sentences(teacher: Path, workspace: Workspace) -> None:
    found = laid_out(teacher, workspace)
    backbone = load(resolve(str(teacher), workspace=workspace))
    own = np.flatnonzero(found.rows[:, 0] == found.rows[:, 1])
    loss, weight = found.loss(backbone, own, Precision("fp32", torch.device("cpu")))
    assert float(weight) == len(own)
    assert loss.item() / len(own) == pytest.approx(0, abs=1e-4)


def test_a_file_without_pairs_says_what_it_has(
    corpus: Path, teacher: Path, tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "none.csv"
    file.write_text("en,zh\nhello,\n", encoding="utf-8")
    with pytest.raises(RecordsError) as raised:
        homefield.pretrain(
            corpus=[str(corpus)], tokens=1_000, teacher=str(teacher), pairs=str(file), out=tmp_path / "run",
            workspace=workspace, **TINY,
        )  # fmt: skip
    assert raised.value.code == "pretrain.no_pairs"
    assert all("en, zh" in raised.value.what(language) for language in LANGUAGES)


def test_a_handful_of_pairs_is_all_learned_from(teacher: Path, workspace: Workspace) -> None:
    found = laid_out(teacher, workspace, PAIRS[:3])
    assert len(found.rows) == 6
    backbone = load(resolve(str(teacher), workspace=workspace))
    assert found.measure(backbone, Precision("fp32", torch.device("cpu"))) == {}


@pytest.mark.parametrize(("keys", "key"), [({"teacher": "minilm-en"}, "pairs"), ({"pairs": "x.csv"}, "teacher")])
def test_a_teacher_needs_pairs_and_pairs_a_teacher(keys: Any, key: str, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeFaults) as raised:
        homefield.pretrain(
            corpus=[str(corpus)], tokens=1_000, out=tmp_path / "run", workspace=Workspace(tmp_path), **TINY, **keys
        )
    assert [fault.key for fault in raised.value.faults] == [key]


def test_a_recipe_s_pairs_are_taken_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('pairs = "zh_en.csv"\nteacher = "minilm-en"\n', encoding="utf-8")
    assert load_pretrain_recipe(tmp_path / "recipe.toml").pairs == str(tmp_path / "zh_en.csv")


@given(share=st.floats(0.01, 1), steps=st.integers(1, 300), rows=st.integers(1, 200), tokens=st.integers(1, 500))
def test_turns_have_their_share_of_the_steps_and_take_every_row_alike(
    share: float, steps: int, rows: int, tokens: int
) -> None:
    turns = Turns(share, np.full(rows, 10, np.int32), tokens, seed=3)
    due = [step for step in range(steps) if turns.due(step)]
    assert abs(len(due) - share * steps) < 1
    assert turns.before(steps) == len(due)
    taken = [turns.taken(step) for step in due]
    each = len(taken[0]) if taken else 0
    assert all(len(one) == each and len(set(one.tolist())) == each for one in taken)
    seen = np.bincount(np.concatenate(taken), minlength=rows) if taken else np.zeros(rows)
    passes = len(taken) // (rows // each) + 1 if taken else 0
    assert seen.max() <= passes


@given(at=st.integers(1, 90), share=st.sampled_from([0.25, 0.5, 1.0]))
def test_the_stream_is_gone_through_beside_the_pairs_and_from_any_step_on(at: int, share: float) -> None:
    recipe = load_pretrain_recipe(None, {"length": 16, "long_length": 32, "step_tokens": 256})
    turns = Turns(share, np.full(50, 10, np.int32), 256, seed=1)

    def walk(place: Place, most: int) -> list[tuple[bool, list[int]]]:
        course, taken = Stretch(recipe, 3_000, Budget(tokens=256 * 100), turns), []
        while not course.over(place) and place.step < most:
            leg = course.leg(place)
            for rows in leg.steps:
                cut, _ = course.cut_of(rows)
                taken.append((cut is None, rows.tolist()))
                assert leg.lengths[rows].tolist() == [10 if cut is None else cut.length] * len(rows)
                place.step += 1
                place.share = course.share(place, 0)
                if place.step == most:
                    break
        return taken

    whole = walk(Place(), 100)
    assert sum(of_pairs for of_pairs, _ in whole) == share * 100
    place = Place()
    assert walk(place, at) + walk(place, 100) == whole
