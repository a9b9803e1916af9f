from __future__ import annotations

import base64
import codecs
import json
import random
import string
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from codegen_platform.security.redaction import KnownSecrets, mask_tokens

SECRET = "ghp_9rT4mXq2LkZ7vBn3Wc8YdHs6PfJg1AuQeR5t"
PROSE = "Between the two reads another worker may insert the row, so the check and the write need one transaction. "

DISGUISES = {
    "as it is": SECRET,
    "without the first seven characters": SECRET[7:],
    "the first half": SECRET[: len(SECRET) // 2],
    "the second half": SECRET[len(SECRET) // 2 :],
    "upper case": SECRET.upper(),
    "reversed": SECRET[::-1],
    "rot13": codecs.encode(SECRET, "rot13"),
    "hex": SECRET.encode().hex(),
    "hex with colons": ":".join(f"{byte:02X}" for byte in SECRET.encode()),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 at offset 1": base64.b64encode(b"x" + SECRET.encode()).decode(),
    "base64 at offset 2": base64.b64encode(b"xy" + SECRET.encode() + b"tail").decode(),
    "base64 for addresses": base64.urlsafe_b64encode(b"token=" + SECRET.encode()).decode(),
    "base64 twice": base64.b64encode(base64.b64encode(SECRET.encode())).decode(),
    "base64 twice at offsets": base64.b64encode(b"q" + base64.b64encode(b"xy" + SECRET.encode())).decode(),
    "base32": base64.b32encode(SECRET.encode()).decode(),
    "zero width spaces": "\u200b".join(SECRET),
    "dashes": "-".join(SECRET),
    "one character per line": "\n".join(SECRET),
    "full width": "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in SECRET),
    "percent-encoded": "".join(f"%{ord(char):02X}" for char in SECRET),
    "C escapes": "".join(f"\\x{ord(char):02x}" for char in SECRET),
    "in an address": f"https://example.org/?q={quote(SECRET)}",
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES.keys())
def test_a_known_secret_is_recognised_in_disguise(disguise: str) -> None:
    assert KnownSecrets([SECRET]).leak_in(PROSE + disguise + PROSE)


def test_prose_and_code_are_no_leak_of_random_secrets() -> None:
    chance = random.Random(7)
    secrets = KnownSecrets("".join(chance.choices(string.ascii_letters + string.digits, k=40)) for _ in range(50))
    sources = [path.read_text() for path in Path(json.__file__).parent.parent.glob("*.py")]
    assert len(sources) > 100
    assert [text[:40] for text in sources if secrets.leak_in(text)] == []


def test_a_secret_too_plain_to_recognise_does_not_block_everything() -> None:
    assert not KnownSecrets(["", "short", "a" * 40]).leak_in("short " + "a" * 100)


def test_a_private_key_of_ours_blocks_itself_but_not_the_mention_of_keys() -> None:
    chance = random.Random(3)

    def key() -> str:
        lines = ["".join(chance.choices(string.ascii_letters + string.digits, k=64)) for _ in range(25)]
        lines[0] = "MIIEowIBAAKCAQEA" + lines[0][16:]
        return "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *lines, "-----END RSA PRIVATE KEY-----"])

    ours, theirs = key(), key()
    secrets = KnownSecrets([ours])
    assert secrets.leak_in(f"found {ours[200:260]} here")
    assert not secrets.leak_in(f"Do not commit this:\n{theirs}")


def test_a_big_text_is_searched_in_a_blink() -> None:
    secrets = KnownSecrets([SECRET] * 5)
    text = (PROSE * 700)[:65_536]
    start = time.process_time()
    assert not secrets.leak_in(text)
    assert time.process_time() - start < 2


def test_the_grams_are_not_shown_when_the_object_is_printed() -> None:
    assert SECRET[:12].lower() not in repr(KnownSecrets([SECRET]))


# Assembled from parts so that no scanner takes this file for a leak.
SHAPES = {
    "github classic": "ghp_" + "a1B2" * 9,
    "github installation of 2026": "ghs_123456_"
    + "eyJhbGciOiJ"
    + "."
    + "eyJpc3MiOiJnaXRodWI"
    + "."
    + "c2lnbmF0dXJl" * 3,
    "github fine-grained": "github_pat_" + "11ABCDEFG0" * 6,
    "gitlab": "glpat-" + "x9Yz" * 5,
    "anthropic": "sk-ant-" + "api03-" + "Ab3_" * 20,
    "openai": "sk-proj-" + "Zx81" * 12,
    "aws": "AKIA" + "QWERTYUIOPASDF23",
    "google": "AIza" + "Sy0" * 11 + "ab",
    "slack": "xoxb-" + "1234567890-" * 2 + "AbCdEfGh",
    "slack hook": "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "X" * 24,
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "npm": "npm_" + "aB3d" * 9,
    "pypi": "pypi-AgE" + "IcHlwaS5vcmc" * 6,
    "sendgrid": "SG." + "a" * 22 + "." + "b" * 43,
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + "." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0" + "." + "dozjgNryP4J3jVmNHl0w5N",
    "postgres address": "postgresql://app:" + "s3cr3tpw" + "@db.internal:5432/prod",
    "redis address": "redis://:" + "hunter2hunter2" + "@cache:6379/0",
    "authorization header": "Authorization: Bearer " + "abcdef0123456789abcdef",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow" * 20 + "\n-----END RSA PRIVATE KEY-----",
    "private key cut short": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXk" * 4,
}


@pytest.mark.parametrize("token", SHAPES.values(), ids=SHAPES.keys())
def test_what_has_the_shape_of_a_token_is_masked(token: str) -> None:
    masked, count = mask_tokens(f"before {token} after")
    assert count >= 1
    assert token not in masked
    assert "[masked" in masked
    assert masked.startswith("before ")


def test_clean_source_code_is_not_masked() -> None:
    touched = {}
    for path in Path(json.__file__).parent.parent.glob("*.py"):
        text = path.read_text()
        if mask_tokens(text)[1]:
            touched[path.name] = mask_tokens(text)[1]
    assert len(touched) <= 2, touched


@pytest.mark.parametrize(
    "evil", ["ghp_", "sk-", "eyJ", "a://", "a://b:", "-----BEGIN PRIVATE KEY-----", "xoxb-1", "SG.a"]
)
def test_masking_takes_linear_time_on_adversarial_text(evil: str) -> None:
    text = evil * (100_000 // len(evil))
    start = time.process_time()
    mask_tokens(text)
    assert time.process_time() - start < 3
