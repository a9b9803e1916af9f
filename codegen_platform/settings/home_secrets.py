"""The GitHub App stored in the home by `codegen-platform github-app create`: its id, key and webhook secret."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from codegen_platform.settings.origin import Given, Origin
from codegen_platform.settings.sources import WrongSetting

IN_A_PLATFORM = "CODEGEN_INTERNAL_PLATFORM"
"""Set in platform processes, which receive only the secrets that they need."""

_KEPT = {"id": "github.app_id", "private_key": "github.app_private_key", "webhook_secret": "github.webhook_secret"}


def app_file(home: Path) -> Path:
    """Return the file that holds a home's GitHub App."""
    return home / "secrets" / "github-app.json"


def from_home(home: Path, environ: Mapping[str, str]) -> dict[str, Given]:
    """Return the settings from the home's GitHub App; none in a process of a running platform.

    Raises:
        WrongSetting: the file cannot be used.
    """
    file = app_file(home)
    if environ.get(IN_A_PLATFORM) or not os.access(
        home, os.X_OK, effective_ids=True
    ):  # a home that is closed to us is reported as such, later
        return {}
    try:
        if not file.is_file():
            return {}
        found = json.loads(file.read_text(encoding="utf-8"))
        kept = {name: found[key] for key, name in _KEPT.items() if found.get(key)}
    except (OSError, ValueError, AttributeError) as error:
        raise WrongSetting(
            f"{file} cannot be used ({type(error).__name__}): restore it, or remove it and set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY"
        ) from error
    origin = Origin(kind="file", detail=str(file), secret_file=file)
    return {name: Given(value=value, origin=origin) for name, value in kept.items()}


def keep_app(home: Path, *, app_id: int, slug: str, private_key: str, webhook_secret: str) -> Path:
    """Write the App's file atomically, readable only by its owner; return its path.

    Raises:
        OSError: the home is not writable.
    """
    file = app_file(home)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".github-app-{secrets.token_hex(4)}")
    content = {"id": app_id, "slug": slug, "private_key": private_key, "webhook_secret": webhook_secret}
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
    draft.replace(file)
    return file
