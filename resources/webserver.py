"""Dagster's web server behind a guard: `python resources/webserver.py -w workspace.yaml`, with every option of `dagster-webserver`.

The command configures its log, then creates and serves the application, all in one call without a hook, so we replace the names that
it calls for that; a test fails if one goes away.
"""

from functools import partial
from typing import Any

import dagster_webserver.cli as webserver
import uvicorn

from codegen_platform.gateway.dagster_guard import DagsterGuard
from codegen_platform.log_format import configure_logging
from codegen_platform.private_home import keep_files_private
from codegen_platform.settings import Settings, load_settings

MAKER = "create_app_from_workspace_process_context"
LOGGERS = "configure_loggers"


def guard_the_application(settings: Settings) -> None:
    """Make the command serve its application behind the guard.

    Raises:
        AttributeError: this version of dagster-webserver creates its application elsewhere.
    """
    if not hasattr(webserver, MAKER):
        raise AttributeError(f"dagster_webserver.cli has no {MAKER}: Dagster would be served without its guard")
    make = getattr(webserver, MAKER)

    def guarded(context: Any, path_prefix: str = "", *given: Any, **named: Any) -> DagsterGuard:
        app = make(context, path_prefix, *given, **named)
        hosts = {settings.dagster.host.lower(), *settings.dagster.allowed_hosts}
        return DagsterGuard(app=app, allowed_hosts=hosts, path_prefix=path_prefix)

    setattr(webserver, MAKER, guarded)


def log_as_the_platform(settings: Settings) -> None:
    """Format the log lines of this process, uvicorn's and warnings too, as in all other processes.

    Raises:
        AttributeError: this version of dagster-webserver configures its log elsewhere.
    """
    if not hasattr(webserver, LOGGERS):
        raise AttributeError(f"dagster_webserver.cli has no {LOGGERS}: its log lines would be coloured text")

    def configure(**_: object) -> None:
        configure_logging(level=settings.logging.level, format=settings.logging.format)

    configure()
    setattr(webserver, LOGGERS, configure)
    uvicorn.run = partial(uvicorn.run, log_config=None)  # Dagster's command lets it use handlers of its own


if __name__ == "__main__":
    keep_files_private()
    given = load_settings()
    log_as_the_platform(given)
    guard_the_application(given)
    webserver.main()  # type: ignore[no-untyped-call]
