"""Files that clients send, on both databases."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.errors import CallError, HomefieldError
from homefield.operate.uploads import UploadLimits, append, begin, discard, finish, sweep, upload_path
from homefield.store import Artifacts, Store, connect, new_id
from homefield.store import uploads as rows
from homefield.store.schema import upgrade

CSV = "text,label\n退货,a\n".encode()
LIMITS = UploadLimits(bytes=1000)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def sent(store: Store, artifacts: Artifacts, content: bytes, name: str = "a.csv") -> str:
    made = begin(store, name, by="li.na", limits=LIMITS, size=len(content))
    append(store, artifacts, made.id, 0, [content], limits=LIMITS)
    return made.id


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(HomefieldError) as caught:
        action()
    assert caught.value.what()
    return caught.value.code


def test_a_file_comes_in_pieces_and_is_kept_under_its_id(store: Store, artifacts: Artifacts) -> None:
    made = begin(store, "C:\\records\\退货.csv", by="li.na", limits=LIMITS)
    assert made.name == "退货.csv"
    assert append(store, artifacts, made.id, 0, [CSV[:4], CSV[4:9]], limits=LIMITS) == 9
    assert append(store, artifacts, made.id, 9, [CSV[9:]], limits=LIMITS) == len(CSV)
    done = finish(store, artifacts, made.id, limits=LIMITS)
    assert (done.state, done.sha256) == ("checked", hashlib.sha256(CSV).hexdigest())
    path = upload_path(store, artifacts, made.id)
    assert path.read_bytes() == CSV
    assert path == artifacts.uploads / made.id / "content.csv"


def test_a_piece_at_the_wrong_place_says_where_to_go_on(store: Store, artifacts: Artifacts) -> None:
    made = begin(store, "a.csv", by="li.na", limits=LIMITS)
    append(store, artifacts, made.id, 0, [CSV[:5]], limits=LIMITS)
    with pytest.raises(CallError, match="byte 5") as caught:
        append(store, artifacts, made.id, 0, [CSV], limits=LIMITS)
    assert caught.value.code == "upload.offset"
    append(store, artifacts, made.id, 5, [CSV[5:]], limits=LIMITS)
    assert finish(store, artifacts, made.id, limits=LIMITS).received == len(CSV)


def test_a_request_that_breaks_leaves_nothing_behind_the_last_piece(store: Store, artifacts: Artifacts) -> None:
    made = begin(store, "a.csv", by="li.na", limits=LIMITS)
    append(store, artifacts, made.id, 0, [CSV[:5]], limits=LIMITS)

    def broken() -> Iterator[bytes]:
        yield b"garbage that nobody counted"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        append(store, artifacts, made.id, 5, broken(), limits=LIMITS)
    append(store, artifacts, made.id, 5, [CSV[5:]], limits=LIMITS)
    finish(store, artifacts, made.id, limits=LIMITS)
    assert upload_path(store, artifacts, made.id).read_bytes() == CSV


def test_a_request_that_breaks_at_the_end_does_not_count_either(store: Store, artifacts: Artifacts) -> None:
    upload_id = sent(store, artifacts, CSV)
    with (artifacts.uploads / upload_id / "part").open("ab") as stream:
        stream.write(b"=garbage")
    finish(store, artifacts, upload_id, limits=LIMITS)
    assert upload_path(store, artifacts, upload_id).read_bytes() == CSV


def test_a_crash_between_judgement_and_record_is_mended_by_asking_again(store: Store, artifacts: Artifacts) -> None:
    upload_id = sent(store, artifacts, CSV)
    folder = artifacts.uploads / upload_id
    (folder / "part").rename(folder / "content.csv")
    finish(store, artifacts, upload_id, limits=LIMITS)
    assert upload_path(store, artifacts, upload_id).read_bytes() == CSV


def test_too_much_is_refused_before_it_is_written(store: Store, artifacts: Artifacts) -> None:
    assert code_of(lambda: begin(store, "a.csv", by="x", limits=LIMITS, size=1001)) == "upload.too_large"
    made = begin(store, "a.csv", by="x", limits=LIMITS)

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 100

    assert code_of(lambda: append(store, artifacts, made.id, 0, endless(), limits=LIMITS)) == "upload.too_large"
    assert (artifacts.uploads / made.id / "part").stat().st_size <= LIMITS.bytes
    announced = begin(store, "a.csv", by="x", limits=LIMITS, size=3)
    assert code_of(lambda: append(store, artifacts, announced.id, 0, [b"1234"], limits=LIMITS)) == "upload.too_large"


def test_what_is_not_whole_is_not_finished(store: Store, artifacts: Artifacts) -> None:
    made = begin(store, "a.csv", by="x", limits=LIMITS, size=10)
    append(store, artifacts, made.id, 0, [b"12345"], limits=LIMITS)
    assert code_of(lambda: finish(store, artifacts, made.id, limits=LIMITS)) == "upload.incomplete"
    assert code_of(lambda: upload_path(store, artifacts, made.id)) == "upload.not_checked"


def test_what_is_refused_is_deleted_and_takes_no_more(store: Store, artifacts: Artifacts, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as made:
        made.writestr("../evil", b"x")
    upload_id = sent(store, artifacts, (tmp_path / "evil.zip").read_bytes(), "pictures.zip")
    assert code_of(lambda: finish(store, artifacts, upload_id, limits=LIMITS)) == "upload.archive_name"
    assert not any(file.name.startswith(("part", "content")) for file in (artifacts.uploads / upload_id).iterdir())
    again = lambda: append(store, artifacts, upload_id, 0, [b"x"], limits=LIMITS)  # noqa: E731
    assert code_of(again) == "upload.not_receiving"
    assert code_of(lambda: upload_path(store, artifacts, upload_id)) == "upload.not_checked"


def test_what_was_changed_after_it_was_judged_is_refused(store: Store, artifacts: Artifacts) -> None:
    upload_id = sent(store, artifacts, CSV)
    finish(store, artifacts, upload_id, limits=LIMITS)
    (artifacts.uploads / upload_id / "content.csv").write_bytes(CSV + b"evil,a\n")
    assert code_of(lambda: upload_path(store, artifacts, upload_id)) == "upload.changed"


@pytest.mark.parametrize("upload_id", ["../../etc", "", "x" * 26, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "/etc/passwd"])
def test_only_ids_lead_anywhere(upload_id: str, store: Store, artifacts: Artifacts) -> None:
    for action in (
        lambda: append(store, artifacts, upload_id, 0, [b"x"], limits=LIMITS),
        lambda: finish(store, artifacts, upload_id, limits=LIMITS),
        lambda: upload_path(store, artifacts, upload_id),
        lambda: discard(store, artifacts, upload_id),
    ):
        assert code_of(action) == "upload.not_found"
    assert not artifacts.root.exists()


@pytest.mark.parametrize("name", ["", "/", "a\nb.csv", "x" * 300, "\u202e.csv"])
def test_a_name_is_one_line(name: str, store: Store) -> None:
    assert code_of(lambda: begin(store, name, by="x", limits=LIMITS)) == "upload.bad_name"


def test_a_deletion_that_was_killed_half_way_is_finished_when_asked_again(store: Store, artifacts: Artifacts) -> None:
    upload_id = sent(store, artifacts, CSV)
    finish(store, artifacts, upload_id, limits=LIMITS)
    shutil.rmtree(artifacts.uploads / upload_id)
    assert code_of(lambda: upload_path(store, artifacts, upload_id)) == "upload.not_checked"
    discard(store, artifacts, upload_id)
    assert code_of(lambda: discard(store, artifacts, upload_id)) == "upload.not_found"


def test_what_was_left_lying_is_swept(store: Store, artifacts: Artifacts) -> None:
    left, done = sent(store, artifacts, CSV), sent(store, artifacts, CSV)
    finish(store, artifacts, done, limits=LIMITS)
    assert sweep(store, artifacts, older=timedelta(hours=1)) == 0
    assert sweep(store, artifacts, older=timedelta(seconds=-5)) == 1
    assert not (artifacts.uploads / left).exists()
    assert upload_path(store, artifacts, done).is_file()
    with store.read() as transaction:
        assert rows.upload(transaction, left) is None


@settings(max_examples=25)
@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_however_it_is_cut_it_comes_whole(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    content = b"text\n" + content.replace(b"\0", b"0").replace(b"\x01", b"1")
    with connect("sqlite:///x.db", folder) as store:
        upgrade(store)
        made = begin(store, "a.txt", by="x", limits=LIMITS)
        places = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
        for start, stop in pairwise(places):
            append(store, Artifacts(folder), made.id, start, [content[start:stop]], limits=LIMITS)
        assert (folder / "uploads" / made.id / "part").read_bytes() == content


def test_an_id_nobody_has(store: Store, artifacts: Artifacts) -> None:
    assert code_of(lambda: upload_path(store, artifacts, new_id())) == "upload.not_found"
