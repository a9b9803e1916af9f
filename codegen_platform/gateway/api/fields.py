"""The kinds of values that callers send, each with its bounds; the OpenAPI document says exactly what is taken."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from codegen_platform.tasks.kinds import KIND_PATTERN, LANGUAGE_PATTERN
from codegen_platform.tasks.workflows import Integral

# `owner/name` as changes.keys.split_repository takes it: no owner has a dot, no name is `.` or `..`.
REPOSITORY_PATTERN = (
    r"^(_local|[A-Za-z0-9][A-Za-z0-9_-]{0,99})"
    r"/([A-Za-z0-9_-][A-Za-z0-9._-]{0,99}|\.[A-Za-z0-9_-][A-Za-z0-9._-]{0,98}|\.\.[A-Za-z0-9._-]{1,98})$"
)

Repository = Annotated[str, StringConstraints(pattern=REPOSITORY_PATTERN)]
Number = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1), Integral]
# In an address everything is text.
NumberAsText = Annotated[int, Field(ge=1, le=2**31 - 1)]
PriorityAsText = Annotated[int, Field(ge=1, le=5)]
Sha = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Kind = Annotated[str, StringConstraints(pattern=KIND_PATTERN)]
Agent = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._@:-]{0,199}$")]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)]
Line = Annotated[str, StringConstraints(pattern=r"^[^\u0000-\u001f\u007f-\u009f]+$", max_length=300)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\u0000]*$", max_length=10_000)]

Amount = Annotated[float, Field(strict=True, ge=-1e15, le=1e15)]
Whole = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15), Integral]
Flag = Annotated[bool, Field(strict=True)]
Fact: TypeAlias = (
    Flag | Whole | Amount | Annotated[str, StringConstraints(pattern=r"^[^\u0000]*$", max_length=1_000)] | None
)
FactName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
Facts = Annotated[dict[FactName, Fact], Field(max_length=50, json_schema_extra={"additionalProperties": False})]


class Body(BaseModel):
    """What a caller sends: no key beyond the known ones, and none that is null: what is not meant is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="after")
    def _nothing_is_null(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("null is no value here")
        return self
