"""Mining the dialogues of crosswoz_val: time, templates, contradictions and how much how few templates cover.

Coverage is of all questions of the file, answered or not:

    python benchmarks/mine_crosswoz.py --json mined.json
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from homefield.apps.support.mine import mine

DATA = Path(os.environ.get("HOMEFIELD_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def main() -> None:
    """Mine once and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    began = time.perf_counter()
    mined = mine(DATA / "support" / "crosswoz_val.jsonl")
    took = time.perf_counter() - began
    total = len(mined.templates)
    shares = {step: mined.coverage[step - 1] for step in (10, 60, 200, 1000, total) if step <= total}
    print(f"{mined.dialogues} dialogues, {len(mined.questions)} questions, {total} templates in {took:.1f} s")
    print(f"{len(mined.contradictions)} pairs of templates contradict each other")
    for step, share in shares.items():
        print(f"{step:>6} templates answer {share:6.1%} of the questions")
    if given.json:
        given.json.write_text(json.dumps({"seconds": took, "templates": total, "coverage": shares}, indent=1))


if __name__ == "__main__":
    main()
