"""Why a row is not in a split: a short name in the files' columns, a sentence in both languages for people."""

from __future__ import annotations

from collections.abc import Mapping

from homefield.messages import Language, text

__all__ = ["REASONS", "reason_text"]

REASONS: tuple[str, ...] = (
    "forgotten", "empty", "no_label", "not_number", "not_same", "too_long", "language", "no_time", "conflict",
    "in_test", "linked", "undecodable", "fields", "not_json", "not_object",
)  # fmt: skip


def reason_text(reason: str, language: Language, values: Mapping[str, object]) -> str:
    """The sentence for `reason`, filled with `values`."""
    return text(f"data.reason.{reason}", language, **values)
