from __future__ import annotations

import time
from dataclasses import replace

from homefield.train.probe import available_memory_gb, choose_precision, probe


def test_a_probe_is_quick_and_says_what_is_there() -> None:
    probe()
    began = time.process_time()
    found = probe()
    assert time.process_time() - began < 1.0
    assert found.fp32 > 0
    assert found.bf16 > 0
    assert found.cores >= 1
    assert found.as_json()["name"]


def test_bfloat16_is_taken_only_where_it_is_clearly_faster() -> None:
    found = probe()
    assert choose_precision(replace(found, fp32=150.0, bf16=700.0)) == "autocast"
    assert choose_precision(replace(found, fp32=150.0, bf16=160.0)) == "fp32"
    assert choose_precision(replace(found, fp32=150.0, bf16=1.5)) == "fp32"


def test_memory_at_hand_is_positive_where_it_is_known() -> None:
    at_hand = available_memory_gb()
    assert at_hand is None or at_hand > 0
