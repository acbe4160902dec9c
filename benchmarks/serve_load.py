"""What a server of one model bears: beside ONNX Runtime alone, and beside a plain FastAPI + transformers.pipeline.

Everything runs on this machine, over loopback: the server is a process of its own (`homefield serve`), and so is the
client, whose processor time is told, because both share the cores. A run is a bounded number of requests:

* throughput: 32 clients that each send the next request when the last is answered, 8 texts a request, then 1;
* latency: requests at 70 % of that throughput, whether answers come or not;
* overload: requests at 3 times that throughput; what is answered in time counts, the rest must be refused, not hang.

Wanted: 60 % (8 texts) and 25 % (1 text) of what ONNX Runtime int8 does with the same texts, p99 under 10 times p50,
goodput above 80 % of the peak, 8 times the throughput of the pipeline. Exit code 1 when one is not reached.

    python benchmarks/serve_load.py --seconds 6 --json serve_load.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference import as_transformers, make_model, read_texts

CLIENTS = 32
WANTED = {"eight": 0.60, "one": 0.25, "spread": 10.0, "goodput": 0.80, "pipeline": 8.0}
HUNG = 60.0  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="DIR", help="a classifier tuned whole instead of a made one")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--evidence", type=int, default=3, help="rows of evidence with each answer")
    parser.add_argument("--skip", nargs="*", default=[], choices=("pipeline", "load"), help="leave a part out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    parser.add_argument("--client", nargs=2, metavar=("PORT", "PLAN"), help=argparse.SUPPRESS)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--pipeline", nargs=2, metavar=("PORT", "MODEL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        print(json.dumps(asyncio.run(drive(int(args.client[0]), json.loads(args.client[1])))))
        return 0
    if args.alone:
        print(json.dumps(alone(args.alone, args.seconds)))
        return 0
    if args.pipeline:
        serve_pipeline(int(args.pipeline[0]), Path(args.pipeline[1]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        model = args.model or make_model(Path(folder) / "model")
        found = measure(model, Path(folder), args)
    reached = show(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if reached else 1


def measure(model: Path, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Every run's numbers."""
    found: dict[str, Any] = {"workers": args.workers, "evidence": args.evidence}
    again = [sys.executable, __file__]
    found["alone"] = told([*again, "--alone", str(model), "--seconds", str(args.seconds / 2)])["texts"]
    with homefield(model, folder / "workspace", args.workers) as port:
        for name, texts in (("eight", 8), ("one", 1)):
            plan = {"kind": "closed", "texts": texts, "seconds": args.seconds, "evidence": args.evidence}
            client(port, {**plan, "seconds": 1.0})
            found[name] = client(port, plan)
        if "load" not in args.skip:
            for name, texts in (("eight", 8), ("one", 1)):
                peak = found[name]["requests"]
                for load, times in (("steady", 0.7), ("overload", 3.0)):
                    plan = {"kind": "open", "texts": texts, "seconds": args.seconds, "rate": times * peak}
                    found[f"{load}_{name}"] = client(port, {**plan, "evidence": args.evidence})
                    time.sleep(1.0)
    if "pipeline" not in args.skip:
        with pipeline(model) as port:
            for name, texts in (("eight", 8), ("one", 1)):
                plan = {"kind": "closed", "texts": texts, "seconds": args.seconds, "evidence": 0, "path": "/predict"}
                found[f"pipeline_{name}"] = client(port, plan)
    found["alone"] = max(
        found["alone"], told([*again, "--alone", str(model), "--seconds", str(args.seconds / 2)])["texts"]
    )
    return found


