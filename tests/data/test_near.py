from __future__ import annotations

import random
import string

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.data.near import MIN_CHARACTERS, near_groups
from homefield.data.shingles import shingle

COMMON_HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 800)]


def grams(text: str) -> frozenset[int]:
    return frozenset(shingle([text]).grams.tolist())


def jaccard(one: str, two: str) -> float:
    left, right = grams(one), grams(two)
    return len(left & right) / max(len(left | right), 1)


def sentence(rng: random.Random, chinese: bool) -> str:
    if chinese:
        return "".join(rng.choices(COMMON_HAN, k=rng.randint(10, 60)))
    return " ".join(
        "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 9))) for _ in range(rng.randint(4, 20))
    )


def slightly_changed(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    return rng.choice([text + "?", text[:place] + text[place + 1 :], text[:place] + "x" + text[place:], text.upper()])


def test_texts_that_differ_in_case_spaces_and_punctuation_are_together() -> None:
    groups = near_groups(["Where is my card?", "where is  my card", "WHERE IS MY CARD!!", "where is my cat"])
    assert len(set(groups[:3].tolist())) == 1
    assert groups[3] != groups[0]


def test_short_chinese_texts_are_together_only_when_equal_but_for_punctuation() -> None:
    groups = near_groups(["怎么还款", "怎么还款？", "怎么退款", "怎么换款", "好的", "好的。"])
    assert groups.tolist() == [0, 0, 1, 2, 3, 3]


def test_a_word_more_or_less_in_a_long_text_is_a_near_duplicate_and_another_matter_is_not() -> None:
    texts = [
        "我昨天在你们店里买的手机屏幕碎了，可以免费换一个新的吗",
        "我昨天在你们店里买的手机屏幕碎了，可以免费换一个吗",
        "我昨天在你们店里买的电脑键盘坏了，要怎么寄回去修理呢",
    ]
    groups = near_groups(texts)
    assert groups[0] == groups[1] != groups[2]


def test_planted_near_duplicates_are_found_and_nothing_else_is_joined() -> None:
    rng = random.Random(3)
    originals = [sentence(rng, chinese=bool(number % 2)) for number in range(3000)]
    copies = [slightly_changed(rng, text) for text in originals]
    groups = near_groups(originals + copies)
    similar = [place for place in range(3000) if jaccard(originals[place], copies[place]) >= 0.8]
    found = sum(groups[place] == groups[3000 + place] for place in similar)
    assert len(similar) > 2500
    assert found / len(similar) > 0.995
    sizes = np.bincount(groups)
    assert sizes.max() <= 3  # nothing unrelated came together


TEXTS = st.lists(st.text("ab c我你好1，", max_size=24), max_size=40)


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_every_group_is_connected_by_pairs_that_are_alike(texts: list[str]) -> None:
    groups = near_groups(texts)
    keys = shingle(texts)
    for group in set(groups.tolist()):
        members = np.flatnonzero(groups == group).tolist()
        reached, waiting = {members[0]}, [members[0]]
        while waiting:
            at = waiting.pop()
            for other in members:
                alike = keys.keys[at] == keys.keys[other] or (
                    min(keys.sizes[at], keys.sizes[other]) >= MIN_CHARACTERS and jaccard(texts[at], texts[other]) >= 0.8
                )
                if other not in reached and alike:
                    reached.add(other)
                    waiting.append(other)
        assert reached == set(members)


@given(TEXTS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_equal_keys_are_always_together_whatever_the_order(texts: list[str], rng: random.Random) -> None:
    order = list(range(len(texts)))
    rng.shuffle(order)
    groups = near_groups([texts[place] for place in order])
    keys = shingle(texts).keys[order] if texts else []
    for key in set(map(int, keys)):
        assert len({int(group) for group, other in zip(groups, keys, strict=True) if int(other) == key}) == 1


def test_groups_are_numbered_in_the_order_of_appearance() -> None:
    assert near_groups(["b" * 20, "a" * 20, "B" * 20, "c" * 20]).tolist() == [0, 1, 0, 2]
    assert near_groups([]).tolist() == []
    assert near_groups(["", "!", "？"]).tolist() == [0, 0, 0]


def test_a_threshold_of_one_joins_equal_keys_only() -> None:
    texts = [
        "the quick brown fox jumps over it",
        "the quick brown fox jumped over it",
        "The quick brown fox jumps over it!",
    ]
    assert near_groups(texts, threshold=1.0).tolist() == [0, 1, 0]
    assert near_groups(texts, threshold=0.7).tolist() == [0, 0, 0]


def test_one_template_with_many_numbers_costs_no_more_than_its_size() -> None:
    texts = [f"您的订单{number}已经发货，请注意查收，谢谢您的购买与支持" for number in range(20_000)]
    assert np.bincount(near_groups(texts)).max() > 10_000
