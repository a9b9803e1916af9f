"""`codegen-platform events`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json, limit


@click.group(short_help="What was delivered, and what became of it.")
def events() -> None:
    """Events: what GitHub and this command line delivered, and what became of it.

    \b
    Examples:
      codegen-platform events list
      codegen-platform events show 0198c3d2
      codegen-platform events replay 0198c3d2
    """


@events.command("list")
@limit
@as_json
def list_events(limit: int, as_json: bool) -> None:
    """List deliveries, newest first.

    \b
    Examples:
      codegen-platform events list --limit 10
      codegen-platform events list --json
    """
    from codegen_platform.cli.event_views import show_events

    show_events(limit=limit, as_json=as_json)


@events.command("show")
@click.argument("event_id", metavar="ID")
@as_json
def show_event(event_id: str, as_json: bool) -> None:
    """Show one delivery. ID may be its id, the first characters of it, or GitHub's delivery id.

    \b
    Examples:
      codegen-platform events show 0198c3d2
      codegen-platform events show 7f3a0c7e-5d1b-11ef-9a3b-1c2d3e4f5a6b --json
    """
    from codegen_platform.cli.event_views import show_one_event

    show_one_event(event_id, as_json=as_json)


@events.command("replay")
@click.argument("event_id", metavar="ID")
@as_json
def replay_event(event_id: str, as_json: bool) -> None:
    """Have a delivery routed once more, as if it had just come. What it asks for and already has is not made twice.

    \b
    Examples:
      codegen-platform events replay 0198c3d2
    """
    from codegen_platform.cli.event_views import replay

    replay(event_id, as_json=as_json)
