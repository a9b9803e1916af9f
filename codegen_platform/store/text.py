"""Text that PostgreSQL can hold: GitHub sends NUL and lone surrogates, `text` and `jsonb` refuse both."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from psycopg.abc import Buffer
from psycopg.types.json import Jsonb
from psycopg.types.string import StrDumperUnknown

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def storable(text: str) -> str:
    """Return `text` with every NUL and lone surrogate replaced by U+FFFD."""
    return UNSTORABLE.sub(REPLACEMENT, text)


class StorableTextDumper(StrDumperUnknown):
    """Cleans every text parameter of our connections, so that no caller can forget to."""

    def dump(self, obj: str) -> Buffer | None:
        """Return the bytes to send."""
        return super().dump(storable(obj))


def storable_json(value: object) -> Jsonb:
    """Return a jsonb parameter holding `value` with its texts cleaned.

    Raises:
        ValueError, TypeError, RecursionError: `value` is not JSON, or nested too deeply.
    """
    return Jsonb(_cleaned(value), dumps=_dumps)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {storable(str(key)): _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case _:
            return value
