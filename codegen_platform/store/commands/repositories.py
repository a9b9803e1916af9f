"""Repositories that the platform has met, and the pull requests of local ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection

from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.refusals import NotFound
from codegen_platform.store.rows import LocalPullRequestRow, RepositoryRow
from codegen_platform.store.spelling import spelling

# Insert a repository, or complete what is known of it.
ENSURE = """
    INSERT INTO repositories (forge, full_name, location, installation_id)
    VALUES (%(forge)s, %(full_name)s, %(location)s, %(installation_id)s)
    ON CONFLICT (full_name) DO UPDATE
    SET location = coalesce(excluded.location, repositories.location),
        installation_id = coalesce(excluded.installation_id, repositories.installation_id)
    RETURNING *
"""

GET = "SELECT * FROM repositories WHERE full_name = %(full_name)s"

# The repositories on GitHub, in the order in which they were met.
ON_GITHUB = "SELECT * FROM repositories WHERE forge = 'github' ORDER BY id LIMIT %(limit)s"

# Start of a repository scan: the time, and the tag of the last fully known list. A task that ended without a review since the last scan
# may be for a head that is still open, so the list is then read once more, changed or not.
BEGIN_LOOK = """
    SELECT statement_timestamp() AS at,
           CASE WHEN EXISTS (
               SELECT FROM tasks WHERE tasks.repository = repositories.full_name
               AND tasks.status IN ('superseded', 'failed', 'dead')
               AND tasks.completed_at >= coalesce(repositories.looked_at, '-infinity')
           ) THEN NULL ELSE open_pulls_etag END AS etag
    FROM repositories WHERE id = %(repository_id)s
"""

# End of a scan: everything in the list with this tag is known here.
END_LOOK = "UPDATE repositories SET looked_at = %(at)s, open_pulls_etag = %(etag)s WHERE id = %(repository_id)s"

# Pull requests of one repository are numbered one at a time.
LOCK = "SELECT * FROM repositories WHERE id = %(repository_id)s FOR NO KEY UPDATE"

# Give the pair of refs a number once; `updated_at` moves only when something about the pull request did.
SAVE_PULL_REQUEST = """
    INSERT INTO local_pull_requests AS known (repository_id, number, base_ref, head_ref, base_sha, head_sha, title, description, author)
    VALUES (%(repository_id)s,
            (SELECT coalesce(max(number), 0) + 1 FROM local_pull_requests WHERE repository_id = %(repository_id)s),
            %(base_ref)s, %(head_ref)s, %(base_sha)s, %(head_sha)s, %(title)s, %(description)s, %(author)s)
    ON CONFLICT (repository_id, base_ref, head_ref) DO UPDATE
    SET base_sha = excluded.base_sha, head_sha = excluded.head_sha, title = excluded.title,
        description = excluded.description, author = excluded.author,
        updated_at = CASE
            WHEN (known.base_sha, known.head_sha, known.title, known.description, known.author)
               = (excluded.base_sha, excluded.head_sha, excluded.title, excluded.description, excluded.author)
            THEN known.updated_at ELSE clock_timestamp() END
    RETURNING *
"""

PULL_REQUEST = "SELECT * FROM local_pull_requests WHERE repository_id = %(repository_id)s AND number = %(number)s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The beginning of a look at a repository's open pull requests; `etag` is None if the list is to be read in any case."""

    at: datetime
    etag: str | None


class Repositories:
    """What is known about repositories by name."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def ensure(
        self, forge: str, full_name: str, location: str | None = None, installation_id: int | None = None
    ) -> RepositoryRow:
        """Return the repository, inserted if it is new; a location or installation given now replaces the known one."""
        if forge == "github":
            full_name = self.spelling(full_name)
        given = {"forge": forge, "full_name": full_name, "location": location, "installation_id": installation_id}
        return self._pool.fetch(RepositoryRow, ENSURE, given)[0]

    def get(self, full_name: str) -> RepositoryRow | None:
        """Return the repository, or None."""
        found = self._pool.fetch(RepositoryRow, GET, {"full_name": full_name})
        return found[0] if found else None

    def spelling(self, full_name: str) -> str:
        """Return a name as the ledger has it: GitHub's are the same in capitals and small letters, those of folders are not.

        A name that the ledger does not have is returned as it is.
        """
        return spelling(self._pool, full_name)

    def begin_look(self, repository_id: int) -> Look:
        """Return when a look at the repository's open pull requests begins, and the tag of the list that it need not read again.

        Raises:
            NotFound: there is no such repository.
        """
        found = self._pool.fetch(Look, BEGIN_LOOK, {"repository_id": repository_id})
        if not found:
            raise NotFound(f"there is no repository {repository_id}")
        return found[0]

    def end_look(self, repository_id: int, look: Look, etag: str | None) -> None:
        """Record that everything in the list with this tag is known here, as far as tasks had ended when the look began."""
        self._pool.execute(END_LOOK, {"repository_id": repository_id, "at": look.at, "etag": etag})

    def on_github(self, limit: int | None = None) -> list[RepositoryRow]:
        """Return the repositories on GitHub that send us deliveries, first met first."""
        return self._pool.fetch(RepositoryRow, ON_GITHUB, {"limit": limit})

    def save_local_pull_request(
        self,
        repository_id: int,
        base_ref: str,
        head_ref: str,
        base_sha: str,
        head_sha: str,
        title: str,
        description: str,
        author: str,
    ) -> LocalPullRequestRow:
        """Save a local pull request: numbered from 1 when its pair of refs is new, brought up to date when it is known.

        Raises:
            NotFound: there is no such repository.
        """
        given = {"base_ref": base_ref, "head_ref": head_ref, "base_sha": base_sha, "head_sha": head_sha}
        given |= {"title": title, "description": description, "author": author}

        def saved(connection: Connection) -> LocalPullRequestRow:
            if not fetch(connection, RepositoryRow, LOCK, {"repository_id": repository_id}):
                raise NotFound(f"there is no repository {repository_id}")
            values = {"repository_id": repository_id, **given}
            return fetch(connection, LocalPullRequestRow, SAVE_PULL_REQUEST, values)[0]

        return self._pool.run(saved)

    def local_pull_request(self, repository_id: int, number: int) -> LocalPullRequestRow | None:
        """Return one local pull request, or None."""
        given = {"repository_id": repository_id, "number": number}
        found = self._pool.fetch(LocalPullRequestRow, PULL_REQUEST, given)
        return found[0] if found else None
