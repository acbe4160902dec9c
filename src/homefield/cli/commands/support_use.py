"""`homefield support ask` and `teach`: one message answered, and one answer corrected."""

from __future__ import annotations

from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import KeyValue, Name, pairs
from homefield.messages import text as sentence

__all__ = ["ask", "teach"]


@command("ask")
@argument("release", key="support_release", metavar="NAME")
@argument("text", key="support_text", metavar="TEXT")
@option("--variable", "variables", key="variable", type=KeyValue(), multiple=True, metavar="NAME=VALUE")
@option("--audience", key="audience", type=Name(), metavar="AUDIENCE")
def ask(face: Face, release: str, text: str, variables: tuple[tuple[str, str], ...], audience: str | None) -> Outcome:
    """Show the reply to a message, how sure it is, and why."""
    from homefield.apps.support.replies import Asked
    from homefield.apps.support.understanding.opened import open_answerer
    from homefield.bundle.registry import open_registry

    with open_registry(face.workspace) as registry:
        answerer = open_answerer(registry, release, threads=face.workspace.settings.threads)
    asked = Asked(text, variables=pairs(variables, "--variable"), audience=audience or "")
    reply, say = answerer.reply(asked), face.say
    near = [[one.question, one.answer, f"{one.similarity:.2f}"] for one in reply.nearest]
    others = [[one.answer, one.title, percent(one.confidence)] for one in (reply.choices or reply.runners_up)]
    tables = []
    if near:
        headings = [say("support.question"), say("support.answer"), say("support.similarity")]
        tables.append(Table(headings, near, title=say("support.nearest"), right=[2]))
    if others:
        headings = [say("support.answer"), say("support.question"), say("support.confidence")]
        tables.append(Table(headings, others, title=say("support.others"), right=[2]))
    return Outcome(
        document={
            **{key: value for key, value in vars(reply).items() if key not in ("choices", "runners_up", "nearest")},
            "choices": [vars(each) for each in reply.choices],
            "runners_up": [vars(each) for each in reply.runners_up],
            "nearest": [vars(each) for each in reply.nearest],
        },
        title=reply.text,
        facts=[
            (say("support.decision"), say(f"support.decided.{reply.decision}")),
            (say("support.answer"), reply.answer or "–"),
            (say("support.confidence"), percent(reply.confidence)),
            (say("support.reason"), sentence(reply.reason, face.language)),
            (say("support.release"), reply.release),
        ],
        tables=tables,
    )


@command("teach")
@argument("name", key="support_name", metavar="NAME")
@argument("question", key="support_question", metavar="QUESTION")
@option("--answer", key="teach_answer", type=Name(), metavar="ID")
@option("--text", key="teach_text", type=Name(), metavar="TEXT")
@option("--why", key="teach_why", type=Name(), metavar="TEXT")
def teach(face: Face, name: str, question: str, answer: str | None, text: str | None, why: str | None) -> Outcome:
    """Say what is replied to a question from now on; it holds with the next message."""
    from homefield.apps.support.assistants import Correction
    from homefield.apps.support.understanding.opened import open_answerer, teach_answer
    from homefield.bundle.registry import open_registry
    from homefield.workspace import local_user

    with open_registry(face.workspace) as registry:
        answerer = open_answerer(registry, name, threads=face.workspace.settings.threads)
        said = Correction(question, local_user(), answer, text, why or "")
        given = teach_answer(registry, answerer, said)
    return Outcome(
        document={"name": answerer.name, "question": question, "answer": given},
        title=face.say("support.taught", answer=given),
        next_steps=[f'homefield support ask {name} "…"'],
    )
