"""What a model is to an agent: one question, one answer, and what it cost; two implementations (the API, and the API with a ledger)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

from pydantic import BaseModel, JsonValue

from codegen_platform.artifacts.document import Document, Value
from codegen_platform.errors import LeaseLost, ModelRefused, ModelUnavailable

Role = Literal["user", "assistant"]
Effort = Literal["low", "medium", "high"]


class TokenUsage(Value):
    """Tokens of one call as the API billed them; `input_tokens` excludes what the cache served or stored."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Return the length of the prompt, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message of a conversation; roles alternate and the first is the user's."""

    role: Role
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One question to a model.

    Attributes:
        purpose: what it is for, as recorded in the ledger (`review`, `refute`).
        system: stable blocks, the most widely shared first; the API caches the prompt up to the end of each.
        turns: what changes from call to call.
        output: the pydantic type of the answer; extra fields must be allowed or forbidden by the type itself.
        prompt_sha256: hash of the prompt files and the answer's schema, to tell versions of the prompt apart.
        max_output_tokens: ceiling of the answer, thinking included.
        effort: how hard the model shall think, None for the API's own default.
        timeout_seconds: total time for the call; not part of the question's identity.
    """

    purpose: str
    system: tuple[str, ...]
    turns: tuple[Turn, ...]
    output: type[BaseModel]
    prompt_sha256: str
    max_output_tokens: int
    effort: Effort | None = None
    timeout_seconds: float = 300.0

    def sha256(self, *, backend: str, model: str) -> str:
        """Return the identity of the whole question as put to one model: equal questions need to be paid for once only."""
        parts = {
            "backend": backend,
            "model": model,
            "system": self.system,
            "turns": [[turn.role, turn.text] for turn in self.turns],
            "schema": self.output.model_json_schema(),
            "max_output_tokens": self.max_output_tokens,
            "effort": self.effort,
        }
        text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def followed_by(self, *turns: Turn, effort: Effort | None = None) -> ModelRequest:
        """Return the same question with more said; an `effort` replaces the present one."""
        return replace(self, turns=(*self.turns, *turns), effort=effort or self.effort)


class ModelResponse(Document):
    """One answer. It is what the ledger keeps, so that a later attempt of the same task can use it again.

    Attributes:
        payload: the JSON object of the answer if it fits the requested type, else None.
        invalid: why there is no payload, in words that the model can act on; None if there is one.
        text: what the model wrote, the beginning of it if it wrote too much.
        stop_reason: as the API gave it (`end_turn`, `max_tokens`, `refusal`, ...).
        stop_detail: the API's category of a refusal, if it gave one.
        is_partial: the payload was saved from an answer that was cut at the token ceiling; its last item may be incomplete.
    """

    schema_name: ClassVar[str] = "model_response/v1"

    payload: dict[str, JsonValue] | None = None
    invalid: str | None = None
    text: str = ""
    stop_reason: str | None = None
    stop_detail: str | None = None
    is_partial: bool = False
    usage: TokenUsage = TokenUsage()
    seconds: float = 0.0
    first_token_seconds: float | None = None


class ModelBackend(Protocol):
    """A model that answers questions.

    Attributes:
        name: which implementation, as recorded (`anthropic`).
        model: the model's id.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def model(self) -> str: ...  # noqa: D102

    def complete(self, request: ModelRequest) -> ModelResponse:
        """Ask once: no retries, so that every attempt is seen and billed by whoever wraps this.

        Raises:
            ModelUnavailable: no answer for a reason that passes.
            ModelRefused: no answer, and asking again will not help.
            LeaseLost: the caller no longer wants the answer.
        """

    def cancelled(self) -> bool:
        """Return whether the caller no longer wants answers; whoever waits between calls asks this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a call without an answer had used up when it ended."""

    usage: TokenUsage = field(default_factory=TokenUsage)
    seconds: float = 0.0
    first_token_seconds: float | None = None


class CallUnavailable(ModelUnavailable):
    """A call that failed for a reason that passes; `spent` is what it had used until then."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None, spent: Spent) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.spent = spent


class CallRefused(ModelRefused):
    """A call that was refused; `spent` is what it had used until then."""

    def __init__(self, message: str, *, reason: str, spent: Spent) -> None:
        super().__init__(message, reason=reason)
        self.spent = spent


class CallCancelled(LeaseLost):
    """A call that was broken off because nobody wants its answer; `spent` is what it had used until then."""

    def __init__(self, message: str, *, spent: Spent) -> None:
        super().__init__(message)
        self.spent = spent


def spent_by(error: BaseException) -> Spent:
    """Return what a failed call had used; nothing if the error does not say."""
    found = getattr(error, "spent", None)
    return found if isinstance(found, Spent) else Spent()
