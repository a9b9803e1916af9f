"""Secrets: found by their form, never repeated, and not where people put stand-ins."""

from __future__ import annotations

import string

import pytest
import re2

from codegen_platform.analysis.advice import load_yaml
from codegen_platform.analysis.secret_rules import secret_rules
from codegen_platform.artifacts import Category, Finding, Severity
from tests.unit.analysis.made_up import ALNUM, UPPER, made_up
from tests.unit.analysis.snapshots import changed, findings_in, review, sources_of


def secrets_in(path: str, text: str) -> list[Finding]:
    """Return the secrets that are found in an added file."""
    return [finding for finding in findings_in(path, text) if finding.category is Category.SECRET]


KINDS = {
    "aws": ("AWS_KEY = '{}'", "AKIA" + made_up(16, UPPER)),
    "github classic": ("t = '{}'", "ghp_" + made_up(36)),
    "github fine-grained": ("t = '{}'", "github_pat_" + made_up(82, ALNUM + "_")),
    "github app": ("t = '{}'", "ghs_" + made_up(36)),
    "github app, newer": ("t = '{}'", f"ghs_{made_up(30)}.{made_up(20, seed=6)}-{made_up(15, seed=7)}"),
    "gitlab": ("t = '{}'", "glpat-" + made_up(20)),
    "slack": ("t = '{}'", f"xoxb-{made_up(12, string.digits)}-{made_up(12, string.digits, seed=8)}-{made_up(24)}"),
    "stripe": ("k = '{}'", "sk_live_" + made_up(24)),
    "google": ("k = '{}'", "AIza" + made_up(35)),
    "npm": ("//registry.npmjs.org/:_authToken={}", "npm_" + made_up(36, string.ascii_lowercase + string.digits)),
    "pypi": ("password = '{}'", "pypi-AgEIcHlwaS5vcmc" + made_up(80)),
    "anthropic": ("k = '{}'", "sk-ant-api03-" + made_up(93) + "AA"),
    "openai": ("k = '{}'", f"sk-proj-{made_up(74)}T3BlbkFJ{made_up(74, seed=9)}"),
    "sendgrid": ("k = '{}'", f"SG.{made_up(22)}.{made_up(43)}"),
    "twilio": ("k = '{}'", "SK" + made_up(32, "0123456789abcdef")),
    "hugging face": ("k = '{}'", "hf_" + made_up(34, string.ascii_letters)),
    "json web token": ("t = '{}'", f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI{made_up(20)}.{made_up(43)}"),
    "postgres address": ("url = 'postgres://app:{}@db.prod.acme.io:5432/app'", made_up(16)),
    "redis address": ("url = 'redis://:{}@cache.acme.io:6379/0'", made_up(20)),
    "mongodb address": ("url = 'mongodb+srv://u:{}@cluster0.acme.io/x'", made_up(14)),
    "generic": ("api_key = '{}'", made_up(32)),
}


WRITTEN = [
    ("a.py", "API_KEY: str = '{}'"),
    ("a.py", "API_KEY = b'{}'"),
    ("a.py", "API_KEY = rb'{}'"),
    ("a.py", "config['api_key'] = '{}'"),
    ("a.ts", "const apiKey: string = '{}';"),
    ("a.ts", "class A {{ clientSecret?: string = `{}`; }}"),
    ("a.rs", 'const API_KEY: &str = "{}";'),
    ("a.rs", 'const API_KEY: &\'static str = r#"{}"#;'),
    ("a.c", 'const char api_key[] = "{}";'),
    ("a.c", '#define API_KEY "{}"'),
    ("a.cs", 'var apiKey = @"{}";'),
    ("A.kt", 'val apiKey: String = "{}"'),
    ("a.cpp", 'auto api_key = u8"{}";'),
    ("web.config", '<add key="ApiKey" value="{}"/>'),
    ("a.xml", "<apiKey>{}</apiKey>"),
]


@pytest.mark.parametrize(("path", "form"), WRITTEN)
def test_a_secret_is_found_in_the_string_forms_of_every_language(path: str, form: str) -> None:
    secret = made_up(32)

    found = secrets_in(path, form.format(secret) + "\n")

    assert [each.source for each in found] == ["secrets:secret-after-name"]
    assert secret[:5] not in found[0].quote


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "API_KEY: str = os.environ['SERVICE_API_KEY_2']\n"),
        ("a.py", "api_key: str = field(default='')\n"),
        ("a.ts", "secretKey: string = this.config.secrets.key1.value;\n"),
        ("a.ts", "const apiKey: string = 'api.key.v2.primary.name1';\n"),
        ("a.rs", 'const PUBLIC_KEY: &str = "' + made_up(40) + '";\n'),
        ("a.c", '#define PASSWORD_FILE "/etc/app2/passwords/store1.txt"\n'),
        ("a.cs", 'var apiKey = @"your-api-key-goes-here-1";\n'),
        ("tests/test_a.py", f"API_KEY: str = '{made_up(32)}'\n"),
    ],
)
def test_a_name_of_a_secret_beside_something_else_raises_no_alarm(path: str, text: str) -> None:
    assert secrets_in(path, text) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_found_and_nowhere_repeated(kind: str) -> None:
    form, secret = KINDS[kind]

    result = review(changed("src/settings.py", f"import os\n{form.format(secret)}\n"))

    (finding,) = [each for each in result.findings if each.category is Category.SECRET]
    assert finding.line == 2
    assert finding.quote == form.format("••••••")
    assert secret not in result.to_bytes().decode()


