"""Large deliveries: behind which nothing small waits, which are read only if that matters, and which are kept small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psycopg

from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routing import route_pending
from codegen_platform.store import Store
from tests.integration.ledger_rows import stored
from tests.integration.running_gateway import sample

RULES = RoutingRules(kinds_with_agent=frozenset({"review_pull_request"}))
LARGE = 300_000
PEAK = """
import resource, sys
from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routing import route_pending
from codegen_platform.store import Store
with Store.open(sys.argv[1]) as store:
    store.events.unprocessed(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    route_pending(store, RoutingRules(kinds_with_agent=frozenset({"review_pull_request"})), 500)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def pull_request(number: int, **more: Any) -> bytes:
    payload = sample("pull_request.opened")
    payload["number"] = payload["pull_request"]["number"] = number
    return json.dumps({**payload, **more}).encode()


def push(serial: int, padding: str = "x" * LARGE) -> bytes:
    commits = [{"id": str(serial), "message": padding}]
    return json.dumps(
        {"ref": "refs/heads/main", "before": "a", "after": "b", "repository": {}, "commits": commits}
    ).encode()


def record(store: Store, name: str, event: str, body: bytes) -> None:
    assert store.events.record(name, event, body, {}).created


def test_a_small_delivery_waits_for_one_large_one_at_most(store: Store) -> None:
    for serial in range(6):
        record(store, f"large {serial}", "pull_request", pull_request(serial + 1, padding="x" * LARGE))
    record(store, "small", "pull_request", pull_request(99))
    route_pending(store, RULES, 2)
    assert stored(store, "small").disposition == "task"
    assert [stored(store, f"large {serial}").disposition for serial in range(6)] == ["task", *[None] * 5]


def test_a_large_delivery_does_not_wait_for_small_ones_that_never_end(store: Store) -> None:
    record(store, "large", "pull_request", pull_request(1, padding="x" * LARGE))
    for serial in range(250):
        record(store, f"small {serial}", "ping", b'{"zen": "", "hook_id": %d}' % serial)
    route_pending(store, RULES, 202)
    assert stored(store, "large").disposition == "task"


def test_a_large_delivery_of_an_ignored_type_is_settled_without_parsing(store: Store) -> None:
    record(store, "push", "push", push(1)[:-1])  # cut: parsing it would fail
    record(store, "star", "star", b"[" * LARGE)
    record(store, "cut", "pull_request", pull_request(1, padding="x" * LARGE)[:-1])
    route_pending(store, RULES, 10)
    came_to = {name: (stored(store, name).disposition, stored(store, name).reason) for name in ("push", "star", "cut")}
    assert came_to == {
        "push": ("ignored", "covered_by_pull_request"),
        "star": ("unknown", None),
        "cut": ("unparseable", "invalid_json"),
    }


def test_a_large_body_that_cannot_be_of_its_type_is_read(store: Store) -> None:
    record(store, "forged", "push", pull_request(1, padding="x" * LARGE))
    route_pending(store, RULES, 10)
    assert stored(store, "forged").reason == "body_does_not_fit_event"


def test_routing_many_large_deliveries_keeps_one_of_them_in_memory(store: Store, database_url: str) -> None:
    for serial in range(80):
        record(store, f"d{serial}", "pull_request", pull_request(serial + 1, padding=f"{serial}" + "x" * 2**20))
    done = subprocess.run(
        [sys.executable, "-c", PEAK, database_url],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.splitlines()[-1]) < 60 * 1024, "KiB; all of them at once take over 200,000"
    assert store.events.unprocessed(1) == []


def test_a_settled_delivery_takes_a_tenth_of_its_size_and_is_the_same_when_it_is_read(
    store: Store, database_url: str
) -> None:
    body = pull_request(1)
    record(store, "d1", "pull_request", body)
    route_pending(store, RULES, 10)
    event = stored(store, "d1")
    assert (event.body, event.body_bytes) == (body, len(body))
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT pg_column_size(packed_body) + pg_column_size(payload), payload FROM events"
        ).fetchone()
    assert row is not None
    assert row[0] < len(body) / 5
    assert row[1]["pull_request"]["title"] == json.loads(body)["pull_request"]["title"]
    assert "html_url" not in row[1]["pull_request"]


def test_a_settled_delivery_that_comes_again_is_known_by_its_body(store: Store) -> None:
    body = pull_request(1)
    record(store, "d1", "pull_request", body)
    route_pending(store, RULES, 10)
    for name in ("d1", "d2"):
        again = store.events.record(name, "pull_request", body, {})
        assert (again.created, again.same_body) == (False, True)
    other = store.events.record("d1", "pull_request", pull_request(2), {})
    assert (other.created, other.same_body) == (False, False)


def test_a_settled_delivery_can_be_routed_again(store: Store) -> None:
    body = pull_request(1)
    record(store, "d1", "pull_request", body)
    route_pending(store, RoutingRules(kinds_with_agent=frozenset()), 10)
    assert stored(store, "d1").disposition == "ignored"
    assert store.events.reopen(stored(store, "d1").id)
    route_pending(store, RULES, 10)
    assert (stored(store, "d1").disposition, stored(store, "d1").body) == ("task", body)
