"""The page to talk to a customer service and look inside: one template, a style sheet and two scripts, no build step.

Its words stand in the catalogue as all words do, and are handed to the scripts in an attribute, since nothing that runs
may stand in the page itself.
"""

from __future__ import annotations

import json
from importlib import resources

from jinja2 import Environment

from homefield.messages import LANGUAGES, Language, catalogue

__all__ = ["FILES", "render"]

FILES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
}
"""What the page loads, and as what it is served."""

_NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}  # each in itself


def render(language: Language) -> str:
    """The page in one language."""
    words = {key.removeprefix("talk."): sentence for key, sentence in catalogue(language, "talk").items()}
    source = resources.files(__name__).joinpath("page.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
    other = next(each for each in LANGUAGES if each != language)
    tag = {"zh": "zh-CN", "en": "en"}[language]
    return template.render(
        w=words,
        words=json.dumps(words, ensure_ascii=False),
        tag=tag,
        language=language,
        other=other,
        name=_NAMES[other],
    )
