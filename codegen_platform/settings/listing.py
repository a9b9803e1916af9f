"""The settings in force as a person may see them: every value with its source, secrets masked."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from codegen_platform.settings.names import known_names, variable_for
from codegen_platform.settings.origin import Origin
from codegen_platform.settings.schema import Settings

MASK = "********"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSetting:
    """One setting. `value` is text with secrets masked, None if unset; `variable`: what to set to change it."""

    name: str
    value: str | None
    origin: Origin
    variable: str


def shown_settings(settings: Settings) -> tuple[ShownSetting, ...]:
    """Return every setting in the order of the schema."""
    return tuple(
        ShownSetting(
            name=name,
            value=_shown(_value_of(settings, name)),
            origin=settings.origin_of(name),
            variable=variable_for(name),
        )
        for name in known_names()
    )


def differences(settings: Settings, other: Settings) -> dict[str, ShownSetting]:
    """Return the settings of `other` whose value differs from `settings`, by name; secrets are compared unmasked."""
    return {
        one.name: one for one in shown_settings(other) if _value_of(settings, one.name) != _value_of(other, one.name)
    }


def _value_of(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    value = getattr(settings, section)
    return getattr(value, key) if key else value


def _shown(value: object) -> str | None:
    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value())
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or None
    return None if value is None else str(value)


def _masked(secret: str) -> str:
    """Show the host of a server's address, never its user, password or options; nothing of any other secret."""
    try:
        parts = urlsplit(secret)
        if parts.scheme not in ("postgresql", "postgres", "redis", "rediss") or not parts.hostname:
            return MASK
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return MASK
    who = f"{MASK}@" if parts.username or parts.password else ""
    return f"{parts.scheme}://{who}{parts.hostname}{port}{parts.path}"
