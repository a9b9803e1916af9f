"""Requests that may be sent again without being done again."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.store import RequestKey

Key = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
IdempotencyKey = Annotated[
    Key | SkipJsonSchema[None],
    Header(
        description="a word of your own: the same request with the same word is answered with what the first one made"
    ),
]


def request_key(operation: str, key: str | None, body: BaseModel) -> RequestKey | None:
    """Return what makes a repeated request recognisable, None without a key: the order of a body's keys does not matter."""
    if key is None:
        return None
    return RequestKey(
        operation=operation, key=key, request_sha256=sha256(body.model_dump_json().encode("utf-8")).digest()
    )
