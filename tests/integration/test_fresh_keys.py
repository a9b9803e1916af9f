"""Keys and tokens that were made a moment ago, in every form in which they are committed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from codegen_platform.analysis import without_secrets
from codegen_platform.artifacts import Category
from tests.unit.analysis.made_up import ALNUM, made_up
from tests.unit.analysis.snapshots import changed, findings_in, review, snapshot_of, sources_of

PKCS1, PKCS8, OPENSSH = form.PrivateFormat.TraditionalOpenSSL, form.PrivateFormat.PKCS8, form.PrivateFormat.OpenSSH
PLAIN, LOCKED = form.NoEncryption(), form.BestAvailableEncryption(b"a passphrase")


@cache
def key(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    """Return a key that is made once a run: those of 4,096 bits take a second."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind))


def pem(kind: str, private_format: form.PrivateFormat, encryption: form.KeySerializationEncryption = PLAIN) -> str:
    return key(kind).private_bytes(form.Encoding.PEM, private_format, encryption).decode()


KEYS: dict[str, Callable[[], str]] = {
    "RSA of 1,024 bits": lambda: pem("1024", PKCS1),
    "RSA of 2,048 bits": lambda: pem("2048", PKCS1),
    "RSA of 2,048 bits, PKCS#8": lambda: pem("2048", PKCS8),
    "RSA of 2,048 bits, encrypted": lambda: pem("2048", PKCS8, LOCKED),
    "RSA of 2,048 bits, encrypted with its headers": lambda: pem("2048", PKCS1, LOCKED),
    "RSA of 4,096 bits": lambda: pem("4096", PKCS1),
    "id_rsa": lambda: pem("2048", OPENSSH),
    "id_ed25519": lambda: pem("ed25519", OPENSSH),
    "Ed25519, PKCS#8": lambda: pem("ed25519", PKCS8),
    "EC": lambda: pem("ec", PKCS1),
    "EC, PKCS#8": lambda: pem("ec", PKCS8),
}


def escaped(text: str) -> str:
    return text.replace("\n", "\\n")


def indented(text: str, by: str) -> str:
    return "".join(f"{by}{line}\n" for line in text.splitlines())


PLACES: dict[str, tuple[str, Callable[[str], str]]] = {
    "a file of its own": ("deploy/id_rsa", str),
    "with CR LF": ("deploy/key.pem", lambda text: text.replace("\n", "\r\n")),
    "a Python string": ("src/keys.py", lambda text: f'KEY = "{escaped(text)}"\n'),
    "Python strings, one a line": (
        "src/keys.py",
        lambda text: "KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in text.splitlines()) + ")\n",
    ),
    "Java strings, joined": (
        "src/Keys.java",
        lambda text: "String k = " + " +\n".join(f'"{line}\\n"' for line in text.splitlines()) + ";\n",
    ),
    "a block of Python": ("src/keys.py", lambda text: f'KEY = """{text}"""\n'),
    "a service account": ("deploy/account.json", lambda text: json.dumps({"private_key_id": "1", "private_key": text})),
    "a service account over lines": ("deploy/account.json", lambda text: json.dumps({"private_key": text}, indent=2)),
    "a YAML block": ("deploy/values.yaml", lambda text: f"tls:\n  key: |\n{indented(text, '    ')}"),
    "a YAML string": ("deploy/values.yaml", lambda text: f'key: "{escaped(text)}"\n'),
    "an environment file": ("deploy/.env", lambda text: f'KEY="{escaped(text)}"\n'),
    "blanks for line breaks": ("deploy/.env", lambda text: "KEY=" + text.replace("\n", " ") + "\n"),
    "a Kubernetes configuration": (
        "deploy/kubeconfig",
        lambda text: f"client-key-data: {base64.b64encode(text.encode()).decode()}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KEYS)
def test_a_fresh_private_key_is_found_and_no_line_of_it_repeated(kind: str, place: str) -> None:
    text = KEYS[kind]()
    path, written = PLACES[place]

    result = review(changed(path, "first\n" + written(text)))

    found = [each.source for each in result.findings if each.category is Category.SECRET]
    assert found in (["secrets:private-key"], ["secrets:private-key-base64"])
    shown = result.to_bytes().decode()
    assert not any(line in shown for line in text.splitlines() if not line.startswith("-----") and len(line) > 4)


def body_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("-----")]


BARE = {
    "on one line": lambda lines: f'privateKey = "{"".join(lines)}"\n',
    "on lines of a string": lambda lines: 'KEY = """\n' + "\n".join(lines) + '\n"""\n',
    "with escapes": lambda lines: f'KEY = "{escaped(chr(10).join(lines))}"\n',
    "joined strings": lambda lines: "String k = " + " +\n".join(f'"{line}"' for line in lines) + ";\n",
}


