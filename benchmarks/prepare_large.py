"""Prepare a large CSV: wall time, peak memory of the process, and whether every row is accounted for.

The records are made here: customers' questions in Chinese and English put together from word lists, a tenth of them
repeated, some slightly changed, some with a telephone number, an empty text or a missing label.

    python benchmarks/prepare_large.py --gigabytes 2 --json large.json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

EN = (
    "card payment transfer account refund order parcel address invoice password login app balance cash fee exchange "
    "rate top up virtual number change cancel activate late missing wrong twice declined pending charged today "
    "yesterday week month bank shop store delivery courier return size colour broken screen battery please help why "
    "when where how can my the a is not still after before with without from into"
)
ZH = (
    "我你的了吗怎么什么时候为订单退款发货快递地址修改取消密码登录账户余额银行卡支付失败手续费优惠券发票会员"
    "积分客服电话尺码颜色质量问题换货退货物流信息更新还没有收到可以请帮查一下今天昨天上周"
)
WORDS = EN.split()
LABELS = [f"intent_{number:02d}" for number in range(60)]

RUN = """
import json, resource, sys, time
from pathlib import Path
from homefield.data import PrepareOptions, prepare
start = time.perf_counter()
stages = []
def listen(event):
    if event.kind == "stage":
        stages.append([event.key.rpartition(".")[2], round(time.perf_counter() - start, 1)])
dataset = prepare([Path(sys.argv[1])], Path(sys.argv[2]), columns={"text": "text", "label": "label"}, listen=listen)
print(json.dumps({
    "seconds": round(time.perf_counter() - start, 1),
    "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    "counts": dict(dataset.manifest.counts),
    "splits": {name: facts["rows"] for name, facts in dataset.manifest.splits.items()},
    "stages": stages,
}))
"""


def write_records(path: Path, size: int, seed: int) -> int:
    """Write about `size` bytes of records; returns the rows."""
    rng = random.Random(seed)
    rows = 0
    recent: list[str] = ["where is my card"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write("id,text,label\n")
        written = 0
        while written < size:
            lines = []
            for _ in range(10_000):
                text = _text(rng, recent)
                label = (
                    LABELS[zlib.crc32(text[:4].encode()) % len(LABELS)]
                    if rng.random() > 0.01
                    else rng.choice(["", *LABELS])
                )
                lines.append(f'{rows},"{text}",{label}\n' if "," in text else f"{rows},{text},{label}\n")
                rows += 1
            block = "".join(lines)
            stream.write(block)
            written += len(block.encode())
    return rows


def _text(rng: random.Random, recent: list[str]) -> str:
    kind = rng.random()
    if kind < 0.10:
        return rng.choice(recent)
    if kind < 0.15:
        return rng.choice(recent) + rng.choice([" please", "?", "!", "谢谢", " now"])
    if kind < 0.152:
        return ""
    if kind < 0.55:
        text = "".join(rng.choices(ZH, k=rng.randint(8, 40)))
        text = f"{text}，电话1{rng.randint(3000000000, 9999999999)}" if rng.random() < 0.05 else text
    else:
        text = " ".join(rng.choices(WORDS, k=rng.randint(5, 25)))
        text = f"{text}, order {rng.randint(10**9, 10**10)}" if rng.random() < 0.1 else text
    if len(recent) < 50_000:
        recent.append(text)
    else:
        recent[rng.randrange(len(recent))] = text
    return text


def main() -> None:
    """Make the records, prepare them in a process of its own, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when not given")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        start = time.perf_counter()
        rows = write_records(folder / "records.csv", int(options.gigabytes * 1e9), options.seed)
        size = (folder / "records.csv").stat().st_size
        print(f"{rows:,} rows, {size / 1e9:.2f} GB, made in {time.perf_counter() - start:.0f} s", flush=True)
        command = [sys.executable, "-c", RUN, str(folder / "records.csv"), str(folder / "dataset")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        if done.returncode:
            print(done.stderr)
            raise SystemExit(done.returncode)
        result = {"rows": rows, "bytes": size, **json.loads(done.stdout)}
    counts = result["counts"]
    result["accounted"] = counts["read"] == rows == counts["kept"] + counts["rejected"] + counts["merged"]
    for key, value in result.items():
        print(f"{key:10} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
