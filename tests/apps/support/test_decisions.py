"""An edited proposal: answers are kept, dropped, or merged into others, and pairs follow them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.apps.support.answers import find_faults, read_answers
from homefield.apps.support.decisions import Decision, decision_of, lead
from homefield.apps.support.pairs import read_pairs
from homefield.errors import RecordsError
from homefield.messages import Language


@pytest.fixture
def edited(tmp_path: Path) -> tuple[Path, Path]:
    answers, pairs = tmp_path / "answers.csv", tmp_path / "questions.csv"
    answers.write_text(
        "id,answer,decision\na,You have 14 days.,keep\nb,You have 7 days {,merge-into c\nc,Within 14 days.,合并到：a\n"
        "d,See you {there and,drop\ne,We ship abroad.,\n",
        encoding="utf-8",
    )
    pairs.write_text("question,answer\nHow long?,a\nhow long,b\nWhat?,d\nAbroad?,e\n", encoding="utf-8")
    return answers, pairs


def test_pairs_follow_merges_and_lose_what_was_dropped(edited: tuple[Path, Path]) -> None:
    file, pairs = edited
    answers = read_answers(file, pairs=pairs)
    assert set(answers.by_id) == {"a", "e"}
    settled = answers.settle(read_pairs(pairs).rows)
    assert [(pair.question, pair.answer) for pair in settled] == [
        ("How long?", "a"),
        ("how long", "a"),
        ("Abroad?", "e"),
    ]


def test_a_merge_that_ends_nowhere_is_named_with_its_row(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(
        "id,answer,decision\na,One.,merge-into b\nb,Two.,merge-into a\nc,Three.,merge-into zz\nd,Four.,drop\n"
        "e,Five.,merge-into d\nf,Six.,perhaps\ng,Seven.,keep\n",
        encoding="utf-8",
    )
    answers, faults = find_faults(file)
    assert [(fault.row, fault.reason) for fault in faults] == [
        (6, "no_decision"),
        (1, "merge_circle"),
        (3, "merge_lacking"),
        (5, "merge_dropped"),
    ]
    assert "e is merged into d, but d is dropped" in faults[-1].sentence("en")
    with pytest.raises(RecordsError, match="faults: 4"):
        read_answers(file)
    assert set(answers.by_id) == {"f", "g"}


def test_one_bad_merge_is_one_fault_however_many_rows_and_merges_lead_there(tmp_path: Path) -> None:
    file, pairs = tmp_path / "answers.csv", tmp_path / "questions.csv"
    file.write_text(
        "id,answer,decision\na,One.,merge-into zz\nb,Two.,merge-into a\nc,Three.,\nd,Four.,merge-into e\n"
        "e,Five.,merge-into f\nf,Six.,merge-into e\ng,Seven.,drop\nh,Eight.,merge-into g\ni,Nine.,merge-into h\n",
        encoding="utf-8",
    )
    asked = [f"Question {number} of {name}?,{name}\n" for name in "abcdefghiy" for number in range(3)]
    pairs.write_text("question,answer\n" + "".join(asked), encoding="utf-8")
    _, faults = find_faults(file, pairs=pairs)
    assert [(fault.row, fault.reason) for fault in faults] == [
        (1, "merge_lacking"), (5, "merge_circle"), (8, "merge_dropped"), (28, "lacking"),
    ]  # fmt: skip
    assert faults[-1].sentence("en").endswith("rows that name it: 3.")


def test_the_file_that_has_the_faults_is_the_one_named(tmp_path: Path, language: Language) -> None:
    answers, pairs = tmp_path / "answers.csv", tmp_path / "questions.csv"
    answers.write_text("id,answer\na,One.\nb,Two.\n", encoding="utf-8")
    pairs.write_text("question,answer\nWhich?,a\nWhich?,b\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        read_answers(answers, pairs=pairs)
    assert caught.value.what(language).startswith(str(pairs))
    assert str(answers) not in caught.value.what(language)
    assert "--pairs" in caught.value.next_step(language)


names = st.sampled_from("abcdef")
decisions = st.dictionaries(names, st.builds(Decision, st.sampled_from(["keep", "drop", "merge"]), names))


@given(names, decisions)
def test_following_merges_always_ends(name: str, decided: dict[str, Decision]) -> None:
    end, what = lead(name, decided)
    if what in ("kept", "dropped"):
        assert decided[end].kind == ("keep" if what == "kept" else "drop")
    elif what == "lacking":
        assert end not in decided
    else:
        assert decided[end].kind == "merge"


@given(st.text(max_size=20))
def test_any_cell_is_a_decision_or_none(cell: str) -> None:
    decision = decision_of(cell)
    assert decision is None or (decision.kind == "merge") == bool(decision.into)
