"""Every sentence exists in both languages with the same placeholders, and every one the program asks for exists."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

import homefield
from homefield import errors
from homefield.messages import LANGUAGES, catalogue

SOURCE = Path(homefield.__file__).parent
MESSAGES = resources.files("homefield.messages")
AREAS = {
    language: sorted(file.name.removesuffix(".toml") for file in MESSAGES.joinpath(language).iterdir())
    for language in LANGUAGES
}
EVERY_AREA = sorted(set(AREAS["en"]) | set(AREAS["zh"]))
ERRORS = set(errors.__all__)
FILE_ENDINGS = (
    "bin", "csv", "html", "json", "jsonl", "lock", "md", "npy", "onnx", "parquet", "py", "safetensors", "so", "toml",
    "tsv", "txt", "xlsx", "zip",
)  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def sentences(language: str) -> dict[str, str]:
    return {
        key: sentence
        for area in AREAS[language]
        for key, sentence in catalogue(language, area).items()  # type: ignore[arg-type]
    }


ENGLISH, CHINESE_SENTENCES = sentences("en"), sentences("zh")


def placeholders(sentence: str) -> set[str]:
    return {
        name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name is not None
    }


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def constants() -> Iterator[tuple[str, str]]:
    """Strings in the source that look like a message key, and where."""
    pattern = re.compile(rf"(?:{'|'.join(EVERY_AREA)})(?:\.[a-z][a-z0-9_]*)+")
    for file, tree in modules():
        if file.parent.name == "messages":
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and pattern.fullmatch(node.value)
                and node.value.rpartition(".")[2] not in FILE_ENDINGS
            ):
                yield node.value, f"{file.relative_to(SOURCE)}:{node.lineno}"


def raised() -> Iterator[tuple[str, set[str] | None, str]]:
    """(code, names of the values given or None when not known here, where) of every error with a code made in src."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in ERRORS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                known = None if any(k.arg is None for k in node.keywords) else {str(k.arg) for k in node.keywords}
                yield first.value, known, f"{file.relative_to(SOURCE)}:{node.lineno}"


def test_both_languages_have_the_same_areas() -> None:
    assert AREAS["en"] == AREAS["zh"]


@pytest.mark.parametrize("area", EVERY_AREA)
def test_both_languages_have_the_same_keys(area: str) -> None:
    assert set(catalogue("en", area)) == set(catalogue("zh", area))


@pytest.mark.parametrize("area", EVERY_AREA)
def test_both_languages_fill_in_the_same_values(area: str) -> None:
    for key, sentence in catalogue("en", area).items():
        assert placeholders(sentence) == placeholders(catalogue("zh", area)[key]), key


def test_every_error_says_what_happened_and_what_next() -> None:
    faults = [
        f"{where}: {code}.{part}"
        for code, _, where in raised()
        for part in ("what", "next")
        if f"{code}.{part}" not in ENGLISH
    ]
    assert not faults, "\n".join(faults)


def test_every_error_gives_the_values_its_sentences_name() -> None:
    faults = []
    for code, given, where in raised():
        named = placeholders(ENGLISH.get(f"{code}.what", "") + ENGLISH.get(f"{code}.next", ""))
        if given is not None and not named <= given:
            faults.append(f"{where}: {code} needs {sorted(named - given)}")
    assert not faults, "\n".join(faults)


def test_every_key_in_the_source_has_a_sentence() -> None:
    branches = {key.rsplit(".", depth)[0] for key in ENGLISH for depth in range(1, key.count(".") + 1)}
    faults = [
        f"{where}: {key}"
        for key, where in constants()
        if key not in branches
        and not {key, f"cli.{key}"} & set(ENGLISH)
        and not (key.endswith("_") and any(known.startswith((key, f"cli.{key}")) for known in ENGLISH))
    ]
    assert not faults, "\n".join(faults)


def test_every_event_has_a_sentence() -> None:
    faults = []
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Event" and len(node.args) > 1:
                key = node.args[1]
                if isinstance(key, ast.Constant) and key.value not in ENGLISH:
                    faults.append(f"{file.relative_to(SOURCE)}:{node.lineno}: {key.value}")
    assert not faults, "\n".join(faults)


def test_every_sentence_of_the_command_line_that_is_asked_for_exists() -> None:
    faults = []
    for file, tree in modules():
        if "cli" not in file.parts:
            continue
        for node in ast.walk(tree):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if name != "say" or not isinstance(node, ast.Call) or not node.args:
                continue
            asked = node.args[0]
            if isinstance(asked, ast.Constant) and f"cli.{asked.value}" not in ENGLISH:
                faults.append(f"{file.relative_to(SOURCE)}:{node.lineno}: cli.{asked.value}")
            if isinstance(asked, ast.Constant) and not any(k.arg is None for k in node.keywords):
                lacks = placeholders(ENGLISH.get(f"cli.{asked.value}", "")) - {str(k.arg) for k in node.keywords}
                faults += (
                    [f"{file.relative_to(SOURCE)}:{node.lineno}: cli.{asked.value} needs {lacks}"] if lacks else []
                )
    assert not faults, "\n".join(faults)


def test_a_sentence_that_is_empty_is_so_in_both_languages() -> None:
    assert [key for key in ENGLISH if bool(ENGLISH[key].strip()) != bool(CHINESE_SENTENCES.get(key, "").strip())] == []


def test_chinese_sentences_use_chinese_punctuation() -> None:
    half_width = re.compile(r"[\u4e00-\u9fff][,;:?!](?!\w)|[\u4e00-\u9fff]\.(?:\s|$)")
    faults = [f"{key}: {sentence}" for key, sentence in CHINESE_SENTENCES.items() if half_width.search(sentence)]
    assert not faults, "\n".join(faults)


def test_english_sentences_hold_no_chinese() -> None:
    allowed = ("主场", "林登家居")
    faults = []
    for key, sentence in ENGLISH.items():
        for word in allowed:
            sentence = sentence.replace(word, "")
        if CHINESE.search(sentence):
            faults.append(key)
    assert not faults, faults


def test_every_next_step_of_an_error_is_an_instruction() -> None:
    for key, sentence in ENGLISH.items():
        if key.endswith(".next") and f"{key.removesuffix('.next')}.what" in ENGLISH:
            assert sentence.rstrip().endswith((".", "?", "`", "!")), key
            assert CHINESE_SENTENCES[key].rstrip().endswith(("。", "？", "`", "！")), key
