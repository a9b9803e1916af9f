"""What a model claims, before anything of it is proved: the shape of its answer, and a tolerant reading of each item."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import re2
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from codegen_platform.agents.untrusted import one_line
from codegen_platform.artifacts import Category, DroppedFinding, Severity
from codegen_platform.artifacts.document import Value

MAX_CLAIMS = 200  # of one answer; more is not a review
MAX_TITLE, MAX_BODY, MAX_SUGGESTION = 160, 4_000, 6_000
SEVERITY_WORDS = {
    "blocker": "critical",
    "severe": "critical",
    "error": "high",
    "major": "high",
    "warning": "medium",
    "moderate": "medium",
    "minor": "low",
    "nit": "info",
    "note": "info",
}
_NUMBER = re2.compile(rb"[0-9]{1,9}")
SeverityName = Literal["critical", "high", "medium", "low", "info"]
CategoryName = Literal["bug", "security", "secret", "performance", "concurrency", "maintainability", "test"]


def _known_severity(value: object) -> object:
    word = value.strip().lower() if isinstance(value, str) else value
    return SEVERITY_WORDS.get(word, word) if isinstance(word, str) else word


def _known_category(value: object) -> object:
    word = value.strip().lower() if isinstance(value, str) else ""
    return word if word in set(Category) else "bug"


def _first_number(value: object) -> object:
    if isinstance(value, str):
        found = _NUMBER.search(value.encode("utf-8", "replace"))
        return int(found[0]) if found else 0
    return 0 if value is None else value


def _joined(value: object) -> object:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return "" if value is None else value


class Claim(Value):
    """One thing that a model says about the change; nothing of it is proved yet.

    Attributes:
        path, line, quote: where it says it is; only the quote counts, `line` chooses between several places (0 if none was given).
        suggestion: code for exactly the quoted lines; empty if there is none.
    """

    path: str = Field(min_length=1)
    line: Annotated[int, BeforeValidator(_first_number)]
    quote: Annotated[str, BeforeValidator(_joined), Field(min_length=1)]
    body: str
    title: str
    category: Annotated[CategoryName, BeforeValidator(_known_category)]
    severity: Annotated[SeverityName, BeforeValidator(_known_severity)]
    suggestion: Annotated[str, BeforeValidator(_joined)]

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Fill what a model may leave out; a claim without a place, a quote or a severity stays invalid."""
        if not isinstance(data, dict):
            return data
        known = {name: data[name] for name in cls.model_fields if name in data}
        said = known.get("title") or known.get("body")
        return {"line": 0, "category": "bug", "suggestion": "", "title": said, "body": said, **known}

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        return [_encodable(part) for part in value] if isinstance(value, list) else _encodable(value)


class ReviewAnswer(BaseModel):
    """What a review call must answer. Items are checked one by one, so that one bad item does not cost the others."""

    findings: Annotated[
        list[JsonValue], WithJsonSchema({"type": "array", "items": Claim.model_json_schema(mode="serialization")})
    ]


def read_claims(items: list[Any], *, is_partial: bool) -> tuple[list[Claim], list[DroppedFinding]]:
    """Return the items that are claims, and the others as dropped with reason `invalid`.

    The last item of an answer that was cut off is left out if it is not complete: the model never finished saying it.
    """
    claims: list[Claim] = []
    dropped: list[DroppedFinding] = []
    for index, item in enumerate(items):
        try:
            if index >= MAX_CLAIMS:
                raise ValueError("more claims than a review has")
            claims.append(_trimmed(Claim.model_validate(item)))
        except (ValueError, RecursionError):
            if not (is_partial and index == len(items) - 1):
                dropped.append(_dropped(item))
    return claims, dropped


def fault_of(items: list[Any], *, is_partial: bool) -> str | None:
    """Return what is wrong if not one of the items is a claim, in words for the model; None if an item is, or there are none."""
    claims, _ = read_claims(items, is_partial=is_partial)
    if claims or (not items and not is_partial):
        return None
    try:
        Claim.model_validate(items[0] if items else {})
    except (ValidationError, RecursionError) as error:
        faults = error.errors(include_url=False, include_input=False) if isinstance(error, ValidationError) else []
        told = "; ".join(f"findings.0.{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:8])
        return told or "findings.0 is nested too deeply"
    return "none of the findings is complete"


def severity_of(claim: Claim) -> Severity:
    """Return the claim's severity as the platform's."""
    return Severity(claim.severity)


def category_of(claim: Claim) -> Category:
    """Return the claim's category as the platform's."""
    return Category(claim.category)


def _encodable(value: object) -> object:
    """Return text without lone surrogates, which JSON can hold and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _trimmed(claim: Claim) -> Claim:
    title = one_line(claim.title or claim.body, MAX_TITLE)
    body = claim.body if len(claim.body) <= MAX_BODY else claim.body[: MAX_BODY - 1].rstrip() + "…"
    suggestion = claim.suggestion if len(claim.suggestion) <= MAX_SUGGESTION else ""
    return claim.model_copy(update={"title": title, "body": body or title, "suggestion": suggestion})


def _dropped(item: object) -> DroppedFinding:
    found = item if isinstance(item, dict) else {}
    path, title = found.get("path"), found.get("title")
    return DroppedFinding(
        path=one_line(path, 500) if isinstance(path, str) else "",
        title=one_line(title, MAX_TITLE) if isinstance(title, str) else "",
        reason="invalid",
    )
