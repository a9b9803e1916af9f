"""`python -m tests.chaos`, which is `./dev chaos`."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.asking import Unanswered
from tests.chaos.platform_under_fire import NotSettled
from tests.chaos.rounds import strike_for
from tests.chaos.strikes import STRIKES

INTERRUPTED = 130
POISONS = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and print what came of them; return 0 if everything held, else 1."""
    given = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="codegen-chaos-"))
    seed = random.randrange(10**6) if given.seed is None else given.seed
    code = 1
    try:
        _say(f"chaos: {given.rounds} rounds, seed {seed}, logs in {folder}")
        poisons = (0 if given.only else POISONS) if given.poisons is None else given.poisons
        summary = strike_for(
            given.rounds, seed=seed, folder=folder, names=given.only or [*STRIKES], poisons=poisons, say=_say
        )
        for line in summary.lines():
            _say(line)
        code = 1 if summary.wrong else 0
    except KeyboardInterrupt:
        print("chaos: interrupted; everything was stopped", file=sys.stderr)
        code = INTERRUPTED
    except (NotSettled, Unanswered) as error:
        print(f"chaos: {error}", file=sys.stderr)
    if code in {0, INTERRUPTED} and not given.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"chaos: logs and data are in {folder}", file=sys.stderr)
    return code


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev chaos",
        description="Run a platform of its own on free ports, ask it for tasks, and in every round kill -9 or stop one of its processes, or"
        " fill its disk;"
        " in the end see that every task has ended, that none was lost, and that nothing was reviewed twice.",
    )
    parser.add_argument("--rounds", type=int, default=50, metavar="N", help="how many (default: 50, about 15 minutes)")
    parser.add_argument("--seed", type=int, metavar="N", help="repeats a run's choices (default: a new one, printed)")
    parser.add_argument(
        "--only", action="append", choices=[*STRIKES], metavar="NAME", help=f"strike only this: {', '.join(STRIKES)}"
    )
    parser.add_argument(
        "--poisons",
        type=int,
        metavar="N",
        help=f"afterwards review so many poison pull requests beside healthy ones (default: {POISONS}, none with --only)",
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and data, also when everything held")
    return parser


if __name__ == "__main__":
    sys.exit(main())
