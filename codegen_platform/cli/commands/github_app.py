"""`codegen-platform github-app`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.group(name="github-app", short_help="Create a GitHub App for this platform.")
def github_app() -> None:
    """Create a GitHub App for this platform, with only the permissions that it needs.

    \b
    Examples:
      codegen-platform github-app create --webhook-url https://hooks.example.org/webhooks/github
    """


@github_app.command(short_help="Create the App in a browser and keep its key in the home.")
@click.option("--webhook-url", metavar="URL", help="Address for GitHub's events: your host's /webhooks/github.")
@click.option("--organization", metavar="NAME", help="Owner of the App.  [default: you]")
@click.option("--name", metavar="TEXT", help="Name of the App, unique on GitHub.  [default: codegen-platform-...]")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the page on this machine.  [default: a free one]"
)
@click.option("--replace", is_flag=True, help="Replace the App stored in the home.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=600,
    show_default=True,
    help="Give up after this many seconds.",
)
@as_json
def create(
    webhook_url: str | None,
    organization: str | None,
    name: str | None,
    port: int,
    replace: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """Create a GitHub App from a manifest: open the printed address, click the button, confirm on GitHub.

    The App's id, private key and webhook secret are kept in CODEGEN_HOME, readable only by you; `up` uses them from there.
    GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_WEBHOOK_SECRET take precedence. On a server without a browser, forward the
    port first: ssh -L 4000:127.0.0.1:4000 HOST, and --port 4000.

    \b
    Examples:
      codegen-platform github-app create --webhook-url https://hooks.example.org/webhooks/github
      codegen-platform github-app create --organization acme --name acme-review --port 4000
    """
    from codegen_platform.cli.creating_app import create_app

    return create_app(
        name=name,
        organization=organization,
        webhook_url=webhook_url,
        port=port,
        replace=replace,
        timeout_seconds=timeout,
        as_json=as_json,
    )
