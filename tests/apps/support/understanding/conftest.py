"""A small shop: approved answers, questions that led to them, and a release built from both, once a session."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homefield.apps.support.understanding.build import Built, build
from homefield.apps.support.understanding.opened import open_answerer
from homefield.bundle.registry import Registry, open_registry
from homefield.workspace import Workspace

from homefield.apps.support.understanding.answering import ReleaseAnswerer  # isort: skip

QUICK = {"backbone": "cnn-text", "epochs": "3"}
"""Recipe keys with which a release is built in seconds; it knows words rather than meanings."""

ANSWERS = """id,answer,language,audience,valid_from,valid_to
returns,You can return it within 14 days.,en,,,
shipping,We ship to every country for 9 euros.,en,,,
status,Order {order_id} is {state}.,en,,,
退货,您可以在 14 天内退货。,zh,,,
付款,可以用支付宝和微信付款。,zh,,,
discount,Members get 10 percent off.,en,members,,
no-discount,There is no discount at the moment.,en,guests,,
summer,The summer sale runs until August.,en,,2020-06-01,2020-08-31
"""
QUESTIONS = {
    "returns": (
        "how do i return a {}",
        "can i send the {} back",
        "return policy for a {}",
        "i want to give back my {}",
    ),
    "shipping": ("do you ship a {} abroad", "shipping cost of a {} to France", "deliver my {} to Austria"),
    "status": ("where is my order of a {}", "has the {} been sent yet", "track my parcel with the {}"),
    "退货": ("怎么退货{}", "我想把{}退掉", "{}可以退吗"),
    "付款": ("买{}可以用微信付款吗", "{}支持支付宝吗", "{}怎么付款"),
    "summer": ("is there a summer sale on {}", "summer price of a {}"),
}
SHARED = ("any discount on a {}", "is the {} cheaper for me")
"""Questions of the two answers about discounts, one for members and one for guests."""
THINGS = ("lamp", "sofa", "chair", "table", "mirror", "shelf")
DINGE = ("台灯", "沙发", "椅子", "桌子", "镜子", "书架")


@dataclass(frozen=True)
class Shop:
    """Its files, its workspace and what was built."""

    answers: Path
    pairs: Path
    workspace: Workspace
    built: Built


def write_pairs(file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["question", "answer"])
        for answer, wordings in QUESTIONS.items():
            for wording in wordings:
                out.writerows([wording.format(t), answer] for t in (THINGS if wording.isascii() else DINGE))
        for wording in SHARED:
            for thing in THINGS:
                out.writerow([wording.format(thing), "discount"])
                out.writerow([wording.format(thing), "no-discount"])


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    answers, pairs = folder / "answers.csv", folder / "pairs.csv"
    answers.write_text(ANSWERS, encoding="utf-8")
    write_pairs(pairs)
    workspace = Workspace(folder / "workspace")
    built = build("shop", workspace=workspace, pairs=pairs, answers=answers, settings=QUICK)
    return Shop(answers, pairs, workspace, built)


@pytest.fixture
def registry(shop: Shop) -> Iterator[Registry]:
    with open_registry(shop.workspace) as opened:
        yield opened


@pytest.fixture
def answerer(registry: Registry) -> ReleaseAnswerer:
    return open_answerer(registry, "shop@1")
