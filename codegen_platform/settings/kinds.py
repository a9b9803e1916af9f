"""The kinds of value that settings have, each with what it refuses."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from codegen_platform.changes.languages import BY_EXTENSION, BY_NAME

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1)]


def _http_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    return value.rstrip("/")


def _storage_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "s3" and parts.netloc and not parts.username:
        return value.rstrip("/")
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return value.rstrip("/")
    raise ValueError("must be s3://bucket/prefix or file:///folder")


def _server_address(*schemes: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if urlsplit(value.get_secret_value()).scheme not in schemes:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return AfterValidator(check)


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError(
            "must be one line of ASCII characters without blanks, as it is sent in a header: copy it again"
        )
    return SecretStr(text)


def _pem(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().replace("\\n", "\n").strip()
    if not text.startswith("-----BEGIN "):
        raise ValueError(
            "must be the PEM text of the key, beginning with -----BEGIN, or the path of a file that holds it"
        )
    return SecretStr(text + "\n")


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [value] if isinstance(value, int) else value


def _known_languages(names: tuple[str, ...]) -> tuple[str, ...]:
    known = {*BY_NAME.values(), *BY_EXTENSION.values()}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no such language: {unknown[0][:40]!r}; names are those of files, as python, typescript, cpp")
    return names


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            raise ValueError(f"not an address or network: {value[:40]!r}; write 10.0.0.7 or 10.0.0.0/8") from None
    return values


def _host_names(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?", value):
            raise ValueError(
                f"not a host name: {value[:40]!r}; write dagster.example.org, or with a port that is not 80 or 443"
            )
    return tuple(value.lower() for value in values)


HttpAddress = Annotated[str, AfterValidator(_http_address)]
StorageAddress = Annotated[str, AfterValidator(_storage_address)]
PostgresAddress = Annotated[SecretStr, _server_address("postgresql", "postgres")]
RedisAddress = Annotated[SecretStr, _server_address("redis", "rediss", "unix")]
PrivateKey = Annotated[SecretStr, AfterValidator(_pem)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Languages = Annotated[tuple[str, ...], BeforeValidator(_comma_separated), AfterValidator(_known_languages)]
UserIds = Annotated[tuple[int, ...], BeforeValidator(_comma_separated)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_comma_separated), AfterValidator(_networks)]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_comma_separated), AfterValidator(_host_names)]
