"""Words on a page: each sentence in both languages at once, and figures written one way.

A page carries Chinese and English together and shows one of them, so what is written on it is a `Both`, made by `say`
from a message key. A plain string is shown as it is in either language (a label, a text from the records).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from homefield.messages import Language, text

__all__ = ["Both", "Text", "count", "figure_of", "percent", "say", "seconds"]

NOTHING = "–"


@dataclass(frozen=True)
class Both:
    """One sentence in both languages."""

    en: str
    zh: str

    def __html__(self) -> Markup:
        return Markup('<span class="l" lang="en">{}</span><span class="l" lang="zh">{}</span>').format(self.en, self.zh)

    def in_language(self, language: Language) -> str:
        """The sentence in one language."""
        return self.zh if language == "zh" else self.en


Text = str | Both


def say(key: str, /, **values: object) -> Both:
    """The sentence `key` of the messages in both languages; a value that is itself a `Both` is filled in likewise.

    Raises:
        KeyError: the key or a value is missing, a defect of the program.
    """
    return Both(en=text(key, "en", **_in("en", values)), zh=text(key, "zh", **_in("zh", values)))


def _in(language: Language, values: dict[str, object]) -> dict[str, object]:
    return {name: value.in_language(language) if isinstance(value, Both) else value for name, value in values.items()}


def count(value: float) -> str:
    """A whole number with its thousands set apart: `10,003`."""
    return f"{round(value):,}" if math.isfinite(value) else NOTHING


def percent(share: float | None, digits: int = 1) -> str:
    """A share as per cent: `0.934` is `93.4%`; a dash when there is none."""
    return NOTHING if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f}%"


def figure_of(value: float | None, digits: int = 3) -> str:
    """A number with fixed decimals, so that a column of them lines up; a dash when there is none."""
    return NOTHING if value is None or not math.isfinite(value) else f"{round(value, digits) + 0.0:,.{digits}f}"


def seconds(value: float | None) -> Both:
    """A duration as a person says it: milliseconds, seconds, minutes or hours."""
    if value is None or not math.isfinite(value):
        return Both(NOTHING, NOTHING)
    if value < 1:
        return say("pages.time.milliseconds", value=f"{1000 * value:.1f}")
    if value < 120:
        return say("pages.time.seconds", value=f"{value:.1f}")
    if value < 7200:
        return say("pages.time.minutes", value=f"{value / 60:.1f}")
    return say("pages.time.hours", value=f"{value / 3600:.1f}")
