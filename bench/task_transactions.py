"""The transactions that move tasks, as scripts for pgbench: the store's own statements, with what the store would tell them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from bench.backlog import ACTOR, KIND
from codegen_platform.store import TaskEventRow
from codegen_platform.store.commands.dependencies import MET
from codegen_platform.store.commands.heads import LOCK_CHANGE, LOCK_RELATED
from codegen_platform.store.commands.leases import LEASE
from codegen_platform.store.commands.ledger import CREATE, LOCK_ONE, MOVE
from codegen_platform.store.commands.tasks import GET

PER_CLIENT = 1_000_000
CREATION = """\\set number random(1, 1000000000)
BEGIN;
{lock_change};
{lock_related};
{create};
{get};
COMMIT;
"""
NEXT_OF_CLIENT = f"\\set place :client_id * {PER_CLIENT} + :turn\n\\set turn :turn + 1\n"


def creation() -> str:
    """Return the script that creates a task of a new change, as `POST /api/v1/tasks` does."""
    repository, name = "'octo-' || (:number % 100) || '/repo'", f"'{KIND}:' || :number"
    told = {
        "id": "md5(:number ::text)::uuid",
        "semantic_key": name,
        "repository": repository,
        "number": ":number ::integer",
        "partition_key": name,
        "title": name,
        "kind": f"'{KIND}'",
        "requirements": f"jsonb_build_array('{KIND}')",
        "description": "''",
        "priority": "3",
        "metadata": "'{}'::jsonb",
        "dependencies": "'[]'::jsonb",
        "conditions": "'{}'::jsonb",
        "on_dependency_failure": "'fail'",
        "forge": "'github'",
    }
    task = ", ".join(f"'{column}', {value}" for column, value in told.items())
    return CREATION.format(
        lock_change=LOCK_CHANGE % {"change": name},
        lock_related=LOCK_RELATED % {**told, "number": ":number ::integer"},
        create=CREATE % {"tasks": f"jsonb_build_array(jsonb_build_object({task}))", "actor": f"'{ACTOR}'"},
        get=GET % {"id": told["id"]},
    )


def life(history: Sequence[TaskEventRow]) -> str:
    """Return the script that takes the client's next task through the moves of this history, each a transaction."""
    return NEXT_OF_CLIENT + "".join(_move(event) for event in history if event.type != "created")


def task_id(client: int, turn: int) -> UUID:
    """Return which task a client of pgbench takes in its turn."""
    return UUID(f"{client * PER_CLIENT + turn:0>32}")


def _move(event: TaskEventRow) -> str:
    identity = "lpad(:place ::text, 32, '0')::uuid"
    ends = event.type == "completed"
    told = {
        "id": identity,
        "version": str(event.sequence - 1),
        "type": f"'{event.type}'",
        "data": _literal(event.data) + "::jsonb",
        "actor": f"'{ACTOR}'",
        "fence": str(event.fence),
        "at": "clock_timestamp()",
        "frees": str(ends).lower(),
    }
    move = ", ".join(f"'{column}', {value}" for column, value in told.items())
    statements = [
        "BEGIN",
        LOCK_ONE % {"id": identity},
        *([LEASE % {"id": identity, "fence": event.fence, "lease_seconds": 60}] if event.type == "claimed" else []),
        MOVE % {"moves": f"jsonb_build_array(jsonb_build_object({move}))", "wakes": str(ends).lower()},
        *([MET % {"ids": f"ARRAY[{identity}]"}] if ends else []),
        "COMMIT",
    ]
    return "".join(f"{statement};\n" for statement in statements)


def _literal(data: object) -> str:
    return "'" + json.dumps(data).replace("'", "''") + "'"
