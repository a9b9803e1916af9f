from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github.Auth import AppAuth

from codegen_platform.errors import ForgeRefused
from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.hook_deliveries import AppHookDeliveries
from codegen_platform.events.recovery import (
    MOST_REVIVALS,
    ReconciledHeads,
    RecoveredDeliveries,
    reconcile_heads,
    recover_deliveries,
)
from codegen_platform.events.routes import REVIEW
from codegen_platform.events.routing import route_pending
from codegen_platform.forge import OpenPullRequest
from codegen_platform.forge.connection import Connection
from codegen_platform.store import NewTask, RepositoryRow, Store
from tests.doubles.github import GitHubDouble
from tests.doubles.github_app import APP_ID
from tests.integration.ledger_rows import delivered, listed, valid
from tests.integration.running_gateway import SECRET, RunningGateway, running_gateway, sample

RULES = RoutingRules(kinds_with_agent=frozenset({REVIEW}))


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.identities.webhook_secret = SECRET
        yield double


@pytest.fixture
def deliveries(github: GitHubDouble, private_key: str) -> AppHookDeliveries:
    return AppHookDeliveries(Connection(github.url), AppAuth(str(APP_ID), private_key))


@pytest.fixture
def gateway(database_url: str, redis_url: str, github: GitHubDouble) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        github.identities.webhook_url = f"{running.url}/webhooks/github"
        yield running


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def await_events(gateway: RunningGateway, count: int) -> None:
    deadline = time.monotonic() + 10
    with gateway.store.listen("events") as bell:
        while gateway.event_count() < count:
            assert time.monotonic() < deadline
            bell.wait(1)


def ping(number: int) -> dict[str, Any]:
    return sample("ping") | {"hook_id": number}


def test_deliveries_that_never_arrived_are_sent_again_and_recorded_under_their_own_id(
    github: GitHubDouble, deliveries: AppHookDeliveries, gateway: RunningGateway
):
    missed = [github.identities.add_delivery("ping", ping(number), status_code=502) for number in range(3)]
    assert recover_deliveries(gateway.store, deliveries, since=an_hour_ago()) == RecoveredDeliveries(
        seen=3, missing=3, redelivered=3
    )
    await_events(gateway, 3)
    assert all(gateway.store.queries.event(delivery.guid) for delivery in missed)
    assert recover_deliveries(gateway.store, deliveries, since=an_hour_ago()) == RecoveredDeliveries(seen=3)


def test_a_delivery_that_we_have_is_not_asked_for_although_github_thinks_it_failed(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store
):
    delivery = github.identities.add_delivery("ping", ping(1), status_code=502)
    store.events.record(delivery.guid, "ping", b"{}", {})
    assert recover_deliveries(store, deliveries, since=an_hour_ago()) == RecoveredDeliveries(seen=1)
    assert github.counts()["POST /app/hook/deliveries/{delivery_id}/attempts"] == 0


def test_a_delivery_acknowledged_but_not_here_is_asked_for_once(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store
):
    store.events.record("the first", "ping", b"{}", {})
    delivery = github.identities.add_delivery("ping", ping(1), status_code=202)
    assert recover_deliveries(store, deliveries, since=an_hour_ago()).redelivered == 1
    github.identities.add_delivery("ping", ping(1), status_code=202, guid=delivery.guid)
    again = recover_deliveries(store, deliveries, since=an_hour_ago())
    assert (again.redelivered, again.given_up) == (0, 1)


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_delivery_that_an_earlier_ledger_acknowledged_is_left_to_it(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store, has_begun: bool
):
    github.identities.add_delivery("ping", ping(1), status_code=202).delivered_at -= 600
    failed = github.identities.add_delivery("ping", ping(2), status_code=502)
    failed.delivered_at -= 600
    if has_begun:
        store.events.record("the first", "ping", b"{}", {})
    assert recover_deliveries(store, deliveries, since=an_hour_ago()) == RecoveredDeliveries(
        seen=2, missing=1, redelivered=1
    )
    assert [call.path for call in github.calls if call.method == "POST"] == [
        f"/app/hook/deliveries/{failed.id}/attempts"
    ]


def test_a_delivery_that_github_will_not_repeat_does_not_keep_the_others_back(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store
):
    for number in range(3):
        github.identities.add_delivery("ping", ping(number), status_code=502)
    github.fault("POST /app/hook/deliveries/*/attempts", status=422, times=1)
    found = recover_deliveries(store, deliveries, since=an_hour_ago())
    assert (found.redelivered, found.given_up) == (2, 1)


def test_a_delivery_that_fails_every_time_is_given_up_after_five_attempts(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store
):
    for _ in range(5):
        github.identities.add_delivery("ping", ping(1), status_code=502, guid="same")
    assert recover_deliveries(store, deliveries, since=an_hour_ago()) == RecoveredDeliveries(
        seen=1, missing=1, given_up=1
    )


