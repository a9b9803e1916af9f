"""One file that holds what must not be lost: the ledger's tables, documents, reviews and secrets, and `manifest.json` behind them."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.store.dumping import LedgerDump, TableDump

FORMAT = 1
MANIFEST = "manifest.json"
LEDGER = "ledger"
MAX_MANIFEST_BYTES = 1 << 20


class ArchiveBroken(CodegenError):
    """A file is not a backup of this platform, or not a whole one."""

    code = "archive_broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What an archive holds.

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
    """Write an archive that only this user can read, and return its manifest; it appears under its name once it is whole.

    Files that vanish meanwhile are left out; `describe` is told how many are in each folder.

    Raises:
        WrongUsage: there is a file of that name already.
        OSError: it cannot be written.
    """
    if target.exists():
        raise WrongUsage(f"{target} is there already: name a new file, or move it away")
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
        raise WrongUsage(f"{target} is there already: name a new file, or move it away") from None
    finally:
        draft.unlink(missing_ok=True)


def read_archive(source: Path, folder: Path) -> Manifest:
    """Unpack a whole archive below the folder and return its manifest; nothing is written anywhere else, whatever it holds.

    Raises:
        ArchiveBroken: it is no archive of ours, of a newer release, damaged, or not whole.
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
                pass  # up to the checksum at the very end
    except (tarfile.TarError, EOFError, zlib.error, FileExistsError) as error:
        raise ArchiveBroken(f"{source} is damaged, or no backup of this platform: {error}") from error
    except OSError as error:
        if error.errno is None:  # gzip reports a wrong checksum like this
            raise ArchiveBroken(f"{source} is damaged, or no backup of this platform: {error}") from error
        raise
    if manifest is None:
        raise ArchiveBroken(f"{source} is not whole, or no backup of this platform: it has no {MANIFEST}")
    if counted != Counter({**manifest.folders, LEDGER: len(manifest.ledger.tables)}):
        raise ArchiveBroken(f"{source} is not whole: files are missing that its manifest names")
    return manifest


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo, source: Path) -> Manifest:
    try:
        found = json.loads(cast("BinaryIO", archive.extractfile(member)).read(MAX_MANIFEST_BYTES))
        if found.pop("format") != FORMAT:
            raise ArchiveBroken(f"{source} was written by a newer release of the platform: restore it with that one")
        ledger = found.pop("ledger")
        tables = tuple(TableDump(**{**table, "columns": tuple(table["columns"])}) for table in ledger.pop("tables"))
        return Manifest(**found, ledger=LedgerDump(**ledger, tables=tables))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArchiveBroken(f"{source} is no backup of this platform: its {MANIFEST} is not understood") from error


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, source: Path) -> str:
    """Write one file below the folder; return the name of the part of the archive that it belongs to."""
    name = PurePosixPath(member.name)
    if not member.isfile() or name.is_absolute() or ".." in name.parts or len(name.parts) < 2:
        raise ArchiveBroken(f"{source} holds {member.name[:120]!a}, which no backup of this platform does")
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
    """Return how many files were added: none if it is gone."""
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
