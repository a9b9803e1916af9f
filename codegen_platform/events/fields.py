"""The kinds of values in GitHub's payloads: all hostile, each with its bounds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from codegen_platform.changes.keys import split_repository
from codegen_platform.errors import WrongUsage

LINE_LENGTH = 300

_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(text: str, length: int = LINE_LENGTH) -> str:
    """Return text that every store accepts: control characters and lone surrogates as spaces, at most `length` characters."""
    return _NOT_TEXT.sub(" ", text[:length]).strip()


def _full_name(value: str) -> str:
    try:
        split_repository(value)
    except WrongUsage as error:
        raise ValueError("not the full name of a repository") from error
    return value


FullName = Annotated[str, AfterValidator(_full_name)]
Line = Annotated[str, AfterValidator(one_line)]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Instant = Annotated[AwareDatetime, Field(strict=False)]


class Part(BaseModel):
    """A frozen part of a payload, strictly typed; fields that are not named here are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)
