"""What models that share a frozen part gain: one pass of it for all of them, beside the same models each with its own.

Models of minilm-en as `head`, `top:1` and `top:2` leave them (a frozen part, and a head part of each model's own), with
random heads of 77 labels and 10,000 rows of evidence: speed does not depend on what they learned. They are asked 32
texts of 20 tokens each, the same ones or different ones, as a server asks them: int8, each pass on one core. Both ways
have a process of their own and take turns; a ratio is the median over the rounds. Memory is what the process holds
beyond what it held before the models were opened. Exit code 1 when two models or more are not faster together.

    python benchmarks/shared_frozen.py --rounds 5 --json shared_frozen.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from inference import make_model, ratios, read_texts

HOWS = ("head", "top:1", "top:2")
COUNTS = (1, 2, 4, 8)
WAYS = ("shared", "apart")
ASKED = ("same", "different")
TEXTS = 32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--how", nargs="+", default=HOWS, choices=HOWS)
    parser.add_argument("--models", nargs="+", type=int, default=COUNTS, metavar="M")
    parser.add_argument("--evidence", type=int, default=3, help="rows of evidence with each answer")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way")
    parser.add_argument("--seconds", type=float, default=0.4, help="of one turn, for the same texts and for different")
    parser.add_argument("--threads", type=int, default=1, help="cores that passes are spread over")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    parser.add_argument("--work", nargs=4, metavar=("WAY", "MODEL", "COUNT", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work, evidence=args.evidence)
        return 0
    rows = []
    print(
        f"{'how':6} {'models':>6} {'asked':10} {'shared, texts/s':>15} {'apart':>7} {'ratio':>6} {'MB':>6} {'apart':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for how in args.how:
            model = make_model(Path(folder) / how.replace(":", ""), how)
            for count in args.models:
                for row in measure(model, count, args):
                    rows.append({"how": how, "models": count, **row})
                    print(
                        f"{how:6} {count:6} {row['asked']:10} {row['shared']:15.0f} {row['apart']:7.0f}"
                        f" {row['ratio']:6.2f} {row['shared_mb']:6.0f} {row['apart_mb']:6.0f}",
                        flush=True,
                    )
    if args.json:
        args.json.write_text(
            json.dumps({"threads": args.threads, "evidence": args.evidence, "rows": rows}, indent=1) + "\n"
        )
    return 1 if any(row["ratio"] <= 1 for row in rows if row["models"] > 1) else 0


def measure(model: Path, count: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    """For the same texts and for different ones: answers a second of both ways, and how many times one is the other."""
    times: dict[tuple[str, str], list[float]] = {key: [] for key in itertools.product(WAYS, ASKED)}
    with ExitStack() as stack:
        ask = {way: stack.enter_context(worker(way, model, count, args)) for way in WAYS}
        held = {way: ask[way]({})["mb"] for way in WAYS}
        for _, asked, way in itertools.product(range(args.rounds), ASKED, WAYS):
            times[way, asked].append(ask[way]({"asked": asked, "seconds": args.seconds})["seconds"])
    rows = []
    for asked in ASKED:
        rate = {way: count * TEXTS / statistics.median(times[way, asked]) for way in WAYS}
        ratio = ratios(times["apart", asked], times["shared", asked])
        rows.append({"asked": asked, **rate, "ratio": ratio, "shared_mb": held["shared"], "apart_mb": held["apart"]})
    return rows


@contextmanager
def worker(
    way: str, model: Path, count: int, args: argparse.Namespace
) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """A process that holds the models; gives a function that asks it and waits for its reply."""
    command = [sys.executable, __file__, "--evidence", str(args.evidence), "--work", way, str(model), str(count)]
    process = subprocess.Popen(
        [*command, str(args.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, back = process.stdin, process.stdout

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        to.write(json.dumps(request) + "\n")
        reply: dict[str, Any] = json.loads(back.readline())
        return reply

    try:
        yield ask
    finally:
        to.close()
        process.wait()


def work(way: str, model: str, count: str, threads: str, *, evidence: int) -> None:
    """Answer requests on stdin, one JSON object a line."""
    import psutil

    from homefield.bundle import open_bundle
    from homefield.serve import Predictor, Sessions
    from homefield.serve.cores import Cores
    from homefield.serve.network import Part
    from homefield.serve.together import shared_outputs

    class Apart(Sessions):
        """The cores are shared as ever, the frozen part is not."""

        def frozen(self, file: Path, cores: Cores) -> Part:
            return self.open(file, cores)

    before = psutil.Process().memory_info().rss
    sessions = (Sessions if way == "shared" else Apart)(spin=False)
    models = [Predictor(open_bundle(Path(model)), threads=int(threads), sessions=sessions) for _ in range(int(count))]
    texts = read_texts(None)
    asks: dict[str, list[Sequence[str]]] = {
        "same": [texts[:TEXTS]] * len(models),
        "different": [texts[place * TEXTS : (place + 1) * TEXTS] for place in range(len(models))],
    }

    def answer(asked: Sequence[Sequence[str]]) -> None:
        if way == "apart":
            for one, some in zip(models, asked, strict=True):
                one.predict(some, evidence=evidence)
            return
        found = shared_outputs(
            {place: (one, some) for place, (one, some) in enumerate(zip(models, asked, strict=True))}
        )
        for place, outputs in found.items():
            models[place].predictions(outputs, evidence=evidence)

    for asked in asks.values():
        answer(asked)
    for line in sys.stdin:
        request = json.loads(line)
        if not request:
            print(json.dumps({"mb": (psutil.Process().memory_info().rss - before) / 1e6}), flush=True)
            continue
        calls, end = [], time.perf_counter() + request["seconds"]
        while len(calls) < 3 or time.perf_counter() < end:
            begun = time.perf_counter()
            answer(asks[request["asked"]])
            calls.append(time.perf_counter() - begun)
        print(json.dumps({"seconds": statistics.median(calls)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
