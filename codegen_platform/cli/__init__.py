"""The command line: `codegen-platform`. What it prints is for people; `--json` is for programs."""

from codegen_platform.cli.entry import main

__all__ = ["main"]
