"""The command line as a process: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from codegen_platform.cli.example import materialize_example
from tests.integration.cli_process import PROGRAM, answer, call, error

CLOSED = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("review", "nowhere"), "neither a folder"),
        (("review", "owner/repo#0"), "not a pull request"),
        (("review", "owner/repo#1", "--base", "main"), "local repositories"),
        (("review", "owner/repo#1", "--notes"), "local repositories"),
        (("review", "{plain}"), "not in a git repository"),
        (("review", "{example}", "--base", "nope"), "names no commit"),
        (("review", "{example}", "--base", "HEAD"), "same commit"),
    ],
)
def test_a_target_that_cannot_be_reviewed_starts_nothing(
    environ: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    materialize_example(tmp_path / "example")
    (tmp_path / "plain").mkdir()
    places = {"plain": str(tmp_path / "plain"), "example": str(tmp_path / "example")}

    assert said in error(environ, *(one.format(**places) for one in arguments), code=2)
    assert not (tmp_path / "home").exists()


def test_an_unknown_command_or_option_is_wrong_usage(environ: dict[str, str]) -> None:
    assert call(environ, "revew").returncode == 2
    assert call(environ, "review").returncode == 2
    assert call(environ, "tasks", "list", "--status", "lost").returncode == 2


def test_a_wrong_setting_is_one_sentence_that_names_it(environ: dict[str, str]) -> None:
    environ["CODEGEN_GATEWAY__PROT"] = "1"

    assert "CODEGEN_GATEWAY__PORT" in error(environ, "tasks", "list", code=2)


def test_a_database_that_does_not_answer_is_a_failure_without_its_password(environ: dict[str, str]) -> None:
    environ["CODEGEN_DATABASE_URL"] = f"postgresql://me:canary-password@{CLOSED}/x"

    assert "canary" not in error(environ, "tasks", "list", code=1)


def test_a_home_that_is_no_folder_is_one_sentence_that_says_what_to_set(environ: dict[str, str]) -> None:
    del environ["CODEGEN_DATABASE_URL"]
    environ["CODEGEN_HOME"] = "/dev/null"

    assert "set CODEGEN_HOME" in error(environ, "tasks", "list", code=1)


def test_debug_adds_the_traceback(environ: dict[str, str]) -> None:
    environ |= {"CODEGEN_DATABASE_URL": f"postgresql://{CLOSED}/x", "CODEGEN_DEBUG": "1"}

    assert "Traceback" in call(environ, "tasks", "list").stderr


def test_doctor_is_content_with_servers_that_answer(environ: dict[str, str]) -> None:
    environ["ANTHROPIC_API_KEY"] = ""

    found = answer(environ, "doctor")

    assert found["ok"] is True
    assert {probe["name"]: probe["state"] for probe in found["probes"]} == dict.fromkeys(
        (
            "python",
            "git",
            "dagster",
            "home",
            "disk",
            "ports",
            "webhook secret",
            "secret files",
            "postgresql",
            "redis",
            "artifacts",
            "github",
            "model",
        ),
        "ok",
    )
    shown = {one["name"]: one for one in found["settings"]}
    assert (shown["gateway.port"]["value"], shown["gateway.port"]["from"]) == ("28001", "CODEGEN_GATEWAY__PORT")
    assert shown["dagster.host"]["source"] == "default"


def test_doctor_says_what_to_do_about_each_dependency_that_fails_and_shows_no_secret(environ: dict[str, str]) -> None:
    canary = "canary0123456789"
    environ |= {
        "CODEGEN_DATABASE_URL": f"postgresql://me:{canary}@{CLOSED}/x",
        "CODEGEN_REDIS_URL": f"redis://:{canary}@{CLOSED}",
        "CODEGEN_ARTIFACTS_URL": "s3://bucket-of-nobody",
        "CODEGEN_S3_ENDPOINT_URL": f"http://{CLOSED}",
        "CODEGEN_ARTIFACTS__S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": canary,
        "GITHUB_TOKEN": canary,
        "GITHUB_API_URL": f"http://{CLOSED}",
        "ANTHROPIC_API_KEY": canary,
        "ANTHROPIC_BASE_URL": f"http://{CLOSED}",
        "GITHUB_WEBHOOK_SECRET": "short",
    }

    found = answer(environ, "doctor", code=1)
    text = call(environ, "doctor")

    states = {probe["name"]: probe["state"] for probe in found["probes"]}
    failed = {"postgresql", "redis", "artifacts", "github", "model"}
    assert {name for name, state in states.items() if state == "fail"} == failed
    assert states["webhook secret"] == "warn"
    assert all(probe["todo"] for probe in found["probes"] if probe["state"] != "ok")
    assert canary not in json.dumps(found) + text.stdout + text.stderr
    assert text.returncode == 1


def test_doctor_without_a_secret_in_production_fails(environ: dict[str, str]) -> None:
    environ["CODEGEN_ENVIRONMENT"] = "production"

    found = answer(environ, "doctor", code=1)

    assert [probe["name"] for probe in found["probes"] if probe["state"] == "fail"] == ["webhook secret"]


def test_a_reader_that_goes_away_is_no_error_of_ours(environ: dict[str, str]) -> None:
    command = f"{' '.join(PROGRAM)} doctor --json | head -c 10 >/dev/null"

    ended = subprocess.run(
        ["bash", "-c", command], env=environ, capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.stderr == ""


def test_ctrl_c_ends_with_130_and_no_traceback(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ["CODEGEN_DATABASE_URL"] = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x"
        process = subprocess.Popen(
            [*PROGRAM, "tasks", "list"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        silent.settimeout(60)
        silent.accept()  # it waits for a database that will never answer
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Traceback" not in stderr
