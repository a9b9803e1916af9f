"""Small changes to review, made from texts with `difflib`, so that patch and head text always agree."""

from __future__ import annotations

import difflib
import json

from codegen_platform.agents import answers
from codegen_platform.agents.backend import ModelRequest, ModelResponse, TokenUsage
from codegen_platform.artifacts import (
    Category,
    ChangedFile,
    FileStatus,
    Finding,
    PullRequestSnapshot,
    Severity,
    SkippedFile,
    StaticFindings,
)
from codegen_platform.changes.languages import is_generated, language_of

BASE = '''\
import os
from pathlib import Path

LIMIT = 10


class Store:
    """Keeps things."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.items = {}

    def names(self):
        return sorted(self.items)

    def last(self, names):
        i = 0
        while i < len(names):
            i += 1
        return names[i - 1]

    def remove(self, name):
        path = self.root / name
        path.unlink()


def main():
    store = Store(Path(os.environ["ROOT"]))
    print(store.names())
'''
HEAD = BASE.replace(
    "while i < len(names):", "while i <= len(names):  # DEFECT(high): Reads one name past the end"
).replace(
    "        path.unlink()\n",
    '        os.system(f"rm {path}")  # DEFECT(critical): Shell command built from a name\n',
)


def patch_of(before: str, after: str, *, context: int = 3) -> str:
    lines = list(difflib.unified_diff(before.splitlines(True), after.splitlines(True), n=context))[2:]
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def changed(
    path: str, before: str | None, after: str | None, *, status: FileStatus | None = None, context: int = 3
) -> ChangedFile:
    patch = patch_of(before or "", after or "", context=context)
    marks = [line[:1] for line in patch.split("\n") if not line.startswith(("@@", "\\"))]
    kind = FileStatus.ADDED if before is None else FileStatus.REMOVED if after is None else FileStatus.MODIFIED
    return ChangedFile(
        path=path,
        status=status or kind,
        language=language_of(path),
        additions=marks.count("+"),
        deletions=marks.count("-"),
        patch=patch or None,
        head_text=after,
        is_generated=is_generated(path, after),
    )


def binary(path: str = "logo.png") -> ChangedFile:
    return ChangedFile(path=path, status=FileStatus.ADDED, is_binary=True, unread_reason="binary")


def snapshot(
    *files: ChangedFile, title: str = "Remove by name", description: str = "", files_total: int | None = None
) -> PullRequestSnapshot:
    return PullRequestSnapshot(
        forge="github",
        repository="octo/store",
        number=7,
        title=title,
        description=description,
        author="mona",
        base_ref="main",
        head_ref="topic",
        base_sha="b" * 40,
        head_sha="h" * 40,
        url="https://github.example/octo/store/pull/7",
        files=files,
        files_total=len(files) if files_total is None else files_total,
    )


def sample() -> PullRequestSnapshot:
    return snapshot(changed("src/store.py", BASE, HEAD), description="Removes things by their name.")


def static(*findings: Finding, skipped: tuple[SkippedFile, ...] = ()) -> StaticFindings:
    return StaticFindings(
        repository="octo/store", number=7, head_sha="h" * 40, findings=findings, tools=(), skipped=skipped
    )


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)


def static_finding(**changes: object) -> Finding:
    number = line_of(HEAD, "os.system")
    values: dict[str, object] = {
        "path": "src/store.py",
        "line": number,
        "end_line": number,
        "severity": Severity.MEDIUM,
        "category": Category.SECURITY,
        "title": "Starting a process with a shell",
        "body": "A shell reads the string.",
        "quote": HEAD.split("\n")[number - 1],
        "source": "bandit:B605",
    }
    return Finding.model_validate({**values, **changes})


class ScriptedBackend:
    """A backend that answers from a list: a response, an error to raise, or an object to answer with; then nothing more."""

    name = "scripted"

    def __init__(self, *script: object, model: str = "claude-sonnet-5-5", is_cancelled: bool = False) -> None:
        self.model = model
        self.script = list(script)
        self.requests: list[ModelRequest] = []
        self.is_cancelled = is_cancelled

    def cancelled(self) -> bool:
        return self.is_cancelled

    def complete(self, request: ModelRequest) -> ModelResponse:
        self.requests.append(request)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, ModelResponse):
            return step
        payload, invalid = answers.read([step if isinstance(step, str) else json.dumps(step)], request.output)
        return ModelResponse(payload=payload, invalid=invalid, text=str(step), stop_reason="end_turn", usage=USAGE)


USAGE = TokenUsage(input_tokens=1_000, output_tokens=100)
