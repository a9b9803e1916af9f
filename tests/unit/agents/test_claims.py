"""What a model claims is read item by item: tolerant about words, strict about proof."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen_platform.agents.claims import MAX_CLAIMS, Claim, ReviewAnswer, fault_of, read_claims

GOOD: dict[str, Any] = {
    "path": "a.py",
    "line": 3,
    "quote": "x = 1",
    "body": "It is one.",
    "title": "X is one",
    "category": "bug",
    "severity": "high",
    "suggestion": "",
}


def read_one(**changes: object) -> Claim | None:
    claims, dropped = read_claims([{**GOOD, **changes}], is_partial=False)
    assert len(claims) + len(dropped) == 1
    return claims[0] if claims else None


@pytest.mark.parametrize(
    ("said", "meant"), [("HIGH", "high"), (" Critical ", "critical"), ("blocker", "critical"), ("nit", "info")]
)
def test_a_severity_may_be_said_in_other_words(said: str, meant: str) -> None:
    claim = read_one(severity=said)
    assert claim
    assert claim.severity == meant


def test_an_unknown_category_is_a_bug() -> None:
    claim = read_one(category="correctness")
    assert claim
    assert claim.category == "bug"


@pytest.mark.parametrize(("said", "meant"), [("12-14", 12), ("L7", 7), (None, 0), ("somewhere", 0)])
def test_a_line_may_be_said_badly_because_only_the_quote_counts(said: object, meant: int) -> None:
    claim = read_one(line=said)
    assert claim
    assert claim.line == meant


def test_a_quote_may_come_as_a_list_of_lines() -> None:
    claim = read_one(quote=["a", "b"])
    assert claim
    assert claim.quote == "a\nb"


@pytest.mark.parametrize(
    "changes",
    [
        {"quote": ""},
        {"quote": None},
        {"path": ""},
        {"path": 5},
        {"severity": "terrible"},
        {"severity": None},
    ],
)
def test_a_claim_without_place_proof_or_weight_is_dropped_as_invalid(changes: dict[str, object]) -> None:
    claims, dropped = read_claims([{**GOOD, **changes}], is_partial=False)
    assert claims == []
    assert [item.reason for item in dropped] == ["invalid"]


def test_text_that_utf8_cannot_hold_is_made_harmless() -> None:
    claim = read_one(title="a\ud800b", quote=["\udfff"], path="\ud800.py")
    assert claim
    assert (claim.title, claim.quote, claim.path) == ("a?b", "?", "?.py")


def test_runaway_texts_are_cut() -> None:
    claim = read_one(title="word " * 500, body="x" * 100_000, suggestion="y\n" * 50_000)
    assert claim
    assert len(claim.title) <= 160
    assert len(claim.body) <= 4_000
    assert claim.suggestion == ""


def test_more_claims_than_a_review_has_are_dropped_and_counted() -> None:
    claims, dropped = read_claims([GOOD] * (MAX_CLAIMS + 5), is_partial=False)
    assert (len(claims), len(dropped)) == (MAX_CLAIMS, 5)


def test_the_incomplete_end_of_a_cut_answer_was_never_claimed() -> None:
    claims, dropped = read_claims([GOOD, {"path": "a.py", "quo": ""}], is_partial=True)
    assert (len(claims), dropped) == (1, [])


def test_an_empty_list_is_a_fine_answer_unless_it_was_cut_off() -> None:
    assert fault_of([], is_partial=False) is None
    assert fault_of([], is_partial=True)


def test_the_fault_names_the_fields_when_no_item_is_a_claim() -> None:
    fault = fault_of([{"path": "a.py", "severity": "high", "title": "x"}], is_partial=False)
    assert fault
    assert "findings.0.quote" in fault


def test_one_good_item_is_enough() -> None:
    assert fault_of([5, None, GOOD], is_partial=False) is None


def test_the_schema_asks_for_the_reasons_before_the_verdict() -> None:
    fields = list(ReviewAnswer.model_json_schema()["properties"]["findings"]["items"]["properties"])
    assert fields.index("body") < fields.index("severity")
    assert fields.index("quote") < fields.index("body")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=5),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6), st.booleans())
def test_every_item_is_a_claim_or_dropped(items: list[Any], is_partial: bool) -> None:
    claims, dropped = read_claims(items, is_partial=is_partial)
    lost = len(items) - len(claims) - len(dropped)
    assert lost == 0 or (is_partial and lost == 1)
