"""Tables for people: what can be copied stays in one piece as long as the terminal is wide enough for it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from codegen_platform.cli.output import console, print_facts, print_page, text

GAP = 2
NARROWEST_COLUMN = 8
"""A terminal that has less than this for each column gets one fact per line instead of a table."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows as an aligned table without frames, or the sentence `empty` if there are none."""
    width = console().width
    if not rows:
        click.echo(empty)
    elif width < len(columns) * (NARROWEST_COLUMN + GAP):
        _print_one_by_one(columns, rows)
    else:
        _print_aligned(columns, rows, width)


def unbroken(widths: Sequence[int], page: int, *, least: int = NARROWEST_COLUMN) -> list[bool]:
    """Say of each column whether its cells stay in one piece: the narrowest first, while `least` is left for each of the others.

    Args:
        widths: the widest cell of each column, in terminal cells.
        page: what all columns have together.
    """
    kept = [False] * len(widths)
    left, others = page, len(widths)
    for place in sorted(range(len(widths)), key=lambda place: widths[place]):
        if widths[place] + (others - 1) * least > left:
            break
        kept[place] = True
        left, others = left - widths[place], others - 1
    return kept


def _print_aligned(columns: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> None:
    from rich.table import Table

    cells = [[text(value) for value in row] for row in rows]
    widths = [max(len(name), *(row[place].cell_len for row in cells)) for place, name in enumerate(columns)]
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="bold")
    for name, is_kept in zip(columns, unbroken(widths, width - GAP * len(columns)), strict=True):
        table.add_column(name, overflow="fold", no_wrap=is_kept)
    for row in cells:
        table.add_row(*row)
    print_page(console(), [table])


def _print_one_by_one(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for place, row in enumerate(rows):
        if place:
            click.echo()
        print_facts(dict(zip(columns, row, strict=True)))
