"""What the store refuses, beside StoreUnavailable."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from codegen_platform.errors import WrongUsage


class NotFound(WrongUsage):
    """There is no such task, event, effect, agent, workflow or repository."""

    code = "not_found"


class WrongState(WrongUsage):
    """The task is in a state in which this cannot be done; the sentence says which."""

    code = "wrong_state"


class Unstorable(WrongUsage):
    """A delivery's identifiers are of a form that the ledger cannot index, for example a delivery id of many kilobytes."""

    code = "unstorable"


class DependencyRefused(WrongUsage):
    """A task cannot wait for these: `ids` names them, of a cycle in the order in which they wait for each other."""

    def __init__(self, sentence: str, ids: Sequence[UUID]) -> None:
        super().__init__(f"{sentence}: {', '.join(map(str, ids))}")
        self.ids = tuple(ids)


class DependencyUnknown(DependencyRefused):
    """There are no such tasks."""

    code = "dependency_unknown"


class DependencyEnded(DependencyRefused):
    """They ended otherwise than complete, so the task could never start."""

    code = "dependency_ended"


class DependencyCycle(DependencyRefused):
    """The tasks would wait for each other; the first is named again at the end."""

    code = "dependency_cycle"


class VersionConflict(WrongUsage):
    """What was to be changed is no longer the version that the change was made for; `version` is the present one, 0 for none."""

    code = "version_conflict"

    def __init__(self, sentence: str, *, version: int) -> None:
        super().__init__(sentence)
        self.version = version


class KeyReused(WrongUsage):
    """The idempotency key was used for another request before."""

    code = "idempotency_key_reused"
