"""`homefield models`: the models in the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homefield.cli.amounts import percent, size
from homefield.cli.command import Group, argument, command
from homefield.cli.commands.finetune import number
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table

if TYPE_CHECKING:
    from homefield.bundle import Bundle, BundleManifest

__all__ = ["describe", "models"]

models = Group("models")


@command("list")
def list_(face: Face) -> Outcome:
    """Names and versions."""
    from homefield.bundle import model_names, model_versions
    from homefield.bundle.folder import MANIFEST
    from homefield.bundle.manifest import read_manifest

    say, workspace = face.say, face.workspace
    rows, documents = [], []
    for name in model_names(workspace):
        for version in model_versions(workspace, name):
            folder = workspace.models / name / str(version)
            try:
                manifest = read_manifest((folder / MANIFEST).read_bytes())
            except ValueError:
                documents.append({"name": name, "version": version, "path": folder, "unreadable": True})
                rows.append([f"{name}@{version}", say("models.unreadable"), "", "", ""])
                continue
            documents.append({"name": name, "version": version, "path": folder, **_summary_json(manifest)})
            reached = _reached(manifest)
            rows.append([f"{name}@{version}", manifest.task, str(len(manifest.labels)), reached, manifest.created[:10]])
    return Outcome(
        document={"models": documents},
        title=say("models.title", count=len(rows)) if rows else say("models.none"),
        tables=[
            Table([say(f"models.{w}") for w in ("name", "task", "labels", "metric", "created")], rows, right=[2, 3])
        ]
        if rows
        else [],
        next_steps=[] if rows else ["homefield export RUN --name NAME"],
    )


@command("show")
@argument("model", key="model_name", metavar="MODEL")
def show(face: Face, model: str) -> Outcome:
    """What one model is, its files compared with their hashes."""
    from homefield.bundle import open_bundle, resolve_model

    return describe(open_bundle(resolve_model(model, face.workspace)), face, "models.one")


def describe(bundle: Bundle, face: Face, title: str) -> Outcome:
    """A model in a few lines; `title` names the sentence over them."""
    say, manifest = face.say, bundle.manifest
    in_workspace = face.workspace.models in bundle.path.resolve().parents
    named = manifest.title if in_workspace else bundle.path
    facts = [
        ("task", manifest.task),
        ("labels", f"{len(manifest.labels)}" if manifest.labels else ""),
        ("backbone", f"{manifest.backbone.get('name', '?')}, {manifest.how}"),
        ("metric", f"{say(f'metric.{manifest.metric}')} {_reached(manifest)}" if manifest.metrics else ""),
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


def _summary_json(manifest: BundleManifest) -> dict[str, object]:
    return {
        "task": manifest.task,
        "labels": len(manifest.labels),
        "backbone": manifest.backbone.get("name"),
        "metric": manifest.metric,
        "metrics": manifest.metrics,
        "created": manifest.created,
        "seal": manifest.seal,
    }


def _reached(manifest: BundleManifest) -> str:
    """The headline metric with its interval, on test rows, or on what there is."""
    for split in ("test", "calibration", "validation"):
        if numbers := manifest.metrics.get(split):
            low, high = (number(bound, manifest.output) for bound in numbers["interval"])
            return f"{number(numbers[numbers['headline']], manifest.output)} ({low} … {high})"
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


for each in (list_, show):
    models.add_command(each)
