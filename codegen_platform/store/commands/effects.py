"""The outbox: what shall be written to a forge, once, whatever dies on the way.

The rules that make it once: `sent_at` is written before the request leaves and only while the lease covers the whole request;
whoever takes over an effect with `sent_at` set gets it only when that request can no longer land, and lists before sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.ledger import lock
from codegen_platform.store.commands.moves import LockedTask, Move, ended
from codegen_platform.store.commands.outbox import NewEffect, answer, enqueue, is_outgoing
from codegen_platform.store.notifying import notify
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.rows import Check, ClaimTerms, EffectRow, SentEffect, ValidationReport
from codegen_platform.store.states import OPEN, EffectState

FORGES = ("github", "local")
ANY_EFFECT = ClaimTerms()
PUBLISHED = ValidationReport(checks=[Check(name="published", passed=True, detail="valid when it was enqueued")])

# Take a due effect: of the owner with the fewest in flight, then the one that has been due longest. One that may have been sent waits
# until that request can no longer land, by the database's clock and by that of the publisher that asks.
CLAIM = """
    UPDATE effects
    SET state = 'sending', fence = fence + 1, attempt = attempt + 1,
        lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    WHERE id = (
        SELECT id FROM effects, lower(forge || ':' || split_part(repository, '/', 1)) AS owner
        WHERE state IN ('pending', 'sending') AND run_at <= statement_timestamp() AND forge = ANY(%(forges)s)
          AND (lease_until IS NULL OR lease_until < statement_timestamp())
          AND id <> ALL(%(in_flight)s::uuid[])
          AND (owner <> ALL(%(closed_owners)s::text[])
               OR wanted_at < statement_timestamp() - make_interval(secs => %(give_up_seconds)s))
          AND (sent_at IS NULL OR (
                sent_at <= statement_timestamp() - make_interval(secs => %(settle_seconds)s)
                AND (NOT %(only_settled)s OR (id, sent_at) IN (
                    SELECT * FROM unnest(%(settled_ids)s::uuid[], %(settled_times)s::timestamptz[])))))
        ORDER BY cardinality(array_positions(%(busy_owners)s::text[], owner)), run_at, sequence LIMIT 1
        FOR UPDATE OF effects SKIP LOCKED
    )
    RETURNING *
"""

# Requests that may have left and whose outcome is unknown.
SENT = "SELECT id, sent_at FROM effects WHERE state IN ('pending', 'sending') AND sent_at IS NOT NULL"

# Say that a request leaves now, unless the lease might end before the request does.
MARK_SENT = """
    UPDATE effects SET sent_at = clock_timestamp()
    WHERE id = %(id)s AND fence = %(fence)s AND state = 'sending'
      AND lease_until >= clock_timestamp() + make_interval(secs => %(request_timeout_seconds)s)
"""

# Clear `sent_at`: the request was refused, or it never left.
UNMARK_SENT = "UPDATE effects SET sent_at = NULL WHERE id = %(id)s AND fence = %(fence)s AND state = 'sending'"

# Renew the lease of an effect that is still this publisher's.
EXTEND = """
    UPDATE effects SET lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s AND fence = %(fence)s AND state = 'sending'
"""

# Put an effect back; `sent_at` is kept only if nobody knows whether the request was carried out.
POSTPONE = """
    UPDATE effects
    SET state = 'pending', run_at = clock_timestamp() + make_interval(secs => %(delay_seconds)s), lease_until = NULL,
        last_error = %(error)s, sent_at = CASE WHEN %(sent_unknown)s THEN sent_at END
    WHERE id = %(id)s AND fence = %(fence)s AND state = 'sending'
"""

# End an effect that is still this publisher's.
FINISH = """
    UPDATE effects
    SET state = %(state)s::effect_state_enum, result = %(result)s, remote_id = coalesce(%(remote_id)s, remote_id),
        outcome = %(outcome)s, last_error = coalesce(%(error)s, last_error), lease_until = NULL,
        finished_at = clock_timestamp()
    WHERE id = %(id)s AND fence = %(fence)s AND state = 'sending'
    RETURNING *
