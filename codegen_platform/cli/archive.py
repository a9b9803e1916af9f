"""A backup archive: the ledger's tables, documents, reviews and secrets, with `manifest.json` last."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.store.dumping import LedgerDump, TableDump

FORMAT = 1
MANIFEST = "manifest.json"
LEDGER = "ledger"
MAX_MANIFEST_BYTES = 1 << 20


class ArchiveNotWritten(CodegenError):
    """The archive could not be written; no part of it is left."""

    code = "archive_not_written"

    def __init__(self, *, target: Path, error: OSError) -> None:
        super().__init__(
            f"the backup {target} was not written ({error.strerror}): choose a folder that you may write to, on a disk with space"
        )
        self.target, self.error = target, error


class ArchiveBroken(CodegenError):
    """The file is not a backup of this platform, or is damaged or incomplete."""

    code = "archive_broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The contents of an archive.

    Attributes:
        created_at: ISO 8601, UTC. release: of the platform that wrote it.
        ledger: tables of rows of the ledger. folders: name -> number of files.
        artifacts_elsewhere: the bucket with the documents, which are not in the archive; empty if they are.
    """

    created_at: str
    release: str
    ledger: LedgerDump
    folders: dict[str, int]
    artifacts_elsewhere: str = ""


def write_archive(
    target: Path, files: Iterable[tuple[str, Path]], describe: Callable[[Mapping[str, int]], Manifest]
) -> Manifest:
    """Write an archive that only this user can read, and return its manifest; the file gets its name once it is complete.

    Files that disappear meanwhile are left out; `describe` receives the number of files in each folder.

    Raises:
        WrongUsage: the file exists.
        ArchiveNotWritten: its folder is missing or closed, or the disk is full.
    """
    if target.exists():
        raise WrongUsage(f"{target} already exists: choose another name, or move it away")
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6) as archive:
                counted: Counter[str] = Counter()
                for name, path in files:
                    counted[name.split("/")[0]] += _add_file(archive, name, path)
                manifest = describe(counted)
                _add_text(archive, MANIFEST, json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1))
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, target)
        return manifest
    except FileExistsError:
        raise WrongUsage(f"{target} already exists: choose another name, or move it away") from None
    except OSError as error:
        raise ArchiveNotWritten(target=target, error=error) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def read_archive(source: Path, folder: Path) -> Manifest:
    """Unpack an archive into the folder and return its manifest; no member can be written outside the folder.

    Raises:
        ArchiveBroken: it is not an archive of ours, is from a newer release, damaged, or incomplete.
        OSError: it cannot be read, or the disk is full.
    """
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            manifest, counted = None, Counter[str]()
            for member in archive:
                if manifest is None and member.name == MANIFEST:
                    manifest = _manifest(archive, member, source)
                else:
                    counted[_unpack(archive, member, folder, source)] += 1
            while archive.fileobj and archive.fileobj.read(1 << 20):
                pass  # reads the checksum at the very end
    except (tarfile.TarError, EOFError, zlib.error, FileExistsError) as error:
        raise ArchiveBroken(f"{source} is damaged, or not a backup of this platform: {error}") from error
    except OSError as error:
        if error.errno is None:  # a wrong gzip checksum
            raise ArchiveBroken(f"{source} is damaged, or not a backup of this platform: {error}") from error
        raise
    if manifest is None:
        raise ArchiveBroken(f"{source} is incomplete, or not a backup of this platform: {MANIFEST} is missing")
    if counted != Counter({**manifest.folders, LEDGER: len(manifest.ledger.tables)}):
        raise ArchiveBroken(f"{source} is incomplete: files listed in its manifest are missing")
    return manifest


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo, source: Path) -> Manifest:
    try:
        found = json.loads(cast("BinaryIO", archive.extractfile(member)).read(MAX_MANIFEST_BYTES))
        if found.pop("format") != FORMAT:
            raise ArchiveBroken(
                f"{source} was written by a newer release of the platform: restore it with that release"
            )
        ledger = found.pop("ledger")
        tables = tuple(TableDump(**{**table, "columns": tuple(table["columns"])}) for table in ledger.pop("tables"))
        return Manifest(**found, ledger=LedgerDump(**ledger, tables=tables))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArchiveBroken(f"{source} is not a backup of this platform: its {MANIFEST} is invalid") from error


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, source: Path) -> str:
    """Write one file below the folder; return the part of the archive that it belongs to."""
    name = PurePosixPath(member.name)
    if not member.isfile() or name.is_absolute() or ".." in name.parts or len(name.parts) < 2:
        raise ArchiveBroken(f"{source} holds {member.name[:120]!a}, which does not belong in a backup of this platform")
    path = folder.joinpath(*name.parts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = cast("BinaryIO", archive.extractfile(member))
    with path.open("xb") as file:
        while chunk := content.read(1 << 20):
            file.write(chunk)
    return name.parts[0]


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    archive.addfile(_entry(name, len(data)), io.BytesIO(data))


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> int:
    """Return the number of files added: 0 if it is gone."""
    try:
        with path.open("rb") as file:
            archive.addfile(_entry(name, os.fstat(file.fileno()).st_size), file)
    except FileNotFoundError:
        return 0
    return 1


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry
