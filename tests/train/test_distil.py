"""What is learned from a teacher, beside labels and without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from homefield.errors import RecipeError, RecordsError
from homefield.train.check import check_recipe
from homefield.train.distil import alike_loss, read_unlabelled, soft_loss
from homefield.train.finetune import finetune
from homefield.train.recipe import Recipe, load_recipe
from homefield.workspace import Workspace

QUIET = {"estimate": False, "baseline": False, "report": False, "precision": "fp32"}


def outputs(seed: int) -> torch.Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))


def test_soft_answers_are_learned_by_the_formula_of_the_paper() -> None:
    own, teacher = outputs(0), outputs(1)
    likely = torch.softmax(teacher / 2, 1)
    expected = 4 * (likely * (likely.log() - torch.log_softmax(own / 2, 1))).sum()
    torch.testing.assert_close(soft_loss(own, teacher, "category", 2.0), expected)
    sets = 4 * F.binary_cross_entropy_with_logits(own / 2, torch.sigmoid(teacher / 2), reduction="sum") / 3
    torch.testing.assert_close(soft_loss(own, teacher, "categories", 2.0), sets)
    torch.testing.assert_close(soft_loss(own, teacher, "number", 2.0, 2.0), ((own - teacher) / 2).square().sum())


def test_who_answers_as_the_teacher_has_nothing_left_to_learn() -> None:
    assert float(soft_loss(outputs(0), outputs(0), "category", 3.0)) == pytest.approx(0.0, abs=1e-6)


def unit(count: int, width: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_what_a_teacher_finds_alike_is_learned_by_the_formula_whatever_the_widths() -> None:
    own, teacher = unit(4, 3, 0), unit(4, 5, 1)
    expected = 0.0
    for row in range(4):
        rest = [place for place in range(4) if place != row]
        said, likely = (torch.softmax(each[rest] @ each[row] / 0.1, 0) for each in (own, teacher))
        expected += float((likely * (likely / said).log()).sum()) / 4
    assert float(alike_loss(own, teacher, 0.1)) == pytest.approx(expected, rel=1e-5)


@given(count=st.integers(2, 8), seed=st.integers(0, 1_000))
def test_vectors_that_lie_as_the_teacher_s_have_nothing_left_to_learn(count: int, seed: int) -> None:
    teacher = unit(count, 6, seed)
    turn, _ = torch.linalg.qr(torch.randn(8, 6, generator=torch.Generator().manual_seed(seed)))
    own = (teacher @ turn.T).requires_grad_()
    loss = alike_loss(own, teacher, 0.05)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-5)
    assert own.grad is not None
    assert own.grad.abs().max() < 1e-3


def test_texts_without_labels_are_cleaned_and_never_those_of_the_dataset(tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text(
        "text\n held out \n  new &amp; fresh \nnew &amp; fresh\ncall 13812345678 now please\n", encoding="utf-8"
    )
    found = read_unlabelled(Recipe(unlabelled=str(file)), {}, ["held out"])
    assert found == ["new & fresh", "call [PHONE] now please"]


@pytest.mark.parametrize(("name", "written"), [("more.txt", ""), ("more.txt", " \n\n"), ("more.csv", "a,b\n1,2\n")])
def test_a_file_without_texts_is_told(tmp_path: Path, name: str, written: str) -> None:
    (tmp_path / name).write_text(written, encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        read_unlabelled(Recipe(unlabelled=str(tmp_path / name)), {}, [])
    assert caught.value.what("en") == f"{tmp_path / name} holds no texts to learn from."
    assert "`unlabelled`" in caught.value.next_step("zh")


def test_a_student_learns_from_a_run_and_a_run_goes_on_from_another(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = str(make_dataset(150))
    first = finetune(
        load_recipe(None, {**QUIET, "data": data, "backbone": "cnn-text", "epochs": 6}),
        tmp_path / "a",
        workspace=workspace,
    )
    more = tmp_path / "more.csv"
    more.write_text("text\n" + "\n".join(f"my card {n} is lost in the app" for n in range(40)) + "\n", encoding="utf-8")
    keys = {**QUIET, "data": data, "teacher": str(first.path), "soft": 1.0, "unlabelled": str(more)}
    student = finetune(
        load_recipe(None, {**keys, "backbone": "bigru", "epochs": 8}), tmp_path / "b", workspace=workspace
    )
    assert student.metrics["test"]["accuracy"] > 0.6
    on = {
        **QUIET,
        "data": data,
        "start": str(first.path),
        "epochs": 1,
        "learning_rate": 1e-6,
        "head_learning_rate": 1e-6,
    }
    again = finetune(load_recipe(None, on), tmp_path / "c", workspace=workspace)
    assert again.record["backbone"] == "cnn-text"
    assert again.metrics["test"]["accuracy"] == pytest.approx(first.metrics["test"]["accuracy"], abs=0.1)


def test_a_teacher_of_other_labels_is_refused(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = str(make_dataset(60))
    with pytest.raises(RecipeError, match="has not been trained to its end"):
        check_recipe(load_recipe(None, {"data": data, "teacher": str(tmp_path)}), workspace)
    with pytest.raises(RecipeError, match="learned from a teacher"):
        check_recipe(load_recipe(None, {"data": data, "unlabelled": "more.csv"}), workspace)