def test_a_private_key_is_told_once_on_its_first_line() -> None:
    body = "\n".join(made_up(64, seed=n) for n in range(5))
    text = f"# a key\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n"

    (finding,) = findings_in("deploy/key.pem", text)

    assert (finding.source, finding.line, finding.severity) == ("secrets:private-key", 2, Severity.CRITICAL)


def test_a_finding_of_another_tool_on_the_same_line_does_not_show_the_secret() -> None:
    secret = "AKIA" + made_up(16, UPPER)
    text = f"def f(keys=['{secret}']):\n    return keys\n"

    result = review(changed("src/a.py", text))

    assert sources_of(list(result.findings)) == {"secrets:aws-access-token", "ruff:B006"}
    assert secret not in result.to_bytes().decode()


def test_the_same_secret_keeps_its_fingerprint_when_it_moves() -> None:
    line = "KEY = 'AKIA" + made_up(16, UPPER) + "'\n"

    (one,), (other,) = findings_in("src/a.py", line), findings_in("src/a.py", "import os\n\n" + line)

    assert one.fingerprint == other.fingerprint


def test_two_secrets_in_equal_lines_are_two_findings() -> None:
    one, other = (f'    "ghp_{made_up(36, seed=seed)}",\n' for seed in (1, 2))

    found = secrets_in("src/a.py", f"keys = [\n{one}    # and\n{other}]\n")

    assert [finding.line for finding in found] == [2, 4]
    assert len({finding.fingerprint for finding in found}) == 2


def test_secrets_in_neighbouring_lines_are_one_finding_on_all_of_them() -> None:
    lines = "".join(f'    "ghp_{made_up(36, seed=seed)}",\n' for seed in (1, 2))

    (finding,) = secrets_in("src/a.py", f"keys = [\n{lines}]\n")

    assert (finding.line, finding.end_line) == (2, 3)
    assert finding.quote == '    "••••••",\n    "••••••",'


@pytest.mark.parametrize(
    "line",
    [
        "AWS_KEY = 'AKIAIOSFODNN7EXAMPLE'",
        "url = 'postgres://user:password@localhost/db'",
        "url = 'postgres://app:changeme@db.acme.io/app'",
        "url = 'postgres://app:{password}@db.acme.io/app'",
        "url = 'postgres://app:${DB_PASSWORD}@db.acme.io/app'",
        "url = 'https://user:secret123@example.com/'",
        "url = 'redis://:s3cr3tpassphrase@127.0.0.1:6379/0'",
        "token = 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
        "token = 'ghp_000000000000000000000000000000000000'",
        "api_key = 'your-api-key-goes-here-please-1'",
        "api_key = os.environ['SERVICE_API_KEY_2']",
        "api_key = settings.SERVICE_API_KEY_V2_NAME",
        "password = '<redacted by the administrator 42>'",
        "sha = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    ],
)
def test_a_stand_in_raises_no_alarm(line: str) -> None:
    assert secrets_in("src/settings.py", line + "\n") == []


@pytest.mark.parametrize("path", ["docs/setup.md", "tests/test_login.py", "tests/data/key.pem", "README.rst"])
def test_what_is_made_up_in_tests_and_documentation_as_a_rule_raises_no_alarm_there(path: str) -> None:
    generic = f"api_key = '{made_up(32)}'\nurl = 'postgres://app:{made_up(16)}@db.acme.io/app'\n"
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{made_up(64)}\n-----END RSA PRIVATE KEY-----\n"

    assert secrets_in(path, generic + key) == []


def test_a_token_with_a_form_of_its_own_counts_in_tests_and_documentation_too() -> None:
    assert sources_of(findings_in("docs/setup.md", f"Use `ghp_{made_up(36)}`.\n")) == {"secrets:github-pat"}


def test_a_secret_that_was_there_before_is_not_the_changes_doing() -> None:
    before = f"KEY = 'AKIA{made_up(16, UPPER)}'\n"

    assert findings_in("src/a.py", before + "x = 1\n", before=before) == []


def test_a_file_known_by_its_hunks_only_is_searched_as_well() -> None:
    file = changed("src/big.sql", f"KEY = 'AKIA{made_up(16, UPPER)}'\n", head_text=None, unread_reason="too_large")

    result = review(file)

    assert sources_of(list(result.findings)) == {"secrets:aws-access-token"}
    assert [each.reason for each in result.skipped] == ["too_large"]


def test_lines_that_do_not_follow_each_other_are_not_read_as_one_text() -> None:
    filler = "".join(f"line {n}\n" for n in range(20))
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{filler}{made_up(64)}\n-----END RSA PRIVATE KEY-----\n"

    assert findings_in("a.pem", key, before=filler) == []


def test_all_rules_of_gitleaks_are_loaded() -> None:
    rules = secret_rules().rules

    own = [entry["id"] for entry in load_yaml("secrets.yaml")["own"]]
    assert len(rules) == 222 - 1 + len(own)
    assert set(own) <= set(rules)


def test_every_name_in_our_lists_is_a_rule() -> None:
    ours, rules = load_yaml("secrets.yaml"), secret_rules().rules

    for name in (*ours["real_code_only"], *ours["quoted_in_code"]):
        assert name in rules
    for pattern in (*ours["critical"], *ours["medium"]):
        assert any(re2.search(pattern, name) for name in rules), pattern


def test_a_hostile_path_does_not_stop_the_search() -> None:
    result = review(changed("\ud800/a\x00.py", f"KEY = 'AKIA{made_up(16, UPPER)}'\n"))

    assert sources_of(list(result.findings)) == {"secrets:aws-access-token"}
