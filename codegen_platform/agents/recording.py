"""A backend with a ledger: every call is entered, also the failed ones, and an answer that was paid for is not paid for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog

from codegen_platform.agents.backend import ModelBackend, ModelRequest, ModelResponse, Spent, spent_by
from codegen_platform.agents.prices import cost_of
from codegen_platform.artifacts.document import UnreadableDocument
from codegen_platform.errors import CodegenError, LeaseLost, ModelRefused, ModelUnavailable

CallStatus = Literal["ok", "invalid", "refused", "error"]

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRecord:
    """One call to a model, as the ledger keeps it.

    Attributes:
        status: `ok` (a usable answer), `invalid` (an answer that cannot be used), `refused`, `error` (no answer).
        error: a stable code with the reason, never text from a prompt or an answer.
        price_table: the dated table that `cost_usd` comes from, `unknown` if the model has no price there.
        response: the answer as `ModelResponse` bytes; None if there was none.
    """

    backend: str
    model: str
    purpose: str
    prompt_sha256: str
    request_sha256: str
    status: CallStatus
    stop_reason: str | None = None
    error: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    price_table: str = ""
    first_token_seconds: float | None = None
    seconds: float = 0.0
    response: bytes | None = None


class RecordedBackend:
    """Asks another backend, unless the same question of the same task has been answered before.

    `recall` and `record` are called from the threads that call `complete`, several at once.
    """

    def __init__(
        self,
        backend: ModelBackend,
        *,
        recall: Callable[[str], bytes | None],
        record: Callable[[CallRecord], None],
    ) -> None:
        self._backend, self._recall, self._record = backend, recall, record

    @property
    def name(self) -> str:
        """Return the name of the backend that is asked."""
        return self._backend.name

    @property
    def model(self) -> str:
        """Return the model that is asked."""
        return self._backend.model

    def cancelled(self) -> bool:
        """Return whether the caller no longer wants answers."""
        return self._backend.cancelled()

    def complete(self, request: ModelRequest) -> ModelResponse:
        """Return the answer recorded for this very question, or ask and record.

        Raises:
            ModelUnavailable, ModelRefused, LeaseLost: as the backend does; recorded first.
        """
        request_sha256 = request.sha256(backend=self.name, model=self.model)
        known = self._known(request_sha256)
        if known is not None:
            return known
        try:
            response = self._backend.complete(request)
        except (ModelUnavailable, ModelRefused, LeaseLost) as error:
            self._enter_failure(request, request_sha256, error)
            raise
        self._enter_answer(request, request_sha256, response)
        return response

    def _known(self, request_sha256: str) -> ModelResponse | None:
        data = self._recall(request_sha256)
        if data is None:
            return None
        try:
            response = ModelResponse.from_bytes(data)
        except (UnreadableDocument, ValueError):  # written by another version of the platform
            return None
        log.info("model.recalled", request_sha256=request_sha256)
        return response

    def _enter_answer(self, request: ModelRequest, request_sha256: str, response: ModelResponse) -> None:
        status: CallStatus = "ok" if response.payload is not None else "invalid"
        if response.stop_reason == "refusal":
            status = "refused"
        spent = Spent(usage=response.usage, seconds=response.seconds, first_token_seconds=response.first_token_seconds)
        self._enter(
            request,
            request_sha256,
            spent,
            status=status,
            stop_reason=response.stop_reason,
            error=None if status == "ok" else status,
            response=response.to_bytes(),
        )

    def _enter_failure(self, request: ModelRequest, request_sha256: str, error: CodegenError) -> None:
        refused = isinstance(error, ModelRefused)
        code = f"{error.code}:{error.reason}" if isinstance(error, ModelRefused) else error.code
        self._enter(request, request_sha256, spent_by(error), status="refused" if refused else "error", error=code)

    def _enter(
        self,
        request: ModelRequest,
        request_sha256: str,
        spent: Spent,
        *,
        status: CallStatus,
        stop_reason: str | None = None,
        error: str | None = None,
        response: bytes | None = None,
    ) -> None:
        usage, cost = spent.usage, cost_of(self.model, spent.usage)
        self._record(
            CallRecord(
                backend=self.name,
                model=self.model,
                purpose=request.purpose,
                prompt_sha256=request.prompt_sha256,
                request_sha256=request_sha256,
                status=status,
                stop_reason=stop_reason,
                error=error,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cache_read_tokens,
                cache_write_tokens=usage.cache_write_tokens,
                cost_usd=cost.usd,
                price_table=cost.table,
                first_token_seconds=spent.first_token_seconds,
                seconds=spent.seconds,
                response=response,
            )
        )
        log.info(
            "model.called",
            purpose=request.purpose,
            status=status,
            cost_usd=cost.usd,
            seconds=spent.seconds,
            error=error,
        )
