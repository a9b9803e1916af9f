"""Workflows as files: read from YAML or JSON, written as YAML."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from codegen_platform.cli.api.answers import Workflow
from codegen_platform.errors import WrongUsage

MAX_BYTES = 1_000_000


def read_workflow(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the name in the file and everything else in it; `-` is stdin.

    Raises:
        WrongUsage: it cannot be read, is neither YAML nor JSON, or names no workflow.
    """
    where = "stdin" if str(file) == "-" else str(file)
    said = _content(file, where)
    try:
        found = yaml.safe_load(said)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WrongUsage(f"{where} is neither YAML nor JSON: {_mistake(error)}") from error
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise WrongUsage(f"{where} must be a mapping with the `name` of a workflow, its `description` and its `steps`")
    return found["name"], {key: value for key, value in found.items() if key != "name"}


def as_yaml(workflow: Workflow) -> str:
    """Return the workflow as a file that can be saved; anything that is not ASCII is escaped."""
    shown: Mapping[str, Any] = {
        "name": workflow["name"],
        "description": workflow["description"],
        **workflow["template"],
    }
    return yaml.safe_dump(shown, sort_keys=False, width=100)


def _content(file: Path, where: str) -> str:
    try:
        raw = sys.stdin.buffer.read(MAX_BYTES + 1) if str(file) == "-" else _read(file)
        if len(raw) > MAX_BYTES:
            raise WrongUsage(f"{where} is larger than {MAX_BYTES:,} bytes")
        return raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{where} cannot be read as text: {error}") from error


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def _mistake(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return f"line {error.problem_mark.line + 1}, {error.problem}"
    return (str(error) or type(error).__name__).splitlines()[0]
