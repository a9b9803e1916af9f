"""`python -m codegen_platform.publishing`: the process that holds the write token. SIGTERM lets requests in flight end.

`--drain` publishes what is due and exits.
"""

from __future__ import annotations

import signal
import sys
import threading
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import start_http_server
from pydantic import SecretStr

from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.forge.auth import GitHubAuth
from codegen_platform.forge.transport import Transport
from codegen_platform.log_format import configure_logging
from codegen_platform.private_home import keep_files_private
from codegen_platform.publishing.github_calls import GitHubCalls
from codegen_platform.publishing.github_publication import GitHubPublication
from codegen_platform.publishing.github_writer import GitHubWriter
from codegen_platform.publishing.local_publication import LocalPublication
from codegen_platform.publishing.local_writer import LocalWriter
from codegen_platform.publishing.marker import MarkerKey
from codegen_platform.publishing.marker_secret import ensure_marker_secret
from codegen_platform.publishing.observing import BacklogCollector, Observing, ThrottledCollector
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.publishing.publisher import Publisher
from codegen_platform.publishing.settling import Publication
from codegen_platform.publishing.timings import Timings
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.settings import Settings, load_settings
from codegen_platform.store import Store

log = structlog.get_logger()
CONCURRENCY = 8
ADVISED_SPACING_SECONDS = 1.0
ADVISED_WRITES_AN_HOUR = 500
WRITE_PERMISSIONS = {"pull_requests": "write", "metadata": "read"}


def main() -> int:
    """Publish; return 1 with one sentence on stderr if the settings do not allow to start."""
    keep_files_private()
    try:
        settings = load_settings()
        configure_logging(level=settings.logging.level, format=settings.logging.format)
        _publish(settings, drain="--drain" in sys.argv[1:])
    except (CodegenError, OSError) as error:
        print(f"publisher: {error}", file=sys.stderr)
        return 1
    return 0


def _publish(settings: Settings, *, drain: bool) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if settings.database.url is None:
        raise WrongUsage(
            "set CODEGEN_DATABASE_URL, or start the publisher with `codegen-platform up`, which brings its own servers"
        )
    observing = Observing()
    with Store.open(
        settings.database.url.get_secret_value(), max_size=max(CONCURRENCY, settings.database.pool_size)
    ) as store:
        timings = _timings(settings)
        publisher = Publisher(
            store,
            _ways(settings, store, timings, observing),
            timings=timings,
            secrets=KnownSecrets(_secrets(settings)),
            concurrency=CONCURRENCY,
            observing=observing,
        )
        if drain:
            publisher.drain(stop)
            return
        observing.registry.register(BacklogCollector(store))
        server, thread = _serve_metrics(settings.publisher.metrics_host, settings.publisher.metrics_port, observing)
        log.info("publisher.started", metrics_port=settings.publisher.metrics_port)
        publisher.run(stop)
        server.shutdown()
        thread.join()
        log.info("publisher.stopped")


def _serve_metrics(host: str, port: int, observing: Observing) -> tuple[WSGIServer, threading.Thread]:
    try:
        return start_http_server(port, addr=host, registry=observing.registry)
    except OSError as error:
        raise WrongUsage(
            f"port {port} for the publisher's metrics cannot be used ({error}); set CODEGEN_PUBLISHER__METRICS_PORT"
        ) from error


def _ways(settings: Settings, store: Store, timings: Timings, observing: Observing) -> dict[str, Publication]:
    """Return how to publish by forge; without a token that may write, reviews of GitHub pull requests are kept in the home."""
    local = LocalPublication(store=store, writer=LocalWriter(home=settings.home))
    given = settings.github
    if given.token is None and given.app_private_key is None:
        return {"local": local, "github": local}
    calls = GitHubCalls(
        transport=Transport(
            given.api_url,
            timeout_seconds=timings.request_timeout_seconds,
            total_seconds=timings.request_timeout_seconds,
        ),
        tokens=GitHubAuth.from_settings(
            api_url=given.api_url,
            token=_plain(given.token),
            app_id=given.app_id,
            app_private_key=_plain(given.app_private_key),
            permissions=WRITE_PERMISSIONS,
        ),
        observe=observing.called,
    )
    pacing = _pacing(given.api_url)
    observing.registry.register(ThrottledCollector(pacing))
    github = GitHubPublication(
        store=store,
        writer=GitHubWriter(calls, MarkerKey(ensure_marker_secret(settings.home))),
        pacing=pacing,
        timings=timings,
    )
    return {"local": local, "github": github}


def _timings(settings: Settings) -> Timings:
    given = settings.publisher
    return Timings(
        lease_seconds=given.lease_seconds,
        request_timeout_seconds=given.request_timeout_seconds,
        quiet_seconds=given.quiet_seconds,
    )


def _pacing(api_url: str) -> Pacing:
    """Return the pace of writing: what github.com advises; an Enterprise Server sets its own limits and says when they are reached."""
    if urlsplit(api_url).hostname != "api.github.com":
        return Pacing(spacing_seconds=0.0)
    return Pacing(spacing_seconds=ADVISED_SPACING_SECONDS, hourly_max=ADVISED_WRITES_AN_HOUR)


def _secrets(settings: Settings) -> list[str]:
    given = settings.github
    known = [given.token, given.read_token, given.webhook_secret, given.webhook_secret_previous, given.app_private_key]
    values = [secret.get_secret_value() for secret in (*known, settings.model.api_key) if secret is not None]
    servers = [settings.database.url, settings.redis.url]
    return values + [urlsplit(server.get_secret_value()).password or "" for server in servers if server is not None]


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


if __name__ == "__main__":
    sys.exit(main())
