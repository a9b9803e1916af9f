"""A platform to work with: the one that runs on this home, else one of our own for as long as we need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from codegen_platform.artifacts.storage import Storage
from codegen_platform.cli.artifacts import storage_of
from codegen_platform.cli.joining import join
from codegen_platform.cli.progress import Progress
from codegen_platform.local.errors import AlreadyRunning
from codegen_platform.local.locks import locked, shared
from codegen_platform.local.platform import Platform, running
from codegen_platform.local.services import ensure_services
from codegen_platform.private_home import make_private
from codegen_platform.settings import Settings, ensure_webhook_secret
from codegen_platform.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """What a command needs of a running platform; valid until the block that made it ends.

    `check` raises LocalFailure once a platform of our own has lost a part that does not come back.
    """

    home: Path
    store: Store
    storage: Storage
    gateway_url: str
    dagster_url: str
    webhook_secret: bytes
    check: Callable[[], None] = lambda: None


@contextmanager
def session(settings: Settings, progress: Progress) -> Iterator[Session]:
    """Provide a session with the platform running on this home, with its settings; if none is running, start one and stop it afterwards.

    A platform started for one command stops once the commands that joined it are done.

    Raises:
        WrongSetting: production without a webhook secret. LocalFailure: the platform could not be started.
    """
    while True:
        with shared(_in_use(settings.home)):
            joined = join(settings, progress)
            if joined.platform is not None:
                with _joined(joined.settings, progress) as theirs:
                    yield theirs
                return
        with ExitStack() as leaving:
            alone = leaving.enter_context(
                ExitStack()
            )  # released last: a command that arrives during the stop never finds half a platform
            try:
                platform = leaving.enter_context(Platform(settings))
                own = leaving.enter_context(started(platform, progress))
            except AlreadyRunning:  # another command has just begun to start one
                continue
            try:
                yield own
            except Exception:
                alone.enter_context(_alone(settings.home, progress))
                raise
            alone.enter_context(_alone(settings.home, progress))
            return


def _in_use(home: Path) -> Path:
    return home / "run" / "commands.lock"


@contextmanager
def _alone(home: Path, progress: Progress) -> Iterator[None]:
    """Wait until no other command uses the platform; a command that arrives now waits for the end of the block and finds it stopped."""
    progress.doing("waiting for other commands that use this platform")
    with locked(_in_use(home)):
        yield


@contextmanager
def _joined(settings: Settings, progress: Progress) -> Iterator[Session]:
    with ensure_services(settings.home, settings.database.address, settings.redis.address) as services:
        progress.note(f"Using the platform running on {settings.home}.")
        with _opened(settings, services.database_url) as joined:
            yield joined


@contextmanager
def started(platform: Platform, progress: Progress) -> Iterator[Session]:
    """Start the platform, say how it goes, and provide a session with it. Whoever made the platform stops it."""
    settings = platform.settings
    if sentence := make_private(settings.home):
        progress.note(sentence)
    ensure_webhook_secret(settings)
    progress.doing("starting the platform")
    platform.start(progress.part_ready)
    with _opened(settings, platform.services.database_url) as own:
        yield replace(own, check=platform.check)


@contextmanager
def _opened(settings: Settings, database_url: str) -> Iterator[Session]:
    from codegen_platform.local.composition import addresses_of

    known = running(settings.home)
    addresses = known.addresses if known else addresses_of(settings)
    with Store.open(database_url, max_size=2) as store:
        yield Session(
            home=settings.home,
            store=store,
            storage=storage_of(settings),
            gateway_url=addresses.gateway,
            dagster_url=addresses.dagster,
            webhook_secret=ensure_webhook_secret(settings).get_secret_value().encode(),
        )
