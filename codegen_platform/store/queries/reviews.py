"""Reviews and repositories as lists show them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from codegen_platform.store.pool import Pool
from codegen_platform.store.queries.cursors import at_number, at_row, number_at, page_of, row_at
from codegen_platform.store.rows import Page, RepositoryRow, ReviewRow

# The newest reviews, from the outbox; what a publisher ended has its result beside it.
REVIEWS = """
    WITH chosen AS (
        SELECT effects.*, convert_from(result, 'UTF8')::jsonb AS published FROM effects
        WHERE kind = 'review'
          AND (%(repository)s::text IS NULL OR repository = %(repository)s)
          AND (%(number)s::integer IS NULL OR number = %(number)s)
          AND (%(before)s::timestamptz IS NULL OR (created_at, id) < (%(before)s, %(before_id)s::uuid))
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s
    )
    SELECT id, task_id, repository, number, head_sha, state::text AS state, outcome, published->>'url' AS url,
           (published->>'confirmed')::integer AS confirmed, (published->>'posted')::integer AS posted,
           (published->>'suppressed')::integer AS suppressed, (published->>'failed')::integer AS failed,
           (SELECT coalesce(sum(cost_usd), 0) FROM model_calls WHERE model_calls.task_id = chosen.task_id) AS cost_usd,
           created_at, finished_at
    FROM chosen ORDER BY created_at DESC, id DESC
"""

COUNT_REVIEWS = """
    SELECT count(*) AS count FROM effects
    WHERE kind = 'review'
      AND (%(repository)s::text IS NULL OR repository = %(repository)s)
      AND (%(number)s::integer IS NULL OR number = %(number)s)
"""

REPOSITORIES = """
    SELECT * FROM repositories WHERE %(after)s::bigint IS NULL OR id > %(after)s ORDER BY id LIMIT %(limit)s
"""

COUNT_REPOSITORIES = "SELECT count(*) AS count FROM repositories"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewFilter:
    """Which reviews a list shows; None: all."""

    repository: str | None = None
    number: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    count: int


class ReviewQueries:
    """What was reviewed, and where."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def reviews(
        self,
        wanted: ReviewFilter = ReviewFilter(),
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ReviewRow]:
        """Return at most `limit` reviews that fit, newest first, and how many fit in all.

        Raises:
            WrongCursor: no page of reviews ended so.
        """
        before, before_id = row_at(cursor)
        given = asdict(wanted)
        rows = self._pool.fetch(
            ReviewRow, REVIEWS, {**given, "before": before, "before_id": before_id, "limit": limit + 1}
        )
        total = self._pool.fetch(_Count, COUNT_REVIEWS, given)[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda review: at_row(review.created_at, review.id))

    def repositories(self, *, limit: int = 50, cursor: str | None = None) -> Page[RepositoryRow]:
        """Return at most `limit` repositories, first met first, and how many there are.

        Raises:
            WrongCursor: no page of repositories ended so.
        """
        rows = self._pool.fetch(RepositoryRow, REPOSITORIES, {"after": number_at(cursor), "limit": limit + 1})
        total = self._pool.fetch(_Count, COUNT_REPOSITORIES)[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda repository: at_number(repository.id))
