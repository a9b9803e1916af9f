"""`migrate`: upgrades the ledger's schema to the revision of this release."""

from __future__ import annotations

import click

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.joining import join
from codegen_platform.cli.output import print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.local.services import ensure_services
from codegen_platform.store import migrate


def bring_up_to_date(*, as_json: bool) -> int:
    """Upgrade the ledger's schema, print the revisions before and after, and return 0.

    Raises:
        WrongUsage: the ledger was written by a newer release.
        StoreUnavailable: the configured database does not answer. LocalFailure: the embedded one cannot be started.
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
        click.echo(f"Upgraded the ledger from {done.before or 'an empty database'} to schema {done.after}.")
    return 0
