"""Traces, sent to a real collector: a small OTLP server over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from homefield.workspace import Workspace

from .conftest import Served, start, stopped

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """asked: paths that were posted to. spans: those that came. services: who sent them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.asked: list[str] = []
        self.spans: list[Any] = []
        self.services: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        import gzip

        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.asked.append(self.path)
        if self.path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                told = {each.key: each.value.string_value for each in resource.resource.attributes}
                self.server.services.add(told["service.name"])
                self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *said: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="pip install 'homefield[telemetry]'")
    with Collector() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join(10)


@pytest.fixture
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {"HOMEFIELD_TELEMETRY": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    made = start(Workspace(tmp_path_factory.mktemp("traced")), **settings)
    yield made
    stopped(made)


def test_each_request_is_a_span_and_none_is_lost_when_the_server_leaves(traced: Served, collector: Collector) -> None:
    assert traced.client.get("/v1/models").status_code == 200
    parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    assert traced.client.get("/v1/models/none", headers=parent).status_code == 404
    assert traced.stop() == 0
    assert collector.services == {"homefield"}
    alone, child = (next(span for span in collector.spans if span.name.endswith(end)) for end in ("models", "none"))
    assert (alone.name, alone.kind, alone.parent_span_id) == ("GET /v1/models", 2, b"")
    assert (child.trace_id.hex(), child.parent_span_id.hex()) == (TRACE, PARENT)
    assert child.end_time_unix_nano > child.start_time_unix_nano


def test_nothing_is_sent_unless_it_is_asked_for(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> None:
    surroundings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    served = start(Workspace(tmp_path_factory.mktemp("quiet")), **surroundings)
    try:
        assert served.client.get("/v1/models").status_code == 200
        assert served.stop() == 0
        assert collector.asked == []
    finally:
        stopped(served)
