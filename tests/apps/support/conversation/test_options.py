"""The options of a conversation: everything that is wrong in them is named before anyone is talked to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from homefield.apps.support.conversation import SupportOptions, load_options
from homefield.errors import CallError
from homefield.messages import LANGUAGES, Language

GOOD = """
idle_minutes = 90
hosts = ["shop.example"]
[handoff]
failures = 3
words = ["投诉"]
[ask.order_id]
pattern = '\\d{8}'
zh = "订单号是多少？"
[sources.status]
url = "https://shop.example/orders/{order_id}"
pointer = "/status"
[chatwoot]
url = "https://chat.example"
account = 1
token = "env:CHATWOOT_TOKEN"
secret = "env:CHATWOOT_SECRET"
"""


def read(tmp_path: Path, written: str) -> SupportOptions:
    file = tmp_path / "shop.toml"
    file.write_text(written, encoding="utf-8")
    return load_options(file)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    options = read(tmp_path, GOOD)
    assert options.handoff.failures == 3
    assert options.sources["status"].wanted == ("order_id",)


@pytest.mark.parametrize("folder", ["en", "zh-CN"])
def test_the_examples_in_the_guide_are_valid_and_name_every_option(
    tmp_path: Path, repository: Path, folder: str
) -> None:
    page = (repository / "docs" / folder / "conversations.md").read_text(encoding="utf-8")
    written = "\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    options = read(tmp_path, written)
    assert options.model_fields_set == set(SupportOptions.model_fields)
    assert options.handoff.model_fields_set == set(type(options.handoff).model_fields)
    assert options.sources["status"].model_fields_set == set(type(options.sources["status"]).model_fields)
    assert options.ask["order_id"].model_fields_set == set(type(options.ask["order_id"]).model_fields)


def test_without_a_file_everything_is_as_by_default(tmp_path: Path) -> None:
    assert load_options(tmp_path / "none.toml") == SupportOptions()


CHATWOOT = "[chatwoot]\nurl = 'https://c.example'\naccount = 1\ntoken = 't'"
SOURCE = "hosts = ['shop.example']\n[sources.a]\nurl = 'https://shop.example/{order_id}'\n"


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("idle_minutes = 0", "idle_minutes"),
        ("idle = 1", "idle"),
        ("[ask.Order]\npattern = 'x'", "Order"),
        ("[ask.order_id]\npattern = '('", "unterminated subpattern"),
        ("[sources.status]\nurl = 'https://shop.example/x'\npointer = '/x'", "shop.example"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'https://{a}.example/x'\npointer = '/x'", "sources.a.url"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'file:///etc/passwd'\npointer = '/x'", "http"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'https://u:p@shop.example/'\npointer = '/x'", "https"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'https://shop.example/'\npointer = 'x'", "sources.a.pointer"),
        ("[chatwoot]\nurl = 'https://c.example'\naccount = 1\ntoken = 't'", "webhook_token"),
        ("= broken", "1"),
        ("idle_minutes = 1\nidle_minutes = 2", "TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: str, fault: str, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        read(tmp_path, written)
    assert caught.value.code == "support.bad_options"
    assert fault in caught.value.what(language)
    assert "support/shop.toml" in caught.value.what(language)
    assert str(tmp_path) not in str(caught.value.as_json(language))


@pytest.mark.parametrize(
    ("written", "english", "chinese"),
    [
        (
            "foo = 1",
            "foo: there is no such key; there are idle_minutes, return",
            "foo：没有这一项；可用的有 idle_minutes",
        ),
        (
            "[handoff]\nwrods = []",
            "handoff.wrods: there is no such key; did you mean words?",
            "handoff.wrods：没有这一项",
        ),
        ("[chatwoot]\nurl = 'https://c.example'", "chatwoot.account: it is lacking", "chatwoot.account：缺少这一项"),
        ("idle_minutes = 0", "idle_minutes: a number above 0 was", "idle_minutes：应填大于 0 的数"),
        ("[handoff]\nfailures = 0", "a number of at least 1 was", "应填不小于 1 的数"),
        ("[handoff]\nconfidence = 1.5", "a number of at most 1 was", "应填不大于 1 的数"),
        ("history = 1.5", "a whole number was expected", "应填整数"),
        ("idle_minutes = 'long'", "a number was expected", "应填数字"),
        ("hosts = 'shop.example'", "a list in square brackets", "应填用方括号括起的列表"),
        ("hosts = [1]", "hosts.0: a text in quotation marks", "hosts.0：应填用引号括起的文本"),
        ("handoff = 3", "a table of keys (in JSON an object) was expected", "应填由若干键值组成的表"),
        (f"[ask.order_id]\npattern = '{'x' * 501}'", "at most 500 characters", "最多 500 个字符"),
        ("[ask.order_id]\npattern = '('", "this is no regular expression", "不是正则表达式"),
        ("[ask.Order]\npattern = 'x'", "Order is no name of a placeholder", "Order 不是占位符的名称"),
        (f"{SOURCE}pointer = 'x'", "a JSON pointer begins with /", "JSON 指针应以 / 开头"),
        (f"{SOURCE}pointer = '/x'\nseconds = nan", "a number ", "的数"),
        (SOURCE.replace("order_id", "Order Id") + "pointer = ''", "{Order Id} is no variable", "{Order Id} 不是变量"),
        (CHATWOOT, "`secret` or `webhook_token`", "`secret` 或 `webhook_token`"),
        ("= broken", "from line 1, column 1 on", "从第 1 行第 1 列起不是 TOML"),
    ],
)
def test_faults_are_told_in_the_readers_language(tmp_path: Path, written: str, english: str, chinese: str) -> None:
    with pytest.raises(CallError) as caught:
        read(tmp_path, written)
    assert english in caught.value.what("en")
    assert chinese in caught.value.what("zh")
    for language in LANGUAGES:
        assert "Input should" not in caught.value.what(language)
        assert "Value error" not in caught.value.what(language)


def test_every_fault_is_told_and_no_value(tmp_path: Path) -> None:
    with pytest.raises(CallError) as caught:
        read(tmp_path, "foo = 'hush-1'\nhistory = -1\n[chatwoot]\ntoken = ['hush-2']")
    told = caught.value.what("en")
    assert all(key in told for key in ("foo", "history", "chatwoot.url", "chatwoot.account", "chatwoot.token"))
    assert "hush" not in told


def test_where_no_log_is_kept_the_error_alone_tells_it(tmp_path: Path) -> None:
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "shop.toml").write_text("foo = 1", encoding="utf-8")
    program = """
import sys, pathlib
from homefield.apps.support.desks import Desks
from homefield.errors import CallError
from homefield.workspace import Workspace
try:
    Desks(Workspace(pathlib.Path(sys.argv[1])), None, None).options("shop")
except CallError as error:
    print(error.code)
"""
    ran = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("support.bad_options\n", "")


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_bytes("[handoff]\nwords = ['投诉']".encode("gbk"))
    with pytest.raises(CallError) as caught:
        load_options(tmp_path / "shop.toml")
    assert "UTF-8" in caught.value.what("zh")
