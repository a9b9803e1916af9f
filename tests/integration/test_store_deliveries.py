"""Deliveries are kept as the bytes that were signed, once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from codegen_platform.events.routes import SHAPES
from codegen_platform.store import Store, Unstorable
from codegen_platform.store.commands.recording import FIELDS_OF_EVENTS
from tests.integration.ledger_rows import delivered
from tests.integration.ledger_rows import stored as stored_delivery

NOT_FOR_JSONB = [
    pytest.param({"title": "a\0b"}, id="NUL"),
    pytest.param({"title": "\ud800"}, id="lone surrogate"),
    pytest.param({"number": 10**200_000}, id="a number of 200,000 digits", marks=pytest.mark.filterwarnings("ignore")),
    pytest.param({"number": float("nan")}, id="NaN"),
]


PULL_REQUEST = b'{"number": 7, "pull_request": {}, "repository": {}}'


def payload_of(database_url: str) -> object:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT payload FROM events").fetchone()
    assert row is not None
    return row[0]


def test_every_byte_of_a_body_survives(store: Store) -> None:
    body = bytes(range(256)) * 400
    recorded = store.events.record("d1", "push", body, {"X-GitHub-Event": "push"})
    stored = store.events.get(recorded.id)
    assert stored is not None
    assert (stored.body, stored.body_bytes, stored.headers) == (body, len(body), {"X-GitHub-Event": "push"})


def test_a_known_delivery_changes_nothing(store: Store) -> None:
    first = store.events.record("d1", "push", b"one", {})
    again = store.events.record("d1", "push", b"one", {})
    assert (first.created, again.created, again.id, again.same_body) == (True, False, first.id, True)
    assert len(delivered(store)) == 1


def test_an_identical_body_under_a_new_delivery_id_is_the_same_event(store: Store) -> None:
    first = store.events.record("d1", "push", b"one", {})
    replayed = store.events.record("d2", "push", b"one", {})
    assert (replayed.created, replayed.id) == (False, first.id)


@pytest.mark.parametrize("delivery_id", ["d1", "d2"])
@pytest.mark.parametrize("first_name", ["nonsense", "issues", "pull_request_review"])
def test_a_body_that_came_under_another_events_name_before_is_still_the_event_that_it_is(
    store: Store, first_name: str, delivery_id: str
) -> None:
    first = store.events.record("d1", first_name, PULL_REQUEST, {})
    real = store.events.record(delivery_id, "pull_request", PULL_REQUEST, {})
    again = store.events.record(delivery_id, "pull_request", PULL_REQUEST, {})
    assert (real.created, again.created, again.id) == (True, False, real.id)
    assert real.id != first.id
    assert [event.event_type for event in store.events.unprocessed(10)] == [first_name, "pull_request"]


def test_a_body_is_kept_once_for_all_names_that_lead_to_nothing(store: Store) -> None:
    names = ["issues", "ping", "check_run", *(f"nonsense_{n}" for n in range(10))]
    assert sum(store.events.record(f"d{name}", name, PULL_REQUEST, {}).created for name in names) == 1


def test_the_fields_that_distinguish_events_are_those_of_the_routing_table() -> None:
    assert {name: frozenset(fields) for name, fields in FIELDS_OF_EVENTS.items()} == {
        name: shape.has for name, shape in SHAPES.items()
    }


def test_a_delivery_that_an_older_version_recorded_is_known(store: Store, database_url: str) -> None:
    store.events.record("d1", "pull_request", PULL_REQUEST, {})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE events SET body_sha256 = sha256(body)")
    again = store.events.record("d1", "pull_request", PULL_REQUEST, {})
    assert (again.created, again.same_body) == (False, True)


def test_a_delivery_id_that_comes_back_with_another_body_is_told(store: Store) -> None:
    first = store.events.record("d1", "push", b"one", {})
    forged = store.events.record("d1", "push", b"two", {})
    assert (forged.created, forged.id, forged.same_body) == (False, first.id, False)


def test_the_same_delivery_from_many_senders_at_once_is_one_event(store: Store, database_url: str) -> None:
    def send(_: int) -> bool:
        with Store.open(database_url) as other:
            return other.events.record("d1", "push", b"one", {}).created

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(send, range(24))) == 1
    assert len(delivered(store)) == 1


def test_headers_that_text_cannot_hold_are_stored_in_readable_form(store: Store) -> None:
    store.events.record("d\0 1", "push", b"one", {"X-Odd": "a\0b\ud800"})
    assert stored_delivery(store, "d\ufffd 1").headers == {"X-Odd": "a\ufffdb\ufffd"}


def test_a_delivery_id_too_long_for_an_index_is_refused_by_name(store: Store) -> None:
    absurd = random.Random(1).randbytes(5_000).hex()
    with pytest.raises(Unstorable):
        store.events.record(absurd, "push", b"one", {})
    assert store.events.record("d2", "push", b"one", {}).created


def test_unprocessed_deliveries_come_oldest_first_and_end_with_being_settled(store: Store) -> None:
    ids = [store.events.record(f"d{i}", "push", b"%d" % i, {}).id for i in range(5)]
    store.events.settle(ids[1], disposition="ignored", reason="branch deleted")
    assert [event.id for event in store.events.unprocessed(3)] == [ids[0], ids[2], ids[3]]


def test_unprocessed_deliveries_fit_into_memory_however_large_they_are(store: Store) -> None:
    for i in range(3):
        store.events.record(f"d{i}", "push", b"%d" % i * 1_000, {})
    assert [event.delivery_id for event in store.events.unprocessed(50, max_bytes=2_500)] == ["d0", "d1"]


def test_a_body_larger_than_the_whole_allowance_is_still_given_out(store: Store) -> None:
    store.events.record("d0", "push", b"x" * 3_000, {})
    store.events.record("d1", "push", b"y", {})
    assert [event.delivery_id for event in store.events.unprocessed(50, max_bytes=2_500)] == ["d0"]


def test_a_payload_is_kept_for_queries(store: Store, database_url: str) -> None:
    event = store.events.record("d1", "push", b"{}", {})
    store.events.settle(event.id, disposition="ignored", payload={"ref": "refs/heads/main"})
    assert payload_of(database_url) == {"ref": "refs/heads/main"}


@pytest.mark.parametrize("payload", NOT_FOR_JSONB)
def test_a_payload_that_jsonb_refuses_never_stops_the_delivery(store: Store, payload: object) -> None:
    event = store.events.record("d1", "push", b"{}", {})
    store.events.settle(event.id, disposition="ignored", reason="odd", payload=payload)
    settled = store.events.get(event.id)
    assert settled is not None
    assert settled.disposition == "ignored"


def test_an_absurdly_nested_payload_never_stops_the_delivery(store: Store, database_url: str) -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    event = store.events.record("d1", "push", b"{}", {})
    store.events.settle(event.id, disposition="unparseable", payload=nested)
    assert payload_of(database_url) is None
    assert store.events.unprocessed(1) == []


def test_pages_of_deliveries_are_newest_first_and_do_not_overlap(store: Store) -> None:
    for i in range(5):
        store.events.record(f"d{i}", "push", b"%d" % i, {})
    page = store.queries.events(limit=2)
    rest = store.queries.events(limit=10, cursor=page.next)
    assert [event.delivery_id for event in (*page.items, *rest.items)] == ["d4", "d3", "d2", "d1", "d0"]
    assert (page.total, rest.total, rest.next) == (5, 5, None)


def test_counts_say_what_became_of_each_type(store: Store) -> None:
    ping = store.events.record("d1", "ping", b"1", {})
    store.events.record("d2", "push", b"2", {})
    store.events.settle(ping.id, disposition="ignored")
    counted = {(row.event_type, row.disposition): row.count for row in store.queries.event_counts()}
    assert counted == {("ping", "ignored"): 1, ("push", None): 1}
