"""`codegen-platform agents`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.group(short_help="Who does the work, and who gets more of it.")
def agents() -> None:
    """Agents: the workers that do tasks, what they can do, and how busy they are.

    \b
    Examples:
      codegen-platform agents list
      codegen-platform agents drain reviewer@build-7:8003
    """


@agents.command("list")
@as_json
def list_agents(as_json: bool) -> None:
    """List the agents.

    \b
    Examples:
      codegen-platform agents list
      codegen-platform agents list --json
    """
    from codegen_platform.cli.agent_views import show_agents

    show_agents(as_json=as_json)


@agents.command("show")
@click.argument("name")
@as_json
def show_agent(name: str, as_json: bool) -> None:
    """Show one agent.

    \b
    Examples:
      codegen-platform agents show reviewer@build-7:8003
    """
    from codegen_platform.cli.agent_views import show_one_agent

    show_one_agent(name, as_json=as_json)


@agents.command("drain", short_help="Let an agent finish what it has, and give it nothing more.")
@click.argument("name")
@as_json
def drain(name: str, as_json: bool) -> None:
    """Let an agent finish what it has and give it nothing more: before its machine is stopped.

    \b
    Examples:
      codegen-platform agents drain reviewer@build-7:8003
    """
    from codegen_platform.cli.agent_views import set_status

    set_status(name, "draining", as_json=as_json)


@agents.command("disable", short_help="Give an agent nothing more until it is enabled again.")
@click.argument("name")
@as_json
def disable(name: str, as_json: bool) -> None:
    """Give an agent nothing more, also after it has started anew, until it is enabled again.

    \b
    Examples:
      codegen-platform agents disable reviewer@build-7:8003
    """
    from codegen_platform.cli.agent_views import set_status

    set_status(name, "disabled", as_json=as_json)


@agents.command("enable")
@click.argument("name")
@as_json
def enable(name: str, as_json: bool) -> None:
    """Give tasks to an agent again that was drained or disabled.

    \b
    Examples:
      codegen-platform agents enable reviewer@build-7:8003
    """
    from codegen_platform.cli.agent_views import set_status

    set_status(name, "active", as_json=as_json)
