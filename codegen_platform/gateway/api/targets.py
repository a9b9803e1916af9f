"""Where the work is to be done."""

from __future__ import annotations

from codegen_platform.changes.keys import LOCAL_OWNER
from codegen_platform.errors import WrongUsage
from codegen_platform.store import Store


class RepositoryUnknown(WrongUsage):
    """Nobody said yet in which folder this local repository is."""

    code = "repository_unknown"


def forge_of(store: Store, repository: str) -> str:
    """Return the forge that has a repository: GitHub, which is asked when the work starts, or this machine.

    Raises:
        RepositoryUnknown: it is local by its name, but the platform has not met it.
    """
    if not repository.startswith(f"{LOCAL_OWNER}/"):
        return "github"
    known = store.repositories.get(repository)
    if known is None or known.location is None:
        raise RepositoryUnknown(
            "this local repository is not known here: codegen-platform review PATH makes it known; see GET /api/v1/repositories"
        )
    return "local"
