"""Foreign, damaged and incomplete archives are refused, and no member is written outside the folder."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from codegen_platform.cli.archive import ArchiveBroken, ArchiveNotWritten, Manifest, read_archive, write_archive
from codegen_platform.errors import WrongUsage
from codegen_platform.store.dumping import LedgerDump, TableDump

DUMP = LedgerDump(
    revision="0001",
    tables=(TableDump(name="tasks", columns=("id", "title"), rows=2),),
    sequences={"events_sequence_seq": 7},
)


def described(counted: Mapping[str, int]) -> Manifest:
    folders = {name: counted[name] for name in ("secrets", "artifacts")}
    return Manifest(created_at="2026-11-27T00:00:00+00:00", release="1", ledger=DUMP, folders=folders)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "rows").write_text("1\ta\n2\tb\n")
    (tmp_path / "secret").write_text("s")
    files = [
        ("ledger/tasks", tmp_path / "rows"),
        ("secrets/webhook", tmp_path / "secret"),
        ("secrets/gone", tmp_path / "gone"),
    ]
    write_archive(tmp_path / "saved.tar.gz", files, described)
    return tmp_path / "saved.tar.gz"


def made(tmp_path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    file = tmp_path / "made.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def test_an_archive_reads_back_and_vanished_files_are_not_missing(archive: Path, tmp_path: Path) -> None:
    manifest = read_archive(archive, tmp_path / "into")
    assert manifest.ledger == DUMP
    assert manifest.folders == {"secrets": 1, "artifacts": 0}
    assert (tmp_path / "into" / "ledger" / "tasks").read_text() == "1\ta\n2\tb\n"
    assert archive.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_that_is_there_is_never_replaced(archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(WrongUsage):
        write_archive(archive, [], described)
    assert archive.read_bytes() == before


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.99])
def test_a_cut_archive_is_refused(archive: Path, tmp_path: Path, kept: float) -> None:
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ArchiveBroken):
        read_archive(archive, tmp_path / "into")


def test_a_changed_byte_is_noticed(archive: Path, tmp_path: Path) -> None:
    whole = bytearray(archive.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    archive.write_bytes(whole)
    with pytest.raises(ArchiveBroken):
        read_archive(archive, tmp_path / "into")


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "secrets/../../outside", "outside"])
def test_no_member_leaves_the_folder(tmp_path: Path, name: str) -> None:
    file = made(tmp_path, (tarfile.TarInfo(name), b"x"))
    with pytest.raises(ArchiveBroken, match="which does not belong in a backup of this platform"):
        read_archive(file, tmp_path / "into")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_only_plain_files_are_unpacked(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("secrets/webhook")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(ArchiveBroken):
        read_archive(made(tmp_path, (member, b"")), tmp_path / "into")


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format": 1}',
        json.dumps({"format": 2}).encode(),
        json.dumps({"format": 1, "ledger": 7}).encode(),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(ArchiveBroken):
        read_archive(made(tmp_path, (tarfile.TarInfo("manifest.json"), manifest)), tmp_path / "into")


def test_a_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an archive")
    with pytest.raises(ArchiveBroken):
        read_archive(tmp_path / "notes.txt", tmp_path / "into")


@pytest.mark.parametrize(
    ("place", "why"), [("missing/a.tar.gz", "No such file or directory"), ("file/a.tar.gz", "Not a directory")]
)
def test_an_archive_that_cannot_be_written_says_why_and_where_to(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveNotWritten) as refused:
        write_archive(tmp_path / place, [], lambda counted: pytest.fail("nothing was counted"))
    assert f"the backup {tmp_path / place} was not written ({why}): choose a folder" in str(refused.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]
