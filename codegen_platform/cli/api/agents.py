"""Operations on agents: the workers that registered."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from codegen_platform.cli.api.answers import Agent
from codegen_platform.cli.api.calling import Caller, segment
from codegen_platform.cli.api.finding import existing

WantedStatus: TypeAlias = Literal["active", "draining", "disabled"]


class Agents:
    """Below `/api/v1/agents`."""

    def __init__(self, calls: Caller) -> None:
        self._calls = calls

    def list(self) -> list[Agent]:
        """Return all agents that ever registered."""
        return cast("list[Agent]", self._calls.call("GET", "/agents").json()["items"])

    def get(self, name: str) -> Agent:
        """Return the agent of this name.

        Raises:
            WrongUsage: there is none.
        """
        answer = existing(lambda: self._calls.call("GET", _address(name)), name, kind="agent")
        return cast("Agent", answer.json())

    def set_status(self, name: str, status: WantedStatus) -> Agent:
        """Say whether the agent gets tasks.

        Raises:
            WrongUsage: there is no such agent.
        """
        body = {"status": status}
        answer = existing(lambda: self._calls.call("PATCH", _address(name), body=body), name, kind="agent")
        return cast("Agent", answer.json())


def _address(name: str) -> str:
    return f"/agents/{segment(name)}"
