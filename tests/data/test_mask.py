from __future__ import annotations

import random

import pytest

from homefield.data.clean import clean_text
from homefield.data.mask import KINDS, TOKENS, mask_text


def identity_number(rng: random.Random) -> str:
    body = f"{rng.choice(['110101', '440305', '310115'])}{rng.randint(1950, 2009)}{rng.randint(1, 12):02d}"
    body += f"{rng.randint(1, 28):02d}{rng.randint(0, 999):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def card_number(rng: random.Random, length: int = 19) -> str:
    body = "62" + "".join(rng.choices("0123456789", k=length - 3))
    for check in "0123456789":
        digits = [int(d) for d in reversed(body + check)]
        if sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0:
            return body + check
    raise AssertionError


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我的手机号是13812345678，请回电", "我的手机号是[手机号]，请回电"),
        ("联系电话13812345678谢谢", "联系电话[手机号]谢谢"),
        ("打１３８１２３４５６７８找我", "打[手机号]找我"),
        ("请致电 138-1234-5678 或 138 1234 5679", "请致电 [手机号] 或 [手机号]"),
        ("call +86 13812345678 now", "call [PHONE] now"),
        ("call (415) 555-2132 or +44 20 7946 0958", "call [PHONE] or [PHONE]"),
        ("座机010-62345678", "座机[手机号]"),
        ("mail me at jo.doe+x@mail.example.com, please", "mail me at [EMAIL], please"),
        ("邮箱abc_9@qq.com谢谢", "邮箱[邮箱]谢谢"),
        ("车牌京A12345违章", "车牌[车牌号]违章"),
        ("粤B·D12345是我的车", "[车牌号]是我的车"),
        ("护照号码是E12345678", "护照号码是[护照号]"),
        ("my passport number is AB1234567", "my passport number is [PASSPORT]"),
        ("passport no. 123456789", "passport no. [PASSPORT]"),
    ],
)
def test_personal_data_is_replaced_by_the_token_of_the_texts_language(text: str, masked: str) -> None:
    assert clean_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "订单号2023051212345678什么时候发货",
        "order 4000123412341235 has not arrived",
        "股票代码300750涨了",
        "身份证11010119900307775X不对",  # wrong check digit
        "卡号6222021234567890123余额",  # wrong Luhn sum
        "上涨12.5%，成交1381234万元",
        "version 10.15.7 build 1234567",
        "云南和川菜都好吃",
        "see you at 10:30 @ the shop",
        "13812345678901 is an order",
    ],
)
def test_what_only_looks_like_personal_data_stays(text: str) -> None:
    assert clean_text(text) == text


def test_every_right_identity_number_is_masked_and_a_wrong_one_is_not() -> None:
    rng = random.Random(1)
    for _ in range(200):
        number = identity_number(rng)
        assert mask_text(f"证件{number}号")[0] == "证件[身份证号]号"
        assert mask_text(f"id {number.lower()} ok")[0] == "id [ID] ok"
        wrong = number[:16] + str((int(number[16]) + 1) % 10) + number[17]
        assert "[身份证号]" not in mask_text(f"证件{wrong}号")[0]


@pytest.mark.parametrize("length", [16, 17, 18, 19])
def test_every_right_card_number_is_masked_with_or_without_spaces(length: int) -> None:
    rng = random.Random(length)
    for _ in range(100):
        number = card_number(rng, length)
        spaced = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
        assert mask_text(f"卡{number}")[0] == "卡[银行卡号]"
        assert mask_text(f"card {spaced}, thanks")[0] == "card [CARD], thanks"


def test_kinds_can_be_left_out_and_what_was_found_is_told() -> None:
    text = "a@b.com 13812345678"
    assert mask_text(text, ("email",)) == ("[EMAIL] 13812345678", ("email",))
    assert mask_text(text) == ("[EMAIL] [PHONE]", ("email", "phone"))
    assert mask_text(text, ()) == (text, ())
    assert set(TOKENS) == set(KINDS)
