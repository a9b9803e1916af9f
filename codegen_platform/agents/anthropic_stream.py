"""Collects what the Messages API says while it says it, so that a call that is cut still tells what it used."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from codegen_platform.agents.anthropic_bounds import AnswerTooLarge, NotAnAnswer
from codegen_platform.agents.backend import Spent, TokenUsage

if TYPE_CHECKING:
    from anthropic.types import RawMessageStreamEvent

MAX_ANSWER_CHARACTERS = 1_000_000  # four characters a token: twice the longest answer of a current model
MAX_TOKENS = 100_000_000  # of one call; a server that reports more counts something else


@dataclass(slots=True)
class Received:
    """One answer as far as it has come.

    Attributes:
        has_begun: at least one event or a message has come.
        has_ended: the API said that the message is complete; a stream that ends without it was cut.
    """

    clock: Callable[[], float] = time.monotonic
    started_at: float = field(init=False)
    first_token_at: float | None = None
    stop_reason: str | None = None
    stop_detail: str | None = None
    has_begun: bool = False
    has_ended: bool = False
    characters: int = 0
    usage: TokenUsage = field(default_factory=TokenUsage)
    _texts: dict[int, list[str]] = field(default_factory=dict)
    _tool_inputs: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    @property
    def spent(self) -> Spent:
        """Return what the call has used until now."""
        first = self.first_token_at
        return Spent(
            usage=self.usage,
            seconds=self.clock() - self.started_at,
            first_token_seconds=None if first is None else first - self.started_at,
        )

    @property
    def texts(self) -> list[str]:
        """Return the texts that may hold the answer: all text together, each text block, each tool call's input."""
        blocks = ["".join(parts) for _, parts in sorted(self._texts.items())]
        inputs = ["".join(parts) for _, parts in sorted(self._tool_inputs.items())]
        return [*(["".join(blocks)] if len(blocks) > 1 else []), *blocks, *inputs]

    @property
    def text(self) -> str:
        """Return what the model wrote as text, or as a tool's input if it wrote no text."""
        return next((text for text in self.texts if text.strip()), "")

    def add(self, event: RawMessageStreamEvent) -> None:
        """Take in one event of a stream.

        Raises:
            AnswerTooLarge: the answer has passed the limit.
        """
        self.has_begun = True
        if event.type == "message_start":
            self._count(event.message.usage)
        elif event.type == "content_block_start":
            if event.content_block.type == "text":
                self._write(self._texts, event.index, event.content_block.text)
        elif event.type == "content_block_delta":
            if event.delta.type == "text_delta":
                self._write(self._texts, event.index, event.delta.text)
            elif event.delta.type == "input_json_delta":
                self._write(self._tool_inputs, event.index, event.delta.partial_json)
            elif event.delta.type == "thinking_delta":
                self._first_token()
        elif event.type == "message_delta":
            self._stop(event.delta.stop_reason, getattr(event.delta.stop_details, "category", None))
            self._count(event.usage)
        elif event.type == "message_stop":
            self.has_ended = True

    def add_whole(self, message: object) -> None:
        """Take in an answer that came as one JSON document, from a server that does not stream.

        Raises:
            AnswerTooLarge: the answer has passed the limit.
            NotAnAnswer: the document is no message.
        """
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            raise NotAnAnswer("a JSON document that is not a message")
        self.has_begun = True
        for index, block in enumerate(message["content"]):
            kind = block.get("type") if isinstance(block, dict) else None
            if kind == "text":
                self._write(self._texts, index, str(block.get("text") or ""))
            elif kind == "tool_use":
                self._write(self._tool_inputs, index, json.dumps(block.get("input")))
        self._count(SimpleNamespace(**_mapping(message.get("usage"))))
        details = _mapping(message.get("stop_details"))
        self._stop(message.get("stop_reason") or "end_turn", details.get("category"))

    def _write(self, blocks: dict[int, list[str]], index: int, text: str) -> None:
        if not text:
            return
        self._first_token()
        self.characters += len(text)
        if self.characters > MAX_ANSWER_CHARACTERS:
            raise AnswerTooLarge
        blocks.setdefault(index, []).append(text)

    def _first_token(self) -> None:
        if self.first_token_at is None:
            self.first_token_at = self.clock()

    def _stop(self, reason: str | None, detail: str | None) -> None:
        if reason is not None:
            self.stop_reason, self.stop_detail, self.has_ended = reason, detail, True

    def _count(self, usage: object) -> None:
        # Counts are cumulative; what a later event leaves out keeps the value of the earlier one. Emulators leave out all of it.
        known = self.usage
        self.usage = TokenUsage(
            input_tokens=_number(usage, "input_tokens", known.input_tokens),
            output_tokens=_number(usage, "output_tokens", known.output_tokens),
            cache_read_tokens=_number(usage, "cache_read_input_tokens", known.cache_read_tokens),
            cache_write_tokens=_number(usage, "cache_creation_input_tokens", known.cache_write_tokens),
        )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(usage: object, name: str, known: int) -> int:
    value = getattr(usage, name, None)
    if not isinstance(value, int) or isinstance(value, bool):
        return known
    return value if 0 <= value <= MAX_TOKENS else known
