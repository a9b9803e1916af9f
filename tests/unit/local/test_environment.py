"""Each process gets the secrets that it needs, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen_platform.errors import CodegenError
from codegen_platform.local.environment import MARK, environment_for
from codegen_platform.local.services import Services
from codegen_platform.settings import load_settings
from codegen_platform.settings.schema import CHECKOUT

PROCESSES = ("gateway", "publisher", "workers", "code-server", "webserver", "daemon")
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"
SECRETS = {
    "GITHUB_WEBHOOK_SECRET": "the-webhook-secret",
    "CODEGEN_GITHUB__WEBHOOK_SECRET_PREVIOUS": "the-webhook-secret-before",
    "GITHUB_TOKEN": "ghp_the_writing_token",
    "CODEGEN_GITHUB__READ_TOKEN": "ghp_the_reading_token",
    "GITHUB_APP_PRIVATE_KEY": KEY,
    "ANTHROPIC_API_KEY": "sk-the-model-key",
}
SERVICES = Services(
    database_url="postgresql://db/codegen",
    dagster_database_url="postgresql+psycopg2://db/dagster",
    redis_url="redis://cache/0",
)


def environments(**given: str) -> dict[str, dict[str, str]]:
    base = {"PATH": "/bin", "CODEGEN_HOME": "/home/me/.codegen", **given}
    settings = load_settings(base)
    return {
        name: environment_for(name, settings=settings, services=SERVICES, checkout=CHECKOUT, mark="m4rk", base=base)
        for name in PROCESSES
    }


def holders(variable_value: str, **given: str) -> set[str]:
    """Return the processes in whose environment the value occurs, under any name."""
    return {name for name, found in environments(**given).items() if variable_value in found.values()}


@pytest.mark.parametrize(
    ("variable", "those"),
    [
        ("GITHUB_WEBHOOK_SECRET", {"gateway"}),
        ("CODEGEN_GITHUB__WEBHOOK_SECRET_PREVIOUS", {"gateway"}),
        ("GITHUB_TOKEN", {"publisher"}),
        ("CODEGEN_GITHUB__READ_TOKEN", {"workers"}),
        ("GITHUB_APP_PRIVATE_KEY", {"publisher"}),
        ("ANTHROPIC_API_KEY", {"workers"}),
    ],
)
def test_a_secret_reaches_only_those_that_need_it(variable: str, those: set[str]) -> None:
    assert holders(SECRETS[variable], GITHUB_APP_ID="7", **SECRETS) == those


def test_without_a_reading_token_the_workers_read_with_the_other_one() -> None:
    without = {name: value for name, value in SECRETS.items() if name != "CODEGEN_GITHUB__READ_TOKEN"}
    assert holders("ghp_the_writing_token", GITHUB_APP_ID="7", **without) == {"publisher", "workers"}
    assert holders(KEY, GITHUB_APP_ID="7", **without) == {"publisher", "workers"}


def test_a_secret_under_its_long_name_is_held_back_as_well() -> None:
    assert holders("sk-long", CODEGEN_MODEL__API_KEY="sk-long") == {"workers"}


def test_where_a_secret_stands_is_held_back_and_the_secret_reaches_those_that_need_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-from-a-file")
    given = {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "key")}
    assert holders("sk-from-a-file", **given) == {"workers"}
    assert holders(str(tmp_path / "key"), **given) == set()


@pytest.mark.parametrize("variable", ["GH_TOKEN", "SSH_AUTH_SOCK"])
def test_secrets_that_are_not_ours_reach_nobody(variable: str) -> None:
    assert holders("not-yours", **{variable: "not-yours"}) == set()


def test_storage_credentials_reach_those_that_use_the_storage() -> None:
    those = {"workers", "code-server", "webserver", "daemon"}
    assert holders("AKIA", AWS_ACCESS_KEY_ID="AKIA") == those


def test_every_process_can_read_its_settings_although_secrets_are_withheld() -> None:
    for name, environment in environments(GITHUB_APP_ID="7", **SECRETS).items():
        try:
            load_settings(environment)
        except CodegenError as error:
            pytest.fail(f"{name}: {error}")


def test_every_process_knows_the_servers_the_home_and_whose_it_is() -> None:
    for environment in environments(PYTHONDONTWRITEBYTECODE="1").values():
        assert environment["CODEGEN_DATABASE_URL"] == "postgresql://db/codegen"
        assert environment["CODEGEN_REDIS_URL"] == "redis://cache/0"
        assert environment["DAGSTER_POSTGRES_URL"] == "postgresql+psycopg2://db/dagster"
        assert environment["DAGSTER_HOME"] == "/home/me/.codegen/dagster"
        assert environment["PYTHONPATH"] == str(CHECKOUT)
        assert environment[MARK] == "m4rk"
        assert "PYTHONDONTWRITEBYTECODE" not in environment


def test_those_that_write_source_text_write_it_into_the_home() -> None:
    folders = {name: found.get("TMPDIR") for name, found in environments().items()}

    assert {name for name, folder in folders.items() if folder} == {"workers", "publisher"}
    assert folders["workers"] == "/home/me/.codegen/tmp"
