"""A GitHub App by manifest, between a browser and a double of GitHub."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from codegen_platform.local.environment import MARK
from codegen_platform.settings import load_settings
from tests.doubles.github_manifests import KEY, ManifestDouble
from tests.integration.cli_process import PROGRAM, call

HOOK = "https://hooks.example.org/webhooks/github"


@pytest.fixture
def github() -> Iterator[ManifestDouble]:
    with ManifestDouble() as double:
        yield double


@pytest.fixture
def shell(github: ManifestDouble, tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CODEGEN_HOME": str(tmp_path / "home"), "GITHUB_API_URL": github.url}


class Creating:
    """The command while it waits, with the address that it printed."""

    def __init__(self, shell: dict[str, str], *arguments: str) -> None:
        command = [*PROGRAM, "github-app", "create", "--timeout", "120", "--json", *arguments]
        self.process = subprocess.Popen(command, env=shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        said = self.process.stderr.readline()
        self.address = said.split()[1]

    def form(self) -> tuple[str, str]:
        """Return where the page's form goes, and the manifest in it."""
        page = httpx.get(self.address).raise_for_status().text
        action, manifest = re.search(r'action="([^"]*)".*value="([^"]*)"', page, re.DOTALL).groups()  # type: ignore[union-attr]
        return html.unescape(action), html.unescape(manifest)

    def press(self) -> httpx.Response:
        """Do what the button does; return the last page."""
        action, manifest = self.form()
        return httpx.post(action, data={"manifest": manifest}, follow_redirects=True)

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


def test_an_app_is_created_and_its_secrets_are_kept_for_their_owner_alone(
    github: ManifestDouble, shell: dict[str, str], tmp_path: Path
) -> None:
    creating = Creating(shell, "--webhook-url", HOOK, "--name", "Our-Review", "--organization", "acme")
    assert "Return to the terminal" in creating.press().text
    code, out, _ = creating.ended()
    assert code == 0
    assert json.loads(out)["install_url"] == f"{github.url}/apps/our-review/installations/new"
    (path, manifest) = github.manifests[0]
    assert path == "/organizations/acme/settings/apps/new"
    assert manifest["hook_attributes"] == {"url": HOOK, "active": True}
    assert manifest["default_events"] == ["pull_request", "issue_comment"]
    assert manifest["default_permissions"]["pull_requests"] == "write"
    assert manifest["default_permissions"]["contents"] == "read"
    assert manifest["public"] is False

    file = tmp_path / "home" / "secrets" / "github-app.json"
    assert [place.stat().st_mode & 0o077 for place in (file, file.parent, tmp_path / "home")] == [0, 0, 0]
    settings = load_settings(shell)
    assert (settings.github.app_id, settings.github.private_key) == (4711, KEY)
    assert settings.github.webhook_secret.get_secret_value() == "w" * 40  # type: ignore[union-attr]
    assert str(settings.origin_of("github.app_id")) == str(file)
    assert load_settings(shell | {"GITHUB_WEBHOOK_SECRET": "mine"}).github.webhook_secret.get_secret_value() == "mine"  # type: ignore[union-attr]
    assert load_settings(shell | {MARK: "1"}).github.app_id is None, (
        "a platform's processes get what they need from their environment"
    )

    again = call(shell, "github-app", "create")
    assert (again.returncode, "--replace" in again.stderr) == (2, True)


def test_without_a_webhook_none_is_asked_for(github: ManifestDouble, shell: dict[str, str]) -> None:
    creating = Creating(shell)
    creating.press().raise_for_status()
    assert creating.ended()[0] == 0
    (path, manifest) = github.manifests[0]
    assert path == "/settings/apps/new"
    assert "hook_attributes" not in manifest
    assert "default_events" not in manifest


def test_a_code_from_another_page_is_refused(github: ManifestDouble, shell: dict[str, str], tmp_path: Path) -> None:
    creating = Creating(shell)
    for query in ("?code=stolen", "?code=stolen&state=guessed", "?state=", ""):
        assert httpx.get(f"{creating.address}/created{query}").status_code == 403
    assert httpx.get(creating.address, headers={"Host": "evil.example"}).status_code == 403
    assert creating.process.poll() is None
    creating.process.terminate()
    creating.ended()
    assert not (tmp_path / "home" / "secrets" / "github-app.json").exists()


def test_a_code_that_github_does_not_take_is_explained(
    github: ManifestDouble, shell: dict[str, str], tmp_path: Path
) -> None:
    creating = Creating(shell)
    github.answer_status = 500
    creating.press()
    code, _, err = creating.ended()
    assert code == 1
    assert "rejected the code (500)" in err
    assert not (tmp_path / "home" / "secrets" / "github-app.json").exists()


@pytest.mark.parametrize("arguments", [("--name", "x" * 35), ("--webhook-url", "hooks.example.org")])
def test_values_that_github_would_reject_are_refused_first(shell: dict[str, str], arguments: tuple[str, str]) -> None:
    assert call(shell, "github-app", "create", *arguments).returncode == 2
