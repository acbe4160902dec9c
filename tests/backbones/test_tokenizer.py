"""What every tokenizer does with a text, whether learned here or brought with a backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from homefield.backbones.catalogue import resolve
from homefield.backbones.tokenizer import read_tokenizer, train_tokenizer
from homefield.workspace import Workspace

TEXTS = ["my card at https://t.co has not come", "$AAPL up 3 % https://t.co", "看 https://t.co 怎么退款"] * 3


@pytest.fixture(params=["learned", "minilm-en"])
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> Tokenizer:
    if request.param == "learned":
        return train_tokenizer(TEXTS)
    source = resolve("minilm-en", workspace=Workspace(tmp_path))
    assert source.path is not None
    return read_tokenizer(source.path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("$AAPL up https://t.co/7AbcQ1x?s=20#x today", "$AAPL up https://t.co today"),
        ("看 https://t.co/AbC的价格", "看 https://t.co的价格"),
        ("http://a.example.com:80/x http://b.example.com/", "http://a.example.com:80 http://b.example.com"),
        ("either/or, 24/7, and t.co/abc", "either/or, 24/7, and t.co/abc"),
    ],
)
def test_of_a_web_address_the_host_is_read(tokenizer: Tokenizer, written: str, read: str) -> None:
    assert tokenizer.encode(written).ids == tokenizer.encode(read).ids


def test_a_tokenizer_written_and_read_again_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert read_tokenizer(tmp_path).to_str() == tokenizer.to_str()
