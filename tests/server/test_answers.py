"""What the server answers, over real HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from homefield.bundle.registry import open_registry
from homefield.store import predictions

from ..ship.models import Made
from .conftest import Served, make_key, promote, start, stock, stopped, wait_until_ready


def test_a_prediction_is_kept_before_it_is_told_and_can_be_corrected(served: Served) -> None:
    said = served.client.post("/v1/models/shop/predict", json={"texts": ["my card was stolen", ""], "customer": "c7"})
    assert said.status_code == 200, said.text
    first, blank = said.json()["predictions"]
    assert (first["label"], first["decision"], first["model"]) == ("card", "answer", "shop@1")
    assert (blank["label"], blank["decision"], blank["reason"]) == (None, "abstain", "empty")
    with open_registry(served.workspace) as registry, registry.store.read() as transaction:
        kept = predictions.one(transaction, first["id"])
    assert kept is not None
    assert (kept.model, kept.version, kept.customer, kept.text) == ("shop", 1, "c7", "my card was stolen")
    correction = {"prediction": first["id"], "answer": "loan", "once": "a-1", "by": "li.na"}
    made = served.client.post("/v1/feedback", json=correction)
    again = served.client.post("/v1/feedback", json=correction)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    other = served.client.post("/v1/feedback", json={**correction, "answer": "card"})
    assert (other.status_code, other.json()["code"]) == (409, "server.said_otherwise")
    unknown = served.client.post("/v1/feedback", json={**correction, "prediction": "0" * 26, "once": "b"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "server.no_such_prediction")


def test_the_open_inference_protocol(served: Served) -> None:
    tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["card blocked", "loan papers"]}
    said = served.client.post("/v2/models/shop/infer", json={"id": "7", "inputs": [tensor]}).json()
    outputs = {one["name"]: one for one in said["outputs"]}
    assert (said["model_name"], said["model_version"], said["id"]) == ("shop", "1", "7")
    assert outputs["label"] == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["card", "loan"]}
    assert served.client.get("/v2/models/shop").json()["inputs"] == [
        {"name": "text", "datatype": "BYTES", "shape": [-1]}
    ]
    assert served.client.get("/v2/models/shop/versions/2/ready").status_code == 200
    wrong = served.client.post("/v2/models/shop/infer", json={"inputs": [{**tensor, "shape": [3]}]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "server.bad_tensor")


def test_vectors_as_openai_gives_them(matching: Made, tmp_path: Path) -> None:
    served = start(stock(tmp_path / "w", same=matching))
    try:
        asked = {"model": "same", "input": ["my card was stolen", "loan papers"]}
        said = served.client.post("/v1/embeddings", json=asked).json()
        expected = matching.bundle.manifest.width
        assert [len(one["embedding"]) for one in said["data"]] == [expected, expected]
        assert said["usage"]["total_tokens"] > 0
        pairs = {"texts": ["my card was stolen"], "others": ["my card was stolen"]}
        (one,) = served.client.post("/v1/models/same/predict", json=pairs).json()["predictions"]
        assert one["label"] == "same"
    finally:
        stopped(served)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "a", "texts": ["b"]}, "server.bad_body"),
        ({"texts": []}, "server.no_texts"),
        ({"texts": ["a"] * 1_025}, "server.too_many_texts"),
        ({"text": "a", "others": ["b"]}, "server.no_pairs"),
        ({"text": "a", "unheard_of": 1}, "server.bad_body"),
    ],
)
def test_a_wrong_call_says_what_was_expected_in_the_language_asked_for(
    served: Served, body: dict[str, object], code: str
) -> None:
    path = "/v1/models/shop/predict"
    english = served.client.post(path, json=body, headers={"accept-language": "en-GB, zh;q=0.5"})
    chinese = served.client.post(f"{path}?lang=zh", json=body)
    assert (english.status_code, english.headers["content-type"]) == (422, "application/problem+json")
    assert english.json()["code"] == chinese.json()["code"] == code
    assert english.json()["next"].isascii() or "'" in english.json()["next"]
    assert not chinese.json()["next"].isascii()
    assert not chinese.json()["detail"].replace("请求", "").isascii()
    assert english.headers["x-request-id"] == english.json()["request_id"]


def test_promotion_and_rollback_take_effect_without_a_failed_request(served: Served) -> None:
    path, body = "/v1/models/shop/predict", {"text": "my card was stolen", "evidence": 0}
    seen: list[tuple[int, str]] = []
    done = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=served.client.base_url, timeout=60) as client:
            while not done.is_set():
                said = client.post(path, json=body)
                seen.append((said.status_code, said.json().get("version")))

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    for version in (2, 1):
        promote(served.workspace, "shop", version)
        for _ in range(400):
            if served.client.post(path, json=body).json()["version"] == version:
                break
        else:
            raise AssertionError("the promotion has no effect")
    done.set()
    for caller in callers:
        caller.join()
    assert {status for status, _ in seen} == {200}
    assert {version for _, version in seen} == {1, 2}


def begun(url: str, body: bytes) -> http.client.HTTPConnection:
    """A request that the server has begun to read: it says so, and gets the body then."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
    connection.putrequest("POST", "/v1/models/shop/predict")
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "Expect": "100-continue",
    }.items():
        connection.putheader(name, str(value))
    connection.endheaders()
    assert connection.sock.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(body)
    return connection


