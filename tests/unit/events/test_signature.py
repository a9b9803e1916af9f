from __future__ import annotations

import pytest

from codegen_platform.events.signature import sign, signature_is_valid

GITHUB_SECRET = b"It's a Secret to Everybody"
GITHUB_BODY = b"Hello, World!"
GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_published_example_is_signed_as_github_signs_it():
    assert sign(GITHUB_BODY, GITHUB_SECRET) == GITHUB_SIGNATURE


def test_githubs_published_example_is_valid():
    assert signature_is_valid(GITHUB_BODY, GITHUB_SIGNATURE.encode(), [GITHUB_SECRET])


@pytest.mark.parametrize("position", [0, 1])
def test_either_of_two_secrets_is_valid_during_a_rotation(position: int):
    secrets = [b"new secret", b"new secret"]
    secrets[position] = GITHUB_SECRET
    assert signature_is_valid(GITHUB_BODY, GITHUB_SIGNATURE.encode(), secrets)


@pytest.mark.parametrize(
    ("body", "signature", "secrets"),
    [
        (GITHUB_BODY + b"\n", GITHUB_SIGNATURE.encode(), [GITHUB_SECRET]),
        (GITHUB_BODY, GITHUB_SIGNATURE.upper().encode(), [GITHUB_SECRET]),
        (GITHUB_BODY, GITHUB_SIGNATURE[7:].encode(), [GITHUB_SECRET]),
        (GITHUB_BODY, GITHUB_SIGNATURE[:-1].encode(), [GITHUB_SECRET]),
        (GITHUB_BODY, b"", [GITHUB_SECRET]),
        (GITHUB_BODY, "sha256=ü".encode(), [GITHUB_SECRET]),
        (GITHUB_BODY, GITHUB_SIGNATURE.encode(), [b"another secret"]),
        (GITHUB_BODY, GITHUB_SIGNATURE.encode(), []),
    ],
)
def test_anything_else_is_not_valid(body: bytes, signature: bytes, secrets: list[bytes]):
    assert not signature_is_valid(body, signature, secrets)


def test_an_empty_secret_signs_nothing_because_anyone_could_know_it():
    assert not signature_is_valid(b"{}", sign(b"{}", b"").encode(), [b""])
