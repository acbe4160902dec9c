"""`support build`: records in, a registered release out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from homefield.apps.support.understanding.encoding import Encoder, network_for
from homefield.apps.support.understanding.fit import Fitted, fit, held_of
from homefield.apps.support.understanding.material import Material, read_material, with_learned
from homefield.apps.support.understanding.promoting import first_gate
from homefield.apps.support.understanding.release import write_release
from homefield.apps.support.understanding.releases import register_release, releases_folder
from homefield.apps.support.understanding.splits import Taught, by_language, split_questions
from homefield.apps.support.understanding.teach import answer_text, teach
from homefield.bundle import Bundle
from homefield.bundle.names import check_name
from homefield.bundle.registry import Registry, open_registry
from homefield.data.dataset import Dataset, SplitName
from homefield.errors import CallError
from homefield.events import Event, Listener, silent
from homefield.operate.promote import Promotion
from homefield.serve import Matcher
from homefield.store.learned import learned_of
from homefield.store.versions import Release
from homefield.workspace import Workspace, local_user

__all__ = ["KEPT", "Built", "build"]

KEPT = 0.9
"""Share of known questions that the unknown score lets through."""


@dataclass(frozen=True)
class Built:
    """A release, and what it was made from. promotion: of the first one, which needs no other to be compared with."""

    release: Release
    material: Material
    fitted: Fitted
    promotion: Promotion | None


def build(
    name: str,
    *,
    workspace: Workspace,
    pairs: Path | None = None,
    intents: Path | None = None,
    dialogues: Path | None = None,
    answers: Path | None = None,
    same: Path | None = None,
    columns: Mapping[str, str] | None = None,
    risk: float | None = None,
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
    job: Path | None = None,
    listen: Listener = silent,
) -> Built:
    """Build the next release of the application `name` from one of pairs, intents and dialogues.

    risk: highest share of wrong answers among those given without a human. settings: keys of the recipe.
    job: the folder of the job that builds, which is worked in; what is made notes its name.

    Raises:
        CallError: `support.one_source`, `bundle.bad_name`, `support.other_kind`, `ship.bad_risk`.
        RecordsError: as `read_material` and `prepare`. RecipeError: a wrong key. Refused: as `homefield.ship.export`.
    """
    check_name(name)
    if sum(source is not None for source in (pairs, intents, dialogues)) != 1:
        raise CallError("support.one_source")
    if risk is not None and not 0 < risk < 1:
        raise CallError("ship.bad_risk", got=risk)
    listen(Event("stage", "support.stage.read"))
    material = read_material(
        pairs=pairs, intents=intents, dialogues=dialogues, answers=answers, same=same, columns=columns
    )
    read = datetime.now(UTC)
    with open_registry(workspace) as registry, registry.store.read() as transaction:
        material = with_learned(material, learned_of(transaction, name))
    work = _work_folder(name, workspace, job)
    try:
        dataset, taught = split_questions(material, work / "data", seed=seed, listen=listen)
        made = None if job is None else job.name
        bundles = _networks(name, material, taught, work / "data", workspace, settings or {}, seed, made, listen)
        listen(Event("stage", "support.stage.fit"))
        fitted = _fitted(material, bundles, taught, risk, workspace.settings.threads)
        with open_registry(workspace) as registry:
            release = _register(registry, name, material, dataset, bundles, fitted, read, job)
            promotion = first_gate(registry, release, fitted.right, fitted.plain, by=local_user())
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Built(release, material, fitted, promotion)


def _work_folder(name: str, workspace: Workspace, job: Path | None) -> Path:
    """An empty folder for what is only needed while building."""
    if job is None:
        workspace.runs.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"support-{name}-", dir=workspace.runs))
    work = job / "work"
    shutil.rmtree(work, ignore_errors=True)  # an earlier attempt was killed
    work.mkdir()
    return work


def _networks(
    name: str,
    material: Material,
    taught: Mapping[SplitName, Taught],
    folder: Path,
    workspace: Workspace,
    settings: Mapping[str, object],
    seed: int,
    job: str | None,
    listen: Listener,
) -> Mapping[str, Bundle]:
    """Teach a network for each language; the only one goes by the application's name alone."""
    parts, judged = by_language(material, taught["train"], settings), taught["validation"]
    if not judged.texts:
        judged = taught["calibration"]
    languages, bundles = tuple(parts), {}
    for language, part in parts.items():
        called, own, asked = f"support-{name}", material, judged
        if len(languages) > 1:
            called += f"-{language}"
            same = [each for each in material.same if network_for(each.one, languages) == language]
            own = replace(material, same=tuple(same))
            asked = judged.only(row for row, one in enumerate(judged.texts) if network_for(one, languages) == language)
        bundles[language] = teach(
            own, part, asked, folder / language, name=called, language=language, workspace=workspace,
            settings=settings, seed=seed, job=job, listen=listen,
        )  # fmt: skip
    return bundles


def _fitted(
    material: Material,
    bundles: Mapping[str, Bundle],
    taught: Mapping[SplitName, Taught],
    risk: float | None,
    threads: int | None,
) -> Fitted:
    encoder = Encoder({language: Matcher(bundle, threads=threads) for language, bundle in bundles.items()})
    held = {split: held_of(encoder, each) for split, each in taught.items()}
    told = {name: answer_text(material, name) for name in material.answers}
    return fit(material, encoder, held["train"], held["validation"], held["calibration"], told, risk=risk, kept=KEPT)


def _register(
    registry: Registry,
    name: str,
    material: Material,
    dataset: Dataset,
    bundles: Mapping[str, Bundle],
    fitted: Fitted,
    read: datetime,
    job: Path | None,
) -> Release:
    """read: when it was looked at what the application was taught."""
    models = [
        {"name": each.manifest.name, "version": each.manifest.version, "seal": each.manifest.seal, "language": language}
        for language, each in bundles.items()
    ]
    facts: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "read": read.isoformat(),
        "program": package_version("homefield"),
        "models": models,
        "dataset": {
            "hash": dataset.manifest.hash,
            "rows": {split: int(each["rows"]) for split, each in dataset.manifest.splits.items()},
            "sources": [account.path.name for account in material.accounts],
        },
        "depth": material.depth,
        "answers": len(material.answers),
        "matters": len(material.matters),
        "questions": len(fitted.contents.questions),
        **({} if job is None else {"job": job.name}),
        **fitted.facts,
    }
    written = write_release(releases_folder(registry, name), fitted.contents, facts)
    return register_release(registry, name, written, by=local_user())
