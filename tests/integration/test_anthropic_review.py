"""A whole review against the Messages API double: real quotes come back, and every way to fail ends as it should."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from codegen_platform.agents import reviewer
from codegen_platform.agents.anthropic_backend import AnthropicBackend
from codegen_platform.agents.asking import Patience
from codegen_platform.agents.backend import ModelBackend
from codegen_platform.agents.limits import ReviewLimits
from codegen_platform.agents.recording import CallRecord, RecordedBackend
from codegen_platform.artifacts import ChangedFile, CodeReview, Outcome, PullRequestSnapshot
from codegen_platform.changes.configuration import ReviewInstructions
from codegen_platform.errors import LeaseLost, ModelUnavailable
from codegen_platform.retry_budget import RetryBudget
from tests.doubles.anthropic import AnthropicDouble
from tests.unit.agents.samples import changed, sample, snapshot, static, static_finding

QUICK = Patience(first_wait_seconds=0.01, budget=RetryBudget(reserve=1_000))
WISHES = ReviewInstructions()


class Ledger:
    def __init__(self) -> None:
        self.entries: list[CallRecord] = []

    def recall(self, request_sha256: str) -> bytes | None:
        found = (e.response for e in self.entries if e.request_sha256 == request_sha256 and e.status == "ok")
        return next(found, None)

    def around(self, backend: ModelBackend) -> RecordedBackend:
        return RecordedBackend(backend, recall=self.recall, record=self.entries.append)


@pytest.fixture
def double() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as running:
        yield running


@pytest.fixture
def client(double: AnthropicDouble) -> Iterator[AnthropicBackend]:
    backend = AnthropicBackend(api_key=double.api_key, base_url=double.url, timeout_seconds=5)
    yield backend
    backend.close()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def backend(client: AnthropicBackend, ledger: Ledger) -> RecordedBackend:
    return ledger.around(client)


def review(backend: ModelBackend, change: PullRequestSnapshot | None = None, **options: Any) -> CodeReview:
    change = change or sample()
    findings = static(*([static_finding()] if change.files[0].path == "src/store.py" else []))
    draft = reviewer.review(
        change, findings, backend=backend, instructions=WISHES, task_id="t", patience=QUICK, **options
    )
    return reviewer.verify(draft, change, findings, instructions=WISHES)


def modules(count: int, lines: int = 60) -> PullRequestSnapshot:
    def text(index: int) -> str:
        body = "".join(f"    total += weight_{line} * {index}\n" for line in range(lines))
        return f"def module_{index}(total):\n{body}    return eval(total)\n"

    files: list[ChangedFile] = [changed(f"pkg/m{index}.py", None, text(index)) for index in range(count)]
    return snapshot(*files)


def test_the_model_reads_the_real_lines_and_its_quotes_come_back_as_findings(
    backend: RecordedBackend, double: AnthropicDouble
) -> None:
    found = review(backend)
    assert found.outcome is Outcome.REVIEWED
    assert [f.title for f in found.findings if f.source.startswith("model:")] == [
        "Shell command built from a name",
        "Reads one name past the end",
    ]
    assert found.dropped == ()
    assert found.usage
    assert found.usage.calls == 1
    assert found.cost_usd > 0
    assert len(found.usage.prompt_sha256) == 64
    assert double.refused == []


def test_a_change_too_long_for_one_call_is_read_in_several_at_once(
    backend: RecordedBackend, double: AnthropicDouble
) -> None:
    double.latency_seconds = 0.3
    found = review(backend, modules(12), limits=ReviewLimits(max_prompt_tokens=8_000))
    assert 1 < len(double.requests) <= 8
    assert double.summary()["peak_in_flight"] <= 4
    assert found.coverage.files_reviewed == 12
    assert found.coverage.lines_reviewed == found.coverage.lines_changed
    assert len(found.findings) == 12
    assert found.outcome is Outcome.REVIEWED


def test_what_fits_into_no_call_is_skipped_and_only_what_was_read_counts_as_read(
    backend: RecordedBackend, double: AnthropicDouble
) -> None:
    found = review(backend, modules(24), limits=ReviewLimits(max_prompt_tokens=8_000, max_calls=1))
    assert len(double.requests) == 1
    coverage = found.coverage
    assert found.outcome is Outcome.PARTIAL
    assert found.degraded is None
    assert 0 < coverage.lines_reviewed < coverage.lines_changed
    assert coverage.files_reviewed + len(coverage.skipped) == 24
    assert "over the token budget" in found.summary


def test_what_goes_over_the_cost_ceiling_is_not_asked_and_what_was_said_is_kept(
    backend: RecordedBackend, double: AnthropicDouble
) -> None:
    tight = ReviewLimits(max_prompt_tokens=8_000, max_cost_usd=0.06, max_output_tokens=2_000)
    found = review(backend, modules(24), limits=tight)
    assert found.cost_usd <= 0.06
    assert 0 < len(double.requests) < 8
    assert found.findings
    assert found.outcome is Outcome.PARTIAL
    assert found.degraded
    assert "the cost ceiling of $0.06 for one review was reached" in found.degraded
    assert any(skip.reason == "over_cost_ceiling" for skip in found.coverage.skipped)
    assert found.coverage.files_reviewed + len(found.coverage.skipped) == 24


@pytest.mark.parametrize("mode", ["rate_limited", "overloaded", "server_error", "cut_before", "cut_mid", "error_event"])
def test_two_passing_failures_cost_time_but_not_the_review(
    backend: RecordedBackend, double: AnthropicDouble, ledger: Ledger, mode: str
) -> None:
    double.fail(mode, times=2, retry_after=0.01)
    found = review(backend)
    assert found.degraded is None
    assert len(found.findings) == 3
    assert [entry.status for entry in ledger.entries] == ["error", "error", "ok"]


@pytest.mark.parametrize(
    "mode", ["rate_limited", "overloaded", "server_error", "cut_before", "cut_mid", "error_event", "silent"]
)
def test_a_lasting_outage_gives_the_task_back_for_later(
    backend: RecordedBackend, double: AnthropicDouble, mode: str
) -> None:
    double.fail(mode, times=None, retry_after=0.02)
    with pytest.raises(ModelUnavailable):
        review(backend, limits=ReviewLimits(deadline_seconds=2))
    assert 1 <= len(double.requests) <= 3


@pytest.mark.parametrize("mode", ["overloaded", "cut_mid"])
def test_on_the_last_attempt_an_outage_leaves_the_static_review(
    backend: RecordedBackend, double: AnthropicDouble, mode: str
) -> None:
    double.fail(mode, times=None)
    found = review(backend, last_attempt=True)
    assert [f.source for f in found.findings] == ["bandit:B605"]
    assert found.degraded
    assert found.outcome is Outcome.REVIEWED


def test_a_long_wait_is_handed_to_the_task_with_its_length(backend: RecordedBackend, double: AnthropicDouble) -> None:
    double.fail("rate_limited", times=None, retry_after=120)
    with pytest.raises(ModelUnavailable) as caught:
        review(backend)
    assert caught.value.retry_after_seconds == 120
    assert len(double.requests) == 1


@pytest.mark.parametrize(
    ("mode", "calls", "said"),
    [
        ("unauthorized", 1, "refused the key"),
        ("forbidden", 1, "may not use this model"),
        ("not_found", 1, "knows no such model"),
        ("too_large", 1, "too large"),
        ("bad_request", 1, "HTTP 400"),
        ("spend_limit", 1, "spend limit"),
        ("billing", 1, "billing"),
        ("redirect", 1, "redirects"),
        ("refusal", 1, "declined to answer (cyber)"),
        ("empty", 3, "could not be used"),
        ("not_json", 3, "could not be used"),
        ("broken_json", 3, "could not be used"),
        ("schema_invalid", 3, "could not be used"),
        ("huge", 1, "could not be used"),
        ("only_thought", 2, "ran out of space twice"),
    ],
)
def test_what_does_not_pass_leaves_the_static_review_degraded_with_a_plain_reason(
    backend: RecordedBackend, double: AnthropicDouble, ledger: Ledger, mode: str, calls: int, said: str
) -> None:
    double.fail(mode, times=None)
    found = review(backend)
    assert [f.source for f in found.findings] == ["bandit:B605"]
    assert found.outcome is Outcome.REVIEWED
    assert found.degraded
    assert said in found.degraded
    assert found.degraded in found.summary
    assert len(double.requests) == len(ledger.entries) == calls
    assert all(entry.status != "ok" for entry in ledger.entries)


@pytest.mark.parametrize("mode", ["empty", "not_json", "broken_json", "schema_invalid"])
def test_an_unusable_answer_is_repaired(
    backend: RecordedBackend, double: AnthropicDouble, ledger: Ledger, mode: str
) -> None:
    double.fail(mode)
    found = review(backend)
    assert found.degraded is None
    assert len(found.findings) == 3
    assert [entry.status for entry in ledger.entries] == ["invalid", "ok"]
    assert found.usage
    assert found.usage.calls == 2


def test_an_answer_cut_at_its_ceiling_keeps_what_it_said_and_says_that_it_was_cut(
    backend: RecordedBackend, double: AnthropicDouble
) -> None:
    double.fail("max_tokens")
    found = review(backend)
    assert [f.title for f in found.findings if f.source.startswith("model:")] == ["Reads one name past the end"]
    assert found.dropped == ()
    assert found.degraded
    assert "ran out of space in 1 of 1 answers" in found.degraded


def test_a_later_attempt_does_not_pay_for_what_was_answered(
    backend: RecordedBackend, double: AnthropicDouble, ledger: Ledger
) -> None:
    change, limits = modules(24), ReviewLimits(max_prompt_tokens=8_000)
    double.fail("overloaded", times=None, when=r"part 2 of \d")
    with pytest.raises(ModelUnavailable):
        review(backend, change, limits=limits)
    answered = sum(entry.status == "ok" for entry in ledger.entries)
    assert answered > 1
    double.reset()
    found = review(backend, change, limits=limits)
    assert len(double.requests) == 1
    assert found.coverage.files_reviewed == 24
    assert found.usage
    assert found.usage.calls == answered + 1


def test_the_same_change_asks_the_same_question(client: AnthropicBackend, double: AnthropicDouble) -> None:
    ledgers = [Ledger(), Ledger()]
    for ledger in ledgers:
        review(ledger.around(client))
    assert len({ledger.entries[0].request_sha256 for ledger in ledgers}) == 1
    assert double.requests[0].body == double.requests[1].body


def test_a_second_review_of_the_repository_reads_its_prefix_from_the_cache(
    backend: RecordedBackend, double: AnthropicDouble
) -> None:
    review(backend)
    again = review(backend, modules(1))
    assert again.usage
    assert again.usage.cache_read_tokens > 1_024
    assert again.usage.cache_write_tokens == 0


def test_a_superseded_task_stops_in_the_middle_of_its_calls(
    client: AnthropicBackend, double: AnthropicDouble, ledger: Ledger
) -> None:
    double.fail("silent_mid", times=None)
    cancelled = threading.Event()
    threading.Thread(target=lambda: (double.wait_for_requests(4), cancelled.set()), daemon=True).start()
    began = time.monotonic()
    with pytest.raises(LeaseLost):
        review(
            ledger.around(client.cancelled_by(cancelled.is_set)),
            modules(24),
            limits=ReviewLimits(max_prompt_tokens=8_000),
        )
    assert time.monotonic() - began < 60, "the double stays silent for ever"
    double.wait_until_idle()
    assert {entry.error for entry in ledger.entries} == {"lease_lost"}
    assert len(double.requests) == 4


def test_a_wrong_key_is_tried_no_more_often_than_calls_run_at_once(double: AnthropicDouble, ledger: Ledger) -> None:
    client = AnthropicBackend(api_key="sk-ant-wrong", base_url=double.url)
    found = review(ledger.around(client), modules(24), limits=ReviewLimits(max_prompt_tokens=8_000, concurrency=2))
    assert len(double.refused) <= 2
    assert found.degraded
    assert found.outcome is Outcome.PARTIAL
    client.close()


def test_the_deadline_ends_a_review_whatever_its_calls_do(backend: RecordedBackend, double: AnthropicDouble) -> None:
    double.fail("silent", times=None)
    began = time.monotonic()
    found = review(backend, limits=ReviewLimits(deadline_seconds=1.0), last_attempt=True)
    assert time.monotonic() - began < 60, "the double stays silent for ever"
    assert found.degraded
    assert found.outcome is Outcome.REVIEWED


def test_a_model_without_a_price_is_used_and_the_review_says_so() -> None:
    with AnthropicDouble(models=("house-model",)) as double:
        client = AnthropicBackend(api_key=double.api_key, base_url=double.url, model="house-model")
        found = review(client)
        client.close()
    assert len(found.findings) == 3
    assert (found.degraded, found.cost_usd) == (None, 0.0)
    assert "The price of house-model is not known" in found.summary


def test_two_looks_share_one_ledger_and_one_ceiling(
    backend: RecordedBackend, double: AnthropicDouble, ledger: Ledger
) -> None:
    change = sample()
    draft = reviewer.review(change, static(), backend=backend, instructions=WISHES, task_id="t")
    double.answer({"verdicts": [{"claim": 1, "reason": "line 25 says so", "verdict": "refuted"}]})
    found = reviewer.verify(draft, change, static(), instructions=WISHES, refuter=backend)
    assert [entry.purpose for entry in ledger.entries] == ["review", "refute"]
    assert [item.reason for item in found.dropped] == ["refuted"]
    assert found.usage
    assert found.usage.calls == 2
    assert found.cost_usd == pytest.approx(sum(entry.cost_usd for entry in ledger.entries), abs=1e-5)
