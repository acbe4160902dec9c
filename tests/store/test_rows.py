"""What every database must do alike: each kind of row, written and read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, StatementError

from homefield.store import (
    Store,
    Transaction,
    aged,
    aliases,
    events,
    feedback,
    jobs,
    new_id,
    now,
    predictions,
    revisions,
    sessions,
    uploads,
    users,
    versions,
)
from homefield.store.predictions import PredictionRow

one_database_for_all_examples = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def prediction(**changes: object) -> PredictionRow:
    values = {"id": new_id(), "model": "shop", "version": 1, "seal": "a" * 64, "request_id": "r", "at": now()}
    return PredictionRow(**{**values, "output": {"label": "退款"}, **changes})  # type: ignore[arg-type]


def record(store: Store, **changes: object) -> PredictionRow:
    row = prediction(**changes)
    with store.write() as transaction:
        predictions.record(transaction, [row])
    return row


class TestPredictions:
    def test_they_come_back_as_they_were(self, store: Store) -> None:
        rows = [prediction(text=f"第 {n} 条", customer="c-1", key_id=new_id(), version=None) for n in range(3)]
        with store.write() as transaction:
            predictions.record(transaction, rows)
            predictions.record(transaction, [])
        with store.read() as transaction:
            assert predictions.one(transaction, rows[1].id) == rows[1]
            assert predictions.of_customer(transaction, "c-1") == rows
            assert predictions.one(transaction, new_id()) is None

    @one_database_for_all_examples
    @given(words=st.text(), output=plain_values)
    def test_any_text_and_any_plain_value_can_be_kept(self, store: Store, words: str, output: object) -> None:
        row = record(store, text=words, output={"value": output}, customer=words)
        with store.read() as transaction:
            found = predictions.one(transaction, row.id)
        assert found is not None
        assert found.output == row.output
        assert found.text == "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in words)

    def test_half_a_surrogate_pair_and_a_nul_do_not_stop_anyone(self, store: Store) -> None:
        row = record(store, text="a\0b\ud800c", output={"runner\0up": "\udfff", "sure": 1e22, "not": 1.0})
        with store.read() as transaction:
            found = predictions.one(transaction, row.id)
        assert found is not None
        assert (found.text, found.output) == ("a\ufffdb\ufffdc", row.output)

    def test_a_number_that_is_none_is_refused(self, store: Store) -> None:
        with pytest.raises(StatementError, match="not JSON compliant"):
            record(store, output={"value": float("nan")})


class TestFeedback:
    def test_the_same_one_twice_is_kept_once(self, store: Store) -> None:
        row = record(store)
        with store.write() as transaction:
            first, new = feedback.add(transaction, row.id, ["a", "b"], by="李娜", why="错了", once="key-1")
            again, newer = feedback.add(transaction, row.id, ["a", "b"], by="李娜", once="key-1")
            other, _ = feedback.add(transaction, row.id, [], by="x")
        assert (new, newer, again) == (True, False, first)
        with store.read() as transaction:
            assert [each.feedback for each in feedback.corrections(transaction)] == [first, other]
            assert [each.feedback for each in feedback.corrections(transaction, after=first.id)] == [other]
            assert list(feedback.corrections(transaction, model="another")) == []
            assert list(feedback.corrections(transaction, since=now() + timedelta(days=1))) == []

    def test_a_correction_of_nothing_is_refused(self, store: Store) -> None:
        with pytest.raises(IntegrityError), store.write() as transaction:
            feedback.add(transaction, new_id(), "a", by="x")


class TestAliases:
    def promote(self, store: Store, *numbers: int) -> None:
        for number in numbers:
            with store.write() as transaction:
                aliases.move(transaction, "model", "shop", "champion", number, by="li")

    def back(self, store: Store) -> int | None:
        with store.write() as transaction:
            moved = aliases.roll_back(transaction, "model", "shop", "champion", by="li")
        return None if moved is None else moved.version

    def test_rolling_back_goes_all_the_way_back(self, store: Store) -> None:
        self.promote(store, 1, 2, 3)
        assert [self.back(store) for _ in range(3)] == [2, 1, None]
        self.promote(store, 4)
        assert self.back(store) == 1

    @one_database_for_all_examples
    @given(steps=st.lists(st.integers(1, 9) | st.none(), max_size=8))
    def test_it_behaves_as_a_stack(self, store: Store, steps: list[int | None]) -> None:
        name, stack = f"m-{new_id().lower()}", list[int]()
        with store.write() as transaction:
            for step in steps:
                if step is not None:
                    aliases.move(transaction, "model", name, "champion", step, by="x")
                    stack.append(step)
                elif aliases.roll_back(transaction, "model", name, "champion", by="x") is not None:
                    stack.pop()
                stands = aliases.standing(transaction, "model", name)
                assert stands == ({(name, "champion"): stack[-1]} if stack else {})

    def test_names_kinds_and_aliases_do_not_mix(self, store: Store) -> None:
        with store.write() as transaction:
            aliases.move(transaction, "model", "shop", "champion", 1, by="x")
            aliases.move(transaction, "model", "shop", "challenger", 2, by="x", why="试一试")
            aliases.move(transaction, "application", "shop", "champion", 7, by="x")
            aliases.clear(transaction, "model", "shop", "challenger", by="x")
            aliases.clear(transaction, "model", "mood", "challenger", by="x")
        with store.read() as transaction:
            assert aliases.standing(transaction, "model") == {("shop", "champion"): 1}
            assert aliases.standing(transaction, "application") == {("shop", "champion"): 7}
            told = aliases.history(transaction, "model", "shop", "challenger")
            assert [(each.version, each.why) for each in told] == [(None, None), (2, "试一试")]

    def test_moves_at_the_same_moment_follow_each_other(self, store: Store) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: self.promote(store, number), range(1, 13)))
        with store.read() as transaction:
            told = aliases.history(transaction, "model", "shop", "champion")
        assert [each.back_to for each in told] == [*[each.move for each in told[1:]], None]


class TestVersions:
    def test_a_version_is_written_once(self, store: Store) -> None:
        with store.write() as transaction:
            made = versions.add_model_version(
                transaction, "shop", 1, seal="a" * 64, facts={"task": "classify"}, uri="models/shop/1", by="li"
            )
            assert versions.model_version(transaction, "shop", 1) == made
            assert versions.last_model_version(transaction, "shop") == 1
            assert versions.last_model_version(transaction, "mood") == 0
        with pytest.raises(IntegrityError), store.write() as transaction:
            versions.add_model_version(transaction, "shop", 1, seal="b" * 64, facts={}, uri="x", by="li")
        with store.read() as transaction:
            assert versions.model_versions_of(transaction) == versions.model_versions_of(transaction, "shop") == [made]
            assert versions.model_names(transaction) == ["shop"]

    def test_releases_are_numbered_and_sealed(self, store: Store) -> None:
        with store.write() as transaction:
            versions.add_application(transaction, "desk", "support", by="li")
            first = versions.add_release(transaction, "desk", {"model": "shop@1", "threshold": 0.5}, by="li")
            second = versions.add_release(transaction, "desk", {"threshold": 0.5, "model": "shop@1"}, by="li")
        assert (first.version, second.version) == (1, 2)
        assert first.seal == second.seal
        with store.read() as transaction:
            assert versions.releases_of(transaction, "desk") == [first, second]
            assert versions.release(transaction, "desk", 3) is None
            assert versions.application_names(transaction) == ["desk"]
        with pytest.raises(IntegrityError), store.write() as transaction:
            versions.add_release(transaction, "nowhere", {}, by="li")

    def test_releases_made_at_the_same_moment_get_different_numbers(self, store: Store) -> None:
        with store.write() as transaction:
            versions.add_application(transaction, "desk", "support", by="li")

        def make(_: int) -> int:
            with store.write() as transaction:
                return versions.add_release(transaction, "desk", {}, by="li").version

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(make, range(12))) == list(range(1, 13))


class TestRevisions:
    def test_raised_at_the_same_moment_none_is_lost(self, store: Store) -> None:
        def raise_both(number: int) -> None:
            scopes = ["one", "other"] if number % 2 else ["other", "one"]
            with store.write() as transaction:
                for scope in scopes:
                    revisions.bump(transaction, scope)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(raise_both, range(30)))
        with store.read() as transaction:
            assert revisions.current(transaction) == {"one": 30, "other": 30}
            assert revisions.revision(transaction, "third") == 0

    def test_what_was_not_kept_raises_nothing(self, store: Store) -> None:
        def fail(transaction: Transaction) -> None:
            revisions.bump(transaction, "one")
            feedback.add(transaction, new_id(), "an answer to nothing", by="x")

        with pytest.raises(IntegrityError), store.write() as transaction:
            fail(transaction)
        with store.read() as transaction:
            assert revisions.current(transaction) == {}


class TestEvents:
    def test_whoever_was_away_hears_the_rest(self, store: Store) -> None:
        with store.write() as transaction:
            for number in range(5):
                events.append(transaction, "job" if number % 2 else "registry", {"n": number})
        with store.read() as transaction:
            assert [each.sequence for each in events.since(transaction, 2)] == [3, 4, 5]
            assert [each.data["n"] for each in events.since(transaction, 0, topics=["job"])] == [1, 3]
            assert [each.sequence for each in events.since(transaction, 0, most=2)] == [1, 2]
            assert (events.first_sequence(transaction), events.last_sequence(transaction)) == (1, 5)

    def test_numbers_are_never_used_again(self, store: Store) -> None:
        with store.write() as transaction:
            events.append(transaction, "job", {})
            assert aged.delete_rows(transaction, "events", [1], now() + timedelta(seconds=1)) == 1
            assert events.first_sequence(transaction) is None
            assert events.append(transaction, "job", {}).sequence == 2

    def test_who_reads_beside_many_writers_misses_none(self, store: Store) -> None:
        total, seen, last = 60, list[int](), 0

        def tell(number: int) -> None:
            with store.write() as transaction:
                events.append(transaction, "job", {"n": number})

        with ThreadPoolExecutor(4) as pool:
            told = [pool.submit(tell, number) for number in range(total)]
            while last < total:
                with store.read() as transaction:
                    seen += [each.sequence for each in events.since(transaction, last)]
                last = seen[-1] if seen else 0
            [each.result() for each in told]
        assert seen == list(range(1, total + 1))


class TestJobs:
    def queue(self, store: Store, count: int = 1, **options: object) -> list[jobs.Job]:
        with store.write() as transaction:
            return [jobs.add(transaction, "train", {"n": n}, by="li", **options) for n in range(count)]  # type: ignore[arg-type]

    def claim(self, store: Store, worker: str = "w", **options: object) -> jobs.Job | None:
        with store.write() as transaction:
            return jobs.claim(transaction, worker, **options)  # type: ignore[arg-type]

    def test_each_is_claimed_by_one_worker_only(self, store: Store) -> None:
        queued = self.queue(store, 20)

        def work(worker: int) -> list[str]:
            got = []
            while (found := self.claim(store, f"w-{worker}")) is not None:
                got.append(found.id)
            return got

        with ThreadPoolExecutor(5) as pool:
            claimed = [one for some in pool.map(work, range(5)) for one in some]
        assert sorted(claimed) == [each.id for each in queued]

    def test_what_is_not_due_or_of_another_kind_waits(self, store: Store) -> None:
        self.queue(store, run_at=now() + timedelta(hours=1))
        assert self.claim(store) is None
        (due,) = self.queue(store)
        assert self.claim(store, kinds=["backup"]) is None
        found = self.claim(store, kinds=["backup", "train"])
        assert found is not None
        assert (found.id, found.state, found.attempts, found.worker) == (due.id, "running", 1, "w")

    def test_a_worker_that_was_given_up_changes_nothing(self, store: Store) -> None:
        self.queue(store)
        first = self.claim(store, "slow")
        assert first is not None
        with store.write() as transaction:
            assert jobs.lost(transaction, silent_for=timedelta(minutes=1)) == []
            (gone,) = jobs.lost(transaction, silent_for=timedelta(seconds=-1))
            assert jobs.requeue(transaction, gone)
        second = self.claim(store, "quick")
        assert second is not None
        with store.write() as transaction:
            assert jobs.beat(transaction, first, progress={"done": 1}) is None
            assert not jobs.end(transaction, first, "failed", error={"code": "x"})
            assert not jobs.requeue(transaction, first)
            beaten = jobs.beat(transaction, second, progress={"done": 2})
            assert beaten is not None
            assert beaten.progress == {"done": 2}
            assert jobs.end(transaction, second, "done", result={"path": "run"})
            assert not jobs.end(transaction, second, "done")
            ended = jobs.job(transaction, second.id)
        assert ended is not None
        assert (ended.state, ended.result, ended.attempts, ended.worker) == ("done", {"path": "run"}, 2, None)

    def test_asked_to_stop(self, store: Store) -> None:
        running, queued = self.queue(store, 2)
        claimed = self.claim(store)
        assert claimed is not None
        assert claimed.id == running.id
        with store.write() as transaction:
            stopped = jobs.ask_to_stop(transaction, queued.id, by="li")
            asked = jobs.ask_to_stop(transaction, running.id, by="li")
            assert stopped is not None
            assert asked is not None
            assert (stopped.state, asked.state) == ("cancelled", "running")
            beaten = jobs.beat(transaction, claimed)
            assert beaten is not None
            assert beaten.cancelled_by == "li"
            assert jobs.end(transaction, claimed, "cancelled")
            assert jobs.ask_to_stop(transaction, new_id(), by="li") is None
            assert [each.id for each in jobs.jobs_in(transaction, ["cancelled"])] == [queued.id, running.id]
            assert jobs.jobs_in(transaction, kind="backup") == []

    def test_of_two_alike_one_is_queued(self, store: Store) -> None:
        (first,), (second,) = self.queue(store, once="nightly-1"), self.queue(store, once="nightly-1")
        assert first == second


class TestUploads:
    def test_chunks_follow_each_other(self, store: Store) -> None:
        with store.write() as transaction:
            sent = uploads.add(transaction, "../../问题.csv", by="li", size=10)
            assert uploads.received(transaction, sent.id, before=0, more=6)
            assert not uploads.received(transaction, sent.id, before=0, more=6)
            assert uploads.received(transaction, sent.id, before=6, more=4)
            assert uploads.settle(transaction, sent.id, "checked", sha256="c" * 64)
            assert not uploads.settle(transaction, sent.id, "refused", sha256=None)
            found = uploads.upload(transaction, sent.id)
            assert found is not None
            assert (found.received, found.state, found.name) == (10, "checked", "../../问题.csv")
            assert uploads.older_than(transaction, now() + timedelta(1), "checked") == [found]
            uploads.delete_one(transaction, sent.id)
            assert uploads.upload(transaction, sent.id) is None


def test_moments_are_the_same_everywhere(store: Store) -> None:
    east = datetime(2026, 1, 2, 7, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    row = record(store, at=east)
    with store.read() as transaction:
        found = predictions.one(transaction, row.id)
    assert found is not None
    assert (found.at, found.at.tzinfo) == (east, UTC)
    with pytest.raises(StatementError, match="needs a zone"):
        record(store, at=datetime(2026, 1, 1))


def test_sessions_end(store: Store) -> None:
    from homefield.store import keys

    with store.write() as transaction:
        key, _ = keys.create(transaction, "console", ["read"], by="li")
        session, cookie = sessions.begin(transaction, key.id, lasts=timedelta(hours=1))
        assert sessions.find(transaction, cookie) == session
        assert sessions.find(transaction, cookie + "x") is None
        sessions.seen(transaction, session, lasts=timedelta(seconds=-1))
        assert sessions.find(transaction, cookie) is None
        assert sessions.delete_expired(transaction) == 1
        _, other = sessions.begin(transaction, key.id, lasts=timedelta(hours=1))
        assert sessions.end_all(transaction, key.id) == 1
        assert sessions.find(transaction, other) is None
        third, cookie = sessions.begin(transaction, key.id, lasts=timedelta(hours=1))
        sessions.end(transaction, third)
        assert sessions.find(transaction, cookie) is None


def test_users_and_roles(store: Store) -> None:
    with store.write() as transaction:
        for name in ("wang", "li"):
            users.add(transaction, name, by="x")
        users.set_role(transaction, "li", "desk", "viewer")
        users.set_role(transaction, "li", "desk", "operator")
        users.set_role(transaction, "li", "*", "viewer")
        li, wang = users.all_users(transaction)
        assert [li.role_in(place) for place in ("desk", "other", None)] == ["operator", "viewer", "viewer"]
        assert wang.role_in("desk") is None
        assert users.take_role(transaction, "li", "desk")
        assert not users.take_role(transaction, "li", "desk")
        assert users.remove(transaction, "li")
        assert not users.remove(transaction, "li")
        assert users.user(transaction, "li") is None
    for wrong in (lambda t: users.add(t, "wang", by="x"), lambda t: users.set_role(t, "zhao", "*", "admin")):
        with pytest.raises(IntegrityError), store.write() as transaction:
            wrong(transaction)
