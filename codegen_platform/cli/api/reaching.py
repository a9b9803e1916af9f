"""Reaching the REST API: of the platform that runs on this home, else the same application in this process over its ledger."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import click
import httpx

from codegen_platform.cli.api.operations import Api
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.joining import join
from codegen_platform.cli.ledger import open_ledger
from codegen_platform.cli.progress import Progress
from codegen_platform.settings import Settings

TIMEOUT_SECONDS = 30.0


@contextmanager
def open_api() -> Iterator[Api]:
    """Provide the API of this home until the end of the block; what runs is used, and nothing is left running.

    Raises:
        StoreUnavailable: nothing runs, and a given database does not answer.
        LocalFailure: nothing runs, and the embedded servers cannot be started.
    """
    with Progress() as progress:
        joined = join(command_settings(), progress)
    platform = joined.platform
    client = client_of(platform.addresses.gateway) if platform else _own(joined.settings)
    with client as opened:
        yield Api(opened, is_of_a_platform=platform is not None)


def say_if_nothing_works(api: Api) -> None:
    """Warn on stderr that no platform is running, so the task will wait."""
    if not api.is_of_a_platform:
        click.echo(
            "No platform is running on this home, so the task waits. Start one with codegen-platform up.", err=True
        )


def client_of(gateway_url: str) -> httpx.Client:
    """Return a client of a gateway. It is ours and near: a proxy from the environment would only be in the way."""
    return httpx.Client(base_url=gateway_url, timeout=TIMEOUT_SECONDS, trust_env=False)


@contextmanager
def _own(settings: Settings) -> Iterator[httpx.Client]:
    from codegen_platform.cli.api.in_process import calls_into
    from codegen_platform.gateway.app import create_app
    from codegen_platform.store import AsyncIntake
    from codegen_platform.tasks.shipped import save_shipped_templates

    with open_ledger(settings) as ledger:
        save_shipped_templates(ledger.store)
        app = create_app(
            store=ledger.store,
            intake=AsyncIntake(ledger.services.database_url),
            redis_url=ledger.services.redis_url,
            webhook_secrets=[secrets.token_hex()],  # nobody can deliver anything here
        )
        with calls_into(app) as client:
            yield client
