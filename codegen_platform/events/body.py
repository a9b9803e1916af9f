"""Parses the raw bytes of a delivery into a JSON object; handles any bytes.

A manually created webhook sends forms by default: `payload=`, followed by the percent-encoded JSON.
"""

from __future__ import annotations

import binascii
import json
import re
from itertools import accumulate
from typing import NoReturn

from codegen_platform.errors import CodegenError

MAX_DEPTH = 100

# Runs of strings with what stands between them. A string that never ends matches up to the end of the input, and the
# possessive quantifiers forbid going back: removing the runs stays linear for every input.
_STRINGS = re.compile(rb'(?:"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)[^"\[\]{}]*+)++', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x02\x02\x00\x00")


_FORM = b"payload="
_PERCENT_TO_QUOTED_PRINTABLE = bytes.maketrans(b"%+", b"= ")


class Unparseable(CodegenError):
    """The body cannot be read; `reason` says why in one stable word."""

    code = "unparseable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the body cannot be read: {reason}")
        self.reason = reason


def read_body(body: bytes) -> dict[str, object]:
    """Return the JSON object in `body`, plain or in a form.

    Strings may contain lone surrogates and NUL: JSON allows to escape them.

    Raises:
        Unparseable: `invalid_form`, `too_deep` (over 100 levels; GitHub's own go to about ten), `not_utf8`, `invalid_json`,
            `not_an_object`.
    """
    if body.startswith(_FORM):
        body = _from_form(body)
    if depth_of(body) > MAX_DEPTH:
        raise Unparseable("too_deep")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Unparseable("not_utf8") from error
    except (ValueError, RecursionError) as error:
        raise Unparseable("invalid_json") from error
    if not isinstance(value, dict):
        raise Unparseable("not_an_object")
    return value


def _from_form(body: bytes) -> bytes:
    """Return the value of the form's one field.

    `%3D` is `=3D` in quoted-printable, which the standard library decodes in C; its percent-decoder creates an object for each escape,
    half a gigabyte for 25 MB. The characters that quoted-printable treats differently (`=` and line ends) do not occur in a form.
    """
    value = body[len(_FORM) :]
    if any(sign in value for sign in (b"=", b"&", b"\r", b"\n")):
        raise Unparseable("invalid_form")
    return binascii.a2b_qp(value.translate(_PERCENT_TO_QUOTED_PRINTABLE))


def without_addresses(value: dict[str, object]) -> dict[str, object]:
    """Return the payload without GitHub's addresses and node ids, which make up three quarters of it; the raw body keeps them."""
    kept = _without_addresses(value)
    assert isinstance(kept, dict)
    return kept


def _without_addresses(value: object) -> object:
    match value:
        case dict():
            return {name: _without_addresses(part) for name, part in value.items() if not _is_address(name)}
        case list():
            return [_without_addresses(part) for part in value]
        case _:
            return value


def _is_address(name: object) -> bool:
    return isinstance(name, str) and (name.endswith("url") or name in {"_links", "node_id", "gravatar_id"})


def depth_of(body: bytes) -> int:
    """Return the deepest nesting of brackets outside strings; an upper bound where there are too few brackets to matter."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH:
        return opened
    brackets = _STRINGS.sub(b"", body).translate(_STEPS, _NOT_BRACKETS)
    return max(accumulate(step - 1 for step in brackets), default=0)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
