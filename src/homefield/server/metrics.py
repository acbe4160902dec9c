"""Numbers for Prometheus: few labels, each with few values, and right with several workers.

Workers keep their numbers in small files that any of them adds up (`PROMETHEUS_MULTIPROC_DIR`, which the supervisor
sets before they start); a single process keeps them in memory.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["DIRECTORY", "Metrics"]

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """What is counted. Labels are routes, methods, statuses, codes and models: never ids or texts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "homefield_requests", "Requests by route and status.", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "homefield_request_seconds", "Time to reply.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.refusals = Counter("homefield_refusals", "Requests refused, by code.", ["code"], registry=self.registry)
        self.answers = Counter(
            "homefield_answers", "Texts answered, by model and decision.", ["model", "decision"], registry=self.registry
        )
        self.batch_texts = Histogram(
            "homefield_batch_texts", "Texts that shared a pass.", buckets=_TEXTS, registry=self.registry
        )
        self.batch_seconds = Histogram(
            "homefield_batch_seconds", "Time of a pass.", buckets=_SECONDS, registry=self.registry
        )
        self.waiting = Gauge(
            "homefield_waiting_tokens", "Tokens that wait.", multiprocess_mode="livesum", registry=self.registry
        )
        self.streams = Gauge(
            "homefield_event_streams", "Open event streams.", multiprocess_mode="livesum", registry=self.registry
        )
        self.models = Gauge(
            "homefield_open_models", "Networks held open.", multiprocess_mode="livemax", registry=self.registry
        )

    def page(self) -> bytes:
        """Everything, of all workers, in Prometheus' text format."""
        directory = os.environ.get(DIRECTORY)
        if directory is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=directory)  # type: ignore[no-untyped-call]
        return generate_latest(together)
