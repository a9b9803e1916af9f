"""A review as a readable page in the terminal. Every text in it is hostile: shown, never interpreted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from codegen_platform.artifacts import CodeReview, Finding, Outcome, Severity
from codegen_platform.cli.output import print_page
from codegen_platform.cli.report import ReviewReport
from codegen_platform.security.visible import visible

QUOTE_LINES = 12
QUOTE_COLUMNS = 200
BODY_CHARACTERS = 1_500
LISTED_FILES = 20

_SEVERITY_STYLE = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold cyan",
    Severity.INFO: "bold blue",
}
_OUTCOME_SENTENCE = {
    Outcome.REVIEWED: "Reviewed",
    Outcome.CLEAN: "Clean: everything was read, no findings",
    Outcome.PARTIAL: "Partial: part of the change could not be read",
    Outcome.REFUSED: "Refused: nothing could be reviewed",
    Outcome.SUPERSEDED: "Superseded by a newer commit",
    Outcome.FAILED: "Failed",
}


def print_report(console: Console, report: ReviewReport) -> None:
    """Print the whole report."""
    print_page(console, _parts(report))


def _parts(report: ReviewReport) -> Iterator[RenderableType]:
    review = report.review
    yield Text("")
    yield _header(report)
    yield Text("")
    for finding in sorted(review.findings, key=lambda f: (f.severity.rank, f.path, f.line)):
        yield _finding(finding)
    yield from _remarks(review)
    if report.published and report.published.reason:
        yield Text(f"Publication: {_one_line(report.published.reason)}", style="yellow")
    yield Text("")
    yield _where_to_look(report)


def _header(report: ReviewReport) -> Text:
    review = report.review
    text = Text()
    text.append(f"{_one_line(report.title)}\n", style="bold")
    text.append(
        f"{_one_line(review.repository)} #{review.number}  {review.base_sha[:12]} -> {review.head_sha[:12]}\n",
        style="dim",
    )
    text.append(_outcome(review), style="bold")
    counts = [(level, n) for level, n in review.counts_by_severity().items() if n]
    if counts:
        text.append(f": {_plural(len(review.findings), 'finding')}")
        for level, count in counts:
            text.append("  ").append(f"{count} {level}", style=_SEVERITY_STYLE[Severity(level)])
    if report.seconds is not None:
        text.append(f"  in {report.seconds:.1f} s", style="dim")
    if review.summary.strip():
        text.append(f"\n{_block(review.summary)}")
    return text


def _outcome(review: CodeReview) -> str:
    if review.outcome is Outcome.CLEAN and review.coverage.skipped:
        return "Clean: no findings; some files were skipped on purpose"
    return _OUTCOME_SENTENCE[review.outcome]


def _finding(finding: Finding) -> RenderableType:
    place = _one_line(f"{finding.path}:{finding.line}")
    head = Text.assemble(
        (f" {finding.severity.value} ", _SEVERITY_STYLE[finding.severity]),
        ("  ", ""),
        (place, "bold"),
        (f"  {finding.category.value}, {_one_line(finding.source)}", "dim"),
    )
    parts: list[RenderableType] = [
        head,
        _indented(Text(_one_line(finding.title), style="bold")),
        _indented(_quote(finding)),
    ]
    if finding.body.strip() and finding.body.strip() != finding.title.strip():
        parts.append(_indented(Text(_block(finding.body))))
    return Group(*parts, Text(""))


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2), expand=False)


def _quote(finding: Finding) -> Syntax:
    lines = finding.quote.expandtabs(4).splitlines() or [""]
    shown = [visible(line)[:QUOTE_COLUMNS] for line in lines[:QUOTE_LINES]]
    if len(lines) > QUOTE_LINES:
        shown.append(f"... {len(lines) - QUOTE_LINES} more lines")
    return Syntax(
        "\n".join(shown),
        Syntax.guess_lexer(finding.path, code=None),
        theme="ansi_dark",
        line_numbers=True,
        start_line=finding.line,
        code_width=max(len(line) for line in shown) + 1,
        background_color="default",
    )


def _remarks(review: CodeReview) -> Iterator[RenderableType]:
    coverage = review.coverage
    yield Text(
        f"Read {coverage.files_reviewed:,} of {_plural(coverage.files_changed, 'changed file')}, "
        f"{coverage.lines_reviewed:,} of {_plural(coverage.lines_changed, 'changed line')}."
    )
    unread_first = sorted(coverage.skipped, key=lambda skip: skip.reason.is_on_purpose)
    for skip in unread_first[:LISTED_FILES]:
        how = "skipped" if skip.reason.is_on_purpose else "not read"
        yield Text(f"  {how}: {_one_line(skip.path)} ({skip.reason.words})", style="dim")
    if len(unread_first) > LISTED_FILES:
        yield Text(f"  and {len(unread_first) - LISTED_FILES} more files", style="dim")
    if coverage.doubt:
        yield Text(_one_line(coverage.doubt))
    suppressed = Counter(one.reason for one in review.suppressed)
    for reason, count in sorted(suppressed.items()):
        yield Text(f"Confirmed but not posted: {count} ({_one_line(reason)})")
    dropped = Counter(one.reason for one in review.dropped)
    for reason, count in sorted(dropped.items()):
        yield Text(f"Dropped as unproven: {count} ({_one_line(reason)})")
    yield _cost(review)
    if review.degraded:
        yield Text(f"Degraded: {_one_line(review.degraded)}", style="bold yellow")


def _cost(review: CodeReview) -> Text:
    usage = review.usage
    if usage is None:
        return Text("Cost $0: static analysis only, no model call was made.")
    return Text(
        f"Cost ${usage.cost_usd:.4f}: {_plural(usage.calls, 'call')} to {_one_line(usage.model)}, "
        f"{usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens:,} tokens in "
        f"({usage.cache_read_tokens:,} from cache), {usage.output_tokens:,} out."
    )


def _where_to_look(report: ReviewReport) -> Text:
    places = [("run", report.run_url), ("asset", report.asset_url), ("review", report.review_url)]
    places += [("file", file) for file in report.files if Path(file).as_uri() != report.review_url]
    text = Text()
    for name, address in places:
        if address:
            text.append(f"{name:8}", style="dim").append(f"{_one_line(address)}\n")
    text.append(f"{'task':8}", style="dim").append(report.review.task_id)
    return text


def _one_line(text: str) -> str:
    return visible(text)[:500]


def _block(text: str) -> str:
    cut = text.strip()[:BODY_CHARACTERS]
    return visible(cut.expandtabs(4), keep="\n") + (" ..." if len(text.strip()) > BODY_CHARACTERS else "")


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
