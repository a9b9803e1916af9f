"""Calls to models."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class NewModelCall:
    """One call to a model, to be recorded; `cost_usd` by the price table named in `price_table`.

    Attributes:
        status: 'ok', 'invalid' (unusable answer), 'refused' or 'error'; only 'ok' responses are recalled.
        request_sha256: of the whole request; the same work asked again has the same.
        response: the answer's bytes as the backend wants them back.
    """

    task_id: UUID | None
    attempt: int
    backend: str
    model: str
    purpose: str
    prompt_sha256: str
    request_sha256: str
    status: str
    stop_reason: str | None = None
    error: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | float = Decimal(0)
    price_table: str = ""
    first_token_seconds: float | None = None
    seconds: float = 0.0
    response: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCallRow:
    """One recorded call to a model, without its response."""

    id: UUID
    task_id: UUID | None
    attempt: int
    backend: str
    model: str
    purpose: str
    prompt_sha256: str
    request_sha256: str
    status: str
    stop_reason: str | None
    error: str | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal
    price_table: str
    first_token_seconds: float | None
    seconds: float
    created_at: datetime
