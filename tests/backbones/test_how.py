"""What a user may write for HOW, and what he is told when it is something else."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from homefield.backbones.how import How, parse_how
from homefield.errors import CallError
from homefield.messages import Language


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("all", How("all")),
        ("head", How("head")),
        ("gradual", How("gradual")),
        ("top:2", How("top", k=2)),
        (" TOP:2 ", How("top", k=2)),
        ("top：2", How("top", k=2)),
        ("lora:8", How("lora", rank=8)),
        ("lora:8@2", How("lora", k=2, rank=8)),
        ("adapter:16@1", How("adapter", k=1, rank=16)),
    ],
)
def test_every_form_is_read(text: str, how: How) -> None:
    assert parse_how(text) == how


@given(
    st.one_of(
        st.sampled_from([How("all"), How("head"), How("gradual")]),
        st.builds(lambda k: How("top", k=k), st.integers(1, 9999)),
        st.builds(
            lambda kind, k, rank: How(kind, k=k, rank=rank),
            st.sampled_from(["lora", "adapter"]),
            st.none() | st.integers(1, 9999),
            st.integers(1, 9999),
        ),
    )
)
def test_what_is_written_is_read_back(how: How) -> None:
    assert parse_how(str(how)) == how


@given(st.text(max_size=12))
def test_anything_else_is_an_error_with_a_next_step(text: str) -> None:
    assume(not re.fullmatch(r"\s*(all|head|gradual|(top|lora|adapter).*)\s*", text, re.IGNORECASE | re.DOTALL))
    with pytest.raises(CallError) as caught:
        parse_how(text)
    assert caught.value.code in ("backbones.how_unknown", "backbones.how_number")
    assert caught.value.what("en")
    assert caught.value.next_step("zh")


@pytest.mark.parametrize(
    ("text", "guess"), [("tob:2", "top:2"), ("lora8", "lora:2"), ("al", "all"), ("heads", "head"), ("xyz", "all")]
)
def test_a_slip_gets_the_nearest_form(text: str, guess: str, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        parse_how(text)
    assert caught.value.code == "backbones.how_unknown"
    assert text in caught.value.what(language)
    assert "top:K" in caught.value.what(language)
    assert guess in caught.value.next_step(language)


@pytest.mark.parametrize("text", ["top", "top:0", "top:2@1", "all:3", "lora", "lora:0", "lora:8@0", "head@2"])
def test_a_wrong_number_gets_the_right_form(text: str, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        parse_how(text)
    assert caught.value.code == "backbones.how_number"
    assert text in caught.value.what(language)
    assert {"en": "expected the form", "zh": "正确写法为"}[language] in caught.value.what(language)
