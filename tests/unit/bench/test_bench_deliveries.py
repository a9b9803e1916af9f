"""What the bench sends is what GitHub would send, and what it reports is what was answered."""

import asyncio
import hashlib
import hmac
import itertools
import json
import threading

import pytest

from bench import deliveries

SECRET = "secret of the bench"


class Gateway(threading.Thread):
    """Answers every request with the next of `statuses`, and keeps what came."""

    def __init__(self, statuses):
        super().__init__(daemon=True)
        self.statuses, self.came = iter(statuses), []
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()

    def run(self):
        self.server = self.loop.run_until_complete(asyncio.start_server(self.answer, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    async def answer(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                self.came.append((fields, await reader.readexactly(int(fields["Content-Length"]))))
                status = next(self.statuses)
                if status is None:
                    writer.close()
                    return
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok".encode())
        except asyncio.IncompleteReadError:
            writer.close()


@pytest.fixture
def gateway():
    def start(statuses):
        made = Gateway(statuses)
        made.start()
        made.ready.wait()
        return made

    return start


def test_ignored_events_have_the_size_are_all_different_and_rightly_signed():
    requests = deliveries.Ignored(
        {"number": 1, "pull_request": {}, "sender": {"id": 3}}, secret=SECRET, size=23_000
    ).requests()
    bodies = []
    for request in itertools.islice(requests, 3):
        head, _, body = request.partition(b"\r\n\r\n")
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert f"X-Hub-Signature-256: sha256={expected}".encode() in head
        assert len(body) == pytest.approx(23_000, abs=20)
        assert json.loads(body)["action"] == "labeled"
        bodies.append(body)
    assert len(set(bodies)) == 3


def test_deliveries_at_once_are_reported_in_their_order_also_those_that_were_refused_or_cut_off(gateway):
    taken = gateway([202])
    assert [ack.status for ack in deliveries.send(taken.port, [deliveries.pull_request_event(b"{}", SECRET)])] == [202]
    refusing = gateway([503, None])
    one = deliveries.pull_request_event(b"{}", SECRET)
    assert sorted(ack.status for ack in deliveries.send(refusing.port, [one, one])) == [0, 503]


def test_a_gateway_that_is_not_there_is_no_acknowledgement():
    assert [ack.status for ack in deliveries.send(1, [b""])] == [0]


def test_the_rate_counts_only_what_was_acknowledged(gateway):
    made = gateway(itertools.cycle([202, 500]))
    load = deliveries.as_fast_as_possible(
        made.port, itertools.repeat(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), connections=2, seconds=0.2
    )
    assert load.acknowledged == pytest.approx(len(load.acks) / 2, abs=2)
    assert load.rate == pytest.approx(load.acknowledged / load.seconds)


def test_at_a_rate_nobody_waits_for_the_answer_before(gateway):
    made = gateway(itertools.repeat(202))
    load = deliveries.at_a_rate(
        made.port, itertools.repeat(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), per_second=50, seconds=0.5
    )
    assert 15 <= load.acknowledged <= 26
    assert load.milliseconds(0.5) is not None
