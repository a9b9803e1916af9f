from __future__ import annotations

import pytest
from starlette.types import Scope

from codegen_platform.gateway.callers import is_of_this_machine


def request(client: str | None, **headers: str) -> Scope:
    return {
        "type": "http",
        "client": (client, 1234) if client else None,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:8001", "127.0.0.1:8001", "[::1]:8001", "LOCALHOST"])
def test_programs_of_this_machine_pass(client: str, host: str):
    assert is_of_this_machine(request(client, host=host))


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("192.0.2.1", {"host": "localhost"}),
        ("::ffff:192.0.2.1", {"host": "localhost"}),
        (None, {"host": "localhost"}),
        ("unix:", {"host": "localhost"}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"host": "rebound.example"}),
        ("127.0.0.1", {"host": "127.0.0.1.example"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_for": "192.0.2.1"}),
        ("127.0.0.1", {"host": "localhost", "x_real_ip": "192.0.2.1"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_proto": "https"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_host": "localhost"}),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 proxy"}),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=192.0.2.1"}),
    ],
)
def test_nobody_else_passes(client: str | None, headers: dict[str, str]):
    assert not is_of_this_machine(request(client, **headers))


def test_http_1_0_is_a_proxys():
    scope = request("127.0.0.1", host="127.0.0.1:8001")
    assert is_of_this_machine({**scope, "http_version": "1.1"})
    assert not is_of_this_machine({**scope, "http_version": "1.0"})


def test_two_host_headers_are_refused():
    scope = request("127.0.0.1", host="localhost")
    scope["headers"].append((b"host", b"evil.example"))
    assert not is_of_this_machine(scope)
