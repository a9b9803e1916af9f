"""Which redirect of the API is followed, and with which query."""

from __future__ import annotations

import pytest

from codegen_platform.forge.redirects import redirected

API = "https://ghes.example/api/v3"
HERE = f"{API}/repos/octo/shop/pulls/7/files?page=2&per_page=100"


@pytest.mark.parametrize(
    ("location", "address"),
    [
        (f"{API}/repositories/1/pulls/7/files", f"{API}/repositories/1/pulls/7/files?page=2&per_page=100"),
        (f"{API}/repositories/1/pulls/7/files?page=2", f"{API}/repositories/1/pulls/7/files?page=2&per_page=100"),
        ("/api/v3/repositories/1/x", f"{API}/repositories/1/x?page=2&per_page=100"),
        ("https://ghes.example:443/api/v3/a", "https://ghes.example:443/api/v3/a?page=2&per_page=100"),
        ("https://GHES.example/api/v3/a", "https://GHES.example/api/v3/a?page=2&per_page=100"),
        (f"{API}/a#part", f"{API}/a?page=2&per_page=100"),
    ],
)
def test_an_address_on_the_same_api_is_followed_and_keeps_the_query(location, address):
    assert redirected(HERE, location, api_url=API) == address


@pytest.mark.parametrize(
    "location",
    [
        "http://ghes.example/api/v3/a",
        "https://ghes.example:8443/api/v3/a",
        "https://ghes.example.evil/api/v3/a",
        "https://evil@ghes.example/api/v3/a",
        "https://ghes.example/login/oauth",
        "https://ghes.example/api/v3",
        "https://ghes.example/api/v3/../../login",
        "https://ghes.example/api/v3/%2e%2e/login",
        "https://ghes.example/api/v3/..\\..\\login",
        "/login",
        "https://ghes.example:port/api/v3/a",
        "ftp://ghes.example/api/v3/a",
    ],
)
def test_any_other_address_is_not(location):
    assert redirected(HERE, location, api_url=API) is None
