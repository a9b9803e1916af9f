"""Finding what a person names by the first characters of its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from codegen_platform.cli.api.calling import ApiRefused
from codegen_platform.errors import WrongUsage

NEWEST = 1000
"""How many of the newest are looked through."""
LEAST_CHARACTERS = 4

T = TypeVar("T")


def whole_id(text: str, newest: Callable[[], Sequence[Mapping[str, Any]]], *, kind: str) -> str:
    """Return the id that `text` is, or the only one among the newest that begins with it.

    Raises:
        WrongUsage: there is none, or more than one.
    """
    try:
        return str(UUID(text))
    except ValueError:
        near = [one["id"] for one in newest() if one["id"].startswith(text.lower())] if is_beginning(text) else []
    if len(near) > 1:
        raise WrongUsage(f"{len(near)} {kind}s begin with {text!r}: give more characters of the id")
    if not near:
        raise no_such(text, kind=kind)
    return str(near[0])


def is_beginning(text: str) -> bool:
    """Say whether there is enough of an id to look for it."""
    return len(text) >= LEAST_CHARACTERS


def existing(read: Callable[[], T], text: str, *, kind: str) -> T:
    """Return what is read.

    Raises:
        WrongUsage: the API answers that there is no such thing; the sentence names it as it was typed.
    """
    try:
        return read()
    except ApiRefused as error:
        if error.status == 404:
            raise no_such(text, kind=kind) from error
        raise


def no_such(text: str, *, kind: str) -> WrongUsage:
    """Return what to say when a name leads nowhere."""
    return WrongUsage(f"there is no {kind} {text[:80]!r}: codegen-platform {kind}s list shows them")
