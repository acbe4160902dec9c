"""Networks trained from scratch: their tokenizer, their indifference to padding, and that they learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from homefield.backbones.backbone import Backbone
from homefield.backbones.catalogue import resolve
from homefield.backbones.encode import encode
from homefield.backbones.load import load, rebuild
from homefield.backbones.ngrams import Ngrams, find_ngrams
from homefield.backbones.tokenizer import train_tokenizer
from homefield.errors import CallError
from homefield.messages import Language
from homefield.workspace import Workspace

Tokens = Callable[[Backbone], tuple[Tensor, Tensor]]
TEXTS = ["my card has not arrived", "where is my card?", "", "我的银行卡还没有寄到", "退款什么时候到账", "card 丢了"]
NAMES = pytest.mark.parametrize("name", ["cnn-text", "bigru"])


@pytest.fixture
def fresh(name: str, workspace: Workspace) -> Backbone:
    return load(resolve(name, workspace=workspace), tokenizer_texts=TEXTS * 2, seed=4).eval()


@NAMES
def test_padding_changes_nothing(fresh: Backbone, tokens: Tokens) -> None:
    ids, mask = tokens(fresh)
    together = fresh.pool(fresh(ids, mask), mask)
    assert together.shape == (len(ids), fresh.width)
    for row in range(len(ids)):
        length = int(mask[row].sum())
        one, shown = ids[row : row + 1, :length], mask[row : row + 1, :length]
        torch.testing.assert_close(fresh.pool(fresh(one, shown), shown)[0], together[row], atol=1e-5, rtol=0)


@NAMES
def test_what_stands_in_padding_is_never_seen(fresh: Backbone, tokens: Tokens) -> None:
    ids, mask = tokens(fresh)
    soiled = torch.where(mask, ids, 7)
    torch.testing.assert_close(
        fresh.pool(fresh(soiled, mask), mask), fresh.pool(fresh(ids, mask), mask), atol=1e-5, rtol=0
    )


@NAMES
def test_the_same_seed_and_texts_give_the_same_backbone(fresh: Backbone, name: str, workspace: Workspace) -> None:
    state = torch.random.get_rng_state()
    again = load(resolve(name, workspace=workspace), tokenizer_texts=TEXTS * 2, seed=4)
    other = load(resolve(name, workspace=workspace), tokenizer_texts=TEXTS * 2, seed=5)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert again.tokenizer.to_str() == fresh.tokenizer.to_str()
    assert again.content_hash(again.layers) == fresh.content_hash(fresh.layers)
    assert other.content_hash(other.layers) != fresh.content_hash(fresh.layers)


@NAMES
def test_it_is_made_again_from_its_blueprint(fresh: Backbone, tokens: Tokens) -> None:
    again = rebuild(fresh.blueprint(), fresh.tokenizer)
    again.load_state_dict(fresh.state_dict())
    ids, mask = tokens(fresh)
    torch.testing.assert_close(again(ids, mask), fresh(ids, mask), atol=0, rtol=0)


@NAMES
def test_two_parts_are_the_whole(fresh: Backbone, tokens: Tokens) -> None:
    ids, mask = tokens(fresh)
    for cut in range(fresh.layers + 1):
        torch.testing.assert_close(fresh.run(fresh.reach(ids, mask, cut), mask, cut), fresh(ids, mask), atol=0, rtol=0)


@NAMES
def test_every_parameter_is_in_one_layer(fresh: Backbone) -> None:
    groups = fresh.layer_groups()
    assert len(groups) == fresh.layers + 1
    assert sorted(name for group in groups for name, _ in group) == sorted(name for name, _ in fresh.named_parameters())


@NAMES
def test_it_learns_the_order_of_words(fresh: Backbone) -> None:
    texts = [f"{a} 退款 {b}" for a in ("我要", "请 帮我") for b in ("到账 没有", "没有 到账", "no yes", "yes no")] * 4
    targets = torch.tensor([i % 2 for i in range(len(texts))])
    ids, mask = map(torch.from_numpy, encode(texts, fresh.tokenizer, 32).batch(np.arange(len(texts))))
    torch.manual_seed(0)
    head = nn.Linear(fresh.width, 2)
    optimiser = torch.optim.AdamW([*fresh.train().parameters(), *head.parameters()], lr=3e-3)
    for _ in range(30):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(head(fresh.pool(fresh(ids, mask), mask)), targets)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1


@NAMES
def test_without_texts_there_is_no_tokenizer(name: str, workspace: Workspace, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        load(resolve(name, workspace=workspace))
    assert caught.value.code == "backbones.needs_texts"
    assert name in caught.value.what(language)


def test_chinese_characters_stand_alone_and_words_break_into_pieces() -> None:
    tokenizer = train_tokenizer(["My card was charged twice", "my cards 退款到账"] * 20)
    assert tokenizer.encode("退款Card").tokens == ["[CLS]", "退", "款", "card"]
    assert tokenizer.encode("ＣＡＲＤ").tokens == ["[CLS]", "card"]
    assert tokenizer.encode("").tokens == ["[CLS]"]
    assert "[UNK]" in tokenizer.encode("€").tokens
    assert tokenizer.get_vocab()["[PAD]"] == 0


def test_a_tokenizer_learned_twice_is_the_same() -> None:
    texts = [f"question {i} about card number {i * 7919 % 1000}, 请问第{i}张卡" for i in range(300)]
    assert train_tokenizer(texts).to_str() == train_tokenizer(texts).to_str()


def test_the_n_grams_kept_are_those_that_came_twice() -> None:
    texts = ["退款 到账", "退款 没有", "银行"]
    tokenizer = train_tokenizer(texts * 2)
    grams = Ngrams(100, 2)
    torch.nn.init.ones_(grams.weight)
    grams.slots.copy_(find_ngrams(encode(texts, tokenizer, 16)))
    assert grams.slots.max() > 0

    def counted(text: str) -> float:
        ids = torch.tensor([tokenizer.encode(text).ids])
        return grams(ids, torch.ones_like(ids, dtype=torch.bool))[0, :, 0].sum().item()

    # [CLS], 退, 款; [CLS] 退, 退 款; [CLS] 退 款. Once only: 银, 行, 到, 账 and all that has one of them.
    assert counted("退款") == 6.0
    assert counted("银行") == 1.0
