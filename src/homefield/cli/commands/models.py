"""`homefield models`: the versions in the workspace, which are in use, and one beside another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homefield.cli.amounts import percent, size
from homefield.cli.command import Group, argument, command, option
from homefield.cli.commands.evaluate import shown_verdict
from homefield.cli.commands.finetune import written
from homefield.cli.commands.promote import promote, rollback
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.records import column_option
from homefield.cli.values import Place, pairs

if TYPE_CHECKING:
    from homefield.bundle import Bundle

__all__ = ["describe", "models"]

models = Group("models")


@command("list")
def list_(face: Face) -> Outcome:
    """Names and versions, and which are in use."""
    from homefield.bundle.registry import open_registry
    from homefield.store import aliases, versions

    say = face.say
    with open_registry(face.workspace) as registry:
        registry.adopt()
        with registry.store.read() as transaction:
            known = versions.model_versions_of(transaction)
            stands = aliases.standing(transaction, "model")
        rows, documents = [], []
        for one in known:
            title, folder = f"{one.name}@{one.version}", registry.path(one)
            used = [alias for alias in aliases.ALIASES if stands.get((one.name, alias)) == one.version]
            lost = not folder.is_dir()
            told = {"name": one.name, "version": one.version, "path": folder, "aliases": used, "missing": lost}
            documents.append({**told, **one.facts, "seal": one.seal, "made_by": one.made_by})
            shown = [say("models.missing") if lost else _reached(one.facts, face), one.facts["created"][:10]]
            rows.append([title, ", ".join(used), one.facts["task"], str(one.facts["labels"]), *shown])
    headings = [say(f"models.{word}") for word in ("name", "used", "task", "labels", "metric", "created")]
    return Outcome(
        document={"models": documents},
        title=say("models.title", count=len(rows)) if rows else say("models.none"),
        tables=[Table(headings, rows, right=[3, 4])] if rows else [],
        next_steps=[] if rows else ["homefield export RUN --name NAME"],
    )


@command("compare")
@argument("model", key="model_name", metavar="MODEL")
@argument("other", key="model_other", metavar="MODEL")
@option("--on", key="on", type=Place(), metavar="FILE|DATA")
@column_option
def compare(face: Face, model: str, other: str, on: Path | None, columns: tuple[tuple[str, str], ...]) -> Outcome:
    """Two models side by side; on the same rows, when there are some."""
    from homefield import api
    from homefield.bundle import open_bundle, resolve_model
    from homefield.bundle.registry import facts_of

    if on is not None:
        found = api.compare(
            model, other, on, columns=pairs(columns, "--column"), workspace=face.workspace, listen=face.listen
        )
        return shown_verdict(found, face)
    say = face.say
    both = [open_bundle(resolve_model(each, face.workspace)).manifest for each in (model, other)]
    facts = [facts_of(manifest) for manifest in both]
    told = {
        "task": [manifest.task for manifest in both],
        "labels": [str(len(manifest.labels)) for manifest in both],
        "backbone": [f"{manifest.backbone.get('name', '?')}, {manifest.how}" for manifest in both],
        "metric": [_reached(each, face) for each in facts],
        "sizes": [size(int(each["bytes"])) for each in facts],
        "created": [manifest.created[:10] for manifest in both],
    }
    titles = [manifest.title for manifest in both]
    documents = [{"model": title, **each} for title, each in zip(titles, facts, strict=True)]
    return Outcome(
        document={"models": documents},
        title=say("models.compared", model=titles[0], other=titles[1]),
        tables=[Table(["", *titles], [[say(f"models.{key}"), *values] for key, values in told.items()])],
        notes=[say("models.compare_on")],
        next_steps=[f"homefield models compare {model} {other} --on FILE"],
    )


@command("show")
@argument("model", key="model_name", metavar="MODEL")
def show(face: Face, model: str) -> Outcome:
    """What one model is, its files compared with their hashes."""
    from homefield.bundle import open_bundle, resolve_model

    return describe(open_bundle(resolve_model(model, face.workspace)), face, "models.one")


def describe(bundle: Bundle, face: Face, title: str) -> Outcome:
    """A model in a few lines; `title` names the sentence over them."""
    from homefield.store.artifacts import artifacts_of

    say, manifest = face.say, bundle.manifest
    registered = artifacts_of(face.workspace).models.resolve() in bundle.path.resolve().parents
    named = manifest.title if registered else bundle.path
    facts = [
        ("task", manifest.task),
        ("labels", f"{len(manifest.labels)}" if manifest.labels else ""),
        ("backbone", f"{manifest.backbone.get('name', '?')}, {manifest.how}"),
        ("metric", _reached(vars(manifest), face) if manifest.metrics else ""),
        ("risk", _risk(bundle, face)),
        ("sizes", ", ".join(f"{name} {size(total)}" for name, total in _sizes(bundle).items())),
        ("seal", manifest.seal[:16]),
        ("created", manifest.created),
    ]
    return Outcome(
        document={**manifest.as_json(), "path": bundle.path, "sizes": _sizes(bundle)},
        title=say(title, model=manifest.title),
        facts=[(say(f"models.{key}"), value) for key, value in facts if value]
        + [(say("outcome.where"), str(bundle.path))],
        next_steps=[f'homefield predict {named} --text "…"'],
    )


def _reached(facts: Mapping[str, Any], face: Face) -> str:
    """The headline metric by its name, with its interval, on test rows, or on what there is."""
    for split in ("test", "calibration", "validation"):
        if numbers := facts["metrics"].get(split):
            metric = numbers["headline"]
            reached, low, high = (written(metric, value) for value in (numbers[metric], *numbers["interval"]))
            return f"{face.say(f'metric.{metric}')} {reached} ({low} … {high})"
    return "–"


def _risk(bundle: Bundle, face: Face) -> str:
    """What the risk budget bought; empty without one."""
    bought = bundle.manifest.thresholds.risk
    if bought is None:
        return ""
    key = "models.risk_never" if bought["threshold"] is None else "models.risk_bought"
    return face.say(key, risk=percent(bought["risk"]), rate=percent(bought["automatic_rate"]), rows=bought["rows"])


def _sizes(bundle: Bundle) -> dict[str, int]:
    """Bytes of the network's files by precision."""
    files = bundle.manifest.files
    return {
        precision: sum(int(files[name]["bytes"]) for name in (parts.frozen, parts.head) if name is not None)
        for precision, parts in sorted(bundle.manifest.parts.items())
    }


for each in (list_, show, compare, promote, rollback):
    models.add_command(each)
