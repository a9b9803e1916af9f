"""What a client asks for in one round: tasks of several priorities, some that wait for others, now and then one that is cancelled."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.asking import Asking
from tests.chaos.changes_to_review import Change, Changes

TASKS_A_ROUND = 4
LONGEST_PAUSE_SECONDS = 0.5
WAITS = 0.3
"""The share of tasks that wait for an earlier one of their round."""
CANCELLED_ONE_ROUND_IN = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A request that was answered with a task."""

    task_id: str
    change: Change
    key: str
    body: Mapping[str, Any]


@dataclass(kw_only=True)
class Requests:
    """Everything that was asked for so far."""

    asking: Asking
    changes: Changes
    chance: random.Random
    accepted: list[Accepted] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def send(self, round_number: int) -> threading.Thread:
        """Begin to ask for the tasks of a round, in a thread that ends when all of them were answered."""
        thread = threading.Thread(target=self._send, args=(round_number,), daemon=True)
        thread.start()
        return thread

    def _send(self, round_number: int) -> None:
        mine: list[str] = []
        cancels = round_number % CANCELLED_ONE_ROUND_IN == 0
        for place in range(1, TASKS_A_ROUND + 1):
            change = self.changes.another()
            waits = mine and self.chance.random() < WAITS
            body = {
                "kind": "review_pull_request",
                "repository": change.repository,
                "number": change.number,
                "priority": self.chance.randint(1, 5),
                "title": f"Round {round_number}, task {place}",
                **({"dependencies": [self.chance.choice(mine)]} if waits else {}),
            }
            key = f"round-{round_number}-{place}"
            answer = self.asking.call("POST", "/tasks", json=body, headers={"Idempotency-Key": key})
            if answer.status_code in {200, 201}:
                task_id = answer.json()["id"]
                self.accepted.append(Accepted(task_id=task_id, change=change, key=key, body=body))
                mine.append(task_id)
            else:
                self.refused.append(f"{key}: {answer.status_code} {answer.text[:200]}")
            time.sleep(self.chance.uniform(0.0, LONGEST_PAUSE_SECONDS))
        if cancels and mine:
            self._cancel(mine[-1])

    def _cancel(self, task_id: str) -> None:
        """Cancel a task; it may have ended before."""
        answer = self.asking.call("POST", f"/tasks/{task_id}/cancel")
        if answer.status_code == 200:
            self.cancelled.add(task_id)
        elif answer.status_code != 409:
            self.refused.append(f"cancel {task_id}: {answer.status_code} {answer.text[:200]}")
