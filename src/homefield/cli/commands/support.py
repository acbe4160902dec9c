"""`homefield support`: intelligent customer service, from its records to its releases."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.amounts import percent
from homefield.cli.command import Group, argument, command, option
from homefield.cli.commands.support_build import build, promote, rollback
from homefield.cli.commands.support_chat import chat
from homefield.cli.commands.support_judge import evaluate, replay
from homefield.cli.commands.support_teach import taught, teach, unteach
from homefield.cli.commands.support_use import ask
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Place, Whole

if TYPE_CHECKING:
    from homefield.apps.support.mine import Mined

__all__ = ["support"]

support = Group("support")
answers = Group("answers")
_STEPS = (10, 20, 40, 60, 100, 200, 500, 1000)
_SHOWN = 10


@command("list")
def list_(face: Face) -> Outcome:
    """Customer services, their releases, and which are in use."""
    from homefield.apps.support.understanding.releases import every_release, folder_of_release
    from homefield.bundle.registry import open_registry

    say, rows, documents = face.say, list[list[str]](), list[dict[str, object]]()
    with open_registry(face.workspace) as registry:
        known = every_release(registry)
        folders = [folder_of_release(registry, release) for release, _ in known]
    for (release, used), folder in zip(known, folders, strict=True):
        manifest, lost = release.manifest, not folder.is_dir()
        told = {key: manifest[key] for key in ("made", "questions", "answers", "calibration", "risk")}
        place = {"name": release.name, "version": release.version, "path": folder, "aliases": used, "missing": lost}
        documents.append({**place, **told, "seal": release.seal, "made_by": release.made_by})
        right = say("models.missing") if lost else percent(manifest["calibration"]["recall_1"])
        counts = [f"{manifest[key]:,}" for key in ("questions", "answers")]
        rows.append([f"{release.name}@{release.version}", ", ".join(used), *counts, right, manifest["made"][:10]])
    served = {release.name for release, used in known if used}
    idle = list(dict.fromkeys(release.name for release, _ in known if release.name not in served))
    headings = [say(f"support.{word}") for word in ("release", "used", "questions", "answers", "right_first", "made")]
    return Outcome(
        document={"releases": documents},
        title=say("support.listed", count=len(rows)) if rows else say("support.none"),
        tables=[Table(headings, rows, right=range(2, 5))] if rows else [],
        notes=[say("support.latest_answers", names=", ".join(idle))] if idle else [],
        next_steps=[] if rows else ["homefield support build NAME --pairs FILE"],
    )


@command("mine")
@argument("dialogues", key="dialogues", type=Place(), metavar="DIALOGUES")
@option("--out", key="mine_out", type=Place(), required=True, metavar="DIR")
@option("--days", key="mine_days", type=Whole(), default=365, metavar="N")
@option("--report", key="mine_report", type=Place(), metavar="FILE")
def mine(face: Face, dialogues: Path, out: Path, days: int, report: Path | None) -> Outcome:
    """Show what support dialogues hold, and write what people edit."""
    from homefield.apps.support.mine import mine as look
    from homefield.apps.support.mine import write_proposal

    mined = look(dialogues, days=days or None)
    write_proposal(mined, out)
    if report is not None:
        from homefield.apps.support.mine_page import write_mine_page

        write_mine_page(mined, report, dialogues.name, language=face.language)
    return _describe(mined, dialogues, out, report, face)


def _describe(mined: Mined, dialogues: Path, out: Path, report: Path | None, face: Face) -> Outcome:
    say, total, answers_file = face.say, len(mined.templates), out / "answers.csv"
    steps = [step for step in _STEPS if step < total] + ([total] if total else [])
    more = len(mined.contradictions) > _SHOWN
    curve = [(step, mined.coverage[step - 1]) for step in steps]
    facts = [
        (say("support.rows"), say("support.counts", kept=mined.account.kept, rejected=len(mined.account.rejected))),
        (say("support.masked"), ", ".join(f"{kind} {found}" for kind, found in mined.account.masked.items()) or "0"),
        (say("support.period"), _period(mined, face)),
        (say("support.contradictions"), str(len(mined.contradictions))),
        (say("support.disputed"), str(len(mined.disputed))),
        (say("outcome.where"), str(out)),
        (say("support.report"), str(report) if report else ""),
    ]
    return Outcome(
        document={
            "out": out,
            "report": report,
            "period": {"first": _day(mined.period.first), "last": _day(mined.period.last), "older": mined.period.older},
            "rows": {"read": mined.account.read, "kept": mined.account.kept, "rejected": len(mined.account.rejected)},
            "dialogues": mined.dialogues,
            "questions": len(mined.questions),
            "templates": total,
            "masked": mined.account.masked,
            "coverage": [{"templates": step, "share": share} for step, share in curve],
            "contradictions": len(mined.contradictions),
            "disputed": [
                {"question": each.question, "kept": each.kept.id, "other": each.other.id, "rows": len(each.aside)}
                for each in mined.disputed
            ],
            "small_talk": len(mined.small_talk),
        },
        title=say("support.mined", dialogues=mined.dialogues, questions=len(mined.questions), templates=total),
        facts=[(name, value) for name, value in facts if value],
        tables=[*_against(mined, face), *_disputed(mined, face)],
        notes=[
            *(say("support.covers", templates=step, share=percent(share)) for step, share in curve),
            *([say("support.contradict_note", shown=_SHOWN, file=out / "contradictions.csv")] if more else []),
            *([say("support.disputed_note", file=out / "put_aside.csv")] if mined.disputed else []),
            *([] if report else [say("support.want_report")]),
        ],
        next_steps=[
            f"homefield support answers check {answers_file} --pairs {out / 'questions.csv'}",
            f"homefield support build NAME --dialogues {dialogues} --answers {answers_file}",
        ]
        if total
        else [],
    )


def _against(mined: Mined, face: Face) -> list[Table]:
    """Templates that contradict each other."""
    say = face.say
    headings = [say(f"support.{word}") for word in ("kind_of", "one_answer", "other_answer", "question")]
    rows = [
        [say(f"support.kind.{each.kind}"), each.one.text, each.other.text, each.evidence[0].question]
        for each in mined.contradictions[:_SHOWN]
    ]
    return [Table(headings, rows, title=say("support.contradict"))] if rows else []


def _disputed(mined: Mined, face: Face) -> list[Table]:
    """Questions with two answers: which stands, and what was put aside."""
    say = face.say
    headings = [say(f"support.{word}") for word in ("question", "stands", "stands_aside")]
    rows = [
        [each.question, f"{each.kept.text} ({each.times} ×)", f"{each.other.text} ({len(each.aside)} ×)"]
        for each in mined.disputed[:_SHOWN]
    ]
    return [Table(headings, rows, title=say("support.two_answers"))] if rows else []


def _period(mined: Mined, face: Face) -> str:
    first, last = _day(mined.period.first), _day(mined.period.last)
    return face.say("support.from_to", first=first, last=last, older=mined.period.older) if first and last else ""


def _day(time: datetime | None) -> str | None:
    return time.date().isoformat() if time else None


@command("check")
@argument("file", key="answers", type=Place(), metavar="FILE")
@option("--pairs", key="answer_pairs", type=Place(), metavar="FILE")
def check(face: Face, file: Path, pairs: Path | None) -> Outcome:
    """Check a file of approved answers whole."""
    from homefield.apps.support.answers import read_answers

    found = read_answers(file, pairs=pairs).by_id
    return Outcome(document={"answers": len(found), "faults": 0}, title=face.say("support.checked", count=len(found)))


answers.add_command(check)
for _verb in (
    list_, mine, answers, build, ask, chat, teach, taught, unteach, evaluate, replay, promote, rollback,
):  # fmt: skip
    support.add_command(_verb)
