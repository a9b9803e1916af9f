"""`tasks rebuild`: are the rows of all tasks what their events say?"""

from __future__ import annotations

import click

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.joining import join
from codegen_platform.cli.ledger import open_ledger
from codegen_platform.cli.output import print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.store import RebuildReport

SHOWN = 20


def rebuild_tasks(*, apply: bool, as_json: bool) -> int:
    """Compare every row with its events, with `apply` write what differs; return 1 if rows differ and stay so, else 0.

    Raises:
        StoreUnavailable: the database does not answer; nothing was written.
    """
    with Progress() as progress, open_ledger(join(command_settings(), progress).settings) as ledger:
        progress.doing("comparing every task with its events")
        report = ledger.store.tasks.rebuild(apply=apply)
    if as_json:
        print_json(_facts(report, applied=apply))
    else:
        _tell(report, applied=apply)
    return 1 if report.differing and not apply else 0


def _tell(report: RebuildReport, *, applied: bool) -> None:
    speed = f"{report.events / report.seconds:,.0f} events a second" if report.seconds else "at once"
    click.echo(f"Read {report.events:,} events of {report.tasks:,} tasks in {report.seconds:.2f} s ({speed}).")
    if not report.differing:
        click.echo("Every row is what its events say.")
    else:
        done = "differed and were written anew" if applied else "differ; --apply writes them anew"
        click.echo(f"{len(report.differing):,} rows {done}:")
        for task_id in report.differing[:SHOWN]:
            click.echo(f"  {task_id}")
        if len(report.differing) > SHOWN:
            click.echo(f"  and {len(report.differing) - SHOWN:,} more; --json prints all")
    if report.without_history:
        click.echo(f"{len(report.without_history):,} rows have no events at all; they were left alone.")


def _facts(report: RebuildReport, *, applied: bool) -> dict[str, object]:
    return {
        "tasks": report.tasks,
        "events": report.events,
        "seconds": report.seconds,
        "events_per_second": report.events / report.seconds if report.seconds else None,
        "differing": [str(one) for one in report.differing],
        "without_history": [str(one) for one in report.without_history],
        "applied": applied,
    }
