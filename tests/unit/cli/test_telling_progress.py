"""Progress: one line per step for logs, more on a terminal, and always on stderr."""

from __future__ import annotations

import io

from rich.console import Console

from codegen_platform.cli.following import Step
from codegen_platform.cli.progress import Progress
from codegen_platform.local.supervisor import Progress as Part


def told(*, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=terminal, markup=False, emoji=False, highlight=False)
    with Progress(console) as progress:
        progress.doing("starting the platform")
        progress.part_ready(Part(name="gateway", state="starting", seconds=0.1))
        progress.part_ready(Part(name="gateway", state="ready", seconds=1.234))
        progress.step(Step.RECEIVED, 0.0, "")
        progress.step(Step.AGAIN, 2.5, "attempt 2, because \x1b[31m[red]evil\nline")
        progress.note("done")
    return stream.getvalue()


def test_without_a_terminal_every_step_is_one_plain_line() -> None:
    assert told(terminal=False).splitlines() == [
        "   1.23 s  gateway ready",
        "   0.00 s  received",
        r"   2.50 s  trying again  attempt 2, because \x1b[31m[red]evil\nline",
        "done",
    ]


def test_a_terminal_is_also_told_what_is_going_on_now_and_gets_its_cursor_back() -> None:
    text = told(terminal=True)

    assert "starting the platform" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is shown again"
    assert r"\x1b[31m[red]evil" in text
