"""Dagster's web server behind a guard: `python resources/webserver.py -w workspace.yaml`, with every option of `dagster-webserver`.

The command creates and serves the application in one call, with no hook for middleware, so we replace its factory function with
one that wraps the application; a test fails if the name goes away.
"""

from typing import Any

import dagster_webserver.cli as webserver

from codegen_platform.gateway.dagster_guard import DagsterGuard
from codegen_platform.private_home import keep_files_private
from codegen_platform.settings import Settings, load_settings

MAKER = "create_app_from_workspace_process_context"


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


if __name__ == "__main__":
    keep_files_private()
    guard_the_application(load_settings())
    webserver.main()  # type: ignore[no-untyped-call]
