"""Printing for people (rich) and for programs (JSON). Text from outside is never read as markup or terminal codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from codegen_platform.security.visible import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

PIPED_WIDTH = 120


def console(*, stderr: bool = False) -> Console:
    """Return a console that interprets nothing in what it is given: no markup, no emoji names, no guessed highlights."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width, soft_wrap=False)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON document on stdout; control and other non-ASCII characters leave as escapes."""
    click.echo(json.dumps(value, indent=2, default=_plain))


def print_facts(facts: Mapping[str, object]) -> None:
    """Print `name  value` lines, one fact each; facts without a value are left out, times are local."""
    from rich.table import Table

    shown = {name: value for name, value in facts.items() if value not in (None, "", [], {})}
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in shown.items():
        table.add_row(text(name), text(instant(value) if _is_time(name, value) else value))
    print_page(console(), [table])


def text(value: object) -> Text:
    """Return what a person reads of a value, on one line, with nothing in it that a terminal would obey."""
    from rich.text import Text

    return Text(visible(_cell(value)))


def print_page(out: Console, parts: Iterable[RenderableType]) -> None:
    """Print the parts; without a terminal no line is padded to the width of the page."""
    with out.capture() as page:
        for part in parts:
            out.print(part)
    shown = page.get()
    if not out.is_terminal:
        shown = "".join(f"{line.rstrip()}\n" for line in shown.splitlines())
    out.file.write(shown)
    out.file.flush()


def instant(written: object) -> datetime | None:
    """Return the time that the API wrote; None for none."""
    return datetime.fromisoformat(written) if isinstance(written, str) else None


def moment(value: datetime | None) -> str:
    """Return local time to the second, empty for None."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S") if value else ""


def clock(value: datetime | None) -> str:
    """Return local time, empty for None: of today to the second, of other days the date and the minute."""
    if value is None:
        return ""
    local = value.astimezone()
    return local.strftime("%H:%M:%S" if local.date() == datetime.now(local.tzinfo).date() else "%Y-%m-%d %H:%M")


def _is_time(name: str, value: object) -> bool:
    return isinstance(value, str) and name.endswith(("_at", "_seen"))


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return "" if value is None else str(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
