"""The model that reviews, if one is configured."""

from collections.abc import Callable
from dataclasses import asdict

import dagster as dg
from pydantic import SecretStr

from codegen_platform.agents.anthropic_backend import AnthropicBackend
from codegen_platform.agents.backend import ModelBackend
from codegen_platform.agents.recording import CallRecord, RecordedBackend
from codegen_platform.store import EXAMPLE_REPOSITORY, NewModelCall, TaskRow
from resources.ledger import Ledger
from resources.process import once_per_process, settings


class ReviewModel(dg.ConfigurableResource[None]):
    """The model behind the reviewer; every call is entered in the ledger, and an answer already paid for is used again."""

    ledger: dg.ResourceDependency[Ledger]

    def backend(self, task: TaskRow | None, *, cancelled: Callable[[], bool]) -> ModelBackend | None:
        """Return the backend for one task; None (static review) without a key and for the example.

        Nobody asked for the example's review, so it makes no paid calls.
        """
        given = settings().model
        if given.api_key is None or (task is not None and task.repository == EXAMPLE_REPOSITORY):
            return None
        key: SecretStr = given.api_key
        calls = self.ledger.store.model_calls
        task_id, attempt = (task.id, task.attempt) if task else (None, 1)

        def recall(request_sha256: str) -> bytes | None:
            return calls.recall(task_id, request_sha256) if task_id else None

        def record(call: CallRecord) -> None:
            calls.record(NewModelCall(task_id=task_id, attempt=attempt, **asdict(call)))

        def connect() -> AnthropicBackend:
            return AnthropicBackend(
                api_key=key.get_secret_value(),
                base_url=given.base_url,
                model=given.name,
                timeout_seconds=given.timeout_seconds,
            )

        backend = once_per_process("anthropic", connect)
        return RecordedBackend(backend.cancelled_by(cancelled), recall=recall, record=record)