def show(found: dict[str, Any]) -> bool:
    """Print the table; whether everything wanted is reached."""
    alone_rate = found["alone"]
    print(f"ONNX Runtime int8 alone: {alone_rate:.0f} texts/s")
    heads = f"{'requests/s':>10} {'texts/s':>8} {'of alone':>8} {'p50 ms':>7} {'p99 ms':>7} {'client CPU':>10}"
    print(f"{'':16} {heads}  status")
    for name, row in found.items():
        if isinstance(row, dict):
            print(
                f"{name:16} {row['requests']:10.0f} {row['texts']:8.0f} {row['texts'] / alone_rate:8.0%}"
                f" {row['p50_ms']:7.1f} {row['p99_ms']:7.1f} {row['client_cpu']:10.0%}  {row['status']}"
            )
    checks = {
        "8 texts, of alone": (found["eight"]["texts"] / alone_rate, WANTED["eight"]),
        "1 text, of alone": (found["one"]["texts"] / alone_rate, WANTED["one"]),
    }
    for name in ("eight", "one"):
        if f"overload_{name}" in found:
            over, steady = found[f"overload_{name}"], found[f"steady_{name}"]
            checks[f"{name}: goodput of the peak"] = (over["requests"] / found[name]["requests"], WANTED["goodput"])
            checks[f"{name}: 10 over p99/p50"] = (WANTED["spread"] * steady["p50_ms"] / steady["p99_ms"], 1.0)
            checks[f"{name}: none hung"] = (float(over["hung"] == 0), 1.0)
        if f"pipeline_{name}" in found:
            times = found[name]["texts"] / found[f"pipeline_{name}"]["texts"]
            checks[f"{name}: times the pipeline"] = (times, WANTED["pipeline"])
    for name, (value, wanted) in checks.items():
        print(f"{'reached' if value >= wanted else 'NOT REACHED':12} {name}: {value:.2f}, wanted {wanted:g}")
    return all(value >= wanted for value, wanted in checks.values())


# --- the client --------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    status: Counter[int] = field(default_factory=Counter)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, as little work as possible: a request out, a status and a body in."""

    def __init__(self) -> None:
        self.buffer = b""
        self.reply: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: it stands."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Asyncio's: a piece of a reply."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or self.reply is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self.buffer = body[length:]
            reply, self.reply = self.reply, None
            if not reply.done():
                reply.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        """Asyncio's: nothing more will come."""
        del error
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(0)

    async def ask(self, request: bytes, tally: Tally) -> None:
        """Send one request and wait for its reply."""
        begun = time.perf_counter()
        self.reply = asyncio.get_running_loop().create_future()
        self.transport.write(request)  # type: ignore[attr-defined]
        try:
            status = await asyncio.wait_for(self.reply, HUNG)
        except TimeoutError:
            status = -1
        tally.status[status] += 1
        if status == 200:
            tally.seconds.append(time.perf_counter() - begun)


async def drive(port: int, plan: dict[str, Any]) -> dict[str, Any]:
    """Do what `plan` says; the numbers."""
    draw, texts = random.Random(1), read_texts(None)
    requests = []
    for _ in range(256):
        asked = {"texts": draw.sample(texts, plan["texts"]), "evidence": plan["evidence"]}
        body = json.dumps(asked).encode()
        path = plan.get("path", "/v1/models/bench/predict")
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        requests.append(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    tally, begun, used = Tally(), time.perf_counter(), time.process_time()
    await (closed if plan["kind"] == "closed" else opened)(port, plan, requests, tally)
    took = time.perf_counter() - begun
    seconds = sorted(tally.seconds) or [float("nan")]
    good = len(tally.seconds)
    return {
        "requests": good / took,
        "texts": good * plan["texts"] / took,
        "p50_ms": 1000 * seconds[len(seconds) // 2],
        "p99_ms": 1000 * seconds[int(0.99 * (len(seconds) - 1))],
        "client_cpu": (time.process_time() - used) / took,
        "hung": tally.status[-1],
        "status": dict(sorted(tally.status.items())),
    }


async def connect(port: int) -> Connection:
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(Connection, "127.0.0.1", port))[1]


async def closed(port: int, plan: dict[str, Any], requests: list[bytes], tally: Tally) -> None:
    """Clients that send the next request when the last is answered."""
    end = time.perf_counter() + plan["seconds"]

    async def one(place: int) -> None:
        connection = await connect(port)
        while time.perf_counter() < end:
            await connection.ask(requests[place % len(requests)], tally)
            place += CLIENTS

    await asyncio.gather(*(one(place) for place in range(CLIENTS)))


async def opened(port: int, plan: dict[str, Any], requests: list[bytes], tally: Tally) -> None:
    """Requests by the clock, whether answers come or not."""
    idle: list[Connection] = [await connect(port) for _ in range(CLIENTS)]
    begun, flying = time.perf_counter(), set()
    draw = random.Random(2)
    due = begun

    async def one(request: bytes) -> None:
        connection = idle.pop() if idle else await connect(port)
        await connection.ask(request, tally)
        idle.append(connection)

    for place in range(int(plan["rate"] * plan["seconds"])):
        due += draw.expovariate(plan["rate"])
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(requests[place % len(requests)]))
        flying.add(task)
        task.add_done_callback(flying.discard)
        if place % 64 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*flying)


