"""Server-sent events, taken apart (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSentEvent:
    """One event: its type, its data, and the id to resume behind. Without data it says no more than the id."""

    type: str
    data: str
    id: str | None


def parse_events(parts: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Yield an event per block of lines that holds data or an id; comments and an unfinished block at the end are dropped.

    Args:
        parts: the body as it comes; lines end with LF or CR LF, a lone CR is not looked for.
    """
    fields: dict[str, str] = {}
    data: list[str] = []
    for line in _lines(parts):
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            else:
                fields[name] = value
            continue
        if data or "id" in fields:
            yield ServerSentEvent(type=fields.get("event") or "message", data="\n".join(data), id=fields.get("id"))
        fields, data = {}, []


def _lines(parts: Iterable[bytes]) -> Iterator[str]:
    """Split at line feeds only: what Python takes for further line ends may stand in the data."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")
