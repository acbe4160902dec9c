from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.data.augment import NOISE, augment, parse_noise
from homefield.data.typing_errors import HOMOPHONES, NEIGHBOURS

EN = "Please tell me when my parcel will arrive, I have not got any message about it"
ZH = "请问我的订单什么时候发货，到现在还没有收到快递的消息"


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("text", [EN, ZH])
def test_each_kind_changes_texts_in_both_languages(kind: str, text: str) -> None:
    (variants,) = augment([text], shares={kind: 0.5}, variants=8, seed=1)
    assert len(variants) == 8
    assert sum(variant != text for variant in variants) >= 6
    assert len(set(variants)) > 3


def test_a_variant_depends_on_text_number_and_seed_alone() -> None:
    alone = augment([ZH], variants=3, seed=5)[0]
    assert augment([EN, ZH, "x"], variants=5, seed=5)[1][:3] == alone
    assert augment([ZH], variants=3, seed=6)[0] != alone
    assert augment([ZH], shares=dict(reversed(list(parse_noise("usual").items()))), variants=3, seed=5)[0] == alone


def test_no_share_changes_nothing_and_a_larger_share_changes_more() -> None:
    assert augment([EN], shares={}, variants=2) == [[EN, EN]]
    assert augment([EN], shares=dict.fromkeys(NOISE, 0.0)) == [[EN]]
    little, much = (augment([EN] * 1, shares={"deletions": share}, variants=40)[0] for share in (0.05, 0.5))
    assert sum(map(len, little)) > sum(map(len, much)) * 1.3


def test_masked_data_and_negations_stay_whole() -> None:
    texts = ["call [PHONE] but do not charge my card and don't write", "请打[手机号]，我没有收到，不要再扣款"]
    for variant in augment(texts, shares=dict.fromkeys(NOISE, 0.5), variants=60)[0]:
        assert "[PHONE]" in variant
        assert re.search(r"\bnot\b", variant)
        assert re.search(r"\bdon't\b", variant)
    for variant in augment(texts, shares={**dict.fromkeys(NOISE, 0.5)}, variants=60)[1]:
        assert "[手机号]" in variant
        assert "没" in variant
        assert "不" in variant


@given(st.lists(st.text(max_size=30), max_size=5), st.integers(0, 3), st.integers())
@settings(deadline=None)
def test_any_text_gets_as_many_variants_as_asked_for(texts: list[str], variants: int, seed: int) -> None:
    made = augment(texts, shares=dict.fromkeys(NOISE, 0.4), variants=variants, seed=seed)
    assert [len(each) for each in made] == [variants] * len(texts)
    for text, each in zip(texts, made, strict=True):
        assert all(variant or not text for variant in each)


def test_noise_can_be_written_in_a_recipe() -> None:
    assert parse_noise("none") == parse_noise("") == {}
    assert set(parse_noise("usual")) == set(NOISE)
    assert parse_noise("deletions:0.2 + keyboard") == {"deletions": 0.2, "keyboard": parse_noise("usual")["keyboard"]}
    for wrong in ("shouting", "words:2", "words:much"):
        with pytest.raises(ValueError, match=r"expected|could not convert"):
            parse_noise(wrong)
    with pytest.raises(ValueError, match="expected one of characters"):
        augment([EN], shares={"shouting": 0.1})


def test_typing_errors_lie_beside_the_key_or_sound_the_same() -> None:
    assert set(NEIGHBOURS["g"]) == set("fhtyvb")
    assert set(NEIGHBOURS["q"]) == set("wa")
    assert all(key in NEIGHBOURS[near] for key, beside in NEIGHBOURS.items() for near in beside)
    assert set("地得") <= set(HOMOPHONES["的"])
    assert not set("不没无别非未勿莫否") & set("".join(HOMOPHONES.values()))
    assert all(character not in others for character, others in HOMOPHONES.items())