def client(port: int, plan: dict[str, Any]) -> dict[str, Any]:
    return told([sys.executable, __file__, "--client", str(port), json.dumps(plan)])


def told(command: list[str]) -> dict[str, Any]:
    """What a process of this program prints last."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    reply: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return reply


# --- the servers -------------------------------------------------------------------------------------------------


def alone(model: Path, seconds: float) -> dict[str, float]:
    """ONNX Runtime int8 with all cores, texts encoded beforehand, batches of 32 of like length."""
    from homefield.bundle import open_bundle
    from homefield.serve import Predictor
    from homefield.serve.predictor import TOKENS

    made = Predictor(open_bundle(model))
    ids = made.reader.read(read_texts(None)).ids
    batches = [
        one for start in range(0, len(ids), 32) for one in made.reader.batches(ids[start : start + 32], tokens=TOKENS)
    ]
    for batch in batches[:4]:
        made.network(batch.ids, batch.mask)
    count, begun = 0, time.perf_counter()
    while (took := time.perf_counter() - begun) < seconds:
        batch = batches[count % len(batches)]
        made.network(batch.ids, batch.mask)
        count += 1
    return {"texts": 32 * count / took}


@contextmanager
def homefield(model: Path, root: Path, workers: int) -> Iterator[int]:
    """`homefield serve` with the model as champion of `bench`."""
    publish(model, root, "bench")
    port = free_port()
    command = [sys.executable, "-m", "homefield", "serve", "--workspace", str(root), "--port", str(port)]
    with running([*command, "--workers", str(workers)], port, "/readyz"):
        yield port


def publish(model: Path, root: Path, name: str) -> None:
    """Put a model into the registry of a workspace, as champion."""
    import shutil

    from homefield.bundle import open_bundle
    from homefield.store import aliases, artifacts_of, open_store, versions
    from homefield.workspace import Workspace

    workspace = Workspace(root)
    artifacts = artifacts_of(workspace)
    place = artifacts.models / name / "1"
    shutil.copytree(model, place)
    with open_store(workspace) as store, store.write() as transaction:
        seal, uri = open_bundle(place).manifest.seal, artifacts.uri(place)
        versions.add_model_version(transaction, name, 1, seal=seal, facts={}, uri=uri, by="benchmark")
        aliases.move(transaction, "model", name, "champion", 1, by="benchmark")


@contextmanager
def pipeline(model: Path) -> Iterator[int]:
    port = free_port()
    with running([sys.executable, __file__, "--pipeline", str(port), str(model)], port, "/ready"):
        yield port


def serve_pipeline(port: int, model: Path) -> None:
    """What one writes first: an endpoint that hands its texts to a pipeline of Transformers."""
    import uvicorn
    from fastapi import FastAPI
    from transformers import pipeline as make_pipeline

    network, tokenizer = as_transformers(model)
    classify = make_pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu")
    app = FastAPI()

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/predict")
    def predict(body: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = classify(body["texts"], batch_size=len(body["texts"]))
        return found

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


@contextmanager
def running(command: list[str], port: int, path: str) -> Iterator[None]:
    """A server until the block ends."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(600):
            if answers(port, path):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command} does not answer")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
