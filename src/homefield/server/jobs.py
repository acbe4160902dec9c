"""`python -m homefield.server.jobs`: the worker for jobs beside a server, started by `homefield.server.supervise`.

It is `homefield jobs run` that leaves with the server. The jobs it began go on without it, as always.
"""

from __future__ import annotations

import argparse
import logging.config
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from homefield.errors import HomefieldError
from homefield.server.crew import leave_with_the_crew

__all__ = ["main"]

_log = logging.getLogger("homefield.server")


def main() -> int:
    """Run jobs until told to stop; the exit code."""
    leave_with_the_crew()
    parser = argparse.ArgumentParser(prog="homefield.server.jobs")
    parser.add_argument("--workspace", type=Path, required=True)
    given = parser.parse_args()

    from homefield.operate.jobs import Worker
    from homefield.server.logs import logging_config
    from homefield.store import open_store
    from homefield.workspace import Workspace

    logging.config.dictConfig(logging_config())
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    workspace = Workspace(given.workspace)
    try:
        with open_store(workspace) as store:
            Worker(store, workspace).run(stop, complain=_complain)
    except HomefieldError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _complain(error: HomefieldError) -> None:
    _log.error("jobs", extra={"facts": {"error": error.what()}})


if __name__ == "__main__":
    sys.exit(main())
