"""Updates that say which version they are about, so that none undoes another unseen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header

from codegen_platform.gateway.problems import PreconditionRequired, WrongPrecondition
from codegen_platform.store import NotFound, VersionConflict

_TAGS = re.compile(r'(W/)?"[\x21\x23-\x7e]*"([ \t]*,[ \t]*(W/)?"[\x21\x23-\x7e]*")*')
_STRONG = re.compile(r'(?<!W/)"([1-9][0-9]{0,9})"')

# Described by hand: the address has to be looked up before a missing header is refused, so to FastAPI they are optional.
IfMatch = Annotated[str | None, Header(alias="If-Match", include_in_schema=False)]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", include_in_schema=False)]


def if_match_header(*, required: bool) -> dict[str, Any]:
    """Return how `If-Match` appears in the OpenAPI document."""
    return {
        "name": "If-Match",
        "in": "header",
        "required": required,
        "description": "the `ETag` of the version that is to be changed, or `*` for whichever is the present one",
        "schema": {"anyOf": [{"const": "*"}, {"type": "string", "pattern": f"^{_TAGS.pattern}$"}]},
        "example": '"3"',
    }


IF_NONE_MATCH: Mapping[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`*`: only if there is nothing yet",
    "schema": {"type": "string", "enum": ["*"]},
}


def etag(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def expected_version(tags: str | None, present: int) -> int:
    """Return the present version if `If-Match` names it.

    Raises:
        PreconditionRequired: there is no such header.
        WrongPrecondition: it is neither `*` nor a list of entity tags.
        VersionConflict: it names other versions only.
    """
    if tags is None:
        raise PreconditionRequired("say with If-Match which version is to be changed: the ETag of a GET")
    _refuse_malformed(tags)
    if tags.strip() == "*":
        return present
    if str(present) not in _STRONG.findall(tags):
        raise VersionConflict(f"it is at version {present} by now; get it again", version=present)
    return present


def version_to_replace(tags: str | None, none_of: str | None, present: int) -> int:
    """Return the version that a PUT may replace; 0, as in `present`, is none.

    Raises:
        NotFound: it is to replace something that is not there.
        PreconditionRequired: it would replace something without saying so.
        WrongPrecondition: a header is not of the form that is taken.
        VersionConflict: there is another version, or there is one where none is wanted.
    """
    if tags is not None:
        _refuse_malformed(tags)
    if none_of is not None:
        if none_of.strip() != "*":
            raise WrongPrecondition("If-None-Match is * here: nothing may be there yet")
        if present:
            raise VersionConflict(f"there is version {present} already", version=present)
    if not present:
        if tags is not None:
            raise NotFound("there is nothing that could be replaced; leave If-Match out")
        return 0
    return expected_version(tags, present)


def _refuse_malformed(tags: str) -> None:
    if tags.strip() != "*" and not _TAGS.fullmatch(tags.strip()):
        raise WrongPrecondition('If-Match is *, or one or more entity tags such as "3"')
