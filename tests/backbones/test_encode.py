"""Encoding is cached by content, ragged, and ends even in a forked process."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from homefield.backbones.encode import Encoded, encode
from homefield.backbones.tokenizer import START, train_tokenizer
from homefield.events import Event

TEXTS = ["where is my card", "", "我的卡在哪里", "where is my card, please tell me where it is"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS * 3)


def rows(encoded: Encoded) -> list[list[int]]:
    return [encoded.ids[a:b].tolist() for a, b in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)]


def test_rows_are_what_the_tokenizer_gives(tokenizer: Tokenizer) -> None:
    encoded = encode(TEXTS, tokenizer, 64)
    assert rows(encoded) == [tokenizer.encode(text).ids for text in TEXTS]
    assert encoded.ids.dtype == np.int32
    assert encoded.offsets.dtype == np.int64
    assert len(encoded) == 4
    assert encoded.cut == 0
    assert encoded.used_ids().tolist() == sorted({i for row in rows(encoded) for i in row})


def test_a_long_text_loses_its_end_and_keeps_its_start_token(tokenizer: Tokenizer) -> None:
    encoded = encode(TEXTS, tokenizer, 4)
    assert encoded.lengths.max() == 4
    assert all(row[0] == START for row in rows(encoded))
    assert encoded.cut == 3


def test_nothing_at_all_is_encoded_to_nothing(tokenizer: Tokenizer, tmp_path: Path) -> None:
    assert len(encode([], tokenizer, 8)) == 0
    assert len(encode([], tokenizer, 8, cache=tmp_path)) == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_a_batch_is_its_rows_padded_on_the_right(tokenizer: Tokenizer, chosen: list[int]) -> None:
    encoded = encode(TEXTS, tokenizer, 64)
    ids, mask = encoded.batch(np.array(chosen), pad_id=9)
    assert ids.shape == mask.shape == (len(chosen), max(encoded.lengths[i] for i in chosen))
    for place, row in enumerate(chosen):
        assert ids[place][mask[place]].tolist() == rows(encoded)[row]
        assert (ids[place][~mask[place]] == 9).all()
        assert mask[place].tolist() == sorted(mask[place].tolist(), reverse=True)


def test_the_cache_gives_the_same_and_is_used_again(tokenizer: Tokenizer, tmp_path: Path) -> None:
    heard: list[Event] = []
    first = encode(TEXTS, tokenizer, 64, cache=tmp_path, listen=heard.append)
    assert [event.kind for event in heard] == ["stage", "advance"]
    second = encode(TEXTS, tokenizer, 64, cache=tmp_path, listen=heard.append)
    assert len(heard) == 2
    assert isinstance(second.ids, np.memmap)
    assert rows(first) == rows(second) == rows(encode(TEXTS, tokenizer, 64))
    assert first.hash == second.hash == encode(TEXTS, tokenizer, 64).hash
    assert first.cut == second.cut


def test_the_hash_knows_texts_their_bounds_tokenizer_and_length(tokenizer: Tokenizer) -> None:
    other = train_tokenizer([*TEXTS, "entirely different words"] * 3)
    hashes = [
        encode(["ab", "c"], tokenizer, 8).hash,
        encode(["a", "bc"], tokenizer, 8).hash,
        encode(["ab", "c", ""], tokenizer, 8).hash,
        encode(["ab", "c"], tokenizer, 9).hash,
        encode(["ab", "c"], other, 8).hash,
    ]
    assert len(set(hashes)) == 5


def test_an_interrupted_write_leaves_no_entry(tokenizer: Tokenizer, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.kind == "advance":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(TEXTS, tokenizer, 64, cache=tmp_path, listen=stop)
    assert list((tmp_path / "encodings").iterdir()) == []
    assert rows(encode(TEXTS, tokenizer, 64, cache=tmp_path)) == rows(encode(TEXTS, tokenizer, 64))


def _encode_in_child(texts: list[str], written: str, answers: multiprocessing.Queue[list[list[int]]]) -> None:
    answers.put(rows(encode(texts, Tokenizer.from_str(written), 64)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("wish", [None, "true"])
def test_a_forked_process_encodes_too(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, wish: str | None) -> None:
    if wish:
        monkeypatch.setenv("TOKENIZERS_PARALLELISM", wish)
    many = TEXTS * 200
    expected = rows(encode(many, tokenizer, 64))  # starts the threads that a fork loses
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_encode_in_child, args=(many, tokenizer.to_str(), answers))
    child.start()
    assert answers.get(timeout=60) == expected
    child.join(timeout=60)
    assert child.exitcode == 0


def test_odd_characters_are_encoded(tokenizer: Tokenizer) -> None:
    odd = ["\x00\u200b", "😀👍🏽", "ﬁ①", "a\u0301", "ي", "\ufffd"]
    assert len(encode(odd, tokenizer, 16)) == len(odd)


def test_a_damaged_entry_is_encoded_again(tokenizer: Tokenizer, tmp_path: Path) -> None:
    expected = rows(encode(TEXTS, tokenizer, 64, cache=tmp_path))
    file = next((tmp_path / "encodings").glob("*/ids.bin"))
    file.write_bytes(file.read_bytes()[:8])
    assert rows(encode(TEXTS, tokenizer, 64, cache=tmp_path)) == expected
