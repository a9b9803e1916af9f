"""Whether the processes of the platform answer; each probe is one quick question over loopback."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

from codegen_platform.local import ports

TIMEOUT_SECONDS = 3.0
_DAGSTER_QUERY = (
    "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus locationOrLoadError { __typename } } } }"
    " instance { daemonHealth { allDaemonStatuses { healthy required } } } }"
)


def reachable(host: str) -> str:
    """Return the address at which a server that listens on `host` can be reached from this machine."""
    return {"0.0.0.0": ports.LOOPBACK, "::": "::1", "": ports.LOOPBACK}.get(host, host)  # noqa: S104


def answers_http(host: str, port: int, path: str) -> Callable[[], bool]:
    """Return a probe: a GET of the path is answered with 200."""
    return lambda: _request(host, port, "GET", path) is not None


def accepts_connections(host: str, port: int) -> Callable[[], bool]:
    """Return a probe: something listens on the port."""
    return lambda: ports.accepts(port, host)


def dagster_has_loaded_the_code(host: str, port: int) -> Callable[[], bool]:
    """Return a probe: Dagster's web server knows our definitions."""

    def probe() -> bool:
        known = _ask_dagster(host, port)
        return known is not None and known.code_is_loaded

    return probe


def dagster_daemons_are_healthy(host: str, port: int) -> Callable[[], bool]:
    """Return a probe: every daemon that Dagster needs here has reported to its storage."""

    def probe() -> bool:
        known = _ask_dagster(host, port)
        return known is not None and known.daemons_are_healthy

    return probe


class _DagsterState:
    """What Dagster's GraphQL says about code locations and daemons."""

    def __init__(self, answer: dict[str, dict[str, object]]) -> None:
        entries = answer["workspaceOrError"].get("locationEntries")
        health = answer["instance"]["daemonHealth"]
        assert isinstance(health, dict)
        self._locations = entries if isinstance(entries, list) else []
        self._daemons = health["allDaemonStatuses"]

    @property
    def code_is_loaded(self) -> bool:
        return bool(self._locations) and all(
            entry["loadStatus"] == "LOADED" and entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
            for entry in self._locations
        )

    @property
    def daemons_are_healthy(self) -> bool:
        return all(daemon["healthy"] for daemon in self._daemons if daemon["required"])


def _ask_dagster(host: str, port: int) -> _DagsterState | None:
    answer = _request(host, port, "POST", "/graphql", json.dumps({"query": _DAGSTER_QUERY}))
    try:
        return _DagsterState(json.loads(answer)["data"]) if answer else None
    except (ValueError, KeyError, TypeError):
        return None


def _request(host: str, port: int, method: str, path: str, body: str | None = None) -> bytes | None:
    """Return the body of a 200 answer; None for any other answer or none."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
