"""All operations of the API, by what they are about."""

from __future__ import annotations

import httpx

from codegen_platform.cli.api.agents import Agents
from codegen_platform.cli.api.calling import Caller
from codegen_platform.cli.api.events import Events
from codegen_platform.cli.api.tasks import Tasks
from codegen_platform.cli.api.workflows import Workflows


class Api:
    """The API of one gateway. Every operation raises ApiRefused or ApiFailed with the sentence of the problem.

    Attributes:
        is_of_a_platform: whether a platform runs behind it; if not, what is asked for waits for one.
    """

    def __init__(self, client: httpx.Client, *, is_of_a_platform: bool = True) -> None:
        calls = Caller(client)
        self.is_of_a_platform = is_of_a_platform
        self.tasks = Tasks(calls)
        self.events = Events(calls)
        self.agents = Agents(calls)
        self.workflows = Workflows(calls)
