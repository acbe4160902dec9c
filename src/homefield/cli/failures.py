"""What the user sees when something fails, and the exit code: never a bare traceback, never a lost one.

Every failure passes through `Failures`, a context manager, so that there is one place that decides and no `except` that
swallows what it does not know.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import click

from homefield import __version__
from homefield.cli.values import guess
from homefield.errors import CallError, HomefieldError, Interrupted, MachineError

if TYPE_CHECKING:
    from homefield.cli.face import Face

__all__ = ["Failures"]

INTERRUPTED = 130
_DISK = {
    errno.ENOSPC: "files.disk_full",
    errno.EDQUOT: "files.disk_full",
    errno.EROFS: "files.read_only",
    errno.EACCES: "files.not_permitted",
    errno.EPERM: "files.not_permitted",
}


class Failures:
    """Runs a block; afterwards `code` is the exit code, whatever happened."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.code = 0

    def __enter__(self) -> Failures:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if error is None:
            return True
        if isinstance(error, (click.exceptions.Exit, SystemExit)):
            code = error.exit_code if isinstance(error, click.exceptions.Exit) else error.code
            self.code = code if isinstance(code, int) else 0
            return True
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has had enough (`| head`); what was made is made.
            _silence_stdout()
            return True
        self.face.quiet()
        known = _known(error)
        if known is None:
            self._unexpected(error)
        else:
            self._tell(known)
        return True

    def _tell(self, error: HomefieldError) -> None:
        self.code = error.exit_code
        language = self.face.language
        self._print(error.as_json(language), how="stopped" if isinstance(error, Interrupted) else "failed")

    def _unexpected(self, error: BaseException) -> None:
        self.code = MachineError.exit_code
        file = _keep_traceback(error, self.face)
        summary = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self._print(
            {
                "code": "cli.unexpected",
                "what": self.face.say("unexpected.what", summary=summary),
                "next": self.face.say("unexpected.next", file=file),
            }
        )

    def _print(self, told: Mapping[str, object], *, how: Literal["failed", "stopped"] = "failed") -> None:
        from homefield.cli.outcome import as_json, console_for

        what, next_step = str(told["what"]).rstrip(), str(told["next"])
        if self.face.json:
            sys.stdout.write(as_json({"error": told}) + "\n")
            sys.stdout.flush()
        elif sys.stderr.isatty():
            from rich.panel import Panel
            from rich.text import Text

            body = Text(what) + Text(f"\n\n{next_step}", "bold")
            title, colour = self.face.say(f"error.{how}"), {"failed": "red", "stopped": "yellow"}[how]
            console_for(errors=True).print(Panel(body, title=title, title_align="left", border_style=colour))
        else:
            sys.stderr.write(f"{self.face.say(f'error.line_{how}', what=what)}\n{next_step}\n")
            sys.stderr.flush()


def _known(error: BaseException) -> HomefieldError | None:
    """The error in our own words, or `None` when it is a defect of the program."""
    if isinstance(error, HomefieldError):
        return error
    if isinstance(error, (KeyboardInterrupt, click.exceptions.Abort)):
        return Interrupted("cli.interrupted")
    if isinstance(error, click.exceptions.UsageError):
        return _usage(error)
    if isinstance(error, MemoryError):
        return MachineError("cli.out_of_memory")
    if isinstance(error, OSError) and error.errno in _DISK:
        return MachineError(_DISK[error.errno], path=error.filename or "?")
    return None


def _usage(error: click.exceptions.UsageError) -> CallError:
    """Click's complaints, told as expected / got / did you mean."""
    command = error.ctx.command_path if error.ctx else "homefield"
    if isinstance(error, click.exceptions.NoSuchOption):
        known = [name for p in error.ctx.command.get_params(error.ctx) for name in p.opts] if error.ctx else []
        options = [name for name in known if name.startswith("--")]
        return CallError(
            "cli.no_such_option", option=error.option_name, command=command, guess=guess(error.option_name, options)
        )
    if isinstance(error, click.exceptions.MissingParameter) and error.param is not None and error.ctx is not None:
        param = error.param
        name = f"{param.opts[0]} " if isinstance(param, click.Option) else ""
        return CallError("cli.missing", name=name + param.make_metavar(error.ctx), command=command)
    if isinstance(error, click.exceptions.BadOptionUsage):
        code = "cli.option_takes_no_value" if "does not take" in error.message else "cli.option_needs_value"
        return CallError(code, option=error.option_name, command=command)
    return CallError("cli.wrong_call", complaint=error.format_message(), command=command)


def _keep_traceback(error: BaseException, face: Face) -> Path:
    """Write the whole traceback where it can be found: in the workspace, or beside temporary files if that fails."""
    now = datetime.now().astimezone()
    words = [
        f"homefield {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"{now:%Y-%m-%d %H:%M:%S %z}",
        f"command: {' '.join(sys.argv[1:3])} ...",  # the rest may hold a customer's words
        "",
        *traceback.format_exception(error),
    ]
    name = f"failure-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    folders = [Path(tempfile.gettempdir())]
    if not isinstance(error, ImportError):  # the workspace needs imports that may be what failed
        folders.insert(0, face.workspace.root / "failures")
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("\n".join(words), encoding="utf-8")
        except OSError:
            continue
        return folder / name
    sys.stderr.write("\n".join(words))  # nowhere to write: better here than lost
    return Path("stderr")


def _silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
