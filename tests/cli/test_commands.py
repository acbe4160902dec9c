"""The verbs on real files: one small way from records to answers, and what each prints."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from homefield.cli import main
from homefield.cli.command import Command

WORDS = {
    "refund": ["money back", "refund please", "return my payment", "reimburse me", "pay me back"],
    "parcel": ["where is my parcel", "package not here", "delivery is late", "track my shipment", "lost in the post"],
    "hours": [
        "when do you open",
        "opening hours today",
        "are you closed on sunday",
        "what time do you close",
        "shop hours",
    ],
}
TAILS = ["", " please", " today", " thanks", " now", " for order 12", " i am waiting", " hello", " asap", " again"]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("records") / "questions.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(["question", "intent"])
        for label, starts in WORDS.items():
            for start in starts:
                for tail in TAILS:
                    out.writerow([start + tail, label])
        out.writerow(["where is my parcel", "parcel"])
        out.writerow(["", "hours"])
    return file


_UNTAUGHT = ("beside=none", "epochs=1", "learning_rate=1e-6", "head_learning_rate=1e-6")
WEAK = ["--backbone", "cnn-text", *(word for key in _UNTAUGHT for word in ("--set", key))]
"""How a run is made that learns next to nothing."""


@pytest.fixture(scope="module")
def made(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, `run`, `model` and a workspace with `shop@1`, made by the program itself."""
    folder = tmp_path_factory.mktemp("made")
    common = ["--workspace", str(folder / "workspace"), "--lang", "en"]
    keys = ["--backbone", "cnn-text", "--set", "epochs=8"]
    shares = "shares=train=0.6,validation=0.15,calibration=0.15,test=0.1"
    for words in (
        ["prepare", str(records), "--out", str(folder / "data"), "--set", shares],
        ["finetune", "--data", str(folder / "data"), "--out", str(folder / "run"), *keys],
        ["export", str(folder / "run"), "--out", str(folder / "model"), "--risk", "20%"],
        ["export", str(folder / "run"), "--name", "shop"],
    ):
        assert main([*words, *common]) == 0
    return folder


def place(made: Path) -> list[str]:
    return ["--workspace", str(made / "workspace")]


class TestPrepare:
    def test_says_what_became_of_every_row(self, run, records: Path, tmp_path: Path) -> None:
        ran = run("prepare", records, "--out", tmp_path / "data")
        assert ran.code == 0, ran.err
        assert "152 read = 150 kept + 1 rejected + 1 merged" in ran.out
        assert "text ← question, label ← intent" in ran.out
        assert f"homefield finetune --data {tmp_path / 'data'} --out run" in ran.out

    def test_in_chinese(self, run, records: Path, tmp_path: Path) -> None:
        ran = run("prepare", records, "--out", tmp_path / "data", "--lang", "zh")
        assert "读取 152 = 保留 150 + 拒绝 1 + 合并 1" in ran.out
        assert "下一步" in ran.out

    def test_as_json(self, run, records: Path, tmp_path: Path) -> None:
        ran = run("prepare", records, "--out", tmp_path / "data", "--json")
        assert ran.json["counts"] == {"read": 152, "kept": 150, "rejected": 1, "merged": 1}
        for line in ran.err.splitlines():
            assert json.loads(line)["event"] in ("stage", "advance", "metrics", "note")

    def test_settings_reach_the_preparation(self, run, records: Path, tmp_path: Path) -> None:
        ran = run(
            *("prepare", records, "--out", tmp_path / "data", "--json", "--set", "max_characters=20"),
            *("--set", "mask=", "--set", "languages=en,other"),
        )
        options = json.loads((tmp_path / "data" / "manifest.json").read_text())["options"]
        assert ran.code == 0
        assert options["max_characters"] == 20
        assert options["mask"] == []
        assert options["languages"] == ["en", "other"]

    @pytest.mark.parametrize(
        ("setting", "says"),
        [
            ("lnguages=zh", "Did you mean: languages?"),
            ("max_characters=many", "`many` is no value for the setting `max_characters`"),
            ("shares=train", "is no value for the setting `shares`"),
        ],
    )
    def test_a_wrong_setting(self, run, records: Path, tmp_path: Path, setting: str, says: str) -> None:
        ran = run("prepare", records, "--out", tmp_path / "data", "--set", setting)
        assert ran.code == 2
        assert says in ran.err
        assert not (tmp_path / "data").exists()

    def test_a_file_that_is_not_there(self, run, tmp_path: Path) -> None:
        ran = run("prepare", tmp_path / "nowhere.csv", "--out", tmp_path / "data")
        assert ran.code == 2
        assert "nowhere.csv" in ran.err

    def test_what_is_there_is_kept(self, run, records: Path, made: Path) -> None:
        ran = run("prepare", records, "--out", made / "data")
        assert ran.code == 2
        assert "already exists" in ran.err


