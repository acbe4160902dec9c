"""`homefield serve`: models, feedback and events over HTTP."""

from __future__ import annotations

import os
import sys

from homefield.cli.command import command, option
from homefield.cli.face import Face
from homefield.cli.values import Whole

__all__ = ["serve"]


@command("serve")
@option("--host", key="serve_host", default="127.0.0.1", metavar="HOST")
@option("--port", key="serve_port", type=Whole(), default=8_000, metavar="PORT")
@option("--workers", key="serve_workers", type=Whole(), default=1, metavar="N")
def serve(face: Face, host: str, port: int, workers: int) -> None:
    """Call `homefield.server.supervise.serve`, which returns when it is told to stop."""
    from homefield.cli.outcome import as_json
    from homefield.server.supervise import serve as serve_until_told

    def ready(url: str) -> None:
        told = {"url": url, "workers": workers, "pid": os.getpid()}
        sys.stdout.write(as_json(told) + "\n" if face.json else face.say("serve.ready", url=url) + "\n")
        sys.stdout.flush()

    serve_until_told(face.workspace, host=host, port=port, workers=workers, ready=ready)
