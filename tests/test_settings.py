"""Settings that are wrong are told key by key, in the reader's language, without what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from homefield.faults import FaultyFile
from homefield.settings import load_settings


def told(root: Path, environ: dict[str, str]) -> tuple[str, str]:
    with pytest.raises(FaultyFile) as caught:
        load_settings(root, environ)
    assert caught.value.code == "settings.invalid"
    assert caught.value.exit_code == 2
    return caught.value.what("en"), caught.value.what("zh")


@pytest.mark.parametrize(
    ("line", "english", "chinese"),
    [
        ("threads = 0", "threads: a number of at least 1 was expected", "threads：应填不小于 1 的数"),
        ('language = "fr"', "language: one of 'zh', 'en' was expected", "language：应填 'zh', 'en' 之一"),
        ("offline = 3", "offline: true or false was expected", "offline：应填 true 或 false"),
        (
            "serve_hosts = 5",
            "serve_hosts: a list in square brackets was expected",
            "serve_hosts：应填用方括号括起的列表",
        ),
        (
            "trheads = 2",
            "trheads: there is no such key; did you mean threads?",
            "trheads：没有这一项；是否想写 threads？",
        ),
        ("xyz = 2", "xyz: there is no such key; there are language, ", "xyz：没有这一项；可用的有 language, "),
        ("threads =", "it is not TOML at its end (Invalid value)", "末尾不是完整的 TOML"),
        ("a = 1\nthreads = = 2", "it is not TOML from line 2, column 11 on", "从第 2 行第 11 列起不是 TOML"),
    ],
)
def test_each_fault_is_told_in_both_languages(tmp_path: Path, line: str, english: str, chinese: str) -> None:
    (tmp_path / "homefield.toml").write_text(line, encoding="utf-8")
    said, in_chinese = told(tmp_path, {})
    assert english in said
    assert str(tmp_path / "homefield.toml") in said
    assert chinese in in_chinese


def test_a_fault_of_a_variable_names_the_variable_and_not_its_value(tmp_path: Path) -> None:
    (tmp_path / "homefield.toml").write_text("threads = 2", encoding="utf-8")
    said, in_chinese = told(tmp_path, {"HOMEFIELD_THREADS": "s3cret"})
    assert "HOMEFIELD_THREADS: a whole number was expected" in said
    assert "HOMEFIELD_THREADS：应填整数" in in_chinese
    assert "s3cret" not in said + in_chinese


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "homefield.toml").write_bytes("language = '中'".encode("gbk"))
    assert "it is not written in UTF-8" in told(tmp_path, {})[0]


def test_a_variable_goes_before_the_file_and_a_mark_at_its_start_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "homefield.toml").write_text("\ufeffthreads = 2\nupload_mb = 5", encoding="utf-8")
    settings = load_settings(tmp_path, {"HOMEFIELD_THREADS": "3", "HOMEFIELD_SERVE_HOSTS": "a.example, b.example"})
    assert (settings.threads, settings.upload_mb, settings.serve_hosts) == (3, 5, ["a.example", "b.example"])
