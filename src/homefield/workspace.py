"""Where datasets, runs, models and the cache live: one folder, found the same way by every command."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homefield.settings import Settings

__all__ = ["Workspace", "find_workspace", "local_user"]

SETTINGS_FILE = "homefield.toml"


@dataclass(frozen=True)
class Workspace:
    """A folder with `homefield.toml` and, under it, everything the program keeps; made when first needed."""

    root: Path

    @cached_property
    def settings(self) -> Settings:
        """The settings of this workspace."""
        from homefield.settings import load_settings  # pydantic is too slow to import for `--help`

        return load_settings(self.root)

    @property
    def backbones(self) -> Path:
        """Backbones brought by `backbones add`."""
        return self.root / "backbones"

    @property
    def cache(self) -> Path:
        """Cached activations and encodings; may be deleted at any time."""
        return self.root / "cache"

    @property
    def datasets(self) -> Path:
        """Datasets named rather than placed by the user."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """Runs named rather than placed by the user."""
        return self.root / "runs"


def find_workspace(given: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Workspace:
    """The workspace to use: `given`, else `HOMEFIELD_WORKSPACE`, else the nearest folder upwards with a
    `homefield.toml`, else `~/.homefield`."""
    environ = os.environ if environ is None else environ
    if given is not None:
        return Workspace(given.expanduser().resolve())
    if named := environ.get("HOMEFIELD_WORKSPACE"):
        return Workspace(Path(named).expanduser().resolve())
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the folder this was started in is gone
        return Workspace(Path.home() / ".homefield")
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return Workspace(folder)
    return Workspace(Path.home() / ".homefield")


def local_user() -> str:
    """Who works here, as this machine knows them: the name in the audit log for what is done on the command line."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid-{os.getuid()}"
