"""`python -m homefield.server.worker`: one of several workers, started by `homefield.server.supervise`."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from homefield.errors import HomefieldError
from homefield.server.crew import leave_with_the_crew

__all__ = ["main"]


def main() -> int:
    """Serve on the socket that the supervisor listens on; the exit code."""
    leave_with_the_crew()
    parser = argparse.ArgumentParser(prog="homefield.server.worker")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--socket", type=int, required=True)
    given = parser.parse_args()

    from homefield.server.run import serve_on
    from homefield.workspace import Workspace

    listening = socket.socket(fileno=given.socket)
    try:
        serve_on(listening, Workspace(given.workspace), host=given.host, workers=given.workers)
    except HomefieldError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
