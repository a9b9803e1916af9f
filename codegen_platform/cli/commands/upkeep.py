"""`codegen-platform migrate`, `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

import click

from codegen_platform.cli.commands.options import as_json

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Upgrade the ledger's schema.")
@as_json
def migrate(as_json: bool) -> int:
    """Upgrade the ledger's schema to the newest revision of this release; does nothing if it is up to date.

    `up` does this at every start. If you run the platform as services, run it once after each update, before they start.

    \b
    Examples:
      codegen-platform migrate
      codegen-platform migrate --json
    """
    from codegen_platform.cli.migrating import bring_up_to_date

    return bring_up_to_date(as_json=as_json)


@click.command(short_help="Back up the ledger, documents, reviews and secrets to a file.")
@click.argument("file", type=FILE)
@as_json
def backup(file: Path, as_json: bool) -> int:
    """Back up the platform to FILE, a new tar.gz that only you can read.

    The platform may keep running: the ledger is read in one snapshot. Documents in S3 and Dagster's run history are not
    included. The file contains secrets and private source code.

    \b
    Examples:
      codegen-platform backup platform-2026-11-27.tar.gz
      codegen-platform backup /backups/platform.tar.gz --json
    """
    from codegen_platform.cli.backing_up import back_up

    return back_up(file, as_json=as_json)


@click.command(short_help="Restore a backup into an empty home.")
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace the contents of the home and its database.")
@as_json
def restore(file: Path, force: bool, as_json: bool) -> int:
    """Restore FILE, written by `backup`, into CODEGEN_HOME and its database.

    Stop the platform first. A home that is not empty needs --force. The next `up` continues from the time of the backup; it
    looks for reviews posted to GitHub since then before it posts anything.

    \b
    Examples:
      CODEGEN_HOME=/srv/new codegen-platform restore platform.tar.gz
      codegen-platform restore platform.tar.gz --force
    """
    from codegen_platform.cli.backing_up import restore as put_back

    return put_back(file, force=force, as_json=as_json)
