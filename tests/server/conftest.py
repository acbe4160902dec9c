"""A real server, a process of its own on a free port, on a workspace with small models in its registry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from homefield.bundle.registry import open_registry
from homefield.ship import export_named
from homefield.store import aliases, keys
from homefield.store.scopes import SCOPES
from homefield.workspace import Workspace

from ..ship.models import Made, cut, matching, twin

__all__ = ["cut", "matching", "twin"]


@dataclass
class Served:
    """A running server. client: calls it."""

    workspace: Workspace
    process: subprocess.Popen[str]
    client: httpx.Client

    def stop(self) -> int:
        """Ask it to leave; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start(workspace: Workspace, *options: str, **environment: str) -> Served:
    """`homefield serve` on a free port, ready to answer; without a worker for jobs unless HOMEFIELD_SERVE_JOBS asks."""
    command = [sys.executable, "-m", "homefield", "serve", "--workspace", str(workspace.root), "--port", "0", *options]
    surroundings = {**os.environ, "HOMEFIELD_SERVE_JOBS": "false", **environment}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=surroundings)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Serving at "), line
    client = httpx.Client(base_url=line.removeprefix("Serving at ").strip(), timeout=60)
    served = Served(workspace, process, client)
    wait_until_ready(client)
    return served


def wait_until_ready(client: httpx.Client) -> None:
    import time

    for _ in range(600):
        if client.get("/readyz").status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError(client.get("/readyz").text)


def stopped(served: Served) -> None:
    """End it, however it stands."""
    served.client.close()
    if served.process.poll() is None:
        served.process.kill()
    served.process.wait()
    if served.process.stdout is not None:
        served.process.stdout.close()


def stock(root: Path, **made: Made) -> Workspace:
    """A workspace whose registry has these models, the first version of each its champion."""
    workspace = Workspace(root)
    for name, each in made.items():
        export_named(each.run, name, workspace, threads=1)
        promote(workspace, name, 1)
    return workspace


def promote(workspace: Workspace, name: str, version: int) -> None:
    with open_registry(workspace) as registry, registry.store.write() as transaction:
        aliases.move(transaction, "model", name, "champion", version, by="test")


def make_key(workspace: Workspace, *scopes: str) -> str:
    with open_registry(workspace) as registry, registry.store.write() as transaction:
        return keys.create(transaction, "test", scopes or SCOPES, by="test")[1]


@pytest.fixture(scope="session")
def shop(cut: Made, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Versions 1 and 2 of `shop`; 1 is in use."""
    workspace = stock(tmp_path_factory.mktemp("shop"), shop=cut)
    export_named(cut.run, "shop", workspace, threads=1)
    return workspace


@pytest.fixture(scope="session")
def served(shop: Workspace) -> Iterator[Served]:
    """A server of `shop`, on this machine's own address, without keys."""
    made = start(shop)
    yield made
    stopped(made)
