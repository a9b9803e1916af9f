"""Has the model read a change, several calls at once, and gathers what it says and what it did not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import structlog
from pydantic import JsonValue

from codegen_platform.agents.asking import Patience, Reply, ask
from codegen_platform.agents.backend import ModelBackend, ModelRequest
from codegen_platform.agents.batches import Batch
from codegen_platform.agents.claims import Claim, fault_of, read_claims
from codegen_platform.agents.draft import ReadFile
from codegen_platform.agents.meter import Meter, prompt_tokens_of
from codegen_platform.agents.review_prompt import request_for
from codegen_platform.artifacts import DroppedFinding, PullRequestSnapshot, SkippedFile, SkipReason, StaticFindings
from codegen_platform.errors import BudgetExhausted, CodegenError, ModelRefused, ModelUnavailable

# A refusal for one of these reasons is about the account, not about the question: asking about other files is useless.
ABOUT_THE_ACCOUNT = frozenset(
    {"wrong_api_key", "not_permitted", "unknown_model", "spend_limit", "billing", "redirected", "not_the_api"}
)

log = structlog.get_logger()


@dataclass(slots=True)
class Reading:
    """What came of all calls of one review.

    Attributes:
        unavailable: the error of a call that a later attempt may repeat, if there was one.
    """

    batches: Sequence[Batch]
    claims: list[Claim] = field(default_factory=list)
    invalid: list[DroppedFinding] = field(default_factory=list)
    failures: dict[int, CodegenError] = field(default_factory=dict)
    cut_short: int = 0

    def add(self, reply: Reply) -> None:
        """Take in what one call says."""
        claims, dropped = read_claims(_items(reply.payload), is_partial=reply.is_partial)
        self.claims += claims
        self.invalid += dropped
        self.cut_short += reply.is_partial

    @property
    def unavailable(self) -> ModelUnavailable | None:
        """Return the failure with the longest wait, because a retry before its end would fail again."""
        passing = [error for error in self.failures.values() if isinstance(error, ModelUnavailable)]
        return max(passing, key=lambda error: error.retry_after_seconds or 0.0, default=None)

    def read(self, *, cut: Iterable[SkippedFile]) -> Iterator[ReadFile]:
        """Yield the files of which at least a part was read; of those in `cut` not all was asked about."""
        lines: dict[str, int] = {}
        whole = {file.path: False for file in cut}
        for index, batch in enumerate(self.batches):
            for piece in batch.shown:
                path, is_read = piece.part.file.path, index not in self.failures
                whole[path] = whole.get(path, True) and is_read
                lines[path] = lines.get(path, 0) + (piece.part.lines_changed if is_read else 0)
        for path, count in lines.items():
            if whole[path] or count:
                yield ReadFile(path=path, lines=count, is_whole=whole[path])

    @property
    def failed(self) -> bool:
        """Return whether the model read nothing at all although there was something to read."""
        return bool(self.batches) and len(self.failures) == len(self.batches)

    def skipped(self, *, known: Iterable[SkippedFile]) -> Iterator[SkippedFile]:
        """Yield files of failed calls, apart from those whose skipping is known already."""
        told = {file.path for file in known}
        for index, error in sorted(self.failures.items()):
            for path in sorted(self.batches[index].paths - told):
                told.add(path)
                yield SkippedFile(path=path, reason=_skip_reason(error))

    def degraded(self, model: str) -> str | None:
        """Return one sentence that says what is missing and why, None if nothing is."""
        if self.failures:
            missing = {path for index in self.failures for path in self.batches[index].paths}
            total = {path for batch in self.batches for path in batch.paths}
            what = "the change" if missing == total else f"{len(missing)} of {len(total)} files"
            causes = dict.fromkeys(map(_cause, self.failures.values()))
            return f"{model} did not read {what}: {'; '.join(causes)}."
        if self.cut_short:
            return f"{model} ran out of space in {self.cut_short} of {len(self.batches)} answers; what it said until then is kept."
        return None


@dataclass(slots=True)
class BatchReader:
    """Asks about the batches of one change; used by several threads.

    Attributes:
        guidelines: the repository's, from its base branch.
        refused: the first refusal that is about the account; further questions are not asked then.
    """

    snapshot: PullRequestSnapshot
    static: StaticFindings
    backend: ModelBackend
    guidelines: str
    meter: Meter
    patience: Patience
    refused: ModelRefused | None = None

    def read(self, batches: Sequence[Batch]) -> Reading:
        """Ask about every batch, at most `meter.limits.concurrency` at once, and wait for all of them.

        Raises:
            LeaseLost: the task was cancelled; the other calls end too, because they ask the same question.
        """
        reading = Reading(batches=batches)
        workers = max(1, min(self.meter.limits.concurrency, len(batches)))
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="review") as pool:
            requests = [self._request(batch, part=part, parts=len(batches)) for part, batch in enumerate(batches, 1)]
            for index, result in enumerate(pool.map(self._ask, requests)):
                if isinstance(result, CodegenError):
                    reading.failures[index] = result
                else:
                    reading.add(result)
        return reading

    def _request(self, batch: Batch, *, part: int, parts: int) -> ModelRequest:
        return request_for(
            self.snapshot,
            self.static,
            batch,
            guidelines=self.guidelines,
            part=part,
            parts=parts,
            max_output_tokens=self.meter.limits.max_output_tokens,
        )

    def _ask(self, request: ModelRequest) -> Reply | CodegenError:
        if self.refused is not None:
            return self.refused
        try:
            tokens = self.meter.affordable_output_tokens(prompt_tokens_of(request))
            request = replace(request, max_output_tokens=tokens)
            return ask(self.backend, request, meter=self.meter, check=_fault, patience=self.patience)
        except (ModelUnavailable, ModelRefused, BudgetExhausted) as error:
            if isinstance(error, ModelRefused) and error.reason in ABOUT_THE_ACCOUNT:
                self.refused = error
            log.warning("review.part_failed", code=error.code, reason=getattr(error, "reason", None))
            return error


def _fault(payload: dict[str, JsonValue], is_partial: bool) -> str | None:
    return fault_of(_items(payload), is_partial=is_partial)


def _items(payload: dict[str, JsonValue]) -> list[JsonValue]:
    items = payload.get("findings")
    return items if isinstance(items, list) else []


def _cause(error: CodegenError) -> str:
    if isinstance(error, BudgetExhausted):
        is_cost = error.limit == "cost_usd"
        reached = f"cost ceiling of ${error.ceiling:g}" if is_cost else f"time limit of {error.ceiling:g} seconds"
        return f"the {reached} for one review was reached"
    return str(error)


def _skip_reason(error: CodegenError) -> SkipReason:
    if isinstance(error, BudgetExhausted):
        return SkipReason.OVER_COST_CEILING if error.limit == "cost_usd" else SkipReason.OVER_DEADLINE
    return SkipReason.MODEL_REFUSED if isinstance(error, ModelRefused) else SkipReason.MODEL_UNAVAILABLE
