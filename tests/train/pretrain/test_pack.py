"""The packed corpus holds the text's tokens in order, with the beginnings of words, and is packed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from homefield.backbones.tokenizer import corpus_tokenizer
from homefield.errors import CallError
from homefield.events import silent
from homefield.train.pretrain.pack import Cut, Packed, Stream, pack

from .conftest import lines_of

LINES = ["信用卡还款", "人工智能 deep learning", *lines_of(200)]
TOKENIZER = corpus_tokenizer(LINES, vocabulary=400, pieces=150)


def packed(cache: Path, *, share: float = 0.0, lines: list[str] = LINES) -> Packed:
    return pack(lambda: lines, "content", TOKENIZER, share=share, cache=cache, listen=silent)


def test_tokens_stand_in_order_with_a_separator_behind_each_passage(tmp_path: Path) -> None:
    stream = packed(tmp_path).learn
    ids = np.concatenate([block for block, _ in stream.blocks(100)])
    expected = [[*TOKENIZER.encode(line, add_special_tokens=False).ids, 3] for line in LINES]
    assert ids.tolist() == [number for line in expected for number in line]


def test_words_are_known_from_the_packing_on(tmp_path: Path) -> None:
    _, begins = next(packed(tmp_path).learn.blocks(6))
    assert begins.tolist() == [True, False, False, True, False, True]  # 信用卡 | 还款 | separator


def test_a_batch_is_cut_from_anywhere_at_any_length(tmp_path: Path) -> None:
    stream = packed(tmp_path).learn
    flat = np.concatenate([block for block, _ in stream.blocks(1000)])
    for cut in (Cut(16), Cut(16, 7), Cut(32, 3)):
        rows = np.array([0, cut.rows(len(stream)) - 1])
        ids, begins = stream.batch(rows, cut, first=2)
        assert ids.shape == begins.shape == (2, cut.length)
        assert (ids[:, 0] == 2).all()
        starts = cut.shift + rows * (cut.length - 1)
        assert ids[0, 1:].tolist() == flat[starts[0] : starts[0] + cut.length - 1].tolist()
        assert ids[1, 1:].tolist() == flat[starts[1] : starts[1] + cut.length - 1].tolist()


def test_a_stream_held_by_a_device_gives_the_same_batches(tmp_path: Path) -> None:
    stream = packed(tmp_path).learn
    lying = np.concatenate([ids | np.where(begins, 0, 1 << 15) for ids, begins in stream.blocks(1000)])
    held = Stream(lying.astype(np.uint16), torch.from_numpy(lying.astype(np.int32)))
    rows = np.array([3, 0, 5])
    for mine, theirs in zip(
        held.batch(rows, Cut(16, 7), first=2), stream.batch(rows, Cut(16, 7), first=2), strict=True
    ):
        assert mine.equal(theirs)
    assert stream.on(torch.device("cpu")) is stream


def test_what_is_held_out_is_not_learned_from(tmp_path: Path) -> None:
    found = packed(tmp_path, share=0.3)
    whole = packed(tmp_path)
    assert 0 < len(found.measure) < len(found.learn)
    assert len(found.measure) + len(found.learn) == len(whole.learn)


def test_it_is_packed_once(tmp_path: Path) -> None:
    first = packed(tmp_path)
    again = pack(lambda: pytest.fail("read again"), "content", TOKENIZER, share=0.0, cache=tmp_path, listen=silent)
    assert (again.hash, len(again.learn)) == (first.hash, len(first.learn))


def test_large_vocabularies_have_wider_numbers() -> None:
    stream = Stream(np.array([40_000, 40_001 | 1 << 31], np.uint32))
    ids, begins = next(stream.blocks(2))
    assert ids.tolist() == [40_000, 40_001]
    assert begins.tolist() == [True, False]


def test_a_corpus_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallError) as raised:
        packed(tmp_path, lines=[])
    assert raised.value.code == "pretrain.empty_corpus"
