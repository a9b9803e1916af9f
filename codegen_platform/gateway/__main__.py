"""`python -m codegen_platform.gateway`: read the settings, then serve until SIGTERM."""

from __future__ import annotations

import gc
import sys

from pydantic import SecretStr

from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.gateway.app import create_app
from codegen_platform.gateway.server import Address, server_for
from codegen_platform.log_format import configure_logging
from codegen_platform.private_home import keep_files_private
from codegen_platform.settings import Settings, ensure_webhook_secret, load_settings
from codegen_platform.store import AsyncIntake, Store


def main() -> int:
    """Serve; return 1 with one sentence on stderr if the settings do not allow to start."""
    keep_files_private()
    try:
        settings = load_settings()
        configure_logging(level=settings.logging.level, format=settings.logging.format)
        serve(settings)
    except CodegenError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


def serve(settings: Settings) -> None:
    """Serve the gateway with these settings until the process is told to stop.

    Raises:
        CodegenError: a setting that the gateway needs is missing.
    """
    secrets = [ensure_webhook_secret(settings), settings.github.webhook_secret_previous]
    database_url = _required(settings.database.url, "CODEGEN_DATABASE_URL")
    redis_url = _required(settings.redis.url, "CODEGEN_REDIS_URL")
    given = settings.gateway
    with Store.open(database_url, max_size=settings.database.pool_size) as store:
        app = create_app(
            store=store,
            intake=AsyncIntake(database_url),
            redis_url=redis_url,
            webhook_secrets=[secret.get_secret_value() for secret in secrets if secret is not None],
            max_body_bytes=given.max_body_bytes,
            home=settings.home,
            trusted_proxies=given.trusted_proxies,
        )
        # A full collection over everything that was imported stops the process for tens of milliseconds; it frees nothing of that.
        gc.collect()
        gc.freeze()
        private, public = Address(given.host, given.port), Address(given.public_host, given.public_port)
        server_for(app, private=private, public=public).run()


def _required(value: SecretStr | None, variable: str) -> str:
    if value is None:
        raise WrongUsage(
            f"set {variable}, or start the gateway with `codegen-platform up`, which brings its own servers"
        )
    return value.get_secret_value()


if __name__ == "__main__":
    sys.exit(main())
