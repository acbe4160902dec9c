"""What is a customer's own becomes a placeholder; prices, telephone numbers of the company and its hours stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.apps.support.slots import called, impersonal, only_data, slotted, veiled


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Your order LD24070418 arrives soon.", "Your order {order_id} arrives soon."),
        ("Your order number is 204817.", "Your order number is {order_id}."),
        ("您的订单号是204817，已发货。", "您的订单号是{order_id}，已发货。"),
        ("Order 20417733 is packed.", "Order {order_id} is packed."),
        ("运单号SF1390245577，10月6日送到", "运单号{tracking_id}，{date}送到"),
        ("The parcel with tracking number is SF1390245577.", "The parcel with tracking number is {tracking_id}."),
        ("It was shipped on 20250314.", "It was shipped on {date}."),
        ("The fitter comes at 15:30.", "The fitter comes at {time}."),
        ("Dear Anna, it is done.", "Dear {name}, it is done."),
    ],
)
def test_a_customers_own_becomes_a_placeholder(written: str, expected: str) -> None:
    assert slotted(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "Call our hotline 4008200088.",
        "客服电话400-820-0088，或拨打95338123。",
        "The villa set costs ¥120000.",
        "整套共120000元。",
        "It weighs 1000000 kg.",
        "邮编是200030。",
        "Postcode 10115678 please.",
        "We are open from 10:00 to 21:00.",
        "展厅每天10:00到21:00营业",
        "Model KX4000 is in stock.",
        "It has 123456 parts.",
    ],
)
def test_what_the_company_says_stays(written: str) -> None:
    assert slotted(written) == written


@given(st.text(alphabet="LD0123456789 .,:¥元订单order电话", max_size=60))
def test_what_is_slotted_stays_as_it_is_when_slotted_again(written: str) -> None:
    once = slotted(written)
    assert slotted(once) == once


def test_a_message_that_only_gives_what_was_asked_for_is_told_from_one_that_says_something() -> None:
    for data in ("LD24071550", "订单号LD24071550", "my order number is LD24071550", "[手机号]", "[EMAIL]"):
        assert only_data(data), data
    for said in ("where is LD24071550?", "LD24071550 到哪了", "ok", "", "my order"):
        assert not only_data(said), said


def test_every_placeholder_that_is_made_has_a_name_a_customer_understands() -> None:
    made = {"order_id", "tracking_id", "phone", "email", "date", "time", "name"}
    assert {called(one, "zh") for one in made} == {"订单号", "运单号", "手机号", "邮箱", "日期", "时间", "姓名"}
    assert called("order_id", "en") == "order number"
    assert called("delivery_slot", "zh") == "delivery slot"


@pytest.mark.parametrize(
    "question",
    [
        "please change the address of LD24112611 to Harbour Street", "Can you refund to another card, [CARD]?",
        "invoice please, send to [EMAIL]", "deliver it to Anna instead", "my name is anna, where is it",
        "地址改成文三路", "联系人陈静", "我的手机号是[手机号]", "订单20417733到哪了", "x" * 100,
    ],
)  # fmt: skip
def test_a_question_that_could_be_one_customers_alone_is_shown_to_no_other(question: str) -> None:
    assert not impersonal(question)


@pytest.mark.parametrize(
    "question", ["Where is my order?", "I want to return it", "怎么退货", "还在路上吗", "有发票吗"]
)
def test_a_question_of_anybody_may_be_shown(question: str) -> None:
    assert impersonal(question)


def test_evidence_is_shown_without_numbers() -> None:
    assert veiled("is LD24112611 on its way to 20417733?") == "is … on its way to …?"
    assert veiled("how long is the warranty, 2 years?") == "how long is the warranty, 2 years?"
