"""Who we are at GitHub: tokens of an App are minted for one repository, kept, and renewed in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from codegen_platform.errors import ForgeRefused, ForgeUnavailable, WrongUsage
from codegen_platform.forge import GitHubAuth, GitHubForge
from codegen_platform.forge.auth import Anonymous, GivenToken
from tests.doubles.github import GitHubDouble
from tests.doubles.github_app import APP_ID

MINT = "POST /app/installations/{installation_id}/access_tokens"
INSTALLATION = "GET /repos/{owner}/{repo}/installation"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def github(key: rsa.RSAPrivateKey) -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        double.identities.app_public_key = public.decode()
        for name in ("shop", "cart"):
            double.seed_pull_request("octo", name, 7, base_files={"a.py": "1\n"}, head_files={"a.py": "2\n"})
        yield double


@pytest.fixture
def auth(github: GitHubDouble, key: rsa.RSAPrivateKey) -> GitHubAuth:
    return app_auth(github, key)


def app_auth(github: GitHubDouble, key: rsa.RSAPrivateKey, *, written_out: bool = False, **how) -> GitHubAuth:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    pem = pem.replace("\n", "\\n") if written_out else pem
    return GitHubAuth.from_settings(api_url=github.url, app_id=APP_ID, app_private_key=pem, **how)


def test_a_token_is_minted_for_one_repository_with_the_permissions_asked_for(github, auth):
    token = auth.token("octo/shop")
    (minted,) = github.posted
    assert minted["body"] == {
        "repositories": ["shop"],
        "permissions": {"contents": "read", "pull_requests": "read", "metadata": "read"},
    }
    assert github.identities.installation_tokens[token].repositories == ("shop",)


def test_writing_permissions_are_those_that_the_writer_passes(github, key):
    app_auth(github, key, permissions={"pull_requests": "write"}).token("octo/shop")
    assert github.posted[0]["body"]["permissions"] == {"pull_requests": "write"}


def test_a_token_is_kept_and_another_repository_has_its_own(github, auth):
    assert auth.token("octo/shop") == auth.token("octo/shop") != auth.token("octo/cart")
    assert github.counts() == {INSTALLATION: 2, MINT: 2}


def test_a_slow_answer_for_one_repository_holds_up_no_other(github, auth):
    github.fault("GET /repos/octo/shop/installation", kind="hang", seconds=2.0)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(auth.token, "octo/shop")
        while not github.counts()[INSTALLATION]:
            time.sleep(0.01)
        assert auth.token("octo/cart")
        assert not slow.done()
        assert slow.result(30)


def test_many_threads_mint_one_token(github, auth):
    github.latency_seconds = 0.05
    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(lambda _: auth.token("octo/shop"), range(16)))
    assert len(tokens) == 1
    assert github.counts()[MINT] == 1


def test_a_token_with_less_than_five_minutes_left_is_replaced(github, auth):
    github.identities.token_seconds = 290
    first = auth.token("octo/shop")
    github.identities.token_seconds = 3_600
    second = auth.token("octo/shop")
    assert first != second == auth.token("octo/shop")


def test_a_token_that_ended_early_is_replaced_once_and_the_call_goes_on(github, auth):
    github.identities.revoked.add(auth.token("octo/shop"))
    forge = GitHubForge(api_url=github.url, auth=auth)
    assert forge.snapshot("octo/shop", 7).files
    assert github.counts()[MINT] == 2
    forge.close()


def test_a_given_token_that_is_refused_is_not_tried_again(github):
    github.identities.revoked.add("bad")
    forge = GitHubForge(api_url=github.url, auth=GivenToken("bad"))
    with pytest.raises(ForgeRefused) as caught:
        forge.head("octo/shop", 7)
    assert caught.value.status == 401
    assert len(github.calls) == 1
    forge.close()


def test_an_app_that_is_not_installed_is_refused(auth):
    with pytest.raises(ForgeRefused) as caught:
        auth.token("octo/elsewhere")
    assert caught.value.status == 404


def test_a_permission_that_the_app_lacks_is_refused(github, key):
    with pytest.raises(ForgeRefused) as caught:
        app_auth(github, key, permissions={"administration": "write"}).token("octo/shop")
    assert caught.value.status == 422


def test_a_key_of_another_app_is_refused(github):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(ForgeRefused) as caught:
        app_auth(github, stranger).token("octo/shop")
    assert caught.value.status == 401


def test_a_key_whose_line_ends_are_written_out_is_understood(github, key):
    auth = app_auth(github, key, written_out=True)
    assert auth.token("octo/shop").startswith("ghs_")


def test_a_key_that_is_none_is_said_so(github):
    auth = GitHubAuth.from_settings(api_url=github.url, app_id=APP_ID, app_private_key="not a key")
    with pytest.raises(WrongUsage, match="private key"):
        auth.token("octo/shop")
    assert github.calls == []


def test_an_answer_without_a_token_is_passing(github, auth):
    github.fault("POST /app/installations/*/access_tokens", status=201, message="what?")
    with pytest.raises(ForgeUnavailable):
        auth.token("octo/shop")
    assert auth.token("octo/shop")


def test_the_app_is_preferred_then_the_token_then_nobody(github, key):
    assert isinstance(GitHubAuth.from_settings(api_url=github.url, token="t"), GivenToken)
    assert isinstance(GitHubAuth.from_settings(api_url=github.url), Anonymous)
    assert GitHubAuth.from_settings(api_url=github.url).token("octo/shop") is None
    assert app_auth(github, key, token="t").token("octo/shop").startswith("ghs_")


def test_an_app_has_a_token_for_a_renamed_repository_and_for_it_alone(github, auth):
    github.rename("octo", "shop", to="acme/store")
    token = auth.token("octo/shop")
    assert github.identities.installation_tokens[token].repositories == ("store",)
    assert github.identities.installation_tokens[token].permissions["contents"] == "read"
