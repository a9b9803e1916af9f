"""The names of settings: dotted (`gateway.port`) and as environment variables (`CODEGEN_GATEWAY__PORT`)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, SecretStr

from codegen_platform.settings.schema import Settings

PREFIX = "CODEGEN_"

SHORT_NAMES = {
    "CODEGEN_HOME": "home",
    "CODEGEN_ENVIRONMENT": "environment",
    "CODEGEN_DATABASE_URL": "database.url",
    "CODEGEN_REDIS_URL": "redis.url",
    "CODEGEN_ARTIFACTS_URL": "artifacts.url",
    "CODEGEN_S3_ENDPOINT_URL": "artifacts.s3_endpoint_url",
    "CODEGEN_MODEL": "model.name",
    "GITHUB_API_URL": "github.api_url",
    "GITHUB_WEBHOOK_SECRET": "github.webhook_secret",
    "GITHUB_TOKEN": "github.token",
    "GITHUB_APP_ID": "github.app_id",
    "GITHUB_APP_PRIVATE_KEY": "github.app_private_key",
    "ANTHROPIC_API_KEY": "model.api_key",
    "ANTHROPIC_BASE_URL": "model.base_url",
}

# Read by others than the settings: tracebacks in the command line, switches of test runs, our own processes among themselves.
NOT_SETTINGS = ("CODEGEN_DEBUG", "CODEGEN_TEST_", "CODEGEN_BENCH_", "CODEGEN_INTERNAL_")


def section_models() -> dict[str, type[BaseModel]]:
    """Return the settings that are groups: section name -> its model."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def known_names() -> tuple[str, ...]:
    """Return every dotted name, in the order of the schema."""
    sections = section_models()
    names: list[str] = []
    for name in Settings.model_fields:
        names.extend(f"{name}.{key}" for key in sections[name].model_fields) if name in sections else names.append(name)
    return tuple(names)


def variable_names() -> dict[str, str]:
    """Return every environment variable that is a setting -> its dotted name; the short ones of the contract first."""
    long_names = {PREFIX + name.upper().replace(".", "__"): name for name in known_names()}
    return {**SHORT_NAMES, **long_names}


def file_variables() -> dict[str, str]:
    """Return environment variable of a secret file (`GITHUB_TOKEN_FILE`) -> the secret's dotted name."""
    return {f"{variable}_FILE": name for variable, name in variable_names().items() if is_secret(name)}


def secret_variables() -> frozenset[str]:
    """Return every environment variable that holds one of our secrets or the path of one."""
    held = {variable for variable, name in variable_names().items() if is_secret(name)}
    return frozenset(held | file_variables().keys())


def variable_for(name: str) -> str:
    """Return the variable that a person would use for a dotted name."""
    return next(variable for variable, known in variable_names().items() if known == name)


def is_secret(name: str) -> bool:
    """Return whether the setting is a secret, by its type."""
    section, _, key = name.partition(".")
    model = section_models().get(section)
    return model is not None and key in model.model_fields and _mentions_secret(model.model_fields[key].annotation)


def _mentions_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_mentions_secret(part) for part in get_args(annotation))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None if nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return close[0] if close else None
