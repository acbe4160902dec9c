"""What a customer service is taught in the terminal: listed with who, when and why, and withdrawn by its number."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homefield.messages import Language

from ..apps.support.understanding.conftest import Shop, shop
from .conftest import Ran

__all__ = ["shop"]

Run = Callable[..., Ran]


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Path:
    """The shop's workspace, to be taught."""
    return Path(shutil.copytree(shop.workspace.root, tmp_path / "workspace"))


def test_what_was_taught_is_listed_and_withdrawn(run: Run, own: Path, language: Language) -> None:
    def support(*words: str) -> Any:
        ran = run("--workspace", own, "support", *words)
        assert ran.code == 0, ran.err
        return ran.out

    assert {"en": "shop was taught nothing yet", "zh": "shop 还没有被教过"}[language] in support("taught", "shop")
    shown = support("teach", "shop", "do you buy old furniture", "--text", "We do.", "--why", "asked often")
    assert "homefield support taught shop" in shown
    support("teach", "shop", "怎么退货台灯", "--answer", "付款")
    shown = support("taught", "shop")
    for piece in ("do you buy old furniture", ": We do.", "asked often", "怎么退货台灯", "付款", "NUMBER"):
        assert piece in shown
    told = run("--json", "--workspace", own, "support", "taught", "shop", "--limit", "1").json["corrections"]
    assert [(each["number"], each["language"], each["answer"]) for each in told] == [(2, "zh", "付款")]
    assert "We do." in support("ask", "shop", "do you buy old furniture")
    assert "do you buy old furniture" in support("unteach", "shop", "1")
    assert "We do." not in support("ask", "shop", "do you buy old furniture")
    assert {"en": "withdrawn by", "zh": "撤回"}[language] in support("taught", "shop")
    ran = run("--workspace", own, "support", "unteach", "shop", "7")
    assert ran.code == 2
    assert "homefield support taught shop" in ran.err
    assert "support taught NAME" in run("--workspace", own, "feedback", "list").out
