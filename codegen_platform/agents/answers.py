"""Reads the JSON object out of a model's answer, whatever it is wrapped in.

The API returns bare JSON when it honours the requested schema. Emulators and proxies ignore the schema and answer with prose, a
fenced block or a tool call, so all of these are read; what is read is then held against the requested type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NoReturn

import pydantic_core
from pydantic import BaseModel, JsonValue, ValidationError

FENCE = "```"
MAX_LABEL = 80  # characters after a fence that opens
MAX_STARTS = 100  # how many `{` of an answer are tried as the beginning of the object
MAX_ERRORS = 8  # how many validation errors are told to the model


def read(texts: Iterable[str], output: type[BaseModel]) -> tuple[dict[str, JsonValue] | None, str | None]:
    """Return the first JSON object in `texts` that fits `output` and None, or None and what is wrong in words for the model.

    Of the object only the fields that `output` knows are kept.
    """
    first_fault: str | None = None
    for candidate in _objects(texts):
        try:
            return output.model_validate(candidate).model_dump(), None
        except ValidationError as error:
            first_fault = first_fault or _faults(error)
        except RecursionError:
            first_fault = first_fault or "the object is nested too deeply"
    return None, first_fault or "the answer holds no JSON object"


def salvage(texts: Iterable[str], output: type[BaseModel]) -> dict[str, JsonValue] | None:
    """Return what an answer that was cut off says completely, None if that does not fit `output`.

    The last item of the last list may be incomplete; the caller has to check each item.
    """
    for text in texts:
        start = text.find("{")
        if start < 0:
            continue
        try:
            found = pydantic_core.from_json(text[start:].encode("utf-8", "replace"), allow_partial=True)
            return output.model_validate(found).model_dump()
        except (ValueError, RecursionError):
            continue
    return None


def _objects(texts: Iterable[str]) -> Iterator[dict[str, JsonValue]]:
    for text in texts:
        yield from _objects_in(text)


def _objects_in(text: str) -> Iterator[dict[str, JsonValue]]:
    for whole in (text, *_fenced(text)):
        found = _decode(whole.strip())
        if found is not None:
            yield found
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    position, starts = text.find("{"), 0
    while position >= 0 and starts < MAX_STARTS:
        starts += 1
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if isinstance(value, dict):
                yield value
        position = text.find("{", end)


def _fenced(text: str) -> Iterator[str]:
    """Yield what stands in fenced blocks: after three backticks and a word, up to the next three."""
    position = text.find(FENCE)
    while position >= 0:
        start = position + len(FENCE)
        line_end = text.find("\n", start, start + MAX_LABEL)
        label = text[start:line_end].rstrip(" \t").replace("-", "_")
        if line_end < 0 or (label and not (label.isascii() and label.replace("_", "a").isalnum())):
            position = text.find(FENCE, position + 1)
            continue
        end = text.find(FENCE, line_end + 1)
        if end < 0:
            return
        yield text[line_end + 1 : end]
        position = text.find(FENCE, end + len(FENCE))


def _decode(text: str) -> dict[str, JsonValue] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _faults(error: ValidationError) -> str:
    told = error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'the object'}: {fault['msg']}" for fault in told)