class TestRecipe:
    def test_init_check_and_explain_agree(self, run, made: Path, tmp_path: Path) -> None:
        file = tmp_path / "recipes" / "shop.toml"
        assert run("recipe", "init", file, "--data", made / "data", "--set", "epochs=3").code == 0
        assert run("recipe", "check", file).code == 0
        keys = {each["key"]: each for each in run("recipe", "explain", file, "--json").json["keys"]}
        assert keys["epochs"]["value"] == "3"
        assert keys["seed"]["value"] == keys["seed"]["default"] == "0"
        assert keys["data"]["value"] == json.dumps(str(file.parent / json.loads(keys["data"]["value"])))

    def test_a_recipe_of_pre_training_is_known_by_its_task_or_its_corpus(self, run, tmp_path: Path) -> None:
        (tmp_path / "texts.txt").write_text("a line of text\n" * 9, encoding="utf-8")
        file = tmp_path / "recipes" / "words.toml"
        given = ("--set", f"corpus={tmp_path / 'texts.txt'}", "--set", "minutes=1")
        made = run("recipe", "init", file, "--task", "masked-lm", *given)
        assert f"homefield pretrain {file}" in made.out
        assert 'task = "masked-lm"' in file.read_text(encoding="utf-8")
        assert run("recipe", "check", file, "--json").json["corpus"] == str(tmp_path / "texts.txt")
        keys = {each["key"] for each in run("recipe", "explain", file, "--json").json["keys"]}
        assert keys == {each["key"] for each in run("recipe", "explain", "--task", "masked-lm", "--json").json["keys"]}
        assert {"task", "corpus", "grams"} <= keys
        (tmp_path / "texts.txt").unlink()
        assert "texts.txt" in run("recipe", "check", file).err
        ran = run("pretrain", tmp_path / "nope.toml", "--out", tmp_path / "run")
        assert "--task masked-lm" in ran.err

    def test_init_explains_every_key_in_the_readers_language(self, run, tmp_path: Path) -> None:
        run("recipe", "init", tmp_path / "r.toml", "--lang", "zh")
        assert "# 可取的值" in (tmp_path / "r.toml").read_text(encoding="utf-8")

    def test_init_keeps_what_is_there(self, run, tmp_path: Path) -> None:
        (tmp_path / "r.toml").write_text("seed = 7\n")
        ran = run("recipe", "init", tmp_path / "r.toml")
        assert ran.code == 2
        assert "--force" in ran.err
        assert (tmp_path / "r.toml").read_text() == "seed = 7\n"
        assert run("recipe", "init", tmp_path / "r.toml", "--force").code == 0

    def test_check_lists_every_fault(self, run, made: Path, tmp_path: Path) -> None:
        (tmp_path / "r.toml").write_text(f'data = "{made / "data"}"\nepohcs = 3\nbatch = 0\n')
        ran = run("recipe", "check", tmp_path / "r.toml", "--json")
        assert ran.code == 2
        faults = {fault["key"]: fault for fault in ran.json["error"]["faults"]}
        assert {"epohcs", "batch"} <= set(faults)
        assert faults["epohcs"]["meant"] == "epochs"


