"""A small corpus in both languages, made in a moment, and keys for a network that learns it in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from homefield.workspace import Workspace

SUBJECTS = ["我们的银行", "这家公司", "新的手机", "上海的客户", "北京大学的学生", "the customer", "our online shop"]
VERBS = ["喜欢", "退回了", "购买", "正在研究", "refunds", "sold out of", "没有收到"]
OBJECTS = ["信用卡", "人工智能产品", "2024年的报告", "快递包裹", "a credit card", "the last order", "股票和基金"]
TINY = {
    "vocabulary": 400,
    "pieces": 150,
    "layers": 1,
    "width": 32,
    "heads": 2,
    "grams": 200,
    "gram": 8,
    "length": 16,
    "long_length": 32,
    "step_tokens": 512,
    "held_out": 0.05,
    "learning_rate": 0.01,
    "precision": "fp32",
}


def lines_of(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [
        "，".join(
            f"{random.choice(SUBJECTS)}{random.choice(VERBS)}{random.choice(OBJECTS)}"
            for _ in range(random.integers(1, 4))
        )
        + f"。{number}"
        for number in range(count)
    ]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("corpus") / "texts.txt"
    file.write_text("\n".join(lines_of(1_500)), encoding="utf-8")
    return file


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")
