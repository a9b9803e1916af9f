"""Where the work is to be done."""

from __future__ import annotations

from codegen_platform.changes.keys import LOCAL_OWNER
from codegen_platform.errors import WrongUsage
from codegen_platform.store import Store


class RepositoryUnknown(WrongUsage):
    """Nobody said yet in which folder this local repository is."""

    code = "repository_unknown"


class ChangeUnknown(WrongUsage):
    """The local repository is known, a pull request of this number is not."""

    code = "change_unknown"


def forge_of(store: Store, repository: str, number: int) -> str:
    """Return the forge that has a change: GitHub, which is asked when the work starts, or this machine.

    Raises:
        RepositoryUnknown, ChangeUnknown: it is local by its name, but the platform has not met it.
    """
    if not repository.startswith(f"{LOCAL_OWNER}/"):
        return "github"
    known = store.repositories.get(repository)
    if known is None or known.location is None:
        raise RepositoryUnknown(
            "this local repository is not known here: codegen-platform review PATH makes it known; see GET /api/v1/repositories"
        )
    if store.repositories.local_pull_request(known.id, number) is None:
        raise ChangeUnknown(
            "this local repository has no pull request of this number: codegen-platform review PATH makes one of two branches"
        )
    return "local"
