"""Every route refuses whoever lacks its scope; requests of other sites and for other hosts are refused before."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from homefield.errors import NotAllowed
from homefield.server import create_app
from homefield.server.access import PUBLIC, check_routes, scope_of
from homefield.store.scopes import SCOPES
from homefield.workspace import Workspace, find_workspace

from .conftest import Served, make_key, start, stopped

PUBLIC_ROUTES = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("POST", "/v1/session"),
    ("GET", "/v1/session"),
    ("DELETE", "/v1/session"),
    ("POST", "/webhooks/chatwoot/{name}"),  # proves itself by its signature
    ("GET", "/"),
    ("GET", "/page/{file}"),
}


def routes() -> list[tuple[str, str, str]]:
    """(method, path, scope) of every route there is."""
    app = create_app(find_workspace())
    app.state.running.store.close()
    found = []
    for route in app.routes:
        assert isinstance(route, APIRoute)
        found += [(method, route.path, str(scope_of(route))) for method in sorted(route.methods or ())]
    return found


def test_what_is_public_is_little_and_known() -> None:
    assert {(method, path) for method, path, scope in routes() if scope == PUBLIC} == PUBLIC_ROUTES


def test_a_route_that_says_no_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="/open"):
        check_routes([Route("/open", pytest.fail)])


def test_every_route_and_method_refuses_without_its_scope(tmp_path_factory: pytest.TempPathFactory) -> None:
    everything = routes()
    workspace = Workspace(tmp_path_factory.mktemp("empty"))
    keys = {scope: make_key(workspace, *(one for one in SCOPES if one != scope)) for scope in SCOPES}
    served = start(workspace)
    try:
        checked = 0
        for method, path, scope in everything:
            if scope == PUBLIC:
                continue
            url = (
                path.replace("{name}", "shop")
                .replace("{version}", "1")
                .replace("{conversation}", "1")
                .replace("{number}", "1")
            )
            url = re.sub(r"{\w+_id}", "0" * 26, url)
            assert "{" not in url
            bare = served.client.request(method, url)
            lacking = served.client.request(method, url, headers={"authorization": f"Bearer {keys[scope]}"})
            wrong = served.client.request(method, url, headers={"authorization": "Bearer hf_nonsense"})
            assert (bare.status_code, lacking.status_code, wrong.status_code) == (401, 403, 401), (method, path)
            assert bare.headers["www-authenticate"].startswith("Bearer")
            checked += 1
        assert checked > 20
    finally:
        stopped(served)


def test_any_other_address_needs_a_key_first(tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("outside"))
    with pytest.raises(NotAllowed, match=r"0\.0\.0\.0"):
        create_app(workspace, host="0.0.0.0")
    make_key(workspace, "read")
    create_app(workspace, host="0.0.0.0").state.running.store.close()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example"}, 421, "server.wrong_host"),
        ({"origin": "https://evil.example"}, 403, "server.cross_site"),
        ({"sec-fetch-site": "cross-site"}, 403, "server.cross_site"),
        ({"x-forwarded-for": "203.0.113.9"}, 403, "server.proxied"),
        ({"content-type": "text/plain"}, 415, "server.wrong_type"),
    ],
)
def test_what_another_site_could_send_is_refused(
    served: Served, headers: dict[str, str], status: int, code: str
) -> None:
    said = served.client.post("/v1/models/shop/predict", content=b'{"text": "a"}', headers=headers)
    assert (said.status_code, said.json()["code"]) == (status, code)
    assert said.headers["content-security-policy"].startswith("default-src 'none'")


def test_bodies_have_a_size_and_a_depth(served: Served) -> None:
    deep = b'{"text": ' + b"[" * 100 + b"]" * 100 + b"}"
    said = served.client.post("/v1/models/shop/predict", content=deep)
    assert (said.status_code, said.json()["code"]) == (422, "server.too_deep")

    def pieces() -> list[bytes]:
        return [b"x" * 1_000_000] * 9

    large = served.client.post("/v1/models/shop/predict", content=iter(pieces()))
    assert (large.status_code, large.json()["code"]) == (413, "server.too_large")


def test_probes_need_no_name_and_no_key(served: Served) -> None:
    assert httpx.get(f"{served.client.base_url}/livez", headers={"host": "10.0.0.7"}).status_code == 200
