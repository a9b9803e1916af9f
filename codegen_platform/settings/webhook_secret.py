"""The secret that webhook deliveries are signed with: given, or created once for a home that is not production."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from codegen_platform.private_home import make_private
from codegen_platform.settings.schema import Settings
from codegen_platform.settings.sources import WrongSetting


def ensure_webhook_secret(settings: Settings) -> SecretStr:
    """Return the webhook secret in force; outside production a random one is kept in `<home>/secrets/webhook` (mode 0600).

    Safe to call from several processes at once: all get the same secret.

    Raises:
        WrongSetting: production has no secret, or the file cannot be used.
    """
    if settings.github.webhook_secret is not None:
        return settings.github.webhook_secret
    if settings.environment == "production":
        raise WrongSetting("production needs GITHUB_WEBHOOK_SECRET: set it to the secret of the GitHub webhook")
    file = settings.home / "secrets" / "webhook"
    try:
        if not file.exists():
            make_private(settings.home)
            _create_once(file)
        secret = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(
            f"{file} cannot be used ({error}); set GITHUB_WEBHOOK_SECRET, or CODEGEN_HOME to a folder of yours"
        ) from error
    if len(secret) < 16:
        raise WrongSetting(f"{file} holds no secret; remove it and a new one is created")
    return SecretStr(secret)


def _create_once(file: Path) -> None:
    """Write a whole file first, then link it into place: a reader never sees half a secret, the first writer wins."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".webhook-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
