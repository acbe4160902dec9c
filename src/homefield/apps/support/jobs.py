"""A customer service built as a job, ordered from elsewhere: records by the ids of their uploads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from homefield.operate.jobs.kind import Kind, Setting
from homefield.operate.jobs.work import Arguments, Work
from homefield.store import artifacts_of

__all__ = ["KINDS", "Build"]


class Build(Arguments):
    """As `homefield support build`; keys: of the recipe."""

    FILES = ("pairs", "intents", "dialogues", "answers", "same")

    name: str
    pairs: str | None = None
    intents: str | None = None
    dialogues: str | None = None
    answers: str | None = None
    same: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    risk: float | None = Field(None, gt=0, lt=1)
    seed: int = Field(0, ge=0)
    keys: dict[str, Setting] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> Build:
        if sum(source is not None for source in (self.pairs, self.intents, self.dialogues)) != 1:
            raise ValueError("one of pairs, intents and dialogues is expected")
        return self


def _build(given: Build, work: Work) -> Mapping[str, Any]:
    from homefield.apps.support.understanding.build import build
    from homefield.apps.support.understanding.releases import release_of_job
    from homefield.bundle.registry import Registry

    release = release_of_job(Registry(work.store, artifacts_of(work.workspace)), given.name, work.folder.name)
    if release is None:
        files = {field: None if (file := getattr(given, field)) is None else work.file(file) for field in Build.FILES}
        release = build(
            given.name,
            workspace=work.workspace,
            **files,
            columns=given.columns,
            risk=given.risk,
            settings=given.keys,
            seed=given.seed,
            job=work.folder,
            listen=work.listen,
        ).release
    told = {key: release.manifest[key] for key in ("models", "answers", "questions", "calibration", "risk")}
    return {"release": f"{release.name}@{release.version}", "seal": release.seal, **told}


KINDS = (Kind("support-build", Build, _build, heavy=True),)
