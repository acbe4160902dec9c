"""Dialogues become a proposal: masked, grouped, contradictions shown, every row accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield import demo
from homefield.apps.support.answers import read_answers
from homefield.apps.support.dialogues import Turn
from homefield.apps.support.history import history_text
from homefield.apps.support.mine import mine, write_proposal
from homefield.apps.support.pairs import read_pairs
from homefield.cli import main
from homefield.cli.commands import support
from homefield.errors import RecordsError


def dialogue(*texts: str, **more: object) -> str:
    roles = ("customer", "agent")
    turns = [{"role": roles[place % 2], "text": text} for place, text in enumerate(texts)]
    return json.dumps({"turns": turns, **more}, ensure_ascii=False)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").touch()
    with pytest.raises(RecordsError) as caught:
        mine(tmp_path / "e.jsonl")
    assert "e.jsonl is empty" in caught.value.what("en")
    assert "of a table" in caught.value.next_step("en")  # no advice on columns that lines of JSON do not have


@pytest.fixture
def history(tmp_path: Path) -> Path:
    file = tmp_path / "dialogues.jsonl"
    lines = [
        dialogue(
            "How many days do I have to return a lamp?", "You have 7 days to return it after delivery.", "thanks!"
        ),
        dialogue("How many days to return a lamp?", "You have 14 days to return it after delivery.", "ok thank you"),
        dialogue("可以送货上楼吗？", "可以的，我们免费送货上楼。", "谢谢"),
        dialogue("请问可以送货上楼吗", "抱歉，我们不能送货上楼，只送到楼下。", "好的"),
        dialogue("你好", "请稍等", "我的手机号是13812345678，订单到哪了？", "您的订单 LD20240001 明天送到。", "谢谢"),
        dialogue("My sofa arrived broken", "I will look into the sofa for you next week.", resolved=False),
        json.dumps({"turns": [{"text": "who says this?"}]}),
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_the_contradictions_put_in_are_found_with_their_questions(history: Path) -> None:
    found = {each.kind: each.evidence for each in mine(history).contradictions}
    assert set(found) == {"number", "yes_no"}
    assert {each.dialogue for each in found["number"]} == {"1", "2"}
    assert {each.dialogue for each in found["yes_no"]} == {"3", "4"}


def test_every_row_is_accounted_for_and_an_unresolved_dialogue_answers_nothing(history: Path) -> None:
    mined = mine(history)
    assert (mined.account.read, mined.account.kept) == (7, 6)
    assert "(row 7, turn 1) without a role" in mined.account.rejected[0].sentence("en")
    unanswered = [each.question for each in mined.questions if not each.answer]
    assert unanswered == ["My sofa arrived broken"]
    assert mined.coverage[-1] == pytest.approx(5 / 6)


def test_personal_data_and_a_customers_own_numbers_do_not_reach_the_proposal(history: Path, tmp_path: Path) -> None:
    mined = mine(history)
    write_proposal(mined, tmp_path / "out")
    written = "".join(file.read_text(encoding="utf-8-sig") for file in (tmp_path / "out").iterdir())
    assert "13812345678" not in written
    assert "{order_id}" in (tmp_path / "out" / "answers.csv").read_text(encoding="utf-8-sig")
    assert mined.account.masked == {"phone": 1}


def test_what_is_proposed_is_a_file_of_answers(history: Path, tmp_path: Path) -> None:
    assert main(["support", "mine", str(history), "--out", str(tmp_path / "out")]) == 0
    out = tmp_path / "out"
    assert main(["support", "answers", "check", str(out / "answers.csv"), "--pairs", str(out / "questions.csv")]) == 0


def test_of_two_answers_to_one_question_the_one_given_more_often_stands_and_of_equals_the_later(tmp_path: Path) -> None:
    file, out = tmp_path / "log.jsonl", tmp_path / "out"
    post, courier, bank, cash = (
        "Parcels travel by the national post.", "A courier of ours brings the sofa.",
        "Please pay into our account at the bank.", "Please bring cash to the shop counter.",
    )  # fmt: skip
    said = [
        ("How do you deliver?", post, "2026-01-01"), ("how do you deliver", post, "2026-01-02"),
        ("How do you deliver?", courier, "2026-03-01"),
        ("Where do I pay?", cash, "2026-02-01"), ("Where do I pay?", bank, "2026-01-01"),
    ]  # fmt: skip
    lines = [dialogue(asked, answer, "thanks", time=time) for asked, answer, time in said]
    for place, (_, _, time) in enumerate(said):
        turns = json.loads(lines[place])
        lines[place] = json.dumps({"turns": [{**turn, "time": time} for turn in turns["turns"]]})
    file.write_text("\n".join(lines), encoding="utf-8")
    mined = mine(file)
    assert {each.question: (each.kept.text, each.times, each.other.text) for each in mined.disputed} == {
        "How do you deliver?": (post, 2, courier), "Where do I pay?": (cash, 1, bank),
    }  # fmt: skip
    write_proposal(mined, out)
    settled = read_answers(out / "answers.csv", pairs=out / "questions.csv")
    assert len(settled.by_id) == 4  # an answer whose question was put aside is still one
    aside = (out / "put_aside.csv").read_text(encoding="utf-8-sig")
    assert courier in aside
    assert bank in aside
    assert {row.question for row in read_pairs(out / "questions.csv").rows} == {
        "How do you deliver?", "how do you deliver", "Where do I pay?",
    }  # fmt: skip


def test_the_sample_is_mined_checked_and_built_as_it_is_proposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out, page = demo.support_dialogues(), tmp_path / "mined", tmp_path / "page.html"
    assert main(["--lang", "en", "support", "mine", str(log), "--out", str(out), "--report", str(page)]) == 0
    shown = capsys.readouterr().out
    check = f"support answers check {out / 'answers.csv'} --pairs {out / 'questions.csv'}"
    build = f"support build NAME --dialogues {log} --answers {out / 'answers.csv'}"
    assert f"homefield {check}" in shown
    assert f"homefield {build}" in shown
    for asked in ("运费呢", "运费多少", "How much is shipping?"):
        assert asked in shown[shown.index("One question, two answers") :]
        assert asked in page.read_text(encoding="utf-8").split('id="disputed"')[1]
    assert main(check.split()) == 0
    quick = ["--set", "backbone=cnn-text", "--set", "epochs=1", "--workspace", str(tmp_path / "space")]
    assert main([*build.replace("NAME", "talks").split(), *quick]) == 0
    pairs = ["--pairs", str(out / "questions.csv"), "--answers", str(out / "answers.csv")]
    assert main(["support", "build", "rows", *pairs, *quick]) == 0


def test_what_is_printed_has_no_empty_lines_and_headings_that_say_what_stands_below(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--lang", "en", "support", "mine", str(history), "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert not {"period", "report"} & {line.strip() for line in shown.splitlines()}
    assert "differ in" in shown
    assert "one answer" in shown
    assert "dialogues 6, questions 6, answers 5" in shown


def test_braces_that_agents_wrote_are_no_placeholders(tmp_path: Path) -> None:
    file, out = tmp_path / "log.jsonl", tmp_path / "out"
    file.write_text(dialogue("Which code do I use?", "Use the code {SUMMER 26} at the till.", "ok"), encoding="utf-8")
    write_proposal(mine(file), out)
    (answer,) = read_answers(out / "answers.csv").by_id.values()
    assert answer.text == "Use the code (SUMMER 26) at the till."


def test_ids_are_words_of_the_matter_and_no_two_are_the_same(history: Path) -> None:
    ids = [template.id for template in mine(history).templates]
    assert len(set(ids)) == len(ids) == 5
    assert "上楼" in " ".join(ids)
    assert {"lamp", "days"} & set(" ".join(ids).replace("-", " ").split())


def test_numbers_that_change_nearly_every_time_become_placeholders(tmp_path: Path) -> None:
    file = tmp_path / "prices.jsonl"
    prices = [("oak bench", 899), ("rattan chair", 459), ("round mirror", 318), ("wool rug", 1299)]
    said = [
        dialogue(f"How much is the {what}?", f"That one costs ¥{price} at the moment.", "ok") for what, price in prices
    ]
    said += [dialogue(f"Is the {what} in stock?", "Yes, it is in stock at the moment.", "ok") for what, _ in prices]
    file.write_text("\n".join(said), encoding="utf-8")
    mined = mine(file)
    assert {template.text: template.count for template in mined.templates} == {
        "That one costs {money} at the moment.": 4,
        "Yes, it is in stock at the moment.": 4,
    }
    assert not mined.contradictions


def test_all_faults_of_a_file_of_answers_are_named_at_once(tmp_path: Path) -> None:
    file, pairs = tmp_path / "answers.csv", tmp_path / "pairs.csv"
    file.write_text("id,answer\na,Fine.\na,Again.\nb,\nc,Your {order id}.\n", encoding="utf-8")
    pairs.write_text("question,answer\nWhere?,a\nwhere,c\nWhy?,zz\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        read_answers(file, pairs=pairs)
    what = caught.value.what("en")
    for piece in ("faults: 5", "row 2 too" if "row 2 too" in what else "row 1 too", "{order id}", "zz", "leads to c"):
        assert piece in what


turns = st.lists(st.builds(Turn, st.sampled_from(["customer", "agent"]), st.text(max_size=40)), max_size=8)


@given(turns, st.integers(0, 8), st.integers(1, 200))
def test_history_fits_its_budget_and_a_longer_one_only_adds(said: list[Turn], depth: int, characters: int) -> None:
    text = history_text(said, depth=depth, characters=characters)
    assert len(text) <= characters
    assert history_text(said, depth=depth + 1, characters=characters).startswith(text)


def test_where_not_all_contradictions_are_shown_it_says_where_they_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "_SHOWN", 1)
    rules = {
        "How long may I try a lamp?": "You may send back any lamp within {} days of its arrival.",
        "When do I get my refund?": "Your bank shows the refund after {} working days.",
        "How long is the guarantee?": "All wooden frames are guaranteed for {} months.",
    }
    lines = [dialogue(asked, said.format(number)) for asked, said in rules.items() for number in (14, 30)]
    file = tmp_path / "dialogues.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    words = ["support", "mine", str(file), "--out", str(tmp_path / "mined"), "--lang", "en"]
    assert main([*words, "--workspace", str(tmp_path / "workspace")]) == 0
    found = len((tmp_path / "mined" / "contradictions.csv").read_text(encoding="utf-8-sig").splitlines()) - 1
    assert found > 1
    assert "Of the contradictions 1 are shown" in " ".join(capsys.readouterr().out.split())
