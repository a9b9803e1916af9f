"""Real proxies in front of the gateway, configured as documented and in common wrong ways."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from codegen_platform.local import ports
from tests.integration.running_gateway import RunningGateway, running_gateway, sample, signed

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "expose-the-webhook.md"
Proxy = Callable[[str, int, Path], tuple[str, ...]]


def documented(language: str) -> str:
    """The block of the page in that language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, language
    return found.group(1)


def nginx(site: str, port: int, folder: Path) -> tuple[str, ...]:
    """Write a configuration with this site on a port of ours, without TLS, and return the command."""
    plain = re.sub(r"\s*ssl_certificate.*", "", site).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if folder.owner() == "root" else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{plain}}}\n"
    )
    return ("nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"))


def caddy(site: str, port: int, folder: Path) -> tuple[str, ...]:
    """The same for Caddy."""
    plain = site.replace("hooks.example.org", f"http://127.0.0.1:{port}")
    (folder / "Caddyfile").write_text("{\n admin off\n auto_https off\n}\n" + plain)
    return ("caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")


@contextmanager
def proxied(proxy: Proxy, site: str, folder: Path) -> Iterator[httpx.Client]:
    """Run a proxy and yield a client of it."""
    port = ports.choose()
    command = proxy(site, port, folder)
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on this machine: .ci/system-packages.txt")
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder)}
        )
    try:
        deadline = time.monotonic() + 30
        while not ports.accepts(port):
            assert process.poll() is None, (folder / "proxy.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url, trusted_proxies=["127.0.0.0/8"]) as running:
        yield running


CREATE = {"kind": "review_pull_request", "repository": "octo/shop", "number": 1}
REACHES = [
    ("GET", "/api/v1/tasks"),
    ("POST", "/api/v1/tasks"),
    ("POST", "/graphql"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/metrics"),
    ("GET", "/webhooks/github/../../api/v1/tasks"),
    ("GET", "/webhooks/github%2f..%2f..%2fapi/v1/tasks"),
]


def assert_only_deliveries_pass(client: httpx.Client, gateway: RunningGateway) -> None:
    body = json.dumps(sample("pull_request.opened")).encode()
    assert client.post("/webhooks/github", content=body, headers=signed(body, "pull_request")).status_code == 202
    assert client.post("/webhooks/github", content=body, headers={}).status_code == 401
    for method, path in REACHES:
        for headers in ({}, {"Host": "127.0.0.1:8001"}, {"X-Forwarded-For": "127.0.0.1"}):
            answer = client.request(method, path, json=CREATE if method == "POST" else None, headers=headers)
            assert answer.status_code in {404, 405} or not answer.content, (method, path, answer.text[:200])
    assert gateway.event_count() == 1
    assert gateway.client.get("/api/v1/tasks").json()["items"] == []


@pytest.mark.parametrize(("proxy", "language"), [(nginx, "nginx"), (caddy, "caddy")])
def test_a_proxy_as_documented_takes_deliveries_and_leads_nowhere_else(
    gateway: RunningGateway, tmp_path: Path, proxy: Proxy, language: str
):
    site = documented(language).replace("127.0.0.1:8000", f"127.0.0.1:{gateway.public_port}")
    with proxied(proxy, site, tmp_path) as client:
        assert_only_deliveries_pass(client, gateway)


@pytest.mark.parametrize(
    "location",
    ["proxy_pass http://{0};", "proxy_pass http://{0}/;", "proxy_set_header Host $host; proxy_pass http://{0};"],
)
def test_the_shortest_nginx_that_forwards_everything_does_not_open_the_api(
    gateway: RunningGateway, tmp_path: Path, location: str
):
    there = location.format(f"127.0.0.1:{gateway.public_port}")
    with proxied(nginx, f"server {{ listen 443 ssl; location / {{ {there} }} }}", tmp_path) as client:
        assert client.get("/healthz").json() == {"status": "up"}
        assert_only_deliveries_pass(client, gateway)


def test_an_nginx_that_still_leads_to_the_private_port_opens_no_page_of_it(gateway: RunningGateway, tmp_path: Path):
    """As set up for an earlier release. 1.0 is what nginx speaks by itself before 1.29.7; deliveries go on."""
    there = f"proxy_http_version 1.0; proxy_pass http://127.0.0.1:{gateway.port};"
    with proxied(nginx, f"server {{ listen 443 ssl; location / {{ {there} }} }}", tmp_path) as client:
        body = json.dumps(sample("pull_request.opened")).encode()
        assert client.post("/webhooks/github", content=body, headers=signed(body, "pull_request")).status_code == 202
        for method, path in [*REACHES[:5], ("GET", "/")]:
            answer = client.request(method, path, json=CREATE if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed_here"), path
