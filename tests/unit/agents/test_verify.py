"""What is left of a model's claims: findings that stand in the diff, and a reason for everything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen_platform.agents import reviewer
from codegen_platform.agents.claims import read_claims
from codegen_platform.agents.draft import DraftReview, ReadFile
from codegen_platform.artifacts import (
    Category,
    CodeReview,
    Finding,
    Outcome,
    PullRequestSnapshot,
    Severity,
    SkippedFile,
    StaticFindings,
    ToolReport,
)
from codegen_platform.changes.configuration import ReviewInstructions
from codegen_platform.changes.diffs import commentable_lines
from codegen_platform.errors import ModelUnavailable
from tests.unit.agents.samples import (
    HEAD,
    ScriptedBackend,
    binary,
    changed,
    line_of,
    sample,
    snapshot,
    static,
    static_finding,
)

LINE = line_of(HEAD, "while i <=")
WHILE = HEAD.split("\n")[LINE - 1]
SHELL_LINE = line_of(HEAD, "os.system")
SHELL = HEAD.split("\n")[SHELL_LINE - 1]


def claim(**changes: Any) -> dict[str, Any]:
    values = {
        "path": "src/store.py",
        "line": LINE,
        "quote": WHILE,
        "body": "With an empty list it reads names[-1].",
        "title": "Loop reads past the end",
        "category": "bug",
        "severity": "high",
        "suggestion": "",
    }
    return {**values, **changes}


def draft(*items: Any, **changes: Any) -> DraftReview:
    claims, invalid = read_claims(list(items), is_partial=False)
    values: dict[str, Any] = {
        "task_id": "t",
        "repository": "octo/store",
        "number": 7,
        "head_sha": "h" * 40,
        "model": "claude-sonnet-5-5",
        "claims": tuple(claims),
        "invalid": tuple(invalid),
        "read": (ReadFile(path="src/store.py", lines=4, is_whole=True),),
    }
    return DraftReview.model_validate({**values, **changes})


def verify(
    *items: Any,
    of: PullRequestSnapshot | None = None,
    findings: StaticFindings | None = None,
    instructions: ReviewInstructions | None = None,
    **options: Any,
) -> CodeReview:
    return reviewer.verify(
        draft(*items),
        of or sample(),
        findings or static(),
        instructions=instructions or ReviewInstructions(),
        **options,
    )


def test_a_quote_is_placed_where_it_stands_whatever_line_the_model_says() -> None:
    review = verify(claim(line=999))
    (finding,) = review.findings
    assert (finding.line, finding.end_line, finding.quote) == (LINE, LINE, WHILE)
    assert finding.source == "model:claude-sonnet-5-5"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quote": "while i < 10**6:"}, "quote_not_found"),
        ({"quote": "LIMIT = 10"}, "outside_diff"),
        ({"quote": "import os"}, "outside_diff"),
        ({"path": "src/other.py"}, "unknown_path"),
        ({"path": "../../etc/passwd"}, "unknown_path"),
        ({"severity": "awful"}, "invalid"),
    ],
)
def test_what_is_not_proved_is_dropped_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    review = verify(claim(**changes))
    assert review.findings == ()
    assert [item.reason for item in review.dropped] == [reason]


def test_a_quote_of_hidden_characters_is_found_by_what_was_shown() -> None:
    head = "x = 1\naccess = 'user\u202e' # check\n"
    review = verify(
        claim(path="a.py", quote="access = 'user⟦U+202E⟧' # check"), of=snapshot(changed("a.py", "x = 1\n", head))
    )
    assert [finding.line for finding in review.findings] == [2]


def test_a_quote_is_read_literally_before_it_is_read_as_an_escape() -> None:
    head = 'MARK = "⟦U+202E⟧"\n'
    review = verify(claim(path="a.py", quote='MARK = "⟦U+202E⟧"'), of=snapshot(changed("a.py", None, head)))
    assert [finding.quote for finding in review.findings] == ['MARK = "⟦U+202E⟧"']


def test_a_quote_from_a_file_with_windows_line_ends_is_found() -> None:
    head = "one = 1\r\ntwo = 2\r\nthree = one / 0\r\n"
    review = verify(claim(path="a.py", quote="two = 2\nthree = one / 0"), of=snapshot(changed("a.py", None, head)))
    assert [(finding.line, finding.end_line) for finding in review.findings] == [(2, 3)]


def test_a_suggestion_for_other_lines_than_the_quoted_ones_is_left_out() -> None:
    good = verify(claim(suggestion="        while i < len(names):"))
    assert good.findings[0].suggestion == "        while i < len(names):"
    wrong = verify(claim(suggestion="        while i < len(names:"))
    assert wrong.findings[0].suggestion is None


def test_a_claim_that_repeats_a_static_finding_is_merged_into_it() -> None:
    said = claim(
        line=SHELL_LINE, quote=SHELL, category="security", severity="critical", title="Command injection", body="rm -rf"
    )
    review = verify(said, findings=static(static_finding()))
    (finding,) = review.findings
    assert finding.source == "bandit:B605"
    assert finding.severity is Severity.CRITICAL
    assert finding.body == "A shell reads the string.\n\nclaude-sonnet-5-5 adds: rm -rf"
    assert [item.reason for item in review.suppressed] == ["duplicate"]


def test_a_models_suggestion_never_stands_under_a_tools_name() -> None:
    said = claim(line=SHELL_LINE, quote=SHELL, category="security", suggestion=SHELL.replace("os.system", "os.popen"))
    (alone,) = verify(said).findings
    assert alone.suggestion is not None
    (merged,) = verify(said, findings=static(static_finding())).findings
    assert (merged.source, merged.suggestion) == ("bandit:B605", None)


@pytest.mark.parametrize("claims", [29, 200])
def test_claims_do_not_displace_static_findings(claims: int) -> None:
    words = [f"{first}{second}" for first in "abcdefghijklmnop" for second in "abcdefghijklmnop"]
    invented = [claim(severity="critical", title=f"{words[index]}-{words[-index]} fails") for index in range(claims)]
    rules = [static_finding(source=f"ruff:S{number}", line=LINE, end_line=LINE, quote=WHILE) for number in range(5)]
    review = verify(*invented, findings=static(static_finding(), *rules), max_comments=6)
    assert {finding.source for finding in review.findings} == {"bandit:B605", *(f"ruff:S{n}" for n in range(5))}
    assert len(review.findings) + len(review.suppressed) == 6 + claims


def test_static_findings_over_the_limit_are_listed_before_claims() -> None:
    rules = [static_finding(source=f"ruff:S{number}") for number in range(3)]
    review = verify(
        claim(severity="critical"),
        claim(severity="low", quote=WHILE, title="Slow"),
        findings=static(*rules),
        max_comments=2,
    )
    assert review.suppressed[0].finding.source == "ruff:S2"


def test_a_minor_static_finding_does_not_displace_a_claim() -> None:
    rules = [static_finding(source=f"ruff:E{number}", severity=Severity.LOW) for number in range(20)]
    review = verify(claim(severity="high"), findings=static(*rules), max_comments=15)
    assert review.findings[0].source == "model:claude-sonnet-5-5"


def test_two_claims_about_the_same_thing_are_one_and_the_more_severe_stays() -> None:
    review = verify(
        claim(severity="low", title="Loop reads one past the end"),
        claim(severity="high", title="Reads past the end of loop"),
    )
    assert [finding.severity for finding in review.findings] == [Severity.HIGH]
    assert [item.reason for item in review.suppressed] == ["duplicate"]


def test_two_claims_about_different_things_on_one_line_both_stay() -> None:
    review = verify(claim(), claim(category="performance", title="Length computed again every time"))
    assert len(review.findings) == 2


def test_static_findings_are_never_merged_with_each_other() -> None:
    review = verify(findings=static(static_finding(), static_finding(source="ruff:S605")))
    assert len(review.findings) == 2


def test_below_the_floor_is_suppressed() -> None:
    review = verify(claim(severity="low"), claim(severity="high", quote=SHELL), severity_floor=Severity.MEDIUM)
    assert [finding.severity for finding in review.findings] == [Severity.HIGH]
    assert [item.reason for item in review.suppressed] == ["below_severity_floor"]


def test_the_repository_may_set_its_own_floor_and_limit() -> None:
    wishes = ReviewInstructions(severity_floor=Severity.CRITICAL, max_comments=0)
    review = verify(claim(), claim(severity="critical", quote=SHELL), instructions=wishes)
    assert review.findings == ()
    assert sorted(item.reason for item in review.suppressed) == ["below_severity_floor", "over_comment_limit"]


def test_over_the_limit_the_most_severe_are_kept() -> None:
    review = verify(claim(severity="medium"), claim(severity="critical", quote=SHELL, title="Shell"), max_comments=1)
    assert [finding.title for finding in review.findings] == ["Shell"]
    assert [item.reason for item in review.suppressed] == ["over_comment_limit"]


def test_a_static_finding_outside_the_diff_is_dropped_because_a_forge_would_refuse_the_whole_review() -> None:
    review = verify(findings=static(static_finding(line=1, end_line=1)))
    assert review.findings == ()
    assert [item.reason for item in review.dropped] == ["outside_diff"]


def test_a_static_finding_that_leaves_its_hunk_is_cut_to_it() -> None:
    lines = commentable_lines(sample().files[0])
    last = max(lines)
    quote = "\n".join(HEAD.split("\n")[SHELL_LINE - 1 :])
    review = verify(findings=static(static_finding(end_line=last + 40, suggestion="x", quote=quote)))
    assert (review.findings[0].end_line, review.findings[0].suggestion) == (last, None)


def test_a_clean_change_is_said_to_be_clean() -> None:
    review = verify()
    assert review.outcome is Outcome.CLEAN
    assert "Nothing to report" in review.summary
    assert (
        "Read 1 of 1 changed file (4 of 4 changed lines) with static analysis and claude-sonnet-5-5." in review.summary
    )


def test_a_review_without_a_model_is_that_of_the_analysers_and_not_degraded() -> None:
    no_model = reviewer.review(
        sample(), static(static_finding()), backend=None, instructions=ReviewInstructions(), task_id="t"
    )
    review = reviewer.verify(no_model, sample(), static(static_finding()), instructions=ReviewInstructions())
    assert (review.outcome, review.degraded, review.usage) == (Outcome.REVIEWED, None, None)
    assert "with static analysis." in review.summary


def test_a_degraded_review_without_findings_is_not_called_clean() -> None:
    nothing_read = draft(degraded="claude did not read the change: wrong key.", read=())
    review = reviewer.verify(nothing_read, sample(), static(), instructions=ReviewInstructions())
    assert review.outcome is Outcome.PARTIAL
    assert "degraded: claude did not read the change" in review.summary
    assert review.coverage.files_reviewed == 1


def test_a_degraded_review_keeps_the_static_findings() -> None:
    nothing_read = draft(degraded="claude did not read the change: wrong key.", read=())
    review = reviewer.verify(nothing_read, sample(), static(static_finding()), instructions=ReviewInstructions())
    assert review.outcome is Outcome.REVIEWED
    assert [finding.source for finding in review.findings] == ["bandit:B605"]
    assert review.degraded


def test_a_change_of_media_only_is_reviewed_and_says_so() -> None:
    change = snapshot(binary("a.png"), binary("b.png"))
    for asked in (draft(read=(), skipped=_skipped(change)), draft(read=(), model=None)):
        review = reviewer.verify(asked, change, static(), instructions=ReviewInstructions())
        assert review.outcome is Outcome.REVIEWED
        assert "None of the 2 changed files was read." in review.summary
        assert "Skipped on purpose: 2 (an image, font, audio or video file)." in review.summary


def _skipped(change: PullRequestSnapshot) -> tuple[SkippedFile, ...]:
    return tuple(SkippedFile(path=file.path, reason="media") for file in change.files)


def test_what_could_not_be_read_makes_a_review_partial() -> None:
    change = snapshot(*sample().files, changed("big.py", None, "x = 1\n"))
    asked = draft(claim(), skipped=(SkippedFile(path="big.py", reason="over_token_budget"),))
    review = reviewer.verify(asked, change, static(), instructions=ReviewInstructions())
    assert review.outcome is Outcome.PARTIAL
    assert "1 (over the token budget)" in review.summary


def test_files_that_the_forge_did_not_list_are_counted() -> None:
    review = verify(of=snapshot(*sample().files, files_total=4))
    assert review.outcome is Outcome.PARTIAL
    coverage = review.coverage
    assert (coverage.files_changed, coverage.files_reviewed, len(coverage.skipped)) == (4, 1, 3)


def test_nothing_readable_at_all_is_refused() -> None:
    file = changed("a.py", None, "x = 1\n").model_copy(
        update={"patch": None, "head_text": None, "unread_reason": "unavailable"}
    )
    review = reviewer.verify(draft(read=(), model=None), snapshot(file), static(), instructions=ReviewInstructions())
    assert review.outcome is Outcome.REFUSED


def test_an_analyser_that_failed_is_named() -> None:
    failed = static().model_copy(
        update={"tools": (ToolReport(name="bandit", version="1", files=0, findings=0, seconds=0.0, error="crash"),)}
    )
    assert "Failed analysers: bandit." in verify(findings=failed).summary


def test_a_wish_that_was_not_understood_is_said() -> None:
    asked = draft(notes=(".codegen-platform.yaml was ignored: it is not plain YAML.",))
    review = reviewer.verify(asked, sample(), static(), instructions=ReviewInstructions())
    assert ".codegen-platform.yaml was ignored" in review.summary


def verdicts(*words: str) -> dict[str, Any]:
    told = [{"claim": number, "reason": "line 20", "verdict": word} for number, word in enumerate(words, 1)]
    return {"verdicts": told}


def test_a_refuted_claim_is_dropped_and_counted() -> None:
    refuter = ScriptedBackend(verdicts("refuted", "stands"))
    review = verify(claim(), claim(quote=SHELL, title="Shell"), refuter=refuter)
    assert [finding.title for finding in review.findings] == ["Shell"]
    assert [item.reason for item in review.dropped] == ["refuted"]
    assert "1 refuted by a second look" in review.summary
    assert review.usage
    assert review.usage.calls == 1


def test_the_refuter_sees_each_claim_with_the_code_around_it() -> None:
    refuter = ScriptedBackend(verdicts())
    verify(claim(), refuter=refuter)
    (request,) = refuter.requests
    text = request.turns[0].text
    assert "~ CLAIM 1 " in text
    assert f"    {LINE} + {WHILE}" in text
    assert request.purpose == "refute"


def test_a_claim_without_a_verdict_stands() -> None:
    assert len(verify(claim(), refuter=ScriptedBackend(verdicts())).findings) == 1


def test_a_refuter_that_fails_refutes_nothing_and_says_so() -> None:
    review = verify(claim(), refuter=ScriptedBackend(ModelUnavailable("away", retry_after_seconds=3_600)))
    assert len(review.findings) == 1
    assert "not checked a second time" in review.summary


def test_two_equal_claims_are_refuted_one_by_one() -> None:
    review = verify(claim(), claim(), refuter=ScriptedBackend(verdicts("refuted", "stands")))
    assert (len(review.findings), len(review.suppressed), len(review.dropped)) == (1, 0, 1)


def test_without_claims_the_refuter_is_not_asked() -> None:
    refuter = ScriptedBackend()
    verify(findings=static(static_finding()), refuter=refuter)
    assert refuter.requests == []


TEXT = st.sampled_from(
    [WHILE, SHELL, "import os", "i += 1", "src/store.py", "a", "", "⟦U+D800⟧", "~" * 30, "\ud800", "high", "\n"]
)
VALUE = st.recursive(
    TEXT | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "path": st.just("src/store.py") | VALUE,
        "quote": TEXT | VALUE,
        "line": st.integers(-5, 60) | VALUE,
        "title": VALUE,
        "body": VALUE,
        "severity": st.sampled_from(list(Severity)) | VALUE,
        "category": st.sampled_from(list(Category)) | VALUE,
        "suggestion": TEXT | VALUE,
    },
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ITEM | VALUE, max_size=8), st.lists(st.integers(1, 60), max_size=3), st.integers(0, 4))
def test_whatever_a_model_answers_nothing_leaves_the_diff_and_nothing_gets_lost(
    items: list[Any], static_lines: list[int], limit: int
) -> None:
    change = sample()
    found = static(*(static_finding(line=line, end_line=line) for line in static_lines))
    review = reviewer.verify(draft(*items), change, found, instructions=ReviewInstructions(), max_comments=limit)
    confirmed = [*review.findings, *(item.finding for item in review.suppressed)]
    assert len(confirmed) + len(review.dropped) == len(items) + len(static_lines)
    lines = commentable_lines(change.files[0])
    for finding in confirmed:
        assert lines[finding.line] == lines[finding.end_line]
        assert set(range(finding.line, finding.end_line + 1)) <= set(lines)
        assert _is_verbatim(finding)
    assert len(review.findings) <= limit
    assert CodeReview.from_bytes(review.to_bytes()) == review


def _is_verbatim(finding: Finding) -> bool:
    if finding.source.startswith("model:"):
        return finding.quote == "\n".join(HEAD.split("\n")[finding.line - 1 : finding.end_line])
    return True
