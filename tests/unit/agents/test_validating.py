"""What a review must be before anything of it is published; and that no honest review is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen_platform.agents import reviewer
from codegen_platform.agents.validating import MAX_FINDING_CHARACTERS, validate
from codegen_platform.artifacts import CodeReview, Outcome, PullRequestSnapshot, Severity, Validation
from codegen_platform.changes.configuration import ReviewInstructions
from tests.integration.test_hostile_text import DEEP
from tests.unit.agents.samples import binary, changed, sample, snapshot, static, static_finding
from tests.unit.agents.test_verify import ITEM, LINE, SHELL, VALUE, WHILE, claim, draft, verify
from tests.unit.analysis import snapshots
from tests.unit.analysis.test_rules_have_samples import GROUPS, sample_files, samples
from tests.unit.analysis.test_secrets import KINDS, made_up

CHECKS = ["document", "head_commit", "quotes", "anchors", "suggestions", "counts", "coverage", "sizes"]


def reviewed(*changes: dict[str, Any]) -> CodeReview:
    """A review of the sample with one finding of a model, changed as said after it was made."""
    review = verify(claim(suggestion="        while i < len(names):"))
    (finding,) = review.findings
    return review.model_copy(update={"findings": tuple(finding.model_copy(update=change) for change in changes)})


def report(review: CodeReview, change: PullRequestSnapshot | None = None, **task: Any) -> Validation:
    return validate(review, change or sample(), **{"head_sha": "h" * 40, **task})


def static_review(change: PullRequestSnapshot) -> CodeReview:
    """What the analysers say of a change, as a review."""
    found = snapshots.analyse(change, options=snapshots.AnalysisOptions())
    no_model = reviewer.review(change, found, backend=None, instructions=ReviewInstructions(), task_id="t")
    return reviewer.verify(no_model, change, found, instructions=ReviewInstructions(), severity_floor=Severity.INFO)


def test_an_honest_review_passes_every_check_and_each_tells_its_numbers() -> None:
    validation = report(reviewed({}))
    assert validation.passed
    assert [check.name for check in validation.checks] == CHECKS
    told = {check.name: check.detail for check in validation.checks}
    assert told["quotes"] == "1 of 1 quotes stand at their lines"
    assert told["counts"] == "1 findings, 0 suppressed, 0 dropped; 1 of 1 files"


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"quote": "while True:"}, ("quotes",)),
        ({"quote": f"{WHILE} "}, ("quotes",)),
        ({"line": LINE + 1, "end_line": LINE + 1}, ("quotes", "suggestions")),
        ({"line": 1, "end_line": 1, "quote": "import os"}, ("anchors", "suggestions")),
        ({"line": 0, "end_line": 0}, ("quotes", "anchors", "suggestions")),
        ({"end_line": 10**9}, ("quotes", "anchors", "suggestions")),
        ({"path": "src/other.py"}, ("quotes", "anchors", "suggestions")),
        ({"suggestion": "        while i < len(names:"}, ("suggestions",)),
        ({"suggestion": WHILE}, ("suggestions",)),
        ({"body": "x" * MAX_FINDING_CHARACTERS}, ("sizes",)),
    ],
)
def test_a_finding_that_does_not_hold_fails_by_name(change: dict[str, Any], failed: tuple[str, ...]) -> None:
    validation = report(reviewed(change))
    assert not validation.passed
    assert set(validation.failed_names) <= set(failed)
    assert failed[0] in validation.failed_names


def test_one_wrong_finding_among_right_ones_fails_the_review_and_is_named() -> None:
    (quotes,) = [check for check in report(reviewed({}, {"quote": "no"}, {})).checks if check.name == "quotes"]
    assert (quotes.passed, quotes.detail) == (False, f"2 of 3 quotes stand at their lines; not src/store.py:{LINE}")


def test_a_suppressed_finding_must_hold_too() -> None:
    review = verify(claim(), claim(quote=SHELL, title="Shell"), max_comments=1)
    (kept,) = review.suppressed
    wrong = kept.model_copy(update={"finding": kept.finding.model_copy(update={"quote": "no"})})
    assert report(review).passed
    assert report(review.model_copy(update={"suppressed": (wrong,)})).failed_names == ("quotes",)


@pytest.mark.parametrize("task", ["c" * 40, "h" * 39])
def test_a_review_of_another_commit_than_the_tasks_is_refused(task: str) -> None:
    assert report(reviewed({}), head_sha=task).failed_names == ("head_commit",)


def test_a_review_of_another_change_or_another_snapshot_is_refused() -> None:
    review = reviewed({})
    assert report(review.model_copy(update={"number": 8})).failed_names == ("head_commit",)
    assert report(review, sample().model_copy(update={"head_sha": "c" * 40})).failed_names == ("head_commit",)


def test_a_task_that_was_to_read_the_present_head_takes_the_one_that_was_read() -> None:
    assert report(reviewed({}), head_sha=None).passed


@pytest.mark.parametrize(
    "changes",
    [{"files_reviewed": 0}, {"files_changed": 3, "files_reviewed": 3}, {"lines_reviewed": 5}, {"lines_reviewed": -1}],
)
def test_a_coverage_that_does_not_add_up_is_refused(changes: dict[str, int]) -> None:
    review = reviewed({})
    wrong = review.model_copy(update={"coverage": review.coverage.model_copy(update=changes)})
    assert set(report(wrong).failed_names) & {"counts", "coverage"}


@pytest.mark.parametrize("outcome", [Outcome.CLEAN, Outcome.REFUSED, Outcome.FAILED, Outcome.SUPERSEDED])
def test_an_outcome_that_its_findings_contradict_is_refused(outcome: Outcome) -> None:
    assert report(reviewed({}).model_copy(update={"outcome": outcome})).failed_names == ("counts",)


def test_a_model_cannot_pass_a_made_up_quote_off_as_a_masked_one() -> None:
    assert "quotes" in report(reviewed({"quote": "••••••"})).failed_names
    assert "quotes" in report(reviewed({"quote": WHILE.replace("while", "••••••")})).failed_names


@pytest.mark.parametrize("quote", ["x••••••", "••••••x", "        os••••••system••••••)", "        os•••••• 2)"])
def test_what_a_masked_quote_does_show_must_stand_there(quote: str) -> None:
    review = verify(findings=static(static_finding()))
    (finding,) = review.findings
    wrong = review.model_copy(update={"findings": (finding.model_copy(update={"quote": quote}),)})
    assert "quotes" in report(wrong).failed_names


@pytest.mark.parametrize("quote", ["x••••••", "while True:", "", SHELL + "\r"])
def test_a_static_finding_whose_quote_does_not_stand_is_dropped_and_the_review_stands(quote: str) -> None:
    review = verify(claim(), findings=static(static_finding(quote=quote)))
    assert (len(review.findings), [item.reason for item in review.dropped]) == (1, ["quote_not_found"])
    assert report(review).passed


def test_a_suggestion_that_cannot_be_applied_is_taken_off_and_the_finding_stands() -> None:
    review = verify(findings=static(static_finding(suggestion="        if (")))
    assert [finding.suggestion for finding in review.findings] == [None]
    assert report(review).passed


def test_a_finding_as_long_as_a_line_of_the_file_is_shortened() -> None:
    long = static_finding(title="t" * 30_000, body="b" * 30_000, suggestion="s" * 30_000)
    review = verify(findings=static(long))
    assert (len(review.findings), review.dropped) == (1, ())
    assert report(review).passed


def test_a_claim_about_a_line_of_a_megabyte_is_dropped_and_the_review_stands() -> None:
    change = snapshot(changed("a.js", None, f"x = 1;\ny = '{'z' * 1_000_000}';\nw = eval(x);\n"))
    said = [claim(path="a.js", quote="y = 'zzz", title=f"t{n}") for n in range(60)]
    review = verify(*said, claim(path="a.js", quote="w = eval(x);"), of=change)
    assert (len(review.findings), {item.reason for item in review.dropped}) == (1, {"invalid"})
    assert report(review, change).passed


@pytest.mark.parametrize("ending", ["\r\r\n", "\r\r\r\n", "\r\n", "\n", "", "\r"])
def test_a_finding_stands_whatever_ends_its_line(ending: str) -> None:
    change = snapshots.snapshot_of(snapshots.changed("src/a.py", f"y = eval(input()){ending}"))
    review = static_review(change)
    assert len(review.findings) + len(review.suppressed) > 0
    assert _failed(validate(review, change, head_sha=change.head_sha)) == []


def test_a_python_file_too_long_to_parse_again_reviews_without_suggestions() -> None:
    text = (
        "import os\n"
        + "# a line of commentary that makes the file long\n" * 11_000
        + "x = str(1)\nif x is 'a':\n    pass\n"
    )
    change = snapshots.snapshot_of(snapshots.changed("src/long.py", text))
    review = static_review(change)
    assert len(text) > 500_000
    assert "ruff:F632" in {finding.source for finding in [*review.findings, *(s.finding for s in review.suppressed)]}
    assert _failed(validate(review, change, head_sha=change.head_sha)) == []


@pytest.mark.parametrize("quote", [SHELL, SHELL.replace("rm", "••••••"), SHELL.replace("rm", "••••••") + " (2)"])
def test_a_masked_quote_passes_by_what_it_shows(quote: str) -> None:
    assert report(verify(findings=static(static_finding(quote=quote)))).passed


@pytest.mark.parametrize("group", GROUPS)
def test_no_finding_of_any_rule_is_refused(group: str) -> None:
    files = [
        snapshots.changed(path, text) for rule in samples(group) for path, text in sample_files(group, rule, "bad")
    ]
    change = snapshots.snapshot_of(*files)
    review = static_review(change)
    assert len(review.findings) + len(review.suppressed) >= len(files)
    assert _failed(validate(review, change, head_sha=change.head_sha)) == []


def test_no_finding_of_a_secret_is_refused_however_it_was_masked() -> None:
    lines = [form.format(secret) for form, secret in KINDS.values()]
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{made_up(64)}\n-----END RSA PRIVATE KEY-----"
    text = "\n".join(["import os", *lines, *lines, key, f"{'x' * 390} = '{KINDS['aws'][1]}'"]) + "\n"
    change = snapshots.snapshot_of(snapshots.changed("src/settings.py", text), snapshots.changed("a.txt", text))
    review = static_review(change)
    assert len(review.findings) + len(review.suppressed) > len(lines)
    assert _failed(validate(review, change, head_sha=change.head_sha)) == []


@pytest.mark.parametrize("kind", DEEP)
def test_no_review_of_a_hostile_file_is_refused(kind: str) -> None:
    text = f"import subprocess\nx = '\u202e'\r\n{DEEP[kind]}"
    change = snapshots.snapshot_of(snapshots.changed("src/hostile.py", text))
    assert _failed(validate(static_review(change), change, head_sha=change.head_sha)) == []


def test_a_change_without_text_passes() -> None:
    change = snapshot(binary("a.png"), binary("b.png"), files_total=5)
    review = reviewer.verify(draft(read=(), model=None), change, static(), instructions=ReviewInstructions())
    assert _failed(report(review, change)) == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ITEM | VALUE, max_size=8), st.integers(0, 4))
def test_whatever_a_model_answers_the_review_made_of_it_passes(items: list[Any], limit: int) -> None:
    review = reviewer.verify(draft(*items), sample(), static(), instructions=ReviewInstructions(), max_comments=limit)
    assert _failed(report(review)) == []


SUGGESTED = st.lists(st.sampled_from([WHILE, "        while i < len(names):", "", "x = 1", "    )", "\r"]), max_size=4)


@settings(max_examples=200)
@given(SUGGESTED.map("\n".join), st.sampled_from(["", "\n", "\r\n"]))
def test_every_suggestion_that_the_reviewer_kept_passes_again(suggestion: str, ending: str) -> None:
    review = verify(claim(suggestion=suggestion + ending))
    assert _failed(report(review)) == []


def test_lines_of_windows_pass() -> None:
    head = "one = 1\r\ntwo = 2\r\nthree = one / 0\r\n"
    change = snapshot(changed("a.py", None, head))
    said = claim(path="a.py", quote="two = 2\nthree = one / 0", suggestion="two = 2\nthree = one")
    review = verify(said, of=change)
    assert review.findings[0].suggestion == "two = 2\nthree = one"
    assert _failed(report(review, change)) == []


def _failed(validation: Validation) -> list[tuple[str, str]]:
    return [(check.name, check.detail) for check in validation.checks if not check.passed]
