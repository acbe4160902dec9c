"""The page at `/` in a real Chromium, in both languages, on a desktop and on a phone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from homefield.apps.support.page import FILES, render
from homefield.messages import Language
from homefield.workspace import Workspace

from .conftest import make_key
from .talking import Talking, talking

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
Browser, Page = sync_api.Browser, sync_api.Page
PHONE = {"width": 390, "height": 844}
ASKED = {"en": "How do I return it?", "zh": "怎么退货？"}
REPLIED = {"en": "You can return it within 14 days.", "zh": "14 天内可以退货。"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine: install Debian's `chromium`")
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root, as whom containers run tests.
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talking]:
    with talking(Workspace(tmp_path_factory.mktemp("page"))) as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when the browser complains of anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.set_default_timeout(15_000)
    yield made
    context.close()
    assert [one for one in complaints if "401" not in one] == []


def opened(page: Page, shop: Talking, language: str) -> Page:
    page.goto(f"{shop.url}/?lang={language}")
    page.wait_for_selector("#text:enabled")
    return page


def say(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def test_the_inspector_shows_why(shop: Talking, page: Page, language: Language) -> None:
    opened(page, shop, language)
    say(page, ASKED[language])
    page.locator(".bubble.bot .said", has_text=REPLIED[language]).wait_for()
    inside = page.locator("#inspector")
    shown = inside.inner_text()
    decided, sure = {"en": ("Answered", "confidence"), "zh": ("已回答", "把握")}[language]
    for wanted in (decided, sure, "93", "shop@1", "returns", "about returns", "91", "Opening hours"):
        assert wanted in shown
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    assert page.locator("#state").inner_text() == {"en": "Bot replies", "zh": "机器人接待中"}[language]


def test_what_a_customer_writes_is_never_markup(shop: Talking, page: Page) -> None:
    opened(page, shop, "en")
    say(page, "<img src=x onerror=alert(1)><b>bold</b>")
    page.locator(".bubble.customer .said", has_text="<b>bold</b>").wait_for()
    assert page.locator(".said img, .said b").count() == 0


def test_the_enter_that_takes_a_pinyin_candidate_does_not_send(shop: Talking, page: Page) -> None:
    opened(page, shop, "zh")
    page.fill("#text", "tui huo")
    page.locator("#text").dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    page.locator("#text").dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True})
    assert page.locator(".bubble").count() == 0
    page.press("#text", "Shift+Enter")
    assert page.locator(".bubble").count() == 0
    page.press("#text", "Enter")
    page.locator(".bubble.bot").wait_for()
    assert page.input_value("#text") == ""


def test_an_option_is_chosen_by_a_click(shop: Talking, page: Page) -> None:
    opened(page, shop, "en")
    say(page, "which one?")
    page.locator(".choice", has_text="Opening hours").click()
    page.locator(".bubble.bot .said", has_text="We are open from 9 to 18.").wait_for()


def test_a_correction_is_of_the_question_and_not_of_the_option_chosen(shop: Talking, page: Page) -> None:
    opened(page, shop, "en")
    say(page, "which one?")
    page.locator(".bubble.bot").wait_for()
    say(page, "2")
    page.locator(".bubble.bot .said", has_text="We are open from 9 to 18.").wait_for()
    assert page.input_value("#question") == "Opening hours"
    page.reload()
    page.locator(".bubble.bot .look").last.click()
    assert page.input_value("#question") == "Opening hours"


def test_a_correction_is_learned_and_given_to_the_next_message(shop: Talking, page: Page, language: Language) -> None:
    opened(page, shop, language)
    question = {"en": "Is there a showroom?", "zh": "有展厅吗"}[language]
    say(page, question)
    page.locator(".bubble.bot").wait_for()
    assert page.input_value("#question") == question
    page.fill("#new-text", "Yes, in Suzhou.")
    page.click("#correct .send")
    page.locator("#saved", has_text="learned").wait_for()
    say(page, question)
    page.locator(".bubble.bot .said", has_text="Yes, in Suzhou.").wait_for()


def test_a_human_takes_over_and_what_they_write_appears(shop: Talking, page: Page) -> None:
    opened(page, shop, "en")
    say(page, "I want to talk to a human")
    page.locator("#state", has_text="Waiting for an agent").wait_for()
    (waiting,) = shop.client.get("/v1/support/shop/conversations?state=waiting").json()["conversations"]
    there = f"/v1/support/shop/conversations/{waiting['id']}/messages"
    shop.client.post(there, json={"text": "Li Na here.", "by": "Li Na"})
    page.locator(".bubble.human .said", has_text="Li Na here.").wait_for()
    page.locator("#state", has_text="With an agent").wait_for()
    page.reload()
    page.locator(".bubble.human .said", has_text="Li Na here.").wait_for()
    page.click("#back")
    page.locator("#state", has_text="Bot replies").wait_for()
    page.click("#fresh")
    assert page.locator(".bubble").count() == 0


def test_a_phone_shows_one_part_at_a_time_and_nothing_runs_out_of_the_screen(
    shop: Talking, page: Page, language: Language
) -> None:
    page.set_viewport_size(PHONE)
    opened(page, shop, language)
    say(page, ASKED[language] + "x" * 300)
    page.locator(".bubble.bot").wait_for()
    assert page.locator(".inside").is_hidden()
    page.click("#tab-inside")
    assert page.locator(".inside").is_visible()
    assert page.locator(".chat").is_hidden()
    box = page.locator("body").bounding_box()
    assert box is not None
    assert box["width"] <= PHONE["width"]
    wide = page.locator(":not(input)").evaluate_all(
        "all => all.filter(one => one.scrollWidth > 391).map(one => one.tagName)"
    )
    assert wide == []


def test_with_keys_the_page_asks_for_one(browser: Browser, page: Page, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    key = make_key(workspace)
    with talking(workspace) as shop:
        page.goto(f"{shop.url}/?lang=en")
        page.fill("#key", "hf_wrong")
        page.press("#key", "Enter")
        page.locator("#door-trouble:visible").wait_for()
        page.fill("#key", key)
        page.press("#key", "Enter")
        page.wait_for_selector("#text:enabled")
        say(page, ASKED["en"])
        page.locator(".bubble.bot .said", has_text=REPLIED["en"]).wait_for()
        page.goto("about:blank")


def test_a_workspace_without_a_service_says_so(browser: Browser, page: Page, tmp_path: Path) -> None:
    with talking(Workspace(tmp_path)) as shop:
        shop.assistants.open.clear()
        page.goto(f"{shop.url}/?lang=zh")
        page.locator("#empty", has_text="还没有已启用发布的客服").wait_for()
        assert page.locator("#text").is_disabled()
        page.goto("about:blank")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_in_the_page_runs_or_comes_from_elsewhere(language: Language) -> None:
    whole = render(language)
    assert re.findall(r"<script(?![^>]*\bsrc=)", whole) == []
    assert re.findall(r"\son\w+=|style=|<style|https?://", whole) == []
    assert set(re.findall(r'(?:src|href)="/page/([^"]+)"', whole)) <= set(FILES)


def test_its_files_are_served_with_a_strict_policy_and_no_others(shop: Talking) -> None:
    reply = shop.client.get("/")
    assert "script-src 'self'" in reply.headers["content-security-policy"]
    assert "unsafe" not in reply.headers["content-security-policy"]
    for name, kind in FILES.items():
        assert shop.client.get(f"/page/{name}").headers["content-type"] == kind
    for name in ("page.html", "__init__.py", "..%2f..%2fassistants.py", "none.js"):
        assert shop.client.get(f"/page/{name}").status_code == 404
