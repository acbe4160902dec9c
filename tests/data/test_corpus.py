"""A corpus is read as a stream of cleaned passages, whatever it is packed in, and cut by the passages' own hash."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from homefield.data.corpus import check_corpus, corpus_files, corpus_hash, held_out, passages
from homefield.errors import CallError, RecordsError
from homefield.messages import LANGUAGES

TEXT = "第一段：银行卡，ＡＢＣ。\n\n  第二段 <b>粗</b>体\nEnglish too\n"
CLEAN = ["第一段：银行卡，ABC。", "第二段 粗体", "English too"]


@pytest.mark.parametrize(
    ("ending", "pack"), [("txt", bytes), ("xz", lzma.compress), ("gz", gzip.compress), ("bz2", bz2.compress)]
)
def test_passages_come_clean_from_any_packing(ending: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = tmp_path / f"texts.{ending}"
    file.write_bytes(pack(TEXT.encode()))
    assert list(passages([file])) == CLEAN


def test_files_of_a_chinese_system_are_read_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "old.txt.gz"
    file.write_bytes(gzip.compress(("老系统导出的文本，里面有很多中文。\n" * 3).encode("gbk")))
    assert list(passages([file])) == ["老系统导出的文本，里面有很多中文。"] * 3


def test_weights_of_a_network_are_no_text_whatever_they_are_called(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    header = b'{"blocks.0.weight": {"dtype": "F32", "shape": [384, 384], "data_offsets": [0, 589824]}}\n' * 20
    file.write_bytes(header + np.random.default_rng(0).normal(size=20_000).astype(np.float32).tobytes())
    for read in (lambda: check_corpus([file]), lambda: list(passages([file]))):
        with pytest.raises(RecordsError) as raised:
            read()
        assert raised.value.code == "data.binary"
        assert all("texts.txt" in raised.value.what(language) for language in LANGUAGES)


def test_a_file_without_line_ends_does_not_become_one_passage(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("字" * 200_000, encoding="utf-8")
    assert [len(passage) for passage in passages([file])] == [65_536, 65_536, 65_536, 3_392]


def test_a_file_that_breaks_off_is_named_in_both_languages(tmp_path: Path) -> None:
    file = tmp_path / "half.txt.xz"
    file.write_bytes(lzma.compress(TEXT.encode() * 1000)[:-20])
    with pytest.raises(RecordsError) as raised:
        list(passages([file]))
    assert raised.value.code == "pretrain.damaged_file"
    assert all("half.txt.xz" in raised.value.what(language) for language in LANGUAGES)


def test_names_folders_and_patterns_mean_files_once_each(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert [file.name for file in corpus_files(["*.txt", "a.txt"], tmp_path)] == ["a.txt", "b.txt"]
    assert [file.name for file in corpus_files(["."], tmp_path)] == ["a.txt", "b.txt", "c.md"]
    with pytest.raises(CallError) as raised:
        corpus_files(["d.txt"], tmp_path)
    assert raised.value.code == "pretrain.no_such_corpus"


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("x", encoding="utf-8")
    two.write_text("x", encoding="utf-8")
    assert corpus_hash([one]) == corpus_hash([two])
    two.write_text("y", encoding="utf-8")
    assert corpus_hash([one]) != corpus_hash([two])


def test_a_passage_is_on_the_same_side_wherever_it_stands() -> None:
    texts = [f"第{number}段" for number in range(10_000)]
    share = sum(held_out(text, 0.05) for text in texts) / len(texts)
    assert 0.04 < share < 0.06
    # A larger share holds what a smaller one held.
    assert all(held_out(text, 0.1) for text in texts if held_out(text, 0.05))
