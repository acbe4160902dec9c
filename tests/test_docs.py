"""What the documentation says exists, and what exists is documented, in both languages alike."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from homefield.cli.command import Group
from homefield.cli.face import Face
from homefield.cli.program import every_command, program
from homefield.data import PrepareOptions
from homefield.messages import LANGUAGES, catalogue
from homefield.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")])
READMES = REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md"


def code_lines(page: str) -> Iterator[str]:
    """Lines of fenced code and inline code that call the program."""
    fenced = re.findall(r"```(?:\w*)\n(.*?)```", page, re.DOTALL)
    for block in fenced:
        joined = block.replace("\\\n", " ")
        yield from (line.strip().removeprefix("$ ") for line in joined.splitlines())
    yield from re.findall(r"`(homefield [^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))


def commands(page: str) -> list[str]:
    return [line for line in code_lines(page) if re.match(r"homefield\s+\S", line)]


def complaint(line: str) -> str | None:
    """Why a command in the documentation could not be called, or None."""
    line = re.split(r"\s[|>#]|\s&&\s", line)[0]
    try:
        words = shlex.split(line.replace("…", "x"))[1:]
    except ValueError:
        return "quotes do not match"
    words = [word for word in words if word not in ("...", "[...]")]
    here: click.Command = program
    ctx = click.Context(here, info_name="homefield", obj=Face())
    options: set[str] = {name for each in here.get_params(ctx) for name in each.opts}
    for place, word in enumerate(words):
        if isinstance(here, Group) and not word.startswith(("-", "[")):
            if place and words[place - 1] in ("--lang", "--workspace"):
                continue
            if word.isupper() or "|" in word or not word.isascii():
                return None  # `homefield COMMAND --help` speaks of any command
            found = here.get_command(ctx, word)
            if found is None:
                return f"no command {word}"
            here = found
            ctx = click.Context(here, info_name=word, parent=ctx, obj=Face())
            options |= {name for each in here.get_params(ctx) for name in each.opts}
        elif re.match(r"\[?--?[a-z]", word):
            name = word.strip("[]").partition("=")[0]
            if name not in options:
                return f"no option {name}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_command_in_the_documentation_exists(page: Path) -> None:
    faults = [f"{line}: {why}" for line in commands(page.read_text(encoding="utf-8")) if (why := complaint(line))]
    assert not faults, "\n".join(faults)


def test_every_command_in_a_message_exists() -> None:
    faults = []
    for language in LANGUAGES:
        for file in (REPOSITORY / "src/homefield/messages" / language).glob("*.toml"):
            for key, sentence in catalogue(language, file.stem).items():
                sentence = re.sub(r"\{\w+\}", "X", sentence)
                lines = commands(f"```\n{sentence}\n```" if key.endswith(".examples") else sentence)
                faults += [f"{language} {key}: {line}: {why}" for line in lines if (why := complaint(line))]
    assert not faults, "\n".join(faults)


WORDS = {"homefield", *(word for path, _ in every_command() for word in path)}


def headings(page: str) -> list[int]:
    return [
        len(marks) for marks in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    ]


def shape(line: str) -> str:
    """A command by its verbs and options; texts, names and places may be translated."""
    words = re.sub(r"\"[^\"]*\"", "TEXT", re.split(r"\s#", line)[0]).split()
    return " ".join(word if word.startswith("-") or word in WORDS else "…" for word in words)


def test_both_readmes_have_the_same_headings_and_commands() -> None:
    english, chinese = (file.read_text(encoding="utf-8") for file in READMES)
    assert headings(english) == headings(chinese)
    assert [shape(line) for line in commands(english)] == [shape(line) for line in commands(chinese)]
    for command in ("make demo", "make test"):
        assert command in english
        assert command in chinese


def test_each_page_of_the_guide_is_there_in_both_languages_with_the_same_shape() -> None:
    english = {file.name: file for file in (REPOSITORY / "docs/en").glob("*.md")}
    chinese = {file.name: file for file in (REPOSITORY / "docs/zh-CN").glob("*.md")}
    assert set(english) == set(chinese)
    for name, file in english.items():
        one, other = file.read_text(encoding="utf-8"), chinese[name].read_text(encoding="utf-8")
        assert headings(one) == headings(other), name
        assert [shape(line) for line in commands(one)] == [shape(line) for line in commands(other)], name


def test_links_between_pages_lead_somewhere() -> None:
    faults = [
        f"{page.relative_to(REPOSITORY)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()
    ]
    assert not faults, "\n".join(faults)


class TestSettings:
    page = (REPOSITORY / "docs/settings.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", Settings.model_fields)
    def test_every_setting_of_a_workspace_is_documented(self, name: str) -> None:
        assert f"| `{name}` |" in self.page
        assert f"HOMEFIELD_{name.upper()}" in self.page

    @pytest.mark.parametrize(
        "name", [f.name for f in dataclasses.fields(PrepareOptions) if f.name not in ("split", "seed")]
    )
    def test_every_setting_of_the_preparation_is_documented(self, name: str) -> None:
        assert f"| `{name}` |" in self.page

    def test_every_variable_in_the_source_is_documented(self) -> None:
        sources = [*(REPOSITORY / "src").rglob("*.py"), *(REPOSITORY / "tests").rglob("*.py")]
        named = {
            name for file in sources for name in re.findall(r"HOMEFIELD_[A-Z_]*[A-Z]", file.read_text(encoding="utf-8"))
        }
        assert {name for name in named if name not in self.page} == set()

    def test_the_example_is_valid(self, tmp_path: Path) -> None:
        from homefield.settings import load_settings

        (example,) = re.findall(r"```toml\n(.*?)```", self.page, re.DOTALL)
        (tmp_path / "homefield.toml").write_text(example, encoding="utf-8")
        assert load_settings(tmp_path, {}).threads == 4


def test_every_benchmark_is_described() -> None:
    page = (REPOSITORY / "benchmarks/README.md").read_text(encoding="utf-8")
    names = {file.stem for file in (REPOSITORY / "benchmarks").glob("*.py")} - {"list"}
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_every_error_code_and_recipe_key_stands_in_the_guide() -> None:
    from homefield.train.recipe import Recipe

    for folder in ("en", "zh-CN"):
        guide = "\n".join(file.read_text(encoding="utf-8") for file in (REPOSITORY / "docs" / folder).glob("*.md"))
        assert [key for key in Recipe.model_fields if f"| `{key}` |" not in guide] == []
