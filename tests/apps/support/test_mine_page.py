"""The page of what dialogues hold: what it says is what was mined, in both languages, and records are never markup."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from homefield import demo
from homefield.apps.support.mine import mine
from homefield.apps.support.mine_page import mine_page
from homefield.cli import main


def test_the_page_tells_coverage_contradictions_and_what_stayed_open() -> None:
    mined = mine(demo.support_dialogues(), days=365)
    shown = mine_page(mined, "log.jsonl", "en")
    share = f"{mined.coverage[59]:.0%}"
    for piece in (
        f"60 answers cover {share} of the questions",
        f"60 条回复可覆盖 {share} 的问题",
        f"{len(mined.contradictions)} of {len(mined.contradictions)} pairs",
        "You can return it within 7 days",
        "签收后14天内可以无理由退货",
        "说好昨天送，结果没人来，打电话也不接",
        "log.jsonl",
    ):
        assert piece in shown
    assert not re.search(r'(?:src|href)="(?!#)', shown), "the page loads something"


def test_records_are_never_markup_and_a_log_without_answers_says_so(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    turns = [{"role": "customer", "text": "Do you sell <script>alert(1)</script> lamps?"}]
    file.write_text(json.dumps({"turns": turns}), encoding="utf-8")
    shown = mine_page(mine(file), "<b>.jsonl", "zh")
    assert "<script>alert" not in shown
    assert "<b>.jsonl" not in shown
    assert "没有找到回复" in shown


def test_the_command_writes_the_page_and_takes_the_last_year_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, page = str(demo.support_dialogues()), tmp_path / "page.html"
    assert main(["--json", "support", "mine", log, "--out", str(tmp_path / "year"), "--report", str(page)]) == 0
    year = json.loads(capsys.readouterr().out)
    assert main(["--json", "support", "mine", log, "--out", str(tmp_path / "all"), "--days", "0"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert year["dialogues"] + year["period"]["older"] == everything["dialogues"] == 300
    assert (everything["period"]["older"], everything["report"]) == (0, None)
    assert year["period"]["first"] > everything["period"]["first"]


@pytest.mark.parametrize("width", [390, 1100])
def test_nothing_sticks_out_of_the_page_in_a_real_browser(tmp_path: Path, width: int) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine: install Debian's `chromium`")
    page = tmp_path / "page.html"
    page.write_text(mine_page(mine(demo.support_dialogues()), "log.jsonl", "zh"), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab.goto(page.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
