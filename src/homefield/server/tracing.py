"""Traces by OpenTelemetry, for those who have a collector: imported only when the setting `telemetry` is on."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from homefield.errors import MachineError

__all__ = ["Span", "no_spans", "spans"]

Span = Callable[[str, Mapping[str, str]], AbstractContextManager[Any]]


def no_spans(name: str, headers: Mapping[str, str]) -> AbstractContextManager[Any]:
    """Trace nothing."""
    del name, headers
    return nullcontext()


def spans() -> Span:
    """A span for each request, a child of the caller's where it sends `traceparent`; sent as `OTEL_*` variables say.

    Raises:
        MachineError: `server.no_telemetry`.
    """
    try:
        exporters = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        processors = importlib.import_module("opentelemetry.sdk.trace.export")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        propagate = importlib.import_module("opentelemetry.propagate")
        trace = importlib.import_module("opentelemetry.trace")
    except ModuleNotFoundError as error:
        raise MachineError("server.no_telemetry", package=error.name or "opentelemetry") from error
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "homefield"}))
    provider.add_span_processor(processors.BatchSpanProcessor(exporters.OTLPSpanExporter()))
    tracer = provider.get_tracer("homefield.server")

    def span(name: str, headers: Mapping[str, str]) -> AbstractContextManager[Any]:
        found: AbstractContextManager[Any] = tracer.start_as_current_span(
            name, context=propagate.extract(headers), kind=trace.SpanKind.SERVER
        )
        return found

    return span
