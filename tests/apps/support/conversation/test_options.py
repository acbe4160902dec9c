"""The options of a conversation: everything that is wrong in them is named before anyone is talked to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homefield.apps.support.conversation import SupportOptions, load_options
from homefield.errors import CallError
from homefield.messages import Language

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


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("idle_minutes = 0", "idle_minutes"),
        ("idle = 1", "idle"),
        ("[ask.Order]\npattern = 'x'", "Order"),
        ("[ask.order_id]\npattern = '('", "regular expression"),
        ("[sources.status]\nurl = 'https://shop.example/x'\npointer = '/x'", "shop.example is not listed"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'https://{a}.example/x'\npointer = '/x'", "in the host"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'file:///etc/passwd'\npointer = '/x'", "http or https"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'https://u:p@shop.example/'\npointer = '/x'", "credentials"),
        ("hosts = ['shop.example']\n[sources.a]\nurl = 'https://shop.example/'\npointer = 'x'", "begins with /"),
        ("[chatwoot]\nurl = 'https://c.example'\naccount = 1\ntoken = 't'", "webhook_token"),
        ("= broken", "line 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: str, fault: str, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        read(tmp_path, written)
    assert caught.value.code == "support.bad_options"
    assert fault in caught.value.what(language)
    assert "shop.toml" in caught.value.what(language)
