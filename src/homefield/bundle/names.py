"""Models by name: `name`, `name@7`, `name@champion`, and how a new version gets its number.

A version number is claimed by creating a file that must not exist yet, so that two exports at the same moment get two
numbers, on two machines as well. Names come from people and from requests: what is not plainly a name is refused
before it touches a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from homefield.bundle.folder import MANIFEST
from homefield.errors import CallError
from homefield.files import disk_errors, sweep
from homefield.workspace import Workspace

__all__ = ["check_name", "claim_version", "resolve_model"]

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


@contextmanager
def claim_version(models: Path, name: str, *, above: int = 0) -> Iterator[int]:
    """The next free version number of `name` under the folder `models`, nobody else's until the block ends.

    above: the highest number ever given, which stays taken when its folder is gone.

    Raises:
        CallError: `bundle.bad_name`. MachineError: as `homefield.files.disk_errors`.
    """
    folder = models / check_name(name)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)  # exports that were killed
        version = 1 + max((_number(one.name) for one in folder.iterdir()), default=0)
        version = max(version, above + 1)
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
        CallError: `bundle.missing`; of a name as `homefield.bundle.registry.find`.
        MachineError: the database that knows the names cannot be asked.
    """
    path = Path(spec).expanduser()
    if spec and ((path / MANIFEST).is_file() or (path / "run.json").is_file()):
        return path
    if "/" in spec or "\\" in spec or spec.startswith((".", "~")):
        raise CallError("bundle.missing", path=path)
    check_name(spec.partition("@")[0])
    from homefield.bundle.registry import folder_of  # a folder is opened without a database, 0.13 s quicker

    return folder_of(spec, workspace)


def _number(name: str) -> int:
    digits = name.removeprefix(_CLAIM)
    return int(digits) if digits.isascii() and digits.isdigit() else 0
