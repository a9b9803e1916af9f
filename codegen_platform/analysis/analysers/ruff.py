"""Ruff, from the environment that this process runs in, told everything by us and nothing by the pull request."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import IO

from codegen_platform.analysis.advice import advice_for
from codegen_platform.analysis.analysers.ruff_output import claims_in
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.limits import unread_error
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason
from codegen_platform.errors import CodegenError

TIME_LIMIT_SECONDS = 20.0
"""For all calls of one run together; a thousand ordinary files take two seconds."""
MAX_OUTPUT_BYTES = 16_000_000
MAX_BATCH_CHARACTERS = 20_000_000


class RuffFailed(CodegenError):
    """Ruff gave no usable result for these files: it crashed, took too long, printed too much, or could not be started."""

    code = "ruff_failed"

    def __init__(self, message: str, *, reason: SkipReason = SkipReason.ANALYSIS_FAILED) -> None:
        super().__init__(message)
        self.reason = reason


class Ruff:
    """Finds defects in Python by the rules that `rules/ruff.yaml` selects."""

    name = "ruff"
    languages = frozenset({"python"})
    reads_together = True

    def __init__(self, *, time_limit_seconds: float = TIME_LIMIT_SECONDS, folder: Path | None = None) -> None:
        """Make an analyser that writes into a private folder within `folder`, the system's temporary one by default."""
        self._time_limit_seconds = time_limit_seconds
        self._folder = folder

    @cached_property
    def version(self) -> str:
        """Return ruff's own version."""
        return version("ruff")

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return ruff's claims; `# noqa` and every configuration in the pull request are ignored.

        A file that makes ruff crash costs only itself: the others are read again in halves, as far as the time limit allows.
        """
        ends_at = time.monotonic() + self._time_limit_seconds
        claims: list[Claim] = []
        unread: dict[str, SkipReason] = {}
        waiting = list(_batches(files))
        while waiting:
            batch = waiting.pop()
            try:
                claims += _check(batch, ends_at, self._folder)
            except RuffFailed as error:
                if len(batch) == 1 or time.monotonic() >= ends_at:
                    unread |= {source.path: error.reason for source in batch}
                else:
                    waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
        return Claims(claims=tuple(claims), error=unread_error(unread, len(files)), unread=unread)


def _batches(files: Sequence[SourceFile]) -> Iterator[Sequence[SourceFile]]:
    """Yield the files in groups whose text fits the temporary folder."""
    batch: list[SourceFile] = []
    size = 0
    for source in files:
        length = len(source.text or "")
        if batch and size + length > MAX_BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += length
    if batch:
        yield batch


def _check(files: Sequence[SourceFile], ends_at: float, parent: Path | None) -> list[Claim]:
    """Run ruff once on these files, written under made-up names into a private folder.

    Raises:
        RuffFailed: there is no usable result.
    """
    with tempfile.TemporaryDirectory(prefix="codegen-ruff-", dir=parent) as folder:
        names = dict(write_files(files, Path(folder)))
        claims = [claim for line in _output(folder, ends_at).splitlines() for claim in claims_in(line, names)]
    broken: dict[str, Claim] = {}
    for claim in claims:
        if claim.about_the_file and claim.line < broken.setdefault(claim.path, claim).line:
            broken[claim.path] = claim
    # What else ruff says of a file that does not parse follows from the first error.
    return [claim for claim in claims if claim.path not in broken] + list(broken.values())


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


def _output(folder: str, ends_at: float) -> bytes:
    """Return what ruff prints for the folder."""
    try:
        process = subprocess.Popen(
            command(),
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


@cache
def command() -> list[str]:
    """Return the command line: the same for every change."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    # The newest target: older ones report syntax that the project's Python may well have.
    return [
        os.fsdecode(find_ruff_bin()), "check", "--isolated", "--no-cache", "--no-fix", "--ignore-noqa", "--no-respect-gitignore", "--quiet",
        "--exit-zero", "--preview", "--target-version=py315", "--output-format=json-lines",
        "--select=" + ",".join(sorted(advice_for("ruff"))), "--", ".",
    ]  # fmt: skip
