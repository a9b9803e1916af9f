"""`backup` and `restore`: a home's ledger, documents, reviews and secrets, in one file and back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from codegen_platform.artifacts.spool import SPOOL
from codegen_platform.cli.archive import LEDGER, Manifest, read_archive, write_archive
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.joining import join
from codegen_platform.cli.output import print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.errors import WrongUsage
from codegen_platform.local.errors import AlreadyRunning, Locked
from codegen_platform.local.running import platform_lock, recorded
from codegen_platform.local.services import ensure_services
from codegen_platform.private_home import make_private
from codegen_platform.settings import Settings
from codegen_platform.store import Store, TaskFilter, migrate
from codegen_platform.store.dumping import dump_ledger, load_ledger

NOT_ASKED_FOR = "unused:"
"""Stands in for the Redis server, which holds nothing that a backup needs."""

KEPT = ("postgres", "artifacts", SPOOL, "secrets", "reviews")
"""Entries that mark a home as used."""


def back_up(file: Path, *, as_json: bool) -> int:
    """Back up the platform, running or stopped, into a new file; return 0.

    The ledger is read in one snapshot and the documents after it, so every document in the ledger is included.

    Raises:
        WrongUsage: the file exists. ArchiveNotWritten: it cannot be written. StoreUnavailable: the database does not answer.
    """
    target = file.expanduser().absolute()
    if target.exists():
        raise WrongUsage(f"{target} already exists: choose another name, or move it away")
    with ExitStack() as leaving:
        progress = leaving.enter_context(Progress())
        settings = join(command_settings(), progress).settings
        database_url = leaving.enter_context(_ledger_of(settings))
        scratch = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="backup-", dir=settings.home)))
        progress.doing("reading the ledger")
        dump = dump_ledger(database_url, lambda table: (scratch / table).open("wb"))
        progress.doing("packing documents, reviews and secrets")

        def describe(counted: Mapping[str, int]) -> Manifest:
            return Manifest(
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                release=version("codegen-platform"),
                ledger=dump,
                folders={name: counted[name] for name in _folders(settings)},
                artifacts_elsewhere="" if _documents(settings) else settings.artifacts.url,
            )

        tables = [(f"{LEDGER}/{table.name}", scratch / table.name) for table in dump.tables]
        manifest = write_archive(target, [*tables, *_files(settings)], describe)
    _say(manifest, f"Wrote {target} ({target.stat().st_size:,} bytes)", file=target, as_json=as_json)
    return 0


def restore(file: Path, *, force: bool, as_json: bool) -> int:
    """Restore an archive into this home and its database; return 0.

    Raises:
        WrongUsage: the home or the database is not empty, and `force` was not given; or `file` is not a file.
        ArchiveBroken: the archive is damaged, incomplete or from a newer release; nothing was changed.
        AlreadyRunning: a platform is running on the home.
    """
    settings = command_settings()
    home = settings.home
    if not file.is_file():
        raise WrongUsage(f"{file} is not a file")
    used = [name for name in KEPT if (home / name).is_dir() and any((home / name).iterdir())]
    if used and not force:
        raise WrongUsage(
            f"{home} is not empty (it has {', '.join(used)}): choose another CODEGEN_HOME, or replace it with --force"
        )
    make_private(home)
    with _alone_on(home), Progress() as progress, tempfile.TemporaryDirectory(prefix="restore-", dir=home) as scratch:
        unpacked = Path(scratch)
        progress.doing("unpacking")
        manifest = read_archive(file, unpacked)
        with _ledger_of(settings) as database_url:
            if not force:
                _refuse_used_ledger(database_url)
            progress.doing("loading the ledger")
            load_ledger(database_url, manifest.ledger, lambda table: (unpacked / LEDGER / table).open("rb"))
        for name, folder in _folders(settings).items():
            if name in manifest.folders:
                shutil.rmtree(folder, ignore_errors=True)
                if (unpacked / name).is_dir():
                    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    shutil.move(unpacked / name, folder)
        shutil.rmtree(home / "valkey", ignore_errors=True)  # an index of the old ledger; it is rebuilt
    _say(manifest, f"Restored {home} from {file}, written {manifest.created_at}", file=file, as_json=as_json)
    return 0


def _folders(settings: Settings) -> dict[str, Path]:
    """Return the folders to archive, by their names in the archive."""
    home, documents = settings.home, _documents(settings)
    kept = {"secrets": home / "secrets", "reviews": home / "reviews", SPOOL: home / SPOOL}
    return kept | ({"artifacts": documents} if documents else {})


def _documents(settings: Settings) -> Path | None:
    address = urlsplit(settings.artifacts.url)
    return Path(unquote(address.path)) if address.scheme == "file" else None


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the files to keep, each with its name in the archive."""
    for name, folder in _folders(settings).items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


@contextmanager
def _ledger_of(settings: Settings) -> Iterator[str]:
    with ensure_services(settings.home, settings.database.address, redis_url=NOT_ASKED_FOR) as services:
        if "postgres" in services.started:
            migrate(services.database_url)
        yield services.database_url


@contextmanager
def _alone_on(home: Path) -> Iterator[None]:
    """Prevent a platform from starting on the home until the end of the block."""
    lock = platform_lock(home)
    try:
        lock.take()
    except Locked as error:
        there = recorded(home)
        raise AlreadyRunning(home=home, pid=error.pid, address=there.addresses.dagster if there else None) from None
    try:
        yield
    finally:
        lock.release()


def _refuse_used_ledger(database_url: str) -> None:
    migrate(database_url)
    with Store.open(database_url, max_size=1) as store:
        if store.queries.tasks(TaskFilter(), limit=1).items:
            raise WrongUsage("the database already holds tasks: use an empty one, or replace them with --force")


def _say(manifest: Manifest, sentence: str, *, file: Path, as_json: bool) -> None:
    rows = {table.name: table.rows for table in manifest.ledger.tables}
    if as_json:
        print_json(
            {
                "file": str(file),
                "created_at": manifest.created_at,
                "release": manifest.release,
                "revision": manifest.ledger.revision,
                "rows": rows,
                "files": manifest.folders,
                "artifacts_elsewhere": manifest.artifacts_elsewhere or None,
            }
        )
        return
    click.echo(f"{sentence}:")
    click.echo(f"  ledger     {sum(rows.values()):,} rows of {len(rows)} tables, schema {manifest.ledger.revision}")
    for name, count in manifest.folders.items():
        click.echo(f"  {name:10} {count:,} files")
    if manifest.artifacts_elsewhere:
        click.echo(
            f"  documents  are in {manifest.artifacts_elsewhere}, not in the file: turn on versioning for that bucket"
        )
    click.echo("It contains secrets and private source code: store it accordingly.")
