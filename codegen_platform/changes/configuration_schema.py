"""The form of `.codegen-platform.yaml` as a JSON Schema, for editors; `configuration` reads the file and forgives more."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from codegen_platform.artifacts import Severity
from codegen_platform.changes.configuration import (
    MAX_COMMENTS,
    MAX_GUIDELINES_CHARACTERS,
    MAX_PATTERN_CHARACTERS,
    MAX_PATTERNS,
)

ADDRESS = "/schemas/codegen-platform.schema.json"
"""Where the gateway serves the schema."""

Pattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARACTERS, pattern=r"\S")]
Floor = Literal["critical", "high", "medium", "low", "info"]


class Features(BaseModel):
    """Feature switches for this repository; omitted ones keep the platform's setting."""

    model_config = ConfigDict(extra="forbid")

    advanced_code_analysis: bool | None = Field(
        None, description="structural rules and bandit, not only ruff and secrets"
    )
    multi_language_support: bool | None = Field(None, description="languages other than Python")
    experimental_ai_features: bool | None = Field(None, description="experimental parts of the model's review")
    enhanced_monitoring: bool | None = Field(None, description="more detailed metrics")


class RepositoryConfiguration(BaseModel):
    """A repository's review configuration. It is read from the base branch of a pull request; every key is optional."""

    model_config = ConfigDict(extra="forbid", title=".codegen-platform.yaml")

    ignore: Annotated[list[Pattern], Field(max_length=MAX_PATTERNS)] | Pattern | None = Field(
        None,
        description="files that are not reviewed: patterns as in .gitignore; the last matching one decides",
        examples=[["docs/**", "*.generated.ts", "!docs/api.md"]],
    )
    severity_floor: Floor | None = Field(None, description="findings below it are counted but not posted as comments")
    max_comments: Annotated[int, Field(ge=0, le=MAX_COMMENTS)] | None = Field(
        None, description="maximum number of comments on lines; further findings go into the review's text"
    )
    guidelines: Annotated[str, Field(max_length=MAX_GUIDELINES_CHARACTERS)] | list[str] | None = Field(
        None, description="advice for the reviewing model", examples=["Money is counted in cents, never in floats."]
    )
    features: Features | None = None


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12)."""
    assert {*Severity} == {*Floor.__args__}, "the severities of findings"  # type: ignore[attr-defined]
    made = RepositoryConfiguration.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
