"""What is hidden: whole words, about the share asked for, the same for the same seed."""

from __future__ import annotations

import torch

from homefield.train.pretrain.masking import Masking

MASKING = Masking(share=0.2, mask=4, ordinary=5, vocabulary=1_000)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    ids = torch.randint(5, 1_000, (200, 64))
    ids[:, 0], ids[:, 30] = 2, 3
    begins = torch.rand(200, 64) < 0.6
    begins[:, :2] = True
    begins[:, 30:32] = True
    return ids, begins


def test_words_are_hidden_whole_and_special_tokens_never() -> None:
    ids, begins = batch()
    _, told = MASKING.hide(ids, begins)
    word = begins.cumsum(1)
    for row in range(50):
        for number in range(1, int(word[row].max()) + 1):
            hidden = told[row][(word[row] == number) & (ids[row] >= 5)]
            assert hidden.all() or not hidden.any()
    assert not told[ids < 5].any()


def test_about_the_share_is_hidden_most_of_it_by_the_mask() -> None:
    ids, begins = batch()
    seen, told = MASKING.hide(ids, begins)
    assert 0.17 < told.float().mean() < 0.23
    hidden, truth = seen[told], ids[told]
    assert 0.75 < (hidden == 4).float().mean() < 0.85
    assert 0.07 < (hidden == truth).float().mean() < 0.13
    assert torch.equal(seen[~told], ids[~told])


def test_the_same_seed_hides_the_same() -> None:
    ids, begins = batch()
    torch.manual_seed(5)
    first = MASKING.hide(ids, begins)
    torch.manual_seed(5)
    again = MASKING.hide(ids, begins)
    other = MASKING.hide(ids, begins)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[1], other[1])


def test_something_is_always_to_be_told() -> None:
    ids, begins = torch.full((1, 4), 7), torch.ones(1, 4, dtype=torch.bool)
    rare = Masking(share=1e-9, mask=4, ordinary=5, vocabulary=10)
    assert rare.hide(ids, begins)[1].any()
