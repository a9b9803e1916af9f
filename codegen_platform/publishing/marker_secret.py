"""The secret behind the markers: random, made once per home, never leaves it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from codegen_platform.errors import WrongUsage
from codegen_platform.private_home import make_private


def ensure_marker_secret(home: Path) -> bytes:
    """Return the secret in `<home>/secrets/marker` (mode 0600), made if it is missing. Publishers of one installation share the home.

    A lost secret costs no more than this: effects in flight at that moment would not recognise a review that they had just posted.

    Raises:
        WrongUsage: the file holds no secret. OSError: the home cannot be written to.
    """
    file = home / "secrets" / "marker"
    if not file.exists():
        make_private(home)
        _create_once(file)
    secret = file.read_bytes().strip()
    if len(secret) < 64:
        raise WrongUsage(f"{file} holds no secret; remove it and a new one is made")
    return secret


def _create_once(file: Path) -> None:
    """Write a whole file first, then link it into place: nobody reads half a secret, and the first writer wins."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".marker-{secrets.token_hex(8)}")
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
