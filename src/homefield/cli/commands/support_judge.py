"""`homefield support evaluate` and `replay`: how good a release is, and what another one would change."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.commands.support_rows import left_out, rows_left_out
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.records import column_option
from homefield.cli.values import Name, Place, Whole, pairs
from homefield.errors import CallError

if TYPE_CHECKING:
    from homefield.apps.support.replies import Reply
    from homefield.apps.support.understanding.replay import Change, Replayed

__all__ = ["evaluate", "replay"]

_SHOWN, _WORDS = 20, 60  # rows; characters of a reply whose words alone changed
_NUMBERS = (
    "recall_1", "recall_5", "mrr", "kept", "kept_right", "unknown_found", "unknown_unanswered", "automatic",
    "automatic_wrong",
)  # fmt: skip
_SLICED = ("recall_1", "automatic", "automatic_wrong")


@command("evaluate")
@argument("release", key="support_release", metavar="NAME")
@argument("file", key="labelled", type=Place(), metavar="FILE")
@column_option
def evaluate(face: Face, release: str, file: Path, columns: tuple[tuple[str, str], ...]) -> Outcome:
    """Ask every question of a file and compare with the right answers."""
    from homefield.apps.support.conversation import options_of
    from homefield.apps.support.understanding.judging import judge_release, kept_as
    from homefield.apps.support.understanding.opened import open_answerer
    from homefield.bundle.registry import open_registry

    with open_registry(face.workspace) as registry:
        answerer = open_answerer(registry, release, threads=face.workspace.settings.threads)
    handoff, say = options_of(face.workspace, answerer.name).handoff, face.say
    found = judge_release(answerer, file, pairs(columns, "--column"), handoff=handoff)
    told = {key: found.numbers[key] for key in _NUMBERS if found.numbers[key] is not None}
    facts = [(say(f"support.number.{key}"), percent(value)) for key, value in told.items()]
    if found.baseline is not None:
        facts.insert(1, (say("support.words_alone"), percent(found.baseline)))
    sliced = [
        [name, f"{each['rows']:,}", *(percent(each[key]) for key in _SLICED)] for name, each in found.slices.items()
    ]
    headings = [say("support.slice"), say("support.rows"), *(say(f"support.number.{key}") for key in _SLICED)]
    proposed = [
        [say(f"support.propose.{each.kind}"), ", ".join(each.answers), str(each.rows), " | ".join(each.examples[:2])]
        for each in found.proposals[:_SHOWN]
    ]
    tables = [Table(headings, sliced, right=range(1, 5))]
    if found.wrong:
        wrong = [[each.question, each.said, each.right or "–"] for each in found.wrong[:_SHOWN]]
        tables.append(Table([say(f"support.wrong.{word}") for word in ("question", "said", "right")], wrong))
    if proposed:
        columns_of = [say("support.proposal"), say("support.answers"), say("support.mistakes"), say("support.question")]
        tables.append(Table(columns_of, proposed, right=[2]))
    return Outcome(
        document={**kept_as(found), "left_out": rows_left_out([found.account], face)},
        title=say("support.judged", release=found.release, rows=found.numbers["rows"]),
        facts=facts,
        tables=tables,
        notes=[
            *left_out([found.account], face),
            *([say("support.more_wrong", shown=_SHOWN, count=len(found.wrong))] if len(found.wrong) > _SHOWN else []),
        ],
    )


@command("replay")
@argument("release", key="support_candidate", metavar="RELEASE")
@argument("log", key="support_log", type=Place(), required=False, metavar="[LOG]")
@option("--days", key="replay_days", type=Whole(), metavar="N")
@option("--against", key="support_against", type=Name(), metavar="RELEASE")
@column_option
def replay(
    face: Face,
    release: str,
    log: Path | None,
    days: int | None,
    against: str | None,
    columns: tuple[tuple[str, str], ...],
) -> Outcome:
    """Ask past messages again of a candidate and of the release in use, and show what changes."""
    from homefield.apps.support.conversation import options_of
    from homefield.apps.support.understanding.opened import open_answerer
    from homefield.apps.support.understanding.past import past_messages
    from homefield.apps.support.understanding.replay import read_log
    from homefield.apps.support.understanding.replay import replay as ask_again
    from homefield.bundle.registry import open_registry

    if (log is None) == (days is None):
        raise CallError("support.log_or_days", release=release)
    threads, notes = face.workspace.settings.threads, list[str]()
    with open_registry(face.workspace) as registry:
        candidate = open_answerer(registry, release, threads=threads)
        champion = open_answerer(registry, against or candidate.name, threads=threads)
        if champion.release == candidate.release:
            raise CallError("support.nothing_to_compare", release=candidate.release)
        options = options_of(face.workspace, candidate.name)
        if days is not None:
            messages = past_messages(registry.store, candidate.name, days=days, history=options.history)
    if log is not None:
        messages, account = read_log(log, pairs(columns, "--column"))
        notes = left_out([account], face)
    return _shown(ask_again(champion, candidate, messages, options), notes, face)


def _shown(found: Replayed, notes: list[str], face: Face) -> Outcome:
    say = face.say
    ordered = sorted(found.changes, key=lambda change: ("loss", "gain", "other").index(change.effect))
    # The same message with the same change is told once, with how often it came.
    alike = Counter((say(f"support.effect.{each.effect}"), each.text, *_sides(each, face)) for each in ordered)
    rows = [[*told[:2], f"{times:,}", *told[2:]] for told, times in list(alike.items())[:_SHOWN]]
    headings = [say("support.effect.title"), say("support.question"), say("support.times"), found.champion]
    if len(alike) > _SHOWN:
        notes = [*notes, say("support.more_changes", shown=_SHOWN, count=len(alike))]
    counts = {effect: found.count(effect) for effect in ("gain", "loss", "other")}
    return Outcome(
        document={
            "champion": found.champion,
            "candidate": found.candidate,
            "messages": found.messages,
            "known": found.known,
            **counts,
            "changes": [
                {
                    "row": each.row, "text": each.text, "effect": each.effect, "right": each.right,
                    "before": _told(each.before), "after": _told(each.after),
                }
                for each in found.changes
            ],
        },
        title=say("support.replayed", messages=found.messages, changed=len(found.changes)),
        facts=[(say("support.compared"), say("support.instead", candidate=found.candidate, champion=found.champion))]
        + [(say(f"support.effect.{effect}"), f"{count:,}") for effect, count in counts.items()],
        tables=[Table([*headings, found.candidate], rows, right=[2])] if rows else [],
        notes=notes,
    )  # fmt: skip


def _told(reply: Reply) -> dict[str, object]:
    return {"decision": reply.decision, "answer": reply.answer, "text": reply.text}


def _sides(change: Change, face: Face) -> tuple[str, str]:
    """What both reply: the id, or what is done instead; with the words where only those differ."""
    sides = [reply.answer or face.say(f"support.decided.{reply.decision}") for reply in (change.before, change.after)]
    if sides[0] == sides[1]:
        words = (" ".join(reply.text.split()) for reply in (change.before, change.after))
        sides = [f"{side}: {said[:_WORDS]}" for side, said in zip(sides, words, strict=True)]
    return sides[0], sides[1]
