"""Where models, datasets and uploads lie: a folder, by URI, that every machine of an installation sees.

The database keeps places from the root of it (`models/shop/7`), so that each machine may mount it where it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from homefield.errors import CallError
from homefield.workspace import Workspace

__all__ = ["Artifacts", "artifacts_of"]


@dataclass(frozen=True)
class Artifacts:
    """The folder that all artifacts lie under."""

    root: Path

    @property
    def models(self) -> Path:
        """`models/NAME/VERSION`: the files of the model registry."""
        return self.root / "models"

    @property
    def uploads(self) -> Path:
        """What clients have sent, each under its id."""
        return self.root / "uploads"

    def uri(self, path: Path) -> str:
        """What the database calls `path`.

        Raises:
            ValueError: it does not lie under the root.
        """
        return path.relative_to(self.root).as_posix()

    def path(self, uri: str) -> Path:
        """Where what the database calls `uri` lies on this machine.

        Raises:
            ValueError: it would lie outside the root.
        """
        parts = PurePosixPath(uri)
        if parts.is_absolute() or not parts.parts or ".." in parts.parts or "\\" in uri or "\0" in uri:
            raise ValueError(f"not a place among the artifacts: {uri!r}")
        return self.root / parts


def artifacts_of(workspace: Workspace) -> Artifacts:
    """The artifacts of a workspace: the folder or `file://` URI its settings name, else the workspace itself.

    Raises:
        CallError: `store.bad_artifacts`.
    """
    given = workspace.settings.artifacts
    if given is None:
        return Artifacts(workspace.root)
    parts = urlsplit(given)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return Artifacts(Path(unquote(parts.path)))
    if "://" in given:
        raise CallError("store.bad_artifacts", got=given)
    return Artifacts(workspace.root / Path(given).expanduser())
