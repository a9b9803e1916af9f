from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from codegen_platform.forge.auth import Anonymous, GitHubAuth, GivenToken
from codegen_platform.store import Store
from tests.doubles.github import GitHubDouble
from tests.doubles.github_app import APP_ID
from tests.integration.publisher_outbox import a_review, enqueue, finished, open_pull, publishing, result_of

TOKENS_CALL = "POST /app/installations/{installation_id}/access_tokens"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=4) as opened:
        yield opened


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return pem.decode()


def the_app(github: GitHubDouble, private_key: str) -> GitHubAuth:
    key = serialization.load_pem_private_key(private_key.encode(), None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    github.identities.app_public_key = public.decode()
    return GitHubAuth.from_settings(
        api_url=github.url,
        app_id=APP_ID,
        app_private_key=private_key,
        permissions={"pull_requests": "write", "metadata": "read"},
    )


def test_an_app_posts_with_a_token_for_one_repository_and_nothing_but_pull_requests(
    github: GitHubDouble, store: Store, tmp_path: Path, private_key: str
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=the_app(github, private_key)):
        assert finished(store, effect.id).state == "done"
    (token,) = github.identities.installation_tokens.values()
    assert dict(token.permissions) == {"pull_requests": "write", "metadata": "read"}
    assert token.repositories == ("shop",)
    assert github.reviews("octo", "shop", 7)[0].user.login.endswith("[bot]")


def test_an_app_recognises_its_own_review_after_a_lost_answer(
    github: GitHubDouble, store: Store, tmp_path: Path, private_key: str
) -> None:
    github.fault("POST /repos/*/reviews", status=502, after_effect=True)
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=the_app(github, private_key)):
        assert result_of(finished(store, effect.id)).posted == 1
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_token_that_github_refuses_is_minted_once_more(
    github: GitHubDouble, store: Store, tmp_path: Path, private_key: str
) -> None:
    github.fault("GET /repos/octo/shop/pulls/7", status=401, message="Bad credentials")
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=the_app(github, private_key)):
        assert finished(store, effect.id).state == "done"
    assert github.counts()[TOKENS_CALL] == 2


def test_a_refused_token_that_cannot_be_renewed_is_dead_with_the_reason(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.identities.revoked.add("revoked-token")
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=GivenToken("revoked-token")):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert "401" in (done.last_error or "")


def test_an_app_that_may_only_read_is_dead_with_githubs_words(
    github: GitHubDouble, store: Store, tmp_path: Path, private_key: str
) -> None:
    github.identities.installation_permissions = {"pull_requests": "read", "metadata": "read"}
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=the_app(github, private_key)):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert "not granted" in (done.last_error or "")


def test_without_a_token_nothing_is_sent(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=Anonymous()):
        assert finished(store, effect.id).state == "dead"
    assert sum(github.counts().values()) == 0
