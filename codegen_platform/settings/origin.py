"""Where the value of a setting came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The source of one value. `detail`: empty for a default, `file:line` for a file, the variable's name for the environment."""

    kind: Literal["default", "file", "environment"]
    detail: str = ""

    def __str__(self) -> str:
        return self.detail or self.kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A value as it was written, before it gets its type, with its source."""

    value: object
    origin: Origin


DEFAULT = Origin(kind="default")
