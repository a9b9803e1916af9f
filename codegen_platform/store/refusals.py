"""What the store refuses, beside StoreUnavailable."""

from __future__ import annotations

from codegen_platform.errors import WrongUsage


class NotFound(WrongUsage):
    """There is no such task, event, effect or repository."""

    code = "not_found"


class WrongState(WrongUsage):
    """The task is in a state in which this cannot be done; the sentence says which."""

    code = "wrong_state"


class Unstorable(WrongUsage):
    """A delivery's identifiers are of a form that the ledger cannot index, for example a delivery id of many kilobytes."""

    code = "unstorable"
