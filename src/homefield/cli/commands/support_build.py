"""`homefield support build`, `promote` and `rollback`: records become a release, and a release comes into use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.commands.promote import shown_promotion
from homefield.cli.commands.support_rows import left_out, rows_left_out
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.records import column_option
from homefield.cli.values import KeyValue, Name, Place, Share, Whole, pairs
from homefield.errors import CallError

if TYPE_CHECKING:
    from homefield.apps.support.answers import Answer
    from homefield.apps.support.understanding.build import Built

__all__ = ["build", "promote", "rollback"]


@command("build")
@argument("name", key="support_name", metavar="NAME")
@option("--pairs", "pairs_file", key="support_pairs", type=Place(), metavar="FILE")
@option("--intents", key="support_intents", type=Place(), metavar="FILE")
@option("--dialogues", key="support_dialogues", type=Place(), metavar="FILE")
@option("--answers", key="support_answers", type=Place(), metavar="FILE")
@option("--same", key="support_same", type=Place(), metavar="FILE")
@column_option
@option("--risk", key="risk", type=Share(), metavar="R")
@option("--seed", key="seed", type=Whole(), metavar="N")
@option("--set", "settings", key="set", type=KeyValue(), multiple=True, metavar="KEY=VALUE")
def build(
    face: Face,
    name: str,
    pairs_file: Path | None,
    intents: Path | None,
    dialogues: Path | None,
    answers: Path | None,
    same: Path | None,
    columns: tuple[tuple[str, str], ...],
    risk: float | None,
    seed: int | None,
    settings: tuple[tuple[str, str], ...],
) -> Outcome:
    """Build the next release of a customer service and show what it can do."""
    from homefield.apps.support.understanding.build import build as make

    built = make(
        name,
        workspace=face.workspace,
        pairs=pairs_file,
        intents=intents,
        dialogues=dialogues,
        answers=answers,
        same=same,
        columns=pairs(columns, "--column"),
        risk=risk,
        seed=seed or 0,
        settings=pairs(settings, "--set"),
        listen=face.listen,
    )
    return _shown(built, face)


def _shown(built: Built, face: Face) -> Outcome:
    say, release = face.say, built.release
    manifest, title = release.manifest, f"{release.name}@{release.version}"
    held, bought = manifest["calibration"], manifest["risk"]
    rejected = [each for account in built.material.accounts for each in account.rejected]
    facts = [
        (say("support.questions"), f"{manifest['questions']:,}"),
        (say("support.answers"), f"{manifest['answers']:,}"),
        (say("support.put_aside"), f"{len(rejected):,}"),
        (say("support.right_first"), f"{percent(held['recall_1'])} ({say('support.held_out', rows=held['rows'])})"),
    ]
    if bought is not None:
        key = "models.risk_never" if bought["threshold"] is None else "models.risk_bought"
        shown = {"risk": percent(bought["risk"]), "rate": percent(bought["automatic_rate"]), "rows": bought["rows"]}
        facts.append((say("models.risk"), say(key, **shown)))
    in_use = built.promotion is not None and built.promotion.moved is not None
    steps = [f'homefield support ask {release.name if in_use else title} "…"']
    if not in_use:
        steps.insert(0, f"homefield support promote {title} --on FILE")
    return Outcome(
        document={
            "release": title,
            "seal": release.seal,
            "in_use": in_use,
            "rejected": len(rejected),
            "left_out": rows_left_out(built.material.accounts, face),
            **{key: manifest[key] for key in ("models", "dataset", "answers", "questions", "calibration", "risk")},
        },
        title=say("support.built", release=title),
        facts=facts,
        notes=[
            *left_out(built.material.accounts, face),
            *_bare(built.material.answers, face),
            *_undeclared(release.name, built.material.answers, face),
            *(
                []
                if built.promotion is None
                else [each.sentence(face.language) for each in built.promotion.gate.checks]
            ),
        ],
        next_steps=steps,
    )


def _bare(answers: Mapping[str, Answer], face: Face) -> list[str]:
    """A word of warning where customers would be sent intents or ids instead of sentences."""
    words = [each.text for each in answers.values() if each.text == each.id]
    return [face.say("support.bare", words=", ".join(words[:3]))] if 2 * len(words) > len(answers) else []


def _undeclared(name: str, answers: Mapping[str, Answer], face: Face) -> list[str]:
    """Placeholders that nothing fills unless the channel sends their values: then a human takes over."""
    from homefield.apps.support.conversation import options_of

    options = options_of(face.workspace, name)
    wanted = sorted({each for answer in answers.values() for each in answer.placeholders})
    lacking = [each for each in wanted if each not in options.sources and options.question(each) is None]
    return [face.say("support.undeclared", names=", ".join(lacking), file=f"support/{name}.toml")] if lacking else []


@command("promote")
@argument("release", key="support_release", metavar="RELEASE")
@option("--on", key="on", type=Place(), metavar="FILE")
@column_option
@option("--margin", key="margin", type=Share(), metavar="SHARE")
@option("--force", key="force_gate", is_flag=True)
@option("--why", key="why", type=Name(), metavar="TEXT")
def promote(
    face: Face,
    release: str,
    on: Path | None,
    columns: tuple[tuple[str, str], ...],
    margin: float | None,
    force: bool,
    why: str | None,
) -> Outcome:
    """Put a release into use, if the truth gate holds on questions with the right answers."""
    from homefield.apps.support.conversation import options_of
    from homefield.apps.support.understanding.promoting import promote_release
    from homefield.bundle.registry import open_registry
    from homefield.operate.gate import MARGIN
    from homefield.workspace import local_user

    if on is None:
        raise CallError("support.nothing_to_judge_on", release=release)
    with open_registry(face.workspace) as registry:
        found = promote_release(
            registry,
            release,
            on,
            by=local_user(),
            columns=pairs(columns, "--column"),
            handoff=options_of(face.workspace, release.partition("@")[0]).handoff,
            margin=MARGIN if margin is None else margin,
            force=force,
            why=why,
        )
    return shown_promotion(found, face, verb="support")


@command("rollback")
@argument("name", key="support_name", metavar="NAME")
@option("--why", key="why", type=Name(), metavar="TEXT")
def rollback(face: Face, name: str, why: str | None) -> Outcome:
    """Put the release back that was in use before."""
    from homefield.apps.support.understanding.promoting import roll_back_release
    from homefield.bundle.registry import open_registry
    from homefield.workspace import local_user

    with open_registry(face.workspace) as registry:
        moved = roll_back_release(registry, name, by=local_user(), why=why)
    return Outcome(
        document={"name": moved.name, "version": moved.version, "alias": moved.alias, "by": moved.by},
        title=face.say("models.rolled_back", model=f"{moved.name}@{moved.version}"),
    )
