"""What every stored document is: frozen, strict, versioned by a schema name, and canonical as bytes."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from codegen_platform.errors import CodegenError


class UnreadableDocument(CodegenError):
    """Stored bytes are not a document of the expected schema."""

    code = "unreadable_document"


class Value(BaseModel):
    """A frozen part of a document."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Document(Value):
    """A document: the same content always has the same bytes and therefore the same `sha256`.

    A lone surrogate (possible in text read from JSON) is replaced by U+FFFD when bytes are made, because UTF-8 has no form for it.
    """

    schema_name: ClassVar[str]

    def to_bytes(self) -> bytes:
        """Return canonical UTF-8 JSON: sorted keys, `schema` first among equals, one line."""
        body = {"schema": self.schema_name, **self.model_dump(mode="json")}
        text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", errors="replace")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            UnreadableDocument: the bytes are not JSON, or of another schema or version.
        """
        try:
            body = json.loads(data)
            found = body.pop("schema", None)
        except (ValueError, AttributeError) as error:
            raise UnreadableDocument(f"not a {cls.schema_name} document: {error}") from error
        if found != cls.schema_name:
            raise UnreadableDocument(f"expected schema {cls.schema_name}, found {found}")
        return cls.model_validate(body)

    @property
    def sha256(self) -> str:
        """Return the hex SHA-256 of the canonical bytes: the document's data version."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


class StoredElsewhere(Document):
    """The content of `latest.json` for a document stored once, under its head commit: the pointer to it."""

    schema_name: ClassVar[str] = "stored_elsewhere/v1"

    name: str
