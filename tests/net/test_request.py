"""Requests against real servers on this machine, well-behaved and not."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homefield.errors import CallError, HomefieldError, NotAllowed, RemoteError
from homefield.messages import Language
from homefield.net import Allowed, Limits, fetch_now
from tests.net.conftest import HERE, Serve, plain


def code_of(url: str, **options: object) -> str:
    options = {"allowed": HERE, "limits": Limits(bytes=10_000, seconds=5, redirects=3), **options}
    with pytest.raises(HomefieldError) as caught:
        fetch_now(url, **options)  # type: ignore[arg-type]
    assert caught.value.what()
    assert caught.value.next_step()
    return caught.value.code


def test_a_reply_comes_whole(serve: Serve) -> None:
    served = serve(plain(b"hello", "X-One: 1", status="404 Not Found"))
    reply = fetch_now(served.url("/path?q=1"), allowed=HERE, headers={"X-Key": "k"})
    assert (reply.status, reply.body, reply.headers["x-one"]) == (404, b"hello", "1")
    assert served.requests[0].startswith("GET /path?q=1 HTTP/1.1")
    assert f"host: 127.0.0.1:{served.port}" in served.requests[0].lower()
    assert "x-key: k" in served.requests[0].lower()


def test_a_body_is_sent(serve: Serve) -> None:
    served = serve(plain(b""))
    fetch_now(served.url(), method="POST", body=b"content", allowed=HERE)
    assert served.requests[0].startswith("POST ")
    assert served.requests[0].endswith("content") or "content-length: 7" in served.requests[0].lower()


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "file:///etc/passwd", "http://", "//example.org", "http://u:p@h/"]
)
def test_only_web_addresses_without_credentials_are_asked(url: str) -> None:
    assert code_of(url) == "net.bad_url"


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(CallError) as caught:
        fetch_now("http://user:secret@host/x?token=hidden")
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0"])
def test_this_machine_is_refused_however_it_is_written(host: str, serve: Serve) -> None:
    served = serve(plain(b"secret"))
    assert code_of(f"http://{host}:{served.port}/", allowed=Allowed()) == "net.refused_address"
    assert served.requests == []


def test_one_refused_address_among_good_ones_refuses_the_name() -> None:
    answer = ["1.1.1.1", "10.0.0.1"]
    assert code_of("http://two.example/", resolver=lambda *_: answer) == "net.refused_address"


def test_a_refusal_names_the_host_the_address_and_the_setting(language: Language) -> None:
    with pytest.raises(NotAllowed) as caught:
        fetch_now("http://metadata.example/", resolver=lambda *_: ["169.254.169.254"])
    assert "metadata.example" in caught.value.what(language)
    assert "169.254.169.254" in caught.value.what(language)
    assert "net_allow" in caught.value.next_step(language)
    assert caught.value.exit_code == 4


def test_a_name_is_looked_up_once_and_that_address_is_the_one_connected_to(serve: Serve) -> None:
    honest = serve(plain(b"honest"), "127.0.0.1")
    rebound = serve(plain(b"rebound"), "127.0.0.2", honest.port)
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])
    only = Allowed.parse(["127.0.0.1"])
    url = f"http://rebinding.example:{honest.port}/"
    reply = fetch_now(url, allowed=only, resolver=lambda *_: next(answers))
    assert reply.body == b"honest"
    assert "host: rebinding.example" in honest.requests[0].lower()
    assert code_of(url, allowed=only, resolver=lambda *_: next(answers)) == "net.refused_address"
    assert rebound.requests == []


def test_the_next_address_of_a_host_is_tried_when_one_does_not_answer(serve: Serve) -> None:
    served = serve(plain(b"second"), "127.0.0.1")
    reply = fetch_now(
        f"http://two.example:{served.port}/", allowed=HERE, resolver=lambda *_: ["127.0.0.9", "127.0.0.1"]
    )
    assert reply.body == b"second"


class TestRedirects:
    def test_one_is_followed_and_judged(self, serve: Serve) -> None:
        there = serve(plain(b"there"))
        here = serve(plain(b"", f"Location: {there.url('/new')}", status="302 Found"))
        reply = fetch_now(here.url(), allowed=HERE, headers={"Authorization": "Bearer k", "Accept": "text/plain"})
        assert reply.body == b"there"
        assert reply.url == there.url("/new")
        assert "authorization" not in there.requests[0].lower()
        assert "text/plain" in there.requests[0]

    def test_one_to_a_private_address_is_refused(self, serve: Serve) -> None:
        inside = serve(plain(b"secret"), "127.0.0.5")
        target = f"http://127.0.0.5:{inside.port}/"
        outside = serve(plain(b"", f"Location: {target}", status="302 Found"))
        assert code_of(outside.url(), allowed=Allowed.parse(["127.0.0.1"])) == "net.refused_address"
        assert inside.requests == []

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a:b@127.0.0.1/"])
    def test_one_to_another_kind_of_address_is_refused(self, target: str, serve: Serve) -> None:
        served = serve(plain(b"", f"Location: {target}", status="302 Found"))
        assert code_of(served.url()) == "net.bad_url"

    def test_a_circle_ends(self, serve: Serve) -> None:
        served = serve(plain(b"", "Location: /again", status="302 Found"))
        assert code_of(served.url()) == "net.too_many_redirects"
        assert len(served.requests) == 4

    def test_what_is_posted_does_not_go_to_another_host(self, serve: Serve) -> None:
        there = serve(plain(b"there"))
        here = serve(plain(b"", f"Location: {there.url()}", status="307 Temporary Redirect"))
        assert code_of(here.url(), method="POST", body=b"secret") == "net.refused_redirect"
        assert there.requests == []

    def test_a_post_answered_with_see_other_becomes_a_get(self, serve: Serve) -> None:
        replies = iter([plain(b"", "Location: /done", status="303 See Other"), plain(b"done")])
        served = serve(lambda connection, _: connection.sendall(next(replies)))
        reply = fetch_now(served.url(), method="POST", body=b"x", allowed=HERE, headers={"Content-Type": "text/plain"})
        assert reply.body == b"done"
        assert served.requests[1].startswith("GET /done")
        assert "content-type" not in served.requests[1].lower()


class TestLimits:
    def test_an_endless_body_is_cut(self, serve: Serve) -> None:
        def endless(connection: socket.socket, request: str) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 4096)

        assert code_of(serve(endless).url()) == "net.too_large"

    @pytest.mark.parametrize("part", ["head", "body"])
    def test_drops_one_by_one_do_not_outlast_the_time(self, part: str, serve: Serve) -> None:
        def slow(connection: socket.socket, request: str) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: " if part == "head" else b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.1)

        started = time.monotonic()
        assert code_of(serve(slow).url(), limits=Limits(seconds=1)) == "net.too_slow"
        assert time.monotonic() - started < 4

    def test_a_slow_lookup_does_not_outlast_the_time(self) -> None:
        def slow(host: str, port: int) -> list[str]:
            time.sleep(1.5)
            return ["127.0.0.1"]

        started = time.monotonic()
        assert code_of("http://slow.example/", limits=Limits(seconds=0.3), resolver=slow) == "net.too_slow"
        assert time.monotonic() - started < 1.2

    def test_a_gzip_bomb_is_not_unpacked(self, serve: Serve) -> None:
        bomb = gzip.compress(bytes(5_000_000))
        assert len(bomb) < 10_000
        assert code_of(serve(plain(bomb, "Content-Encoding: gzip")).url()) == "net.too_large"

    def test_members_of_gzip_one_after_another_count_together(self, serve: Serve) -> None:
        two = gzip.compress(b"one ") + gzip.compress(b"two")
        served = serve(plain(two, "Content-Encoding: gzip"))
        assert fetch_now(served.url(), allowed=HERE).body == b"one two"
        many = gzip.compress(b"x" * 1000) * 11
        assert code_of(serve(plain(many, "Content-Encoding: gzip")).url()) == "net.too_large"

    @pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
    def test_a_coding_nobody_asked_for_is_refused(self, coding: str, serve: Serve) -> None:
        assert code_of(serve(plain(b"x", f"Content-Encoding: {coding}")).url()) == "net.bad_reply"

    @pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"cut off" * 100, mtime=0)[:-9]])
    def test_broken_gzip_is_told(self, body: bytes, serve: Serve) -> None:
        assert code_of(serve(plain(body, "Content-Encoding: gzip")).url()) == "net.bad_reply"


@pytest.mark.parametrize("reply", [b"", b"no http\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
def test_what_is_no_reply_is_told(reply: bytes, serve: Serve) -> None:
    assert code_of(serve(reply).url()) == "net.bad_reply"


def test_a_header_of_two_lines_is_not_sent(serve: Serve) -> None:
    served = serve(plain(b""))
    assert code_of(served.url(), headers={"X": "a\r\nInjected: b"}) == "net.bad_request"


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert code_of(f"http://127.0.0.1:{port}/") == "net.unreachable"
    assert code_of("http://no-such-host.invalid/") == "net.unknown_host"


def test_the_environment_names_no_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, served = serve(plain(b"proxy")), serve(plain(b"direct"))
    monkeypatch.setenv("HTTP_PROXY", proxy.url())
    monkeypatch.setenv("ALL_PROXY", proxy.url())
    assert fetch_now(served.url(), allowed=HERE).body == b"direct"
    assert proxy.requests == []


class TestCertificates:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        file = tmp_path / "both.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(file)]
        subject = [
            "-out",
            str(tmp_path / "cert.pem"),
            "-subj",
            "/CN=right.example",
            "-addext",
            "subjectAltName=DNS:right.example",
        ]
        subprocess.run([*command, *subject], check=True, capture_output=True)
        file.write_text(file.read_text() + (tmp_path / "cert.pem").read_text())
        return file

    def test_one_that_nobody_vouches_for_is_refused_and_one_of_the_right_name_taken(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with secure_server(certificate) as port:
            here = {"allowed": HERE, "resolver": lambda *_: ["127.0.0.1"]}
            assert code_of(f"https://right.example:{port}/", **here) == "net.certificate"
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
            assert fetch_now(f"https://right.example:{port}/", **here).body == b"safe"  # type: ignore[arg-type]
            assert code_of(f"https://wrong.example:{port}/", **here) == "net.certificate"


@contextmanager
def secure_server(certificate: Path) -> Iterator[int]:
    """Answers over TLS; yields its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed
            try:
                with context.wrap_socket(connection, server_side=True) as private:
                    private.recv(65536)
                    private.sendall(plain(b"safe"))
            except OSError:
                continue  # the client did not trust us

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=[listener], daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_remote_errors_have_their_exit_code() -> None:
    with pytest.raises(RemoteError) as caught:
        fetch_now("http://no-such-host.invalid/")
    assert caught.value.exit_code == 5
