"""Naming a backbone costs no torch, and loading one asks nobody."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_catalogue_imports_neither_torch_nor_transformers() -> None:
    assert (
        run(
            "import sys, homefield.backbones as b; b.entries(); b.parse_how('top:2'); "
            "import homefield.backbones.shelf, homefield.backbones.bring; "
            "print([name for name in ('torch', 'transformers', 'peft', 'polars') if name in sys.modules])"
        )
        == "[]"
    )


def test_loading_minilm_imports_no_transformers_and_opens_no_connection() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('asked the network')\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from homefield.workspace import Workspace\n"
        "from homefield.backbones import resolve\n"
        "from homefield.backbones.load import load\n"
        "load(resolve('minilm-en', workspace=Workspace(Path('nowhere'))))\n"
        "print('transformers' in sys.modules)"
    )
    assert run(code) == "False"


def test_every_name_of_the_package_is_there() -> None:
    import homefield.backbones as backbones

    for name in backbones.__all__:
        assert getattr(backbones, name).__name__ == name
