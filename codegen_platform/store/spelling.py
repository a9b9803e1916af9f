"""How the ledger spells a repository: GitHub's names are the same in capitals and small letters."""

from __future__ import annotations

from dataclasses import dataclass

from codegen_platform.store.pool import Pool

# How a repository on GitHub was spelled when it was first met, or when it was first worked for.
SPELLING = """
    SELECT full_name FROM (
        (SELECT 1 AS place, full_name FROM repositories
         WHERE lower(full_name) = lower(%(full_name)s) AND forge = 'github' ORDER BY id LIMIT 1)
        UNION ALL
        (SELECT 2, repository FROM tasks
         WHERE lower(repository) = lower(%(full_name)s) AND forge = 'github' ORDER BY created_at, id LIMIT 1)
    ) AS met ORDER BY place LIMIT 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spelled:
    full_name: str


def spelling(pool: Pool, full_name: str) -> str:
    """Return a name as the ledger has it, or as it is if the ledger does not have it; names of folders are kept as they are."""
    found = pool.fetch(_Spelled, SPELLING, {"full_name": full_name})
    return found[0].full_name if found else full_name
