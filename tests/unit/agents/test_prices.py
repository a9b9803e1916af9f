"""Costs come from a dated table; what has no price costs nothing and says so."""

from __future__ import annotations

from datetime import UTC, date, datetime

import genai_prices
import pytest

from codegen_platform.agents.backend import TokenUsage
from codegen_platform.agents.prices import ceiling_of, cost_of, is_priced, price_of, price_table

MILLION = 1_000_000
DAY = date(2026, 11, 1)


def test_each_kind_of_token_has_its_own_rate() -> None:
    usage = TokenUsage(
        input_tokens=MILLION, output_tokens=MILLION, cache_read_tokens=MILLION, cache_write_tokens=MILLION
    )
    assert cost_of("claude-sonnet-5-5", usage, on=DAY).usd == pytest.approx(2 + 10 + 0.1 + 2.5)


def test_a_cost_uses_the_rate_of_its_day() -> None:
    read = TokenUsage(cache_read_tokens=MILLION)
    assert cost_of("claude-sonnet-5-5", read, on=date(2026, 10, 6)).usd == pytest.approx(0.2)
    assert cost_of("claude-sonnet-5-5", read, on=date(2026, 10, 7)).usd == pytest.approx(0.1)


def test_a_long_prompt_pays_the_long_rates_for_all_its_tokens() -> None:
    short = TokenUsage(input_tokens=60_000, cache_read_tokens=40_000, output_tokens=1_000)
    long = TokenUsage(input_tokens=60_001, cache_read_tokens=40_000, output_tokens=1_000)
    assert cost_of("claude-haiku-5-5", short, on=DAY).usd == pytest.approx(0.006 + 0.0004 + 0.0005)
    assert cost_of("claude-haiku-5-5", long, on=DAY).usd == pytest.approx(0.0300005 + 0.002 + 0.0025, abs=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        "claude-haiku-4-5",
        "claude-haiku-4-5-20251001",
        "anthropic/claude-haiku-4-5",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
)
def test_other_names_of_a_model_have_its_price(model: str) -> None:
    price = price_of(model, on=DAY)
    assert price
    assert price.model == "claude-haiku-4-5"


@pytest.mark.parametrize("model", ["claude-sonnet-9", "gpt-7", "", "claude-sonnet-5-5-turbo", "\ud800", "x" * 100_000])
def test_a_model_without_a_price_costs_nothing_by_the_table_unknown(model: str) -> None:
    cost = cost_of(model, TokenUsage(input_tokens=MILLION))
    assert (cost.usd, cost.table) == (0.0, "unknown")


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4-1",
        "claude-opus-4-1-20250805",
        "anthropic/claude-opus-4-1",
        "us.anthropic.claude-opus-4-1-20250805-v1:0",
    ],
)
def test_a_model_that_our_table_lacks_has_the_price_of_the_kept_one(model: str) -> None:
    usage = TokenUsage(
        input_tokens=MILLION, output_tokens=MILLION, cache_read_tokens=MILLION, cache_write_tokens=MILLION
    )
    cost = cost_of(model, usage, on=DAY)
    assert cost.usd == pytest.approx(15 + 75 + 1.5 + 18.75)
    assert cost.table.startswith("genai-prices-")
    assert is_priced(model)


def test_the_kept_table_agrees_with_ours_where_both_know_a_model() -> None:
    usage = TokenUsage(input_tokens=70_000, output_tokens=10_000, cache_read_tokens=7_000, cache_write_tokens=9_000)
    counted = genai_prices.Usage(
        input_tokens=usage.prompt_tokens, output_tokens=10_000, cache_read_tokens=7_000, cache_write_tokens=9_000
    )
    at = datetime(2026, 11, 1, tzinfo=UTC)
    compared = 0
    for model in {row.model for row in price_table().prices}:
        try:
            theirs = genai_prices.calc_price(counted, model, provider_id="anthropic", genai_request_timestamp=at)
        except LookupError:
            continue
        compared += 1
        assert cost_of(model, usage, on=DAY).usd == pytest.approx(float(theirs.total_price)), model
    assert compared > 8


def test_a_cost_says_which_table_it_comes_from() -> None:
    assert cost_of("claude-opus-5-5", TokenUsage(input_tokens=1)).table == f"anthropic-{price_table().checked}"


def test_the_ceiling_of_a_call_is_never_below_its_cost() -> None:
    ceiling = ceiling_of("claude-opus-5-5", input_tokens=10_000, output_tokens=500)
    for split in (0, 4_000, 10_000):
        usage = TokenUsage(cache_write_tokens=split, input_tokens=10_000 - split, output_tokens=500)
        assert cost_of("claude-opus-5-5", usage).usd <= ceiling


def test_every_row_is_plausible_and_no_day_has_two_prices() -> None:
    rows = price_table().prices
    assert len({(row.model, row.since) for row in rows}) == len(rows)
    for row in rows:
        rates = row.rates
        assert rates.cache_read < rates.input < rates.cache_write < rates.output
