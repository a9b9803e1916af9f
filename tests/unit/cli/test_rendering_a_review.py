"""The report of a review: everything a person needs, nothing that hostile text could do to the terminal."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from codegen_platform.artifacts import (
    Category,
    CodeReview,
    Coverage,
    DroppedFinding,
    Finding,
    ModelUsage,
    Outcome,
    PublishedReview,
    Severity,
    SkippedFile,
    SuppressedFinding,
)
from codegen_platform.cli.rendering import print_report
from codegen_platform.cli.report import ReviewReport, report_as_json

HOSTILE = (
    "[bold red]x[/] :boom: \x1b[2J\x1b]8;;http://evil\x07link\x1b]8;;\x07 \u202egnp\u200b\r\x00 [link=http://evil]y"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def finding(**changes: object) -> Finding:
    facts: dict[str, object] = {
        "path": "src/app.py",
        "line": 40,
        "end_line": 41,
        "severity": Severity.HIGH,
        "category": Category.SECURITY,
        "title": "A shell runs user input",
        "body": "The host name goes into a shell command.\n\nPass a list instead.",
        "quote": 'subprocess.run(f"scp {host}", shell=True)\nreturn 1',
        "source": "bandit:B602",
    }
    return Finding.model_validate(facts | changes)


def review(**changes: object) -> CodeReview:
    facts: dict[str, object] = {
        "task_id": "0198c3d2-7b1e-7c55-a6c4-1f6a5d2b9e10",
        "forge": "local",
        "repository": "_local/app-0a1b2c3d",
        "number": 7,
        "base_sha": "a" * 40,
        "head_sha": "b" * 40,
        "url": "",
        "outcome": Outcome.REVIEWED,
        "summary": "Two things to fix.",
        "findings": (finding(), finding(severity=Severity.LOW, line=2, end_line=2, quote="x = 1", title="Unused name")),
        "coverage": Coverage(files_changed=3, files_reviewed=2, lines_changed=1200, lines_reviewed=1100),
    }
    return CodeReview.model_validate(facts | changes)


def report(**changes: object) -> ReviewReport:
    document = review(**changes)
    return ReviewReport(
        title="Rotate keys",
        partition="_local.app-0a1b2c3d.7",
        review=document,
        published=PublishedReview(
            task_id=document.task_id, effect_id="e", forge="local", repository=document.repository, number=7,
            head_sha=document.head_sha, outcome=document.outcome, state="posted", url="file:///home/reviews/x.md",
            confirmed=2, posted=2, suppressed=0, failed=0,
        ),
        run_url="http://127.0.0.1:3000/runs/0f0f", asset_url="http://127.0.0.1:3000/assets/code_review?partition=x",
        files=("/home/reviews/x.md", "/home/reviews/x.json"), seconds=3.21,
    )  # fmt: skip


def printed(shown: ReviewReport, *, terminal: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=120,
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
        color_system="truecolor" if terminal else None,
    )
    print_report(console, shown)
    return stream.getvalue()


def test_a_report_has_outcome_counts_findings_with_their_lines_coverage_cost_and_addresses() -> None:
    text = printed(report())

    for expected in (
        "Rotate keys", "_local/app-0a1b2c3d #7", "Reviewed: 2 findings", "1 high", "1 low", "in 3.2 s",
        "src/app.py:40", "A shell runs user input", 'subprocess.run(f"scp {host}", shell=True)', "Pass a list instead.",
        "security, bandit:B602", "Read 2 of 3 changed files, 1,100 of 1,200 changed lines.", "static analysis only",
        "http://127.0.0.1:3000/runs/0f0f", "file:///home/reviews/x.md", "/home/reviews/x.json",
    ):  # fmt: skip
        assert expected in text
    assert re.search(r"^\s*40 .*subprocess", text, re.M), "the quoted line carries its number"
    assert not [line for line in text.splitlines() if line.endswith(" ")], "nothing is padded"
    assert text.index("src/app.py:40") < text.index("src/app.py:2 "), "the most severe comes first"


@pytest.mark.parametrize("terminal", [False, True])
def test_hostile_text_is_shown_and_never_reaches_the_terminal_as_a_command(terminal: bool) -> None:
    hostile = finding(
        path=HOSTILE, title=HOSTILE, body=HOSTILE, quote=f"{HOSTILE}\n{HOSTILE}", source=f"model:{HOSTILE}"
    )
    shown = report(
        findings=(hostile,),
        summary=HOSTILE,
        repository="_local/app-0a1b2c3d",
        degraded=HOSTILE,
        coverage=Coverage(
            files_changed=2,
            files_reviewed=1,
            lines_changed=1,
            lines_reviewed=1,
            skipped=(SkippedFile(path=HOSTILE, reason="binary"),),
        ),
        suppressed=(SuppressedFinding(finding=hostile, reason=HOSTILE),),
        dropped=(DroppedFinding(path=HOSTILE, title=HOSTILE, reason=HOSTILE),),
    )

    text = printed(shown, terminal=terminal)
    plain = COLOUR.sub("", text)

    assert not [char for char in plain if char != "\n" and not char.isprintable()]
    assert r"\x1b[2J" in plain
    assert r"\u202egnp\u200b" in plain
    assert "[bold red]x[/] :boom:" in plain
    assert "[link=http://evil]y" in plain


def test_a_huge_quote_or_body_does_not_flood_the_screen() -> None:
    text = printed(report(findings=(finding(quote="x" * 5000 + "\ny" * 500, body="word " * 5000),)))

    assert len(text) < 6000
    assert "more lines" in text


def test_a_clean_review_says_so() -> None:
    assert "Clean: everything was read, no findings" in printed(report(outcome=Outcome.CLEAN, findings=(), summary=""))


def test_what_was_not_posted_dropped_or_not_read_is_counted_with_reasons() -> None:
    text = printed(
        report(
            outcome=Outcome.PARTIAL,
            coverage=Coverage(
                files_changed=3,
                files_reviewed=1,
                lines_changed=9,
                lines_reviewed=5,
                skipped=(SkippedFile(path="go.sum", reason="generated"), SkippedFile(path="a.bin", reason="binary")),
            ),
            suppressed=(SuppressedFinding(finding=finding(), reason="below_severity_floor"),) * 3,
            dropped=(DroppedFinding(path="a", title="t", reason="quote_not_found"),),
            degraded="the model did not answer",
        )
    )

    for expected in (
        "  not read: a.bin (binary)\n  skipped: go.sum (generated; ",
        "3 (below_severity_floor)",
        "1 (quote_not_found)",
        "the model did not answer",
    ):
        assert expected in text


def test_the_cost_names_model_calls_and_tokens() -> None:
    usage = ModelUsage(
        model="claude-x",
        prompt_sha256="p",
        calls=2,
        input_tokens=100,
        output_tokens=50,
        cache_read_tokens=900,
        cost_usd=0.01234,
    )

    assert "Cost $0.0123: 2 calls to claude-x, 1,000 tokens in (900 from cache), 50 out." in printed(
        report(usage=usage)
    )


def test_json_has_the_agreed_fields_and_survives_hostile_text() -> None:
    found = json.loads(json.dumps(report_as_json(report(findings=(finding(title=HOSTILE),)))))

    assert {
        "outcome",
        "findings",
        "coverage",
        "cost_usd",
        "task_id",
        "run_url",
        "review_url",
        "degraded",
        "partition",
    } <= set(found)
    assert {"path", "line", "end_line", "severity", "category", "title", "quote", "source"} <= set(found["findings"][0])
    assert (found["outcome"], found["cost_usd"], found["findings"][0]["title"]) == ("reviewed", 0.0, HOSTILE)
    assert found["review_url"] == "file:///home/reviews/x.md"


def test_fail_on_counts_suppressed_findings_too() -> None:
    shown = report(
        findings=(finding(severity=Severity.LOW),), suppressed=(SuppressedFinding(finding=finding(), reason="muted"),)
    )

    assert shown.findings_at_least(Severity.HIGH) == 1
    assert shown.findings_at_least(Severity.CRITICAL) == 0


def test_fail_on_has_its_own_exit_code_for_unread_files() -> None:
    skipped = (SkippedFile(path="a.cpp", reason="no_analyser"),)
    coverage = Coverage(files_changed=2, files_reviewed=1, lines_changed=9, lines_reviewed=5, skipped=skipped)
    low = finding(severity=Severity.LOW)
    partial = report(findings=(low,), outcome=Outcome.PARTIAL, coverage=coverage)

    assert partial.exit_code(Severity.HIGH) == 4
    assert partial.exit_code(Severity.LOW) == 3
    assert partial.exit_code(None) == 0
    assert report(findings=(), outcome=Outcome.PARTIAL, degraded="no answer").exit_code(Severity.HIGH) == 4
    assert report(findings=(), outcome=Outcome.REFUSED).exit_code(Severity.HIGH) == 4
    assert report(findings=(), outcome=Outcome.CLEAN).exit_code(Severity.INFO) == 0


def test_files_skipped_on_purpose_do_not_fail_a_build() -> None:
    skipped = (SkippedFile(path="go.sum", reason="generated"),)
    coverage = Coverage(files_changed=2, files_reviewed=1, lines_changed=9, lines_reviewed=5, skipped=skipped)
    clean = report(findings=(), outcome=Outcome.CLEAN, coverage=coverage)

    assert clean.exit_code(Severity.INFO) == 0
    assert "Clean: no findings; some files were skipped on purpose" in printed(clean)
