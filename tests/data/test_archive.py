"""Archives that would harm whoever opens them, and honest ones."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.data.archive import ArchiveLimits, check_archive, unpack
from homefield.errors import CallError
from homefield.messages import Language

LIMITS = ArchiveLimits()
SMALL = ArchiveLimits(entries=5, bytes=1 << 20, ratio=50, free=1 << 16)


def archive(path: Path, **files: bytes) -> Path:
    """An honest archive, of names with `__` for `/`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/"), content)
    return path


def archive_of(path: Path, name: str, content: bytes = b"x", mode: int = 0o100644) -> Path:
    """An archive of one file with any name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        info.external_attr = mode << 16
        made.writestr(info, content)
    return path


def code_of(path: Path, limits: ArchiveLimits = LIMITS) -> str:
    with pytest.raises(CallError) as caught:
        check_archive(path, limits)
    assert caught.value.what()
    return caught.value.code


def test_an_honest_archive_is_unpacked_as_it_is(tmp_path: Path) -> None:
    files = {"cats__one.txt": b"one" * 1000, "dogs__two.txt": b"", "three.txt": b"3"}
    path = archive(tmp_path / "a.zip", **files)
    assert check_archive(path, LIMITS) == ["cats/one.txt", "dogs/two.txt", "three.txt"]
    folder = tmp_path / "out"
    folder.mkdir()
    made = unpack(path, folder, LIMITS)
    assert {file.relative_to(folder).as_posix(): file.read_bytes() for file in made} == {
        name.replace("__", "/"): content for name, content in files.items()
    }


# None is a device to Windows.
HONEST = r"(?!(?:con|prn|aux|nul)[./]|.*/(?:con|prn|aux|nul)\.)[a-z]{1,8}(/[a-z]{1,8})?\.txt"


@given(st.dictionaries(st.from_regex(HONEST, fullmatch=True), st.binary(max_size=3000)))
def test_any_honest_archive_comes_back(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    folder = tmp_path_factory.mktemp("archive")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    (folder / "out").mkdir()
    plain = ArchiveLimits(inner=True)
    assert {
        file.relative_to(folder / "out").as_posix(): file.read_bytes()
        for file in unpack(folder / "a.zip", folder / "out", plain)
    } == files


@given(st.data())
def test_a_damaged_archive_is_refused_or_read_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(archive(folder / "a.zip", a=b"hello" * 50, b__c=b"world").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.zip").write_bytes(content)
    (folder / "out").mkdir()
    with suppress(CallError):  # any other error fails the test
        made = unpack(folder / "a.zip", folder / "out", SMALL)
        assert all((folder / "out") in file.parents for file in made)


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "a/../../evil", "/etc/passwd", "C:/evil", "C:evil", "..\\evil", "a\\b", "./a", "a//b", "..", "a/..",
        "a/./b",        "con", "a/NUL.txt", "com1.csv", "trailing.", "trailing /x", "a\nb", "x" * 300, "a?b",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", name)
    assert code_of(path) == "upload.archive_name"
    (tmp_path / "out").mkdir()
    with pytest.raises(CallError):
        unpack(path, tmp_path / "out", LIMITS)
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060666, 0o010644, 0o140644])
def test_links_and_devices_are_refused(mode: int, tmp_path: Path) -> None:
    assert code_of(archive_of(tmp_path / "a.zip", "link", b"/etc/passwd", mode)) == "upload.archive_link"


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("a", "a/b"), ("A/b", "a")])
def test_a_name_for_two_things_is_refused(names: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in names:
            if name in made.namelist():
                with pytest.warns(UserWarning, match="Duplicate"):
                    made.writestr(name, b"x")
            else:
                made.writestr(name, b"x")
    assert code_of(path) == "upload.archive_name"


def test_names_written_by_chinese_windows_are_read(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", "XXXX/YY.txt")
    content = path.read_bytes().replace(b"XXXX/YY", "退款/乙".encode("gbk"))
    path.write_bytes(content)
    assert check_archive(path, LIMITS) == ["退款/乙.txt"]


class TestBombs:
    def test_what_is_packed_too_well_is_refused(self, tmp_path: Path) -> None:
        assert code_of(archive(tmp_path / "a.zip", a=bytes(900_000)), SMALL) == "upload.archive_bomb"

    def test_what_is_too_large_is_refused(self, tmp_path: Path) -> None:
        assert code_of(archive(tmp_path / "a.zip", a=bytes(2 << 20)), SMALL) == "upload.archive_bomb"

    def test_too_many_entries_are_refused(self, tmp_path: Path) -> None:
        path = archive(tmp_path / "a.zip", **{f"f{n}": b"" for n in range(6)})
        assert code_of(path, SMALL) == "upload.archive_entries"

    def test_a_size_that_lies_is_found_before_it_fills_the_memory(self, tmp_path: Path) -> None:
        path = archive(tmp_path / "a.zip", a=bytes(900_000))
        content = bytearray(path.read_bytes())
        for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            place = content.index(signature) + at
            content[place : place + 4] = struct.pack("<I", 100)
        path.write_bytes(content)
        assert code_of(path, SMALL) == "upload.archive_broken"

    def test_entries_that_share_bytes_are_refused(self, tmp_path: Path) -> None:
        path = archive(tmp_path / "a.zip", a=b"one" * 100, b=b"one" * 100)
        content = path.read_bytes()
        second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
        both = bytearray(content)
        both[second + 42 : second + 46] = struct.pack("<I", 0)  # the second entry is where the first one is
        both[second + 46 : second + 47] = b"a"
        path.write_bytes(both)
        assert code_of(path) in ("upload.archive_broken", "upload.archive_name")

    def test_an_archive_in_an_archive_is_refused(self, tmp_path: Path) -> None:
        inner = archive(tmp_path / "inner.zip", a=b"x").read_bytes()
        assert code_of(archive(tmp_path / "a.zip", innocent=inner)) == "upload.archive_inner"

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_other_methods_are_refused(self, method: int, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", method) as made:
            made.writestr("a", b"x" * 100)
        assert code_of(path) == "upload.archive_broken"


def test_a_name_that_differs_between_the_two_places_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", good=b"x")
    content = bytearray(path.read_bytes())
    content[30:34] = b"evil"
    path.write_bytes(content)
    assert code_of(path) == "upload.archive_broken"


def test_a_password_is_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", a=b"x")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert code_of(path) == "upload.archive_locked"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", b"PK\x05\x06" + bytes(17)])
def test_what_is_no_archive_is_told(content: bytes, tmp_path: Path, language: Language) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(CallError) as caught:
        check_archive(path, LIMITS)
    assert caught.value.code == "upload.archive_broken"
    assert caught.value.next_step(language)


def test_an_empty_archive_holds_nothing(tmp_path: Path) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    path = tmp_path / "a.zip"
    path.write_bytes(empty.getvalue())
    assert check_archive(path, LIMITS) == []
