"""What this machine computes fastest: a matrix product of a network's size, in both precisions, for 50 ms.

A processor without native bfloat16 can be a hundred times slower at it than at float32, and one with it five times
faster, so it is measured and not guessed.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

__all__ = ["Arithmetic", "Probe", "available_memory_gb", "choose_precision", "probe", "product_speed"]

Arithmetic = Literal["fp32", "autocast", "bf16"]
_ROWS, _INNER, _COLUMNS = 512, 384, 1536
_WORTH = 1.3


@dataclass(frozen=True)
class Probe:
    """What was found. Speeds in GFLOP/s of one matrix product of 512 x 384 x 1536."""

    device: Literal["cpu", "cuda"]
    name: str
    threads: int
    cores: int
    fp32: float
    bf16: float
    memory_gb: float | None

    def as_json(self) -> dict[str, Any]:
        """The findings as one JSON object."""
        return asdict(self)


def probe(device: Literal["cpu", "cuda"] = "cpu") -> Probe:
    """Measure this machine; takes about 50 ms."""
    cores = os.cpu_count() or 1
    if device == "cuda":
        facts = torch.cuda.get_device_properties(0)
        able = 1.0 if torch.cuda.is_bf16_supported() else 0.0
        return Probe("cuda", facts.name, torch.get_num_threads(), cores, 0.5, able, facts.total_memory / 2**30)
    return Probe(
        "cpu",
        _processor(),
        torch.get_num_threads(),
        cores,
        round(_speed(torch.float32), 1),
        round(_speed(torch.bfloat16), 1),
        available_memory_gb(),
    )


def choose_precision(found: Probe) -> Arithmetic:
    """autocast where bfloat16 products are at least 1.3 times as fast: the casts around them cost something too.

    Not `bf16`, which takes as long and is less exact: one core, banking77, batch 64, processor time, three runs each,
    all of minilm-en 126 rows/s against 126 with autocast (fp32: 69), top:2 from the cache 376 against 383.
    """
    return "autocast" if found.bf16 > _WORTH * found.fp32 else "fp32"


def product_speed(found: Probe, arithmetic: Arithmetic) -> float:
    """Matrix products of this machine in that arithmetic, in GFLOP/s: what was found on a processor, measured now on a
    GPU, with products of 4,096 x 4,096."""
    if found.device == "cpu":
        return found.fp32 if arithmetic == "fp32" else found.bf16
    left = torch.randn(4096, 4096, device="cuda", dtype=torch.float32 if arithmetic == "fp32" else torch.bfloat16)
    for _ in range(3):
        left @ left
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(20):
        left @ left
    torch.cuda.synchronize()
    return 20 * 2 * 4096**3 / (time.perf_counter() - began) / 1e9


def available_memory_gb(device: str = "cpu") -> float | None:
    """Memory that can be had now without swapping, in GB; None where the system does not tell."""
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0]) / 2**30
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("MemAvailable:")), None)


def _speed(kind: torch.dtype) -> float:
    left = torch.randn(_ROWS, _INNER).to(kind)
    right = torch.randn(_COLUMNS, _INNER).to(kind)
    best = float("inf")
    with torch.inference_mode():
        torch.nn.functional.linear(left, right)
        until = time.perf_counter() + 0.02
        while True:
            start = time.perf_counter()
            torch.nn.functional.linear(left, right)
            end = time.perf_counter()
            best = min(best, end - start)
            if end > until:
                return 2 * _ROWS * _INNER * _COLUMNS / best / 1e9


def _processor() -> str:
    unknown = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return unknown
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), unknown)