class TestFinetune:
    def test_shows_what_each_split_reached(self, made: Path) -> None:
        from homefield import open_run
        from homefield.cli.commands.finetune import describe
        from homefield.cli.face import Face

        outcome = describe(open_run(made / "run"), Face())
        assert [row[0] for row in outcome.tables[0].rows][:1] == ["validation"]
        assert outcome.document["metrics"]["test"]["accuracy"] > 0.6  # type: ignore[index]
        assert "per_class" not in json.dumps(outcome.document["metrics"])

    def test_options_that_repeat_a_key_go_before_the_recipe(self, run, made: Path, tmp_path: Path) -> None:
        (tmp_path / "r.toml").write_text(f'data = "{made / "data"}"\nbackbone = "bigru"\nepochs = 9\n')
        ran = run(
            "finetune",
            tmp_path / "r.toml",
            "--backbone",
            "cnn-text",
            "--set",
            "epochs=1",
            "--out",
            tmp_path / "run",
            "--json",
        )
        assert ran.code == 0, ran.out
        assert ran.json["backbone"] == "cnn-text"
        assert ran.json["best"]["epoch"] == 1

    def test_a_finished_run_needs_no_resuming(self, run, made: Path) -> None:
        ran = run("finetune", "--resume", "--out", made / "run")
        assert ran.code == 0, ran.err
        assert "finished" in ran.err

    def test_a_run_is_never_written_over(self, run, made: Path) -> None:
        ran = run("finetune", "--data", made / "data", "--out", made / "run")
        assert ran.code == 2
        assert "--resume" in ran.err

    def test_no_data(self, run, tmp_path: Path) -> None:
        ran = run("finetune", "--out", tmp_path / "run")
        assert ran.code == 2
        assert "--data" in ran.err


class TestExport:
    def test_needs_exactly_one_place(self, run, made: Path, tmp_path: Path) -> None:
        for words in ([], ["--out", tmp_path / "m", "--name", "m"]):
            ran = run("export", made / "run", *words)
            assert ran.code == 2
            assert "exactly one of --out DIR and --name NAME" in ran.err

    def test_a_bad_name(self, run, made: Path) -> None:
        ran = run("export", made / "run", "--name", "../x", *place(made))
        assert ran.code == 2

    def test_a_folder_that_is_no_run(self, run, tmp_path: Path) -> None:
        assert run("export", tmp_path, "--out", tmp_path / "m").code == 2

    def test_of_several_tasks_one_is_named(self, run, made: Path, tmp_path: Path) -> None:
        for name in ("first", "second"):
            shutil.copytree(made / "data", tmp_path / name)
        tasks = f"tasks={tmp_path / 'first'},{tmp_path / 'second'}"
        words = ["finetune", "--backbone", "cnn-text", "--set", tasks, "--set", "epochs=1", "--set", "report=false"]
        ran = run(*words, "--out", tmp_path / "run", *place(made))
        assert ran.code == 0, ran.err
        assert "first" in ran.out
        assert f"homefield export {tmp_path / 'run'} --task second --out second-model" in ran.out.replace("\n", " ")
        again = run("finetune", "--resume", "--out", tmp_path / "run", "--json", *place(made)).json
        assert list(again["tasks"]) == ["first", "second"]
        assert again["tasks"]["second"]["metrics"]["test"]["rows"] > 0
        unnamed = run("export", tmp_path / "run", "--out", tmp_path / "m", *place(made))
        assert unnamed.code == 2
        assert "learned these tasks: first, second" in unnamed.err
        checked = run("recipe", "check", tmp_path / "run" / "recipe.toml", "--json", *place(made)).json
        assert checked["task"] == "classify, classify"
        named = run("export", tmp_path / "run", "--task", "second", "--out", tmp_path / "m", *place(made))
        assert named.code == 0, named.err


