"""How long the program takes to say its version and its help, beside an interpreter that does nothing.

Wanted: `--version` under 150 ms, `--help` under 300 ms (p50 of 21 starts each, after one to warm the disk's cache).
Exit code 1 when one is slower.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PYTHON = sys.executable
PROGRAM = str(Path(PYTHON).with_name("homefield"))
CASES: dict[str, tuple[list[str], float | None]] = {
    "python -c pass": ([PYTHON, "-c", "pass"], None),
    "homefield --version": ([PROGRAM, "--version"], 150.0),
    "homefield --help": ([PROGRAM, "--help"], 300.0),
    "homefield --lang zh --help": ([PROGRAM, "--lang", "zh", "--help"], 300.0),
    "homefield finetune --help": ([PROGRAM, "finetune", "--help"], None),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=21, help="starts of each command")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    args = parser.parse_args()
    found = {name: measure(words, args.starts) for name, (words, _) in CASES.items()}
    print(f"{'':28} {'p50':>8} {'p95':>8} {'wanted':>8}   (ms)")
    slow = False
    for name, (_, wanted) in CASES.items():
        p50, p95 = found[name]["p50_ms"], found[name]["p95_ms"]
        slow |= wanted is not None and p50 > wanted
        print(f"{name:28} {p50:8.0f} {p95:8.0f} {'' if wanted is None else f'{wanted:.0f}':>8}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return int(slow)


def measure(words: Sequence[str], starts: int) -> dict[str, float]:
    """Wall time of `starts` starts, in milliseconds."""
    times = []
    for number in range(starts + 1):
        begun = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        if number:
            times.append(1000 * (time.perf_counter() - begun))
    return {"p50_ms": statistics.median(times), "p95_ms": sorted(times)[int(0.95 * (len(times) - 1))]}


if __name__ == "__main__":
    sys.exit(main())
