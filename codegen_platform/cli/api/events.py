"""Operations on events: what was delivered."""

from __future__ import annotations

from typing import cast

from codegen_platform.cli.api.answers import Event
from codegen_platform.cli.api.calling import ApiRefused, Caller, segment
from codegen_platform.cli.api.finding import NEWEST, existing, whole_id

NOT_AN_ID = frozenset({404, 422})


class Events:
    """Below `/api/v1/events`."""

    def __init__(self, calls: Caller) -> None:
        self._calls = calls

    def list(self, limit: int) -> list[Event]:
        """Return at most `limit` deliveries, newest first."""
        return list(self._calls.pages("/events", {}, limit))

    def get(self, text: str) -> Event:
        """Return the delivery with this id or delivery id, or the one whose id begins like this.

        Raises:
            WrongUsage: there is none, or more than one.
        """
        try:
            return self._read(text)
        except ApiRefused as error:
            if error.status not in NOT_AN_ID:
                raise
        event_id = whole_id(text, lambda: self.list(NEWEST), kind="event")
        return existing(lambda: self._read(event_id), text, kind="event")

    def replay(self, event_id: str) -> Event:
        """Have a delivery routed once more."""
        return cast("Event", self._calls.call("POST", f"{_address(event_id)}/replay").json())

    def _read(self, event_id: str) -> Event:
        return cast("Event", self._calls.call("GET", _address(event_id)).json())


def _address(event_id: str) -> str:
    return f"/events/{segment(event_id)}"