class TestEvaluate:
    def test_numbers_beside_what_must_be_beaten(self, run, made: Path, records: Path) -> None:
        ran = run("evaluate", made / "model", records)
        assert ran.code == 0, ran.err
        assert "Rows judged" in ran.out
        assert "151" in ran.out  # the empty one is left out
        assert "no text: 1" in ran.out
        assert "TF-IDF" in ran.out
        assert "Most frequent" in ran.out

    def test_as_json_in_chinese_too(self, run, made: Path, records: Path) -> None:
        ran = run("evaluate", made / "model", records, "--json", "--lang", "zh")
        assert ran.json["rows"] == 151
        assert ran.json["assessment"]["metric"] == "accuracy"
        assert ran.json["assessment"]["headline"] > 0.8
        assert ran.json["against"] is None

    def test_against_itself_no_difference_is_proven(self, run, made: Path, records: Path) -> None:
        ran = run("evaluate", "shop@1", records, "--against", made / "model", *place(made))
        assert ran.code == 0, ran.err
        assert "no difference proven" in ran.out

    def test_a_better_rival_makes_the_answer_no(self, run, made: Path, records: Path, tmp_path: Path) -> None:
        words = ["finetune", "--data", made / "data", "--out", tmp_path / "weak", *WEAK]
        assert run(*words).code == 0
        assert run("export", tmp_path / "weak", "--out", tmp_path / "model").code == 0
        ran = run("evaluate", tmp_path / "model", records, "--against", made / "model")
        assert ran.code == 1, ran.err
        assert "worse" in ran.out
        assert ran.out.startswith("✗")

    def test_a_report_on_request(self, run, made: Path, records: Path, tmp_path: Path) -> None:
        ran = run("evaluate", made / "model", records, "--report", tmp_path / "report.html", "--json")
        assert ran.json["report"] == str(tmp_path / "report.html")
        assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")

    def test_no_right_answers(self, run, made: Path, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("question\nrefund please\nwhere is it\n")
        assert run("evaluate", made / "model", tmp_path / "x.csv", "--column", "text=question").code == 2


class TestModels:
    def test_list(self, run, made: Path) -> None:
        (model,) = run("models", "list", "--json", *place(made)).json["models"]
        assert (model["name"], model["version"], model["task"]) == ("shop", 1, "classify")
        assert "shop@1" in run("models", "list", *place(made)).out

    def test_list_of_nothing(self, run, tmp_path: Path) -> None:
        ran = run("models", "list", "--workspace", tmp_path)
        assert ran.code == 0
        assert "No model in the workspace yet" in ran.out

    def test_show(self, run, made: Path) -> None:
        ran = run("models", "show", made / "model")
        assert "at most 20.0 % wrong" in ran.out
        assert run("models", "show", "shop", *place(made), "--json").json["name"] == "shop"

    def test_show_refuses_a_changed_file(self, run, made: Path, tmp_path: Path) -> None:
        import shutil

        shutil.copytree(made / "model", tmp_path / "model")
        with (tmp_path / "model" / "tokenizer.json").open("ab") as stream:
            stream.write(b" ")
        ran = run("models", "show", tmp_path / "model")
        assert ran.code == 1
        assert "tokenizer.json" in ran.err

    def test_a_name_that_is_not_there(self, run, made: Path) -> None:
        ran = run("models", "show", "shpo", *place(made))
        assert ran.code == 2
        assert "shop" in ran.err


@pytest.fixture(scope="module")
def shop(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    common = ["--workspace", str(folder / "workspace"), "--lang", "en"]
    for words in (
        ["finetune", "--data", str(made / "data"), "--out", str(folder / "weak"), *WEAK],
        ["export", str(made / "run"), "--name", "shop"],
        ["export", str(folder / "weak"), "--name", "shop"],
    ):
        assert main([*words, *common]) == 0
    return folder


class TestPromote:
    """One story on a workspace of its own: a good version in use, a weak one refused, forced, and rolled back."""

    def test_from_the_first_version_to_a_rollback(self, run, shop: Path, records: Path) -> None:
        forced = run("models", "promote", "shop@1", "--on", records, "--force", "--why", "the first", *place(shop))
        assert forced.code == 0, forced.err
        refused = run("models", "promote", "shop@2", "--on", records, *place(shop))
        assert refused.code == 1
        assert refused.out.startswith("✗ shop@2 is not put into use")
        assert "✗ It may be worse than shop@1 in use: -" in refused.out
        assert "✓ Trained, exported and quantised answer alike" in refused.out
        told = run("models", "promote", "shop@2", "--on", records, "--lang", "zh", "--json", *place(shop))
        assert (told.code, told.json["promoted"], told.json["gate"]["against"]) == (1, False, 1)
        assert run("models", "promote", "shop@2", "--on", records, "--force", "--json", *place(shop)).code == 2
        run("models", "promote", "shop@2", "--on", records, "--force", "--why", "a trial", *place(shop))
        listed = run("models", "list", "--json", *place(shop)).json["models"]
        assert [model["aliases"] for model in listed] == [[], ["champion"]]
        assert run("models", "show", "shop@champion", "--json", *place(shop)).json["version"] == 2
        back = run("models", "rollback", "shop", "--why", "complaints", *place(shop))
        assert "shop@1 is in use again" in back.out
        assert "champion" in run("models", "list", *place(shop)).out
        again = run("models", "rollback", "shop", "--json", *place(shop))
        assert (again.code, again.json["error"]["code"]) == (1, "gate.nothing_before")
        whats = [entry["what"] for entry in run("audit", "list", "--json", *place(shop)).json["entries"]]
        assert whats == ["model.rollback", "model.promote", "model.refused", "model.refused", "model.promote"]
        assert run("audit", "verify", *place(shop)).code == 0

    def test_a_challenger_needs_no_gate(self, run, shop: Path) -> None:
        ran = run("models", "promote", "shop@2", "--challenger", *place(shop))
        assert "shop@2 is the challenger" in ran.out

    def test_rows_must_be_named(self, run, shop: Path) -> None:
        ran = run("models", "promote", "shop@2", "--json", *place(shop))
        assert (ran.code, ran.json["error"]["code"]) == (2, "gate.no_rows")

    def test_two_side_by_side(self, run, shop: Path, made: Path) -> None:
        ran = run("models", "compare", "shop@1", "shop@2", *place(shop))
        assert ran.code == 0
        assert "cnn-text" in ran.out
        assert [
            each["model"]
            for each in run("models", "compare", "shop@1", "shop@2", "--json", *place(shop)).json["models"]
        ] == ["shop@1", "shop@2"]
        judged = run("models", "compare", "shop@2", "shop@1", "--on", made / "data", "--json", *place(shop))
        assert judged.json["against"]["model"] == "shop@1"


class TestPredict:
    def test_a_text(self, run, made: Path) -> None:
        ran = run("predict", made / "model", "--text", "where is my parcel please")
        assert ran.code == 0, ran.err
        assert "parcel" in ran.out
        assert "questions.csv" in ran.out

    def test_several_as_json(self, run, made: Path) -> None:
        ran = run("predict", "shop@1", "--text", "refund please", "--text", "", "--json", *place(made))
        first, second = ran.json["predictions"]
        assert first["label"] == "refund"
        assert (second["decision"], second["reason"]) == ("abstain", "empty")

    def test_a_file_to_a_pipe_is_csv(self, run, made: Path, records: Path) -> None:
        ran = run("predict", made / "model", records, "--column", "text=question")
        rows = list(csv.DictReader(io.StringIO(ran.out)))
        assert len(rows) == 152
        assert [int(row["row"]) for row in rows] == list(range(1, 153))

    def test_a_file_to_a_file(self, run, made: Path, records: Path, tmp_path: Path) -> None:
        out = tmp_path / "answers.jsonl"
        ran = run("predict", made / "model", records, "--column", "text=question", "--out", out)
        assert ran.code == 0, ran.err
        assert "152 texts answered" in ran.out
        assert len(out.read_text(encoding="utf-8").splitlines()) == 152

    def test_standard_input(self, made: Path) -> None:
        words = [sys.executable, "-m", "homefield", "predict", str(made / "model"), "-", "--evidence", "0"]
        text = "where is my parcel\nwhen do you open\n"
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=True)
        labels = [row["label"] for row in csv.DictReader(io.StringIO(done.stdout))]
        assert labels == ["parcel", "hours"]

    def test_standard_input_may_be_gb18030(self, made: Path) -> None:
        words = [sys.executable, "-m", "homefield", "predict", str(made / "model"), "-", "--json"]
        done = subprocess.run(words, input="退款 refund please\n".encode("gb18030"), capture_output=True, check=True)
        assert json.loads(done.stdout)["predictions"][0]["text"] == "退款 refund please"

    def test_standard_input_to_a_file(self, made: Path, tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("refund please\n\n"))
        ran = run("predict", made / "model", "-", "--out", tmp_path / "a.csv", "--json")
        assert ran.json["rows"] == 2
        assert ran.json["abstained"] == 1

    def test_ctrl_c_while_it_waits_for_texts(self, made: Path) -> None:
        words = [sys.executable, "-m", "homefield", "predict", str(made / "model"), "-"]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("refund please\n" * 1100)  # more than a chunk: the first answers tell that it works
                process.stdin.flush()
                assert process.stdout.readline().startswith("row,label")
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=20)
            finally:
                process.kill()
        assert process.returncode == 130
        assert err.startswith("Stopped by you.")

    def test_nothing_and_both(self, run, made: Path, records: Path) -> None:
        assert "was given no text" in run("predict", made / "model").err
        assert "not both" in run("predict", made / "model", records, "--text", "x").err

    def test_predict_never_imports_torch(self, made: Path) -> None:
        script = (
            "import sys; from homefield.cli import main\n"
            f"main(['predict', {str(made / 'model')!r}, '--text', 'refund please'])\n"
            "print([n for n in ('torch', 'transformers', 'sklearn') if n in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stderr.splitlines()[-1] == "[]"


class TestBackbones:
    def test_list_shows_the_bundled_ones(self, run) -> None:
        names = [each["name"] for each in run("backbones", "list", "--json").json["backbones"]]
        assert names[:4] == ["minilm-en", "homefield-zh", "cnn-text", "bigru"]

    def test_add_makes_it_known_by_its_name(self, run, tmp_path: Path) -> None:
        shown = run("backbones", "show", "minilm-en", "--json").json
        ran = run("backbones", "add", shown["path"], "--name", "mine", "--workspace", tmp_path)
        assert ran.code == 0, ran.err
        names = [each["name"] for each in run("backbones", "list", "--json", "--workspace", tmp_path).json["backbones"]]
        assert "mine" in names
        assert run("backbones", "show", "mine", "--workspace", tmp_path).code == 0
        again = run("backbones", "add", shown["path"], "--name", "mine", "--workspace", tmp_path)
        assert again.code == 2

    @pytest.mark.parametrize("name", ["../x", ".hidden", "a/b/c"])
    def test_a_name_cannot_lead_out_of_the_workspace(self, run, tmp_path: Path, name: str) -> None:
        shown = run("backbones", "show", "minilm-en", "--json").json
        ran = run("backbones", "add", shown["path"], "--name", name, "--workspace", tmp_path / "w")
        assert ran.code == 2
        assert not list(tmp_path.rglob("config.json"))

    def test_one_without_files_cannot_be_added(self, run) -> None:
        ran = run("backbones", "add", "cnn-text")
        assert ran.code == 2
        assert "cnn-text" in ran.err


class TestCache:
    def test_clear_empties_what_a_run_left(self, run, made: Path) -> None:
        before = run("cache", "show", "--json", *place(made)).json
        assert before["kinds"]["encodings"]["entries"] > 0
        assert run("cache", "clear", "--json", *place(made)).json["freed_bytes"] == before["bytes"]
        assert run("cache", "show", "--json", *place(made)).json["bytes"] == 0


class TestDoctor:
    def test_a_machine_that_can_run_the_tests_lacks_nothing(self, run) -> None:
        ran = run("doctor", "--json")
        assert ran.code == 0
        assert ran.json["fine"]
        assert {"python", "processor", "torch", "workspace", "backbones"} <= {f["name"] for f in ran.json["findings"]}

    def test_a_package_that_is_missing_makes_the_answer_no(self, run, monkeypatch: pytest.MonkeyPatch) -> None:
        from homefield.cli import machine

        monkeypatch.setattr(machine, "needed_packages", lambda: ("torch", "no-such-package"))
        ran = run("doctor")
        assert ran.code == 1
        assert "no-such-package" in ran.out


def test_every_verb_is_one_of_ours() -> None:
    from homefield.cli.program import every_command

    assert all(isinstance(each, Command) or path == () or hasattr(each, "commands") for path, each in every_command())
