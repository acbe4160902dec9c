"""Every error a user can meet: a stable code, what happened, and what to do next, in Chinese and English.

The tree, by the exit code of the command line::

    HomefieldError
    ├── Refused            1  the answer is no: a gate, a threshold, a parity check
    │   └── Tampered       1  a file is not what its manifest says
    ├── CallError          2  a wrong call
    │   ├── RecipeError    2  a recipe with faults (all of them listed)
    │   └── RecordsError   2  records that cannot be used; names file, row and column
    ├── MachineError       3  this machine lacks something: disk, memory, a package, a backbone
    ├── NotAllowed         4
    ├── RemoteError        5  somebody else's machine
    └── Interrupted      130  stopped by the user, cleanly

The sentences stand in `messages/<language>/<area>.toml` under the code: `area.name.what` and `area.name.next`.
"""

from __future__ import annotations

from typing import ClassVar

from homefield.messages import Language, default_language, text

__all__ = [
    "CallError",
    "HomefieldError",
    "Interrupted",
    "MachineError",
    "NotAllowed",
    "RecipeError",
    "RecordsError",
    "Refused",
    "RemoteError",
    "Tampered",
]


class HomefieldError(Exception):
    """An error with a code (`area.name`) whose sentences are looked up in the reader's language.

    `values` fill the sentences' placeholders. `str(error)` uses the process's language.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, code: str, /, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def what(self, language: Language | None = None) -> str:
        """What was expected and what came."""
        return text(f"{self.code}.what", language or default_language(), **self.values)

    def next_step(self, language: Language | None = None) -> str:
        """What the user does now."""
        return text(f"{self.code}.next", language or default_language(), **self.values)

    def as_json(self, language: Language | None = None) -> dict[str, object]:
        """The error as one JSON object, the same for the command line and the server."""
        return {"code": self.code, "what": self.what(language), "next": self.next_step(language)}

    def __str__(self) -> str:
        return f"{self.what()} {self.next_step()}"


class Refused(HomefieldError):
    """The answer is no."""

    exit_code = 1


class Tampered(Refused):
    """A file is not what its manifest says."""


class CallError(HomefieldError):
    """The call itself is wrong."""

    exit_code = 2


class RecipeError(CallError):
    """The recipe has faults."""


class RecordsError(CallError):
    """The records cannot be used as they are."""


class MachineError(HomefieldError):
    """This machine lacks something."""

    exit_code = 3


class NotAllowed(HomefieldError):
    """The caller may not do this."""

    exit_code = 4


class RemoteError(HomefieldError):
    """Another machine failed."""

    exit_code = 5


class Interrupted(HomefieldError):
    """Stopped by the user; what was done is kept."""

    exit_code = 130
