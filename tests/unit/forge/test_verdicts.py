"""The table of verdicts: GitHub's answers and their meaning for reads and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen_platform.forge.verdicts import CATCH_UP_SECONDS, UNTOLD_LIMIT_SECONDS, Verdict, VerdictKind, judge_answer
from codegen_platform.forge.waits import WAIT_CEILING_SECONDS

SAMPLES = json.loads((Path(__file__).parent / "refusals.json").read_text())["refusals"]
NO_COMMENT_WORDS = '{"message": "Unprocessable Entity", "errors": ["Something that nobody has seen yet"]}'


def judged(status: int, body: str = "", *, method: str = "GET", age_seconds: float | None = 5.0, **more) -> Verdict:
    headers = more.pop("headers", {})
    return judge_answer(
        method=method, status=status, headers=headers, body=body, what="the call", age_seconds=age_seconds, **more
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_a_real_body_of_github_has_its_verdict(sample) -> None:
    verdict = judged(
        sample["status"],
        json.dumps(sample["body"]),
        method=sample["method"],
        carried_comments=sample["carried_comments"],
    )
    assert verdict.kind == sample["kind"]
    assert str(sample["status"]) in verdict.sentence
    assert verdict.sentence.isprintable()


@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_commit_not_shown_yet_is_stale_for_young_work_and_final_later(status, method) -> None:
    body = '{"message": "Not Found"}'
    assert judged(status, body, method=method).kind is VerdictKind.STALE_VIEW
    assert judged(status, body, method=method, age_seconds=None).kind is VerdictKind.STALE_VIEW
    assert judged(status, body, method=method, age_seconds=CATCH_UP_SECONDS).kind is VerdictKind.FINAL


@pytest.mark.parametrize(
    "said", ["No commit found for SHA: abc", "The commitOID is not part of the pull request", "NO COMMIT FOUND"]
)
def test_an_unknown_commit_is_never_taken_for_misplaced_comments(said) -> None:
    body = json.dumps({"message": "Unprocessable Entity", "errors": [said]})
    assert judged(422, body, method="POST", carried_comments=True).kind is VerdictKind.STALE_VIEW
    assert judged(422, body, method="POST", carried_comments=True, age_seconds=999).kind is VerdictKind.FINAL


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {}, ""),
        (429, {}, "<html>too many</html>"),
        (403, {"retry-after": "Fri, 27 Nov 2026 10:00:00 GMT", "date": "Fri, 27 Nov 2026 09:59:30 GMT"}, ""),
        (403, {"retry-after": "nonsense"}, ""),
        (403, {"x-ratelimit-remaining": "0"}, ""),
        (403, {}, '{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'),
        (403, {}, '{"message": "Forbidden", "documentation_url": "https://docs.github.com/rest/overview/rate-limits"}'),
        (403, {}, '{"message": "You have triggered an abuse detection mechanism."}'),
        (422, {}, '{"message": "Validation Failed", "errors": [{"message": "body was submitted too quickly"}]}'),
        (422, {}, '{"message": "Was Submitted Too Quickly"}'),
        (422, {}, '{"message": {"text": 1}, "errors": [["was submitted too quickly"]]}'),
    ],
)
def test_a_limit_is_throttled_whatever_it_looks_like(status, headers, body) -> None:
    for carried_comments in (False, True):
        verdict = judged(status, body, method="POST", headers=headers, carried_comments=carried_comments)
        assert verdict.kind is VerdictKind.THROTTLED
        assert 1 <= verdict.wait_seconds <= WAIT_CEILING_SECONDS
        assert not verdict.may_be_carried_out


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("0", 1),
        ("37", 37),
        (" 37 ", 37),
        ("1.5", 1.5),
        ("3600", 3600),
        ("3601", WAIT_CEILING_SECONDS),
        ("999999999", WAIT_CEILING_SECONDS),
        ("9" * 5000, UNTOLD_LIMIT_SECONDS),
        ("inf", UNTOLD_LIMIT_SECONDS),
        ("nan", UNTOLD_LIMIT_SECONDS),
        ("1e300", UNTOLD_LIMIT_SECONDS),
        ("-5", UNTOLD_LIMIT_SECONDS),
        ("1_000", UNTOLD_LIMIT_SECONDS),
        ("\u0663\u0667", UNTOLD_LIMIT_SECONDS),
        ("", UNTOLD_LIMIT_SECONDS),
        ("Fri, 27 Nov 2026 10:01:00 GMT", 60),
        ("Fri, 27 Nov 2026 10:01:00 -0000", 60),
        ("Fri, 27 Nov 2026 09:00:00 GMT", 1),
        ("Fri, 27 Nov 2058 10:01:00 GMT", WAIT_CEILING_SECONDS),
        ("Fri, 27 Nov 99999999999999999999 10:01:00 GMT", UNTOLD_LIMIT_SECONDS),
        ("Mon, 01 Jan 0001 00:00:00 +2300", None),
    ],
)
def test_a_wait_that_is_asked_for_is_read_strictly_and_has_a_ceiling(told, seconds) -> None:
    verdict = judged(429, headers={"retry-after": told, "date": "Fri, 27 Nov 2026 10:00:00 GMT"})
    if seconds is None:
        assert 1 <= verdict.wait_seconds <= WAIT_CEILING_SECONDS
    else:
        assert verdict.wait_seconds == seconds
    assert verdict.is_cut == (told in ("3601", "999999999") or "2058" in told)


@pytest.mark.parametrize(("reset", "seconds"), [("1795773630", 30), ("99999999999", WAIT_CEILING_SECONDS), ("x", 60)])
def test_the_end_of_an_exhausted_limit_has_the_same_ceiling(reset, seconds) -> None:
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": reset,
        "date": "Fri, 27 Nov 2026 10:00:00 GMT",
    }
    assert judged(403, headers=headers).wait_seconds == seconds


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599, 408, 425])
def test_a_failure_of_github_passes_and_a_write_may_have_been_carried_out(status) -> None:
    assert judged(status, "<html>").kind is VerdictKind.TRANSIENT
    assert not judged(status).may_be_carried_out
    assert judged(status, method="POST").may_be_carried_out == (status != 425)
    assert judged(status, headers={"retry-after": "999999999"}).wait_seconds == WAIT_CEILING_SECONDS
    assert judged(status).wait_seconds is None


@pytest.mark.parametrize("status", [400, 401, 405, 406, 410, 415, 418, 451, 499, 301, 302, 304, 307, 308, 999])
def test_every_other_refusal_is_final_at_any_age(status) -> None:
    for age_seconds in (0.0, 1e6, None):
        assert judged(status, '{"message": "No"}', age_seconds=age_seconds).kind is VerdictKind.FINAL


def test_a_missing_permission_is_not_a_rate_limit() -> None:
    assert judged(403, '{"message": "Resource not accessible by integration"}').kind is VerdictKind.FINAL


def test_a_refusal_in_new_words_is_misplaced_only_where_there_are_comments_to_move() -> None:
    assert judged(422, NO_COMMENT_WORDS, method="POST", carried_comments=True).kind is VerdictKind.MISPLACED
    assert judged(422, NO_COMMENT_WORDS, method="POST").kind is VerdictKind.FINAL


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"errors": ' + "[" * 400 + "]" * 400 + "}",
        "[1, 2]",
        "null",
        '{"message": null, "errors": 7, "documentation_url": {}}',
        '{"message": "' + "x" * 1_000_000 + '"}',
        '{"message": "bad\\u001b[31m\\nnews \\u202e"}',
    ],
    ids=lambda body: body[:20],
)
def test_a_hostile_body_is_judged_by_its_status_and_quoted_on_one_short_line(body) -> None:
    verdict = judged(404, body)
    assert verdict.kind is VerdictKind.STALE_VIEW
    assert verdict.sentence.isprintable()
    assert len(verdict.sentence) < 500
