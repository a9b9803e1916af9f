"""Where settings come from, which wins, and what a person reads when one is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from codegen_platform.errors import WrongUsage
from codegen_platform.settings import Settings, WrongSetting, load_settings, shown_settings
from codegen_platform.settings.names import known_names, variable_for


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "environments"
    folder.mkdir()
    for name in ("development", "staging", "production"):
        (folder / f"{name}.yaml").write_text("")
    return folder


def write(config_dir: Path, text: str, name: str = "development") -> None:
    (config_dir / f"{name}.yaml").write_text(text)


def refusal(environ: dict[str, str], config_dir: Path) -> str:
    with pytest.raises(WrongSetting) as caught:
        load_settings(environ, config_dir)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert isinstance(caught.value, WrongUsage)
    return sentence


def test_an_environment_variable_wins_over_the_file_and_the_file_over_the_default(config_dir: Path) -> None:
    write(config_dir, "gateway:\n  port: 9001\n  host: 127.0.0.2\n")

    settings = load_settings({"CODEGEN_GATEWAY__PORT": "9002"}, config_dir)

    assert (settings.gateway.port, settings.gateway.host, settings.dagster.port) == (9002, "127.0.0.2", 3000)


def test_every_value_knows_where_it_came_from(config_dir: Path) -> None:
    write(config_dir, "gateway:\n  port: 9001\n  host: 127.0.0.2\n")

    settings = load_settings({"CODEGEN_GATEWAY__PORT": "9002"}, config_dir)

    assert str(settings.origin_of("gateway.port")) == "CODEGEN_GATEWAY__PORT"
    assert str(settings.origin_of("gateway.host")) == f"{config_dir}/development.yaml:3"
    assert str(settings.origin_of("dagster.port")) == "default"


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_the_files_that_ship_are_valid(environment: str) -> None:
    settings = load_settings({"CODEGEN_ENVIRONMENT": environment})

    assert settings.environment == environment
    assert settings.logging.format == ("console" if environment == "development" else "json")


def test_the_environment_chooses_its_file(config_dir: Path) -> None:
    write(config_dir, "database:\n  pool_size: 16\n", "production")

    assert load_settings({"CODEGEN_ENVIRONMENT": "production"}, config_dir).database.pool_size == 16


def test_variables_in_the_file_are_replaced_and_then_typed(config_dir: Path) -> None:
    write(
        config_dir,
        "gateway:\n  port: ${GATE}\nfeatures:\n  enhanced_monitoring: ${WATCH:-true}\n"
        "github:\n  ignored_user_ids: ${ROBOTS}\nmodel:\n  name: claude-${SIZE:-x}-$${1}\n",
    )

    settings = load_settings({"GATE": "9005", "ROBOTS": "1, 2"}, config_dir)

    assert settings.gateway.port == 9005
    assert settings.features.enhanced_monitoring is True
    assert settings.github.ignored_user_ids == (1, 2)
    assert settings.model.name == "claude-x-${1}"


def test_a_server_address_may_come_from_another_variable(config_dir: Path) -> None:
    write(config_dir, "database:\n  url: ${DATABASE_URL}\n")

    assert load_settings({"DATABASE_URL": "postgresql://h/x"}, config_dir).database.address == "postgresql://h/x"


def test_a_default_may_be_empty_and_then_the_key_is_unset(config_dir: Path) -> None:
    write(config_dir, "artifacts:\n  s3_endpoint_url: ${ENDPOINT:-}\n")

    assert load_settings({}, config_dir).artifacts.s3_endpoint_url is None


def test_a_missing_variable_names_file_line_key_and_variable(config_dir: Path) -> None:
    write(config_dir, "\ngateway:\n  port: ${GATE}\n")

    sentence = refusal({}, config_dir)

    assert f"{config_dir}/development.yaml:3" in sentence
    assert "gateway.port" in sentence
    assert "GATE" in sentence


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("gatewy:\n  port: 1\n", "gateway.port"),
        ("gateway:\n  prot: 1\n", "gateway.port"),
        ("features:\n  advanced_analysis: true\n", "features.advanced_code_analysis"),
    ],
)
def test_an_unknown_key_in_the_file_names_the_nearest(config_dir: Path, text: str, meant: str) -> None:
    write(config_dir, text)

    sentence = refusal({}, config_dir)

    assert f"{config_dir}/development.yaml:" in sentence
    assert meant in sentence


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CODEGEN_GATWAY__PORT", "CODEGEN_GATEWAY__PORT"),
        ("CODEGEN_DATABASE_URI", "CODEGEN_DATABASE_URL"),
        ("CODEGEN_LOGGING__LEVL", "CODEGEN_LOGGING__LEVEL"),
    ],
)
def test_an_unknown_variable_names_the_nearest(config_dir: Path, variable: str, meant: str) -> None:
    sentence = refusal({variable: "x"}, config_dir)

    assert variable in sentence
    assert meant in sentence


def test_variables_of_others_are_left_alone(config_dir: Path) -> None:
    load_settings({"PATH": "/bin", "HOME": "/root", "CODEGEN_DEBUG": "1", "GITHUB_ACTIONS": "true"}, config_dir)


def test_an_empty_variable_counts_as_not_set(config_dir: Path) -> None:
    assert load_settings({"ANTHROPIC_API_KEY": "", "CODEGEN_HOME": " "}, config_dir).model.api_key is None


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CODEGEN_GATEWAY__PORT": "eighty"}, "CODEGEN_GATEWAY__PORT: gateway.port should be a valid integer"),
        ({"CODEGEN_GATEWAY__PORT": "70000"}, "less than or equal to 65535"),
        ({"CODEGEN_DATABASE_URL": "mysql://h/x"}, "must begin with postgresql://"),
        ({"CODEGEN_ARTIFACTS_URL": "/tmp/x"}, "s3://bucket/prefix or file:///folder"),
        ({"GITHUB_API_URL": "ftp://h"}, "http:// or https://"),
        ({"GITHUB_APP_ID": "7"}, "app_id and app_private_key belong together"),
        ({"CODEGEN_PUBLISHER__LEASE_SECONDS": "5"}, "lease_seconds must be longer"),
        ({"CODEGEN_MODEL": "a", "CODEGEN_MODEL__NAME": "b"}, "disagree"),
        ({"CODEGEN_ENVIRONMENT": "produktion"}, "production"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_its_source(
    environ: dict[str, str], said: str, config_dir: Path
) -> None:
    assert said in refusal(environ, config_dir)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gateway: [", "not YAML"),
        ("- a\n", "must hold"),
        ("gateway: 5\n", "gateway is a section"),
        ("gateway:\n  port: 1\n  port: 2\n", "given twice"),
        ("gateway:\n  port: ${}\n", "${NAME}"),
        ("github:\n  token: ghp_abc\n", "set the environment variable GITHUB_TOKEN instead"),
        ("github:\n  token: ${PATH_TO_TOKEN:-ghp_abc}\n", "set the environment variable GITHUB_TOKEN instead"),
        ("database:\n  url: postgresql://me:secret@h/x\n", "write ${VARIABLE} here"),
        ("environment: production\n", "CODEGEN_ENVIRONMENT"),
    ],
)
def test_a_file_that_cannot_be_meant_is_one_sentence_with_its_place(text: str, said: str, config_dir: Path) -> None:
    write(config_dir, text)

    sentence = refusal({}, config_dir)

    assert said in sentence
    assert "development.yaml" in sentence


def test_a_secret_never_appears_in_an_error_a_listing_or_a_repr(config_dir: Path) -> None:
    canary = "s3cr3t-canary-value"
    environ = {
        "GITHUB_TOKEN": canary,
        "GITHUB_WEBHOOK_SECRET": canary,
        "ANTHROPIC_API_KEY": canary,
        "CODEGEN_DATABASE_URL": f"postgresql://me:{canary}@db.example:5432/codegen?options={canary}",
        "CODEGEN_REDIS_URL": f"redis://:{canary}@cache.example/0",
    }

    settings = load_settings(environ, config_dir)

    assert canary not in repr(settings) + str(settings) + settings.model_dump_json() + repr(shown_settings(settings))
    assert canary not in refusal({"CODEGEN_DATABASE_URL": f"mysql://{canary}@h/x"}, config_dir)
    assert canary not in refusal({"GITHUB_APP_PRIVATE_KEY": canary, "GITHUB_APP_ID": "1"}, config_dir)
    shown = {one.name: one.value for one in shown_settings(settings)}
    assert shown["database.url"] == "postgresql://********@db.example:5432/codegen"


def test_the_home_decides_where_artifacts_are_unless_told_otherwise(config_dir: Path, tmp_path: Path) -> None:
    assert load_settings({"CODEGEN_HOME": str(tmp_path)}, config_dir).artifacts.url == f"file://{tmp_path}/artifacts"
    told = load_settings(
        {"CODEGEN_HOME": str(tmp_path), "CODEGEN_ARTIFACTS_URL": "s3://bucket/some/prefix/"}, config_dir
    )
    assert told.artifacts.url == "s3://bucket/some/prefix"


def test_an_app_key_given_on_one_line_is_a_pem_text_again(config_dir: Path) -> None:
    environ = {
        "GITHUB_APP_ID": "7",
        "GITHUB_APP_PRIVATE_KEY": r"-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----",
    }

    key = load_settings(environ, config_dir).github.app_private_key

    assert key is not None
    assert key.get_secret_value().splitlines() == [
        "-----BEGIN RSA PRIVATE KEY-----",
        "AA==",
        "-----END RSA PRIVATE KEY-----",
    ]


def test_settings_made_by_hand_read_nothing_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/somewhere/else")
    monkeypatch.setenv("ENVIRONMENT", "production")

    settings = Settings(home=tmp_path)

    assert (settings.home, settings.environment) == (tmp_path, "development")


def test_every_setting_is_documented_with_its_variable() -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()

    missing = [name for name in known_names() if f"| `{name}` | `{variable_for(name)}` |" not in page]

    assert missing == []


def test_the_variables_that_the_shipped_files_read_are_documented() -> None:
    checkout = Path(__file__).parents[3]
    page = (checkout / "docs" / "configuration.md").read_text()
    read = {
        variable
        for file in (checkout / "config" / "environments").glob("*.yaml")
        for variable in re.findall(r"\$\{(\w+)", file.read_text())
    }

    assert {variable for variable in read if f"`{variable}`" not in page} == set()


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("GITHUB_TOKEN_FILE", lambda settings: settings.github.token),
        ("CODEGEN_GITHUB__READ_TOKEN_FILE", lambda settings: settings.github.read_token),
        ("GITHUB_WEBHOOK_SECRET_FILE", lambda settings: settings.github.webhook_secret),
        ("ANTHROPIC_API_KEY_FILE", lambda settings: settings.model.api_key),
        ("CODEGEN_MODEL__API_KEY_FILE", lambda settings: settings.model.api_key),
        ("CODEGEN_DATABASE_URL_FILE", lambda settings: settings.database.url),
        ("CODEGEN_REDIS_URL_FILE", lambda settings: settings.redis.url),
    ],
)
def test_a_secret_may_stand_in_a_file(
    variable: str, read: Callable[[Settings], SecretStr], config_dir: Path, tmp_path: Path
) -> None:
    secret = {"DATABASE": "postgresql://a:b@c/d", "REDIS": "redis://a"}.get(variable.split("_")[1], "s3cret")
    file = tmp_path / "secret"
    file.write_text(f"{secret}\r\n")

    settings = load_settings({variable: str(file)}, config_dir)

    assert read(settings).get_secret_value() == secret
    assert [one.origin.secret_file for one in shown_settings(settings) if one.origin.detail == variable] == [file]


@pytest.mark.parametrize("variable", ["GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE"])
def test_an_app_key_may_be_the_path_of_the_downloaded_file(variable: str, config_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "app.private-key.pem"
    file.write_text("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n")

    settings = load_settings({"GITHUB_APP_ID": "7", variable: str(file)}, config_dir)

    assert settings.github.private_key == file.read_text()


@pytest.mark.parametrize(
    ("variable", "content", "said"),
    [
        ("GITHUB_TOKEN_FILE", None, "which does not exist"),
        ("GITHUB_TOKEN_FILE", b" \n", "which is empty"),
        ("GITHUB_TOKEN_FILE", b"\xff\xfe", "cannot be read: it is not text"),
        ("GITHUB_TOKEN_FILE", b"x" * 70_000, "over 64 KiB"),
        ("CODEGEN_DATABASE_URL_FILE", b"mysql://h", "must begin with postgresql://"),
        ("GITHUB_APP_PRIVATE_KEY", None, "which does not exist"),
        ("GITHUB_APP_PRIVATE_KEY", b"ssh-rsa AAAA", "must be the PEM text of the key"),
        ("CODEGEN_GATEWAY__PORT_FILE", b"8001", "is not a setting"),
        ("CODEGEN_GITHUB__TOKN_FILE", b"x", "did you mean CODEGEN_GITHUB__TOKEN_FILE?"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_one_sentence_without_its_content(
    variable: str, content: bytes | None, said: str, config_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)

    sentence = refusal(
        {"GITHUB_APP_ID": "7", variable: str(file)} if "APP" in variable else {variable: str(file)}, config_dir
    )

    assert variable in sentence
    assert said in sentence
    assert "AAAA" not in sentence


def test_a_folder_in_place_of_a_secret_file_is_named(config_dir: Path, tmp_path: Path) -> None:
    assert f"GITHUB_TOKEN_FILE names {tmp_path}, which is a folder" in refusal(
        {"GITHUB_TOKEN_FILE": str(tmp_path)}, config_dir
    )


def test_a_secret_and_its_file_must_agree(config_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one")
    assert load_settings({"GITHUB_TOKEN": "one", "GITHUB_TOKEN_FILE": str(tmp_path / "token")}, config_dir)
    assert "disagree" in refusal({"GITHUB_TOKEN": "two", "GITHUB_TOKEN_FILE": str(tmp_path / "token")}, config_dir)


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "CODEGEN_GITHUB__READ_TOKEN", "ANTHROPIC_API_KEY"])
@pytest.mark.parametrize(
    "secret", ["two\nlines", "geheim-schlüssel", "a b", "a\x00b", "tab\tinside", "zero\u200bwidth"]
)
def test_a_token_that_no_header_can_carry_is_named_when_it_is_read_and_not_shown(variable: str, secret: str) -> None:
    with pytest.raises(WrongSetting, match=f"{variable}: .* must be one line of ASCII characters") as refused:
        load_settings({variable: secret})
    assert secret not in str(refused.value)


def test_white_space_around_a_token_is_dropped() -> None:
    token = load_settings({"GITHUB_TOKEN": " ghp_abc\r\n"}).github.token
    assert token is not None
    assert token.get_secret_value() == "ghp_abc"
