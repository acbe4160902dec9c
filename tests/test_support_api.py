"""Customer service in Python: built, asked and judged as the commands do it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import homefield
from homefield import support
from homefield.errors import CallError
from homefield.workspace import Workspace

from .apps.support.understanding.conftest import ANSWERS, QUICK, write_pairs


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    write_pairs(folder / "pairs.csv")
    place = Workspace(folder / "workspace")
    built = homefield.support.build(
        "shop", pairs=folder / "pairs.csv", answers=str(folder / "answers.csv"), workspace=place, **QUICK
    )
    assert (built.release.name, built.release.version) == ("shop", 1)
    return place


def test_it_is_asked_by_name_or_once_loaded(workspace: Workspace) -> None:
    reply = support.ask("shop", "how do i return a lamp", workspace=workspace)
    assert (reply.decision, reply.answer, reply.release) == ("answer", "returns", "shop@1")
    answerer = support.load("shop@1", workspace=workspace)
    assert support.ask(answerer, "any discount on a lamp", audience="members").answer == "discount"
    values = {"order_id": "7", "state": "sent"}
    assert support.ask(answerer, "where is my order of a lamp", variables=values).text == "Order 7 is sent."
    assert support.ask(answerer, "怎么退货台灯", language="zh").answer == "退货"


def test_it_is_judged_on_questions_with_the_right_answers(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    file.write_text("frage,antwort\nhow do i return a sofa,returns\ndo you ship a sofa abroad,shipping\n", "utf-8")
    verdict = support.evaluate("shop", file, columns={"question": "frage", "answer": "antwort"}, workspace=workspace)
    assert (verdict.release, verdict.numbers["rows"], verdict.numbers["recall_1"]) == ("shop@1", 2, 1.0)


def test_what_is_not_there_is_said(workspace: Workspace) -> None:
    with pytest.raises(CallError, match="no customer service named shoe"):
        support.ask("shoe", "hi", workspace=workspace)
    with pytest.raises(CallError) as caught:
        support.build("shop", workspace=workspace)
    assert caught.value.code == "support.one_source"


@pytest.mark.parametrize("name", support.__all__)
def test_every_function_says_what_it_raises(name: str) -> None:
    assert "Raises:" in (inspect.getdoc(getattr(support, name)) or "")


def test_naming_it_imports_nothing_heavy() -> None:
    heavy = ("torch", "polars", "numpy", "scipy")
    script = f"import sys, homefield; homefield.support.ask; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
