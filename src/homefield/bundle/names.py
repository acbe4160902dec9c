"""Models by name: `models/NAME/VERSION` in the workspace, `name`, `name@7`, `name@champion`.

A version number is claimed by creating a file that must not exist yet, so that two exports at the same moment get two
numbers. Names come from people and from requests: what is not plainly a name is refused before it touches a path.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from homefield.bundle.folder import MANIFEST
from homefield.errors import CallError
from homefield.files import disk_errors
from homefield.workspace import Workspace

__all__ = ["ALIASES", "check_name", "claim_version", "model_names", "model_versions", "resolve_model"]

ALIASES = ("champion", "challenger")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_CLAIM = ".claim-"


def check_name(name: str) -> str:
    """`name`, when it may name a model: small letters, digits, `.`, `_`, `-`; the first a letter or digit.

    Raises:
        CallError: `bundle.bad_name`.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise CallError("bundle.bad_name", name=name)
    return name


def model_names(workspace: Workspace) -> list[str]:
    """The names that have at least one version."""
    if not workspace.models.is_dir():
        return []
    found = (folder.name for folder in workspace.models.iterdir() if _NAME.fullmatch(folder.name))
    return sorted(name for name in found if model_versions(workspace, name))


def model_versions(workspace: Workspace, name: str) -> list[int]:
    """The versions of a model, ascending."""
    folder = workspace.models / check_name(name)
    if not folder.is_dir():
        return []
    return sorted(int(one.name) for one in folder.iterdir() if one.name.isdigit() and (one / MANIFEST).is_file())


@contextmanager
def claim_version(workspace: Workspace, name: str) -> Iterator[int]:
    """The next free version number of `name`, nobody else's until the block ends.

    Raises:
        CallError: `bundle.bad_name`. MachineError: as `homefield.files.disk_errors`.
    """
    folder = workspace.models / check_name(name)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        version = 1 + max((_number(one.name) for one in folder.iterdir()), default=0)
        while True:
            claim = folder / f"{_CLAIM}{version}"
            try:
                claim.touch(exist_ok=False)
            except FileExistsError:
                version += 1
                continue
            except FileNotFoundError:  # the last claim before this one came to nothing and took the folder with it
                folder.mkdir(parents=True, exist_ok=True)
                continue
            # Another export may have finished with this number between the look and the claim.
            if not (folder / str(version)).exists():
                break
            claim.unlink()
            version += 1
    try:
        yield version
    finally:
        claim.unlink(missing_ok=True)
        with suppress(OSError):  # there is something in it
            folder.rmdir()


def resolve_model(spec: str, workspace: Workspace) -> Path:
    """The folder of the model that `spec` names: a folder, `name` (its latest version), `name@7`, `name@champion`.

    A folder with a manifest goes before a name.

    Raises:
        CallError: `bundle.missing`, `bundle.bad_name`, `bundle.unknown_name` (with the nearest name),
            `bundle.unknown_version`, `bundle.no_alias`, `bundle.bad_reference`.
    """
    path = Path(spec).expanduser()
    if spec and ((path / MANIFEST).is_file() or (path / "run.json").is_file()):
        return path
    if "/" in spec or "\\" in spec or spec.startswith((".", "~")):
        raise CallError("bundle.missing", path=path)
    name, at, reference = spec.partition("@")
    versions = model_versions(workspace, check_name(name))
    if not versions:
        known = model_names(workspace)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        if close:
            raise CallError("bundle.unknown_name", name=name, guess=close[0], place=workspace.models)
        shown = ", ".join(known[:20]) or "-"
        raise CallError("bundle.unknown_name_no_guess", name=name, known=shown, place=workspace.models)
    version = versions[-1] if not at else _referred(workspace, name, reference, versions)
    return workspace.models / name / str(version)


def _referred(workspace: Workspace, name: str, reference: str, versions: list[int]) -> int:
    listed = ", ".join(map(str, versions))
    if reference in ALIASES:
        version = _aliases(workspace.models / name / "aliases.json").get(reference)
        if version not in versions:
            raise CallError("bundle.no_alias", name=name, alias=reference, versions=listed)
        return version
    if not (reference.isascii() and reference.isdigit()):
        raise CallError("bundle.bad_reference", name=name, got=reference)
    if int(reference) not in versions:
        raise CallError("bundle.unknown_version", name=name, got=reference, versions=listed)
    return int(reference)


def _aliases(file: Path) -> dict[str, int]:
    if not file.is_file():
        return {}
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CallError("bundle.bad_aliases", file=file) from error
    if not isinstance(values, dict):
        raise CallError("bundle.bad_aliases", file=file)
    return {name: version for name, version in values.items() if isinstance(version, int)}


def _number(name: str) -> int:
    digits = name.removeprefix(_CLAIM)
    return int(digits) if digits.isascii() and digits.isdigit() else 0
