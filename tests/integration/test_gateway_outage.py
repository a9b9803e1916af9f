"""PostgreSQL goes away and comes back, seen through a cable that can be cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from psycopg import conninfo

from tests.integration.ledger_rows import delivered
from tests.integration.running_gateway import RunningGateway, running_gateway


class Cable:
    """A TCP way to a server that can be cut, for all connections at once, and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=[source, target], daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()


@pytest.fixture
def cable(database_url: str) -> Iterator[Cable]:
    parts = conninfo.conninfo_to_dict(database_url)
    made = Cable(str(parts["host"]), int(str(parts["port"])))
    yield made
    made.cut()


@pytest.fixture
def url_through_cable(cable: Cable, database_url: str) -> str:
    return conninfo.make_conninfo(database_url, host="127.0.0.1", port=cable.port)


@pytest.fixture
def gateway(url_through_cable: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(url_through_cable, redis_url) as running:
        yield running


def test_without_postgresql_deliveries_are_refused_until_it_is_back(gateway: RunningGateway, cable: Cable):
    assert gateway.deliver({"n": 1}, "ping", delivery_id="before").status_code == 202
    cable.cut()
    refused = gateway.deliver({"n": 2}, "ping", delivery_id="during")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    cable.mend()
    assert gateway.deliver({"n": 2}, "ping", delivery_id="during").json()["duplicate"] is False
    assert {event.delivery_id for event in delivered(gateway.store)} == {"before", "during"}


def test_a_connection_lost_between_two_deliveries_costs_none(gateway: RunningGateway, cable: Cable):
    assert gateway.deliver({"n": 1}, "ping").status_code == 202
    cable.cut()
    cable.mend()
    assert gateway.deliver({"n": 2}, "ping").status_code == 202


def test_without_postgresql_the_process_is_up_but_not_ready_and_still_measured(gateway: RunningGateway, cable: Cable):
    cable.cut()
    assert gateway.client.get("/healthz").status_code == 200
    ready = gateway.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["checks"] == {"postgres": "down", "commits": "down", "redis": "up", "disk": "up"}
    assert "codegen_ledger_up 0.0" in gateway.client.get("/metrics").text
    answer = gateway.client.get("/api/v1/events/any")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    cable.mend()
    assert gateway.client.get("/readyz").json()["status"] == "ready"


def test_a_gateway_started_without_postgresql_takes_deliveries_once_it_is_there(
    cable: Cable, url_through_cable: str, redis_url: str
):
    cable.cut()
    with running_gateway(url_through_cable, redis_url) as gateway:
        assert gateway.deliver({"n": 1}, "ping").status_code == 503
        cable.mend()
        assert gateway.deliver({"n": 1}, "ping").status_code == 202


def test_a_silent_postgresql_does_not_hold_a_delivery_longer_than_github_waits(gateway: RunningGateway, cable: Cable):
    assert gateway.deliver({"n": 1}, "ping").status_code == 202
    cable.cut()
    with socket.create_server(("127.0.0.1", cable.port)):
        started = time.monotonic()
        assert gateway.deliver({"n": 2}, "ping").status_code == 503
        assert time.monotonic() - started < 10
    cable.mend()
