"""Intake rules: which headers a delivery must carry, in which form, and which of them are kept with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from codegen_platform.errors import CodegenError

RawHeaders = Iterable[tuple[bytes, bytes]]

COMMAND_LINE_AGENT = "codegen-platform"
"""The User-Agent of our own command line; GitHub's begins with `GitHub-Hookshot/`."""

_SIGNATURE = re.compile(rb"sha256=[0-9a-f]{64}")
_DELIVERY_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_EVENT_TYPE = re.compile(rb"[a-z0-9_]{1,64}")
_KEPT = frozenset(
    {
        b"content-type",
        b"user-agent",
        b"x-github-hook-id",
        b"x-github-hook-installation-target-id",
        b"x-github-hook-installation-target-type",
    }
)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class BadSignature(CodegenError):
    """The delivery carries no single well-formed signature, or one that fits no secret."""

    code = "bad_signature"


class IncompleteDelivery(CodegenError):
    """The delivery is signed but does not say what it is."""

    code = "incomplete_delivery"


class EncodedBody(CodegenError):
    """The body was compressed or otherwise encoded; what was signed could only be seen by decoding it first."""

    code = "encoded_body"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryHeaders:
    """What the headers of a delivery say; none of it is covered by the signature.

    Attributes:
        delivery_id: GitHub's GUID of the delivery; a redelivery carries the same one.
        event_type: GitHub's name of the event, lower case.
        kept: printable ASCII, each at most 200 characters; stored beside the body.
    """

    delivery_id: str
    event_type: str
    kept: dict[str, str]


def is_delivery_id(text: str) -> bool:
    """Return whether `text` has the form of a delivery id."""
    return _DELIVERY_ID.fullmatch(text) is not None


def refuse_encoding(headers: RawHeaders) -> None:
    """Refuse encoded bodies.

    Raises:
        EncodedBody: the request has any `Content-Encoding`.
    """
    if any(name == b"content-encoding" for name, _ in headers):
        raise EncodedBody("send the body without Content-Encoding")


def read_signature(headers: RawHeaders) -> bytes:
    """Return the one `X-Hub-Signature-256`, names in lower case as ASGI gives them.

    Raises:
        BadSignature: there is none, there are two, or it is not `sha256=` and 64 lower-case hex digits. The old SHA-1 header
            does not count.
    """
    found = [value for name, value in headers if name == b"x-hub-signature-256"]
    if len(found) != 1 or not _SIGNATURE.fullmatch(found[0]):
        raise BadSignature(
            "the delivery needs exactly one X-Hub-Signature-256 header: sha256= and 64 lower-case hex digits"
        )
    return found[0]


def read_headers(headers: RawHeaders) -> DeliveryHeaders:
    """Return what the headers of a signed delivery say.

    Raises:
        IncompleteDelivery: the delivery id or the event type is missing, given twice, or has a form that GitHub never sends.
    """
    ids: list[str] = []
    events: list[bytes] = []
    kept: dict[str, str] = {}
    for name, value in headers:
        if name == b"x-github-delivery":
            ids.append(value.decode("latin-1"))
        elif name == b"x-github-event":
            events.append(value)
        elif name in _KEPT:
            kept[name.decode("ascii")] = _UNPRINTABLE.sub("?", value[:200].decode("latin-1"))
    if len(ids) != 1 or not is_delivery_id(ids[0]):
        raise IncompleteDelivery("the delivery needs exactly one X-GitHub-Delivery header with GitHub's delivery id")
    if len(events) != 1 or not _EVENT_TYPE.fullmatch(events[0]):
        raise IncompleteDelivery("the delivery needs exactly one X-GitHub-Event header with the name of the event")
    return DeliveryHeaders(delivery_id=ids[0], event_type=events[0].decode("ascii"), kept=kept)
