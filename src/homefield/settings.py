"""Settings: `homefield.toml` in the workspace, overridden by `HOMEFIELD_*` environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from homefield.faults import FaultyFile, faults_in, read_table
from homefield.messages import Language, default_language

__all__ = ["Settings", "load_settings"]

_INVALID = "settings.invalid"


def _split(given: object) -> object:
    """A list as an environment variable has it: `one,two`."""
    return [each.strip() for each in given.split(",") if each.strip()] if isinstance(given, str) else given


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """What a workspace decides for every command in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Language = Field(default_factory=default_language, description="language of messages: zh or en")
    cache_budget_gb: float = Field(20.0, gt=0, description="disk budget of the activation cache, GB; oldest go first")
    offline: bool = Field(True, description="never call a hub, even when a hub name is given")
    database: str | None = Field(None, description="URI of the database; the file homefield.db when not set")
    artifacts: str | None = Field(None, description="folder or file:// URI of the models; the workspace when not set")
    keep_texts: bool = Field(True, description="keep the texts asked over HTTP beside the answers")
    keep_predictions_days: int = Field(0, ge=0, description="days that answers and their texts are kept; 0: for ever")
    keep_feedback_days: int = Field(0, ge=0, description="days that corrections are kept; 0: as long as their answers")
    keep_conversations_days: int = Field(
        0, ge=0, description="days that conversations are kept after their last message; 0: for ever"
    )
    keep_events_days: int = Field(0, ge=0, description="days that events are kept; 0: for ever")
    keep_jobs_days: int = Field(0, ge=0, description="days that ended jobs and their logs are kept; 0: for ever")
    keep_uploads_days: int = Field(0, ge=0, description="days that uploaded files are kept; 0: for ever")
    serve_hosts: list[str] = Field(default=[], description="names a request may call this server by, beside its own")
    serve_origins: list[str] = Field(default=[], description="web pages (https://host) that may call, beside our own")
    serve_rate: float = Field(200.0, gt=0, description="requests a second of one key, over all workers")
    serve_body_mb: float = Field(8.0, gt=0, description="largest body of a request, MB; uploads have their own")
    serve_texts: int = Field(1_024, ge=1, description="most texts of one request")
    serve_deadline: float = Field(30.0, gt=0, description="seconds after which an answer is no longer waited for")
    serve_wait: float = Field(5.0, gt=0, description="longest queue, in seconds of work; more is refused")
    serve_drain: float = Field(0.0, ge=0, description="seconds to stay reachable but unready after SIGTERM")
    serve_models: int = Field(16, ge=1, description="networks held open at once, champions aside")
    serve_jobs: bool = Field(True, description="a worker for jobs runs beside a server, and leaves with it")
    telemetry: bool = Field(False, description="send traces by OpenTelemetry, as its OTEL_* variables say")
    threads: int | None = Field(None, ge=1, description="processor threads to use; all of them when not set")
    jobs_heavy: int = Field(1, ge=0, description="trainings that run at once on a machine")
    jobs_light: int = Field(2, ge=0, description="other jobs that run at once on a machine")
    upload_mb: int = Field(2048, ge=1, description="largest file that is taken in, MB")
    net_allow: Words = Field((), description="hosts and networks to reach although they are not public")


def load_settings(root: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of the workspace at `root`.

    Raises:
        FaultyFile: `settings.invalid`, naming the file and every fault in it.
    """
    environ = os.environ if environ is None else environ
    file = root / "homefield.toml"
    values: dict[str, object] = {}
    with suppress(FileNotFoundError):
        values = read_table(_INVALID, file)
    variables = {name: f"HOMEFIELD_{name.upper()}" for name in Settings.model_fields}
    given = {name: environ[variable] for name, variable in variables.items() if variable in environ}
    for name, value in given.items():
        several = Settings.model_fields[name].annotation == list[str]
        values[name] = [one.strip() for one in value.split(",") if one.strip()] if several else value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = faults_in(error, {"": Settings})
        named = [replace(fault, key=variables[fault.key]) if fault.key in given else fault for fault in faults]
        raise FaultyFile(_INVALID, file, named) from error
