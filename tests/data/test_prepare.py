from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homefield.data import SPLITS, Dataset, PrepareOptions, open_dataset, prepare
from homefield.data.near import near_groups
from homefield.errors import CallError, MachineError, RecordsError
from homefield.events import Event
from homefield.messages import LANGUAGES
from homefield.messages import text as message

WORDS = (
    "card",
    "order",
    "parcel",
    "refund",
    "money",
    "account",
    "login",
    "fee",
    "rate",
    "bank",
    "shop",
    "cash",
    "code",
)
HAN = "我你的了吗怎么什么时候订单退款发货快递地址修改取消密码账户余额银行卡支付失败手续费优惠券发票会员积分客服"
QUICK = PrepareOptions(suspects_rows=0)


def texts(count: int, seed: int = 0) -> list[str]:
    """Different texts in both languages, none near another."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        words = " ".join(rng.choices(WORDS, k=7))
        made.append(f"{words} {number}" if number % 2 else "".join(rng.choices(HAN, k=16)))
    return made


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def labelled(path: Path, count: int = 200, classes: int = 4, seed: int = 0) -> Path:
    rows = [(text, f"class {number % classes}") for number, text in enumerate(texts(count, seed))]
    return write(path, ("text", "label"), rows)


def whole(dataset: Dataset) -> pl.DataFrame:
    return pl.concat([dataset.frame(name).with_columns(pl.lit(name).alias("split")) for name in SPLITS])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


class TestADataset:
    def test_has_four_splits_a_manifest_and_what_became_of_every_row(self, tmp_path: Path) -> None:
        file = labelled(tmp_path / "records.csv")
        dataset = prepare([file], tmp_path / "out")
        manifest = dataset.manifest
        assert {name: dataset.rows(name) for name in SPLITS} == {
            "train": 160, "validation": 10, "calibration": 10, "test": 20,
        }  # fmt: skip
        assert manifest.counts == {"read": 200, "kept": 200, "rejected": 0, "merged": 0}
        assert (manifest.label_kind, manifest.labels) == ("category", tuple(f"class {number}" for number in range(4)))
        assert (manifest.roles, manifest.guessed) == ({"text": "text", "label": "label"}, ("text", "label"))
        assert manifest.languages == {"zh": 100, "en": 100}
        assert manifest.sources[0]["encoding"] == "utf-8"
        frame = dataset.frame("train")
        assert frame.columns == ["id", "source", "row", "text", "label", "language", "near"]
        assert frame.schema["near"] == pl.Int64
        assert frame["id"].str.contains("^[0-9a-f]{16}$").all()
        assert frame["id"].is_sorted()
        assert sorted(path.name for path in dataset.path.iterdir()) == [
            "calibration.parquet", "manifest.json", "merged.csv", "quality.html", "quality.json", "rejected.csv",
            "suspects.csv", "test.parquet", "train.parquet", "validation.parquet",
        ]  # fmt: skip
        dataset.verify()
        assert open_dataset(dataset.path).manifest == manifest

    def test_does_not_depend_on_the_order_of_the_records(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 3}") for number, text in enumerate(texts(150))]
        rows += [(rows[5][0] + " ", rows[5][1]), (rows[7][0] + "?", rows[7][1])]
        one = prepare([write(tmp_path / "a.csv", ("text", "label"), rows)], tmp_path / "one", options=QUICK)
        random.Random(1).shuffle(rows)
        two = prepare([write(tmp_path / "b.csv", ("text", "label"), rows)], tmp_path / "two", options=QUICK)
        for name in SPLITS:
            assert one.frame(name).drop("row").equals(two.frame(name).drop("row"))
        assert one.manifest.hash == two.manifest.hash

    def test_has_another_hash_with_another_seed_or_text(self, tmp_path: Path) -> None:
        file = labelled(tmp_path / "a.csv")
        other = labelled(tmp_path / "b.csv", seed=1)
        hashes = {
            prepare([file], tmp_path / "1", options=QUICK).manifest.hash,
            prepare([file], tmp_path / "2", options=PrepareOptions(suspects_rows=0, seed=1)).manifest.hash,
            prepare([other], tmp_path / "3", options=QUICK).manifest.hash,
        }
        assert len(hashes) == 3

    def test_is_not_made_where_something_is(self, tmp_path: Path) -> None:
        file = labelled(tmp_path / "a.csv")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(CallError, match="already exists"):
            prepare([file], tmp_path / "out")

    def test_tells_what_it_does(self, tmp_path: Path) -> None:
        events: list[Event] = []
        prepare([labelled(tmp_path / "a.csv")], tmp_path / "out", listen=events.append)
        keys = [event.key for event in events]
        assert keys[:2] == ["data.note.source_delimiter", "data.note.guessed"]
        assert next(key for key in keys if key.startswith("data.stage")) == "data.stage.read"
        assert events[-1].values["kept"] == 200

    def test_tells_files_of_the_same_name_apart(self, tmp_path: Path) -> None:
        for folder in ("north", "south"):
            (tmp_path / folder).mkdir()
        files = [labelled(tmp_path / folder / "r.csv", seed=seed) for seed, folder in enumerate(("north", "south"))]
        dataset = prepare(files, tmp_path / "out", options=QUICK)
        assert [source["file"] for source in dataset.manifest.sources] == ["north/r.csv", "south/r.csv"]

    @pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "parquet", "txt", "xlsx"])
    def test_says_what_it_reads_in_both_languages(self, tmp_path: Path, ending: str) -> None:
        file = tmp_path / f"r.{ending}"
        frame = pl.DataFrame({"text": texts(20)})
        if ending == "xlsx":
            frame.write_excel(file)
        elif ending == "parquet":
            frame.write_parquet(file)
        elif ending in ("jsonl", "json"):
            (frame.write_ndjson if ending == "jsonl" else frame.write_json)(file)
        else:
            file.write_text("\n".join(["text", *texts(20)]), encoding="utf-8")
        events: list[Event] = []
        prepare([file], tmp_path / "out", listen=events.append)
        assert events[0].key.startswith("data.note.source_")
        for event in events:
            for language in LANGUAGES:
                assert message(event.key, language, **event.values)

    def test_may_come_from_several_files_of_different_kinds(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}") for number, text in enumerate(texts(60))]
        first = write(tmp_path / "a.csv", ("text", "label"), rows[:30], encoding="gb18030")
        second = tmp_path / "b.jsonl"
        second.write_text(
            "".join(json.dumps(dict(zip(("text", "label"), row, strict=True))) + "\n" for row in rows[30:]),
            encoding="utf-8",
        )
        dataset = prepare([first, second], tmp_path / "out", options=QUICK)
        frame = whole(dataset)
        assert frame.group_by("source").len().sort("source").rows() == [(0, 30), (1, 30)]
        assert [source["format"] for source in dataset.manifest.sources] == ["csv", "jsonl"]


class TestEveryRowIsAccountedFor:
    def test_rejected_and_merged_rows_are_listed_with_reason_and_place(self, tmp_path: Path) -> None:
        good = [(text, "a" if number % 2 else "b") for number, text in enumerate(texts(40))]
        rows = [
            *good,
            ("", "a"),  # 41
            (good[3][0] + "  ", good[3][1]),  # 42
            ("=cmd|' /C calc'!A0", "nan"),  # 43
            ("x" * 300, "a"),  # 44
            ("какой-то текст", "a"),  # 45
            ("打13812345678", "a", "one too many"),  # 46
            ("联系13812345678", ""),  # 47
        ]
        options = PrepareOptions(suspects_rows=0, max_characters=200, languages=("zh", "en"))
        dataset = prepare([write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out", options=options)
        assert dataset.manifest.counts == {"read": 47, "kept": 40, "rejected": 6, "merged": 1}
        rejected = table(dataset.path / "rejected.csv")
        assert [(each["row"], each["code"]) for each in rejected] == [
            ("41", "empty"), ("43", "no_label"), ("44", "too_long"), ("45", "language"), ("46", "fields"),
            ("47", "no_label"),
        ]  # fmt: skip
        assert rejected[1]["text"] == "'=cmd|' /C calc'!A0"  # no formula to a table program
        assert rejected[2]["reason"] == "The text has 300 characters; the limit is 200."
        assert rejected[2]["原因"] == "文本有 300 个字符，上限为 200。"
        assert rejected[4]["text"] == "打[手机号],a,one too many"
        assert rejected[5]["text"] == "联系[手机号]"  # masked here too
        (merged,) = table(dataset.path / "merged.csv")
        assert (merged["file"], merged["row"], merged["into_file"], merged["into_row"]) == ("r.csv", "42", "r.csv", "4")
        assert (dataset.path / "rejected.csv").read_bytes().startswith(b"\xef\xbb\xbf")

    def test_a_text_of_a_megabyte_is_rejected_and_named(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}") for number, text in enumerate(texts(30))]
        rows.insert(10, ("电话13812345678 " + "x" * 1_100_000, "c1"))
        dataset = prepare([write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out", options=QUICK)
        (row,) = table(dataset.path / "rejected.csv")
        assert (row["row"], row["code"]) == ("11", "too_long")
        assert "1100014 characters; the limit is 100000" in row["reason"]
        assert row["text"].startswith("电话[手机号] xxx")
        assert len(row["text"]) < 32_767  # a cell of a table program

    def test_contradictory_labels_lose_to_the_majority_or_to_nobody(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}") for number, text in enumerate(texts(30))]
        rows += [("同一个问题怎么办呢", "c0"), ("同一个问题怎么办呢", "c0"), ("同一个问题怎么办呢", "c1")]
        rows += [("undecided question here", "c0"), ("undecided question here", "c1")]
        dataset = prepare([write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out", options=QUICK)
        assert dataset.manifest.counts == {"read": 35, "kept": 31, "rejected": 3, "merged": 1}
        assert [each["row"] for each in table(dataset.path / "rejected.csv")] == ["33", "34", "35"]
        assert whole(dataset).filter(pl.col("text") == "同一个问题怎么办呢")["label"].to_list() == ["c0"]

    CELLS = st.one_of(
        st.sampled_from(["", "a", "b", "nan", "你好", "你好！", "hello there my friend", "x" * 60, " a ", "<b>a</b>"]),
        st.text(st.characters(codec="utf-8", exclude_characters='\x00"'), max_size=6),
    )

    @given(
        rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=25),
        encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]),
    )
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_counts_add_up_for_any_file(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encoding: str
    ) -> None:
        folder = tmp_path_factory.mktemp("any")
        base = [(text, f"c{number % 2}") for number, text in enumerate(texts(8))]
        file = write(folder / "r.csv", ("text", "label"), [*base, *rows], encoding=encoding)
        options = PrepareOptions(suspects_rows=0, max_characters=50, encoding=encoding, delimiter=",")
        dataset = prepare([file], folder / "out", columns={"text": "text", "label": "label"}, options=options)
        counts = dataset.manifest.counts
        assert counts["read"] == len(base) + len(rows)
        assert counts["read"] == counts["kept"] + counts["rejected"] + counts["merged"]
        frame = whole(dataset)
        assert frame.height == counts["kept"] == sum(dataset.rows(name) for name in SPLITS)
        rejected, merged = table(dataset.path / "rejected.csv"), table(dataset.path / "merged.csv")
        places = [*frame["row"].to_list(), *(int(each["row"]) for each in [*rejected, *merged])]
        assert sorted(places) == list(range(1, counts["read"] + 1))
        assert frame["id"].n_unique() == frame.height
        assert frame.group_by("near").agg(pl.col("split").n_unique())["split"].max() == 1


class TestSplits:
    def test_a_near_duplicate_never_stands_on_two_sides(self, tmp_path: Path) -> None:
        rng = random.Random(2)
        rows = []
        for number, text in enumerate(texts(120)):
            longer = (
                f"{text} about the matter of yesterday evening" if number % 2 else f"{text}这件事情昨天晚上已经说过了"
            )
            rows += [(variant, f"c{number % 3}") for variant in (longer, longer + "!", longer[:-1], longer + " x")]
        rng.shuffle(rows)
        dataset = prepare([write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out", options=QUICK)
        frame = whole(dataset)
        again = pl.Series("group", near_groups(frame["text"].to_list()))
        assert frame.with_columns(again).group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1
        assert frame["near"].n_unique() < 250

    def test_a_customer_never_stands_on_two_sides(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}", f"customer {number % 25}") for number, text in enumerate(texts(200))]
        file = write(tmp_path / "r.csv", ("text", "label", "customer_id"), rows)
        dataset = prepare([file], tmp_path / "out", options=PrepareOptions(split="group", suspects_rows=0))
        frame = whole(dataset)
        assert frame.group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1
        assert frame["split"].n_unique() == 4

    def test_greetings_that_everybody_writes_do_not_put_all_customers_into_train(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}", f"customer {number % 60}") for number, text in enumerate(texts(600))]
        greetings = [
            "好的",
            "好的。",
            "好的！",
            "Thanks",
            "thanks!",
            "thanks.",
            "谢谢",
            "谢谢！",
            "谢谢。",
            "ok",
            "OK!",
            "Ok.",
        ]
        rows += [(greetings[n % 12] + "?" * (n // 12), "c0", f"customer {n * 7 % 60}") for n in range(240)]
        file = write(tmp_path / "r.csv", ("text", "label", "customer"), rows)
        dataset = prepare([file], tmp_path / "out", options=PrepareOptions(split="group", suspects_rows=0))
        frame = whole(dataset)
        for column in ("group", "near"):
            assert frame.group_by(column).agg(pl.col("split").n_unique())["split"].max() == 1
        assert 0.7 < dataset.rows("train") / frame.height < 0.9
        assert dataset.rows("test") >= 40
        linked = [each for each in table(dataset.path / "rejected.csv") if each["code"] == "linked"]
        assert 0 < len(linked) < 60
        assert "Nearly the same text of another group" in linked[0]["reason"]

    def test_by_time_train_is_the_oldest(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}", f"2024-01-{number % 28 + 1:02d}") for number, text in enumerate(texts(280))]
        rows.append(("no date on this one", "c1", "soon"))
        file = write(tmp_path / "r.csv", ("text", "label", "日期"), rows)
        dataset = prepare([file], tmp_path / "out", options=PrepareOptions(split="time", suspects_rows=0))
        ends = [(frame["time"].min(), frame["time"].max()) for frame in map(dataset.frame, SPLITS)]
        assert all(one[1] < two[0] for one, two in pairwise(ends))
        assert table(dataset.path / "rejected.csv")[0]["code"] == "no_time"

    def test_a_split_that_needs_a_column_says_so(self, tmp_path: Path) -> None:
        file = labelled(tmp_path / "r.csv")
        with pytest.raises(CallError, match=r"A split by time needs a column .* Columns found: text, label"):
            prepare([file], tmp_path / "out", options=PrepareOptions(split="time"))

    def test_pairs_linked_by_a_text_stay_together(self, tmp_path: Path) -> None:
        made = texts(120)
        rows = [(made[number], made[number + 1], number % 2) for number in range(119) if number % 6 != 5]
        file = write(tmp_path / "r.csv", ("question", "other", "same"), rows)
        dataset = prepare([file], tmp_path / "out")
        frame = whole(dataset)
        assert dataset.manifest.label_kind == "none"
        side = {}
        for question, other, split in frame.select("text", "other", "split").iter_rows():
            assert side.setdefault(question, split) == split
            assert side.setdefault(other, split) == split
        assert frame["split"].n_unique() == 4

    def test_pairs_say_same_in_the_ways_people_write_it(self, tmp_path: Path) -> None:
        made = texts(40)
        words = ["是", "否", "1", "0.0", "True", "different", "maybe", ""]
        rows = [(made[number], made[number + 20], words[number % 8]) for number in range(20)]
        dataset = prepare([write(tmp_path / "r.csv", ("text", "other", "same"), rows)], tmp_path / "out")
        frame = whole(dataset)
        said = dict(frame.select("text", "same").iter_rows())
        assert frame["same"].dtype == pl.Boolean
        for number, (text, _, word) in enumerate(rows):
            if word in ("maybe", ""):
                assert text not in said
            else:
                assert said[text] == (number % 2 == 0)
        assert {row["code"] for row in table(dataset.path / "rejected.csv")} == {"not_same", "no_label"}

    def test_both_texts_of_a_pair_are_cleaned_and_masked(self, tmp_path: Path) -> None:
        rows = [(f"call me please, matter {n}", f"  phone 1381234{n:04d}  &amp; more") for n in range(20)]
        dataset = prepare([write(tmp_path / "r.csv", ("text", "other"), rows)], tmp_path / "out")
        others = whole(dataset)["other"].to_list()
        assert all("[PHONE]" in other and "&amp;" not in other and other == other.strip() for other in others)

    def test_a_label_of_zeros_and_ones_beside_two_texts_says_same(self, tmp_path: Path) -> None:
        made = texts(40)
        rows = [(made[n], made[n + 20], n % 2) for n in range(20)]
        dataset = prepare([write(tmp_path / "r.csv", ("sentence1", "sentence2", "label"), rows)], tmp_path / "out")
        assert dict(dataset.manifest.roles) == {"text": "sentence1", "other": "sentence2", "same": "label"}

    def test_a_pair_said_to_be_both_same_and_different_contradicts_itself(self, tmp_path: Path) -> None:
        made = texts(40)
        rows = [(made[n], made[n + 20], 1) for n in range(20)]
        rows += [(made[0], made[20], 0), (made[1], made[21], 1)]
        dataset = prepare([write(tmp_path / "r.csv", ("text", "other", "same"), rows)], tmp_path / "out")
        assert dataset.manifest.counts == {"read": 22, "kept": 19, "rejected": 2, "merged": 1}

    def test_shares_can_be_chosen(self, tmp_path: Path) -> None:
        options = PrepareOptions(suspects_rows=0, shares={"train": 0.5, "test": 0.5})
        dataset = prepare([labelled(tmp_path / "r.csv")], tmp_path / "out", options=options)
        assert [dataset.rows(name) for name in SPLITS] == [100, 0, 0, 100]


class TestATestFile:
    def test_becomes_the_test_split_and_what_stands_in_it_leaves_train(self, tmp_path: Path) -> None:
        made = texts(220)
        train = [(text, f"c{number % 2}") for number, text in enumerate(made[:200])]
        test = [(text, f"c{number % 2}") for number, text in enumerate(made[200:])]
        test += [(made[3].upper() + " !", "c1"), ("a long question about the parcel that never came to me", "c0")]
        train.append(("a long question about the parcel that never came to us", "c0"))
        dataset = prepare(
            [write(tmp_path / "r.csv", ("text", "label"), train)],
            tmp_path / "out",
            test=write(tmp_path / "t.csv", ("text", "label"), test),
            options=QUICK,
        )
        leakage = dataset.manifest.leakage
        assert (leakage["removed"], leakage["exact"], leakage["near"]) == (2, 1, 1)
        assert leakage["examples"][0] == {"file": "r.csv", "row": 4, "test_row": 21, "exact": True}
        assert dataset.rows("test") == 22
        assert {name: dataset.rows(name) for name in SPLITS[:3]} == {"train": 179, "validation": 10, "calibration": 10}
        rejected = table(dataset.path / "rejected.csv")
        assert [(each["row"], each["code"]) for each in rejected] == [("4", "in_test"), ("201", "in_test")]
        assert rejected[0]["reason"] == "The text stands in the test file t.csv, row 21 (the same or nearly the same)."
        assert dataset.manifest.counts == {"read": 223, "kept": 221, "rejected": 2, "merged": 0}

    def test_with_classes_that_train_has_not_is_advised_about(self, tmp_path: Path) -> None:
        made = texts(120)
        train = write(tmp_path / "r.csv", ("text", "label"), [(text, f"c{n % 2}") for n, text in enumerate(made[:100])])
        test = write(tmp_path / "t.csv", ("text", "label"), [(text, f"c{n % 3}") for n, text in enumerate(made[100:])])
        dataset = prepare([train], tmp_path / "out", test=test, options=QUICK)
        quality = json.loads((dataset.path / "quality.json").read_text(encoding="utf-8"))
        values = {piece["key"]: piece["values"] for piece in quality["advice"]}
        assert values["quality.advice.unseen"] == {"count": 1, "names": "c2"}

    def test_does_not_make_one_class_two(self, tmp_path: Path) -> None:
        train = write(tmp_path / "r.csv", ("text", "label"), [(text, "c0") for text in texts(50)])
        test = labelled(tmp_path / "t.csv", seed=1)
        with pytest.raises(RecordsError, match="all 50 usable rows have the same value"):
            prepare([train], tmp_path / "out", test=test)

    def test_must_have_the_columns(self, tmp_path: Path) -> None:
        file = labelled(tmp_path / "r.csv")
        test = write(tmp_path / "t.csv", ("text", "intent"), [("a", "b")])
        with pytest.raises(RecordsError, match=r"t.csv has no column label .* Columns found: text, intent"):
            prepare([file], tmp_path / "out", test=test)


class TestLabels:
    def test_several_labels_a_row(self, tmp_path: Path) -> None:
        file = tmp_path / "r.jsonl"
        lines = [
            json.dumps({"text": text, "topics": ["b", "a"] if number % 3 else ["c"]})
            for number, text in enumerate(texts(60))
        ]
        file.write_text("\n".join(lines), encoding="utf-8")
        dataset = prepare([file], tmp_path / "out")
        assert (dataset.manifest.label_kind, dataset.manifest.labels) == ("categories", ("a", "b", "c"))
        assert dataset.frame("train").schema["label"] == pl.List(pl.String)
        assert set(map(tuple, dataset.frame("train")["label"].to_list())) == {("a", "b"), ("c",)}

    def test_numbers_are_kept_as_numbers_and_never_contradict(self, tmp_path: Path) -> None:
        rows = [(text, number / 8) for number, text in enumerate(texts(80))] + [(texts(80)[0], 99.5)]
        dataset = prepare([write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out")
        assert (dataset.manifest.label_kind, dataset.manifest.counts["kept"]) == ("number", 81)
        assert dataset.frame("train").schema["label"] == pl.Float64
        frame = whole(dataset)
        assert frame.filter(pl.col("text") == texts(80)[0])["split"].n_unique() == 1

    def test_no_label_at_all(self, tmp_path: Path) -> None:
        rows = [(text,) for text in texts(50)]
        dataset = prepare([write(tmp_path / "r.csv", ("text",), rows)], tmp_path / "out")
        assert (dataset.manifest.label_kind, dataset.manifest.labels) == ("none", ())
        assert "label" not in dataset.frame("train").columns

    def test_a_rare_label_among_several_has_its_share_in_every_split(self, tmp_path: Path) -> None:
        lines = [
            json.dumps({"text": text, "label": ["common", "rare"] if number % 10 == 0 else ["common"]})
            for number, text in enumerate(texts(400))
        ]
        (tmp_path / "r.jsonl").write_text("\n".join(lines), encoding="utf-8")
        dataset = prepare([tmp_path / "r.jsonl"], tmp_path / "out")
        rare = [dataset.frame(name)["label"].list.contains("rare").sum() for name in SPLITS]
        assert rare == [32, 2, 2, 4]

    def test_a_label_can_be_left_aside(self, tmp_path: Path) -> None:
        rows = [(text, "c" if number % 2 else "") for number, text in enumerate(texts(40))]
        file = write(tmp_path / "r.csv", ("text", "label"), rows)
        dataset = prepare([file], tmp_path / "out", options=PrepareOptions(label_kind="none"))
        assert dataset.manifest.counts["kept"] == 40
        assert dataset.manifest.roles == {"text": "text"}

    def test_other_roles_are_carried_along(self, tmp_path: Path) -> None:
        rows = [(text, f"c{number % 2}", f"sku {number}") for number, text in enumerate(texts(50))]
        file = write(tmp_path / "r.csv", ("text", "label", "sku"), rows)
        dataset = prepare([file], tmp_path / "out", columns={"item": "sku"}, options=QUICK)
        frame = whole(dataset)
        assert frame.columns[-2:] == ["item", "split"]
        assert sorted(frame["item"].to_list()) == sorted(f"sku {number}" for number in range(50))


class TestBadInput:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([("a text", "x"), ("b text", "x")], "all 2 usable rows have the same value in the column label: x"),
            ([("a text", ""), ("b text", "nan")], r"none of the 2 rows can be used .* r.csv 1: The label is missing"),
            ([], "r.csv has a header and no rows"),
            ([(f"text {number} {number * 7}", f"label {number}") for number in range(300)], "300 different values"),
        ],
    )
    def test_what_cannot_be_learned_from_is_refused(
        self, tmp_path: Path, rows: list[tuple[str, str]], message: str
    ) -> None:
        file = write(tmp_path / "r.csv", ("text", "label"), rows)
        with pytest.raises(RecordsError, match=message):
            prepare([file], tmp_path / "out", columns={"text": "text", "label": "label"})
        assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]  # nothing half-made is left

    def test_the_messages_come_in_chinese(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOMEFIELD_LANG", "zh")
        file = write(tmp_path / "r.csv", ("text", "label"), [("a text", "x"), ("b text", "x")])
        with pytest.raises(RecordsError, match="全部 2 条可用记录在列 label 中的值都是“x”"):
            prepare([file], tmp_path / "out")

    def test_a_folder_a_missing_file_and_an_unknown_ending(self, tmp_path: Path) -> None:
        labelled(tmp_path / "inside.csv")
        with pytest.raises(RecordsError, match=r"is a folder; .* Files in it: inside.csv"):
            prepare([tmp_path], tmp_path / "out")
        with pytest.raises(RecordsError, match="There is no file"):
            prepare([tmp_path / "no.csv"], tmp_path / "out")
        (tmp_path / "a.docx").write_bytes(b"x")
        with pytest.raises(RecordsError, match=r"ends in .docx; readable are .csv"):
            prepare([tmp_path / "a.docx"], tmp_path / "out")

    @pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
    def test_a_folder_that_cannot_be_written_to(self, tmp_path: Path) -> None:
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(MachineError, match="may not write"):
            prepare([labelled(tmp_path / "r.csv")], tmp_path / "locked" / "out")

    @pytest.mark.parametrize("kib", [64, 700])
    def test_a_full_disk(self, tmp_path: Path, kib: int) -> None:
        file = labelled(tmp_path / "r.csv", count=12_000)
        disk = tmp_path / "disk"
        disk.mkdir()
        program = (
            "import sys; from pathlib import Path\n"
            "from homefield.data import PrepareOptions, prepare; from homefield.errors import MachineError\n"
            "out = Path(sys.argv[2])\n"
            "try: prepare([Path(sys.argv[1])], out / 'dataset', options=PrepareOptions(suspects_rows=0))\n"
            "except MachineError as error: print(error.code, error); print(list(out.iterdir()))\n"
        )
        mount = f'mount -t tmpfs -o size={kib}k tmpfs {disk} || exit 9; exec {sys.executable} -c "$1" {file} {disk}'
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", mount, "sh", program], capture_output=True, text=True, check=False
        )
        if done.returncode == 9 or "unshare" in done.stderr:
            pytest.skip("no private mount here to fill up")
        assert done.stdout.splitlines()[0].startswith("files.disk_full The disk is full while writing"), done.stderr
        assert done.stdout.splitlines()[1] == "[]"

    @pytest.mark.parametrize(
        ("values", "option"),
        [
            ({"split": "alphabet"}, "split"),
            ({"shares": {"train": 0.5}}, "shares"),
            ({"shares": {"train": 0.0, "test": 1.0}}, "shares"),
            ({"shares": {"training": 1.0}}, "shares"),
            ({"near_threshold": 0.1}, "near_threshold"),
            ({"max_characters": 0}, "max_characters"),
            ({"mask": ("faces",)}, "mask"),
            ({"languages": ("fr",)}, "languages"),
            ({"label_kind": "letters"}, "label_kind"),
            ({"delimiter": "::"}, "delimiter"),
        ],
    )
    def test_options_are_checked(self, values: dict[str, object], option: str) -> None:
        with pytest.raises(CallError, match=f"The option {option} of prepare is not valid: expected"):
            PrepareOptions(**values)


def test_masked_data_is_counted_and_gone(tmp_path: Path) -> None:
    rows = [(text, f"c{number % 2}") for number, text in enumerate(texts(40))]
    rows += [("请打13812345678找我，邮箱a@b.com", "c0"), ("my card 4111 1111 1111 1111 is gone", "c1")]
    dataset = prepare([write(tmp_path / "r.csv", ("text", "label"), rows)], tmp_path / "out", options=QUICK)
    quality = json.loads((dataset.path / "quality.json").read_text(encoding="utf-8"))
    assert Counter(quality["masked"]) == {"phone": 1, "email": 1, "card": 1}
    for file in dataset.path.iterdir():
        assert b"13812345678" not in file.read_bytes()
    assert "13812345678" not in "".join(whole(dataset)["text"])


def test_rows_of_a_file_larger_than_one_block_and_one_range_come_out_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homefield.data.write._RANGE_CHARACTERS", 2_000)
    monkeypatch.setattr("homefield.data.quoting._BATCH_CHARACTERS", 500)
    file = labelled(tmp_path / "r.csv", count=500)
    small = prepare([file], tmp_path / "small", options=QUICK)
    monkeypatch.undo()
    large = prepare([file], tmp_path / "large", options=QUICK)
    for name in SPLITS:
        assert small.frame(name).equals(large.frame(name))
    assert small.manifest.hash == large.manifest.hash
