"""What every test gets: English messages, a workspace of its own, and one thread where several tests run at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from homefield.messages import LANGUAGES, Language

from .postgresql import PostgreSQL, programs

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch, numpy or polars are imported: two workers with two threads each would take turns on two cores.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script: what the tests start would not hear Ctrl-C either.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no fault of the program: what must be quick is measured in benchmarks, not here.
settings.register_profile("homefield", deadline=None)
settings.load_profile("homefield")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """English, and a workspace that is not the developer's."""
    monkeypatch.setenv("HOMEFIELD_LANG", "en")
    monkeypatch.setenv("HOMEFIELD_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Language:
    """Each language in turn, also set as the process's."""
    chosen: Language = request.param
    monkeypatch.setenv("HOMEFIELD_LANG", chosen)
    return chosen


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; tests that need it are skipped, aloud, where it is missing."""
    folder = Path(os.environ.get("HOMEFIELD_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no public data sets at {folder}: set HOMEFIELD_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of the tests' own; tests that need it are skipped, aloud, where it is not installed."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL on this machine: install Debian's `postgresql`, or run `make test` as root")
    pytest.importorskip("psycopg", reason="no driver: pip install 'homefield[postgresql]'")
    server = PostgreSQL(found)
    yield server
    server.remove()
