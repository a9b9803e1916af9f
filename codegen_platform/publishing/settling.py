"""Settles one effect: publishes it and records the outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import structlog

from codegen_platform.artifacts.document import UnreadableDocument
from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.publishing import inert, results
from codegen_platform.publishing.decisions import Dead, Decision, Done, Later, Lost, Superseded
from codegen_platform.publishing.gate import OutgoingTextBlocked, refuse_leaks
from codegen_platform.publishing.observing import Observing
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.publishing.timings import Timings
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.store import Store
from codegen_platform.store.rows import EffectRow
from codegen_platform.uptime import uptime_seconds

log = structlog.get_logger()
KIND, ANSWER = "review", "comment"
ANSWER_MAX = 1_000
ANSWERED = "answered"
CRASHES_MAX = 8


class Publication(Protocol):
    """A way to one forge."""

    def publish(self, effect: EffectRow, post: ReviewPost) -> Decision:
        """Publish the effect and return the decision."""
        ...

    def answer(self, effect: EffectRow, text: str) -> Decision:
        """Post the answer to a command and return the decision."""
        ...

    def closed_owners(self) -> Mapping[str, float]:
        """Return the closed owners, in lower case -> seconds until they may reopen."""
        ...

    def begin(self, effect: EffectRow) -> None:
        """Note that this effect was taken from the outbox."""
        ...

    def end(self, effect: EffectRow) -> None:
        """Note that this effect was settled."""
        ...


class Settler:
    """Publishes effects and records their outcomes; one object serves every thread."""

    def __init__(
        self,
        store: Store,
        ways: Mapping[str, Publication],
        *,
        timings: Timings,
        secrets: KnownSecrets,
        observing: Observing,
    ) -> None:
        self._store, self._ways, self._timings, self._secrets = store, ways, timings, secrets
        self._observing = observing

    def settle(self, effect: EffectRow, stop: threading.Event) -> None:
        """Publish the effect and record the outcome; raises nothing."""
        with structlog.contextvars.bound_contextvars(
            effect_id=str(effect.id), task_id=str(effect.task_id), repository=effect.repository, number=effect.number
        ):
            try:
                decision = self._decide(effect)
                self._record_in_time(effect, decision, stop)
                self._observing.settled(effect, decision)
            except Exception:
                log.exception("effect.unrecorded")  # the lease runs out and another claim finds what stands

    def _decide(self, effect: EffectRow) -> Decision:
        if effect.kind == ANSWER:
            text = inert.block(effect.payload.decode("utf-8", "replace"), max_chars=ANSWER_MAX)
            return self._guarded(effect, None, text, lambda: self._ways[effect.forge].answer(effect, text))
        try:
            post = ReviewPost.from_bytes(effect.payload)
        except (UnreadableDocument, ValueError) as error:
            return Dead(reason=f"unreadable payload: {error}"[:500], result=None)
        if (post.forge, post.repository, post.number, post.commit_id) != _place(effect):
            return _dead(post, effect, "the payload is about another commit or pull request than its effect")
        if effect.kind != KIND:
            return _dead(post, effect, f"this publisher does not know effects of kind {effect.kind}")
        return self._guarded(
            effect, post, "\n".join(post.texts), lambda: self._ways[effect.forge].publish(effect, post)
        )

    def _guarded(
        self, effect: EffectRow, post: ReviewPost | None, text: str, publish: Callable[[], Decision]
    ) -> Decision:
        try:
            refuse_leaks(text, self._secrets)
            return publish()
        except OutgoingTextBlocked as error:
            log.error("effect.blocked", error=str(error))
            return _dead(post, effect, str(error))
        except StoreUnavailable:
            return Lost()  # the lease runs out and another claim finds what stands
        except Exception as error:
            log.exception("effect.crashed")
            return _after_crash(post, effect, error)

    def _record_in_time(self, effect: EffectRow, decision: Decision, stop: threading.Event) -> None:
        """Record the decision; while PostgreSQL is away, try again as long as the lease lasts."""
        deadline = uptime_seconds() + self._timings.lease_seconds
        attempt = 0
        while True:
            try:
                self._record(effect, decision)
                return
            except StoreUnavailable as error:
                wait = self._timings.backoff_seconds(attempt)
                if stop.is_set() or uptime_seconds() + wait > deadline:
                    log.error("effect.unrecorded", error=str(error))
                    return
                stop.wait(wait)
                attempt += 1

    def _record(self, effect: EffectRow, decision: Decision) -> None:
        match decision:
            case Done(result=result, remote_id=remote_id):
                body, reason = (result.to_bytes(), result.reason) if result else (None, None)
                held = self._finish(
                    effect, "done", body, remote_id, result.outcome.value if result else ANSWERED, reason
                )
                counts = {"posted": result.posted, "failed": result.failed, "url": result.url} if result else {}
                log.info("effect.done", held=held, kind=effect.kind, **counts)
            case Superseded(result=result):
                body, reason = (result.to_bytes(), result.reason) if result else (None, "answers cannot be posted here")
                held = self._finish(effect, "superseded", body, None, "superseded", reason)
                log.info("effect.superseded", held=held, reason=reason)
            case Dead(reason=reason, result=dead_result):
                body = dead_result.to_bytes() if dead_result else None
                held = self._finish(effect, "dead", body, None, "failed", reason)
                log.error("effect.dead", held=held, reason=reason)
            case Later():
                self._postpone(effect, decision)
            case Lost():
                log.warning("effect.lost", attempt=effect.attempt)

    def _finish(
        self,
        effect: EffectRow,
        state: Literal["done", "superseded", "dead"],
        result: bytes | None,
        remote_id: str | None,
        outcome: str,
        error: str | None,
    ) -> bool:
        return self._store.effects.finish(effect.id, effect.fence, state, result, remote_id, outcome, error=error)

    def _postpone(self, effect: EffectRow, later: Later) -> None:
        age = self._timings.age_seconds(effect)
        if age > self._timings.give_up_seconds:
            post = None if effect.kind == ANSWER else ReviewPost.from_bytes(effect.payload)
            self._record(effect, _dead(post, effect, f"given up after {age / 3600:.0f} hours: {later.error}"))
            return
        delay = later.delay_seconds
        seconds = self._timings.backoff_seconds(effect.attempt - 1) if delay is None else self._timings.granted(delay)
        self._store.effects.postpone(effect.id, effect.fence, seconds, later.error, sent_unknown=later.sent_unknown)
        log.info("effect.postponed", seconds=round(seconds, 1), error=later.error, sent_unknown=later.sent_unknown)


def _place(effect: EffectRow) -> tuple[str, str, int, str]:
    return effect.forge, effect.repository, effect.number, effect.head_sha


def _dead(post: ReviewPost | None, effect: EffectRow, reason: str) -> Dead:
    return Dead(reason=reason, result=results.dead(post, effect.id, reason) if post else None)


def _after_crash(post: ReviewPost | None, effect: EffectRow, error: Exception) -> Decision:
    """Decide after an unexpected error: do not retry for ever, nor forget a request that may have been sent."""
    ours = error if isinstance(error, CodegenError) else None
    said = f"{ours.code if ours else type(error).__name__}: {error}"[:500]
    if effect.attempt >= CRASHES_MAX or (ours and not ours.retryable):
        return _dead(post, effect, said)
    return Later(delay_seconds=None, error=said, sent_unknown=True)
