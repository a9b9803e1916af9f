"""The rows for people and for programs."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.rows import Row, Target, Verdict

COLOURS = {Verdict.GOAL: "green", Verdict.FIRST_STAGE: "yellow", Verdict.MISSED: "red", Verdict.UNFINISHED: "red"}
PIPED_WIDTH = 200


def machine() -> dict[str, str | int | float]:
    """Return what the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "load_before": round(os.getloadavg()[0], 2),
    }


def as_json(rows: Sequence[Row], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the table says, and the ratio to each floor, as one object."""
    return {
        "machine": dict(facts),
        "rows": [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict.value} for row in rows],
    }


def print_table(rows: Sequence[Row], facts: Mapping[str, Any]) -> None:
    """Print the rows on stdout."""
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("what", "measured", "floor", "ratio", "first stage", "goal", "verdict", "note"):
        table.add_column(name, justify="left" if name in ("what", "verdict", "note") else "right", overflow="fold")
    for row in rows:
        table.add_row(
            Text(row.what),
            Text(_figure(row.value, row.unit)),
            Text(_figure(row.floor, row.unit)),
            Text(f"{row.ratio:.2f}" if row.ratio is not None else ""),
            Text(_limit(row, row.target.first_stage if row.target else None)),
            Text(_limit(row, row.target.goal if row.target else None)),
            Text(row.verdict.value, style=COLOURS.get(row.verdict, "")),
            Text(row.note, style="dim"),
        )
    console.print(table)
    console.print(Text("  ".join(f"{name} {value}" for name, value in facts.items()), style="dim"))


def _limit(row: Row, limit: float | None) -> str:
    if limit is None:
        return ""
    assert isinstance(row.target, Target)
    sign = ">=" if row.target.at_least else "<="
    return f"{sign} {limit:g} x floor" if row.target.of_ratio else f"{sign} {_figure(limit, row.unit)}"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:.{digits}f}" if value % 1 else f"{value:.0f}"
    return f"{text} {unit}".rstrip()
