"""What `doctor` makes of the answers of GitHub and of the model, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from codegen_platform.cli.probing import Probe, home, probe_all, secret_files
from codegen_platform.cli.probing_servers import artifacts, github, model, postgresql
from codegen_platform.settings import Settings, load_settings


class Answers:
    """A server that gives each path a fixed answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[int, dict[str, str], object]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = outer.given.get(self.path, (404, {}, {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def answers() -> Iterator[Answers]:
    answers = Answers()
    thread = threading.Thread(target=answers.server.serve_forever)
    thread.start()
    yield answers
    answers.server.shutdown()
    thread.join()
    answers.server.server_close()


def settings(tmp_path: Path, **environ: str) -> Settings:
    return load_settings({"CODEGEN_HOME": str(tmp_path), **environ})


@pytest.mark.parametrize(
    ("status", "headers", "state", "said"),
    [
        (200, {"x-oauth-scopes": "repo, gist"}, "ok", "repo"),
        (200, {"x-oauth-scopes": "public_repo"}, "ok", "public_repo"),
        (200, {"x-oauth-scopes": "gist"}, "warn", "gist"),
        (200, {"x-oauth-scopes": ""}, "warn", "none"),
        (200, {}, "ok", "fine-grained"),
        (401, {}, "fail", "not valid"),
        (503, {}, "warn", "503"),
        (302, {"location": "http://127.0.0.1:9/"}, "warn", "302"),
    ],
)
def test_a_github_token_is_judged_by_what_github_says(
    answers: Answers, tmp_path: Path, status: int, headers: dict[str, str], state: str, said: str
) -> None:
    answers.given["/rate_limit"] = (status, headers, {})

    probe = github(settings(tmp_path, GITHUB_TOKEN="t0ken", GITHUB_API_URL=answers.url))

    assert (probe.state, said in probe.found) == (state, True)
    assert [(path, asked["authorization"]) for path, asked in answers.asked] == [("/rate_limit", "Bearer t0ken")]


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, {"slug": "reviewer", "permissions": {"pull_requests": "write"}}, "ok"),
        (200, {"slug": "reviewer", "permissions": {"pull_requests": "read"}}, "warn"),
        (401, {}, "fail"),
    ],
)
def test_an_app_is_judged_by_its_permissions(
    answers: Answers, tmp_path: Path, status: int, body: object, state: str
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
    answers.given["/app"] = (status, {}, body)

    assert (
        github(settings(tmp_path, GITHUB_APP_ID="7", GITHUB_APP_PRIVATE_KEY=pem, GITHUB_API_URL=answers.url)).state
        == state
    )


def test_a_key_that_is_not_a_key_is_said_without_asking_github(answers: Answers, tmp_path: Path) -> None:
    broken = r"-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----"

    probe = github(settings(tmp_path, GITHUB_APP_ID="7", GITHUB_APP_PRIVATE_KEY=broken, GITHUB_API_URL=answers.url))

    assert (probe.state, answers.asked) == ("fail", [])


@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (401, "fail"), (403, "fail"), (404, "fail"), (529, "warn")])
def test_the_model_is_looked_up_by_name_for_free(answers: Answers, tmp_path: Path, status: int, state: str) -> None:
    answers.given["/v1/models/claude-x"] = (status, {}, {})

    probe = model(settings(tmp_path, ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=answers.url, CODEGEN_MODEL="claude-x"))

    assert probe.state == state
    assert [(path, asked["x-api-key"]) for path, asked in answers.asked] == [("/v1/models/claude-x", "k")]


def test_without_token_and_key_nobody_is_asked(tmp_path: Path) -> None:
    assert github(settings(tmp_path)).found == "no token: local repositories only"
    assert model(settings(tmp_path)).found == "no key: static reviews only"


def test_the_artifact_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    assert artifacts(settings(tmp_path)).state == "ok"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_probe_that_breaks_is_a_failure_and_the_others_still_answer(tmp_path: Path) -> None:
    def broken(_: Settings) -> Probe:
        raise ZeroDivisionError("oops")

    found = probe_all((("broken", broken), ("model", model)), settings(tmp_path))

    assert [(probe.name, probe.state) for probe in found] == [("broken", "fail"), ("model", "ok")]


def test_production_on_the_embedded_database_is_warned_about(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents):
        if place.name.startswith(("pytest-", "test_")):
            place.chmod(0o755)  # as root, PostgreSQL runs as another user
    development = postgresql(settings(tmp_path))
    production = postgresql(settings(tmp_path, CODEGEN_ENVIRONMENT="production", GITHUB_WEBHOOK_SECRET="s" * 32))
    assert (development.state, production.state) == ("ok", "warn")
    assert "a young package" in production.found
    assert "CODEGEN_DATABASE_URL" in production.todo


def test_a_database_that_does_not_answer_is_described_on_one_line(tmp_path: Path) -> None:
    probe = postgresql(settings(tmp_path, CODEGEN_DATABASE_URL="postgresql://someone:secret@127.0.0.1:1/ledger"))
    assert probe.state == "fail"
    assert "127.0.0.1:1/ledger" in probe.found
    assert not {"\n", "\t"} & set(probe.found)
    assert "secret" not in probe.found


def test_an_unreadable_folder_does_not_break_the_probe(tmp_path: Path) -> None:
    def unreadable(_: Settings) -> Probe:
        raise PermissionError(13, "Permission denied", "/a/home/that/belongs/to/another/user")

    (probe,) = probe_all([("home", unreadable)], settings(tmp_path))
    assert (probe.state, probe.found) == ("fail", "/a/home/that/belongs/to/another/user: Permission denied")
    assert "this probe itself broke" not in probe.todo


def test_a_secret_file_that_everybody_may_read_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t0ken")
    file.chmod(0o644)
    given = settings(tmp_path, GITHUB_TOKEN_FILE=str(file))
    assert (secret_files(given).state, secret_files(given).todo) == ("warn", f"chmod 600 {file}")
    file.chmod(0o600)
    assert secret_files(given).state == "ok"


def test_a_home_below_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    probe = home(settings(tmp_path / "file" / "home"))
    assert probe.state == "fail"
    assert str(tmp_path / "file") in probe.found
