"""Records become a release: whole, hashed, registered; and bad records are told, with file and row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from homefield.apps.support.replies import Asked
from homefield.apps.support.understanding import splits
from homefield.apps.support.understanding.build import build
from homefield.apps.support.understanding.density import Density
from homefield.apps.support.understanding.material import read_material, with_learned
from homefield.apps.support.understanding.opened import open_answerer
from homefield.apps.support.understanding.releases import find_release, folder_of_release, register_release
from homefield.bundle.registry import Registry, open_registry
from homefield.cli import main
from homefield.errors import CallError, RecordsError, Tampered
from homefield.store.columns import now
from homefield.store.learned import Learned
from homefield.workspace import Workspace

from .conftest import QUICK, THINGS, Shop


def test_a_release_says_what_it_was_made_from(shop: Shop, registry: Registry) -> None:
    release = find_release(registry, "shop@1")
    manifest = release.manifest
    assert manifest["answers"] == 8
    # A backbone was named, so it learned both languages.
    assert [model["name"] for model in manifest["models"]] == ["support-shop"]
    assert set(manifest["files"]) == {
        "answers.json", "questions.parquet", "questions.index", "answers.index", "lexicon.safetensors",
        "vocabulary.safetensors", "head.safetensors",
    }  # fmt: skip
    folder = folder_of_release(registry, release)
    assert {file.name for file in folder.iterdir()} == {*manifest["files"], "manifest.json"}
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["dataset"] == manifest["dataset"]
    rows = manifest["dataset"]["rows"]
    # Few questions are judged crosswise, and all of them are answered from.
    assert rows["validation"] == 0
    assert manifest["questions"] == rows["train"] + rows["calibration"]
    assert rows["calibration"] == manifest["calibration"]["rows"] > 0
    assert manifest["unknown"]["curve"][1] > 0


def test_many_questions_spare_some_that_nothing_is_answered_from(
    tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits, "FEW", 50)
    built = build("many", workspace=Workspace(tmp_path), pairs=shop.pairs, answers=shop.answers, settings=QUICK)
    manifest = built.release.manifest
    rows = manifest["dataset"]["rows"]
    assert manifest["questions"] == rows["train"] + rows["validation"]
    assert rows["calibration"] == manifest["calibration"]["rows"] > 0
    assert isinstance(built.fitted.contents.recall.familiar, Density)
    assert not set(built.fitted.contents.questions) - set(shop.built.fitted.contents.questions)


def test_a_release_of_before_with_one_network_and_no_vocabulary_still_answers(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.workspace.root, tmp_path / "workspace")
    with open_registry(Workspace(tmp_path / "workspace")) as registry:
        now = find_release(registry, "shop@1").manifest
        before = {name: each for name, each in now.items() if name != "models"}
        before |= {"format": 1, "model": {key: now["models"][0][key] for key in ("name", "version", "seal")}}
        before["files"] = {name: each for name, each in now["files"].items() if not name.startswith("vocabulary")}
        signs = {name: now["unknown"][name][:3] for name in ("middle", "width")}
        before["unknown"] = {"threshold": now["unknown"]["threshold"], "kept": 0.9, "rows": 9, **signs}
        register_release(registry, "shop", before, by="ann")
        one, other = (
            open_answerer(registry, f"shop@{version}").reply(Asked("how do i return a lamp")) for version in (1, 2)
        )
    assert other.nearest == one.nearest
    assert other.confidence > one.confidence


def test_answers_that_exclude_each_other_share_their_questions(shop: Shop) -> None:
    matters = {matter.answers for matter in shop.built.material.matters}
    assert ("discount", "no-discount") in matters


def test_a_changed_file_is_named(shop: Shop, registry: Registry) -> None:
    folder = folder_of_release(registry, find_release(registry, "shop@1"))
    file = folder / "answers.json"
    before = file.read_bytes()
    try:
        file.write_bytes(before.replace(b"14 days", b"99 days"))
        with pytest.raises(Tampered, match=r"answers\.json"):
            open_answerer(registry, "shop@1")
    finally:
        file.write_bytes(before)


def test_an_id_that_is_lacking_and_two_answers_for_one_question_are_told_before_anything_is_trained(
    tmp_path: Path, shop: Shop
) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,answer\nhow do i pay,cash\nhow long,returns\nhow long?,shipping\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        read_material(pairs=pairs, answers=shop.answers)
    told = str(caught.value)
    assert "pairs.csv, row 1: The answer cash does not stand in answers.csv; rows that name it: 1." in told
    assert "pairs.csv, row 3" in told


def test_an_answer_that_is_a_word_is_its_own_id_and_a_sentence_has_a_number(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    texts = ("card_arrival", "退货", "可以在十四天之内退货，运费由我们承担。", "Yes.")
    pairs.write_text("\n".join(["question,answer", *(f"how {text},{text}" for text in texts)]), encoding="utf-8")
    assert list(read_material(pairs=pairs).answers) == ["card_arrival", "退货", "answer-3", "Yes."]


def test_without_approved_answers_the_one_given_more_often_holds(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    rows = ["question,answer", "how long,It takes 3 days.", "How long?,It takes 3 days.", "how long,It takes 5 days."]
    pairs.write_text("\n".join([*rows, "where,In Graz."]), encoding="utf-8")
    material = read_material(pairs=pairs)
    assert [example.answer for example in material.examples] == ["answer-1", "answer-1", "answer-3"]
    (rejected,) = material.accounts[0].rejected
    assert rejected.row == 3
    assert rejected.sentence("en") == "“how long” has another answer at least as often; that one holds."


def test_one_answer_alone_is_too_little(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,answer\nhow long,3 days\nhow far,3 days\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="at least two are needed"):
        read_material(pairs=pairs)


def test_two_answers_to_one_question_are_too_little(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,answer\nhow long,3 days\nhow long,5 days\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        build("t", workspace=Workspace(tmp_path), pairs=pairs)
    assert caught.value.code == "support.too_little"
    assert (caught.value.values["answers"], caught.value.values["questions"]) == (1, 1)


def test_what_cleaning_leaves_is_told_of_the_users_file(tmp_path: Path) -> None:
    """Who knows nothing but one question with two answers in two dialogues has nothing left to learn from."""
    said = (("how long does it take", "It takes 3 days."), ("how long does it take", "We are closed on Sunday."))
    lines = [
        {"turns": [{"role": "customer", "text": q}, {"role": "agent", "text": a}], "dialogue": str(n)}
        for n, (q, a) in enumerate(said)
    ]
    file = tmp_path / "dialogues.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        build("t", workspace=Workspace(tmp_path), dialogues=file)
    assert caught.value.code == "support.too_little"
    assert "questions.parquet" not in str(caught.value)
    assert "dialogues.jsonl" in str(caught.value)


def test_a_role_that_there_is_not_is_refused_naming_those_that_there_are(tmp_path: Path, shop: Shop) -> None:
    for files, known in (
        ({"pairs": shop.pairs}, "question, answer"),
        ({"intents": shop.pairs}, "question, intent"),
        ({"dialogues": shop.pairs}, "turns, dialogue, role, text, time, agent, resolved"),
    ):
        with pytest.raises(CallError) as caught:
            build("t", workspace=Workspace(tmp_path), columns={"questn": "question"}, **files)  # type: ignore[arg-type]
        assert caught.value.what("en") == f"There is no role questn; those of this file are {known}."


def test_exactly_one_source_is_wanted(tmp_path: Path, shop: Shop) -> None:
    workspace = Workspace(tmp_path)
    for sources in ({}, {"pairs": shop.pairs, "intents": shop.pairs}):
        with pytest.raises(CallError, match="Exactly one of"):
            build("other", workspace=workspace, **sources)
    assert not (tmp_path / "releases").exists()


def test_a_name_that_is_not_there_tells_those_that_are(registry: Registry) -> None:
    with pytest.raises(CallError, match="no customer service named shoe"):
        open_answerer(registry, "shoe")
    with pytest.raises(CallError, match="releases 1"):
        open_answerer(registry, "shop@7")


def test_a_dialogue_gives_questions_with_what_was_said_before(tmp_path: Path) -> None:
    turns = [
        ("customer", "Do you ship chairs to France?"), ("agent", "Yes, we ship to France for 9 euros."),
        ("customer", "and how long does that take"), ("agent", "It takes three working days to arrive."),
        ("customer", "thanks"),
    ]  # fmt: skip
    lines = [{"turns": [{"role": role, "text": said} for role, said in turns], "dialogue": str(n)} for n in range(2)]
    file = tmp_path / "dialogues.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    material = read_material(dialogues=file)
    follow_up = [each for each in material.examples if each.question.startswith("and how long")]
    assert len(follow_up) == 2
    assert follow_up[0].text.startswith("and how long does that take <a> Yes, we ship")
    assert material.depth == 4


def test_what_was_taught_goes_before_what_the_records_say(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,answer\nhow long,3 days\nhow far,5 miles\n", encoding="utf-8")
    material = read_material(pairs=pairs)
    taught = [
        Learned("1", "shop", "How long?", "answer-2", None, "", None, "ann", None, now()),
        Learned("2", "shop", "who are you", "learned-1", "A shop.", "", None, "ann", None, now()),
        Learned("3", "shop", "where", "gone", None, "", None, "ann", None, now()),
    ]
    after = with_learned(material, taught)
    assert {(each.question, each.answer) for each in after.examples} == {
        ("How long?", "answer-2"), ("how far", "answer-2"), ("who are you", "learned-1"),
    }  # fmt: skip
    assert after.answers["learned-1"].text == "A shop."
    assert ("learned-1",) in {matter.answers for matter in after.matters}


def test_intents_become_a_release_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    intents = tmp_path / "intents.csv"
    rows = [f"where is my {thing},where_is_it" for thing in THINGS] + [
        f"send back the {thing},send_back" for thing in THINGS
    ]
    intents.write_text("\n".join(["text,intent", *rows, ",send_back"]), encoding="utf-8")
    keys = [word for key, value in QUICK.items() for word in ("--set", f"{key}={value}")]
    command = ["support", "build", "tiny", "--intents", str(intents), "--risk", "2%", *keys]
    assert main([*command, "--workspace", str(tmp_path / "place"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["release"], told["answers"], told["rejected"]) == ("tiny@1", 2, 1)
    # So few questions prove nothing, hence nothing is answered by itself.
    assert told["risk"]["threshold"] is None
    with open_registry(Workspace(tmp_path / "place")) as registry:
        answerer = open_answerer(registry, "tiny")
    assert answerer.reply(Asked("where is my lamp")).decision != "answer"
    assert set(answerer.contents.answers) == {"where_is_it", "send_back"}
