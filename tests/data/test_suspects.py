from __future__ import annotations

import random

import numpy as np

from homefield.data.suspects import affordable_rows, find_suspects

TOPICS = {
    "card": ["card", "plastic", "chip", "pin", "wallet"],
    "parcel": ["parcel", "courier", "delivery", "box", "tracking"],
    "退款": list("退款返还退回金额到账"),
    "登录": list("登录密码账号验证忘记"),
}
FILLER = ["please", "my", "the", "when", "where", "how", "is", "it", "today", "again"]


def planted(rows: int, share: float, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = random.Random(seed)
    texts, labels, wrong = [], [], []
    for _ in range(rows):
        topic = rng.randrange(len(TOPICS))
        words = rng.sample(list(TOPICS.values())[topic], 3) + rng.sample(FILLER, 3)
        rng.shuffle(words)
        texts.append(" ".join(words) if topic < 2 else "".join(words))
        wrong.append(rng.random() < share)
        labels.append((topic + 1 + rng.randrange(3)) % 4 if wrong[-1] else topic)
    return texts, np.array(labels), np.array(wrong)


def test_planted_wrong_labels_are_found_and_right_ones_left_alone() -> None:
    texts, labels, wrong = planted(1200, 0.03)
    found = find_suspects(texts, labels, np.arange(len(texts)))
    assert wrong[found.rows].mean() > 0.9
    assert wrong[found.rows].sum() / wrong.sum() > 0.8
    assert (np.diff(found.confidence - found.own) <= 0).all()
    assert (found.suggested != labels[found.rows]).all()


def test_copies_with_the_same_wrong_label_do_not_vouch_for_each_other() -> None:
    texts, labels, _ = planted(600, 0.0)
    texts += ["my card chip pin wallet plastic"] * 6
    labels = np.append(labels, [1] * 6)
    groups = np.append(np.arange(600), [600] * 6)
    assert set(range(600, 606)) <= set(find_suspects(texts, labels, groups).rows.tolist())


def test_the_same_rows_give_the_same_suspects() -> None:
    texts, labels, _ = planted(400, 0.05)
    one, two = (find_suspects(texts, labels, np.arange(400)) for _ in range(2))
    assert one.rows.tolist() == two.rows.tolist()


def test_what_is_looked_at_is_bounded() -> None:
    assert affordable_rows(1000, 77, 50, 200_000) == 1000
    assert affordable_rows(10_000_000, 10, 30, 200_000) == 200_000
    assert affordable_rows(10_000_000, 2000, 300, 200_000) < 20_000
    assert affordable_rows(500, 10, 0, 200_000) == 500
