"""One call of ruff: from the environment that this process runs in, told everything by us and nothing by the pull request."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason
from codegen_platform.errors import CodegenError

MAX_OUTPUT_BYTES = 16_000_000
_SYNTAX_ALONE = ("F404",)
"""Errors of syntax are told whatever is selected; something must be."""


class RuffFailed(CodegenError):
    """Ruff gave no usable result for these files: it crashed, took too long, printed too much, or could not be started."""

    code = "ruff_failed"

    def __init__(self, message: str, *, reason: SkipReason = SkipReason.ANALYSIS_FAILED) -> None:
        super().__init__(message)
        self.reason = reason


class Place(BaseModel):
    """1-based; columns count characters."""

    row: int
    column: int


class Edit(BaseModel):
    """A part of a fix."""

    content: str
    location: Place
    end_location: Place


class Fix(BaseModel):
    """How ruff would correct a violation."""

    applicability: str
    edits: list[Edit]


class Violation(BaseModel):
    """One line of `--output-format json-lines`."""

    code: str | None
    message: str
    filename: str
    location: Place
    end_location: Place
    fix: Fix | None = None

    @property
    def is_syntax_error(self) -> bool:
        """Return whether the file does not parse at this place."""
        return self.code in (None, "invalid-syntax")


def violations_in(
    files: Sequence[SourceFile], *, rules: Collection[str] = _SYNTAX_ALONE, ends_at: float, folder: Path | None = None
) -> Iterator[tuple[SourceFile, Violation]]:
    """Yield what ruff says of these files, written under made-up names into a private folder within `folder`.

    Args:
        ends_at: by the monotonic clock.
        folder: the system's temporary folder by default.

    Raises:
        RuffFailed: there is no usable result.
    """
    with tempfile.TemporaryDirectory(prefix="codegen-ruff-", dir=folder) as private:
        names = dict(write_files(files, Path(private)))
        output = _output(command(rules), private, ends_at)
    for line in output.splitlines():
        try:
            violation = Violation.model_validate_json(line)
        except ValidationError:
            continue
        yield names[violation.filename.split("/")[-2]], violation


def write_files(files: Sequence[SourceFile], folder: Path) -> Iterator[tuple[str, SourceFile]]:
    """Write each file into a folder of its own and yield that folder's made-up name.

    Of the real name only the kind is taken: a stub, a package's `__init__`, or any other module, which ruff judges differently.
    """
    for number, source in enumerate(files):
        name = f"p{number:05d}"
        suffix = ".pyi" if source.path.endswith(".pyi") else ".py"
        stem = "__init__" if source.path.rpartition("/")[2] == f"__init__{suffix}" else "module"
        (folder / name).mkdir()
        (folder / name / (stem + suffix)).write_text(source.text or "", encoding="utf-8", newline="\n")
        yield name, source


def command(rules: Collection[str]) -> list[str]:
    """Return the command line: the same for every change."""
    # The newest target: older ones report syntax that the project's Python may well have.
    return [
        _program(), "check", "--isolated", "--no-cache", "--no-fix", "--ignore-noqa", "--no-respect-gitignore", "--quiet",
        "--exit-zero", "--preview", "--target-version=py315", "--output-format=json-lines",
        "--select=" + ",".join(sorted(rules)), "--", ".",
    ]  # fmt: skip


@cache
def _program() -> str:
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    return os.fsdecode(find_ruff_bin())


def _output(arguments: list[str], folder: str, ends_at: float) -> bytes:
    """Return what ruff prints for the folder."""
    try:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env={"RAYON_NUM_THREADS": "1", "NO_COLOR": "1", "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise RuffFailed(f"could not be started ({error.strerror})") from error
    with process:
        assert process.stdout is not None
        try:
            output = _read(process.stdout, ends_at)
        except RuffFailed:
            process.kill()
            raise
    if process.returncode != 0:
        raise RuffFailed(f"ended with status {process.returncode}")
    return output


def _read(pipe: IO[bytes], ends_at: float) -> bytes:
    """Read the pipe to its end.

    Not `subprocess.run(timeout=...)`, which without a pipe polls every 50 ms, and with one keeps whatever is printed.
    """
    chunks: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while sum(map(len, chunks)) <= MAX_OUTPUT_BYTES:
            if not selector.select(max(0.0, ends_at - time.monotonic())):
                raise RuffFailed("took too long", reason=SkipReason.ANALYSIS_TIMEOUT)
            chunk = os.read(pipe.fileno(), 1 << 20)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
    raise RuffFailed("printed too much")
