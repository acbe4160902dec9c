"""The grammar that every command shares: help, languages, faults of the call, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from homefield.cli.command import Option
from homefield.cli.face import Face, face_for
from homefield.cli.program import VERBS, every_command
from homefield.cli.width import columns
from homefield.messages import Language, catalogue

HEAVY = ("torch", "polars", "transformers", "pydantic", "numpy", "sklearn", "onnxruntime", "rich")


EVERY = every_command()


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["--lang", "zh", "--help"], ["finetune", "--hlep"]])
def test_version_and_help_import_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys; from homefield.cli import main; main(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    heavy = [name for name in HEAVY if name in done.stderr.splitlines()[-1].replace("'", " ").replace(",", " ").split()]
    allowed = {"torch", "polars", "transformers", "numpy", "sklearn", "onnxruntime"}
    assert not set(heavy) & allowed if words[0] == "finetune" else heavy == []


@pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=lambda path: " ".join(path) or "homefield")
def test_every_command_has_help_in_the_readers_language(run, path: tuple[str, ...], language: Language) -> None:
    ran = run(*path, "--help")
    assert ran.code == 0, ran.err
    key = "_".join(path) or "homefield"
    first = catalogue(language, "cli")[f"cli.help.{key}.long"].split()[0][:20]
    assert first in ran.out.replace("\n", "")
    assert "--workspace" in ran.out


@pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=lambda path: " ".join(path) or "homefield")
@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_fits_the_terminal(
    run, path: tuple[str, ...], language: Language, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ran = run(*path, "--help")
    examples = catalogue(language, "cli").get(f"cli.help.{'_'.join(path) or 'homefield'}.examples", "")
    for line in ran.out.splitlines():
        assert columns(line) <= (max(width, 80) if line.strip() in examples else width), line


def test_every_command_takes_the_common_options_before_and_after_the_verb(run, tmp_path: Path) -> None:
    before = run("--workspace", tmp_path, "--json", "--lang", "zh", "cache", "show")
    after = run("cache", "show", "--workspace", tmp_path, "--json", "--lang=zh")
    assert before.code == after.code == 0
    assert before.json == after.json
    assert before.json["cache"].startswith(str(tmp_path))


def test_sections_name_every_command_once() -> None:
    names = [name for section in VERBS.values() for name in section]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["doctr"], 2, "Did you mean: doctor?"),
        (["cache", "shwo"], 2, "Did you mean: show?"),
        (["doctor", "--jsn"], 2, "Did you mean: --json?"),
        (["doctor", "now"], 2, "more words than it takes: now"),
        (["prepare", "x.csv"], 2, "needs --out DIR"),
        (["prepare", "--out", "d"], 2, "needs FILE..."),
        (["prepare", "x.csv", "--out"], 2, "--out of `homefield prepare` needs a value"),
        (["prepare", "x.csv", "--out", "d", "--split", "rndom"], 2, "Did you mean: random?"),
        (["prepare", "x.csv", "--out", "d", "--seed", "-1"], 2, "--seed takes a whole number"),
        (["prepare", "x.csv", "--out", "d", "--column", "text"], 2, "--column takes NAME=VALUE, not `text`"),
        (["prepare", "x.csv", "--out", "d", "--column", "=x"], 2, "--column takes NAME=VALUE"),
        (["prepare", "x.csv", "--out", "d", "--text", "a", "--column", "text=b"], 2, "two things about `text`"),
        (["export", "run", "--out", "m", "--risk", "2"], 2, "share between 0 and 1, not `2`"),
        (["doctor", "--lang", "fr"], 2, "--lang takes one of zh, en, not `fr`"),
        (["doctor", "--json=1"], 2, "takes no value"),
        (["finetune", "--resume", "--out", "nowhere"], 2, "no run at nowhere"),
    ],
)
def test_a_wrong_call_says_what_was_expected_and_what_came(run, words: list[str], code: int, says: str) -> None:
    ran = run(*words)
    assert ran.code == code
    assert says in ran.err
    assert ran.out == ""


def test_a_wrong_call_in_chinese(run) -> None:
    ran = run("doctr", "--lang", "zh")
    assert ran.code == 2
    assert "没有 `doctr` 这个命令" in ran.err
    assert "是不是想用：doctor" in ran.err


def test_with_json_an_error_is_one_document_on_stdout(run) -> None:
    ran = run("--json", "doctr")
    assert ran.code == 2
    assert set(ran.json["error"]) == {"code", "what", "next"}
    assert ran.json["error"]["code"] == "cli.no_such_command"


def test_nothing_said_shows_help(run) -> None:
    assert run().out == run("--help").out
    assert "homefield cache COMMAND" in run("cache").out


@pytest.mark.parametrize("words", [["-h"], ["doctor", "-h"]])
def test_short_help(run, words: list[str]) -> None:
    assert run(*words).code == 0


def test_version(run) -> None:
    assert run("--version").out == run("--lang", "zh", "--version").out
    assert run("--version").out.startswith("homefield ")


def test_python_dash_m_runs_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "homefield", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("homefield ")


class TestLanguage:
    def test_option_goes_before_variable_before_settings_before_locale(self, tmp_path: Path) -> None:
        (tmp_path / "homefield.toml").write_text('language = "zh"\n')
        place = {"HOMEFIELD_WORKSPACE": str(tmp_path), "LANG": "en_GB.UTF-8"}
        assert face_for([], {**place}).language == "zh"
        assert face_for([], {**place, "HOMEFIELD_LANG": "en"}).language == "en"
        assert face_for(["doctor", "--lang", "zh"], {**place, "HOMEFIELD_LANG": "en"}).language == "zh"
        assert face_for(["--lang=zh"], {"HOMEFIELD_WORKSPACE": "/nowhere"}).language == "zh"
        assert face_for([], {"HOMEFIELD_WORKSPACE": "/nowhere", "LANG": "zh_CN.UTF-8"}).language == "zh"

    def test_words_after_two_dashes_are_not_options(self) -> None:
        face = face_for(["predict", "m", "--", "--json", "--lang", "zh"], {"HOMEFIELD_WORKSPACE": "/nowhere"})
        assert not face.json
        assert face.language == "en"

    def test_a_broken_settings_file_does_not_break_help(self, run, tmp_path: Path) -> None:
        (tmp_path / "homefield.toml").write_text("language = [")
        assert run("--workspace", tmp_path, "--help").code == 0

    def test_a_broken_settings_file_is_named_by_a_command(self, run, tmp_path: Path) -> None:
        (tmp_path / "homefield.toml").write_text('langage = "zh"')
        ran = run("--workspace", tmp_path, "cache", "show")
        assert ran.code == 2
        assert str(tmp_path / "homefield.toml") in ran.err
        assert "langage" in ran.err


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_option_has_a_sentence(language: Language) -> None:
    known = catalogue(language, "cli")
    for path, command in EVERY:
        ctx = click.Context(command, info_name=" ".join(("homefield", *path)), obj=Face())
        for each in command.get_params(ctx):
            kind = "option" if isinstance(each, Option) else "argument"
            assert f"cli.{kind}.{each.key}" in known, (path, each.name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("arguments", "encoding"), [([], "ascii"), (["--json"], "utf-8")])
def test_a_terminal_that_knows_no_chinese_still_gets_an_answer(arguments: list[str], encoding: str) -> None:
    words = [sys.executable, "-m", "homefield", "doctr", "--lang", "zh", *arguments]
    done = subprocess.run(words, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False)
    assert done.returncode == 2
    said = (done.stdout + done.stderr).decode(encoding)
    assert "doctr" in said
    assert ("没有" in said) == (encoding == "utf-8")


def test_a_folder_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    line = (
        f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir {tmp_path}/gone && {sys.executable} -m homefield --help"
    )
    environ = {key: value for key, value in os.environ.items() if key != "HOMEFIELD_WORKSPACE"}
    done = subprocess.run(["bash", "-c", line], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_pipe_that_closes_early_is_no_error() -> None:
    line = f"{sys.executable} -m homefield recipe explain | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_json_is_one_document_for_each_command_that_needs_no_model(run) -> None:
    for words in (["doctor"], ["cache", "show"], ["cache", "clear"], ["backbones", "list"], ["models", "list"]):
        ran = run(*words, "--json")
        assert isinstance(json.loads(ran.out), dict), words
