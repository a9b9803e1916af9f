"""Where the value of a setting came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The source of one value.

    Attributes:
        detail: empty for a default, `file:line` for a file, the variable's name for the environment.
        secret_file: the file that the variable names, for a secret that was read from one.
    """

    kind: Literal["default", "file", "environment"]
    detail: str = ""
    secret_file: Path | None = None

    def __str__(self) -> str:
        return self.detail or self.kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A value as it was written, before it gets its type, with its source."""

    value: object
    origin: Origin


DEFAULT = Origin(kind="default")
