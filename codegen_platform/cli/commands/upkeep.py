"""`codegen-platform migrate`, `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

import click

from codegen_platform.cli.commands.options import as_json

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Bring the ledger's schema up to date.")
@as_json
def migrate(as_json: bool) -> int:
    """Bring the schema of the ledger to the newest revision of this release; nothing happens if it is.

    `up` does it at every start. Platforms that run as services need it once after an update, before they start.

    \b
    Examples:
      codegen-platform migrate
      codegen-platform migrate --json
    """
    from codegen_platform.cli.migrating import bring_up_to_date

    return bring_up_to_date(as_json=as_json)


@click.command(short_help="Write the ledger, documents, reviews and secrets into a file.")
@click.argument("file", type=FILE)
@as_json
def backup(file: Path, as_json: bool) -> int:
    """Write everything that must not be lost into FILE, a new tar.gz that only you can read.

    The platform may run meanwhile: the ledger is read in one snapshot. Documents in S3 and Dagster's history of runs are
    not in the file. It holds secrets and private source.

    \b
    Examples:
      codegen-platform backup platform-2026-11-27.tar.gz
      codegen-platform backup /backups/platform.tar.gz --json
    """
    from codegen_platform.cli.backing_up import back_up

    return back_up(file, as_json=as_json)


@click.command(short_help="Put the content of a backup into an empty home.")
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace what the home and its database hold.")
@as_json
def restore(file: Path, force: bool, as_json: bool) -> int:
    """Put the content of FILE, which `backup` wrote, into CODEGEN_HOME and its database.

    A home that holds something is refused without --force. Stop the platform first. The next `up` goes on where the backup
    was made: what was posted to GitHub since is looked for before anything is posted again.

    \b
    Examples:
      CODEGEN_HOME=/srv/new codegen-platform restore platform.tar.gz
      codegen-platform restore platform.tar.gz --force
    """
    from codegen_platform.cli.backing_up import restore as put_back

    return put_back(file, force=force, as_json=as_json)
