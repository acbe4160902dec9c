"""`homefield support`: intelligent customer service, from its records to its releases."""

from __future__ import annotations

from pathlib import Path

from homefield.cli.amounts import percent
from homefield.cli.command import Group, argument, command, option
from homefield.cli.commands.support_build import build, promote, rollback
from homefield.cli.commands.support_chat import chat
from homefield.cli.commands.support_judge import evaluate, replay
from homefield.cli.commands.support_use import ask, teach
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Place

__all__ = ["support"]

support = Group("support")
answers = Group("answers")
_STEPS = (10, 20, 40, 60, 100, 200, 500, 1000)
_SHOWN = 10


@command("mine")
@argument("dialogues", key="dialogues", type=Place(), metavar="DIALOGUES")
@option("--out", key="mine_out", type=Place(), required=True, metavar="DIR")
def mine(face: Face, dialogues: Path, out: Path) -> Outcome:
    """Show what support dialogues hold, and write what people edit."""
    from homefield.apps.support.mine import mine as look
    from homefield.apps.support.mine import write_proposal

    mined = look(dialogues)
    write_proposal(mined, out)
    say, total = face.say, len(mined.templates)
    steps = [step for step in _STEPS if step < total] + ([total] if total else [])
    curve = [(step, mined.coverage[step - 1]) for step in steps]
    against = [
        [say(f"support.kind.{each.kind}"), each.one.text, each.other.text, each.evidence[0].question]
        for each in mined.contradictions[:_SHOWN]
    ]
    return Outcome(
        document={
            "out": out,
            "rows": {"read": mined.account.read, "kept": mined.account.kept, "rejected": len(mined.account.rejected)},
            "dialogues": mined.dialogues,
            "questions": len(mined.questions),
            "templates": total,
            "masked": mined.account.masked,
            "coverage": [{"templates": step, "share": share} for step, share in curve],
            "contradictions": len(mined.contradictions),
            "small_talk": len(mined.small_talk),
        },
        title=say("support.mined", dialogues=mined.dialogues, questions=len(mined.questions), templates=total),
        facts=[
            (say("support.rows"), say("support.counts", kept=mined.account.kept, rejected=len(mined.account.rejected))),
            (
                say("support.masked"),
                ", ".join(f"{kind} {found}" for kind, found in mined.account.masked.items()) or "0",
            ),
            (say("support.contradictions"), str(len(mined.contradictions))),
            (say("outcome.where"), str(out)),
        ],
        tables=[Table([say("support.kind_of"), "1", "2", say("support.question")], against)] if against else [],
        notes=[say("support.covers", templates=step, share=percent(share)) for step, share in curve],
        next_steps=[f"homefield support answers check {out / 'answers.csv'}"],
    )


@command("check")
@argument("file", key="answers", type=Place(), metavar="FILE")
@option("--pairs", key="answer_pairs", type=Place(), metavar="FILE")
def check(face: Face, file: Path, pairs: Path | None) -> Outcome:
    """Check a file of approved answers whole."""
    from homefield.apps.support.answers import read_answers

    found = read_answers(file, pairs=pairs).by_id
    return Outcome(document={"answers": len(found), "faults": 0}, title=face.say("support.checked", count=len(found)))


answers.add_command(check)
for _verb in (mine, answers, build, ask, chat, teach, evaluate, replay, promote, rollback):
    support.add_command(_verb)
