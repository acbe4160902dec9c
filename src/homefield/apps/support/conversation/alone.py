"""A message in no conversation, decided as the served desk decides the first of one; nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping

from homefield.apps.support.conversation.options import SupportOptions, check_variables, load_options, options_file
from homefield.apps.support.conversation.states import Standing
from homefield.apps.support.conversation.think import Decided, Thinker, language_from, settled
from homefield.apps.support.replies import Answerer, Asked
from homefield.bundle.names import check_name
from homefield.net import Allowed
from homefield.store.columns import writable
from homefield.workspace import Workspace

__all__ = ["LONGEST", "options_of", "reply_alone"]

LONGEST = 100_000
"""Characters of a message that are kept; a longer one is cut."""


def options_of(workspace: Workspace, name: str) -> SupportOptions:
    """What the company decides about the application `name` of a workspace, as its file says it now.

    Raises:
        CallError: `bundle.bad_name`, `support.bad_options`.
    """
    return load_options(options_file(workspace, check_name(name)))


def reply_alone(
    answerer: Answerer,
    text: str,
    options: SupportOptions,
    *,
    variables: Mapping[str, str] | None = None,
    language: str = "",
    audience: str = "",
    allowed: Allowed | None = None,
) -> Decided:
    """What is replied to `text`, and why.

    Raises:
        CallError: `support.bad_variables`.
    """
    written = writable(text[:LONGEST])
    told = check_variables(variables or {})
    asked = Asked(written, variables=told, language=language_from(language, written), audience=audience)
    decided = Thinker(answerer, options, allowed or Allowed()).decide(written, asked)
    return settled(decided, Standing(), "", options.handoff.failures, asked.language)[0]
