"""How one invocation talks: its language, whether in JSON, and the workspace it works in.

The language is needed before the command line is parsed (help and faults of the parse are translated too), so it is
looked for among the raw arguments first.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.messages import LANGUAGES, Language, default_language, text

if TYPE_CHECKING:
    from homefield.cli.outcome import Outcome
    from homefield.cli.progress import Progress
    from homefield.events import Listener
    from homefield.workspace import Workspace

__all__ = ["Face", "face_for"]


@dataclass
class Face:
    """The state of one invocation; options given before or after the verb fill it in."""

    language: Language = "en"
    json: bool = False
    workspace_given: Path | None = None

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace of this invocation."""
        from homefield.workspace import find_workspace

        return find_workspace(self.workspace_given)

    @cached_property
    def progress(self) -> Progress:
        """Shows what long operations tell: bars on a terminal, JSON lines with `--json`, plain lines otherwise."""
        from homefield.cli.progress import progress_for

        return progress_for(self.language, as_json=self.json)

    @property
    def listen(self) -> Listener:
        """What a long operation is given to tell its progress to."""
        return self.progress.listen

    def say(self, key: str, /, **values: object) -> str:
        """The sentence `cli.<key>` in this invocation's language."""
        return text(f"cli.{key}", self.language, **values)

    def quiet(self) -> None:
        """Take progress off the screen; what comes next is the result or an error."""
        if "progress" in self.__dict__:
            self.progress.close()

    def show(self, outcome: Outcome) -> None:
        """Print what a command made: one JSON document, or a title, facts, tables and next steps."""
        from homefield.cli.outcome import print_outcome

        if "progress" in self.__dict__:
            self.progress.finish()
        print_outcome(outcome, self)
        sys.stdout.flush()


def face_for(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> Face:
    """The face that `arguments` ask for, before they are parsed."""
    environ = os.environ if environ is None else environ
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    workspace = _value_of(words, "--workspace")
    return Face(
        language=_language(_value_of(words, "--lang"), environ, workspace),
        json="--json" in words,
        workspace_given=Path(workspace) if workspace else None,
    )


def _value_of(words: Sequence[str], option: str) -> str | None:
    value = None
    for place, word in enumerate(words):
        if word == option and place + 1 < len(words):
            value = words[place + 1]
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
    return value


def _language(given: str | None, environ: Mapping[str, str], workspace: str | None) -> Language:
    """`--lang`, else `HOMEFIELD_LANG`, else the workspace's `homefield.toml`, else the locale."""
    from homefield.workspace import find_workspace

    for name in (given, environ.get("HOMEFIELD_LANG")):
        for language in LANGUAGES:
            if name and name.lower().startswith(language):
                return language
    file = find_workspace(Path(workspace) if workspace else None, environ=environ).root / "homefield.toml"
    if file.is_file():
        try:
            written = tomllib.loads(file.read_text(encoding="utf-8")).get("language")
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            written = None  # the command itself will say what is wrong with the file
        for language in LANGUAGES:
            if written == language:
                return language
    return default_language(environ)
