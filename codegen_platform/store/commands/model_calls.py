"""Calls to models: recorded with their answers, so that none is paid twice, and added up."""

from __future__ import annotations

from dataclasses import dataclass, fields
from uuid import UUID, uuid4

from codegen_platform.store.pool import Pool
from codegen_platform.store.rows import ModelCallRow, NewModelCall

RECORD = """
    INSERT INTO model_calls (id, task_id, attempt, backend, model, purpose, prompt_sha256, request_sha256, status, stop_reason,
                             error, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, price_table,
                             first_token_seconds, seconds, response, created_at)
    VALUES (%(id)s, %(task_id)s, %(attempt)s, %(backend)s, %(model)s, %(purpose)s, %(prompt_sha256)s, %(request_sha256)s,
            %(status)s, %(stop_reason)s, %(error)s, %(input_tokens)s, %(output_tokens)s, %(cache_read_tokens)s,
            %(cache_write_tokens)s, %(cost_usd)s, %(price_table)s, %(first_token_seconds)s, %(seconds)s, %(response)s,
            clock_timestamp())
"""

# The newest good answer that this task got to this request.
RECALL = """
    SELECT response FROM model_calls
    WHERE task_id = %(task_id)s AND request_sha256 = %(request_sha256)s AND status = 'ok' AND response IS NOT NULL
    ORDER BY created_at DESC LIMIT 1
"""

FOR_TASK = """
    SELECT id, task_id, attempt, backend, model, purpose, prompt_sha256, request_sha256, status, stop_reason, error,
           input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, price_table, first_token_seconds,
           seconds, created_at
    FROM model_calls WHERE task_id = %(task_id)s ORDER BY created_at, id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    response: bytes


class ModelCalls:
    """One row per call, also the failed ones."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def record(self, call: NewModelCall) -> None:
        """Record one call; committed when this returns."""
        self._pool.execute(RECORD, {"id": uuid4(), **{item.name: getattr(call, item.name) for item in fields(call)}})

    def recall(self, task_id: UUID, request_sha256: str) -> bytes | None:
        """Return the answer that this task got to the same request before, or None."""
        answers = self._pool.fetch(_Answer, RECALL, {"task_id": task_id, "request_sha256": request_sha256})
        return answers[0].response if answers else None

    def for_task(self, task_id: UUID) -> list[ModelCallRow]:
        """Return the calls of a task without their answers, oldest first."""
        return self._pool.fetch(ModelCallRow, FOR_TASK, {"task_id": task_id})
