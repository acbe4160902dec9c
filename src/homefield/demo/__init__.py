"""Sample records: what customers ask Linden & Co (林登家居), an online furniture shop that does not exist.

`shop-en.csv` (UTF-8) and `shop-zh.csv` (GB18030) have the columns question, intent, channel, date and the faults of
real files: the same question twice, an empty row, a row in another encoding, HTML, a phone number, two labels for one
question, wrong labels. `ask.json` holds questions to ask a trained model, with the intent to expect; null means that
no intent of the shop fits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, TypedDict, cast

__all__ = ["FOLDER", "Question", "questions", "records"]

FOLDER = Path(__file__).parent


class Question(TypedDict):
    """A question to ask, and the intent to expect (None: none fits)."""

    text: str
    intent: str | None


def records(language: Literal["zh", "en"]) -> Path:
    """The file of sample records in `language`."""
    return FOLDER / f"shop-{language}.csv"


def questions(language: Literal["zh", "en"]) -> list[Question]:
    """What to ask a model trained on the sample records in `language`."""
    asked = json.loads((FOLDER / "ask.json").read_text(encoding="utf-8"))
    return cast("list[Question]", asked[language])
