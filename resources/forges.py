"""Where changes are read: GitHub or a registered local repository."""

from pathlib import Path

import dagster as dg

from codegen_platform.changes.keys import LOCAL_OWNER
from codegen_platform.cli.registering import register_local
from codegen_platform.cli.targets import local_target
from codegen_platform.errors import WrongUsage
from codegen_platform.events.hook_deliveries import AppHookDeliveries
from codegen_platform.forge import Forge, GitHubAuth, GitHubForge, LocalForge, LocalPull
from codegen_platform.forge.connection import Connection
from codegen_platform.settings.sections import GitHubSettings
from codegen_platform.store import Store
from resources.ledger import Ledger
from resources.process import once_per_process, settings


class Forges(dg.ConfigurableResource[Forge]):
    """Read access to forges: GitHub with a read token, local repositories by their registered folder."""

    ledger: dg.ResourceDependency[Ledger]

    def reading(self, repository: str, number: int) -> Forge:
        """Return the forge that holds this pull request.

        Raises:
            WrongUsage: the name is of a local repository that nobody registered.
        """
        if repository.startswith(f"{LOCAL_OWNER}/"):
            return _local(self.ledger.store, repository, number)
        return github()

    def watched(self) -> GitHubForge | None:
        """Return GitHub if its repositories may be looked at unasked: without credentials the 60 calls an hour are for reviews."""
        given = settings().github
        return github() if given.reading_token or given.app_id else None

    def hook_deliveries(self) -> AppHookDeliveries | None:
        """Return GitHub's record of what it sent to the App; None without an App, or where its key is not for readers."""
        if settings().github.app_id is None or _reads_by_token(settings().github):
            return None
        return once_per_process("hook deliveries", _open_hook_deliveries)

    def register_local(self, path: str, *, base: str, head: str) -> tuple[str, int]:
        """Make two revisions of a local repository a numbered pull request; return its repository and number.

        Raises:
            WrongUsage: not a repository, an unknown revision, or nothing to compare.
        """
        target = local_target(Path(path), base=base or None, head=head or None)
        facts = register_local(self.ledger.store, target)
        return facts.repository, facts.number


def github() -> GitHubForge:
    """Return the process's GitHub client, with read permissions only."""
    return once_per_process("github", _connect_github)


def _connect_github() -> GitHubForge:
    given = settings().github
    auth = GitHubAuth.from_settings(
        api_url=given.api_url,
        token=given.reading_token,
        app_id=None if _reads_by_token(given) else given.app_id,
        app_private_key=given.private_key,
    )
    return GitHubForge(api_url=given.api_url, auth=auth)


def _reads_by_token(given: GitHubSettings) -> bool:
    """Return whether readers have a token of their own: `up` then keeps the App's key from them."""
    return given.read_token is not None


def _open_hook_deliveries() -> AppHookDeliveries:
    from github.Auth import AppAuth

    given = settings().github
    signer = AppAuth(str(given.app_id), given.private_key or "")
    return AppHookDeliveries(Connection(given.api_url), signer)


def _local(store: Store, repository: str, number: int) -> LocalForge:
    row = store.repositories.get(repository)
    pull = store.repositories.local_pull_request(row.id, number) if row else None
    if row is None or row.location is None or pull is None:
        raise WrongUsage(f"{repository}#{number} is not registered; run `codegen-platform review PATH` once")
    return LocalForge(
        Path(row.location),
        LocalPull(
            repository=repository,
            number=number,
            base_ref=pull.base_ref,
            head_ref=pull.head_ref,
            base_sha=pull.base_sha,
            head_sha=pull.head_sha,
            title=pull.title,
            description=pull.description,
            author=pull.author,
        ),
    )
