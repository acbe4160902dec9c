"""`homefield support ask`: one message answered, and why so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import KeyValue, Name, pairs
from homefield.messages import text as sentence

__all__ = ["ask"]


@command("ask")
@argument("release", key="support_release", metavar="NAME")
@argument("text", key="support_text", metavar="TEXT")
@option("--variable", "variables", key="variable", type=KeyValue(), multiple=True, metavar="NAME=VALUE")
@option("--audience", key="audience", type=Name(), metavar="AUDIENCE")
@option("--conversation", key="ask_conversation", type=Name(), metavar="ID")
def ask(
    face: Face,
    release: str,
    text: str,
    variables: tuple[tuple[str, str], ...],
    audience: str | None,
    conversation: str | None,
) -> Outcome:
    """Show the reply to a message, how sure it is, and why."""
    values = pairs(variables, "--variable")
    if conversation is None:
        return _asked_alone(face, release, text, values, audience or "")
    return _asked_in(face, release, text, values, audience or "", conversation)


def _asked_alone(face: Face, release: str, text: str, variables: Mapping[str, str], audience: str) -> Outcome:
    """A message in no conversation, decided as the served desk would; nothing is kept."""
    from homefield.apps.support.conversation import options_of, reply_alone
    from homefield.apps.support.understanding.opened import open_answerer
    from homefield.bundle.registry import open_registry
    from homefield.net import Allowed

    settings = face.workspace.settings
    with open_registry(face.workspace) as registry:
        answerer = open_answerer(registry, release, threads=settings.threads)
    decided = reply_alone(
        answerer,
        text,
        options_of(face.workspace, answerer.name),
        variables=variables,
        language="" if re.search(r"\w", text) else face.language,  # a message without words says none
        audience=audience,
        allowed=Allowed.parse(settings.net_allow),
    )
    told = {"text": decided.text, **decided.facts()}
    return _shown(told, told, face)


def _asked_in(
    face: Face, name: str, text: str, variables: Mapping[str, str], audience: str, conversation: str
) -> Outcome:
    """The next message of a conversation, which is kept and replied to as over HTTP."""
    from homefield.apps.support.channels.contract import said_as_json
    from homefield.apps.support.conversation import Incoming
    from homefield.apps.support.conversation.options import check_variables
    from homefield.apps.support.desks import Desks
    from homefield.apps.support.opened import open_assistants
    from homefield.store import open_store

    told = check_variables(variables)
    message = Incoming(text, channel="terminal", conversation=conversation, variables=told, audience=audience)
    with open_store(face.workspace) as store:
        said = Desks(face.workspace, store, open_assistants(face.workspace, store)).desk(name).take(message)
    document = said_as_json(said, face.language)
    state = (face.say("support.conversation"), sentence(f"talk.state.{said.row.state}", face.language))
    if said.reply is None:
        return Outcome(document=document, title=face.say("support.quiet"), facts=[state])
    return _shown(document["reply"], document, face, state)


def _shown(told: Mapping[str, Any], document: Mapping[str, Any], face: Face, *more: tuple[str, str]) -> Outcome:
    """What was replied and why. told: the fields of a reply, plain."""
    say = face.say
    near = [[one["question"], one["answer"], f"{one['similarity']:.2f}"] for one in told["nearest"]]
    listed = told["choices"] or told["runners_up"]
    others = [[one["answer"], one["title"], percent(one["confidence"])] for one in listed]
    tables = []
    if near:
        headings = [say("support.question"), say("support.answer"), say("support.similarity")]
        tables.append(Table(headings, near, title=say("support.nearest"), right=[2]))
    if others:
        headings = [say("support.answer"), say("support.question"), say("support.confidence")]
        tables.append(Table(headings, others, title=say("support.others"), right=[2]))
    return Outcome(
        document=document,
        title=told["text"],
        quoted=True,
        facts=[
            (say("support.decision"), say(f"support.decided.{told['decision']}")),
            (say("support.answer"), told["answer"] or "–"),
            (say("support.confidence"), percent(told["confidence"])),
            (say("support.reason"), sentence(told["reason"], face.language)),
            (say("support.release"), told["release"]),
            *more,
        ],
        tables=tables,
    )
