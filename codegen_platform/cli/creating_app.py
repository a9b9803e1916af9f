"""`github-app create`: creates an App from a manifest and keeps its id, key and webhook secret in the home."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click
import httpx

from codegen_platform.cli.app_manifest import AppNotCreated, CodeReceiver, wanted_app
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.output import print_json
from codegen_platform.errors import WrongUsage
from codegen_platform.local.errors import PortInUse
from codegen_platform.local.identity import listener_on
from codegen_platform.private_home import make_private
from codegen_platform.security.visible import visible
from codegen_platform.settings.home_secrets import app_file, keep_app

EXCHANGE_SECONDS = 30.0


def create_app(
    *,
    name: str | None,
    organization: str | None,
    webhook_url: str | None,
    port: int,
    replace: bool,
    timeout_seconds: float,
    as_json: bool,
) -> int:
    """Have a person create the App in the browser, keep its credentials, print the next steps; return 0.

    Raises:
        WrongUsage: the home has an App already. PortInUse: something listens on the port.
        AppNotCreated: no redirect from GitHub arrived, or GitHub rejected the code.
    """
    settings = command_settings()
    file = app_file(settings.home)
    if file.exists() and not replace:
        raise WrongUsage(f"{file} already holds an App: use it, or create another with --replace")
    make_private(settings.home)
    wanted = wanted_app(name=name, api_url=settings.github.api_url, webhook_url=webhook_url, organization=organization)
    try:
        receiver = CodeReceiver(wanted, port)
    except OSError:
        raise PortInUse(
            name="the page that creates the App",
            port=port,
            owner=listener_on(port),
            choose="choose another with --port",
        ) from None
    with receiver.serving():
        click.echo(f"Open {receiver.address} in a browser on this machine to create the App.", err=True)
        code = receiver.wait(timeout_seconds)
    made = _exchanged(settings.github.api_url, code)
    kept = keep_app(
        settings.home,
        app_id=made["id"],
        slug=made["slug"],
        private_key=made["pem"],
        webhook_secret=made.get("webhook_secret") or "",
    )
    install = f"{made['html_url']}/installations/new"
    if as_json:
        print_json({"id": made["id"], "slug": made["slug"], "file": str(kept), "install_url": install})
        return 0
    click.echo(f"Created the App {visible(made['slug'])} (id {made['id']}). Its key and webhook secret are in {kept}.")
    click.echo(f"1. Install it on your repositories: {visible(install)}")
    click.echo("2. Start the platform again: codegen-platform up")
    if not wanted.webhook_url:
        click.echo(
            "3. The App has no webhook: add one in its settings on GitHub, or create another with --webhook-url and --replace."
        )
    return 0


def _exchanged(api_url: str, code: str) -> dict[str, Any]:
    """Exchange the code, once, for the App's id and secrets."""
    address = f"{api_url}/app-manifests/{quote(code, safe='')}/conversions"
    try:
        answer = httpx.post(address, headers={"Accept": "application/vnd.github+json"}, timeout=EXCHANGE_SECONDS)
    except httpx.HTTPError as error:
        raise AppNotCreated(
            f"GitHub created the App, but its key could not be fetched ({type(error).__name__}): delete the App there and try again"
        ) from error
    if answer.status_code != 201:
        raise AppNotCreated(
            f"GitHub rejected the code ({answer.status_code}); it works once, within an hour. Run the command again"
        )
    try:
        made = answer.json()
        if not isinstance(made["id"], int) or not all(
            isinstance(made[key], str) for key in ("slug", "pem", "html_url")
        ):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise AppNotCreated("GitHub's answer does not describe an App: check GITHUB_API_URL") from error
    found: dict[str, Any] = made
    return found
