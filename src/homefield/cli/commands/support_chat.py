"""`homefield support chat`: talk to a customer service in the terminal, in a conversation like any other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.values import Name
from homefield.messages import text as sentence

if TYPE_CHECKING:
    from homefield.apps.support.conversation import Said

__all__ = ["chat"]


@command("chat")
@argument("name", key="support_name", type=Name(), metavar="NAME")
@option("--conversation", key="conversation", type=Name(), metavar="ID")
def chat(face: Face, name: str, conversation: str | None) -> Outcome:
    """Each line of the input is a customer's message."""
    from homefield.apps.support.channels.contract import said_as_json
    from homefield.apps.support.conversation import Incoming
    from homefield.apps.support.desks import Desks
    from homefield.apps.support.opened import open_assistants
    from homefield.store import open_store

    say, told, said = face.say, list[dict[str, object]](), None
    with open_store(face.workspace) as store:
        desk = Desks(face.workspace, store, open_assistants(face.workspace, store)).desk(name)
        if conversation is not None:
            desk.read(conversation)  # so that a wrong id is told before anything is typed
        for line in _lines(face):
            said = desk.take(Incoming(line, channel="terminal", conversation=conversation))
            conversation = said.row.id
            told.append({"text": line, **said_as_json(said, face.language)})
            if not face.json:
                sys.stdout.write(_shown(said, face))
                sys.stdout.flush()
    document = {"conversation": conversation, "messages": told}
    if said is None:
        return Outcome(document=document)
    state = sentence(f"talk.state.{said.row.state}", face.language)
    return Outcome(
        document=document,
        title=say("support.talked", id=said.row.id, turns=said.row.turns, state=state),
        next_steps=[say("support.go_on", name=name, id=said.row.id)],
    )


def _lines(face: Face) -> Iterator[str]:
    """What is typed; a prompt where somebody types it."""
    typed = sys.stdin.isatty() and not face.json
    if typed:
        sys.stdout.write(face.say("support.chat") + "\n")
    while True:
        if typed:
            sys.stdout.write("\n" + face.say("support.you"))
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line or (typed and not line.strip()):
            return
        if line.strip():
            yield line.strip()


def _shown(said: Said, face: Face) -> str:
    if said.reply is None:
        return face.say("support.quiet") + "\n"
    facts = said.reply.facts or {}
    lines = [said.reply.text]
    titles = [one["title"] for one in facts.get("choices", ())]
    lines += [f"  {place}. {title}" for place, title in enumerate(titles, start=1) if title not in said.reply.text]
    sure = "" if facts["answer"] is None and facts["decision"] != "clarify" else f" · {percent(facts['confidence'])}"
    lines.append(
        f"  [{sentence('talk.decision.' + facts['decision'], face.language)}{sure}] "
        + sentence(facts["reason"], face.language)
    )
    return "\n".join(lines) + "\n"
