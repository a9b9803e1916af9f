"""An analyser that does to its process what the text of a file says, as hostile text might make a real one do."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity


class Poison:
    """Reads files one by one; each is one line: a command and its argument."""

    name, version, languages = "poison", "1", None

    def __init__(self, *, reads_together: bool = False) -> None:
        self.reads_together = reads_together

    def run(self, files: Sequence[SourceFile]) -> Claims:
        return Claims(claims=tuple(claim for source in files for claim in _obey(source)))


def _obey(source: SourceFile) -> list[Claim]:
    command, _, argument = source.lines[1].partition(" ")
    if command == "backtrack":  # in C, without a look at signals, and with the GIL
        re.match("(a+)+$", "a" * 60 + "b")
    if command == "spin-and-tell":
        Path(argument).write_text(f"{os.getpid()} {tempfile.gettempdir()}")
        Path(tempfile.gettempdir(), "source.py").write_text("private")
        while True:
            pass
    if command == "sleep":
        time.sleep(3600)
    if command == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if command == "grow":
        bytearray(1 << 40)
    if command == "raise":
        raise ValueError(source.lines[1])
    if command == "pid":
        return [_claim(source, str(os.getpid()))]
    if command == "flood":
        return [_claim(source, "x" * 1_000_000)] * 24
    return [_claim(source, command)]


def _claim(source: SourceFile, title: str) -> Claim:
    return Claim(
        path=source.path,
        line=1,
        end_line=1,
        rule="poison:claim",
        what="poison",
        severity=Severity.LOW,
        category=Category.BUG,
        title=title,
        body="",
    )
