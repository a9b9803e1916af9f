"""JSON as RFC 8259 means it, and nothing that two parsers could read in two ways."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn

from fastapi import Request

from codegen_platform.errors import CodegenError
from codegen_platform.events.body import MAX_DEPTH, depth_of
from codegen_platform.gateway.bodies import BodyLimits, BodyReading, BodyTooLarge, pass_over_rest, refuse_length

MAX_BODY_BYTES = 2**20
BODY_SECONDS = 15.0
BODIES_IN_MEMORY = 32
MAX_INTEGER = 2**63 - 1

JSON_BODIES = BodyLimits(
    one_bytes=MAX_BODY_BYTES, all_bytes=BODIES_IN_MEMORY * MAX_BODY_BYTES, deadline_seconds=BODY_SECONDS
)


class InvalidJson(CodegenError):
    """The body is not strict JSON; the sentence says what is wrong with it without quoting it."""

    code = "invalid_json"


class NotJson(CodegenError):
    """The body is announced as something other than plain `application/json`."""

    code = "unsupported_media_type"


async def read_json(request: Request, limits: BodyLimits = JSON_BODIES) -> tuple[bytes, object]:
    """Return the body of a request, and the JSON value that it holds.

    Raises:
        NotJson, InvalidJson, BodyTooLarge, BodyTooSlow, TooManyBodies: with a sentence that echoes nothing.
        ClientGone: nobody is there to be answered.
    """
    refuse_other_media(request)
    reading = BodyReading(limits)
    try:
        refuse_length(request.scope["headers"], limits)
        body = await reading.read(request.receive)
        return body, parse_json(body)
    except BodyTooLarge:
        await pass_over_rest(request.receive, limit_bytes=limits.one_bytes)
        raise
    finally:
        reading.release()


def refuse_other_media(request: Request) -> None:
    """Refuse what a form or another site's script can send without the browser asking first, and bodies that have to be unpacked.

    Raises:
        NotJson: the content type is absent, given twice, or not `application/json` in UTF-8; or there is a `Content-Encoding`.
    """
    if not is_json([*request.headers.getlist("content-type")]):
        raise NotJson("Send the body as application/json, in UTF-8.")
    if "content-encoding" in request.headers:
        raise NotJson("Send the body as it is, without Content-Encoding.")


def is_json(content_types: Sequence[str]) -> bool:
    """Return whether there is exactly one content type, `application/json`, in UTF-8 if it names a character set."""
    if len(content_types) != 1:
        return False
    media, *parameters = (part.strip().lower() for part in content_types[0].split(";"))
    charsets = [part.partition("=")[2].strip(' "') for part in parameters if part.startswith("charset=")]
    return media == "application/json" and all(charset == "utf-8" for charset in charsets)


def parse_json(body: bytes) -> object:
    """Return the value that `body` holds.

    Raises:
        InvalidJson: it is empty, not UTF-8, not JSON, nested over a hundred levels, names a key twice, escapes half a surrogate
            pair, or holds a number that no double and no 64-bit integer can be.
    """
    if not body.strip():
        raise InvalidJson("The body is empty; send JSON.")
    if depth_of(body) > MAX_DEPTH:
        raise InvalidJson(f"The body is nested more than {MAX_DEPTH} levels deep.")
    try:
        return _loaded(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidJson("The body is not UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidJson("The body is not JSON.") from error


def _loaded(text: str) -> object:
    value: object = json.loads(
        text,
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_number,
        parse_constant=_refuse_constant,
    )
    if "\\u" in text and not _is_unicode(value):
        raise InvalidJson("The body escapes half a surrogate pair, which is no character.")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("The body names a key twice in one object.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(value := int(digits)) > MAX_INTEGER:
        raise InvalidJson("The body holds an integer of more than 64 bits.")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if abs(value) == float("inf"):
        raise InvalidJson("The body holds a number that no double can hold.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson("NaN and Infinity are not JSON.")


def _is_unicode(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
