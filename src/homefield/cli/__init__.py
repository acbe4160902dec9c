"""The command line: parse, call the API, print."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 the answer is no, 2 wrong call or recipe, 3 environment,
    4 not allowed, 5 remote, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:  # answered before Click is imported: 50 of the 150 ms it may take
        from homefield import __version__

        sys.stdout.write(f"homefield {__version__}\n")
        return 0
    try:
        from homefield.cli.face import face_for
        from homefield.cli.failures import Failures
        from homefield.cli.outcome import Outcome
        from homefield.cli.program import program
    except KeyboardInterrupt:
        return 130
    face = face_for(arguments)
    _make_writable(as_json=face.json)
    before = os.environ.get("HOMEFIELD_LANG")
    os.environ["HOMEFIELD_LANG"] = face.language  # so that reports and libraries below speak it too
    failures = Failures(face)
    try:
        with failures, program.make_context("homefield", list(arguments), obj=face) as ctx:
            made = program.invoke(ctx)
            if isinstance(made, Outcome):
                face.show(made)
                failures.code = made.answer
            sys.stdout.flush()
    finally:
        face.quiet()
        if before is None:
            del os.environ["HOMEFIELD_LANG"]
        else:
            os.environ["HOMEFIELD_LANG"] = before
    return failures.code


def _make_writable(*, as_json: bool) -> None:
    """JSON is UTF-8 whatever the terminal's encoding; a mark that the terminal cannot show becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if as_json:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
            else:
                stream.reconfigure(errors="replace")
