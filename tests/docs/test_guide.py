"""The guide and the READMEs: both languages say the same, every command exists, every link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import click
import pytest

from homefield.cli.program import program
from homefield.evaluate.risk import fewest_rows

ROOT = Path(__file__).parents[2]
PAGES = sorted(file.name for file in (ROOT / "docs" / "en").glob("*.md"))
PAIRS = [(ROOT / "README.md", ROOT / "README.zh-CN.md")] + [
    (ROOT / "docs" / "en" / name, ROOT / "docs" / "zh-CN" / name) for name in PAGES
]
EVERY = [file for pair in PAIRS for file in pair]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(file: Path) -> str:
    return FENCE.sub("", file.read_text(encoding="utf-8"))


def headings(file: Path) -> list[str]:
    """The level of each heading, and its text where it is code."""
    found = re.findall(r"^(#+) (.*)$", prose(file), re.MULTILINE)
    return [f"{level} {text if text.startswith('`') else ''}".strip() for level, text in found]


def commands(file: Path) -> list[str]:
    """What a reader would type, with texts in quotes left out: those are in the reader's language."""
    blocks = [block.replace("\\\n", " ") for _, block in FENCE.findall(file.read_text(encoding="utf-8"))]
    lines = [line for block in blocks for line in block.splitlines()]
    typed = [line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?(homefield|make|git|python|cat) ", line)]
    return [re.sub(r'"[^"]*"', '"…"', line).strip() for line in typed]


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_exists_in_both_languages() -> None:
    assert sorted(file.name for file in (ROOT / "docs" / "zh-CN").glob("*.md")) == PAGES


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda path: name(path))
def test_both_languages_have_the_same_headings_and_commands(english: Path, chinese: Path) -> None:
    assert headings(english) == headings(chinese)
    assert commands(english) == commands(chinese)


@pytest.mark.parametrize("file", EVERY, ids=name)
def test_reference_parts_are_what_the_program_says(file: Path) -> None:
    content = file.read_text(encoding="utf-8")
    language = "zh" if "zh-CN" in name(file) else "en"
    assert reference().page(content, language) == content, "run `python docs/reference.py`"


@pytest.mark.parametrize("file", EVERY, ids=name)
def test_links_lead_to_files_that_exist(file: Path) -> None:
    content = prose(file)
    links = re.findall(r"\]\(([^)\s]+)\)", content) + re.findall(r'(?:src|srcset|href)="([^"]+)"', content)
    for link in links:
        if not link.startswith(("http://", "https://", "#")):
            assert (file.parent / unquote(link.partition("#")[0])).exists(), link


@pytest.mark.parametrize("file", EVERY, ids=name)
def test_every_command_and_option_in_the_text_exists(file: Path) -> None:
    content = file.read_text(encoding="utf-8")
    spans = re.findall(r"`(homefield [^`\n]+)`", content) + commands(file)
    for line in spans:
        for part in line.split("|"):
            if part.strip().startswith("homefield "):
                check(part.strip())


def check(line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command = program
    context = click.Context(command, info_name="homefield")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command, context = found, click.Context(found, parent=context)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"{line}: {word}"


def test_the_rows_that_a_risk_budget_takes_are_those_the_program_asks_for() -> None:
    least = [fewest_rows(0.05), fewest_rows(0.02)]
    english = re.search(r"\((\d+) for 5 %, (\d+) for 2 %", (ROOT / "docs" / "en" / "records.md").read_text("utf-8"))
    chinese = re.search(
        r"5 % 需\s*(\d+) 行，2 % 需 (\d+) 行", (ROOT / "docs" / "zh-CN" / "records.md").read_text("utf-8")
    )
    assert english is not None
    assert chinese is not None
    assert [int(rows) for rows in english.groups()] == least
    assert [int(rows) for rows in chinese.groups()] == least
