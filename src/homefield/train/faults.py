"""Everything wrong with a recipe, in one error: one line per fault with the key, what was expected, what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from homefield.errors import HomefieldError, RecipeError
from homefield.messages import Language, default_language, text

__all__ = ["RecipeFault", "RecipeFaults"]


@dataclass(frozen=True)
class RecipeFault:
    """One fault: of `key`, told by the sentence `code` (a message key) filled with `values`.

    `meant` is the nearest thing that would have been right, None when nothing is near; `cause` is the error that says
    it all.
    """

    key: str
    code: str
    values: Mapping[str, object] = field(default_factory=dict)
    meant: str | None = None
    cause: HomefieldError | None = None

    def line(self, language: Language) -> str:
        """The fault as one line in `language`."""
        values = dict(self.values)
        if self.cause is not None:
            values["said"] = f"{self.cause.what(language).strip()} {self.cause.next_step(language)}"
        if isinstance(expected := values.get("expected"), str) and expected.startswith(("recipe.", "pretrain.")):
            values["expected"] = text(expected, language)
        said = text(self.code, language, **values)
        hint = "" if self.meant is None else text("recipe.fault.meant", language, meant=self.meant)
        return text("recipe.fault.line", language, key=self.key, said=said, hint=hint)


class RecipeFaults(RecipeError):
    """A recipe that cannot run, with all of its faults."""

    def __init__(self, faults: Iterable[RecipeFault], *, source: str) -> None:
        self.faults = tuple(faults)
        super().__init__("recipe.faults", count=len(self.faults), source=source)

    def what(self, language: Language | None = None) -> str:
        """The heading and every fault on its own line."""
        language = language or default_language()
        return "\n".join([super().what(language), *("  " + fault.line(language) for fault in self.faults)]) + "\n"

    def as_json(self, language: Language | None = None) -> dict[str, object]:
        """The error with its faults as a list."""
        chosen = language or default_language()
        faults = [{"key": f.key, "said": f.line(chosen), "meant": f.meant} for f in self.faults]
        return {**super().as_json(chosen), "faults": faults}
