"""What a call cost at list price: by our own dated table, else by the one that the package genai-prices keeps for all models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import resources

import re2
import yaml

from codegen_platform.agents.backend import TokenUsage
from codegen_platform.artifacts.document import Value

UNKNOWN = "unknown"
PER_MILLION = 1_000_000
MAX_NAME_CHARACTERS = 128
PLATFORM_PREFIX = re2.compile(r"^(?:[a-z]{2}\.)?anthropic[./]")
VERSION_SUFFIX = re2.compile(r"(?:@\d{8}|-\d{8})?(?:-v\d+(?::\d+)?)?$")


class Rates(Value):
    """US dollars per million tokens; `cache_write` is that of the five-minute cache, the only one that is used here."""

    input: float
    output: float
    cache_read: float
    cache_write: float


class ModelPrice(Value):
    """The price of one model from one day on; prompts above `long_prompt_above` tokens pay the long rates for all their tokens."""

    model: str
    since: date
    rates: Rates
    long_prompt_above: int | None = None
    long_rates: Rates | None = None


class PriceTable(Value):
    """All prices, and the day on which they were last compared with the published ones."""

    name: str
    checked: date
    source: str
    prices: tuple[ModelPrice, ...]

    @property
    def version(self) -> str:
        """Return what is recorded beside a cost, so that it can be explained later."""
        return f"{self.name}-{self.checked.isoformat()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a call cost and by which table; 0 by table `unknown` if the model has no price."""

    usd: float
    table: str


@cache
def price_table() -> PriceTable:
    """Return the table that ships with the platform."""
    text = resources.files(__package__).joinpath("prices.yaml").read_text(encoding="utf-8")
    return PriceTable.model_validate(yaml.safe_load(text))


def price_of(model: str, *, on: date | None = None) -> ModelPrice | None:
    """Return the price of a model in force on a day (default today), None if it has none.

    Ids of snapshots and of other platforms (`claude-x-20260101`, `anthropic.claude-x-v1:0`, `anthropic/claude-x`) are priced as the model.
    """
    day = on or datetime.now(UTC).date()
    wanted = {model, VERSION_SUFFIX.sub("", _plain_name(model))}
    fitting = [price for price in price_table().prices if price.model in wanted and price.since <= day]
    return max(fitting, key=lambda price: price.since, default=None)


def cost_of(model: str, usage: TokenUsage, *, on: date | None = None) -> Cost:
    """Return what one call cost at list price."""
    price = price_of(model, on=on)
    if price is None:
        return _kept_cost(model, usage, on=on) or Cost(usd=0.0, table=UNKNOWN)
    is_long = price.long_prompt_above is not None and usage.prompt_tokens > price.long_prompt_above
    rates = price.long_rates if is_long and price.long_rates else price.rates
    dollars = (
        usage.input_tokens * rates.input
        + usage.output_tokens * rates.output
        + usage.cache_read_tokens * rates.cache_read
        + usage.cache_write_tokens * rates.cache_write
    )
    return Cost(usd=round(dollars / PER_MILLION, 6), table=price_table().version)


def _plain_name(model: str) -> str:
    """Return a model's name without that of its platform; it may be what a model's server says, so any text at all."""
    return str(PLATFORM_PREFIX.sub("", model.encode("utf-8", "replace").decode()))


def is_priced(model: str) -> bool:
    """Return whether calls of the model have a known price today."""
    return cost_of(model, TokenUsage(input_tokens=1, output_tokens=1)).table != UNKNOWN


def _kept_cost(model: str, usage: TokenUsage, *, on: date | None) -> Cost | None:
    """Return the cost by the package's table, which lies in its wheel: nothing is asked for over the network."""
    import genai_prices  # half a second, and only for models that our table does not have

    counted = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    at = datetime.combine(on, time(12), UTC) if on else datetime.now(UTC)
    try:
        found = genai_prices.calc_price(
            counted,
            _plain_name(model)[:MAX_NAME_CHARACTERS].split(":")[0],
            provider_id="anthropic",
            genai_request_timestamp=at,
        )
    except LookupError:
        return None
    return Cost(usd=round(float(found.total_price), 6), table=f"genai-prices-{genai_prices.__version__}")


def ceiling_of(model: str, *, input_tokens: int, output_tokens: int) -> float:
    """Return the most that a call can cost in US dollars, its whole prompt being written to the cache; 0 if the price is unknown."""
    return cost_of(model, TokenUsage(cache_write_tokens=input_tokens, output_tokens=output_tokens)).usd
