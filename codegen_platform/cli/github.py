"""Asking GitHub where a pull request stands."""

from __future__ import annotations

from codegen_platform.errors import WrongUsage
from codegen_platform.forge import GitHubAuth, GitHubForge, Head
from codegen_platform.settings import Settings


def head_on_github(settings: Settings, repository: str, number: int) -> Head:
    """Return the head of an open pull request; one call, with read permissions only.

    Raises:
        WrongUsage: it is closed or merged.
        ForgeRefused: there is no such pull request, or the token may not see it. ForgeUnavailable: GitHub did not answer.
    """
    given = settings.github
    auth = GitHubAuth.from_settings(
        api_url=given.api_url, token=given.reading_token, app_id=given.app_id, app_private_key=given.private_key
    )
    forge = GitHubForge(api_url=given.api_url, auth=auth)
    try:
        head = forge.head(repository, number)
    finally:
        forge.close()
    if head.state != "open":
        raise WrongUsage(f"{repository}#{number} is {head.state}: only open pull requests are reviewed")
    return head
