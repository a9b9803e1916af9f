"""Agents for people and for programs, and whether they get tasks."""

from __future__ import annotations

from codegen_platform.cli.api.agents import WantedStatus
from codegen_platform.cli.api.answers import Agent
from codegen_platform.cli.api.reaching import open_api
from codegen_platform.cli.output import clock, console, instant, print_facts, print_json, text
from codegen_platform.cli.tables import print_table
from codegen_platform.tasks.kinds import LANGUAGE

NO_AGENTS = "No worker has registered yet: codegen-platform up starts some."


def show_agents(*, as_json: bool) -> None:
    """Print all agents, with the reason for each one that cannot work."""
    with open_api() as api:
        agents = api.agents.list()
    if as_json:
        print_json(agents)
        return
    for agent in agents:
        if agent["status"] == "unable":
            console().print(text(f"{agent['name']} cannot work: {agent['status_reason']}"))
    rows = [(a["name"], a["type"], _status(a), _load(a), _skills(a), clock(instant(a["last_seen"]))) for a in agents]
    print_table(("name", "type", "status", "busy", "can do", "last sign"), rows, empty=NO_AGENTS)


def show_one_agent(name: str, *, as_json: bool) -> None:
    """Print one agent."""
    with open_api() as api:
        agent = api.agents.get(name)
    _show(agent, as_json=as_json)


def set_status(name: str, status: WantedStatus, *, as_json: bool) -> None:
    """Say whether an agent gets tasks, and print it."""
    with open_api() as api:
        agent = api.agents.set_status(name, status)
    _show(agent, as_json=as_json)


def _show(agent: Agent, *, as_json: bool) -> None:
    if as_json:
        print_json(agent)
    else:
        kinds, languages = _capabilities(agent)
        print_facts({**agent, "capabilities": kinds, "languages": languages})


def _status(agent: Agent) -> str:
    """Return the status; that of a worker which is away may be the one that it was left in."""
    return agent["status"] if agent["is_heard"] or agent["status"] == "lost" else f"{agent['status']}, away"


def _load(agent: Agent) -> str:
    return f"{agent['busy']}/{agent['capacity']}"


def _skills(agent: Agent) -> str:
    kinds, languages = _capabilities(agent)
    return ", ".join(kinds) + (f", {len(languages)} languages" if languages else "")


def _capabilities(agent: Agent) -> tuple[list[str], list[str]]:
    """Return the kinds of task that an agent can do, and the languages that it knows."""
    languages = [one.removeprefix(LANGUAGE) for one in agent["capabilities"] if one.startswith(LANGUAGE)]
    return [one for one in agent["capabilities"] if not one.startswith(LANGUAGE)], languages
