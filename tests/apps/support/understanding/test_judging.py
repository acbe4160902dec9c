"""Judging a release, what its mistakes propose, what another one would change, and the way into use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homefield.apps.support.replies import Asked
from homefield.apps.support.understanding.answering import ReleaseAnswerer, Thresholds
from homefield.apps.support.understanding.judging import judge_release
from homefield.apps.support.understanding.opened import OpenApplications, open_answerer
from homefield.apps.support.understanding.promoting import first_gate, promote_release, roll_back_release
from homefield.apps.support.understanding.release import MANIFEST
from homefield.apps.support.understanding.releases import find_release, folder_of_release, register_release
from homefield.apps.support.understanding.replay import read_log, replay
from homefield.bundle.registry import Registry, open_registry
from homefield.cli import main
from homefield.errors import CallError, RecordsError, Refused
from homefield.store import aliases
from homefield.store.aliases import CHAMPION
from homefield.workspace import Workspace

from .conftest import QUESTIONS, Shop


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """New wordings of what is known, and two that nobody has an answer to."""
    file = tmp_path / "asked.csv"
    rows = [f"{wording.format('bed')},{answer}" for answer, wordings in QUESTIONS.items() for wording in wordings]
    rows += ["who is the king of Spain,politics", "how do i cook rice,kitchen", "no answer here,"]
    file.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    return file


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Iterator[Registry]:
    """A registry that may be changed, with a second release like the first."""
    shutil.copytree(shop.workspace.root, tmp_path / "workspace")
    with open_registry(Workspace(tmp_path / "workspace")) as registry:
        register_release(registry, "shop", find_release(registry, "shop@1").manifest, by="ann")
        yield registry


def test_a_message_that_a_rule_answers_is_not_automatic(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    sure = replace(answerer, thresholds=Thresholds(0.0, np.inf))
    answer, wordings = next(iter(QUESTIONS.items()))
    asked = [wordings[0].format("bed"), "let me talk to a human", "the bed hurt my child", "?!"]
    file = tmp_path / "asked.csv"
    file.write_text("\n".join(["question,answer", *(f"{text},{answer}" for text in asked)]), encoding="utf-8")
    verdict = judge_release(sure, file)
    assert verdict.judged.automatic.tolist() == [True, False, False, False]
    assert [sure.reply(Asked(text)).decision for text in asked] == ["answer", "handoff", "handoff", "abstain"]


def test_every_number_is_of_the_rows_it_says(answerer: ReleaseAnswerer, questions: Path) -> None:
    verdict = judge_release(answerer, questions)
    numbers, judged = verdict.numbers, verdict.judged
    known = sum(map(len, QUESTIONS.values()))
    assert (numbers["rows"], numbers["known"], numbers["unknown"]) == (known + 3, known, 3)  # one has no answer
    assert not verdict.account.rejected
    assert numbers["recall_1"] == judged.correct[judged.right >= 0].mean() > 0.5
    assert numbers["recall_1"] <= numbers["mrr"] <= 1
    assert numbers["recall_1"] <= numbers["recall_5"]
    automatic = judged.automatic
    assert numbers["automatic"] == automatic.mean()
    assert sum(part["rows"] for name, part in verdict.slices.items() if name.startswith("language:")) == known + 3
    assert verdict.baseline is not None
    assert 0 <= verdict.baseline <= 1


def test_an_unknown_input_that_is_answered_is_a_wrong_answer(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    file.write_text("question,answer\nhow do i return the king of Spain,politics\n", encoding="utf-8")
    eager = replace(answerer, thresholds=Thresholds(0.0, float("inf")))
    numbers = judge_release(eager, file).numbers
    assert (numbers["automatic"], numbers["automatic_wrong"], numbers["unknown_found"]) == (1.0, 1.0, 0.0)
    assert numbers["unknown_unanswered"] == 0.0
    (wrong,) = judge_release(eager, file).wrong
    assert (wrong.question, wrong.right) == ("how do i return the king of Spain", "")
    assert wrong.said in eager.contents.answers
    assert numbers["recall_1"] is None


def test_answers_taken_for_each_other_are_proposed_as_one(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    rows = ["how do i return a lamp,shipping", "return policy for a lamp,shipping", "do you ship a lamp abroad,returns",
            "deliver my lamp to Austria,returns"]  # fmt: skip
    file = tmp_path / "asked.csv"
    file.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    (proposal,) = judge_release(answerer, file).proposals
    assert proposal.kind == "merge"
    assert set(proposal.answers) == {"returns", "shipping"}
    assert proposal.rows == 4
    assert "how do i return a lamp" in proposal.examples


def test_an_answer_with_few_examples_is_proposed_more(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    file.write_text("question,answer\nhow do i return a lamp,summer\n", encoding="utf-8")
    proposals = judge_release(answerer, file).proposals
    counts = np.bincount(answerer.contents.recall.question_matters)
    summer = next(n for n, matter in enumerate(answerer.contents.matters) if matter.id == "summer")
    assert [each.kind for each in proposals] == (["add"] if counts[summer] <= 10 else [])


def test_dialogues_are_judged_by_depth_where_the_agent_gave_an_approved_answer(
    answerer: ReleaseAnswerer, tmp_path: Path
) -> None:
    turns = [
        ("customer", "how do i return a lamp"), ("agent", "You can return it within 14 days."),
        ("customer", "do you ship a lamp abroad"), ("agent", "We ship to every country for 9 euros."),
        ("customer", "and to the moon for a lamp"), ("agent", "Let me think about that idea of yours."),
    ]  # fmt: skip
    file = tmp_path / "dialogues.jsonl"
    file.write_text(json.dumps({"turns": [{"role": role, "text": said} for role, said in turns]}), encoding="utf-8")
    verdict = judge_release(answerer, file)
    assert verdict.judged.depth.tolist() == [0, 2]
    assert {name: part["rows"] for name, part in verdict.slices.items() if name.startswith("depth")} == {
        "depth:0-1": 1, "depth:2-3": 1,
    }  # fmt: skip


def test_a_file_without_questions_is_refused(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    file.write_text("question,answer\n,returns\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="no question that could be asked"):
        judge_release(answerer, file)


def test_the_part_that_a_file_lacks_is_named(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    for heading, part in (("a,b", "question"), ("a,answer", "question"), ("question,b", "answer")):
        file.write_text(f"{heading}\nhow long,returns\n", encoding="utf-8")
        with pytest.raises(RecordsError, match=f"has no column for {part}; its columns are {heading[0]}") as caught:
            judge_release(answerer, file)
        assert f"`--column {part}=NAME`" in caught.value.next_step("en")
    file.write_text("a,b\nhow long,returns\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="has no column for question"):
        read_log(file)
    file.write_text("role,text\ncustomer,how long\n", encoding="utf-8")  # dialogues, but for their numbers
    with pytest.raises(RecordsError, match="has no column for dialogue"):
        judge_release(answerer, file)


def test_an_unknown_role_is_refused(answerer: ReleaseAnswerer, questions: Path) -> None:
    with pytest.raises(CallError, match="no role questn; those of this file are question, answer, intent, turns"):
        judge_release(answerer, questions, {"questn": "question"})
    with pytest.raises(CallError, match="no role questn; those of this file are question, answer, language"):
        read_log(questions, {"questn": "question"})


def test_a_replay_shows_gains_and_losses(answerer: ReleaseAnswerer, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    rows = ["how do i return a lamp,returns", "do you ship a lamp abroad,", "talk to a human,"]
    file.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    eager, never = (replace(answerer, thresholds=Thresholds(sure, float("inf"))) for sure in (0.0, float("inf")))
    log, _ = read_log(file)
    found = replay(eager, never, log)
    assert (found.messages, found.known) == (3, 3)  # no answer fits the second and the third
    assert [(change.row, change.effect) for change in found.changes] == [(1, "loss"), (2, "gain")]
    assert [change.effect for change in replay(never, eager, log).changes] == ["gain", "loss"]
    file.write_text("question\nhow do i return a lamp\n", encoding="utf-8")
    unsaid = replay(eager, never, read_log(file)[0])
    assert (unsaid.known, [change.effect for change in unsaid.changes]) == (0, ["other"])
    assert replay(eager, eager, log).changes == ()


def test_a_log_of_dialogues_is_asked_with_what_was_said_before(tmp_path: Path) -> None:
    turns = [
        {"role": "customer", "text": "do you ship chairs abroad"}, {"role": "agent", "text": "We do, for 9 euros."},
        {"role": "customer", "text": "and how long does it take"}, {"role": "agent", "text": "Two working days or so."},
    ]  # fmt: skip
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({"turns": turns}), encoding="utf-8")
    log, _ = read_log(file)
    assert [(len(each.asked.history), each.right) for each in log] == [
        (0, "We do, for 9 euros."), (2, "Two working days or so."),
    ]  # fmt: skip


def test_a_release_goes_through_the_gate_and_back(own: Registry, questions: Path) -> None:
    with own.store.write() as transaction:
        aliases.move(transaction, "application", "shop", CHAMPION, 1, by="ann")
    promoted = promote_release(own, "shop@2", questions, by="ann", force=True, why="to see")
    assert promoted.moved is not None
    keys = ["alike", "baseline", "champion", "automatic", "automatic_wrong"]
    assert [check.key for check in promoted.gate.checks] == keys
    assert promoted.gate.against == 1
    assert OpenApplications(own).find("shop").version == 2
    with pytest.raises(CallError) as caught:
        promote_release(own, "shop@2", questions, by="ann")
    assert caught.value.code == "support.in_use"
    assert "`homefield support list`" in caught.value.next_step("en")
    assert roll_back_release(own, "shop", by="ann").version == 1
    with pytest.raises(Refused) as nothing:
        roll_back_release(own, "shop", by="ann")
    assert nothing.value.code == "support.nothing_before"
    assert "`homefield support promote shop@" in nothing.value.next_step("en")
    assert OpenApplications(own).find("shop").version == 1


@pytest.mark.parametrize(
    ("before", "after", "failed"),
    [
        ((0.1, 0.0), (0.1, None), {"automatic"}),  # nothing is answered any more, which nobody asked for
        ((0.1, 0.0), (0.05, None), set()),  # a smaller budget was asked for
        ((0.1, None), (0.1, 0.0), {"automatic_wrong"}),
        ((0.1, None), (0.2, 0.0), set()),
        ((0.1, 0.0), (0.1, 0.0), set()),
    ],
)
def test_a_release_answers_as_much_by_itself_as_the_one_before_and_not_more_wrongly(
    own: Registry, tmp_path: Path, before: tuple[float, float | None], after: tuple[float, float], failed: set[str]
) -> None:
    known = [f"{wording.format('bed')},{answer}" for answer in QUESTIONS for wording in QUESTIONS[answer]]
    strangers = [f"who is the king of Spain in the year 19{year},politics" for year in range(10, 40)]
    file = tmp_path / "asked.csv"
    file.write_text("\n".join(["question,answer", *known, *strangers]), encoding="utf-8")
    manifest = find_release(own, "shop@1").manifest
    for version, (risk, threshold) in enumerate((before, after), start=3):
        bought = {"risk": risk, "threshold": threshold, "automatic_rate": 0.0, "rows": 9}
        unknown = {**manifest["unknown"], "threshold": None}
        made = register_release(own, "shop", {**manifest, "risk": bought, "unknown": unknown}, by="ann")
        assert made.version == version
    with own.store.write() as transaction:
        aliases.move(transaction, "application", "shop", CHAMPION, 3, by="ann")
    checks = {check.key: check for check in promote_release(own, "shop@4", file, by="ann").gate.checks}
    assert {key for key in ("automatic", "automatic_wrong") if not checks[key].passed} == failed
    if "automatic" in failed:
        assert "0.0 % of" in checks["automatic"].sentence("en")


def test_two_releases_are_judged_on_the_same_dialogues(own: Registry, tmp_path: Path) -> None:
    turns = [
        ("customer", "how do i return a lamp"), ("agent", "You can return it within 14 days."),
        ("customer", "do you ship a lamp abroad"), ("agent", "We ship to every country for 9 euros."),
    ]  # fmt: skip
    file = tmp_path / "dialogues.jsonl"
    file.write_text(json.dumps({"turns": [{"role": role, "text": said} for role, said in turns]}), encoding="utf-8")
    one = open_answerer(own, "shop@1")
    contents = one.lessons.contents
    kept = {name: each for name, each in contents.answers.items() if name != "shipping"}
    other = replace(one, contents=replace(contents, answers={**kept, "shipping": replace(kept["returns"], text="No.")}))
    both = [judge_release(each, file, beside=(one, other)).judged.right.tolist() for each in (one, other)]
    assert [right.count(-1) for right in both] == [0, 1]


def test_questions_whose_answers_nobody_knows_say_so_at_the_gate(own: Registry, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    file.write_text("question,answer\nwho is king of Spain,politics\nhow do i cook,kitchen\n", encoding="utf-8")
    with own.store.write() as transaction:
        aliases.clear(transaction, "application", "shop", CHAMPION, by="ann")
    refused = promote_release(own, "shop@2", file, by="ann")
    assert refused.moved is None
    assert (
        refused.gate.checks[-1]
        .sentence("en")
        .startswith("Nothing to compare: of 2 questions none has an answer that shop@2 knows.")
    )


def test_the_first_release_comes_into_use_only_if_it_beats_words(own: Registry) -> None:
    right, wrong = np.ones(4, np.bool_), np.zeros(4, np.bool_)
    with own.store.write() as transaction:
        aliases.clear(transaction, "application", "shop", CHAMPION, by="ann")
    refused = first_gate(own, find_release(own, "shop@1"), wrong, right, by="ann")
    assert refused is not None
    assert refused.moved is None
    taken = first_gate(own, find_release(own, "shop@1"), right, wrong, by="ann")
    assert taken is not None
    assert taken.gate.checks[1].passed
    assert (taken.moved is not None) == taken.gate.passed
    with own.store.write() as transaction:
        aliases.move(transaction, "application", "shop", CHAMPION, 1, by="ann")
    assert first_gate(own, find_release(own, "shop@2"), right, wrong, by="ann") is None


def test_the_commands_say_the_same(own: Registry, questions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--workspace", str(own.artifacts.root), "--json"]
    assert main(["support", "ask", "shop@1", "where is my order of a lamp", *place]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["release"] == "shop@1"
    assert told["decision"] in ("answer", "clarify", "handoff", "abstain")
    assert told["nearest"][0]["answer"] == "status"
    assert main(["support", "teach", "shop", "old furniture?", "--text", "We buy it.", *place]) == 0
    assert json.loads(capsys.readouterr().out)["answer"].startswith("learned-")
    assert main(["support", "evaluate", "shop@1", str(questions), *place]) == 0
    assert json.loads(capsys.readouterr().out)["known"] == sum(map(len, QUESTIONS.values()))
    assert main(["support", "replay", "shop@2", str(questions), "--against", "shop@1", *place]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []
    assert main(["support", "ask", "shop", "old furniture", "--workspace", str(own.artifacts.root)]) == 0
    assert "We buy it." in capsys.readouterr().out
    assert main(["support", "promote", "shop@2", *place]) == 2
    assert "nothing to judge shop@2 on" in capsys.readouterr().out


def test_services_and_releases_are_listed(own: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--workspace", str(own.artifacts.root)]
    with own.store.write() as transaction:
        aliases.clear(transaction, "application", "shop", CHAMPION, by="ann")
    assert main(["support", "list", *place, "--lang", "en"]) == 0
    assert "Of shop no release was promoted" in capsys.readouterr().out
    with own.store.write() as transaction:
        aliases.move(transaction, "application", "shop", CHAMPION, 2, by="ann")
    assert main(["support", "list", *place, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["releases"]
    assert (first["name"], first["version"], first["aliases"], first["missing"]) == ("shop", 1, [], False)
    assert (second["version"], second["aliases"]) == (2, ["champion"])
    manifest = find_release(own, "shop@2").manifest
    assert all(second[key] == manifest[key] for key in ("made", "questions", "answers", "calibration"))
    assert main(["support", "list", *place, "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    assert "工作区中有 2 个客服发布" in told
    assert "还没有上线过" not in told
    shutil.rmtree(folder_of_release(own, find_release(own, "shop@1")))
    assert main(["support", "list", *place, "--lang", "en"]) == 0
    assert "its folder is missing" in capsys.readouterr().out


def test_a_workspace_without_services_says_how_to_build_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["support", "list", "--workspace", str(tmp_path), "--lang", "en"]) == 0
    told = capsys.readouterr().out
    assert "No customer service in the workspace yet" in told
    assert "homefield support build NAME" in told


def test_half_a_release_is_no_release(own: Registry) -> None:
    folder = folder_of_release(own, find_release(own, "shop@1"))
    assert (folder / MANIFEST).is_file()
    (folder / "head.safetensors").unlink()
    with pytest.raises(Refused) as caught:
        open_answerer(own, "shop@1")
    assert caught.value.code == "support.release_changed"
