"""The entry point: one group of commands, and the one place where errors become sentences and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from codegen_platform.cli.commands.agents import agents
from codegen_platform.cli.commands.doctor import doctor
from codegen_platform.cli.commands.events import events
from codegen_platform.cli.commands.github_app import github_app
from codegen_platform.cli.commands.review import review
from codegen_platform.cli.commands.serve import serve
from codegen_platform.cli.commands.standing import down, status
from codegen_platform.cli.commands.tasks import tasks
from codegen_platform.cli.commands.up import up
from codegen_platform.cli.commands.upkeep import backup, migrate, restore
from codegen_platform.cli.commands.workflows import workflows
from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.private_home import keep_files_private

DONE, FAILED, WRONG_USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 findings at or above --fail-on, 4 not everything was read.",
)
@click.version_option(package_name="codegen-platform", message="%(version)s")
def app() -> None:
    """AI review of code changes on your own machines.

    \b
    Start everything and review an example:     codegen-platform up
    Review a branch of a local repository:      codegen-platform review . --base main
    Review a pull request on GitHub:            codegen-platform review owner/repo#123
    Ask for work, and watch it being done:      codegen-platform tasks create owner/repo 123, tasks watch
    See what is in force and what is missing:   codegen-platform doctor
    """


for command in (
    up,
    down,
    status,
    review,
    doctor,
    tasks,
    events,
    agents,
    workflows,
    migrate,
    backup,
    restore,
    github_app,
    serve,
):
    app.add_command(command)


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    keep_files_private()
    # A shell starts background jobs with SIGINT ignored; Ctrl-C and SIGTERM must both end in the same orderly stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop_on_termination)
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code. Errors are one sentence on stderr, with `CODEGEN_DEBUG` a traceback."""
    try:
        code = app.main(args=list(arguments), prog_name="codegen-platform", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE if isinstance(error, click.UsageError) else FAILED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`); Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except CodegenError as error:
        _say(str(error))
        return WRONG_USAGE if isinstance(error, WrongUsage) else FAILED
    except Exception as error:
        _say(f"internal error, {type(error).__name__}: {error}; with CODEGEN_DEBUG=1 it comes with a traceback")
        return FAILED


def _say(sentence: str) -> None:
    if os.environ.get("CODEGEN_DEBUG"):
        import traceback

        traceback.print_exc()
    from codegen_platform.security.visible import visible

    click.echo(f"Error: {visible(sentence)}", err=True)


def _stop_on_termination(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)
