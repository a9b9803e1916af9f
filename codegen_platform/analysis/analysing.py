"""One analysis: every analyser on the files it reads, each on its own, and what they found within the change."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import structlog

from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.analysis.claims import Analyser, Claim, Claims
from codegen_platform.analysis.novelty import introduced
from codegen_platform.analysis.options import AnalysisLimits, AnalysisOptions
from codegen_platform.analysis.placing import findings_from, place
from codegen_platform.analysis.sources import SourceFile, read_sources
from codegen_platform.artifacts import PullRequestSnapshot, SkippedFile, SkipReason, StaticFindings, ToolReport
from codegen_platform.changes.languages import PROSE
from codegen_platform.errors import CodegenError

MAX_CLAIMS = 500
"""Kept of one analyser: nobody reads more, and a hostile file can make millions."""
MAX_CLAIMS_A_FILE = 50
"""Kept of each file where that is needed, so that one file does not crowd out the others."""

log = structlog.get_logger()


def analyse(
    snapshot: PullRequestSnapshot, *, options: AnalysisOptions, limits: AnalysisLimits | None = None
) -> StaticFindings:
    """Return findings in the lines that the change touches, by rules alone: no code is executed and no text obeyed.

    The analysers run in a separate process under these limits. Never raises for the content of a pull request. A failing analyser reports
    it, and the others' results stand. The result is the same for the same snapshot, options and tool versions, except for the seconds.
    """
    from codegen_platform.analysis.isolated import AnalysisProcess, Isolated

    with AnalysisProcess(limits or AnalysisLimits()) as process:
        analysers = [Isolated(analyser, process) for analyser in analysers_for(options)]
        return analyse_with(analysers, snapshot, options=options)


def analyse_with(
    analysers: Iterable[Analyser], snapshot: PullRequestSnapshot, *, options: AnalysisOptions
) -> StaticFindings:
    """Return what these analysers find; see `analyse`."""
    sources, skipped = read_sources(snapshot, ignore=options.ignore)
    by_path = {source.path: source for source in sources}
    kept: list[Claim] = []
    secrets: dict[str, set[str]] = {}
    reports: list[ToolReport] = []
    analysers = tuple(analysers)
    unread = _without_analyser(sources, analysers, options)
    for analyser in analysers:
        claims, report, unread_by_it = _run(
            analyser, [source for source in sources if _reads(analyser, source, options)]
        )
        for claim in claims:
            secrets.setdefault(claim.path, set()).update(claim.secrets)
        claims = [claim for claim in claims if place(claim, by_path[claim.path])]
        some = _most_severe(claims)
        kept += some
        if len(some) < len(claims):
            cut = {claim.path for claim in claims} if report.error else _paths_cut(claims, some)
            unread_by_it = {**dict.fromkeys(cut, SkipReason.TOO_MANY_CLAIMS), **unread_by_it}
            limit_note = f"kept the {len(some)} most severe of {len(claims)} claims"
            report = report.model_copy(update={"error": report.error or limit_note})
        unread = {**unread_by_it, **unread}
        reports.append(report)
    for path, reason in unread.items():
        if path not in skipped or skipped[path].reason is SkipReason.REMOVED_LINES:
            skipped[path] = SkippedFile(path=path, reason=reason)
    findings = findings_from(kept, by_path, secrets)
    incomplete = [report.name for report in reports if report.error]
    log.info("analysis.finished", files=len(sources), findings=len(findings), incomplete=incomplete)
    return StaticFindings(
        repository=snapshot.repository,
        number=snapshot.number,
        head_sha=snapshot.head_sha,
        findings=tuple(findings),
        tools=tuple(reports),
        skipped=tuple(skipped.values()),
    )


def warm() -> None:
    """Start the server that forks analysis processes, before this process forks; starts no thread. Returns before the server is warm."""
    from codegen_platform.analysis.isolated import forks

    forks.start()


def _reads(analyser: Analyser, source: SourceFile, options: AnalysisOptions) -> bool:
    if analyser.languages is None:
        return True
    if source.text is None or source.is_sample or source.language not in analyser.languages:
        return False
    return options.multi_language or source.language == "python"


def _without_analyser(
    sources: Iterable[SourceFile], analysers: Sequence[Analyser], options: AnalysisOptions
) -> dict[str, SkipReason]:
    """Return the files whose code no analyser of their language gets; prose only has characters to read."""
    parsers = [analyser for analyser in analysers if analyser.languages is not None]
    known = {language for parser in parsers for language in parser.languages or ()}
    found: dict[str, SkipReason] = {}
    for source in sources:
        if source.language in PROSE or any(_reads(parser, source, options) for parser in parsers):
            continue
        is_known = source.language in known and (options.multi_language or source.language == "python")
        found[source.path] = SkipReason.TEST_DATA if is_known and source.is_sample else SkipReason.NO_ANALYSER
    return found


def _paths_cut(claims: Iterable[Claim], kept: Iterable[Claim]) -> set[str]:
    """Return the files of which claims were not kept."""
    counts = Counter(claim.path for claim in claims)
    counts.subtract(Counter(claim.path for claim in kept))
    return {path for path, left in counts.items() if left}


def _run(analyser: Analyser, files: Sequence[SourceFile]) -> tuple[list[Claim], ToolReport, Mapping[str, SkipReason]]:
    """Return one analyser's findings within the change, its report, and its unread files with the reason."""
    started = time.monotonic()
    by_path = {source.path: source for source in files}
    claims, error, unread = _attempt(analyser, files) if files else ([], None, {})
    if error:
        log.warning("analysis.tool_incomplete", tool=analyser.name, files=len(files), error=error)
    report = ToolReport(
        name=analyser.name,
        version=analyser.version,
        files=len(files),
        findings=sum(place(claim, by_path[claim.path]) is not None for claim in claims),
        seconds=round(time.monotonic() - started, 4),
        error=error,
    )
    return claims, report, unread


def _most_severe(claims: list[Claim]) -> list[Claim]:
    """Return all claims if they are not too many; else those that are kept, a bounded number of each file, in order of severity."""
    if len(claims) <= MAX_CLAIMS:
        return claims
    of_file: Counter[str] = Counter()
    kept: list[Claim] = []
    for claim in sorted(claims, key=lambda claim: claim.severity.rank):
        of_file[claim.path] += 1
        if of_file[claim.path] <= MAX_CLAIMS_A_FILE:
            kept.append(claim)
    return kept[:MAX_CLAIMS]


def _attempt(
    analyser: Analyser, files: Sequence[SourceFile]
) -> tuple[list[Claim], str | None, Mapping[str, SkipReason]]:
    by_path = {source.path: source for source in files}
    none_read = dict.fromkeys(by_path, SkipReason.ANALYSIS_FAILED)
    try:
        run: Claims = analyser.run(files)
        # Secrets in context lines are not findings, but no finding may repeat them.
        within = [claim for claim in run.claims if claim.secrets or place(claim, by_path[claim.path])]
        # An error that names no files may be about any of them.
        unread = run.unread or (none_read if run.error else {})
        return introduced(within, by_path, analyser), run.error, unread
    except CodegenError as error:
        return [], str(error), none_read
    except BaseException as error:
        # A tool's bug on hostile input must not take the other tools' findings with it. A panic of a Rust library is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        # The error's text may quote the pull request, so report only its type.
        return [], f"failed with {type(error).__name__}", none_read
