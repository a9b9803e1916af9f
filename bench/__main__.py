"""`python -m bench`, which is `./dev bench`."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import structlog

from bench.background import NotStarted
from bench.measuring_choice import chosen
from bench.measuring_creation import created
from bench.measuring_dependencies import dependent
from bench.measuring_histories import rebuilt
from bench.measuring_intake import intake
from bench.measuring_listeners import listeners
from bench.measuring_losses import github_outage, kill_and_restart, model_outage, same_delivery_five_times
from bench.measuring_moves import moves
from bench.measuring_precision import precise
from bench.measuring_reviews import all_at_once, one_at_a_time, sixteen
from bench.measuring_shapes import shapes
from bench.measuring_starts import idle, starts
from bench.rows import Row, Verdict
from bench.setting import Setting, setting
from bench.table import as_json, machine, print_table
from codegen_platform.errors import CodegenError

Measurement = Callable[[Setting], list[Row]]
MEASUREMENTS: dict[str, Measurement] = {
    "starts": starts,
    "idle": idle,
    "one": one_at_a_time,
    "sixteen": sixteen,
    "all": all_at_once,
    "intake": intake,
    "repeated": same_delivery_five_times,
    "kill": kill_and_restart,
    "github-outage": github_outage,
    "model-outage": model_outage,
    "tasks-created": created,
    "tasks-chosen": chosen,
    "tasks-moved": moves,
    "tasks-rebuilt": rebuilt,
    "tasks-dependent": dependent,
    "listeners": listeners,
    "shapes": shapes,
    "precision": precise,
}
TAKES_MINUTES = ("kill", "github-outage", "model-outage", "shapes")
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0, also when a target was missed: the table says so. Interrupted, it prints what it has.

    A missed target that is required (no false finding comes back) makes it 1.
    """
    given = _parser().parse_args(arguments)
    # The engine's own log lines would stand between those of the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    names = given.only or [name for name in MEASUREMENTS if not (given.quick and name in TAKES_MINUTES)]
    facts = machine()
    folder = Path(tempfile.mkdtemp(prefix="codegen-bench-"))
    rows: list[Row] = []
    code = 0
    try:
        with setting(folder, given=dict(given.set), quick=given.quick) as bench:
            for name in names:
                rows += measured(name, bench)
    except KeyboardInterrupt:
        print("bench: interrupted; everything was stopped", file=sys.stderr)
        code = INTERRUPTED
    except NotStarted as error:
        print(f"bench: {error}", file=sys.stderr)
        code = 1
    finally:
        if given.keep:
            print(f"bench: logs and data are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(as_json(rows, facts), indent=1)) if given.json else print_table(rows, facts)
    return code or int(any(row.is_required and row.verdict is Verdict.MISSED for row in rows))


def measured(name: str, bench: Setting) -> list[Row]:
    """Return the rows of one measurement; one that could not be made says why, and the others go on."""
    try:
        return MEASUREMENTS[name](bench)
    except (NotStarted, CodegenError, OSError, psycopg.Error) as error:
        bench.say(f"{name}: {error}")
        return [Row(what=name, unit="", value=None, note=str(error))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Measure the platform on real changes and print a table."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--quick", action="store_true", help="a third of the work, without what takes minutes")
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="only this; may be given again")
    parser.add_argument(
        "--set", action="append", type=_assignment, default=[], metavar="NAME=VALUE", help="environment of the platform"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and data, and say where they are")
    return parser


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
