"""One call of ruff from this process's environment; all its configuration is ours, none comes from the pull request."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason
from codegen_platform.errors import CodegenError

MAX_OUTPUT_BYTES = 8_000_000
MAX_VIOLATIONS = 2_000
"""Of one file; nobody reads more, and a hostile file can hold half a million."""
_SYNTAX_ALONE = ("F404",)
"""Ruff reports syntax errors with any selection, but it needs one."""


_FILENAME = b'"filename":"'


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Violations:
    """Ruff's violations in some files.

    Attributes:
        found: in ruff's order.
        cut: paths of files with more violations than are kept.
    """

    found: tuple[tuple[SourceFile, Violation], ...]
    cut: frozenset[str]

    @property
    def broken(self) -> set[str]:
        """Return the paths of the files that do not parse."""
        return {source.path for source, violation in self.found if violation.is_syntax_error}


def violations_in(
    files: Sequence[SourceFile], *, rules: Collection[str] = _SYNTAX_ALONE, ends_at: float, folder: Path | None = None
) -> Violations:
    """Return ruff's violations in these files, written under made-up names into a private folder within `folder`.

    Args:
        ends_at: by the monotonic clock.
        folder: the system's temporary folder by default.

    Raises:
        RuffFailed: there is no usable result.
    """
    with tempfile.TemporaryDirectory(prefix="codegen-ruff-", dir=folder) as private:
        names = dict(write_files(files, Path(private)))
        output, is_cut = _output(command(rules), private, ends_at)
    if is_cut and len(files) > 1:
        raise RuffFailed("printed too much", reason=SkipReason.TOO_MANY_CLAIMS)
    counts: Counter[str] = Counter()
    found: list[tuple[SourceFile, Violation]] = []
    for line in output.splitlines():
        source = names.get(_folder_in(line))
        if source is None:
            continue
        counts[source.path] += 1
        if counts[source.path] <= MAX_VIOLATIONS:
            with contextlib.suppress(ValidationError):
                found.append((source, Violation.model_validate_json(line)))
    cut = {path for path, count in counts.items() if count > MAX_VIOLATIONS or is_cut}
    return Violations(found=tuple(found), cut=frozenset(cut))


def _folder_in(line: bytes) -> str:
    """Return the made-up name in a line of output, without reading all of it as JSON."""
    return (
        line.rpartition(_FILENAME)[2]
        .partition(b'"')[0]
        .decode("ascii", "replace")
        .rpartition("/")[0]
        .rpartition("/")[2]
    )


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


def _output(arguments: list[str], folder: str, ends_at: float) -> tuple[bytes, bool]:
    """Return ruff's output for the folder, and whether it was cut."""
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
            output, is_cut = _read(process.stdout, ends_at)
        except RuffFailed:
            process.kill()
            raise
        if is_cut:
            process.kill()
    if process.returncode == -signal.SIGXCPU:
        raise RuffFailed("took too long", reason=SkipReason.ANALYSIS_TIMEOUT)
    if process.returncode != 0 and not is_cut:
        raise RuffFailed(f"ended with status {process.returncode}")
    return output, is_cut


def _read(pipe: IO[bytes], ends_at: float) -> tuple[bytes, bool]:
    """Read the pipe to its end, or to the size limit; return also whether that was it.

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
                return b"".join(chunks), False
            chunks.append(chunk)
    return b"".join(chunks), True
