"""What the user sees when a command fails."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from homefield.cli.face import Face
from homefield.cli.failures import Failures
from homefield.errors import Interrupted, MachineError, NotAllowed, RecordsError, Refused, RemoteError, Tampered
from homefield.messages import Language


def fail(error: BaseException, face: Face) -> int:
    failures = Failures(face)
    with failures:
        raise error
    return failures.code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Refused, 1),
        (Tampered, 1),
        (RecordsError, 2),
        (MachineError, 3),
        (NotAllowed, 4),
        (RemoteError, 5),
        (Interrupted, 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    kind: type[Refused], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(kind("files.exists", path="/x"), Face()) == code
    assert "/x already exists" in capsys.readouterr().err


def test_a_plain_error_has_what_and_next(capsys: pytest.CaptureFixture[str], language: Language) -> None:
    fail(MachineError("files.disk_full", path="/x"), Face(language))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith({"en": "error: ", "zh": "错误："}[language])


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write"),
        (errno.EPERM, "may not"),
    ],
)
def test_a_refusal_of_the_system_is_told_in_our_words(
    number: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(OSError(number, "refused", "/x/y"), Face()) == 3
    said = capsys.readouterr().err
    assert says in said
    assert "/x/y" in said


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.exceptions.Abort()])
def test_ctrl_c_is_130(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(error, Face()) == 130
    assert "Stopped by you" in capsys.readouterr().err


def test_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(MemoryError(), Face()) == 3
    assert "ran out of memory" in capsys.readouterr().err


class TestUnexpected:
    def test_a_short_message_and_where_the_traceback_is(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: Language
    ) -> None:
        assert fail(ZeroDivisionError("by zero"), Face(language, workspace_given=tmp_path)) == 3
        said = capsys.readouterr().err
        (file,) = (tmp_path / "failures").iterdir()
        assert "ZeroDivisionError: by zero" in said
        assert str(file) in said
        assert "Traceback" not in said
        assert "Traceback (most recent call last)" in file.read_text()
        assert "ZeroDivisionError" in file.read_text()

    def test_with_json_too(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert fail(ZeroDivisionError("by zero"), Face(json=True, workspace_given=tmp_path)) == 3
        captured = capsys.readouterr()
        assert json.loads(captured.out)["error"]["code"] == "cli.unexpected"
        assert captured.err == ""

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_workspace_that_cannot_be_written(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        tmp_path.chmod(0o500)
        assert fail(ZeroDivisionError(), Face(workspace_given=tmp_path / "w")) == 3
        assert "failure-" in capsys.readouterr().err

    def test_a_workspace_that_is_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "w").write_text("")
        assert fail(ZeroDivisionError(), Face(workspace_given=tmp_path / "w")) == 3
        assert "failure-" in capsys.readouterr().err


def test_a_closed_pipe_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    script = (
        "import sys; from homefield.cli.face import Face; from homefield.cli.failures import Failures\n"
        "f = Failures(Face())\n"
        "with f:\n    raise BrokenPipeError\n"
        "print('nobody reads this'); sys.exit(f.code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
