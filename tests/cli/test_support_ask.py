"""`support ask` decides as the served desk does, by the same file of options; `evaluate` and `replay` heed it, too."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homefield import support
from homefield.apps.support.conversation import Incoming
from homefield.apps.support.desks import Desks
from homefield.apps.support.opened import open_assistants
from homefield.messages import Language
from homefield.store import open_store
from homefield.workspace import Workspace

from ..apps.support.understanding.conftest import Shop, shop
from .conftest import Ran

__all__ = ["shop"]

Run = Callable[..., Ran]


class _States(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"state": f"at {self.path}"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def own(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The shop's workspace with options, and a server that knows the state of every order."""
    root = Path(shutil.copytree(shop.workspace.root, tmp_path / "workspace"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _States)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (root / "support").mkdir(exist_ok=True)
    (root / "support" / "shop.toml").write_text(
        'hosts = ["127.0.0.1"]\n[handoff]\nwords = ["理赔"]\nanswers = ["shipping"]\n'
        "[ask.order_id]\npattern = '[0-9]{8}'\nen = 'Your order number?'\n"
        f"[sources.state]\nurl = 'http://127.0.0.1:{server.server_port}/{{order_id}}'\npointer = '/state'\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("HOMEFIELD_NET_ALLOW", "127.0.0.1")
    yield root
    server.shutdown()
    server.server_close()


MESSAGES = (
    "我要理赔", "how do i return a lamp", "怎么退货台灯", "do you ship a sofa abroad", "where is my order of a lamp",
    "where is my order of a lamp 12345678", "human please", "qwerty uiop", "any discount on a lamp", "",
)  # fmt: skip


def test_a_message_alone_is_decided_as_the_desk_would(run: Run, own: Path) -> None:
    workspace = Workspace(own)
    with open_store(workspace) as store:
        desk = Desks(workspace, store, open_assistants(workspace, store)).desk("shop")
        for text in MESSAGES:
            told = run("--json", "--workspace", own, "--lang", "en", "support", "ask", "shop", text).json
            served = desk.take(Incoming(text)).reply
            assert served is not None
            assert served.facts is not None
            assert (told["text"], told["decision"]) == (served.text, served.facts["decision"])
            assert {key: told[key] for key in served.facts} == json.loads(json.dumps(dict(served.facts)))
            in_python = support.ask("shop@1", text, workspace=workspace)
            assert (in_python.text, in_python.decision) == (served.text, served.facts["decision"])


def test_what_the_options_say_is_heeded(run: Run, own: Path) -> None:
    def asked(text: str, *more: str) -> Any:
        return run("--json", "--workspace", own, "support", "ask", "shop", text, *more).json

    told = asked("我要理赔")
    assert (told["decision"], told["reason"]) == ("handoff", "support.why.topic")
    assert asked("do you ship a sofa abroad")["reason"] == "support.why.topic"
    assert asked("where is my order of a lamp")["text"] == "Your order number?"
    assert asked("where is my order of a lamp 12345678")["text"] == "Order 12345678 is at /12345678."
    told = asked("where is my order of a lamp", "--variable", "order_id=7", "--variable", "state=sent")
    assert told["text"] == "Order 7 is sent."


def test_a_variable_is_refused_as_over_http(run: Run, own: Path) -> None:
    begun = run("--json", "--workspace", own, "support", "ask", "shop", "hi")
    assert begun.code == 0
    for bad in ("Bad-Name=3", f"x={'y' * 1001}"):
        for more in ((), ("--conversation", "X1")):
            ran = run("--workspace", own, "support", "ask", "shop", "hi", "--variable", bad, *more)
            assert ran.code == 2
            assert bad.partition("=")[0] in ran.err
            assert "order_id" in ran.err


def test_a_reply_is_no_success_and_without_words_it_is_in_the_readers_language(
    run: Run, own: Path, language: Language
) -> None:
    ran = run("--workspace", own, "--lang", language, "support", "ask", "shop", "")
    assert ran.out.startswith({"en": "I am sorry, I do not know that.", "zh": "抱歉，这个问题我还答不上来。"}[language])


def test_what_goes_to_a_human_is_not_automatic(run: Run, own: Path, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    file.write_text(
        "question,answer\nhow do i return a lamp,returns\ndo you ship a sofa abroad,shipping\n怎么退货台灯理赔,退货\n",
        encoding="utf-8",
    )
    told = run("--json", "--workspace", own, "support", "evaluate", "shop", file).json
    (own / "support" / "shop.toml").unlink()
    without = run("--json", "--workspace", own, "support", "evaluate", "shop", file).json
    assert (told["automatic"], without["automatic"]) == (pytest.approx(1 / 3), 1.0)
    assert told["recall_1"] == without["recall_1"] == 1.0


def test_a_question_that_no_answer_fits_is_judged_and_rows_left_out_are_named(
    run: Run, own: Path, tmp_path: Path, language: Language
) -> None:
    file = tmp_path / "asked.csv"
    file.write_text("question,answer\nhow do i return a lamp,returns\nwho is king,\n,returns\n", encoding="utf-8")
    told = run("--json", "--workspace", own, "support", "evaluate", "shop", file).json
    assert (told["rows"], told["known"], told["unknown"], told["rejected"]) == (2, 1, 1, 1)
    assert [(each["file"], each["row"]) for each in told["left_out"]] == [("asked.csv", 3)]
    shown = run("--workspace", own, "--lang", language, "support", "evaluate", "shop", file).out
    wanted = {
        "en": "asked.csv, left out: 1 (row 3). There is no text.",
        "zh": "asked.csv 未计入 1 行（第 3 行）：没有文本。",
    }
    assert wanted[language] in shown


def test_build_names_the_rows_it_left_out(run: Run, own: Path, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(shop.pairs.read_text(encoding="utf-8") + ",returns\nhow so,\n,returns\n", encoding="utf-8")
    last = len(file.read_text(encoding="utf-8").splitlines()) - 1
    words = ["support", "build", "shop", "--pairs", file, "--answers", shop.answers]
    words += ["--set", "backbone=cnn-text", "--set", "epochs=1"]
    shown = run("--workspace", own, "--lang", "en", *words).out
    assert f"pairs.csv, left out: 2 (row {last - 2}, {last}). There is no text." in shown
    assert f"pairs.csv, left out: 1 (row {last - 1}). There is no answer." in shown


def test_build_warns_where_customers_would_be_sent_ids_or_no_values(run: Run, tmp_path: Path, shop: Shop) -> None:
    words = ["support", "build", "bare", "--pairs", shop.pairs, "--set", "backbone=cnn-text", "--set", "epochs=1"]
    shown = run("--workspace", tmp_path, "--lang", "en", *words).out
    assert "Customers would be sent the words returns, shipping, status as replies" in " ".join(shown.split())
    (tmp_path / "support").mkdir()
    for written, lacking in (("", "state"), ("[ask.state]\nen = 'Which state?'", "")):
        (tmp_path / "support" / "bare.toml").write_text(written, encoding="utf-8")
        shown = " ".join(run("--workspace", tmp_path, "--lang", "en", *words, "--answers", shop.answers).out.split())
        assert "Customers would be sent" not in shown
        assert (f"where these values come from: {lacking}." in shown) == bool(lacking)


def test_a_log_is_asked_again_as_the_desk_would(run: Run, own: Path, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("question\ndo you ship a sofa abroad\nhow do i return a lamp\n", encoding="utf-8")
    run("--workspace", own, "support", "teach", "shop", "do you ship a sofa abroad", "--text", "No.")
    quick = ["--set", "backbone=cnn-text", "--set", "epochs=3"]
    files = ["--pairs", shop.pairs, "--answers", shop.answers]
    assert run("--workspace", own, "support", "build", "shop", *files, *quick).code == 0
    options = own / "support" / "shop.toml"
    options.write_text('[handoff]\nwords = ["ship", "return"]\n', encoding="utf-8")
    ran = run("--workspace", own, "support", "replay", "shop@1", file, "--against", "shop@1")
    assert ran.code == 2
    assert "shop@1" in ran.err
    assert "--against" in ran.err
    shown = run("--workspace", own, "--lang", "en", "support", "replay", "shop@2", file, "--against", "shop@1").out
    assert "shop@2 in place of shop@1" in shown
    told = run("--json", "--workspace", own, "support", "replay", "shop@2", file, "--against", "shop@1").json
    assert (told["champion"], told["candidate"], told["changes"]) == ("shop@1", "shop@2", [])
