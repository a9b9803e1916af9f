"""Operations on workflows: templates and their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from codegen_platform.cli.api.answers import Workflow, WorkflowRun
from codegen_platform.cli.api.calling import ApiRefused, Caller, segment
from codegen_platform.cli.api.finding import existing


class Workflows:
    """Below `/api/v1/workflows`."""

    def __init__(self, calls: Caller) -> None:
        self._calls = calls

    def list(self) -> Sequence[Workflow]:
        """Return the newest version of every template."""
        return cast("list[Workflow]", self._calls.call("GET", "/workflows").json()["items"])

    def get(self, name: str, version: int | None = None) -> Workflow:
        """Return a template, the newest version unless told otherwise.

        Raises:
            WrongUsage: there is none.
        """
        address = f"{_address(name)}/versions/{version}" if version is not None else _address(name)
        return cast("Workflow", existing(lambda: self._calls.call("GET", address), name, kind="workflow").json())

    def etag(self, name: str) -> str | None:
        """Return the ETag of the newest version; None if there is no such template yet."""
        try:
            return str(self._calls.call("GET", _address(name)).headers["etag"])
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise

    def save(self, name: str, template: Mapping[str, Any], etag: str | None) -> Workflow:
        """Save a template as the version after the one with this ETag, or as the first."""
        headers = {"If-Match": etag} if etag else {"If-None-Match": "*"}
        return cast("Workflow", self._calls.call("PUT", _address(name), body=template, headers=headers).json())

    def start(self, name: str, run: Mapping[str, Any]) -> WorkflowRun:
        """Start the newest version of a template.

        Raises:
            WrongUsage: there is no such template.
        """
        address = f"{_address(name)}/runs"
        answer = existing(lambda: self._calls.call("POST", address, body=run), name, kind="workflow")
        return cast("WorkflowRun", answer.json())

    def runs(self, name: str, limit: int) -> Sequence[WorkflowRun]:
        """Return at most `limit` runs of a workflow, newest first.

        Raises:
            WrongUsage: there is no such workflow.
        """
        address = f"{_address(name)}/runs"
        return existing(lambda: list(self._calls.pages(address, {}, limit)), name, kind="workflow")


def _address(name: str) -> str:
    return f"/workflows/{segment(name)}"
