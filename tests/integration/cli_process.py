"""The command line as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

PROGRAM = [sys.executable, "-m", "codegen_platform.cli"]


def call(environ: Mapping[str, str], *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command line to its end; `typed` is its standard input."""
    return subprocess.run(
        [*PROGRAM, *arguments], env=environ, input=typed, capture_output=True, text=True, check=False, timeout=180
    )


def answer(environ: Mapping[str, str], *arguments: str, code: int = 0) -> Any:
    """Return what a command prints with `--json`."""
    ended = call(environ, *arguments, "--json")
    assert ended.returncode == code, ended.stderr
    return json.loads(ended.stdout)


def error(environ: Mapping[str, str], *arguments: str, code: int) -> str:
    """Return the one sentence that a command fails with."""
    ended = call(environ, *arguments)
    assert (ended.returncode, ended.stdout) == (code, ""), ended
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1, "one sentence on one line"
    return ended.stderr
