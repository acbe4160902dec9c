"""Dialogues as turns in rows, from the files companies have, and the last part of a log."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from homefield.apps.support.dialogues import Dialogue, Turn, read_dialogues
from homefield.apps.support.mine import mine
from homefield.apps.support.period import recent
from homefield.errors import RecordsError


def test_a_chinese_csv_with_turns_of_two_dialogues_mixed_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "客服.csv"
    file.write_bytes(
        "会话编号,角色,内容,发送时间,客服姓名,是否解决\n"
        "7,客户,能送上楼吗？,2025/3/1 10:00,,\n"
        "8,买家,Where is it?,2025/3/1 10:01,,\n"
        "8,商家,It arrives tomorrow at noon.,2025/3/1 10:05,Kai,\n"
        "7,客户,好的谢谢,2025/3/1 10:04,,是\n"
        "7,客服,大件可以免费送货上楼。,2025/3/1 10:02,小美,\n"
        ",客户,无编号,2025/3/1 10:09,,\n".encode("gb18030")
    )
    read = read_dialogues(file)
    first, second = read.dialogues
    assert [turn.text for turn in first.turns] == ["能送上楼吗？", "大件可以免费送货上楼。", "好的谢谢"]
    assert (first.resolved, second.resolved) == (True, None)
    assert (first.turns[1].agent, second.turns[1].role) == ("小美", "agent")
    assert [(each.row, each.reason) for each in read.account.rejected] == [(6, "support.reason.no_dialogue")]
    answered = {each.question: (each.answer, each.agent) for each in mine(file).questions}
    assert answered == {
        "能送上楼吗？": ("大件可以免费送货上楼。", "小美"),
        "Where is it?": ("It arrives tomorrow at noon.", "Kai"),
    }


def test_turns_stay_as_they_stand_where_a_time_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "turns.csv"
    file.write_text(
        "dialogue,role,text,time\n1,customer,Where is it?,2025-03-02\n1,agent,It comes tomorrow.,soon\n"
        "1,customer,thanks,2025-03-01\n",
        encoding="utf-8",
    )
    assert [turn.text for turn in read_dialogues(file).dialogues[0].turns] == [
        "Where is it?",
        "It comes tomorrow.",
        "thanks",
    ]


def test_a_file_without_roles_says_which_columns_it_has(tmp_path: Path) -> None:
    file = tmp_path / "turns.csv"
    file.write_text("dialogue,text\n1,hello\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="role"):
        read_dialogues(file)


def said(name: str, time: str) -> Dialogue:
    return Dialogue(name, (Turn("customer", "Where is it?", time),))


def test_only_the_last_days_of_a_log_count_and_what_has_no_time_is_kept() -> None:
    log = [
        said("old", "2024-06-30 09:00"),
        said("first", "2024-08-01 09:00"),
        said("undated", ""),
        said("last", "2025-08-01 09:00"),
    ]
    kept, period = recent(log, 365)
    assert [each.id for each in kept] == ["first", "undated", "last"]
    assert (period.first, period.last, period.older) == (datetime(2024, 8, 1, 9), datetime(2025, 8, 1, 9), 1)
    assert recent(log, None)[1].older == 0
    kept, period = recent([said("a", ""), said("b", "some day")], 365)
    assert (len(kept), period.first) == (2, None)
