"""Every call is entered in the ledger, and what was paid for is not paid for again."""

from __future__ import annotations

import dataclasses

import pytest

from codegen_platform.agents.backend import (
    CallCancelled,
    CallRefused,
    CallUnavailable,
    ModelRequest,
    ModelResponse,
    Spent,
    TokenUsage,
    Turn,
)
from codegen_platform.agents.claims import ReviewAnswer
from codegen_platform.agents.recording import CallRecord, RecordedBackend
from codegen_platform.agents.refuting import RefuteAnswer
from tests.unit.agents.samples import USAGE, ScriptedBackend

REQUEST = ModelRequest(
    purpose="review",
    system=("rules",),
    turns=(Turn(role="user", text="the change"),),
    output=ReviewAnswer,
    prompt_sha256="p" * 64,
    max_output_tokens=1_000,
)
SPENT = Spent(usage=TokenUsage(input_tokens=500_000), seconds=1.5, first_token_seconds=0.5)


class Ledger:
    def __init__(self) -> None:
        self.entries: list[CallRecord] = []

    def record(self, entry: CallRecord) -> None:
        self.entries.append(entry)

    def recall(self, request_sha256: str) -> bytes | None:
        found = (e.response for e in self.entries if e.request_sha256 == request_sha256 and e.status == "ok")
        return next(found, None)

    def around(self, backend: ScriptedBackend) -> RecordedBackend:
        return RecordedBackend(backend, recall=self.recall, record=self.record)


def test_an_answer_is_entered_with_its_cost_before_anyone_reads_it() -> None:
    ledger = Ledger()
    ledger.around(ScriptedBackend({"findings": []})).complete(REQUEST)
    (entry,) = ledger.entries
    assert (entry.status, entry.input_tokens, entry.output_tokens) == ("ok", 1_000, 100)
    assert entry.cost_usd == pytest.approx(0.003)
    assert entry.price_table.startswith("anthropic-")
    assert entry.prompt_sha256 == "p" * 64


def test_the_same_question_is_answered_from_the_ledger() -> None:
    ledger, backend = Ledger(), ScriptedBackend({"findings": []})
    recorded = ledger.around(backend)
    assert recorded.complete(REQUEST) == recorded.complete(REQUEST)
    assert len(backend.requests) == len(ledger.entries) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"turns": (Turn(role="user", text="another change"),)},
        {"system": ("other rules",)},
        {"output": RefuteAnswer},
        {"max_output_tokens": 2_000},
        {"effort": "low"},
    ],
)
def test_another_question_is_asked(change: dict[str, object]) -> None:
    ledger = Ledger()
    backend = ScriptedBackend({"findings": []}, {"findings": [], "verdicts": []})
    recorded = ledger.around(backend)
    recorded.complete(REQUEST)
    recorded.complete(dataclasses.replace(REQUEST, **change))  # type: ignore[arg-type]
    assert len(backend.requests) == 2


def test_a_deadline_is_no_part_of_the_question_but_the_model_is() -> None:
    def identity(model: str, **change: float) -> str:
        return dataclasses.replace(REQUEST, **change).sha256(backend="anthropic", model=model)  # type: ignore[arg-type]

    assert identity("a") == identity("a", timeout_seconds=1.0)
    assert identity("a") != identity("b")


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        (CallUnavailable("cut", spent=SPENT), "error", "model_unavailable"),
        (CallRefused("no", reason="wrong_api_key", spent=SPENT), "refused", "model_refused:wrong_api_key"),
        (CallCancelled("stop", spent=SPENT), "error", "lease_lost"),
    ],
)
def test_a_failed_call_is_entered_with_what_it_had_used(failure: Exception, status: str, error: str) -> None:
    ledger = Ledger()
    with pytest.raises(type(failure)):
        ledger.around(ScriptedBackend(failure)).complete(REQUEST)
    (entry,) = ledger.entries
    assert (entry.status, entry.error, entry.input_tokens, entry.response) == (status, error, 500_000, None)
    assert entry.cost_usd == pytest.approx(1.0)
    assert (entry.seconds, entry.first_token_seconds) == (1.5, 0.5)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (ModelResponse(invalid="no object", text="hm", usage=USAGE, stop_reason="end_turn"), "invalid"),
        (ModelResponse(invalid="refused", usage=USAGE, stop_reason="refusal"), "refused"),
    ],
)
def test_an_answer_of_no_use_is_entered_and_asked_for_again(response: ModelResponse, status: str) -> None:
    ledger, backend = Ledger(), ScriptedBackend(response, response)
    recorded = ledger.around(backend)
    recorded.complete(REQUEST)
    recorded.complete(REQUEST)
    assert [entry.status for entry in ledger.entries] == [status, status]
    assert len(backend.requests) == 2


def test_a_model_without_a_price_is_entered_as_such() -> None:
    ledger = Ledger()
    ledger.around(ScriptedBackend({"findings": []}, model="house-model")).complete(REQUEST)
    assert (ledger.entries[0].cost_usd, ledger.entries[0].price_table) == (0.0, "unknown")


def test_bytes_of_another_version_are_not_used() -> None:
    backend = ScriptedBackend({"findings": []})
    recorded = RecordedBackend(backend, recall=lambda _: b'{"schema": "model_response/v0"}', record=lambda _: None)
    assert recorded.complete(REQUEST).payload == {"findings": []}
    assert len(backend.requests) == 1
