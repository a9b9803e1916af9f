"""`migrate`: the ledger's schema, from what it is to what this release needs."""

from __future__ import annotations

import click

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.joining import join
from codegen_platform.cli.output import print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.local.services import ensure_services
from codegen_platform.store import migrate


def bring_up_to_date(*, as_json: bool) -> int:
    """Upgrade the schema of the ledger in use, say from which revision to which, and return 0.

    Raises:
        WrongUsage: the ledger was written by a newer release.
        StoreUnavailable: a given database does not answer. LocalFailure: the embedded one cannot be started.
    """
    with Progress() as progress:
        settings = join(command_settings(), progress).settings
        progress.doing("opening the ledger")
        with ensure_services(settings.home, settings.database.address, redis_url="unused:") as services:
            done = migrate(services.database_url)
    if as_json:
        print_json({"from": done.before, "to": done.after, "changed": done.before != done.after})
    elif done.before == done.after:
        click.echo(f"The ledger is up to date: schema {done.after}.")
    else:
        click.echo(f"The ledger went from {done.before or 'an empty database'} to schema {done.after}.")
    return 0
