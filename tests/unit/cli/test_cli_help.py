"""The help of every command, as golden files; `CODEGEN_TEST_UPDATE=1 pytest tests/unit/cli/test_cli_help.py` rewrites them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from codegen_platform.cli.entry import app

GOLDEN = Path(__file__).parents[2] / "data" / "cli_help"


def commands(group: click.Group = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def help_of(path: tuple[str, ...]) -> str:
    command: click.Command = app
    context = app.make_context("codegen-platform", [], resilient_parsing=True, terminal_width=100)
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
        context = command.make_context(name, [], parent=context, resilient_parsing=True, terminal_width=100)
    return command.get_help(context) + "\n"


@pytest.mark.parametrize("path", list(commands()), ids=lambda path: " ".join(path) or "codegen-platform")
def test_help_reads_as_agreed(path: tuple[str, ...]) -> None:
    golden = GOLDEN / f"{'-'.join(path) or 'codegen-platform'}.txt"
    found = help_of(path)
    if os.environ.get("CODEGEN_TEST_UPDATE"):
        golden.write_text(found, encoding="utf-8")

    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path in commands() if path], ids=" ".join)
def test_every_command_shows_how_it_is_used(path: tuple[str, ...]) -> None:
    text = help_of(path)

    assert "Examples:" in text
    assert f"codegen-platform {' '.join(path)}" in text


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {"-".join(path) or "codegen-platform" for path in commands()}


def test_help_does_not_wait_for_heavy_packages() -> None:
    heavy = ("rich", "pydantic", "psycopg", "httpx", "dagster", "anthropic", "boto3", "yaml", "structlog")
    code = f"import sys; from codegen_platform.cli.entry import run; run(['--help']); sys.exit(len(set(sys.modules) & set({heavy})))"
    started = time.monotonic()

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert ended.returncode == 0, "--help imported a heavy package"
    assert time.monotonic() - started < 5, "the budget is 0.3 s on an idle machine; this only catches what is far off"
