"""What a long operation tells while it works.

Every long function takes `listen: Listener = silent` and calls it with `Event`s; the faces decide how to show them (a
progress bar on a terminal, plain lines in a log, JSON lines on stderr, later a server-sent event stream).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from homefield.messages import Language, text

__all__ = ["Event", "Listener", "sentence", "silent"]


@dataclass(frozen=True)
class Event:
    """One thing worth telling.

    kind: `stage` (a new stage begins; `total` when known), `advance` (of the current stage, `done` of `total`),
    `metrics` (numbers in `values`), `note` (a sentence: `key` is a message key and `values` fill it).
    key: a message key (`area.name`), so that each face says it in its reader's language.
    """

    kind: Literal["stage", "advance", "metrics", "note"]
    key: str
    done: int | None = None
    total: int | None = None
    values: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Tell nobody."""
    del event


def sentence(event: Event, language: Language) -> str:
    """The event as a sentence; a defect in a message must not end hours of training, so its key stands in for it."""
    try:
        return text(event.key, language, **{"done": event.done, "total": event.total, **event.values})
    except (KeyError, ValueError, FileNotFoundError, IndexError, AttributeError):
        return " ".join([event.key, *(f"{name}={value}" for name, value in event.values.items())])