"""

GET = "SELECT * FROM effects WHERE id = %(id)s"
FOR_TASK = "SELECT * FROM effects WHERE task_id = %(task_id)s ORDER BY sequence"

# What a publisher ended with a result that no run has reported yet; effects that were withdrawn have none.
UNREPORTED = """
    SELECT * FROM effects WHERE finished_at <= clock_timestamp() - make_interval(secs => %(waited_seconds)s)
      AND materialized_at IS NULL AND result IS NOT NULL
    ORDER BY finished_at LIMIT %(limit)s
"""

# What waits in the outbox, by state.
BACKLOG = """
    SELECT state, count(*) AS count,
           extract(epoch FROM statement_timestamp() - min(wanted_at))::double precision AS oldest_seconds
    FROM effects WHERE state IN ('pending', 'sending') GROUP BY state
"""

MARK_MATERIALIZED = (
    "UPDATE effects SET materialized_at = clock_timestamp() WHERE id = %(id)s AND materialized_at IS NULL"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """How many effects of one state wait, and how long the oldest of them has been wanted."""

    state: EffectState
    count: int
    oldest_seconds: float


class Effects:
    """The rows that only the publisher moves once they exist; each of its calls presents the fence of its claim."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def enqueue(
        self, task_id: UUID, fence: int, kind: str, effect_key: str, payload: bytes, *, head_sha: str | None = None
    ) -> EffectRow:
        """Put something that was found valid in the outbox; NOTIFY effects.

        With a known key the first effect is returned, its payload unchanged unless it was dead or superseded: then it is wanted
        again, with this payload. If it is done already, the task is complete.

        Args:
            head_sha: the commit that it is about; by default the task's.

        Raises:
            LeaseLost: the task is not this run's any more; nothing was enqueued.
            WrongState: the task holds no passed validation, the key is another task's, or task and arguments name no number or
                no head commit.
        """
        new = NewEffect(kind=kind, effect_key=effect_key, payload=payload, head_sha=head_sha)
        return self._pool.run(lambda connection: enqueue(connection, task_id, fence, new))

    def answer(self, command_id: int, *, forge: str, repository: str, number: int, text: str) -> bool:
        """Put the answer to a command into the outbox: one for each command, three an hour under a pull request or issue; NOTIFY effects.

        Args:
            command_id: the forge's id of the comment with the command.
            text: Markdown of our own words.
        """
        place = (forge, repository, number)
        return self._pool.run(lambda connection: answer(connection, command_id, place, text))

    def claim(
        self,
        lease_seconds: float,
        *,
        request_timeout_seconds: float,
        quiet_seconds: float,
        forges: Sequence[str] = FORGES,
        terms: ClaimTerms = ANY_EFFECT,
    ) -> EffectRow | None:
        """Take a due effect on these terms: sending, fence + 1, leased by the database's clock.

        The owner with the fewest effects in flight goes first, then the effect that has been due longest. One whose `sent_at` is set is
        given out only `request_timeout_seconds + quiet_seconds` after it: list before sending.
        """
        settled = terms.settled or ()
        given = {
            "lease_seconds": lease_seconds,
            "forges": list(forges),
            "settle_seconds": request_timeout_seconds + quiet_seconds,
            "in_flight": list(terms.in_flight),
            "busy_owners": list(terms.busy_owners),
            "closed_owners": list(terms.closed_owners),
            "give_up_seconds": terms.give_up_seconds,
            "only_settled": terms.settled is not None,
            "settled_ids": [sent.id for sent in settled],
            "settled_times": [sent.sent_at for sent in settled],
        }
        claimed = self._pool.fetch(EffectRow, CLAIM, given)
        return claimed[0] if claimed else None

    def sent(self) -> list[SentEffect]:
        """Return the requests that may have left and whose outcome is unknown."""
        return self._pool.fetch(SentEffect, SENT)

    def mark_sent(self, effect_id: UUID, fence: int, request_timeout_seconds: float) -> bool:
        """Write `sent_at`; send only after True. False: the lease is lost or does not cover the whole request."""
        given = {"id": effect_id, "fence": fence, "request_timeout_seconds": request_timeout_seconds}
        return self._pool.execute(MARK_SENT, given) == 1

    def unmark_sent(self, effect_id: UUID, fence: int) -> bool:
        """Clear `sent_at` after proof that nothing was carried out. False: the effect no longer belongs to this publisher."""
        return self._pool.execute(UNMARK_SENT, {"id": effect_id, "fence": fence}) == 1

    def extend(self, effect_id: UUID, fence: int, lease_seconds: float) -> bool:
        """Renew the lease. False: the effect is not this publisher's any more."""
        return self._pool.execute(EXTEND, {"id": effect_id, "fence": fence, "lease_seconds": lease_seconds}) == 1

    def postpone(self, effect_id: UUID, fence: int, delay_seconds: float, error: str, *, sent_unknown: bool) -> bool:
        """Put the effect back, not before the delay. False: it is not this publisher's any more.

        Args:
            sent_unknown: whether a request left whose fate nobody knows; then the quiet period holds and the next publisher lists.
        """
        given = {"id": effect_id, "fence": fence, "delay_seconds": delay_seconds, "error": error}
        return self._pool.execute(POSTPONE, {**given, "sent_unknown": sent_unknown}) == 1

    def finish(
        self,
        effect_id: UUID,
        fence: int,
        state: Literal["done", "superseded", "dead"],
        result: bytes | None,
        remote_id: str | None,
        task_outcome: str | None,
        *,
        error: str | None = None,
    ) -> bool:
        """End the effect, and with its last effect the task, in one transaction; NOTIFY effects and tasks.

        done: the task is complete with `task_outcome`; superseded and dead: so is the task. A task that was ended otherwise in the
        meantime stays as it is. False: the effect is not this publisher's any more; nothing was changed.
        """
        given = {"id": effect_id, "fence": fence, "state": state, "result": result, "remote_id": remote_id}
        given |= {"outcome": task_outcome, "error": error}

        def finished(connection: Connection) -> bool:
            known = fetch(connection, EffectRow, GET, {"id": effect_id})
            # Task before effect, as everyone who locks both does it.
            task_id = known[0].task_id if known else None
            task = lock(connection, task_id) if task_id else None
            effects = fetch(connection, EffectRow, FINISH, given)
            if not effects:
                return False
            if task is not None and task.status in OPEN and not is_outgoing(connection, task):
                save(connection, [_end_of_task(task, effects[0])])
            notify(connection, "effects")
            return True

        return self._pool.run(finished)

    def get(self, effect_id: UUID) -> EffectRow | None:
        """Return one effect, or None."""
        found = self._pool.fetch(EffectRow, GET, {"id": effect_id})
        return found[0] if found else None

    def for_task(self, task_id: UUID) -> list[EffectRow]:
        """Return the effects of a task, oldest first."""
        return self._pool.fetch(EffectRow, FOR_TASK, {"task_id": task_id})

    def unreported(self, limit: int, *, waited_seconds: float = 0.0) -> list[EffectRow]:
        """Return at most `limit` effects that ended with a result whose asset nobody has materialized yet, oldest first.

        Those that ended less than `waited_seconds` ago are left to their run, which waits for them.
        """
        return self._pool.fetch(EffectRow, UNREPORTED, {"limit": limit, "waited_seconds": waited_seconds})

    def backlog(self) -> list[Backlog]:
        """Return what is not finished, one row per state that has any."""
        return self._pool.fetch(Backlog, BACKLOG)

    def mark_materialized(self, effect_id: UUID) -> bool:
        """Say that the asset of this effect was materialized. False: someone else said so before."""
        return self._pool.execute(MARK_MATERIALIZED, {"id": effect_id}) == 1


def _end_of_task(task: LockedTask, effect: EffectRow) -> Move:
    note = {"effect_id": str(effect.id), "remote_id": effect.remote_id}
    match effect.state:
        case "done":
            # Only valid work is enqueued; the task may have been reopened since, and its report with it.
            known_valid = replace(task, validation=task.validation or PUBLISHED.to_json())
            after, type = ended(known_valid, "complete", effect.outcome), "completed"
        case "superseded":
            after, type = ended(task, "superseded", "superseded"), "superseded"
        case _:
            failed = ended(task, "dead", "failed")
            after, type = replace(failed, error_code="not_published", error=effect.last_error), "dead"
    return Move(before=task, after=after, type=type, actor="publisher", note=note)
