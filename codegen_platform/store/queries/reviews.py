"""Reviews and repositories as lists show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import LiteralString

from codegen_platform.store.pool import Pool
from codegen_platform.store.queries.cursors import at_number, at_row, number_at, page_of, row_at
from codegen_platform.store.queries.filters import COUNTED, counted, fitting
from codegen_platform.store.rows import Page, RepositoryRow, ReviewRow
from codegen_platform.store.spelling import spelling

# The newest reviews, from the outbox; settled ones carry their result. Results are parsed, and calls added up, for the
# rows of the page only.
CHOSEN: LiteralString = "WITH chosen AS MATERIALIZED (SELECT * FROM effects WHERE "
NEWEST_FIRST: LiteralString = " ORDER BY created_at DESC, id DESC LIMIT %(limit)s)"
REVIEWS: LiteralString = """
    SELECT id, task_id, repository, number, head_sha, state::text AS state, outcome, published->>'url' AS url,
           (published->>'confirmed')::integer AS confirmed, (published->>'posted')::integer AS posted,
           (published->>'suppressed')::integer AS suppressed, (published->>'failed')::integer AS failed,
           (SELECT coalesce(sum(cost_usd), 0) FROM model_calls WHERE model_calls.task_id = chosen.task_id) AS cost_usd,
           created_at, finished_at
    FROM chosen CROSS JOIN LATERAL (SELECT convert_from(result, 'UTF8')::jsonb AS published) AS parsed
    ORDER BY created_at DESC, id DESC
"""

ARE_REVIEWS: LiteralString = "kind = 'review' AND "
CONDITIONS: Mapping[str, LiteralString] = {"repository": "repository = %(repository)s", "number": "number = %(number)s"}
BEFORE: Mapping[str, LiteralString] = {"before": "(created_at, id) < (%(before)s::timestamptz, %(before_id)s::uuid)"}

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
        """Return at most `limit` reviews that fit, newest first, and how many fit in all, counted up to 10,000.

        Raises:
            WrongCursor: no page of reviews ended so.
        """
        before, before_id = row_at(cursor)
        repository = spelling(self._pool, wanted.repository) if wanted.repository else None
        given = {**asdict(wanted), "repository": repository, "before": before, "before_id": before_id}
        rows = self._pool.fetch(ReviewRow, reviews_page(given), {**given, "limit": limit + 1})
        count = counted("SELECT FROM effects WHERE " + ARE_REVIEWS + fitting(CONDITIONS, given))
        total = self._pool.fetch(_Count, count, {**given, "counted": COUNTED})[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda review: at_row(review.created_at, review.id))

    def repositories(self, *, limit: int = 50, cursor: str | None = None) -> Page[RepositoryRow]:
        """Return at most `limit` repositories, first met first, and how many there are.

        Raises:
            WrongCursor: no page of repositories ended so.
        """
        rows = self._pool.fetch(RepositoryRow, REPOSITORIES, {"after": number_at(cursor), "limit": limit + 1})
        total = self._pool.fetch(_Count, COUNT_REPOSITORIES)[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda repository: at_number(repository.id))


def reviews_page(given: Mapping[str, object]) -> LiteralString:
    """Return the statement for a page of reviews."""
    return CHOSEN + ARE_REVIEWS + fitting({**CONDITIONS, **BEFORE}, given) + NEWEST_FIRST + REVIEWS