@pytest.mark.parametrize("kind", ["RSA of 1,024 bits", "RSA of 2,048 bits, PKCS#8", "RSA of 4,096 bits"])
@pytest.mark.parametrize("written", BARE)
def test_a_private_key_without_its_frame_is_found(kind: str, written: str) -> None:
    lines = body_of(KEYS[kind]())

    change = snapshot_of(changed("src/Keys.java", BARE[written](lines)))

    assert "secrets:private-key-der" in sources_of(list(review(*change.files).findings))
    assert not any(line in without_secrets(change).to_bytes().decode() for line in lines if len(line) > 20)


@pytest.mark.parametrize("kind", ["RSA of 2,048 bits", "id_rsa", "RSA of 2,048 bits, PKCS#8"])
def test_a_private_key_whose_end_is_missing_is_found(kind: str) -> None:
    text = KEYS[kind]().rstrip("\n").rpartition("\n")[0] + "\n"

    assert sources_of(findings_in("deploy/key.pem", text)) == {"secrets:private-key-cut"}


def test_a_private_key_in_a_plain_text_file_is_found() -> None:
    assert sources_of(findings_in("notes/key.txt", pem("2048", PKCS8))) == {"secrets:private-key"}
    assert findings_in("docs/tls.md", pem("2048", PKCS8)) == []


def test_certificates_and_public_keys_are_no_private_keys_without_a_frame() -> None:
    public = key("2048").public_key()
    for shape in (form.PublicFormat.SubjectPublicKeyInfo, form.PublicFormat.PKCS1):
        text = "".join(body_of(public.public_bytes(form.Encoding.PEM, shape).decode()))
        assert findings_in("src/keys.py", f'PUBLIC = "{text}"\n') == []


def test_a_key_that_is_replaced_within_its_frame_is_found() -> None:
    before, after = pem("2048", PKCS1), pem("1024", PKCS1)

    findings = findings_in("deploy/key.pem", after, before=before)

    assert sources_of(findings) == {"secrets:private-key"}
    assert findings[0].line == 2


@pytest.mark.parametrize(
    "body",
    ["...", "<the key>" * 8, "YOUR_PRIVATE_KEY_GOES_HERE\n" * 4, "x" * 64 + "\n", "A" * 300 + "\n", "MIIEpAIBAAKCAQEA...\n" * 4],
)  # fmt: skip
def test_the_frame_of_a_key_without_a_key_raises_no_alarm(body: str) -> None:
    text = f"KEY = '''\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n'''\n"

    assert findings_in("src/keys.py", text) == []


def test_a_public_key_raises_no_alarm() -> None:
    public = key("2048").public_key()
    text = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()

    assert findings_in("deploy/key.pub", text) == []


def jwt(algorithm: str, signature_bytes: int, seed: int) -> str:
    """Return a token as a server issues it, its signature random: only the form can be seen from outside."""
    rng = random.Random(seed)
    claims = {
        "iss": "https://login.acme.io/",
        "sub": made_up(20, ALNUM, seed=seed),
        "roles": ["admin"],
        "exp": 1_900_000_000 + seed,
    }
    parts = [
        *(json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims)),
        rng.randbytes(signature_bytes),
    ]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize(("algorithm", "size"), [("RS256", 256), ("RS512", 512), ("ES256", 64), ("HS256", 32)])
@pytest.mark.parametrize(
    "form", ['token = "{}"', "Authorization: Bearer {}", "call({}, 1)", "https://a.acme.io/?t={}&x=1"]
)
def test_a_fresh_web_token_is_found(algorithm: str, size: int, form: str) -> None:
    tokens = [jwt(algorithm, size, seed) for seed in range(25)]
    text = "\n\n".join(form.format(token) for token in tokens) + "\n"

    findings = [each for each in findings_in("deploy/values.cfg", text) if each.category is Category.SECRET]

    assert [finding.line for finding in findings] == list(range(1, 50, 2))
    assert not any(token[:40] in finding.quote for token in tokens for finding in findings)


@pytest.mark.parametrize("app", ["1234567", "87"])
def test_an_installation_token_of_the_new_form_is_found(app: str) -> None:
    token = f"ghs_{app}_{jwt('ES256', 64, 3)}"

    (finding,) = findings_in("docs/setup.md", f"Use `{token}`.\n")

    assert finding.category is Category.SECRET
    assert finding.quote == "Use `••••••`."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a JSON Web Key", '{{"kty": "RSA", "n": "{0}", "e": "AQAB", "d": "{0}"}}\n'),
        ("a JSON Web Key, in another order", '{{"d": "{0}", "crv": "P-256", "kty": "EC"}}\n'),
        (
            "PuTTY",
            "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\n{0}\nPrivate-MAC: 0\n",
        ),
    ],
)
def test_a_private_key_in_another_form_is_found(name: str, text: str) -> None:
    secret = made_up(43)

    result = review(changed("deploy/key.json", text.format(secret)))

    assert [each.category for each in result.findings] == [Category.SECRET], name
    assert secret not in result.to_bytes().decode()