def test_deliveries_before_the_given_time_are_left_alone(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store
):
    github.identities.add_delivery("ping", ping(1), status_code=502).delivered_at -= 7200
    assert recover_deliveries(store, deliveries, since=an_hour_ago()) == RecoveredDeliveries()


def test_all_pages_are_read_and_at_most_a_hundred_redeliveries_asked_for_at_once(
    github: GitHubDouble, deliveries: AppHookDeliveries, store: Store
):
    for number in range(230):
        github.identities.add_delivery("ping", ping(number), status_code=502)
    assert recover_deliveries(store, deliveries, since=an_hour_ago()) == RecoveredDeliveries(
        seen=230, missing=230, redelivered=100, later=130
    )
    assert github.counts()["GET /app/hook/deliveries"] == 3


def test_github_refuses_an_app_with_the_wrong_key(github: GitHubDouble, deliveries: AppHookDeliveries, store: Store):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    github.identities.app_public_key = other.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    with pytest.raises(ForgeRefused):
        recover_deliveries(store, deliveries, since=an_hour_ago())


NOW = datetime.now(UTC)

PULL = OpenPullRequest(
    repository="acme/web",
    repository_id=7,
    number=12,
    title="T\ud800itle",
    draft=False,
    head_sha="a" * 40,
    head_ref="feature",
    base_sha="b" * 40,
    base_ref="main",
    opened_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    author="mona",
    author_id=1,
)


@pytest.fixture
def acme(store: Store) -> RepositoryRow:
    """A repository that was known before its pull request was opened."""
    met = store.repositories.ensure("github", PULL.repository, installation_id=3)
    return replace(met, created_at=PULL.opened_at - timedelta(days=1))


def test_an_open_head_without_a_task_gets_one(store: Store, acme: RepositoryRow):
    assert reconcile_heads(store, acme, [PULL], now=NOW) == ReconciledHeads(seen=1, without_task=1, recorded=1)
    route_pending(store, RULES, 10)
    [task] = listed(store)
    assert (task.kind, task.repository, task.number, task.head_sha) == (REVIEW, "acme/web", 12, "a" * 40)
    assert [event.source for event in delivered(store)] == ["reconciler"]
    assert reconcile_heads(store, acme, [PULL], now=NOW) == ReconciledHeads(seen=1)


def test_the_event_of_the_reconciler_means_the_same_as_githubs_own(store: Store):
    github = sample("pull_request.opened")
    store.events.record("d-1", "pull_request", str_bytes(github), {})
    route_pending(store, RULES, 10)
    sent = github["pull_request"]
    seen = replace(
        PULL,
        repository="Codertocat/Hello-World",
        number=2,
        head_sha=sent["head"]["sha"],
        base_ref=sent["base"]["ref"],
    )
    repository = store.repositories.get("Codertocat/Hello-World")
    assert repository is not None
    assert reconcile_heads(store, repository, [seen], now=NOW) == ReconciledHeads(seen=1)


def str_bytes(payload: dict[str, Any]) -> bytes:
    import json

    return json.dumps(payload).encode()


def test_a_draft_is_recorded_once_and_again_when_it_is_ready(store: Store, acme: RepositoryRow):
    draft = replace(PULL, draft=True)
    assert reconcile_heads(store, acme, [draft], now=NOW).recorded == 1
    later = replace(draft, updated_at=draft.updated_at + timedelta(days=1))
    assert reconcile_heads(store, acme, [later], now=NOW) == ReconciledHeads(seen=1, without_task=1, recorded=0)
    assert reconcile_heads(store, acme, [replace(later, draft=False)], now=NOW).recorded == 1
    route_pending(store, RULES, 10)
    assert [task.status for task in listed(store)] == ["pending"]


@pytest.mark.parametrize("hours", [2, 2_000])
def test_what_was_open_before_the_repository_was_met_waits_for_its_first_event(
    store: Store, acme: RepositoryRow, hours: int
):
    late = replace(acme, created_at=PULL.opened_at + timedelta(hours=hours))
    commented = replace(PULL, updated_at=late.created_at + timedelta(days=1))
    assert reconcile_heads(store, late, [commented], now=NOW) == ReconciledHeads(seen=1)
    reconcile_heads(store, acme, [PULL], now=NOW)
    route_pending(store, RULES, 10)
    pushed = replace(commented, head_sha="c" * 40)
    assert reconcile_heads(store, late, [pushed], now=NOW).recorded == 1


def test_what_was_opened_while_the_webhook_was_being_set_up_is_not_too_old(store: Store, acme: RepositoryRow):
    just_met = replace(acme, created_at=PULL.opened_at + timedelta(minutes=50))
    assert reconcile_heads(store, just_met, [PULL], now=NOW).recorded == 1


def test_under_a_new_name_nothing_is_reviewed_twice(store: Store, acme: RepositoryRow):
    assert reconcile_heads(store, acme, [replace(PULL, repository="acme/site")], now=NOW) == ReconciledHeads()
    assert delivered(store) == []


