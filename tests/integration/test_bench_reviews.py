"""A round of reviews, driven against the real GitHub double and a gateway that lets reviews be posted."""

import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import work
from bench.doubles import GitHub, repository_of
from bench.github_double import WatchedGitHub
from bench.model_double import about
from bench.reviews import Reviewing


class Gateway:
    """Acknowledges deliveries and posts reviews of them at once: as many as `copies` says for the number of the delivery."""

    def __init__(self, github_url, copies=lambda count: 1):
        gateway = self
        self.outstanding = self.most = self.count = 0
        self.lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with gateway.lock:
                    gateway.count += 1
                    wanted = copies(gateway.count)
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                for _ in range(wanted):
                    threading.Timer(0.05, post_review, (github_url, event)).start()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server.server_address[1]


def post_review(github_url, event):
    path = f"{github_url}/repos/{event['repository']['full_name']}/pulls/{event['number']}/reviews"
    body = {"event": "COMMENT", "body": "read", "commit_id": event["pull_request"]["head"]["sha"]}
    headers = {"Authorization": "Bearer ghp_" + "x" * 36, "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(path, json.dumps(body).encode(), headers), timeout=10).close()


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return work.unpack(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def github(releases):
    with WatchedGitHub(latency_seconds=0.0, port=0) as double:
        yield GitHub(url=double.url, releases=releases)


@pytest.fixture
def changes(releases):
    return [change for change in work.choose(work.all_changes(releases)) if change.size == "tiny"][:4]


def test_a_round_ends_when_every_review_stands_and_says_when_each_was_posted(github, changes):
    gateway = Gateway(github.url)
    driver = Reviewing(github, gateway.port, "secret")
    made = driver.round(github.open_pulls(changes, round_name="r", number=1), outstanding=2, patience_seconds=20)
    assert made.is_complete
    assert made.missing() == ""
    assert made.duplicates == 0
    assert all(0 < one.posted_seconds < 20 for one in made.journeys)
    assert made.wall_seconds >= made.posted_percentile(1.0)


def test_a_round_that_does_not_finish_says_what_is_missing_instead_of_waiting_for_ever(github, changes):
    gateway = Gateway(github.url, copies=lambda count: 0 if count == 2 else 1)
    driver = Reviewing(github, gateway.port, "secret")
    made = driver.round(github.open_pulls(changes, round_name="r", number=1), outstanding=4, patience_seconds=1.5)
    assert not made.is_complete
    assert made.missing().startswith("1 of 4 were not posted in time: bench-0")


def test_a_review_that_is_posted_twice_is_counted(github, changes):
    gateway = Gateway(github.url, copies=lambda count: 2)
    driver = Reviewing(github, gateway.port, "secret")
    made = driver.round(github.open_pulls(changes[:1], round_name="r", number=1), outstanding=1, patience_seconds=10)
    driver.wait_for(lambda: made.duplicates > 0, 10)
    assert made.duplicates == 1


def test_reviews_of_an_earlier_round_are_not_mistaken_for_those_of_this_one(github, changes):
    gateway = Gateway(github.url)
    first = Reviewing(github, gateway.port, "secret")
    assert first.round(
        github.open_pulls(changes[:1], round_name="a", number=1), outstanding=1, patience_seconds=10
    ).is_complete
    second = Reviewing(github, gateway.port, "secret")
    second.look(0.0)
    made = second.round(github.open_pulls(changes[:1], round_name="b", number=2), outstanding=1, patience_seconds=10)
    assert [len(one.posted_at) for one in made.journeys] == [1]


def test_an_outage_of_github_ends_when_it_is_told_to(github, changes):
    github.open_pulls(changes[:1], round_name="a", number=1)
    address = f"{github.url}/repos/{repository_of(0)}/pulls/1"
    request = urllib.request.Request(address, headers={"Authorization": "Bearer ghp_" + "x" * 36})
    github.break_down()
    with pytest.raises(urllib.error.HTTPError, match="502"):
        urllib.request.urlopen(request, timeout=10)
    github.recover()
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    assert github.calls_by_endpoint() == {"GET /repos/{owner}/{repo}/pulls/{number}": 2}


def test_the_title_of_a_change_tells_which_one_the_model_was_asked_about():
    assert about("... bench 7 of round sixteen ...") == {"change": 7, "round": "sixteen"}
    assert about("another change") == {"change": None, "round": None}
