"""What a text costs each analyser that reads it, in processor time of the analysis process and of what it starts."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.slow_shapes import Shape
from codegen_platform.analysis import AnalysisLimits, AnalysisOptions
from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.analysis.claims import Analyser, Claims
from codegen_platform.analysis.isolated import AnalysisProcess, Isolated
from codegen_platform.analysis.sources import SourceFile, read_sources
from codegen_platform.artifacts import ChangedFile, FileStatus, PullRequestSnapshot, SkipReason
from codegen_platform.changes.languages import language_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one analyser used for one text; `unread`: why it did not read it to the end, None if it did."""

    analyser: str
    cpu_seconds: float
    unread: SkipReason | None


class Measured:
    """An analyser that says as its error how many seconds it used, and claims nothing."""

    languages = None
    version = ""

    def __init__(self, analyser: Analyser) -> None:
        """Wrap an analyser."""
        self._analyser = analyser
        self.name = analyser.name

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return the seconds, and why the file was not read to the end if it was not."""
        before = _cpu_seconds()
        run = self._analyser.run(files)
        used = _cpu_seconds() - before
        unread = next(iter(run.unread.values()), None)
        return Claims(error=f"{used} {unread or ''}")


def costs_of(shape: Shape, *, size: int, limit_seconds: float) -> Iterator[Cost]:
    """Yield what a text of this shape and size costs each analyser of its language; who uses more than the limit is killed."""
    source = _source(shape, size)
    limits = AnalysisLimits(seconds=3600.0, seconds_a_file=600.0, cpu_seconds_a_file=limit_seconds)
    with AnalysisProcess(limits) as process:
        for analyser in analysers_for(AnalysisOptions()):
            if analyser.languages is not None and (source.text is None or source.language not in analyser.languages):
                continue
            run = Isolated(Measured(analyser), process).run([source])
            if run.unread:
                yield Cost(analyser=analyser.name, cpu_seconds=limit_seconds, unread=next(iter(run.unread.values())))
            else:
                used, _, reason = (run.error or "").partition(" ")
                yield Cost(
                    analyser=analyser.name, cpu_seconds=float(used), unread=SkipReason(reason) if reason else None
                )


def _source(shape: Shape, size: int) -> SourceFile:
    path, make = shape
    text = make(size)
    lines = text.removesuffix("\n").split("\n")
    file = ChangedFile(
        path=path,
        status=FileStatus.ADDED,
        language=language_of(path),
        additions=len(lines),
        patch=f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines),
        head_text=text,
    )
    snapshot = PullRequestSnapshot(
        forge="local", repository="slow/shapes", number=0, title="", description="", author="", base_ref="", head_ref="",
        base_sha="0" * 40, head_sha="0" * 40, url="", files=(file,), files_total=1,
    )  # fmt: skip
    sources, _ = read_sources(snapshot, ignore=())
    return sources[0]


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