@pytest.mark.parametrize("status", ["pending", "in_progress", "complete", "failed", "dead", "cancelled"])
def test_a_head_that_a_comment_asked_about_is_not_reviewed_once_more(
    store: Store, acme: RepositoryRow, database_url: str, status: str
):
    asked = NewTask(
        title="T",
        kind=REVIEW,
        semantic_key="asked in a comment",
        forge="github",
        repository="acme/web",
        number=12,
        partition_key="acme.web.12",
    )
    task, _ = store.tasks.create(asked, "events")
    if status != "pending":
        held = store.tasks.claim(task.id, attempt=1, run_id="r", actor="run:r", lease_seconds=60)
        assert held is not None
    if status == "complete":
        valid(store, held)
        store.effects.enqueue(task.id, fence=1, kind="review", effect_key="k", payload=b"{}", head_sha=PULL.head_sha)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE tasks SET status = %s", [status])
    is_attended = status in ("pending", "in_progress", "complete")
    assert reconcile_heads(store, acme, [PULL], now=NOW).without_task == int(not is_attended)


def test_a_head_whose_task_was_superseded_is_revived_when_it_is_the_head_again(store: Store, acme: RepositoryRow):
    reconcile_heads(store, acme, [PULL], now=NOW)
    route_pending(store, RULES, 10)
    newer = replace(PULL, head_sha="c" * 40, updated_at=PULL.updated_at + timedelta(hours=1))
    reconcile_heads(store, acme, [newer], now=NOW)
    route_pending(store, RULES, 10)
    back = replace(PULL, updated_at=PULL.updated_at + timedelta(hours=2))
    assert reconcile_heads(store, acme, [back], now=NOW).recorded == 1
    route_pending(store, RULES, 10)
    assert {task.head_sha[0]: task.status for task in listed(store) if task.head_sha} == {
        "a": "pending",
        "c": "superseded",
    }


def ended(store: Store, database_url: str, status: str, *, hours_ago: float = 0) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE tasks SET status = %s, completed_at = now() - make_interval(secs => %s)", [status, hours_ago * 3600]
        )


def looked(store: Store, repository: RepositoryRow, pull: OpenPullRequest) -> list[str]:
    """Look and route; return the states of all tasks."""
    reconcile_heads(store, repository, [pull], now=datetime.now(UTC))
    route_pending(store, RULES, 10)
    return [task.status for task in listed(store)]


@pytest.mark.parametrize("status", ["failed", "dead"])
def test_a_head_whose_task_failed_is_tried_once_more_and_not_again(
    store: Store, acme: RepositoryRow, database_url: str, status: str
):
    assert looked(store, acme, PULL) == ["pending"]
    ended(store, database_url, status)
    assert looked(store, acme, PULL) == ["pending"]
    ended(store, database_url, status)
    commented = replace(PULL, updated_at=PULL.updated_at + timedelta(hours=1))
    assert looked(store, acme, commented) == [status]
    assert sorted(looked(store, acme, replace(commented, head_sha="c" * 40))) == sorted([status, "pending"])


def test_a_head_whose_task_failed_days_ago_is_left_alone(store: Store, acme: RepositoryRow, database_url: str):
    looked(store, acme, PULL)
    ended(store, database_url, "failed", hours_ago=25)
    assert looked(store, acme, PULL) == ["failed"]


def test_a_head_that_a_person_cancelled_is_left_alone(store: Store, acme: RepositoryRow):
    looked(store, acme, PULL)
    store.tasks.cancel(listed(store)[0].id, "alice", "not now")
    assert looked(store, acme, PULL) == ["cancelled"]


def test_a_wrongly_superseded_head_is_revived_at_equal_time_and_not_for_ever(
    store: Store, acme: RepositoryRow, database_url: str
):
    looked(store, acme, PULL)
    attempts = 0
    while attempts < 20:
        ended(store, database_url, "superseded")
        if looked(store, acme, PULL) != ["pending"]:
            break
        attempts += 1
    assert attempts == MOST_REVIVALS - 1


def test_a_head_that_is_for_another_branch_now_gets_a_review_for_it(store: Store, acme: RepositoryRow):
    looked(store, acme, PULL)
    retargeted = replace(PULL, base_ref="next", updated_at=PULL.updated_at + timedelta(hours=1))
    assert sorted(looked(store, acme, retargeted)) == ["pending", "superseded"]
    assert sorted(looked(store, acme, retargeted)) == ["pending", "superseded"]
    assert {task.metadata["base_ref"] for task in listed(store, "pending")} == {"next"}


def test_a_failed_review_for_a_new_branch_is_the_one_that_is_tried_again(
    store: Store, acme: RepositoryRow, database_url: str
):
    looked(store, acme, PULL)
    retargeted = replace(PULL, base_ref="next", updated_at=PULL.updated_at + timedelta(hours=1))
    looked(store, acme, retargeted)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE tasks SET status = 'failed', completed_at = now() WHERE status = 'pending'")
    looked(store, acme, retargeted)
    assert {task.metadata["base_ref"] for task in listed(store, "pending")} == {"next"}
    assert len(listed(store)) == 2