def test_sigterm_finishes_what_is_in_flight_and_leaves_with_0(shop_copy: Served) -> None:
    body = json.dumps({"texts": ["my card was stolen"] * 1_024, "evidence": 0}).encode()
    asked = [begun(str(shop_copy.client.base_url), body) for _ in range(3)]
    assert shop_copy.stop() == 0
    assert [connection.getresponse().status for connection in asked] == [200] * 3
    for connection in asked:
        connection.close()


def test_a_killed_worker_is_replaced_and_metrics_add_up(served: Served) -> None:
    import psutil

    several = start(served.workspace, "--workers", "2")
    try:
        workers = [one for one in psutil.Process(several.process.pid).children() if "worker" in " ".join(one.cmdline())]
        assert len(workers) == 2
        workers[0].kill()
        workers[0].wait(10)
        for _ in range(20):
            said = several.client.post("/v1/models/shop/predict", json={"text": "my card was stolen"})
            assert said.status_code == 200
        for _ in range(200):
            alive = [one for one in psutil.Process(several.process.pid).children() if one.is_running()]
            if len(alive) == 2 and workers[0].pid not in {one.pid for one in alive}:
                break
            wait_until_ready(several.client)
        else:
            raise AssertionError("the worker was not replaced")
        line = 'homefield_requests_total{method="POST",route="/v1/models/{name}/predict",status="200"} 20.0'
        assert line in several.client.get("/metrics").text
        assert several.stop() == 0
    finally:
        stopped(several)


@pytest.fixture
def shop_copy(cut: Made, tmp_path: Path) -> Served:
    served = start(stock(tmp_path / "w", shop=cut))
    yield served  # type: ignore[misc]
    stopped(served)


def test_a_key_made_while_the_server_runs_is_needed_from_then_on(shop_copy: Served) -> None:
    client = shop_copy.client
    assert client.get("/v1/models").status_code == 200
    key = make_key(shop_copy.workspace, "read")
    refused = client.get("/v1/models")
    assert (refused.status_code, refused.json()["code"]) == (401, "server.no_key")
    bearer = {"authorization": f"Bearer {key}"}
    assert client.get("/v1/models", headers=bearer).status_code == 200
    lacking = client.post("/v1/models/shop/predict", json={"text": "a"}, headers=bearer)
    assert (lacking.status_code, lacking.json()["code"]) == (403, "server.no_scope")
    signed = client.post("/v1/session", json={"key": key})
    assert signed.status_code == 201
    assert {"HttpOnly", "SameSite=strict"} <= set(signed.headers["set-cookie"].replace(" ", "").split(";"))
    assert client.get("/v1/session").json()["scopes"] == ["read"]
    assert client.delete("/v1/session").status_code == 204


def test_the_interface_describes_every_body_and_scope(served: Served) -> None:
    told = served.client.get("/openapi.json").json()
    predict = told["paths"]["/v1/models/{name}/predict"]["post"]
    assert (told["openapi"], predict["x-scope"]) == ("3.1.0", "predict")
    reference = predict["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "texts" in told["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
