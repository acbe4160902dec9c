"""Files sent over HTTP: whole or in parts, resumed after a break, judged before anything may use them."""

from __future__ import annotations

import io
import time
import zipfile

import pytest

from homefield.store import artifacts_of

from .conftest import Served

RECORDS = "text,label\n" + "".join(f"my card was stolen {n},card\n" for n in range(50))


def announced(served: Served, **body: object) -> str:
    said = served.client.post("/v1/uploads", json={"name": "records.csv", **body})
    assert said.status_code == 201, said.text
    assert said.headers["location"] == f"/v1/uploads/{said.json()['id']}"
    return str(said.json()["id"])


def test_a_file_of_a_form_is_taken_whole_and_deleted(served: Served) -> None:
    sent = {"file": ("../../etc/../records.csv", RECORDS, "text/csv")}
    said = served.client.post("/v1/uploads", files=sent)
    assert said.status_code == 201, said.text
    kept = said.json()
    assert (kept["name"], kept["state"], kept["received"]) == ("records.csv", "checked", len(RECORDS))
    (content,) = (artifacts_of(served.workspace).uploads / kept["id"]).glob("content.*")
    assert content.read_text() == RECORDS
    assert served.client.get(f"/v1/uploads/{kept['id']}").json() == kept
    assert served.client.delete(f"/v1/uploads/{kept['id']}").status_code == 204
    gone = served.client.get(f"/v1/uploads/{kept['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "upload.not_found")
    assert not content.exists()


def test_a_file_in_parts_goes_on_where_it_stopped(served: Served) -> None:
    content = RECORDS.encode()
    place = f"/v1/uploads/{announced(served, size=len(content))}"
    first = served.client.put(f"{place}/content", params={"offset": 0}, content=content[:100])
    assert first.json()["received"] == 100
    early = served.client.post(f"{place}/finish")
    assert (early.status_code, early.json()["code"]) == (409, "upload.incomplete")
    again = served.client.put(f"{place}/content", params={"offset": 0}, content=content[:100])
    assert (again.status_code, again.json()["code"]) == (409, "upload.offset")
    received = served.client.get(place).json()["received"]
    rest = served.client.put(f"{place}/content", params={"offset": received}, content=content[received:])
    assert rest.json()["received"] == len(content)
    assert served.client.post(f"{place}/finish").json()["state"] == "checked"
    after = served.client.put(f"{place}/content", params={"offset": len(content)}, content=b"more")
    assert (after.status_code, after.json()["code"]) == (409, "upload.not_receiving")


def test_what_came_before_a_break_is_kept(served: Served) -> None:
    slice_ = b"a,b\n" * (1 << 20)
    place = f"/v1/uploads/{announced(served, size=3 * len(slice_))}"

    def broken():  # type: ignore[no-untyped-def]
        yield slice_
        yield slice_[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        served.client.put(f"{place}/content", content=broken())
    for _ in range(200):  # the server writes it down after the break
        if received := served.client.get(place).json()["received"]:
            break
        time.sleep(0.05)
    assert len(slice_) <= received <= len(slice_) + 1000


def test_more_than_was_announced_is_refused(served: Served) -> None:
    place = f"/v1/uploads/{announced(served, size=10)}"
    said = served.client.put(f"{place}/content", content=b"x" * 11)
    assert (said.status_code, said.json()["code"]) == (413, "upload.too_large")
    assert served.client.get(place).json()["received"] == 0
    huge = served.client.post("/v1/uploads", json={"name": "a.csv", "size": 1 << 50})
    assert (huge.status_code, huge.json()["code"]) == (413, "upload.too_large")


def straying() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../outside.csv", "a,b\n")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"file": ("a.zip", straying(), "application/zip")}, "upload.archive_name"),
        ({"file": ("a.exe", b"MZ\0\0" * 100, "text/csv")}, "upload.unknown_type"),
        ({"file": ("a.csv", b"", "text/csv")}, "upload.empty"),
        ({"other": ("a.csv", b"a,b\n1,2\n", "text/csv")}, "server.no_file"),
    ],
)
def test_what_does_not_pass_leaves_nothing(served: Served, sent: dict[str, tuple[str, bytes, str]], code: str) -> None:
    before = set(artifacts_of(served.workspace).uploads.glob("*"))
    said = served.client.post("/v1/uploads", files=sent)
    assert (said.status_code, said.json()["code"]) == (422, code), said.text
    assert set(artifacts_of(served.workspace).uploads.glob("*")) == before
