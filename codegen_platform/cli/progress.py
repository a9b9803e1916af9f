"""Telling a person what happens, while it happens: on stderr, so that stdout holds only the result."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from codegen_platform.cli.following import Step
from codegen_platform.cli.output import console
from codegen_platform.local.supervisor import Progress as PartProgress
from codegen_platform.security.visible import visible

_NEXT = {
    Step.RECEIVED: "waiting for the sensor",
    Step.TASK: "waiting for a run",
    Step.RUN: "reading the change",
    Step.AGAIN: "waiting for the next attempt",
    Step.SNAPSHOT: "analysing it without executing it",
    Step.ANALYSIS: "reviewing",
    Step.REVIEW: "publishing",
    Step.PUBLISHED: "ending the run",
}


class Progress:
    """One line per step that is done, with its seconds; on a terminal also what is going on now."""

    def __init__(self, out: Console | None = None) -> None:
        self._console = out or console(stderr=True)
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done()

    def doing(self, what: str) -> None:
        """Say what is going on; on a terminal only, it is replaced by the next."""
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status(Text(visible(what)))
            self._status.start()
        else:
            self._status.update(Text(visible(what)))

    def note(self, sentence: str) -> None:
        """Print a line that stays."""
        self._console.print(Text(visible(sentence)))

    def part_ready(self, part: PartProgress) -> None:
        """Print a part of the platform that answers now, or that had to be started again."""
        if part.state in ("ready", "restarting"):
            detail = f": {part.detail}" if part.detail else ""
            self._console.print(Text(visible(f"{part.seconds:7.2f} s  {part.name} {part.state}{detail}")))

    def step(self, step: Step, seconds: float, detail: str) -> None:
        """Print a finished step and say what comes next."""
        self._console.print(Text(f"{seconds:7.2f} s  {step.value:13} {visible(detail)}".rstrip()))
        self.doing(_NEXT[step])

    def done(self) -> None:
        """Take away what says what is going on."""
        if self._status is not None:
            self._status.stop()
            self._status = None
