"""A real PostgreSQL for tests: a private data folder, a free port of the loopback address, gone at the end.

PostgreSQL refuses to run as root, so root hands it to the user `postgres` or `nobody`. Where it is not installed the
tests that need it are skipped, aloud; `make test` installs it where it may.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["PostgreSQL", "programs"]


def programs() -> Path | None:
    """The folder of the newest PostgreSQL on this machine, None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    return None if named is None else Path(named).resolve().parent


@dataclass
class PostgreSQL:
    """A server that can be stopped and started, as one does that goes away and comes back."""

    programs: Path
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="homefield-pg-", dir="/tmp")))
    port: int = 0

    def __post_init__(self) -> None:
        user = self._user()
        if user is not None:
            shutil.chown(self.folder, user)
        self._run(
            "initdb", "-D", self.data, "-U", "homefield", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale", "C"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as a crash would look to its clients."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_suffix(".out").unlink()

    def database(self, *, like: str = "template1", encoding: str = "UTF8") -> str:
        """The URI of a new database: empty, or a copy of the database named `like`."""
        import psycopg

        name = f"test_{uuid.uuid4().hex}"
        if encoding != "UTF8":
            like = "template0"
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} ENCODING '{encoding}' LOCALE 'C'")
        return self.uri(name)

    def uri(self, name: str) -> str:
        return f"postgresql://homefield@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.programs / program), *map(str, arguments)]
        # Its log goes to a file: a server that holds our pipe open would keep us waiting for ever.
        with self.folder.with_suffix(".out").open("w+") as told:
            done = subprocess.run(
                command,
                stdout=told,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                check=False,
                **self._as_user(),
            )
            told.seek(0)
            assert done.returncode == 0, told.read()

    def _as_user(self) -> dict[str, Any]:
        user = self._user()
        return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}

    @staticmethod
    def _user() -> str | None:
        if os.geteuid() != 0:
            return None
        known = {each.pw_name for each in pwd.getpwall()}
        return "postgres" if "postgres" in known else "nobody"
