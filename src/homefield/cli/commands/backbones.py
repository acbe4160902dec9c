"""`homefield backbones`: which there are, what is known of each, and bringing one to the workspace."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.command import Group, argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Name

if TYPE_CHECKING:
    from homefield.backbones import Facts

__all__ = ["backbones"]

backbones = Group("backbones")


@command("list")
def list_(face: Face) -> Outcome:
    """Every backbone that needs no network."""
    from homefield.backbones import entries

    known = entries(face.workspace)
    say = face.say
    return Outcome(
        document={"backbones": [facts.as_json() for facts in known]},
        title=say("backbones.title", count=len(known)),
        tables=[
            Table(
                [
                    say(f"backbones.{word}")
                    for word in ("name", "languages", "layers", "width", "parameters", "licence")
                ],
                [_cells(facts, face) for facts in known],
                right=[2, 3, 4],
            )
        ],
        notes=[say("backbones.more")],
    )


@command("show")
@argument("name", key="backbone", type=Name(), metavar="NAME")
def show(face: Face, name: str) -> Outcome:
    """What is known of one backbone."""
    from homefield.backbones import resolve

    source = resolve(name, workspace=face.workspace)
    return _described(source.facts, source.path, face, face.say("backbones.one", name=source.name))


@command("add")
@argument("source", key="backbone_source", type=Name(), metavar="FOLDER|HUB-NAME")
@option("--name", key="backbone_name", type=Name(), metavar="NAME")
def add(face: Face, source: str, name: str | None) -> Outcome:
    """Copy a backbone's files to the workspace."""
    from homefield import api

    added = api.add_backbone(source, name=name, workspace=face.workspace)
    outcome = _described(added.facts, added.path, face, face.say("backbones.added", name=added.name))
    step = f"homefield finetune --data data --backbone {added.name} --out run"
    return dataclasses.replace(outcome, next_steps=[step])


def _described(facts: Facts, path: Path | None, face: Face, title: str) -> Outcome:
    say = face.say
    told = [
        ("languages", _languages(facts, face)),
        ("layers", str(facts.layers)),
        ("width", str(facts.width)),
        ("max_length", str(facts.max_length)),
        ("parameters", _parameters(facts, face)),
        ("licence", facts.licence or say("backbones.unknown")),
        ("source", facts.source),
    ]
    return Outcome(
        document={**facts.as_json(), "path": path},
        title=title,
        facts=[(say(f"backbones.{key}"), value) for key, value in told if value]
        + ([(say("outcome.where"), str(path))] if path else []),
    )


def _cells(facts: Facts, face: Face) -> list[str]:
    licence = facts.licence or face.say("backbones.unknown")
    sizes = [str(facts.layers), str(facts.width), _parameters(facts, face)]
    return [facts.name, _languages(facts, face), *sizes, licence]


def _languages(facts: Facts, face: Face) -> str:
    return ", ".join(facts.languages) or face.say("backbones.any" if facts.fresh else "backbones.unknown")


def _parameters(facts: Facts, face: Face) -> str:
    return f"{facts.parameters / 1e6:.1f} M" if facts.parameters else face.say("backbones.by_vocabulary")


for each in (list_, show, add):
    backbones.add_command(each)
